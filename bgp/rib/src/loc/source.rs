//! Who paths come from.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use guideway_bgp_wire::{AsPath, Families, Family, NextHop, Role};
use ipnet::IpNet;
use thiserror::Error;

use crate::Route;

use super::attributes::Local;

/// A speaker by its BGP identifier, which is unique among the speakers of an aggregator.
///
/// It is the path identifier of RFC 7911 too: a speaker's path keeps its identifier over restarts of the speaker, of the
/// aggregator and of the router, in any order, with nothing to be remembered, and two aggregators give it the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpeakerId(pub Ipv4Addr);

impl SpeakerId {
    /// The path identifier; never 0, because no BGP identifier is (RFC 6286 section 2.1).
    #[must_use]
    pub fn path_id(self) -> u32 {
        self.0.into()
    }
}

impl fmt::Display for SpeakerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a session with a speaker is to route selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// Another AS.
    External,
    /// The own AS, and a client of the reflector (RFC 4456 section 6).
    Client,
    /// The own AS, not a client.
    NonClient,
}

/// A session with a speaker, as it was agreed on.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// The speaker's address.
    pub address: IpAddr,
    /// The own address of the session.
    pub local: IpAddr,
    /// External, client or not.
    pub kind: SourceKind,
    /// The speaker's AS.
    pub peer_as: u32,
    /// The speaker's role, if it told one (RFC 9234).
    pub peer_role: Option<Role>,
    /// Families of the session.
    pub families: Families,
    /// The graceful restart capability that the speaker sent.
    pub graceful: Option<GracefulSession>,
    /// Its long-lived graceful restart capability (RFC 9494); of no effect without the other one.
    pub long_lived: Vec<LongLivedFamily>,
    /// The prefixes inside of which it may announce: nothing else is taken (RFC 8212).
    pub allowed: Vec<IpNet>,
    /// How many prefixes it may announce, for each family.
    pub limit: Limit,
}

/// The graceful restart capability of a speaker (RFC 4724 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GracefulSession {
    /// Restart Time.
    pub restart_time: Duration,
    /// Families with it.
    pub families: Families,
    /// Families whose forwarding state the speaker has kept (F bits).
    pub forwarding: Families,
}

/// A family in the long-lived graceful restart capability (RFC 9494 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongLivedFamily {
    /// Which one.
    pub family: Family,
    /// The speaker has kept its forwarding state (F bit).
    pub forwarding: bool,
    /// Long-lived Stale Time.
    pub stale_time: Duration,
}

/// A limit of prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Prefixes of one family.
    pub prefixes: usize,
    /// What happens beyond it.
    pub action: LimitAction,
}

/// What happens when a speaker announces more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitAction {
    /// They are taken.
    Warn,
    /// What is beyond it is not taken.
    Block,
    /// The session has to end.
    Reset,
}

/// Why a session is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RefusedSession {
    /// Two speakers with one BGP identifier.
    #[error(
        "BGP identifier {id} is in use by the speaker at {other}: paths could not be told apart; give one of them another \
         router_id"
    )]
    IdentifierInUse {
        /// The identifier.
        id: SpeakerId,
        /// Who has it.
        other: IpAddr,
    },
}

/// How current a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Announced in the live session.
    Fresh,
    /// Announced in the live session; the speaker began to tell everything again, and has not told this yet (RFC 7313).
    Refreshing,
    /// Kept while the speaker restarts (RFC 4724 section 4.2).
    Stale,
    /// Kept for longer than that (RFC 9494): the least preferred, and marked with LLGR_STALE.
    LongLived {
        /// When it goes.
        until: Instant,
    },
}

impl Freshness {
    /// Kept although its session ended.
    #[must_use]
    pub fn is_stale(self) -> bool {
        matches!(self, Self::Stale | Self::LongLived { .. })
    }
}

/// Why a path is no candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum Refusal {
    /// Not inside of what the speaker may announce.
    #[error("outside of the pools that this speaker may announce")]
    OutsideOfPools,
    /// RFC 4271 section 9.1.2.
    #[error("the own AS is in its AS path")]
    AsLoop,
    /// RFC 4271 section 6.3.
    #[error("its AS path does not begin with the speaker's AS")]
    FirstAs,
    /// RFC 4271 section 6.3.
    #[error("its next hop is the own address")]
    OwnNextHop,
    /// Nobody but its own link can use it.
    #[error("its next hop is a link-local address, which means nothing to a router on another link")]
    LinkLocalNextHop,
    /// RFC 4456 section 8.
    #[error("it comes back: the own BGP identifier is its ORIGINATOR_ID")]
    OwnOriginator,
    /// RFC 4456 section 8.
    #[error("it comes back: the own cluster is in its CLUSTER_LIST")]
    OwnCluster,
    /// RFC 9234 section 5.
    #[error("a leak: a customer or client sent it with Only-to-Customer")]
    Leak,
}

impl Session {
    /// Whether a path of this session is a candidate.
    pub(super) fn check(&self, local: &Local, prefix: &IpNet, route: &Route) -> Result<(), Refusal> {
        if !self.allowed.iter().any(|allowed| allowed.contains(prefix)) {
            return Err(Refusal::OutsideOfPools);
        }
        let attributes = &route.attributes;
        let path = attributes.as_path.as_ref();
        if path.is_some_and(|path| contains(path, local.asn)) {
            return Err(Refusal::AsLoop);
        }
        match self.kind {
            SourceKind::External => {
                if path.and_then(first) != Some(self.peer_as) {
                    return Err(Refusal::FirstAs);
                }
                let below = matches!(self.peer_role, Some(Role::Customer | Role::RouteServerClient));
                let peer_leaks = self.peer_role == Some(Role::Peer)
                    && attributes.only_to_customer.is_some_and(|asn| asn != self.peer_as);
                if (below && attributes.only_to_customer.is_some()) || peer_leaks {
                    return Err(Refusal::Leak);
                }
            }
            SourceKind::Client | SourceKind::NonClient => {
                if attributes.originator_id == Some(local.router_id) {
                    return Err(Refusal::OwnOriginator);
                }
                if attributes.cluster_list.contains(&local.cluster_id) {
                    return Err(Refusal::OwnCluster);
                }
            }
        }
        match route.next_hop {
            NextHop::V4(address) if self.local == address => Err(Refusal::OwnNextHop),
            NextHop::V6 { global, .. } if self.local == global => Err(Refusal::OwnNextHop),
            NextHop::V6 { global, .. } if global.is_unicast_link_local() => Err(Refusal::LinkLocalNextHop),
            NextHop::V4(_) | NextHop::V6 { .. } => Ok(()),
        }
    }
}

fn contains(path: &AsPath, asn: u32) -> bool {
    path.segments.iter().any(|segment| segment.asns.contains(&asn))
}

/// The AS that the route came from, when the path says so in an order.
pub(super) fn first(path: &AsPath) -> Option<u32> {
    use guideway_bgp_wire::SegmentKind;
    let segment = path.segments.first()?;
    (segment.kind == SegmentKind::Sequence).then(|| segment.asns.first().copied())?
}
