//! The VIP lookup: two bucketised cuckoo hash tables, port intervals and address intervals, all laid out in arrays.

/// Places of a [`Vip4Bucket`].
pub const VIP4_WAYS: usize = 4;
/// Places of a [`Vip6Bucket`].
pub const VIP6_WAYS: usize = 2;

/// IANA protocol number of TCP.
pub const IPPROTO_TCP: u8 = 6;
/// IANA protocol number of UDP.
pub const IPPROTO_UDP: u8 = 17;

/// What an entry of a bucket holds.
pub mod entry_kind {
    /// Nothing. The whole key is zero.
    pub const EMPTY: u8 = 0;
    /// One port of an address: the value is a [`VipRef`](super::VipRef).
    pub const PORT: u8 = 1;
    /// An address as a whole, with port and protocol zero: the value is an [`AddressRef`](super::AddressRef).
    pub const ADDRESS: u8 = 2;
}

/// The key of an entry without its address: port as in the packet (the two bytes in the order of memory), protocol and
/// [`entry_kind`], from the lowest bits up.
#[inline(always)]
#[must_use]
pub const fn vip_key(port_be: u16, protocol: u8, kind: u8) -> u32 {
    port_be as u32 | (protocol as u32) << 16 | (kind as u32) << 24
}

/// In place of a VIP's index: this port belongs to no VIP.
pub const VIP_NONE: u32 = u32::MAX;

/// Bits of [`VipRef::flags`].
pub mod vip_flags {
    /// The VIP's flows are looked up in the flow table whatever their slot: see [`vip_mode`](super::vip_mode).
    pub const TRACKED: u16 = 1;
    /// Not everybody may dial the VIP: the packet's source is looked for in
    /// [`VipRecord::source_first`](super::VipRecord::source_first).
    pub const RESTRICTED: u16 = 2;
}

/// What the lookup finds: the VIP and its backend set.
// Aligned as the one word that it is copied as.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VipRef {
    /// Index in a bank of [`VIPS`](crate::VIPS) and in [`VIP_STATS`](crate::VIP_STATS), or [`VIP_NONE`].
    pub vip: u32,
    /// Index in a bank of [`SETS`](crate::SETS).
    pub set: u16,
    /// [`vip_flags`].
    pub flags: u16,
}

/// Where the ports of an address stand that are not entries of their own.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressRef {
    /// First of its [`PortInterval`]s, in a bank of [`INTERVALS`](crate::INTERVALS).
    pub first: u32,
    /// How many there are, 0 to 65,535. With none, every port that is no entry is unknown.
    pub count: u32,
}

/// One place of the IPv4 lookup.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vip4Entry {
    /// The address, its four bytes in the order of memory.
    pub address: u32,
    /// See [`vip_key`].
    pub key: u32,
    /// A [`VipRef`], or the two fields of an [`AddressRef`] in the same bytes: `first` in `vip`, `count` in `set` (low
    /// half) and `flags` (high half).
    pub value: VipRef,
}

/// An element of [`VIP4_BUCKETS`](crate::VIP4_BUCKETS): a cache line.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vip4Bucket {
    /// The places, in no order.
    pub entries: [Vip4Entry; VIP4_WAYS],
}

/// One place of the IPv6 lookup.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vip6Entry {
    /// The address in network byte order, as two words in the order of memory.
    pub address: [u64; 2],
    /// See [`vip_key`].
    pub key: u32,
    /// Zero.
    pub reserved: u32,
    /// As [`Vip4Entry::value`].
    pub value: VipRef,
}

/// An element of [`VIP6_BUCKETS`](crate::VIP6_BUCKETS): a cache line.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vip6Bucket {
    /// The places, in no order.
    pub entries: [Vip6Entry; VIP6_WAYS],
}

/// An element of [`INTERVALS`](crate::INTERVALS): the ports from `start` up to the start of the next one of the same
/// address. An address's intervals are sorted, and the first starts at 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortInterval {
    /// Protocol in the bits from 16 on, port in host byte order below.
    pub start: u32,
    /// Zero.
    pub reserved: u32,
    /// With [`VIP_NONE`]: no VIP has these ports.
    pub value: VipRef,
}

/// An element of [`PREFIXES4`](crate::PREFIXES4): the addresses from `start` up to the start of the next one. They are
/// sorted, and the first starts at 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefix4 {
    /// The first address, in host byte order.
    pub start: u32,
    /// Zero.
    pub reserved: u32,
    /// The ports of these addresses; with `count` zero they belong to nobody.
    pub value: AddressRef,
}

/// An element of [`PREFIXES6`](crate::PREFIXES6), as [`Prefix4`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefix6 {
    /// The first address in host byte order: its upper half, then its lower half.
    pub start: [u64; 2],
    /// As [`Prefix4::value`].
    pub value: AddressRef,
}

/// An element of [`SOURCES`](crate::SOURCES): a border between sources that may dial a VIP and sources that may not. The
/// borders of a VIP are sorted. Below the first one nobody may; behind each the opposite of what was before it is true, so
/// that a source may dial the VIP if an odd number of borders are not above it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceBorder {
    /// The first address behind it in host byte order, its upper half, then its lower half; IPv4 as a number below 2^32.
    pub start: [u64; 2],
}

/// What the flow table is asked with, and when.
pub mod vip_mode {
    /// Five-tuples, in unsettled slots only (TCP), or never (stateless UDP).
    pub const PLAIN: u8 = 0;
    /// Five-tuples, always (sticky UDP).
    pub const STICKY: u8 = 1;
    /// The client's address, always (ClientIP affinity). The slot follows from the client's address alone too.
    pub const CLIENT_IP: u8 = 2;
}

/// In place of [`VipRecord::flow_base`]: the VIP has no region of the flow table.
pub const NO_REGION: u32 = u32::MAX;

/// An element of [`VIPS`](crate::VIPS): what only packets off the straight way need, and what the agent knows a VIP by.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VipRecord {
    /// Identity of the VIP: a hash of its addresses, protocol and ports, for the agent. Zero: the element is free.
    pub identity: u64,
    /// First bucket of the VIP's region of [`FLOWS`](crate::FLOWS), or [`NO_REGION`].
    pub flow_base: u32,
    /// Buckets of the region less one; they are a power of two.
    pub flow_mask: u32,
    /// An entry not used for longer is void, in [ticks](crate::GenerationHeader::tick_shift).
    pub timeout: u32,
    /// Index in a bank of [`SETS`](crate::SETS), for the agent; packets find it in the [`VipRef`].
    pub set: u16,
    /// One of [`vip_mode`].
    pub mode: u8,
    /// Zero.
    pub reserved: u8,
    /// With [`RESTRICTED`](vip_flags::RESTRICTED): the first [`SourceBorder`], in a bank of [`SOURCES`](crate::SOURCES).
    pub source_first: u32,
    /// How many there are, 0 to 65,535. With none, nobody may dial the VIP.
    pub source_count: u32,
}
