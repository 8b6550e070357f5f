//! What reaches the BGP speakers.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::{ForwarderName, PoolName};

/// Peers of the forwarders, and what they are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// The routers, each name once.
    pub peers: Vec<Peer>,
    /// What is set for routes, each name once. A VIP of a pool that none covers is not announced by BGP.
    pub advertisements: Vec<Advertisement>,
    /// Profiles that peers name, each name once.
    pub bfd_profiles: Vec<BfdProfile>,
}

/// Which of the things of a kind are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope<T: Ord> {
    /// Whatever there is.
    #[default]
    All,
    /// These. An empty set means nothing.
    Only(BTreeSet<T>),
}

impl<T: Ord> Scope<T> {
    /// Whether it is meant.
    pub fn contains<Q: Ord + ?Sized>(&self, value: &Q) -> bool
    where
        T: std::borrow::Borrow<Q>,
    {
        match self {
            Self::All => true,
            Self::Only(set) => set.contains(value),
        }
    }
}

/// A router. The meaning of the fields is that of bgp-speaker's configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct Peer {
    /// How it is called.
    pub name: String,
    /// The forwarders that have it.
    pub forwarders: Scope<ForwarderName>,
    /// Its address; `None` with an interface.
    pub address: Option<IpAddr>,
    /// The link whose one router it is ("unnumbered").
    pub interface: Option<String>,
    /// The AS number that it must have.
    pub remote_as: RemoteAs,
    /// The own AS number.
    pub local_as: u32,
    /// The own BGP identifier; `None`: what the forwarder has.
    pub router_id: Option<Ipv4Addr>,
    /// Its TCP port, 1 or more.
    pub port: u16,
    /// The address to connect from; `None`: the kernel's choice.
    pub local_address: Option<IpAddr>,
    /// Zero, or 3 s to 65,535 s; `None`: the speaker's default.
    pub hold_time: Option<Duration>,
    /// 1 s to 10 min; `None`: the speaker's default.
    pub connect_retry: Option<Duration>,
    /// TCP-MD5 (RFC 2385): 1 to 80 bytes.
    pub password: Option<String>,
    /// TTL of packets to an external router that is not on the link, 2 or more; `None`: one hop.
    pub multihop: Option<u8>,
    /// How long it keeps routes while the speaker is away; `None`: the speaker's default, zero: not at all.
    pub graceful_restart: Option<Duration>,
    /// The profile of its liveness.
    pub bfd_profile: Option<String>,
    /// Whether both families are offered over the one session; otherwise that of the address only.
    pub dual_family: bool,
}

/// Without the password.
impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("name", &self.name)
            .field("forwarders", &self.forwarders)
            .field("address", &self.address)
            .field("interface", &self.interface)
            .field("remote_as", &self.remote_as)
            .field("local_as", &self.local_as)
            .field("router_id", &self.router_id)
            .field("port", &self.port)
            .field("local_address", &self.local_address)
            .field("hold_time", &self.hold_time)
            .field("connect_retry", &self.connect_retry)
            .field("password", &self.password.as_ref().map(|_| ".."))
            .field("multihop", &self.multihop)
            .field("graceful_restart", &self.graceful_restart)
            .field("bfd_profile", &self.bfd_profile)
            .field("dual_family", &self.dual_family)
            .finish()
    }
}

/// The AS number that a router must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemoteAs {
    /// This one.
    Number(u32),
    /// Any but the own one.
    External,
    /// The own one.
    Internal,
}

/// What is set for the routes of VIPs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// How it is called.
    pub name: String,
    /// The pools whose VIPs it is for.
    pub pools: Scope<PoolName>,
    /// The forwarders that announce them.
    pub forwarders: Scope<ForwarderName>,
    /// The peers, by name, that are told.
    pub peers: Scope<String>,
    /// Length of the prefix around an IPv4 VIP that is announced in its place: 0 to 32, 32 for the VIP itself.
    pub aggregation_v4: u8,
    /// The same for IPv6: 0 to 128.
    pub aggregation_v6: u8,
    /// For internal peers.
    pub local_pref: Option<u32>,
    /// RFC 1997. Sorted, each once.
    pub communities: Vec<Community>,
    /// RFC 4360. Sorted, each once.
    pub extended_communities: Vec<ExtendedCommunity>,
    /// RFC 8092. Sorted, each once.
    pub large_communities: Vec<LargeCommunity>,
}

/// A community (RFC 1997): the AS number in the high half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Community(pub u32);

/// `65001:100`.
impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0 >> 16, self.0 & 0xffff)
    }
}

/// An extended community (RFC 4360), as its eight octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtendedCommunity(pub u64);

/// `0x` with 16 digits, as bgp-speaker reads it.
impl fmt::Display for ExtendedCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#018x}", self.0)
    }
}

/// A large community (RFC 8092).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LargeCommunity(pub u32, pub u32, pub u32);

/// `65001:1:2`.
impl fmt::Display for LargeCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.0, self.1, self.2)
    }
}

/// Liveness by BFD (RFC 5880).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BfdProfile {
    /// How it is called.
    pub name: String,
    /// Required Min RX Interval: 10 ms to 60 s.
    pub receive: Duration,
    /// Desired Min TX Interval: 10 ms to 60 s.
    pub transmit: Duration,
    /// Detect Mult, 1 or more.
    pub multiplier: u8,
    /// Required Min Echo RX Interval; `None`: no echo.
    pub echo: Option<Duration>,
    /// Whether the forwarder waits for the router's first packet.
    pub passive: bool,
    /// The lowest TTL of packets over several hops; `None`: any.
    pub minimum_ttl: Option<u8>,
}
