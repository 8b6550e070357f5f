//! The VIP lookup: a bucketised cuckoo hash table laid out in an array.

/// Places of a bucket.
pub const BUCKET_WAYS: usize = 4;

/// IANA protocol number of TCP.
pub const IPPROTO_TCP: u8 = 6;
/// IANA protocol number of UDP.
pub const IPPROTO_UDP: u8 = 17;

/// What a [`VipEntry`] holds.
pub mod entry_kind {
    /// Nothing.
    pub const EMPTY: u8 = 0;
    /// A VIP: address, protocol and port.
    pub const VIP: u8 = 1;
    /// An address that has at least one VIP; port and protocol are zero.
    pub const ADDRESS: u8 = 2;
}

/// Which map holds a VIP's table.
pub mod table_kind {
    /// [`TABLES_LARGE`](crate::TABLES_LARGE).
    pub const LARGE: u8 = 0;
    /// [`TABLES_SMALL`](crate::TABLES_SMALL).
    pub const SMALL: u8 = 1;
}

/// In place of a table's index: the VIP has no healthy backend.
pub const TABLE_NONE: u32 = u32::MAX;

/// One place of the VIP lookup.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VipEntry {
    /// IPv6 address, or IPv4 as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2), in network byte order.
    pub address: [u8; 16],
    /// Port in network byte order, as it stands in the packet.
    pub port_be: u16,
    /// [`IPPROTO_TCP`] or [`IPPROTO_UDP`].
    pub protocol: u8,
    /// One of [`entry_kind`].
    pub kind: u8,
    /// For a VIP: its index in a bank of [`VIPS`](crate::VIPS) and in [`VIP_STATS`](crate::VIP_STATS).
    pub vip: u32,
}

/// An element of [`VIP_BUCKETS`](crate::VIP_BUCKETS).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VipBucket {
    /// The places, in no order.
    pub entries: [VipEntry; BUCKET_WAYS],
}

/// An element of [`VIPS`](crate::VIPS).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VipRecord {
    /// Index of the lookup table in the map that `table_kind` names, or [`TABLE_NONE`].
    pub table: u32,
    /// One of [`table_kind`].
    pub table_kind: u8,
    /// Zero.
    pub reserved: [u8; 3],
}
