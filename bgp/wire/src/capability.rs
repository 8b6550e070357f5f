//! Capabilities of OPEN (RFC 5492).

mod decode;
mod encode;

use crate::family::Family;

/// Something that the sender of an OPEN can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// Routes of this family (RFC 4760).
    MultiProtocol {
        /// Address family identifier.
        afi: u16,
        /// Subsequent address family identifier.
        safi: u8,
    },
    /// ROUTE-REFRESH is understood (RFC 2918).
    RouteRefresh,
    /// So are the markers around a refresh (RFC 7313).
    EnhancedRouteRefresh,
    /// AS numbers have four octets; this is the sender's (RFC 6793).
    FourOctetAs(u32),
    /// Routes of a family (AFI, SAFI) may have next hops of another AFI (RFC 8950).
    ExtendedNextHop(Vec<(u16, u16, u16)>),
    /// Routes survive a restart (RFC 4724, RFC 8538).
    GracefulRestart(GracefulRestart),
    /// Routes survive a long absence (RFC 9494).
    LongLivedGracefulRestart(Vec<LlgrFamily>),
    /// Several paths per prefix, by AFI and SAFI (RFC 7911).
    AddPath(Vec<(u16, u8, AddPathMode)>),
    /// What the sender is to the receiver (RFC 9234).
    Role(Role),
    /// Messages of up to 65,535 octets (RFC 8654). Read, never offered by this project.
    ExtendedMessage,
    /// Anything else, and known ones whose value has an impossible length, kept as they came.
    Other {
        /// Capability code.
        code: u8,
        /// Capability value.
        value: Vec<u8>,
    },
}

/// The graceful restart capability.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GracefulRestart {
    /// R bit: the sender has restarted and waits for End-of-RIB.
    pub restarting: bool,
    /// N bit: a NOTIFICATION other than a Hard Reset keeps the routes too (RFC 8538).
    pub notification: bool,
    /// Seconds until the session should stand again: 12 bits, more are cut off at 4095.
    pub restart_time: u16,
    /// AFI, SAFI and F bit: whether forwarding state was kept over the restart.
    pub families: Vec<(u16, u8, bool)>,
}

/// A family of the long-lived graceful restart capability (RFC 9494 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LlgrFamily {
    /// Address family identifier.
    pub afi: u16,
    /// Subsequent address family identifier.
    pub safi: u8,
    /// F bit: forwarding state was kept.
    pub forwarding: bool,
    /// Seconds that stale routes are kept: 24 bits, more are cut off at 16,777,215.
    pub stale_time: u32,
}

/// What the sender does with path identifiers (RFC 7911 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddPathMode {
    /// It can receive several paths.
    Receive,
    /// It can send several paths.
    Send,
    /// Both.
    Both,
}

impl AddPathMode {
    /// True when the sender of the capability can send several paths.
    #[must_use]
    pub fn sends(self) -> bool {
        matches!(self, Self::Send | Self::Both)
    }

    /// True when the sender of the capability can receive several paths.
    #[must_use]
    pub fn receives(self) -> bool {
        matches!(self, Self::Receive | Self::Both)
    }
}

/// The role of a speaker towards an external peer (RFC 9234 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Transit provider.
    Provider,
    /// Route server.
    RouteServer,
    /// Client of a route server.
    RouteServerClient,
    /// Customer of a transit provider.
    Customer,
    /// Peer.
    Peer,
}

impl Role {
    /// The role that the other side has to have (RFC 9234 section 4.2, table 2).
    #[must_use]
    pub fn counterpart(self) -> Self {
        match self {
            Self::Provider => Self::Customer,
            Self::RouteServer => Self::RouteServerClient,
            Self::RouteServerClient => Self::RouteServer,
            Self::Customer => Self::Provider,
            Self::Peer => Self::Peer,
        }
    }

    fn value(self) -> u8 {
        match self {
            Self::Provider => 0,
            Self::RouteServer => 1,
            Self::RouteServerClient => 2,
            Self::Customer => 3,
            Self::Peer => 4,
        }
    }

    fn from_value(value: u8) -> Option<Self> {
        [Self::Provider, Self::RouteServer, Self::RouteServerClient, Self::Customer, Self::Peer]
            .into_iter()
            .find(|role| role.value() == value)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Provider => "provider",
            Self::RouteServer => "route-server",
            Self::RouteServerClient => "route-server-client",
            Self::Customer => "customer",
            Self::Peer => "peer",
        })
    }
}

impl Capability {
    /// The multiprotocol capability of `family`.
    #[must_use]
    pub fn family(family: Family) -> Self {
        Self::MultiProtocol { afi: family.afi(), safi: family.safi() }
    }

    /// IPv4 prefixes may have IPv6 next hops (RFC 8950 section 4).
    #[must_use]
    pub fn ipv4_over_ipv6() -> Self {
        let (v4, v6) = (Family::Ipv4, Family::Ipv6);
        Self::ExtendedNextHop(vec![(v4.afi(), v4.safi().into(), v6.afi())])
    }
}
