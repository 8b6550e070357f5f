use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use thiserror::Error;

use crate::claim::{Claim, Family};
use crate::selector::Selector;

/// Addresses from which Services get theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Unique.
    pub name: Arc<str>,
    /// When it was made, as the API server writes it (RFC 3339, UTC); empty: before all others.
    pub made: String,
    /// What it has, in any order.
    pub ranges: Vec<AddressRange>,
    /// Whether a Service gets an address without asking for the pool.
    pub auto_assign: AutoAssign,
    /// What becomes of .0 and .255.
    pub buggy: BuggyAddresses,
    /// For whom it is; `None`: everybody.
    pub admission: Option<Admission>,
}

/// `autoAssign` of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoAssign {
    /// To everybody whom it is for.
    #[default]
    Yes,
    /// Only to who asks for the pool or the address.
    No,
}

/// `avoidBuggyIPs` of a pool: some old devices drop packets for IPv4 addresses that end in .0 or .255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuggyAddresses {
    /// Addresses as all others.
    #[default]
    Give,
    /// Nobody gets them.
    Avoid,
}

/// `serviceAllocation` of a pool: who may have its addresses, and how early it is asked.
///
/// A Service is admitted when its namespace is (listed or selected; with neither list every one is) and one of the Service
/// selectors selects it (without any, every Service is).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Pools with lower numbers are asked first, those with 0 last.
    pub priority: u32,
    /// Names of namespaces.
    pub namespaces: Vec<String>,
    /// Further namespaces, by label.
    pub namespace_selectors: Vec<Selector>,
    /// Services, by label.
    pub service_selectors: Vec<Selector>,
}

impl Admission {
    fn admits(&self, claim: &Claim) -> bool {
        let open = self.namespaces.is_empty() && self.namespace_selectors.is_empty();
        let namespace = open
            || self.namespaces.iter().any(|namespace| **namespace == *claim.owner.namespace)
            || self.namespace_selectors.iter().any(|selector| selector.matches(&claim.namespace_labels));
        let service = self.service_selectors.is_empty()
            || self.service_selectors.iter().any(|selector| selector.matches(&claim.labels));
        namespace && service
    }
}

impl Pool {
    /// Whether a Service may have its addresses.
    #[must_use]
    pub fn admits(&self, claim: &Claim) -> bool {
        self.admission.as_ref().is_none_or(|admission| admission.admits(claim))
    }

    /// Where it stands among the pools that are asked: those that say for whom they are before those for everybody.
    pub(crate) fn rank(&self) -> (u8, u32, Arc<str>) {
        match &self.admission {
            Some(admission) => (0, admission.priority.wrapping_sub(1), self.name.clone()),
            None => (1, 0, self.name.clone()),
        }
    }
}

/// Addresses of one family, the first and the last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

/// Why a text is no range.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RangeError {
    /// It is neither way of writing one.
    #[error(
        "{text:?} is no range of addresses: write a prefix (192.0.2.0/24) or a range (192.0.2.10-192.0.2.20)"
    )]
    Syntax {
        /// The text.
        text: String,
    },
    /// The ends are of two families.
    #[error("{first} and {last} are of different families")]
    Families {
        /// The first address.
        first: IpAddr,
        /// The last one.
        last: IpAddr,
    },
    /// It ends before it begins.
    #[error("{first} comes after {last}: write the lower address first")]
    Backwards {
        /// The first address.
        first: IpAddr,
        /// The last one.
        last: IpAddr,
    },
    /// IPv4 addresses written as IPv6.
    #[error("{address} is an IPv4 address in IPv6: write it as IPv4")]
    Mapped {
        /// The address.
        address: IpAddr,
    },
}

