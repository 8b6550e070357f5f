//! The address plan of the lab. Every node has one leg to the ToR; the ToR's end of it is `.1`, the node's is `.2`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Autonomous system of the ToR; forwarder n has 65000 + n.
pub const TOR_AS: u32 = 65000;

/// Router id of the ToR.
pub const TOR_ROUTER_ID: Ipv4Addr = Ipv4Addr::new(10, 255, 0, 1);

/// MTU of the client's leg in bytes.
pub const CLIENT_MTU: u32 = 1500;

/// MTU in bytes of legs that carry encapsulated packets: an IPv6 outer header and a full client packet fit.
pub const FABRIC_MTU: u32 = 1600;

/// The interface of every node towards the ToR.
pub const UPLINK: &str = "up0";

/// The VIPs of the lab, one for each mix of families. Names: family of the VIP, then family of its backends.
pub mod vip {
    use super::{IpAddr, Ipv4Addr, Ipv6Addr};

    /// IPv4 VIP with IPv4 backends.
    pub const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10));
    /// IPv6 VIP with IPv6 backends.
    pub const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x10, 0, 0, 0, 0, 0x10));
    /// IPv4 VIP with IPv6 backends.
    pub const V4_OVER_V6: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 46));
    /// IPv6 VIP with IPv4 backends.
    pub const V6_OVER_V4: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x10, 0, 0, 0, 0, 0x64));
    /// A VIP that tests add and remove.
    pub const EXTRA: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 99));

    /// All of them; every backend accepts them.
    pub const ALL: [IpAddr; 5] = [V4, V6, V4_OVER_V6, V6_OVER_V4, EXTRA];
}

/// One leg: the subnets of a node, identified by the third octet of IPv4 and the second group of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg(pub u8);

impl Leg {
    /// The client's leg.
    pub const CLIENT: Self = Self(9);

    /// Forwarder `number`'s leg, numbers from 1.
    #[must_use]
    pub fn forwarder(number: u8) -> Self {
        Self(number)
    }

    /// Backend `number`'s leg, numbers from 1.
    #[must_use]
    pub fn backend(number: u8) -> Self {
        Self(10 + number)
    }

    /// The node's IPv4 address.
    #[must_use]
    pub fn node_v4(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 1, self.0, 2)
    }

    /// The node's IPv6 address.
    #[must_use]
    pub fn node_v6(self) -> Ipv6Addr {
        self.v6(2)
    }

    /// The ToR's IPv4 address on this leg.
    #[must_use]
    pub fn tor_v4(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 1, self.0, 1)
    }

    /// The ToR's IPv6 address on this leg.
    #[must_use]
    pub fn tor_v6(self) -> Ipv6Addr {
        self.v6(1)
    }

    /// Both addresses of the node with prefix length.
    #[must_use]
    pub fn node(self) -> Vec<String> {
        vec![format!("{}/24", self.node_v4()), format!("{}/64", self.node_v6())]
    }

    /// Both addresses of the ToR with prefix length.
    #[must_use]
    pub fn tor(self) -> Vec<String> {
        vec![format!("{}/24", self.tor_v4()), format!("{}/64", self.tor_v6())]
    }

    /// `fd00:<number>::<host>`, the number written in decimal digits so that it reads like the IPv4 octet.
    fn v6(self, host: u16) -> Ipv6Addr {
        let n = u16::from(self.0);
        let group = ((n / 100) << 8) | ((n / 10 % 10) << 4) | (n % 10);
        Ipv6Addr::new(0xfd00, group, 0, 0, 0, 0, 0, host)
    }
}

#[cfg(test)]
mod tests {
    use super::Leg;

    #[test]
    fn the_plan_is_the_documented_one() {
        assert_eq!(Leg::forwarder(1).node(), ["10.1.1.2/24", "fd00:1::2/64"]);
        assert_eq!(Leg::backend(3).tor(), ["10.1.13.1/24", "fd00:13::1/64"]);
        assert_eq!(Leg::CLIENT.node(), ["10.1.9.2/24", "fd00:9::2/64"]);
    }
}
