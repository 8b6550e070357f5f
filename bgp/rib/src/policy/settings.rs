//! What can be set.

use guideway_bgp_wire::{Community, ExtendedCommunity, Family, LargeCommunity};
use ipnet::IpNet;

/// What can be set for routes on five levels: node, pool, VIP, peer, VIP at a peer. A value of a later level replaces that of an earlier
/// one; communities of all levels are sent together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RouteSettings {
    /// Standard communities (RFC 1997).
    pub communities: Vec<Community>,
    /// Extended communities (RFC 4360).
    pub extended_communities: Vec<ExtendedCommunity>,
    /// Large communities (RFC 8092).
    pub large_communities: Vec<LargeCommunity>,
    /// LOCAL_PREF, which internal peers are sent; [`RouteSettings::LOCAL_PREF`] when no level sets it.
    pub local_pref: Option<u32>,
    /// MULTI_EXIT_DISC; none is sent when no level sets it.
    pub med: Option<u32>,
    /// How many times the own AS number goes in front of the path once more, for external peers.
    pub prepend: Option<u8>,
    /// The link bandwidth community; none is sent when no level sets it.
    pub link_bandwidth: Option<LinkBandwidth>,
}

impl RouteSettings {
    /// LOCAL_PREF where nothing is set: what routers take for routes of their own.
    pub const LOCAL_PREF: u32 = 100;
}

/// What stands in the link bandwidth community (draft-ietf-idr-link-bandwidth), by which routers weigh the ways to a VIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkBandwidth {
    /// No such community.
    Off,
    /// What this node can carry now ([`super::NodeState::capacity`]); none while that is not known.
    Live,
    /// This many octets per second.
    Fixed(u64),
}

/// A part of the addresses that VIPs are taken from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Pool {
    /// How people call it; may be empty.
    pub name: String,
    /// Its prefixes. A VIP is in the pool with the longest one that holds it, the first such pool.
    pub prefixes: Vec<IpNet>,
    /// What is set for its routes, aggregates included.
    pub settings: RouteSettings,
    /// Covering prefixes for IPv4 VIPs; `None` announces the VIPs alone.
    pub aggregate_v4: Option<Aggregation>,
    /// The same for IPv6.
    pub aggregate_v6: Option<Aggregation>,
}

impl Pool {
    pub(super) fn aggregation(&self, family: Family) -> Option<Aggregation> {
        match family {
            Family::Ipv4 => self.aggregate_v4,
            Family::Ipv6 => self.aggregate_v6,
        }
    }
}

/// Covering prefixes in place of VIPs, or beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Aggregation {
    /// Length of the covering prefixes in bits. A pool that is smaller is announced whole.
    pub length: u8,
    /// What becomes of the VIPs.
    pub specifics: Specifics,
}

/// What becomes of prefixes that an announced prefix covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Specifics {
    /// They are announced too.
    Announced,
    /// They are not: a VIP that goes stays reachable, and is refused here, while another one of the same aggregate lives.
    Hidden,
}

/// What is set for the whole node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct NodeExport {
    /// For all routes.
    pub settings: RouteSettings,
    /// Pools, in the order of the file.
    pub pools: Vec<Pool>,
    /// What is set for prefixes, in the order of the file; the longest one that holds a VIP counts, the first such one.
    pub vips: Vec<(IpNet, RouteSettings)>,
}

/// What is set for a peer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PeerExport {
    /// For all routes to it.
    pub settings: RouteSettings,
    /// Only what lies in one of these prefixes is announced; everything when empty.
    pub only: Vec<IpNet>,
    /// What is set for prefixes towards it, in the order of the file; the longest one that holds a VIP counts, the first such
    /// one.
    pub vips: Vec<(IpNet, RouteSettings)>,
}

/// Whether traffic is being moved away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Drain {
    /// It is not.
    #[default]
    No,
    /// It is: routes say so (RFC 8326), and go when it has moved.
    Yes,
}
