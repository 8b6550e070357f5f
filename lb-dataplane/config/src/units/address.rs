//! Addresses and prefixes.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Parsed;
use crate::read::{Scalar, shown};

/// No VIP is larger: a prefix takes whatever comes to it, and a shorter one is a slip of the pen.
const SHORTEST_V4: u8 = 8;
const SHORTEST_V6: u8 = 32;

/// The address or the prefix of a VIP.
pub(crate) fn vip_address(scalar: &Scalar<'_>) -> Parsed<IpNet> {
    let text = scalar.text;
    if !text.contains('/') {
        return unicast(scalar).map(IpNet::from);
    }
    let net: IpNet = prefix(text, "203.0.113.0/24 or 2001:db8::/48")?;
    check_vip_address(net)?;
    Ok(net)
}

/// Whether packets for `net` can be a VIP's.
pub(crate) fn check_vip_address(net: IpNet) -> Parsed<()> {
    match net {
        IpNet::V4(v4) => {
            prefix_length(v4.prefix_len(), SHORTEST_V4..=32)?;
            no_host_bits(&net.to_string(), v4, v4.trunc())?;
            // The length keeps all but the last address in one block of a kind.
            unicast_v4(v4.network()).and_then(|()| unicast_v4(v4.broadcast()))
        }
        IpNet::V6(v6) => {
            prefix_length(v6.prefix_len(), SHORTEST_V6..=128)?;
            no_host_bits(&net.to_string(), v6, v6.trunc())?;
            let mapped = Ipv6Net::new_assert(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(), 96);
            if v6.prefix_len() < 128 && (v6.contains(&mapped) || mapped.contains(&v6)) {
                Err("holds IPv4-mapped addresses: write a prefix of global addresses".to_owned())
            } else {
                unicast_v6(v6.network())
            }
        }
    }
    .map_err(|what| format!("{net} {what}"))
}

/// A source of packets: an address or a prefix of any length.
pub(crate) fn source(scalar: &Scalar<'_>) -> Parsed<IpNet> {
    let text = scalar.text;
    let net: IpNet = match text.parse::<IpAddr>() {
        Ok(address) => address.into(),
        Err(_) => prefix(text, "198.51.100.0/24 or 2001:db8::/48")?,
    };
    check_source(net)?;
    Ok(net)
}

/// Whether packets have sources of `net`.
pub(crate) fn check_source(net: IpNet) -> Parsed<()> {
    no_host_bits(&net.to_string(), net, net.trunc())?;
    match net {
        // A longer one holds other addresses too, and no packet has a mapped one.
        IpNet::V6(v6) if v6.prefix_len() >= 96 && v6.network().to_ipv4_mapped().is_some() => {
            Err(format!("{net} holds IPv4-mapped addresses: write the IPv4 prefix"))
        }
        _ => Ok(()),
    }
}

/// The address of a backend.
pub(crate) fn unicast(scalar: &Scalar<'_>) -> Parsed<IpAddr> {
    let text = scalar.text;
    let address: IpAddr = text.parse().map_err(|_| {
        let shown = shown(text);
        if text.contains('/') {
            format!("\"{shown}\" is a prefix: write the address alone")
        } else if text.contains('%') {
            format!("\"{shown}\" has a zone: write a global address")
        } else {
            format!("\"{shown}\" is no IP address: write one as in 203.0.113.10 or 2001:db8::10")
        }
    })?;
    check_unicast(address)?;
    Ok(address)
}

/// Whether other hosts reach somebody by `address`.
pub(crate) fn check_unicast(address: IpAddr) -> Parsed<()> {
    match address {
        IpAddr::V4(v4) => unicast_v4(v4),
        IpAddr::V6(v6) => unicast_v6(v6),
    }
    .map_err(|what| format!("{address} {what}"))
}

fn unicast_v4(address: Ipv4Addr) -> Parsed<()> {
    Err(if address.octets()[0] == 0 {
        "is unspecified (0.0.0.0/8): write a unicast address"
    } else if address.is_loopback() {
        "is a loopback address, which no other host can reach: write a unicast address"
    } else if address.is_multicast() {
        "is multicast: write a unicast address"
    } else if address.is_broadcast() {
        "is the broadcast address: write a unicast address"
    } else {
        return Ok(());
    }
    .to_owned())
}

fn unicast_v6(address: Ipv6Addr) -> Parsed<()> {
    if let Some(v4) = address.to_ipv4_mapped() {
        return Err(format!("is an IPv4-mapped address: write {v4}"));
    }
    Err(if address.is_unspecified() {
        "is unspecified: write a unicast address"
    } else if address.is_loopback() {
        "is the loopback address, which no other host can reach: write a unicast address"
    } else if address.is_multicast() {
        "is multicast: write a unicast address"
    } else if address.is_unicast_link_local() {
        "is link-local, which no router forwards: write a global address"
    } else {
        return Ok(());
    }
    .to_owned())
}

pub(crate) fn source_v4(scalar: &Scalar<'_>) -> Parsed<Ipv4Net> {
    let net: Ipv4Net = prefix(scalar.text, "172.16.0.0/16")?;
    prefix_length(net.prefix_len(), 8..=30)?;
    no_host_bits(scalar.text, net, net.trunc())?;
    if net.network().is_multicast() || net.network().is_loopback() || net.network().octets()[0] >= 240 {
        return Err(format!("{net} holds no unicast source addresses: take one as in 172.16.0.0/16"));
    }
    if net.network().octets()[0] == 0 {
        return Err(format!("{net} is \"this network\" and never a source: take one as in 172.16.0.0/16"));
    }
    Ok(net)
}

pub(crate) fn source_v6(scalar: &Scalar<'_>) -> Parsed<Ipv6Net> {
    let net: Ipv6Net = prefix(scalar.text, "100::/64")?;
    prefix_length(net.prefix_len(), 8..=126)?;
    no_host_bits(scalar.text, net, net.trunc())?;
    if net.network().is_multicast() {
        return Err(format!("{net} is multicast and never a source: take one as in 100::/64"));
    }
    if net.network().is_unspecified()
        || net.network().is_loopback()
        || net.network().to_ipv4_mapped().is_some()
    {
        return Err(format!(
            "{net} holds the unspecified address, IPv4-mapped or loopback ones: take one as in 100::/64"
        ));
    }
    Ok(net)
}

fn prefix<T: FromStr>(text: &str, example: &str) -> Parsed<T> {
    text.parse()
        .map_err(|_| format!("\"{}\" is no prefix: write address/length as in {example}", shown(text)))
}

fn prefix_length(length: u8, allowed: RangeInclusive<u8>) -> Parsed<()> {
    if allowed.contains(&length) {
        return Ok(());
    }
    Err(format!("the prefix length {length} is out of range: {} to {}", allowed.start(), allowed.end()))
}

fn no_host_bits<T: PartialEq + Display>(text: &str, net: T, truncated: T) -> Parsed<()> {
    if net == truncated {
        return Ok(());
    }
    Err(format!("{} has bits set beyond its length: write {truncated}", shown(text)))
}