impl AddressRange {
    /// From the first to the last address.
    ///
    /// # Errors
    ///
    /// When they are of different families, in the wrong order or IPv4-mapped.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, RangeError> {
        for address in [first, last] {
            if address != address.to_canonical() {
                return Err(RangeError::Mapped { address });
            }
        }
        if Family::of(first) != Family::of(last) {
            return Err(RangeError::Families { first, last });
        }
        if first > last {
            return Err(RangeError::Backwards { first, last });
        }
        Ok(Self { first, last })
    }

    /// The lowest address.
    #[must_use]
    pub const fn first(&self) -> IpAddr {
        self.first
    }

    /// The highest address.
    #[must_use]
    pub const fn last(&self) -> IpAddr {
        self.last
    }

    /// Whether it has the address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        Family::of(address) == Family::of(self.first) && self.first <= address && address <= self.last
    }

    /// Every address of it, in order.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + use<> {
        let (family, first) = number(self.first);
        let (_, last) = number(self.last);
        (first..=last).map(move |number| address(family, number))
    }

    /// Whether the address comes right after the last one, so that the range has it now.
    pub(crate) fn extend(&mut self, next: IpAddr) -> bool {
        let (family, last) = number(self.last);
        let follows = last.checked_add(1).map(|following| (family, following)) == Some(number(next));
        if follows {
            self.last = next;
        }
        follows
    }

    /// The fewest prefixes that are exactly this range.
    #[must_use]
    pub fn prefixes(&self) -> Vec<IpNet> {
        match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                ipnet::Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect()
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                ipnet::Ipv6Subnets::new(first, last, 0).map(IpNet::V6).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Only this one.
impl From<IpAddr> for AddressRange {
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { first: address, last: address }
    }
}

/// A prefix, whose host bits do not matter, or `first-last`.
impl FromStr for AddressRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let syntax = || RangeError::Syntax { text: text.chars().take(100).collect() };
        if let Some((first, last)) = text.split_once('-') {
            let address = |text: &str| text.trim().parse::<IpAddr>().map_err(|_| syntax());
            return Self::new(address(first)?, address(last)?);
        }
        let prefix: IpNet = text.trim().parse().map_err(|_| syntax())?;
        Self::new(prefix.network(), prefix.broadcast())
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// What is wrong with a pool beside others; the rest of it is used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PoolProblem {
    /// Two pools have addresses in common; they belong to the one that was made first, of two of the same second to the one
    /// whose name comes first.
    #[error("pool {pool}: {range} is in pool {other} already, which keeps it")]
    Overlap {
        /// The pool that does not get them.
        pool: Arc<str>,
        /// The addresses.
        range: AddressRange,
        /// The pool that has them.
        other: Arc<str>,
    },
    /// Two pools have one name.
    #[error("pool {pool} is there twice, the second is not used")]
    Twice {
        /// The name.
        pool: Arc<str>,
    },
}

/// An address as a number of its family.
pub(crate) fn number(address: IpAddr) -> (Family, u128) {
    match address {
        IpAddr::V4(address) => (Family::V4, u32::from(address).into()),
        IpAddr::V6(address) => (Family::V6, u128::from(address)),
    }
}

/// The address of a number that [`number`] has given.
pub(crate) fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_a_range_or_refused(text in "[0-9a-f.:/ -]{0,40}|.{0,20}") {
            if let Ok(range) = text.parse::<AddressRange>() {
                prop_assert_eq!(range.to_string().parse(), Ok(range));
                prop_assert!(range.contains(range.first()) && range.contains(range.last()));
            }
        }
    }

    #[test]
    fn ranges_are_read_both_ways() {
        for (text, expected) in [
            ("192.0.2.0/24", Ok("192.0.2.0-192.0.2.255")),
            ("192.0.2.77/24", Ok("192.0.2.0-192.0.2.255")),
            ("192.0.2.7/32", Ok("192.0.2.7-192.0.2.7")),
            (" 192.0.2.1 - 192.0.2.9 ", Ok("192.0.2.1-192.0.2.9")),
            ("2001:db8::/64", Ok("2001:db8::-2001:db8::ffff:ffff:ffff:ffff")),
            ("2001:db8::1-2001:db8::2", Ok("2001:db8::1-2001:db8::2")),
            ("192.0.2.1", Err("is no range of addresses")),
            ("192.0.2.0/33", Err("is no range of addresses")),
            ("a-b", Err("is no range of addresses")),
            ("", Err("is no range of addresses")),
            ("192.0.2.9-192.0.2.1", Err("comes after")),
            ("192.0.2.9-2001:db8::1", Err("different families")),
            ("::ffff:192.0.2.0/120", Err("write it as IPv4")),
        ] {
            match (text.parse::<AddressRange>(), expected) {
                (Ok(range), Ok(expected)) => assert_eq!(range.to_string(), expected),
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
                (found, _) => panic!("{text:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_range_as_prefixes() {
        let range: AddressRange = "192.0.2.9-192.0.2.16".parse().unwrap();
        let prefixes: Vec<String> = range.prefixes().iter().map(ToString::to_string).collect();
        assert_eq!(prefixes, ["192.0.2.9/32", "192.0.2.10/31", "192.0.2.12/30", "192.0.2.16/32"]);
        let all: AddressRange = "::/0".parse().unwrap();
        assert_eq!(all.prefixes().len(), 1);
    }
}
