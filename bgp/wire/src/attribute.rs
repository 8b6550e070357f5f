//! Path attributes (RFC 4271 section 5).

mod as_path;
mod decode;
mod encode;
mod multiprotocol;

use std::net::Ipv4Addr;

pub use as_path::{AsPath, AsSegment, SegmentKind};
pub use multiprotocol::{Ipv6NextHop, MpReach, MpUnreach};

/// The path attributes of an UPDATE. Each can be there once at most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// ORIGIN.
    pub origin: Option<Origin>,
    /// AS_PATH.
    pub as_path: Option<AsPath>,
    /// NEXT_HOP of the IPv4 prefixes in the NLRI field.
    pub next_hop: Option<Ipv4Addr>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// LOCAL_PREF, between internal peers.
    pub local_pref: Option<u32>,
    /// ATOMIC_AGGREGATE.
    pub atomic_aggregate: bool,
    /// MP_REACH_NLRI.
    pub mp_reach: Option<MpReach>,
    /// MP_UNREACH_NLRI.
    pub mp_unreach: Option<MpUnreach>,
    /// Communities of all kinds, AGGREGATOR and the like (their lengths are checked), and unknown transitive attributes,
    /// in the order of the message.
    pub other: Vec<RawAttribute>,
}

/// ORIGIN (RFC 4271 section 5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From inside the AS.
    Igp,
    /// From EGP.
    Egp,
    /// From somewhere else.
    Incomplete,
}

/// An attribute whose value is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAttribute {
    /// The three upper flag bits: optional, transitive, partial.
    pub flags: u8,
    /// Attribute type.
    pub kind: u8,
    /// Attribute value.
    pub value: Vec<u8>,
}
