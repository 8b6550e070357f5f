//! Next hops of both families.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::reader::Reader;

/// Where packets to the prefixes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NextHop {
    /// An IPv4 address, for IPv4 prefixes only.
    V4(Ipv4Addr),
    /// An IPv6 address, for IPv6 prefixes or, where RFC 8950 is agreed on, IPv4 ones.
    V6 {
        /// Global address. Peers that only have link-local addresses put theirs here.
        global: Ipv6Addr,
        /// Link-local address (fe80::/10), when the next hop shares the link with the receiver (RFC 2545 section 3).
        link_local: Option<Ipv6Addr>,
    },
}

impl NextHop {
    /// Reads the next hop field of MP_REACH_NLRI; `None` when the length is none of 4, 16, 32.
    pub(crate) fn decode(field: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(field);
        let next_hop = match field.len() {
            4 => Self::V4(reader.array::<4>()?.into()),
            16 => Self::V6 { global: reader.array::<16>()?.into(), link_local: None },
            32 => {
                let (global, second) = (reader.array::<16>()?.into(), Ipv6Addr::from(reader.array::<16>()?));
                // Some speakers fill the field with something else when they have no link-local address.
                Self::V6 { global, link_local: Some(second).filter(Ipv6Addr::is_unicast_link_local) }
            }
            _ => return None,
        };
        Some(next_hop)
    }

    /// Octets of the field that [`NextHop::encode`] appends, without the length in front.
    pub(crate) fn wire_len(self) -> u8 {
        match self {
            Self::V4(_) => 4,
            Self::V6 { link_local: None, .. } => 16,
            Self::V6 { link_local: Some(_), .. } => 32,
        }
    }

    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::V4(address) => out.extend_from_slice(&address.octets()),
            Self::V6 { global, link_local } => {
                out.extend_from_slice(&global.octets());
                out.extend(link_local.iter().flat_map(Ipv6Addr::octets));
            }
        }
    }

    /// RFC 4271 section 6.3: a next hop has to be a valid IP host address.
    pub(crate) fn is_host(self) -> bool {
        match self {
            // "This network", loopback, multicast and reserved addresses are none.
            Self::V4(address) => !matches!(address.octets()[0], 0 | 127 | 224..),
            // With a link-local address there is one that can be used, whatever the other one is.
            Self::V6 { global, link_local } => {
                link_local.is_some()
                    || !(global.is_unspecified() || global.is_loopback() || global.is_multicast())
            }
        }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::V6 { global, link_local: None } => global.fmt(f),
            Self::V6 { global, link_local: Some(local) } => write!(f, "{global} ({local})"),
        }
    }
}

impl From<Ipv4Addr> for NextHop {
    fn from(address: Ipv4Addr) -> Self {
        Self::V4(address)
    }
}

impl From<Ipv6Addr> for NextHop {
    fn from(global: Ipv6Addr) -> Self {
        Self::V6 { global, link_local: None }
    }
}
