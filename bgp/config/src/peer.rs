//! What is set for one peer.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use guideway_bgp_fsm as fsm;
use guideway_bgp_rib::policy::PeerExport;
use ipnet::IpNet;

use crate::secret::Password;

/// The port of BGP (RFC 4271 section 8.2.1.5).
pub const BGP_PORT: u16 = 179;

/// One peer, or a range of addresses that may become peers.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerConfig {
    /// How the peer is called in commands, metrics and the log: `name` of the file, else the address, the interface or the
    /// range. Each name is there once.
    pub name: String,
    /// Free text for people.
    pub description: String,
    /// Who it is.
    pub remote: Remote,
    /// Its TCP port.
    pub port: u16,
    /// The address to connect from, and the only one to accept it on; the kernel's choice when `None`.
    pub local_address: Option<IpAddr>,
    /// How segments are signed.
    pub authentication: Authentication,
    /// How far away it may be.
    pub ttl: Ttl,
    /// Who connects.
    pub direction: Direction,
    /// Liveness by BFD; `None` when only the hold timer tells.
    pub bfd: Option<BfdSettings>,
    /// How many prefixes it may announce, for each family.
    pub max_prefixes: Option<MaxPrefixes>,
    /// The next hop of IPv4 routes; the session's local address when `None`. An IPv6 address needs RFC 8950.
    pub next_hop_v4: Option<IpAddr>,
    /// The next hop of IPv6 routes; the session's local address when `None`.
    pub next_hop_v6: Option<Ipv6Addr>,
    /// What it is told of our routes.
    pub export: PeerExport,
    /// What becomes of its routes.
    pub import: Import,
    /// What the session itself needs.
    pub session: fsm::Config,
}

impl PeerConfig {
    /// A peer with a session of `session` and defaults for the rest.
    #[must_use]
    pub fn new(remote: Remote, session: fsm::Config) -> Self {
        Self {
            name: remote.to_string(),
            description: String::new(),
            remote,
            port: BGP_PORT,
            local_address: None,
            authentication: Authentication::None,
            ttl: Ttl::Default,
            direction: Direction::Both,
            bfd: None,
            max_prefixes: None,
            next_hop_v4: None,
            next_hop_v6: None,
            export: PeerExport::default(),
            import: Import::None,
            session,
        }
    }
}

/// Who a peer is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Remote {
    /// The peer with this address.
    Address(IpAddr),
    /// The one neighbour on a link ("unnumbered"), by its link-local address.
    LinkLocal {
        /// Name of the own interface.
        interface: String,
        /// Its address; learnt from the link when `None`.
        address: Option<Ipv6Addr>,
    },
    /// Everyone who connects from this prefix; nobody is dialled.
    Range {
        /// Where from.
        prefix: IpNet,
        /// How many at once.
        limit: usize,
    },
}

/// `10.1.1.1`, `up0`, `fe80::1%up0`, `10.1.0.0/16`.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::LinkLocal { interface, address: None } => f.write_str(interface),
            Self::LinkLocal { interface, address: Some(address) } => write!(f, "{address}%{interface}"),
            Self::Range { prefix, .. } => prefix.fmt(f),
        }
    }
}

/// How the segments of a session are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all.
    None,
    /// TCP-MD5 (RFC 2385).
    Md5(Password),
    /// TCP-AO (RFC 5925); at least one key. The first one is sent with, all are accepted.
    Ao(Vec<AoKey>),
}

/// A master key tuple of TCP-AO (RFC 5925 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AoKey {
    /// SendID.
    pub send_id: u8,
    /// RecvID.
    pub receive_id: u8,
    /// MAC and key derivation.
    pub algorithm: AoAlgorithm,
    /// The master key.
    pub key: Password,
}

/// Algorithms that RFC 5926 section 2.1 wants everyone to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AoAlgorithm {
    /// HMAC-SHA-1-96.
    HmacSha1,
    /// AES-128-CMAC-96.
    Aes128Cmac,
}

/// How far away a peer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// One hop for an external peer, any distance for an internal one.
    Default,
    /// Sent with this TTL.
    Multihop(u8),
    /// GTSM (RFC 5082): sent with 255, accepted with 256 - `hops` and more; `hops` is 1 for a peer on the link.
    Security {
        /// At most so many hops away; at least 1.
        hops: u8,
    },
}

/// Who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Either side; a collision is resolved as RFC 4271 section 6.8 says.
    Both,
    /// Only we do: connections of the peer are refused.
    Active,
    /// Only the peer does.
    Passive,
}

/// Liveness by BFD (RFC 5882).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BfdSettings {
    /// Desired Min TX Interval.
    pub interval: Duration,
    /// Required Min RX Interval.
    pub receive: Duration,
    /// Detect Mult.
    pub multiplier: u8,
    /// How control packets are signed.
    pub authentication: Option<BfdAuthentication>,
    /// Required Min Echo RX Interval: echo packets are reflected, and sent at this interval; `None` for neither.
    pub echo: Option<Duration>,
    /// Hold the BGP session back until BFD is up.
    pub strict: bool,
    /// The router has to speak first (RFC 5880 section 6.1).
    pub passive: bool,
    /// Over several hops: packets of the router with a lower TTL do not count; `None`: what follows from GTSM.
    pub min_ttl: Option<u8>,
}

/// A key of BFD (RFC 5880 section 6.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BfdAuthentication {
    /// How.
    pub kind: BfdAuthenticationKind,
    /// Key ID.
    pub key_id: u8,
    /// The key: at most 16 octets for a password and MD5, 20 for SHA1.
    pub key: Password,
}

/// Auth Type of RFC 5880 section 4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BfdAuthenticationKind {
    /// 1: in the clear.
    Password,
    /// 2.
    Md5,
    /// 3.
    MeticulousMd5,
    /// 4.
    Sha1,
    /// 5.
    MeticulousSha1,
}

/// A limit of what a peer may announce, for each family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPrefixes {
    /// Prefixes.
    pub limit: u32,
    /// From so many percent of the limit on there is a warning.
    pub warn_percent: u8,
    /// What happens beyond the limit.
    pub action: LimitAction,
    /// With [`LimitAction::Reset`]: when to try again; `None` waits for an operator.
    pub restart: Option<Duration>,
}

/// What happens beyond a prefix limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitAction {
    /// The log and the status say so.
    Warn,
    /// Further prefixes are not taken.
    Block,
    /// The session ends with a Cease/Maximum Number of Prefixes Reached.
    Reset,
}

/// What becomes of the routes of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    /// Nothing: they are kept to be looked at (RFC 8212 section 2).
    None,
    /// Everything is a candidate.
    All,
}
