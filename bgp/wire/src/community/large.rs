//! Large communities (RFC 8092).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::{CommunityError, number};

/// A large community: an AS number and two numbers of that AS's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LargeCommunity {
    /// Global administrator, an AS number.
    pub global: u32,
    /// First number of the local part.
    pub local1: u32,
    /// Second number of the local part.
    pub local2: u32,
}

impl LargeCommunity {
    /// Each community once, where it is found first: RFC 8092 section 3 has duplicates neither sent nor kept.
    pub(crate) fn distinct(communities: &[Self]) -> Vec<Self> {
        let mut seen = BTreeSet::new();
        communities.iter().copied().filter(|community| seen.insert(*community)).collect()
    }

    pub(crate) fn from_octets(octets: [u8; 12]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = octets;
        let word = u32::from_be_bytes;
        Self { global: word([a, b, c, d]), local1: word([e, f, g, h]), local2: word([i, j, k, l]) }
    }

    pub(crate) fn octets(self) -> [u8; 12] {
        let ([a, b, c, d], [e, f, g, h]) = (self.global.to_be_bytes(), self.local1.to_be_bytes());
        let [i, j, k, l] = self.local2.to_be_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

impl fmt::Display for LargeCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.global, self.local1, self.local2)
    }
}

impl FromStr for LargeCommunity {
    type Err = CommunityError;

    /// Reads `65001:1:2`.
    fn from_str(text: &str) -> Result<Self, CommunityError> {
        let parse = || {
            let mut parts = text.split(':');
            let community = Self {
                global: number(parts.next()?)?,
                local1: number(parts.next()?)?,
                local2: number(parts.next()?)?,
            };
            parts.next().is_none().then_some(community)
        };
        parse().ok_or_else(|| CommunityError {
            text: text.to_owned(),
            expected: "a large community: three numbers of 0 to 4294967295 with colons between them",
        })
    }
}
