//! Address families.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::iana::{afi, safi};

/// An address family that routes are exchanged for. Only unicast is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4 unicast.
    Ipv4,
    /// IPv6 unicast.
    Ipv6,
}

impl Family {
    /// Every family, in order.
    pub const ALL: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// The family with these identifiers; `None` for one that is not known here.
    #[must_use]
    pub fn from_afi_safi(afi: u16, safi: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|family| (family.afi(), family.safi()) == (afi, safi))
    }

    /// Address family identifier.
    #[must_use]
    pub fn afi(self) -> u16 {
        match self {
            Self::Ipv4 => afi::IPV4,
            Self::Ipv6 => afi::IPV6,
        }
    }

    /// Subsequent address family identifier.
    #[must_use]
    pub fn safi(self) -> u8 {
        safi::UNICAST
    }

    /// The family of an address.
    #[must_use]
    pub fn of_address(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }

    /// The family of a prefix.
    #[must_use]
    pub fn of_prefix(prefix: &IpNet) -> Self {
        match prefix {
            IpNet::V4(_) => Self::Ipv4,
            IpNet::V6(_) => Self::Ipv6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        })
    }
}

/// A set of address families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Families(u8);

impl Families {
    /// No family.
    pub const NONE: Self = Self(0);
    /// Every family.
    pub const ALL: Self = Self(3);

    /// The set with `family` added.
    #[must_use]
    pub fn with(self, family: Family) -> Self {
        Self(self.0 | Self::bit(family))
    }

    /// True when `family` is in the set.
    #[must_use]
    pub fn contains(self, family: Family) -> bool {
        self.0 & Self::bit(family) != 0
    }

    /// The set with `family` taken out.
    #[must_use]
    pub fn without(self, family: Family) -> Self {
        Self(self.0 & !Self::bit(family))
    }

    /// The families that are in one of the sets.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The families that are in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// True when the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The families in order.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        Family::ALL.into_iter().filter(move |family| self.contains(*family))
    }

    fn bit(family: Family) -> u8 {
        match family {
            Family::Ipv4 => 1,
            Family::Ipv6 => 2,
        }
    }
}

impl FromIterator<Family> for Families {
    fn from_iter<T: IntoIterator<Item = Family>>(families: T) -> Self {
        families.into_iter().fold(Self::NONE, Self::with)
    }
}
