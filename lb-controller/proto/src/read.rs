//! Single values.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use bytes::Bytes;
use guideway_controller_core::{Digest, check_name};
use guideway_dataplane_config::Seed;
use ipnet::IpNet;

use crate::error::{At, WireError};
use crate::v1;

type Read<T> = Result<T, WireError>;

/// Of one message.
const MAX_RELAYS: usize = 64;

pub(crate) fn digest(bytes: &[u8]) -> Read<Digest> {
    let bytes = <[u8; 32]>::try_from(bytes)
        .map_err(|_| WireError::new(format_args!("has {} bytes: a digest has 32", bytes.len())))?;
    Ok(Digest::from_bytes(bytes))
}

pub(crate) fn digest_bytes(digest: Digest) -> Bytes {
    Bytes::copy_from_slice(&digest.bytes())
}

pub(crate) fn seed(bytes: &[u8]) -> Read<Seed> {
    let bytes = <[u8; 16]>::try_from(bytes)
        .map_err(|_| WireError::new(format_args!("has {} bytes: a seed has 16", bytes.len())))?;
    Ok(Seed::new(bytes))
}

pub(crate) fn seed_bytes(seed: &Seed) -> Bytes {
    Bytes::copy_from_slice(&seed.bytes())
}

pub(crate) fn address(bytes: &[u8]) -> Read<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ok(v4.into());
    }
    <[u8; 16]>::try_from(bytes)
        .map(IpAddr::from)
        .map_err(|_| WireError::new(format_args!("has {} bytes: an address has 4 or 16", bytes.len())))
}

pub(crate) fn address_bytes(address: IpAddr) -> Bytes {
    match address {
        IpAddr::V4(v4) => Bytes::copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => Bytes::copy_from_slice(&v6.octets()),
    }
}

/// Where forwarders pass connections on.
pub(crate) fn relays(relays: &[v1::Relay]) -> Read<BTreeSet<SocketAddr>> {
    let relay = |relay: &v1::Relay| {
        let address = address(&relay.address).at("address")?;
        let port: NonZeroU16 = narrow_some::<u16, _>(relay.port).at("port")?;
        Ok(SocketAddr::new(address, port.get()))
    };
    Ok(list(limited(relays, MAX_RELAYS)?, relay)?.into_iter().collect())
}

pub(crate) fn relays_wire(relays: &BTreeSet<SocketAddr>) -> Vec<v1::Relay> {
    let relays = relays.iter().take(MAX_RELAYS);
    relays.map(|relay| v1::Relay { address: address_bytes(relay.ip()), port: relay.port().into() }).collect()
}

/// A prefix without host bits.
pub(crate) fn prefix(prefix: &v1::Prefix) -> Read<IpNet> {
    let address = address(&prefix.address).at("address")?;
    let length = narrow(prefix.length).at("length")?;
    let net = IpNet::new(address, length)
        .map_err(|_| WireError::new(format_args!("{length} is too long for {address}")))
        .at("length")?;
    if net == net.trunc() {
        Ok(net)
    } else {
        Err(WireError::new(format_args!("{net} has bits set beyond its length: {} is meant", net.trunc())))
    }
}

pub(crate) fn prefix_wire(net: IpNet) -> v1::Prefix {
    v1::Prefix { address: address_bytes(net.addr()), length: net.prefix_len().into() }
}

/// A list, in which an error has its index.
pub(crate) fn list<W, T>(
    items: impl IntoIterator<Item = W>,
    mut read: impl FnMut(W) -> Read<T>,
) -> Read<Vec<T>> {
    items.into_iter().enumerate().map(|(index, item)| read(item).item(index)).collect()
}

/// What must be there.
pub(crate) fn required<T>(value: Option<T>) -> Read<T> {
    value.ok_or_else(|| WireError::new("is missing"))
}

/// A number of fewer bits.
pub(crate) fn narrow<T: TryFrom<u32>>(number: u32) -> Read<T> {
    T::try_from(number).map_err(|_| WireError::new(format_args!("{number} is out of range")))
}

/// A number of a kind that has no zero.
pub(crate) fn narrow_some<N: TryFrom<u32>, T: TryFrom<N>>(number: u32) -> Read<T> {
    T::try_from(narrow::<N>(number)?).map_err(|_| WireError::new(format_args!("{number} is out of range")))
}

pub(crate) fn limited<T, L: AsRef<[T]>>(list: L, max: usize) -> Read<L> {
    let count = list.as_ref().len();
    if count <= max {
        Ok(list)
    } else {
        Err(WireError::new(format_args!("has {count} items, at most {max} are allowed")))
    }
}

/// The name of a set or a backend.
pub(crate) fn name(name: String) -> Read<String> {
    check_name(&name)?;
    Ok(name)
}

/// A text for people or for selectors.
pub(crate) fn text(text: &str, max: usize) -> Read<String> {
    if text.len() <= max {
        Ok(text.to_owned())
    } else {
        Err(WireError::new(format_args!("has {} bytes, at most {max} are allowed", text.len())))
    }
}

/// What fits of a text for people.
pub(crate) fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let mut end = max.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

pub(crate) const fn duration(nanoseconds: u64) -> Duration {
    Duration::from_nanos(nanoseconds)
}

/// More than 584 years is that.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// An enum's number that has no meaning.
pub(crate) fn unknown(number: impl Display) -> WireError {
    WireError::new(format_args!("{number} is unknown to this version"))
}
