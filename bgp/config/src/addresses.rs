//! Fields that are addresses or numbers of BGP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use guideway_bgp_fsm::HoldTime;
use guideway_bgp_wire::iana::AS_TRANS;
use guideway_bgp_wire::{Families, Family};
use ipnet::IpNet;

use crate::fields::{duration, number, parsed, text};
use crate::yaml::Value;

/// An AS number.
///
/// # Errors
///
/// Why it is none.
pub fn as_number(value: &Value) -> Result<u32, String> {
    match number::<u32>("1 to 4294967295")(value)? {
        0 => Err("0 is no AS number (RFC 7607)".to_owned()),
        asn if asn == u32::from(AS_TRANS) => Err(format!("{asn} is reserved (AS_TRANS, RFC 6793)")),
        asn => Ok(asn),
    }
}

/// A BGP identifier (RFC 6286).
///
/// # Errors
///
/// Why it is none.
pub fn router_id(value: &Value) -> Result<Ipv4Addr, String> {
    match parsed::<Ipv4Addr>("four numbers such as 10.255.1.1")(value)? {
        Ipv4Addr::UNSPECIFIED => Err("0.0.0.0 is not allowed (RFC 6286)".to_owned()),
        id => Ok(id),
    }
}

/// A unicast address; a link-local one only with the interface behind it (`fe80::1%up0`), which is given back beside it.
pub(crate) fn peer_address(value: &Value) -> Result<(IpAddr, Option<String>), String> {
    if let Value::Text(text) = value
        && let Some((address, zone)) = text.split_once('%')
    {
        let wrong = || {
            format!(
                "`{}` is not a link-local address with its interface, such as fe80::1%up0",
                text.escape_debug()
            )
        };
        let address: Ipv6Addr = address.parse().map_err(|_| wrong())?;
        if !address.is_unicast_link_local() {
            return Err(format!("{address} is not link-local: it has no zone"));
        }
        return Ok((address.into(), Some(interface_name(zone)?)));
    }
    let address = parsed::<IpAddr>("an IPv4 or IPv6 address")(value)?;
    let refused = match address {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => refused_v6(address),
    };
    refused.map_or(Ok((address, None)), |kind| Err(format!("{address} is {kind}")))
}

/// An address of this machine.
pub(crate) fn local_address(value: &Value) -> Result<IpAddr, String> {
    match peer_address(value)? {
        (address, None) => Ok(address),
        (address, Some(_)) => Err(format!("{address} is link-local: give the peer's `interface` instead")),
    }
}

/// The name of an interface, as the kernel takes it (`dev_valid_name`).
pub(crate) fn interface_name(name: &str) -> Result<String, String> {
    let bad = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.len() > 15 || name == "." || name == ".." || name.contains(bad) {
        return Err(format!("`{}` is not the name of an interface", name.escape_debug()));
    }
    Ok(name.to_owned())
}

pub(crate) fn interface(value: &Value) -> Result<String, String> {
    interface_name(&text(value)?)
}

/// A prefix without host bits.
///
/// # Errors
///
/// Why it is none.
pub fn prefix(value: &Value) -> Result<IpNet, String> {
    let prefix = parsed::<IpNet>("a prefix such as 203.0.113.0/24 or 2001:db8::/64")(value)?;
    if prefix == prefix.trunc() {
        Ok(prefix)
    } else {
        Err(format!("{prefix} has host bits; {} would be right", prefix.trunc()))
    }
}

/// An address, which stands for its host prefix, or a prefix without host bits.
///
/// # Errors
///
/// Why it is neither.
pub fn vip(value: &Value) -> Result<IpNet, String> {
    let text = text(value).map_err(|_| "must be an address or a prefix".to_owned())?;
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(address.into()),
        Err(_) => prefix(&Value::Text(text)),
    }
}

