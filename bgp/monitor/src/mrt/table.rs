//! The routes of peers at one moment: TABLE_DUMP_V2 (RFC 6396 section 4.3), with path identifiers (RFC 8050 section 4).

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use guideway_bgp_rib::Route;
use ipnet::IpNet;
use thiserror::Error;

use super::finish;

const TABLE_DUMP_V2: u16 = 13;
/// Bits of a peer's type (RFC 6396 section 4.3.1).
const IS_IPV6: u8 = 1;
const HAS_FOUR_OCTET_AS: u8 = 2;
/// A record that is as long as this gets no more entries; others of the prefix go to the next one.
const RECORD: usize = 256 << 10;

/// Subtypes (RFC 6396 section 4.3, RFC 8050 section 4).
mod subtype {
    pub(super) const PEER_INDEX_TABLE: u16 = 1;
    pub(super) const RIB_IPV4_UNICAST: u16 = 2;
    pub(super) const RIB_IPV6_UNICAST: u16 = 4;
    pub(super) const RIB_IPV4_UNICAST_ADDPATH: u16 = 8;
    pub(super) const RIB_IPV6_UNICAST_ADDPATH: u16 = 10;
}

/// Whose routes a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// BGP identifier.
    pub router_id: Ipv4Addr,
    /// Address of its end of the session.
    pub address: IpAddr,
    /// AS number.
    pub asn: u32,
}

/// A route of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Where to.
    pub prefix: IpNet,
    /// The path identifier, where the session has them.
    pub path_id: Option<u32>,
    /// When it became what it is.
    pub since: SystemTime,
    /// What is said of it.
    pub route: Arc<Route>,
}

/// No more owners can be numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a table has the routes of at most {} peers", u16::MAX)]
pub struct TooManyOwners;

/// Routes that become the records of a file.
#[derive(Debug, Clone, Default)]
pub struct Dump {
    owners: Vec<Owner>,
    paths: Vec<(u16, Path)>,
}

impl Dump {
    /// All routes of one owner. They are numbered in the order of these calls.
    ///
    /// # Errors
    ///
    /// When there are 65,535 already.
    pub fn add(&mut self, owner: Owner, paths: impl IntoIterator<Item = Path>) -> Result<(), TooManyOwners> {
        // The number of owners has two octets, and counts from 1.
        let index =
            u16::try_from(self.owners.len()).ok().filter(|index| *index < u16::MAX).ok_or(TooManyOwners)?;
        self.owners.push(owner);
        self.paths.extend(paths.into_iter().map(|path| (index, path)));
        Ok(())
    }

    /// The records in their order: first the owners, then a record for each prefix, IPv4 first; with a second one where
    /// some sessions have path identifiers and some have not, and more where one would be too long. A route whose
    /// attributes have no room in an entry, which none has that came in a message, is left out.
    pub fn into_records(mut self, collector: Ipv4Addr, now: SystemTime) -> impl Iterator<Item = Vec<u8>> {
        let key = |(owner, path): &(u16, Path)| (path.prefix, path.path_id.is_some(), *owner, path.path_id);
        self.paths.sort_by_key(key);
        let first = index(collector, &self.owners, now);
        let (mut at, mut sequence) = (0, 0u32);
        let rest = std::iter::from_fn(move || {
            while let Some((record, count)) = rib(self.paths.get(at..)?, sequence, now) {
                at += count;
                if let Some(record) = record {
                    sequence = sequence.wrapping_add(1);
                    return Some(record);
                }
            }
            None
        });
        std::iter::once(first).chain(rest)
    }
}

/// PEER_INDEX_TABLE, without a name of the view.
fn index(collector: Ipv4Addr, owners: &[Owner], now: SystemTime) -> Vec<u8> {
    let mut out = begin(subtype::PEER_INDEX_TABLE, now);
    out.extend_from_slice(&collector.octets());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&u16::try_from(owners.len()).unwrap_or(u16::MAX).to_be_bytes());
    for owner in owners {
        let address = owner.address.to_canonical();
        out.push(HAS_FOUR_OCTET_AS | if address.is_ipv6() { IS_IPV6 } else { 0 });
        out.extend_from_slice(&owner.router_id.octets());
        match address {
            IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
        }
        out.extend_from_slice(&owner.asn.to_be_bytes());
    }
    finish(out)
}

/// A record of the first prefix, and how many paths it has used up. There is no record when none of these can be written,
/// and nothing at all when there is no path.
fn rib(paths: &[(u16, Path)], sequence: u32, now: SystemTime) -> Option<(Option<Vec<u8>>, usize)> {
    let (_, first) = paths.first()?;
    let has_ids = first.path_id.is_some();
    let subtype = match (first.prefix, has_ids) {
        (IpNet::V4(_), false) => subtype::RIB_IPV4_UNICAST,
        (IpNet::V4(_), true) => subtype::RIB_IPV4_UNICAST_ADDPATH,
        (IpNet::V6(_), false) => subtype::RIB_IPV6_UNICAST,
        (IpNet::V6(_), true) => subtype::RIB_IPV6_UNICAST_ADDPATH,
    };
    let mut out = begin(subtype, now);
    out.extend_from_slice(&sequence.to_be_bytes());
    let length = first.prefix.prefix_len();
    let octets = usize::from(length).div_ceil(8);
    out.push(length);
    match first.prefix {
        IpNet::V4(prefix) => out.extend_from_slice(&prefix.network().octets()[..octets]),
        IpNet::V6(prefix) => out.extend_from_slice(&prefix.network().octets()[..octets]),
    }
    let place = out.len();
    out.extend_from_slice(&[0, 0]);
    let (mut entries, mut used) = (0u16, 0);
    let same = |path: &Path| path.prefix == first.prefix && path.path_id.is_some() == has_ids;
    for (owner, path) in paths.iter().take_while(|(_, path)| same(path)) {
        if entries == u16::MAX || out.len() > RECORD {
            break;
        }
        used += 1;
        entries += u16::from(put(*owner, path, &mut out));
    }
    out[place..place + 2].copy_from_slice(&entries.to_be_bytes());
    Some(((entries > 0).then(|| finish(out)), used))
}

/// Appends an entry; false when its attributes are too long, and nothing was appended.
fn put(owner: u16, path: &Path, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    out.extend_from_slice(&owner.to_be_bytes());
    out.extend_from_slice(&seconds(path.since));
    out.extend(path.path_id.iter().flat_map(|id| id.to_be_bytes()));
    let place = out.len();
    out.extend_from_slice(&[0, 0]);
    path.route.attributes.encode_rib_entry(path.route.next_hop, out);
    let Ok(length) = u16::try_from(out.len() - place - 2) else {
        out.truncate(start);
        return false;
    };
    out[place..place + 2].copy_from_slice(&length.to_be_bytes());
    true
}

/// The header (RFC 6396 section 2), still without length.
fn begin(subtype: u16, now: SystemTime) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(&seconds(now));
    out.extend_from_slice(&TABLE_DUMP_V2.to_be_bytes());
    out.extend_from_slice(&subtype.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out
}

fn seconds(time: SystemTime) -> [u8; 4] {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX).to_be_bytes()
}
