//! Prefixes as RFC 4271 section 4.3 writes them: a length in bits, then as many octets as hold these bits; with RFC
//! 7911 a path identifier in front.

use std::fmt;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::family::Family;
use crate::reader::Reader;

/// A prefix with its path identifier (RFC 7911 section 3). In order of the prefix, then of the identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nlri {
    /// The prefix. Bits behind its length are not sent.
    pub prefix: IpNet,
    /// The path identifier; 0 where ADD-PATH is not agreed on.
    pub path_id: u32,
}

impl Nlri {
    /// A prefix with path identifier 0.
    #[must_use]
    pub fn new(prefix: IpNet) -> Self {
        Self { prefix, path_id: 0 }
    }

    /// The family of the prefix.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of_prefix(&self.prefix)
    }

    /// Octets that [`Nlri::encode`] appends.
    pub(crate) fn wire_len(&self, path_ids: PathIds) -> usize {
        path_ids.octets() + 1 + octets(self.prefix.prefix_len())
    }

    pub(crate) fn encode(&self, path_ids: PathIds, out: &mut Vec<u8>) {
        if path_ids == PathIds::Present {
            out.extend_from_slice(&self.path_id.to_be_bytes());
        }
        let length = self.prefix.prefix_len();
        out.push(length);
        match self.prefix {
            IpNet::V4(prefix) => out.extend_from_slice(&prefix.network().octets()[..octets(length)]),
            IpNet::V6(prefix) => out.extend_from_slice(&prefix.network().octets()[..octets(length)]),
        }
    }

    /// `None` when the length is more than the family has or octets are missing (RFC 7606 section 5.3). Bits behind the
    /// length are irrelevant (RFC 4271 section 4.3) and cleared.
    fn read(reader: &mut Reader<'_>, family: Family, path_ids: PathIds) -> Option<Self> {
        let path_id = match path_ids {
            PathIds::Present => reader.u32()?,
            PathIds::Absent => 0,
        };
        let length = reader.u8()?;
        let prefix = match family {
            Family::Ipv4 => Ipv4Net::new(address::<4>(reader, length)?.into(), length).ok()?.trunc().into(),
            Family::Ipv6 => Ipv6Net::new(address::<16>(reader, length)?.into(), length).ok()?.trunc().into(),
        };
        Some(Self { prefix, path_id })
    }

    /// All prefixes of a field; `None` when one is malformed.
    pub(crate) fn decode_all(bytes: &[u8], family: Family, path_ids: PathIds) -> Option<Vec<Self>> {
        let mut reader = Reader::new(bytes);
        let mut nlri = Vec::new();
        while !reader.is_empty() {
            nlri.push(Self::read(&mut reader, family, path_ids)?);
        }
        Some(nlri)
    }
}

impl From<IpNet> for Nlri {
    fn from(prefix: IpNet) -> Self {
        Self::new(prefix)
    }
}

impl fmt::Display for Nlri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path_id {
            0 => self.prefix.fmt(f),
            id => write!(f, "{} path {id}", self.prefix),
        }
    }
}

/// Whether prefixes are written with path identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathIds {
    Absent,
    Present,
}

impl PathIds {
    pub(crate) fn of(agreed: crate::Families, family: Family) -> Self {
        if agreed.contains(family) { Self::Present } else { Self::Absent }
    }

    fn octets(self) -> usize {
        match self {
            Self::Absent => 0,
            Self::Present => 4,
        }
    }
}

fn address<const N: usize>(reader: &mut Reader<'_>, length: u8) -> Option<[u8; N]> {
    let count = octets(length);
    let mut address = [0; N];
    address.get_mut(..count)?.copy_from_slice(reader.take(count)?);
    Some(address)
}

fn octets(bits: u8) -> usize {
    usize::from(bits).div_ceil(8)
}
