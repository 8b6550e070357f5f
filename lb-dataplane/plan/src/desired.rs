//! What the dataplane shall do.

use std::fmt;
use std::net::IpAddr;

use guideway_abi::{IPPROTO_TCP, IPPROTO_UDP};
use guideway_maglev::{Seed, TableSize, Weight};
use guideway_packet::Address;
use ipnet::{Ipv4Net, Ipv6Net};

/// Everything that one generation shall do. The order of VIPs, sets and members has no influence on forwarding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Key from which the lookup tables and the flow hash are derived; equal on every forwarder.
    pub seed: Seed,
    /// Sources of the outer headers; equal on every forwarder.
    pub outer_sources: OuterSources,
    /// Where encapsulated packets go next, on this node.
    pub next_hop: NextHop,
    /// Backend sets, with unique names. One that no VIP uses takes no room in the maps.
    pub sets: Vec<BackendSet>,
    /// VIPs, with unique keys.
    pub vips: Vec<Vip>,
}

/// Prefixes of the outer source addresses. Host bits are filled from the flow hash (in IPv6 the last 32 at most).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OuterSources {
    /// Used towards backends with an IPv4 address.
    pub v4: Ipv4Net,
    /// Used towards backends with an IPv6 address.
    pub v6: Ipv6Net,
}

/// How the next hop of an encapsulated packet is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextHop {
    /// By the kernel's FIB and neighbour tables.
    Fib,
    /// Always the same one.
    Fixed {
        /// Interface to send on.
        ifindex: u32,
        /// MAC address of this interface.
        source_mac: [u8; 6],
        /// MAC address of the next hop.
        destination_mac: [u8; 6],
        /// Longest IP packet that the interface takes, in bytes.
        mtu: u32,
    },
}

/// Backends that serve the same VIPs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendSet {
    /// Unique name.
    pub name: String,
    /// Size of the lookup table.
    pub table_size: TableSize,
    /// The backends, with names that are unique in this set.
    pub members: Vec<Member>,
}

/// A backend in a set. Name and address are its identity: equal ones in several sets are one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Stable name, from which its slots are derived.
    pub name: String,
    /// Destination of the outer header.
    pub address: IpAddr,
    /// Share of the slots.
    pub weight: Weight,
    /// Whether it can serve now.
    pub healthy: bool,
}

/// A service address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    /// Name, for people.
    pub name: String,
    /// What clients dial.
    pub key: VipKey,
    /// Name of its backend set.
    pub set: String,
}

/// Address, protocol and port of a VIP. An IPv4-mapped IPv6 address is the same as the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VipKey {
    /// Destination address.
    pub address: IpAddr,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Destination port.
    pub port: u16,
}

/// Transport protocol of a VIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// IANA protocol number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => IPPROTO_TCP,
            Self::Udp => IPPROTO_UDP,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

impl fmt::Display for VipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(v4) => write!(f, "{v4}:{}/{}", self.port, self.protocol),
            IpAddr::V6(v6) => write!(f, "[{v6}]:{}/{}", self.port, self.protocol),
        }
    }
}

/// A VIP's key as it stands in the maps; also that of an address as a whole, with port and protocol zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RawKey {
    pub(crate) address: [u8; 16],
    pub(crate) protocol: u8,
    pub(crate) port_be: u16,
}

impl From<VipKey> for RawKey {
    fn from(key: VipKey) -> Self {
        Self {
            address: Address::from(key.address).to_bytes(),
            protocol: key.protocol.number(),
            port_be: key.port.to_be(),
        }
    }
}
