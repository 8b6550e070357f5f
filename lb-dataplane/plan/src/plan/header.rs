//! The header of a generation.

use guideway_abi::{ActiveWord, Capacities, GenerationHeader};

use super::vips::Vips;
use crate::digest::{flow_key, tag_key};
use crate::{Desired, Installed, MapParts};

/// The fields that follow from the desired state, and the keys that stay as they are as long as the maps do.
pub(crate) fn shared(desired: &Desired, installed: &Installed, digest: u64) -> GenerationHeader {
    let (v4, v6) = (desired.outer_sources.v4, desired.outer_sources.v6);
    let v6_hosts = u128::from(v6.hostmask()) & u128::from(u32::MAX);
    // Entries of the flow table outlive a change of the seed.
    let tag_key = match installed.active {
        ActiveWord::NONE => tag_key(&desired.seed),
        _ => installed.header.tag_key,
    };
    GenerationHeader {
        digest,
        flow_key: flow_key(&desired.seed),
        outer_source_v4_be: u32::from(v4.network()).to_be(),
        outer_source_v4_host_mask_be: u32::from(v4.hostmask()).to_be(),
        outer_source_v6_host_mask_be: u32::try_from(v6_hosts).unwrap_or(u32::MAX).to_be(),
        outer_source_v6: v6.network().octets(),
        tick_shift: desired.tick_shift,
        tag_key,
        ..GenerationHeader::default()
    }
}

/// Whether packets meet the same treatment under both headers, of which the second one is installed and names the same
/// elements.
pub(super) fn same_forwarding(shared: &GenerationHeader, installed: &GenerationHeader) -> bool {
    let placed = GenerationHeader {
        generation: installed.generation,
        lookup_key: installed.lookup_key,
        vip4_base: installed.vip4_base,
        vip4_mask: installed.vip4_mask,
        vip6_base: installed.vip6_base,
        vip6_mask: installed.vip6_mask,
        set_base: installed.set_base,
        vip_base: installed.vip_base,
        state_base: installed.state_base,
        interval_base: installed.interval_base,
        prefix4_base: installed.prefix4_base,
        prefix4_count: installed.prefix4_count,
        prefix6_base: installed.prefix6_base,
        prefix6_count: installed.prefix6_count,
        source_base: installed.source_base,
        ..*shared
    };
    placed == *installed
}

/// The header of a generation whose parts stand in these banks.
pub(super) fn placed(
    shared: GenerationHeader,
    active: ActiveWord,
    vips: &Vips,
    capacities: &Capacities,
) -> GenerationHeader {
    let [vip4, vip6, intervals, prefixes4, prefixes6, sources, vip_base, sets, states] =
        MapParts::bases(capacities, vips.bank, active.bank());
    GenerationHeader {
        generation: active.generation(),
        lookup_key: vips.lookup.key,
        vip4_base: vip4,
        vip4_mask: vips.lookup.vip4_mask,
        vip6_base: vip6,
        vip6_mask: vips.lookup.vip6_mask,
        set_base: sets,
        vip_base,
        state_base: states,
        interval_base: intervals,
        prefix4_base: prefixes4,
        prefix4_count: vips.lookup.prefix4_count,
        prefix6_base: prefixes6,
        prefix6_count: vips.lookup.prefix6_count,
        source_base: sources,
        ..shared
    }
}
