//! The parts of a generation that are neither VIPs nor sets.

/// The word of [`ACTIVE`](crate::ACTIVE): the generation in the upper 63 bits, its bank in the lowest.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActiveWord(pub u64);

impl ActiveWord {
    /// Nothing is installed.
    pub const NONE: Self = Self(0);

    /// The word for `generation` (1 or more, below 2^63) in `bank`.
    #[must_use]
    pub const fn new(generation: u64, bank: u32) -> Self {
        Self(generation << 1 | (bank & 1) as u64)
    }

    /// The generation; zero when none is installed.
    #[must_use]
    pub const fn generation(self) -> u64 {
        self.0 >> 1
    }

    /// The bank of the generation.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // one bit
    pub const fn bank(self) -> u32 {
        (self.0 & 1) as u32
    }
}

/// Key of the flow hash. `docs/forwarding.md` gives the hash.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowKey {
    /// Added to the words of source and ports, pair by pair, and to the sum.
    pub add: [u64; 7],
    /// Factors of the last step, both odd.
    pub mix: [u32; 2],
}

/// An element of [`HEADERS`](crate::HEADERS): what all VIPs of a generation share. `*_base` are first elements in their
/// maps; the maps of the VIPs may lie in the other bank than the rest when only backends have changed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenerationHeader {
    /// Equal to the word's.
    pub generation: u64,
    /// Digest over VIPs, tables and backends; for the agent.
    pub digest: u64,
    /// Key of the flow hash, the same on every forwarder.
    pub flow_key: FlowKey,
    /// Key of the VIP lookup: added to the words, pair by pair; the last one is an odd factor for the second bucket.
    pub lookup_key: [u64; 7],
    /// First bucket in [`VIP4_BUCKETS`](crate::VIP4_BUCKETS).
    pub vip4_base: u32,
    /// Buckets in use less one; they are a power of two.
    pub vip4_mask: u32,
    /// First bucket in [`VIP6_BUCKETS`](crate::VIP6_BUCKETS).
    pub vip6_base: u32,
    /// As `vip4_mask`.
    pub vip6_mask: u32,
    /// First element of [`SETS`](crate::SETS).
    pub set_base: u32,
    /// First element of [`VIPS`](crate::VIPS).
    pub vip_base: u32,
    /// First element of [`BACKEND_STATES`](crate::BACKEND_STATES).
    pub state_base: u32,
    /// First element of [`INTERVALS`](crate::INTERVALS).
    pub interval_base: u32,
    /// First element of [`PREFIXES4`](crate::PREFIXES4).
    pub prefix4_base: u32,
    /// Elements in use; zero when there are no IPv4 prefixes.
    pub prefix4_count: u32,
    /// First element of [`PREFIXES6`](crate::PREFIXES6).
    pub prefix6_base: u32,
    /// As `prefix4_count`.
    pub prefix6_count: u32,
    /// First element of [`SOURCES`](crate::SOURCES).
    pub source_base: u32,
    /// Zero.
    pub reserved: u32,
    /// Prefix of the outer IPv4 source, network byte order, host bits zero.
    pub outer_source_v4_be: u32,
    /// Host bits of the outer IPv4 source that the flow hash fills, network byte order.
    pub outer_source_v4_host_mask_be: u32,
    /// Host bits of the outer IPv6 source's last 32 bits that the flow hash fills, network byte order.
    pub outer_source_v6_host_mask_be: u32,
    /// A tick is `2^tick_shift` of the kernel's jiffies: the power of two that comes closest to a second.
    pub tick_shift: u32,
    /// Prefix of the outer IPv6 source.
    pub outer_source_v6: [u8; 16],
    /// Key of the flow tags, the same on every forwarder.
    pub tag_key: [u64; 2],
    /// The flow key before a change of the seed, for the tables with
    /// [`OLD_KEY`](crate::set_flags::OLD_KEY).
    pub previous_flow_key: FlowKey,
}

/// An element of [`BACKENDS`](crate::BACKENDS). An index keeps its backend while any generation in use refers to it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendRecord {
    /// Outer destination: IPv6, or IPv4 as IPv4-mapped IPv6, in network byte order.
    pub address: [u8; 16],
    /// Identity of the backend: a hash of its name and address, so that the agent knows it again.
    pub identity: u64,
    /// Which backend of this element it is: one more than its predecessor's, below
    /// [`FlowWord::EPOCHS`](crate::FlowWord::EPOCHS). A flow entry with another epoch was a predecessor's.
    pub epoch: u16,
    /// 4 or 6: family of the address. 0: the element is free.
    pub family: u8,
    /// Zero.
    pub reserved: [u8; 5],
}

/// What a backend may be sent.
pub mod backend_state {
    /// Nothing: it is unhealthy, or long gone.
    pub const DEAD: u8 = 0;
    /// Flows that it has: it leaves.
    pub const DRAINING: u8 = 1;
    /// Everything.
    pub const SERVING: u8 = 2;
}

/// Backends of one [`BackendStates`].
pub const STATES_PER_ELEMENT: u32 = 64;

/// An element of [`BACKEND_STATES`](crate::BACKEND_STATES): backend `i` is found in element `i / 64`, at `i % 64`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendStates {
    /// One [`backend_state`] each.
    pub states: [u8; STATES_PER_ELEMENT as usize],
}

impl Default for BackendStates {
    fn default() -> Self {
        Self { states: [backend_state::DEAD; STATES_PER_ELEMENT as usize] }
    }
}

/// An element of [`TABLE_META`](crate::TABLE_META): what a lookup table was built from, and how long it counts.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableMeta {
    /// Digest of what the slots follow from. Zero: the element holds no whole table.
    pub digest: [u64; 2],
    /// For a table that serves as [`SetRecord::previous`](crate::SetRecord::previous): when it stops to, in seconds of
    /// the clock `CLOCK_BOOTTIME`. Otherwise zero.
    pub until: u64,
}

/// The element of [`META`](crate::META).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetaRecord {
    /// [`ABI_VERSION`](crate::ABI_VERSION) of the agent that made the maps.
    pub abi_version: u32,
    /// [`Capacities`](crate::Capacities) of the maps.
    pub vips: u32,
    /// See `vips`.
    pub backends: u32,
    /// See `vips`.
    pub tables_large: u32,
    /// See `vips`.
    pub tables_small: u32,
    /// See `vips`.
    pub flow_buckets: u32,
}
