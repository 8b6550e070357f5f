//! Standard communities (RFC 1997).

use std::fmt;
use std::str::FromStr;

use super::{CommunityError, halves, number};

/// A community: by custom an AS number and a number of that AS's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Community(pub u32);

/// Names as IANA registers them, in lower case with hyphens.
const WELL_KNOWN: &[(&str, Community)] = &[
    ("graceful-shutdown", Community::GRACEFUL_SHUTDOWN),
    ("accept-own", Community::ACCEPT_OWN),
    ("llgr-stale", Community::LLGR_STALE),
    ("no-llgr", Community::NO_LLGR),
    ("blackhole", Community::BLACKHOLE),
    ("no-export", Community::NO_EXPORT),
    ("no-advertise", Community::NO_ADVERTISE),
    ("no-export-subconfed", Community::NO_EXPORT_SUBCONFED),
    ("no-peer", Community::NO_PEER),
];

impl Community {
    /// The sender is about to go away: prefer any other path (RFC 8326).
    pub const GRACEFUL_SHUTDOWN: Self = Self::new(65535, 0);
    /// Accept although it is the receiver's own (RFC 7611).
    pub const ACCEPT_OWN: Self = Self::new(65535, 1);
    /// Kept beyond the end of its session (RFC 9494).
    pub const LLGR_STALE: Self = Self::new(65535, 6);
    /// Not to be kept beyond the end of its session (RFC 9494).
    pub const NO_LLGR: Self = Self::new(65535, 7);
    /// Packets to the prefix are to be dropped (RFC 7999).
    pub const BLACKHOLE: Self = Self::new(65535, 666);
    /// Not to leave the AS or confederation (RFC 1997).
    pub const NO_EXPORT: Self = Self::new(65535, 0xff01);
    /// Not to be advertised to anyone (RFC 1997).
    pub const NO_ADVERTISE: Self = Self::new(65535, 0xff02);
    /// Not to be advertised to external peers (RFC 1997).
    pub const NO_EXPORT_SUBCONFED: Self = Self::new(65535, 0xff03);
    /// Not to be advertised over bilateral peerings (RFC 3765).
    pub const NO_PEER: Self = Self::new(65535, 0xff04);

    /// The community `asn:value`.
    #[must_use]
    pub const fn new(asn: u16, value: u16) -> Self {
        let ([a, b], [c, d]) = (asn.to_be_bytes(), value.to_be_bytes());
        Self(u32::from_be_bytes([a, b, c, d]))
    }

    /// The upper half, an AS number.
    #[must_use]
    pub const fn asn(self) -> u16 {
        let [a, b, _, _] = self.0.to_be_bytes();
        u16::from_be_bytes([a, b])
    }

    /// The lower half.
    #[must_use]
    pub const fn value(self) -> u16 {
        let [_, _, c, d] = self.0.to_be_bytes();
        u16::from_be_bytes([c, d])
    }
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match WELL_KNOWN.iter().find(|(_, known)| known == self) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{}:{}", self.asn(), self.value()),
        }
    }
}

impl FromStr for Community {
    type Err = CommunityError;

    /// Reads `65001:100` or a well-known name such as `graceful-shutdown`.
    fn from_str(text: &str) -> Result<Self, CommunityError> {
        let named = WELL_KNOWN.iter().find(|(name, _)| *name == text).map(|(_, known)| *known);
        let numbers = || {
            let (asn, value) = halves(text)?;
            Some(Self::new(number(asn)?, number(value)?))
        };
        named.or_else(numbers).ok_or_else(|| CommunityError {
            text: text.to_owned(),
            expected: "a community: two numbers of 0 to 65535 with a colon between them, or a well-known name",
        })
    }
}
