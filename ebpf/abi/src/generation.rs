//! The parts of a generation that are not VIPs.

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

/// Where [`GenerationHeader`] takes the next hop from.
pub mod next_hop_mode {
    /// The kernel's FIB and neighbour tables (`bpf_fib_lookup`).
    pub const FIB: u32 = 0;
    /// The header: interface and MAC addresses.
    pub const FIXED: u32 = 1;
}

/// An element of [`HEADERS`](crate::HEADERS): what all VIPs of a generation share.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenerationHeader {
    /// Equal to the word's.
    pub generation: u64,
    /// Digest over VIPs, tables and backends; for the agent.
    pub digest: u64,
    /// Key of the flow hash, the same on every forwarder.
    pub flow_key: [u64; 2],
    /// Key of the VIP lookup.
    pub lookup_key: [u64; 2],
    /// First bucket of the bank.
    pub bucket_base: u32,
    /// Buckets in use less one; they are a power of two.
    pub bucket_mask: u32,
    /// First element of [`VIPS`](crate::VIPS) of the bank.
    pub vip_base: u32,
    /// One of [`next_hop_mode`].
    pub next_hop_mode: u32,
    /// For [`next_hop_mode::FIXED`]: the interface to send on.
    pub next_hop_ifindex: u32,
    /// Prefix of the outer IPv4 source, network byte order, host bits zero.
    pub outer_source_v4_be: u32,
    /// Host bits of the outer IPv4 source that the flow hash fills, network byte order.
    pub outer_source_v4_host_mask_be: u32,
    /// Host bits of the outer IPv6 source's last 32 bits that the flow hash fills, network byte order.
    pub outer_source_v6_host_mask_be: u32,
    /// Prefix of the outer IPv6 source.
    pub outer_source_v6: [u8; 16],
    /// For [`next_hop_mode::FIXED`]: source and destination MAC address.
    pub next_hop_source_mac: [u8; 6],
    /// See `next_hop_source_mac`.
    pub next_hop_destination_mac: [u8; 6],
    /// For [`next_hop_mode::FIXED`]: the longest IP packet that the interface takes, in bytes.
    pub next_hop_mtu: u32,
}

/// An element of [`BACKENDS`](crate::BACKENDS). An index keeps its backend while any generation in use refers to it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendRecord {
    /// Outer destination: IPv6, or IPv4 as IPv4-mapped IPv6, in network byte order.
    pub address: [u8; 16],
    /// Identity of the backend: a hash of its name and address, so that a recycled index is told from its predecessor.
    pub identity: u64,
    /// 4 or 6: family of the outer header. 0: the element is free.
    pub family: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

/// An element of [`TABLE_META`](crate::TABLE_META): what a lookup table was built from.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableMeta {
    /// Digest of backends, weights, health, table size and seed. Zero: the element holds no whole table.
    pub digest: [u64; 2],
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
    /// Zero.
    pub reserved: u32,
}
