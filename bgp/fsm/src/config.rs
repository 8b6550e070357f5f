//! What an operator sets for one peer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use guideway_bgp_wire::{AsPath, Capability, Open};
use guideway_bgp_wire::{Attributes, Families, Family, Ipv6NextHop, MpReach, Origin};

/// Settings of a session; they do not change during its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Own AS number.
    pub local_as: u32,
    /// Own BGP identifier.
    pub router_id: Ipv4Addr,
    /// The AS number that the peer must have.
    pub remote_as: u32,
    /// Proposed hold time.
    pub hold_time: HoldTime,
    /// How long an attempt to connect may take.
    pub connect_timeout: Duration,
    /// The wait after a failure; it doubles at each further one up to ten seconds, or stays as it is when it is longer.
    pub connect_retry: Duration,
    /// Next hop of IPv4 routes; `None` does not offer the family.
    pub ipv4: Option<NextHop<Ipv4Addr>>,
    /// Next hop of IPv6 routes; `None` does not offer the family.
    pub ipv6: Option<NextHop<Ipv6Addr>>,
}

/// Where the peer shall send packets of advertised routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextHop<A> {
    /// To the local address of the session. Only for routes of the session's own family.
    Session,
    /// To this address.
    Fixed(A),
}

/// A hold time that RFC 4271 section 4.2 allows: zero, or at least three seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldTime(u16);

impl HoldTime {
    /// 90 seconds (RFC 4271 section 10).
    pub const DEFAULT: Self = Self(90);

    /// `None` for one and two seconds.
    #[must_use]
    pub fn from_secs(seconds: u16) -> Option<Self> {
        (!matches!(seconds, 1 | 2)).then_some(Self(seconds))
    }

    /// The time in seconds.
    #[must_use]
    pub fn secs(self) -> u16 {
        self.0
    }
}

impl Config {
    /// True when the peer is in another AS.
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.local_as != self.remote_as
    }

    /// The families that can be offered on a session with the local address `local`.
    #[must_use]
    pub fn families(&self, local: IpAddr) -> Families {
        Family::ALL.into_iter().filter(|family| self.attributes(*family, local).is_some()).collect()
    }

    /// The path attributes of every route of `family`; `None` when the family has no next hop.
    pub(crate) fn attributes(&self, family: Family, local: IpAddr) -> Option<Attributes> {
        let mut attributes = Attributes { origin: Some(Origin::Igp), ..Attributes::default() };
        if self.is_external() {
            attributes.as_path = Some(AsPath::originated_by(self.local_as));
        } else {
            // RFC 4271 sections 5.1.2 and 5.1.5: to an internal peer the path is empty and LOCAL_PREF is there.
            attributes.as_path = Some(AsPath::default());
            attributes.local_pref = Some(100);
        }
        match family {
            Family::Ipv4 => {
                attributes.next_hop = Some(match (self.ipv4?, local) {
                    (NextHop::Fixed(address), _) | (NextHop::Session, IpAddr::V4(address)) => address,
                    (NextHop::Session, IpAddr::V6(_)) => return None,
                });
            }
            Family::Ipv6 => {
                let global = match (self.ipv6?, local) {
                    (NextHop::Fixed(address), _) | (NextHop::Session, IpAddr::V6(address)) => address,
                    (NextHop::Session, IpAddr::V4(_)) => return None,
                };
                let next_hop = Ipv6NextHop { global, link_local: None };
                attributes.mp_reach = Some(MpReach::Ipv6 { next_hop, nlri: Vec::new() });
            }
        }
        Some(attributes)
    }

    pub(crate) fn open(&self, local: IpAddr) -> Open {
        let mut capabilities: Vec<_> = self.families(local).iter().map(Capability::family).collect();
        capabilities.push(Capability::RouteRefresh);
        Open::new(self.local_as, self.hold_time.secs(), self.router_id, capabilities)
    }
}
