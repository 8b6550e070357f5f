//! Path attributes (RFC 4271 section 5).

mod as4;
mod as_path;
mod decode;
mod encode;
mod found;

use std::net::Ipv4Addr;

pub use as_path::{AsPath, AsSegment, SegmentKind};
pub(crate) use decode::List;
pub(crate) use encode::put;
pub(crate) use found::Found;

use crate::community::{Community, ExtendedCommunity, LargeCommunity};
use crate::iana::attribute_flag as flag;

/// The path attributes of an UPDATE without next hops and prefixes, which [`Reach`](crate::Reach) and
/// [`Unreach`](crate::Unreach) have.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Attributes {
    /// ORIGIN.
    pub origin: Option<Origin>,
    /// AS_PATH, with the numbers of AS4_PATH in it (RFC 6793 section 4.2.3).
    pub as_path: Option<AsPath>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// LOCAL_PREF, between internal peers.
    pub local_pref: Option<u32>,
    /// ATOMIC_AGGREGATE.
    pub atomic_aggregate: bool,
    /// AGGREGATOR, with the number of AS4_AGGREGATOR in it.
    pub aggregator: Option<Aggregator>,
    /// COMMUNITIES (RFC 1997).
    pub communities: Vec<Community>,
    /// EXTENDED COMMUNITIES (RFC 4360).
    pub extended_communities: Vec<ExtendedCommunity>,
    /// LARGE_COMMUNITY (RFC 8092); duplicates are neither read nor written.
    pub large_communities: Vec<LargeCommunity>,
    /// ORIGINATOR_ID (RFC 4456), between internal peers.
    pub originator_id: Option<Ipv4Addr>,
    /// CLUSTER_LIST (RFC 4456), between internal peers; the last reflector first.
    pub cluster_list: Vec<Ipv4Addr>,
    /// Only to Customer (RFC 9234 section 5): an AS number.
    pub only_to_customer: Option<u32>,
    /// Transitive attributes that are not known here, and IPv6 address specific extended communities, in the order of
    /// the message. Types that have a field above do not belong here.
    pub other: Vec<RawAttribute>,
}

impl Attributes {
    /// To be called before the route is passed on: sets the partial bit of attributes that are not known here (RFC 4271
    /// section 5).
    pub fn mark_partial(&mut self) {
        for attribute in &mut self.other {
            if found::expected_flags(attribute.kind).is_none() {
                attribute.flags |= flag::PARTIAL;
            }
        }
    }
}

/// ORIGIN (RFC 4271 section 5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// From inside the AS.
    Igp,
    /// From EGP.
    Egp,
    /// From somewhere else.
    Incomplete,
}

/// Who made an aggregate (RFC 4271 section 5.1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Aggregator {
    /// Its AS, not 0.
    pub asn: u32,
    /// Its BGP identifier.
    pub address: Ipv4Addr,
}

/// An attribute whose value is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RawAttribute {
    /// The three upper flag bits: optional, transitive, partial.
    pub flags: u8,
    /// Attribute type.
    pub kind: u8,
    /// Attribute value.
    pub value: Vec<u8>,
}
