//! What a daemon is configured with, in words that are none of theirs.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::addresses::{TOR_AS, TOR_ROUTER_ID};

/// A whole configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Own AS number.
    pub local_as: u32,
    /// BGP identifier.
    pub router_id: Ipv4Addr,
    /// The sessions.
    pub neighbours: Vec<Neighbour>,
    /// Prefixes that it announces to every neighbour.
    pub announces: Vec<String>,
    /// Where learnt routes go.
    pub table: Table,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            local_as: TOR_AS,
            router_id: TOR_ROUTER_ID,
            neighbours: Vec::new(),
            announces: Vec::new(),
            table: Table::Own,
        }
    }
}

/// Where learnt routes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Table {
    /// Into the daemon's own table only.
    #[default]
    Own,
    /// Into the kernel's table too, with all equal paths as one multipath route. BIRD and FRR can.
    Kernel,
}

/// One neighbour, or a range of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// A name for it.
    pub name: String,
    /// Who it is.
    pub remote: Remote,
    /// The AS number that it must have.
    pub remote_as: u32,
    /// The own address of the session, which ExaBGP has to be told.
    pub local: IpAddr,
    /// The own interface that it is at.
    pub interface: String,
    /// TCP-MD5 password.
    pub password: Option<String>,
    /// GTSM: it is at most so many hops away.
    pub security_hops: Option<u8>,
    /// Does not dial.
    pub passive: bool,
    /// Families to carry.
    pub families: Vec<Family>,
    /// IPv4 routes with IPv6 next hops (RFC 8950).
    pub extended_next_hop: bool,
    /// Offers graceful restart with this restart time.
    pub graceful_restart: Option<Duration>,
    /// Keeps routes as a last resort for so long after that (RFC 9494); only with `graceful_restart`.
    pub long_lived: Option<Duration>,
    /// Takes more than one path for a prefix (RFC 7911).
    pub add_path: bool,
    /// It is told every path that is known, its own kind included, with path identifiers. For BIRD and FRR.
    pub shows_all: bool,
    /// It is up to so many hops away. For BIRD and FRR.
    pub multihop: Option<u8>,
    /// Its next hops are on other links: it passes on what others say. FRR looks for them by itself.
    pub passes_on: bool,
    /// Liveness by BFD.
    pub bfd: Option<Liveness>,
    /// Own role (RFC 9234), such as `provider`.
    pub role: Option<String>,
    /// The proposed hold time in seconds.
    pub hold_time: u16,
}

/// Who a neighbour is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// The one with this address; a link-local one is at [`Neighbour::interface`].
    Address(IpAddr),
    /// Everyone who connects from this prefix.
    Range(String),
    /// Whoever is found at [`Neighbour::interface`].
    Interface,
}

/// Intervals of BFD, the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Liveness {
    /// Between two packets.
    pub interval: Duration,
    /// So many missing ones are a failure.
    pub multiplier: u8,
}

/// An address family, unicast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// `ipv4` or `ipv6`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }

    /// The family of a prefix or an address.
    #[must_use]
    pub fn of(prefix: &str) -> Self {
        if prefix.contains(':') { Self::V6 } else { Self::V4 }
    }
}

impl Neighbour {
    /// A neighbour that carries both families, without anything special.
    #[must_use]
    pub fn new(name: &str, remote: Remote, remote_as: u32, local: IpAddr, interface: &str) -> Self {
        Self {
            name: name.to_owned(),
            remote,
            remote_as,
            local,
            interface: interface.to_owned(),
            password: None,
            security_hops: None,
            passive: false,
            families: Family::BOTH.to_vec(),
            extended_next_hop: false,
            graceful_restart: None,
            long_lived: None,
            add_path: false,
            shows_all: false,
            multihop: None,
            passes_on: false,
            bfd: None,
            role: None,
            hold_time: 9,
        }
    }

    /// The address that it has, unless it may be anyone.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self.remote {
            Remote::Address(address) => Some(address),
            Remote::Range(_) | Remote::Interface => None,
        }
    }

    /// Whether its address means nothing without the interface.
    pub(super) fn is_link_local(&self) -> bool {
        matches!(self.remote, Remote::Address(IpAddr::V6(address)) if address.is_unicast_link_local())
    }
}
