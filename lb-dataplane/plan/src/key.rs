//! What a VIP is for, in one form.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::{Ports, VipKey};

/// Addresses of a prefix; an IPv4-mapped IPv6 prefix is an IPv4 prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Net {
    pub(crate) is_v6: bool,
    /// The first address as a number.
    pub(crate) start: u128,
    /// Bits of the prefix.
    pub(crate) length: u8,
}

impl Net {
    pub(crate) fn host(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self { is_v6: false, start: u32::from(v4).into(), length: 32 },
            IpAddr::V6(v6) => Self { is_v6: true, start: v6.into(), length: 128 },
        }
    }

    /// Every address of a family.
    pub(crate) const fn all(is_v6: bool) -> Self {
        Self { is_v6, start: 0, length: 0 }
    }

    pub(crate) const fn is_host(&self) -> bool {
        self.length == if self.is_v6 { 128 } else { 32 }
    }

    /// The last address.
    pub(crate) const fn end(&self) -> u128 {
        let bits = if self.is_v6 { 128 } else { 32 };
        match bits - self.length {
            0 => self.start,
            128 => u128::MAX,
            hosts => self.start | ((1 << hosts) - 1),
        }
    }

    pub(crate) const fn contains(&self, other: &Self) -> bool {
        self.is_v6 == other.is_v6 && self.start <= other.start && other.end() <= self.end()
    }

    /// The first address as it stands in memory: IPv6, or IPv4 in the first four bytes.
    #[allow(clippy::cast_possible_truncation)] // IPv4 has 32 bits
    pub(crate) fn octets(&self) -> [u8; 16] {
        if self.is_v6 {
            self.start.to_be_bytes()
        } else {
            u128::from((self.start as u32).to_be()).to_le_bytes()
        }
    }
}

impl From<IpNet> for Net {
    fn from(net: IpNet) -> Self {
        match net {
            IpNet::V4(net) => {
                Self { is_v6: false, start: u32::from(net.network()).into(), length: net.prefix_len() }
            }
            IpNet::V6(net) => match net.network().to_ipv4_mapped() {
                Some(v4) if net.prefix_len() >= 96 => {
                    Self { is_v6: false, start: u32::from(v4).into(), length: net.prefix_len() - 96 }
                }
                _ => Self { is_v6: true, start: net.network().into(), length: net.prefix_len() },
            },
        }
    }
}

/// A VIP's key: the packets that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Match {
    pub(crate) net: Net,
    /// IANA protocol number.
    pub(crate) protocol: u8,
    pub(crate) first: u16,
    pub(crate) last: u16,
}

impl Match {
    /// One port of one address, which the buckets hold.
    pub(crate) const fn is_exact(&self) -> bool {
        self.net.is_host() && self.first == self.last
    }

    /// Smaller for what comes first among the keys of the same addresses: the fewest ports, then the lowest.
    pub(crate) const fn precedence(&self) -> (u16, u16) {
        (self.last.wrapping_sub(self.first), self.first)
    }

    pub(crate) const fn has_port(&self, protocol: u8, port: u16) -> bool {
        self.protocol == protocol && self.first <= port && port <= self.last
    }
}

impl From<VipKey> for Match {
    fn from(key: VipKey) -> Self {
        let (first, last) = match key.ports {
            Ports::One(port) => (port, port),
            Ports::Range(first, last) => (first, last),
            Ports::Any => (0, u16::MAX),
        };
        Self { net: key.address.into(), protocol: key.protocol.number(), first, last }
    }
}

/// The address of a backend record.
pub(crate) fn address(bytes: [u8; 16]) -> IpAddr {
    Ipv6Addr::from(bytes).to_canonical()
}

/// Words of an IPv6 address as they stand in memory.
pub(crate) fn words_v6(octets: [u8; 16]) -> [u64; 2] {
    guideway_packet::Address::from_bytes(octets).words()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Protocol;

    fn net(text: &str) -> Net {
        text.parse::<IpNet>().unwrap().into()
    }

    #[test]
    fn one_form() {
        assert_eq!(net("203.0.113.77/25"), net("203.0.113.0/25"));
        assert_eq!(net("::ffff:203.0.113.0/121"), net("203.0.113.0/25"));
        assert_eq!(net("::ffff:203.0.113.7/128"), Net::host("203.0.113.7".parse().unwrap()));
        assert!(net("0.0.0.0/0").contains(&net("255.255.255.255/32")));
        assert_eq!((net("::/0").end(), net("0.0.0.0/0").end()), (u128::MAX, u128::from(u32::MAX)));
        assert!(!net("::/0").contains(&net("203.0.113.0/25")));
        assert_eq!(net("203.0.113.7/32").octets()[..4], [203, 0, 113, 7]);
        let key = |ports| {
            Match::from(VipKey { address: "203.0.113.7/32".parse().unwrap(), protocol: Protocol::Tcp, ports })
        };
        assert_eq!(key(Ports::Range(80, 80)), key(Ports::One(80)));
        assert_eq!(key(Ports::Range(0, 65_535)), key(Ports::Any));
        assert!(key(Ports::One(9)).precedence() < key(Ports::Range(8, 9)).precedence());
        assert!(key(Ports::Range(8, 9)).precedence() < key(Ports::Any).precedence());
    }
}
