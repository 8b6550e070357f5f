//! Where the parts of a generation stand.

use std::ops::Range;

use guideway_abi::{ActiveWord, BANKS, Capacities, GenerationHeader};

use super::InstalledError;

/// The elements of each map that belong to the active generation, counted from the start of the map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapParts {
    /// Of [`VIP4_BUCKETS`](guideway_abi::VIP4_BUCKETS): those in use.
    pub vip4_buckets: Range<u32>,
    /// Of [`VIP6_BUCKETS`](guideway_abi::VIP6_BUCKETS): those in use.
    pub vip6_buckets: Range<u32>,
    /// Of [`INTERVALS`](guideway_abi::INTERVALS): the whole bank.
    pub intervals: Range<u32>,
    /// Of [`PREFIXES4`](guideway_abi::PREFIXES4): those in use.
    pub prefixes4: Range<u32>,
    /// Of [`PREFIXES6`](guideway_abi::PREFIXES6): those in use.
    pub prefixes6: Range<u32>,
    /// Of [`SOURCES`](guideway_abi::SOURCES): the whole bank.
    pub sources: Range<u32>,
    /// Of [`VIPS`](guideway_abi::VIPS): the whole bank.
    pub vips: Range<u32>,
    /// Of [`SETS`](guideway_abi::SETS): the whole bank.
    pub sets: Range<u32>,
    /// Of [`BACKEND_STATES`](guideway_abi::BACKEND_STATES): the whole bank.
    pub backend_states: Range<u32>,
}

impl MapParts {
    /// The parts that `header` names, which is that of the active bank. All are empty when nothing is installed.
    ///
    /// # Errors
    /// [`InstalledError::Header`] when it cannot be the header of `active` in maps of these capacities.
    pub fn of(
        capacities: &Capacities,
        active: ActiveWord,
        header: &GenerationHeader,
    ) -> Result<Self, InstalledError> {
        const _: () = assert!(BANKS == 2);
        if active == ActiveWord::NONE {
            return Ok(Self::default());
        }
        let bank = active.bank();
        let error = |what| Err(InstalledError::Header { generation: active.generation(), bank, what });
        if header.generation != active.generation() {
            return error("it has another generation's number");
        }
        let vip_bank = u32::from(header.vip_base != 0);
        let expected = Self::bases(capacities, vip_bank, bank);
        let found = [
            header.vip4_base,
            header.vip6_base,
            header.interval_base,
            header.prefix4_base,
            header.prefix6_base,
            header.source_base,
            header.vip_base,
            header.set_base,
            header.state_base,
        ];
        if found != expected {
            return error("it points to elements that are of no bank");
        }
        let buckets4 = u64::from(header.vip4_mask) + 1;
        let buckets6 = u64::from(header.vip6_mask) + 1;
        let is_possible = |buckets: u64, most: u32| buckets.is_power_of_two() && buckets <= u64::from(most);
        if !is_possible(buckets4, capacities.buckets4()) || !is_possible(buckets6, capacities.buckets6()) {
            return error("its bucket mask is impossible");
        }
        if header.prefix4_count > capacities.prefixes() || header.prefix6_count > capacities.prefixes() {
            return error("it has more prefixes than there can be");
        }
        let part = |base: u32, count: u32| base..base + count;
        Ok(Self {
            vip4_buckets: part(header.vip4_base, header.vip4_mask + 1),
            vip6_buckets: part(header.vip6_base, header.vip6_mask + 1),
            intervals: part(header.interval_base, capacities.intervals()),
            prefixes4: part(header.prefix4_base, header.prefix4_count),
            prefixes6: part(header.prefix6_base, header.prefix6_count),
            sources: part(header.source_base, capacities.sources()),
            vips: part(header.vip_base, capacities.vips),
            sets: part(header.set_base, capacities.sets()),
            backend_states: part(header.state_base, capacities.state_elements()),
        })
    }

    /// First elements in the order of the fields.
    pub(crate) fn bases(capacities: &Capacities, vip_bank: u32, bank: u32) -> [u32; 9] {
        [
            vip_bank * capacities.buckets4(),
            vip_bank * capacities.buckets6(),
            vip_bank * capacities.intervals(),
            vip_bank * capacities.prefixes(),
            vip_bank * capacities.prefixes(),
            vip_bank * capacities.sources(),
            vip_bank * capacities.vips,
            bank * capacities.sets(),
            bank * capacities.state_elements(),
        ]
    }
}
