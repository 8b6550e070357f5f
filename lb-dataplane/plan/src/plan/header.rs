//! The header of a generation.

use guideway_abi::{GenerationHeader, next_hop_mode};

use crate::digest::flow_key;
use crate::{Desired, NextHop};

/// The fields that do not depend on where the generation stands.
pub(crate) fn shared(desired: &Desired, digest: u64) -> GenerationHeader {
    let (v4, v6) = (desired.outer_sources.v4, desired.outer_sources.v6);
    let v6_hosts = u128::from(v6.hostmask()) & u128::from(u32::MAX);
    let header = GenerationHeader {
        digest,
        flow_key: flow_key(&desired.seed),
        outer_source_v4_be: u32::from(v4.network()).to_be(),
        outer_source_v4_host_mask_be: u32::from(v4.hostmask()).to_be(),
        outer_source_v6_host_mask_be: u32::try_from(v6_hosts).unwrap_or(u32::MAX).to_be(),
        outer_source_v6: v6.network().octets(),
        next_hop_mode: next_hop_mode::FIB,
        ..GenerationHeader::default()
    };
    match desired.next_hop {
        NextHop::Fib => header,
        NextHop::Fixed { ifindex, source_mac, destination_mac, mtu } => GenerationHeader {
            next_hop_mode: next_hop_mode::FIXED,
            next_hop_ifindex: ifindex,
            next_hop_source_mac: source_mac,
            next_hop_destination_mac: destination_mac,
            next_hop_mtu: mtu,
            ..header
        },
    }
}

/// Whether packets meet the same treatment under both headers, of which the second one is installed.
pub(super) fn same_forwarding(shared: &GenerationHeader, installed: &GenerationHeader) -> bool {
    let placed = GenerationHeader {
        generation: installed.generation,
        lookup_key: installed.lookup_key,
        bucket_base: installed.bucket_base,
        bucket_mask: installed.bucket_mask,
        vip_base: installed.vip_base,
        ..*shared
    };
    placed == *installed
}
