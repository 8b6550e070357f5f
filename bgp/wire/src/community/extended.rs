//! Extended communities (RFC 4360).

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use super::{CommunityError, halves, number};

/// Type bit of a community that does not leave the AS (RFC 4360 section 2).
const NON_TRANSITIVE: u8 = 0x40;
/// Type: global administrator is a 2-octet AS number (RFC 4360 section 3.1).
const TWO_OCTET_AS: u8 = 0x00;
/// Type: global administrator is an IPv4 address (RFC 4360 section 3.2).
const IPV4_ADDRESS: u8 = 0x01;
/// Type: global administrator is a 4-octet AS number (RFC 5668).
const FOUR_OCTET_AS: u8 = 0x02;
/// Subtypes (RFC 4360 sections 4 and 5, draft-ietf-idr-link-bandwidth).
const ROUTE_TARGET: u8 = 0x02;
const ROUTE_ORIGIN: u8 = 0x03;
const LINK_BANDWIDTH: u8 = 0x04;

/// An extended community: type, mostly a subtype, and a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtendedCommunity(pub [u8; 8]);

/// Whether a community is kept when a route leaves the AS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transitivity {
    /// It goes on to the next AS.
    Transitive,
    /// It is removed at the border.
    NonTransitive,
}

impl ExtendedCommunity {
    /// The bandwidth of the link to the next hop, in bytes per second, as `asn` sees it. Receivers divide traffic among
    /// equal paths in proportion to it (draft-ietf-idr-link-bandwidth).
    #[must_use]
    pub fn link_bandwidth(asn: u16, bytes_per_second: f32, transitivity: Transitivity) -> Self {
        let kind = match transitivity {
            Transitivity::Transitive => TWO_OCTET_AS,
            Transitivity::NonTransitive => TWO_OCTET_AS | NON_TRANSITIVE,
        };
        let ([a, b], [c, d, e, f]) = (asn.to_be_bytes(), bytes_per_second.to_be_bytes());
        Self([kind, LINK_BANDWIDTH, a, b, c, d, e, f])
    }

    /// AS number and bytes per second when this is a link bandwidth. `None` also for a value that is no bandwidth:
    /// negative, infinite or not a number.
    #[must_use]
    pub fn as_link_bandwidth(self) -> Option<(u16, f32)> {
        let [kind, LINK_BANDWIDTH, a, b, c, d, e, f] = self.0 else { return None };
        let bandwidth = f32::from_be_bytes([c, d, e, f]);
        let valid = kind & !NON_TRANSITIVE == TWO_OCTET_AS && bandwidth.is_finite() && bandwidth >= 0.0;
        valid.then_some((u16::from_be_bytes([a, b]), bandwidth))
    }

    /// Whether the community goes on to the next AS.
    #[must_use]
    pub fn transitivity(self) -> Transitivity {
        if self.0[0] & NON_TRANSITIVE == 0 { Transitivity::Transitive } else { Transitivity::NonTransitive }
    }

    /// A community of two parts: an administrator (AS number or IPv4 address) and its number.
    fn two_parts(subtype: u8, administrator: &str, value: &str) -> Option<Self> {
        let (kind, administrator) = if let Ok(address) = administrator.parse::<Ipv4Addr>() {
            (IPV4_ADDRESS, address.octets())
        } else if let Some(asn) = number::<u16>(administrator) {
            let ([a, b], [c, d, e, f]) = (asn.to_be_bytes(), number::<u32>(value)?.to_be_bytes());
            return Some(Self([TWO_OCTET_AS, subtype, a, b, c, d, e, f]));
        } else {
            (FOUR_OCTET_AS, number::<u32>(administrator)?.to_be_bytes())
        };
        let ([a, b, c, d], [e, f]) = (administrator, number::<u16>(value)?.to_be_bytes());
        Some(Self([kind, subtype, a, b, c, d, e, f]))
    }
}

impl fmt::Display for ExtendedCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((asn, bandwidth)) = self.as_link_bandwidth() {
            let name = match self.transitivity() {
                Transitivity::Transitive => "bandwidth",
                Transitivity::NonTransitive => "local-bandwidth",
            };
            return write!(f, "{name}:{asn}:{bandwidth}");
        }
        let [kind, subtype, a, b, c, d, e, g] = self.0;
        let name = match subtype {
            ROUTE_TARGET => Some("rt"),
            ROUTE_ORIGIN => Some("ro"),
            _ => None,
        };
        match (kind, name) {
            (TWO_OCTET_AS, Some(name)) => {
                write!(f, "{name}:{}:{}", u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, g]))
            }
            (IPV4_ADDRESS, Some(name)) => {
                write!(f, "{name}:{}:{}", Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([e, g]))
            }
            // A small number would be read back as a 2-octet one.
            (FOUR_OCTET_AS, Some(name)) if [a, b] != [0, 0] => {
                write!(f, "{name}:{}:{}", u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, g]))
            }
            _ => write!(f, "0x{:016x}", u64::from_be_bytes(self.0)),
        }
    }
}

impl FromStr for ExtendedCommunity {
    type Err = CommunityError;

    /// Reads `rt:65001:100`, `ro:192.0.2.1:100` (route target, route origin), `bandwidth:65001:1.25e9` (bytes per
    /// second; transitive), `local-bandwidth:…` (non-transitive) or all octets as `0x` with 16 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, CommunityError> {
        let parse = || {
            if let Some(digits) = text.strip_prefix("0x") {
                let valid = digits.len() == 16 && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
                return u64::from_str_radix(digits, 16)
                    .ok()
                    .filter(|_| valid)
                    .map(|bits| Self(bits.to_be_bytes()));
            }
            let (name, rest) = halves(text)?;
            let (administrator, value) = halves(rest)?;
            let bandwidth = |transitivity| {
                let community =
                    Self::link_bandwidth(number(administrator)?, value.parse().ok()?, transitivity);
                community.as_link_bandwidth().map(|_| community)
            };
            match name {
                "rt" => Self::two_parts(ROUTE_TARGET, administrator, value),
                "ro" => Self::two_parts(ROUTE_ORIGIN, administrator, value),
                "bandwidth" => bandwidth(Transitivity::Transitive),
                "local-bandwidth" => bandwidth(Transitivity::NonTransitive),
                _ => None,
            }
        };
        parse().ok_or_else(|| CommunityError {
            text: text.to_owned(),
            expected: "an extended community: rt:A:N, ro:A:N, bandwidth:A:N, local-bandwidth:A:N or 0x with 16 digits",
        })
    }
}
