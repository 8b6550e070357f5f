//! Sizes of the maps.

use crate::{STATES_PER_ELEMENT, VIP4_WAYS, VIP6_WAYS};

/// Entries of a bank for each VIP, twice over: its own and that of its address.
const PLACES_PER_VIP: u32 = 4;

/// How many elements the maps have; fixed when the maps are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacities {
    /// VIPs in one generation, at most.
    pub vips: u32,
    /// Backends over all generations that are still in use, at most [`Capacities::MAX_BACKENDS`].
    pub backends: u32,
    /// Elements of [`TABLES_LARGE`](crate::TABLES_LARGE).
    pub tables_large: u32,
    /// Elements of [`TABLES_SMALL`](crate::TABLES_SMALL).
    pub tables_small: u32,
    /// Elements of [`FLOWS`](crate::FLOWS): buckets of [`FLOW_WAYS`](crate::FLOW_WAYS) entries.
    pub flow_buckets: u32,
}

impl Capacities {
    /// A slot is a `u16` of which one bit is [`UNSETTLED`](crate::UNSETTLED).
    pub const MAX_BACKENDS: u32 = 0x8000;
    /// A [`TableRef`](crate::TableRef) has 15 bits, of which one pattern means none.
    pub const MAX_TABLES: u32 = 0x7fff;

    /// IPv4 buckets of one bank. A VIP takes one entry and its address at most another, so that a full bank fills at
    /// most half of its places.
    #[must_use]
    pub const fn buckets4(&self) -> u32 {
        buckets(self.vips, VIP4_WAYS)
    }

    /// IPv6 buckets of one bank, likewise.
    #[must_use]
    pub const fn buckets6(&self) -> u32 {
        buckets(self.vips, VIP6_WAYS)
    }

    /// Port intervals of one bank.
    #[must_use]
    pub const fn intervals(&self) -> u32 {
        2 * self.vips + 1024
    }

    /// Address intervals of one bank and family.
    #[must_use]
    pub const fn prefixes(&self) -> u32 {
        1024
    }

    /// Borders of the sources of VIPs in one bank: four stretches of addresses for each VIP, and more for small maps.
    #[must_use]
    pub const fn sources(&self) -> u32 {
        8 * self.vips + 1024
    }

    /// Backend sets of one bank: each has a table of its own in the worst case.
    #[must_use]
    pub const fn sets(&self) -> u32 {
        self.tables_large + self.tables_small
    }

    /// Elements of [`BACKEND_STATES`](crate::BACKEND_STATES) of one bank.
    #[must_use]
    pub const fn state_elements(&self) -> u32 {
        self.backends.div_ceil(STATES_PER_ELEMENT)
    }
}

#[allow(clippy::cast_possible_truncation)] // a handful of ways
const fn buckets(vips: u32, ways: usize) -> u32 {
    (PLACES_PER_VIP * vips).div_ceil(ways as u32).next_power_of_two()
}

impl Default for Capacities {
    fn default() -> Self {
        Self { vips: 4096, backends: 4096, tables_large: 512, tables_small: 512, flow_buckets: 65_536 }
    }
}
