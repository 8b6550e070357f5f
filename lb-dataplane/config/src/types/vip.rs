use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::BackendSet;

/// What clients dial: an address or a prefix, ports of it and a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    /// Unique in a configuration.
    pub name: String,
    /// Unicast addresses, never IPv4-mapped and never a backend's; host bits zero. A length of 32 or 128 is one address,
    /// others are 8 or more in IPv4, 32 or more in IPv6.
    pub address: IpNet,
    /// The ports that clients dial. Of two VIPs with one address and protocol the ports are disjoint, or one's lie within
    /// the other's and are fewer.
    pub ports: Ports,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The set that serves it; shared with [`Config::backend_sets`](crate::Config::backend_sets).
    pub backend_set: Arc<BackendSet>,
    /// Who keeps a backend beyond the lookup table.
    pub affinity: Affinity,
    /// The VIP's part of the flow table in entries, a power of two from 4 to 2^26; `None`: an automatic share.
    pub flow_entries: Option<u32>,
    /// Packets from other sources are dropped; empty: nobody's are. At most 1,024 different prefixes of the address's
    /// family, never IPv4-mapped, host bits zero.
    pub sources: Vec<IpNet>,
}

/// Ports of a VIP. Of several VIPs of one address and protocol that have a port, the narrowest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ports {
    /// One port, 1 or more.
    One(u16),
    /// The ports from the first to the last, both included; `1 <= first < last`.
    Range(u16, u16),
    /// Every port.
    Any,
}

impl Ports {
    /// The lowest and the highest port.
    #[must_use]
    pub const fn bounds(self) -> (u16, u16) {
        match self {
            Self::One(port) => (port, port),
            Self::Range(first, last) => (first, last),
            Self::Any => (0, u16::MAX),
        }
    }
}

/// As the configuration file writes it.
impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(port) => write!(f, "{port}"),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
            Self::Any => f.write_str("any"),
        }
    }
}

/// Who keeps a backend beyond the lookup table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Affinity {
    /// TCP: the flows of unsettled slots. UDP: nobody, each packet follows the table.
    #[default]
    None,
    /// Each flow, for UDP only.
    Flow {
        /// Without a packet for longer a flow is forgotten: 1 s to 24 h.
        timeout: Duration,
    },
    /// Each address of clients, over all of its flows.
    ClientIp {
        /// Without a packet for longer a client is forgotten: 1 s to 24 h.
        timeout: Duration,
    },
}

impl Affinity {
    /// The name in the configuration file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Flow { .. } => "flow",
            Self::ClientIp { .. } => "client_ip",
        }
    }

    /// Its timeout, if it has one.
    #[must_use]
    pub const fn timeout(self) -> Option<Duration> {
        match self {
            Self::None => None,
            Self::Flow { timeout } | Self::ClientIp { timeout } => Some(timeout),
        }
    }
}

/// The transport protocol of a VIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// The number in the IP header.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// The name in the configuration file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