/// The next hop of IPv4 routes: an IPv4 address, or an IPv6 one (RFC 8950).
pub(crate) fn next_hop_v4(value: &Value) -> Result<IpAddr, String> {
    match parsed::<IpAddr>("an IPv4 address, or with extended_next_hop an IPv6 one")(value)? {
        IpAddr::V4(address) => match refused_v4(address) {
            Some(kind) => Err(format!("{address} is {kind}")),
            None if address.is_loopback() => Err(format!("{address} is a loopback address")),
            None => Ok(address.into()),
        },
        IpAddr::V6(_) => next_hop_v6(value).map(IpAddr::V6),
    }
}

pub(crate) fn next_hop_v6(value: &Value) -> Result<Ipv6Addr, String> {
    let address = parsed::<Ipv6Addr>("an IPv6 address")(value)?;
    match refused_v6(address) {
        Some(kind) => Err(format!("{address} is {kind}")),
        None if address.is_loopback() => Err(format!("{address} is a loopback address")),
        None => Ok(address),
    }
}

fn refused_v4(address: Ipv4Addr) -> Option<&'static str> {
    if address.is_unspecified() || address.octets()[0] == 0 {
        Some("not a host address")
    } else if address.is_multicast() || address.octets()[0] >= 240 {
        Some("not a unicast address")
    } else {
        None
    }
}

fn refused_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_unspecified() {
        Some("not a host address")
    } else if address.is_multicast() {
        Some("not a unicast address")
    } else if address.is_unicast_link_local() {
        Some("a link-local address, which needs its interface: for a peer write fe80::1%up0")
    } else if address.to_ipv4_mapped().is_some() {
        Some("an IPv4 address in IPv6 form; write it as IPv4")
    } else {
        None
    }
}

pub(crate) fn hold_time(value: &Value) -> Result<HoldTime, String> {
    let wrong = || "must be 0s (never expires) or 3s to 65535s in whole seconds (RFC 4271)".to_owned();
    let time = duration(value)?;
    let seconds = u16::try_from(time.as_secs()).map_err(|_| wrong())?;
    if time.subsec_nanos() != 0 {
        return Err(wrong());
    }
    HoldTime::from_secs(seconds).ok_or_else(wrong)
}

/// A time between two limits; `range` names them.
///
/// # Errors
///
/// What it must be.
pub fn bounded(value: &Value, least: Duration, most: Duration, range: &str) -> Result<Duration, String> {
    let time = duration(value)?;
    if (least..=most).contains(&time) { Ok(time) } else { Err(format!("must be {range}")) }
}

/// `off` (also the boolean), or what `parse` makes of anything else.
///
/// # Errors
///
/// Those of `parse`.
pub fn or_off<T>(
    value: &Value,
    parse: impl FnOnce(&Value) -> Result<T, String>,
) -> Result<Option<T>, String> {
    match value {
        Value::Bool(false) => Ok(None),
        Value::Text(text) if text == "off" => Ok(None),
        value => parse(value).map(Some),
    }
}

/// `true`, `false`, `on`, `off`.
///
/// # Errors
///
/// For anything else.
pub fn switch(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(on) => Ok(*on),
        Value::Text(text) if text == "on" => Ok(true),
        Value::Text(text) if text == "off" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

/// One of some words.
///
/// # Errors
///
/// Names the words.
pub fn word<T: Copy>(words: &'static [(&'static str, T)]) -> impl Fn(&Value) -> Result<T, String> {
    move |value| {
        let found = match value {
            Value::Text(text) => words.iter().find(|(word, _)| word == text).map(|(_, meaning)| *meaning),
            _ => None,
        };
        found.ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            format!("must be one of {}", words.join(", "))
        })
    }
}

pub(crate) fn families(value: &Value) -> Result<Families, String> {
    let wrong = || "must be a list of ipv4 and ipv6, each once".to_owned();
    let Value::List(list) = value else { return Err(wrong()) };
    let mut families = Families::NONE;
    for node in list {
        let name = text(&node.value).map_err(|_| wrong())?;
        let family = Family::ALL.into_iter().find(|family| family.to_string() == name).ok_or_else(wrong)?;
        if families.contains(family) {
            return Err(wrong());
        }
        families = families.with(family);
    }
    if families.is_empty() { Err(wrong()) } else { Ok(families) }
}
