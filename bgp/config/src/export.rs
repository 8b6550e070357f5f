//! What is set for routes.

use std::collections::HashMap;
use std::str::FromStr;

use guideway_bgp_rib::policy::{LinkBandwidth, PeerExport, RouteSettings};
use ipnet::IpNet;

use crate::addresses::{prefix, vip};
use crate::fields::{Problem, Section, number, text};
use crate::layers::Layers;
use crate::yaml::{Node, Value};

/// An UPDATE has some four thousand octets; this many communities of each kind leave room for prefixes.
const MAX_COMMUNITIES: usize = 64;
const MAX_PREPEND: u8 = 32;
/// Longer lists are written as fewer and shorter prefixes.
const MAX_ONLY: usize = 1000;
const MAX_PEER_VIPS: usize = 1000;

/// The fields `communities`, `extended_communities`, `large_communities`, `local_pref`, `med`, `prepend` and
/// `link_bandwidth` of a map.
pub fn route_settings(section: &mut Section<'_>, problems: &mut Vec<Problem>) -> RouteSettings {
    let mut settings = RouteSettings::default();
    if let Some(found) = section.optional("communities", problems, list) {
        settings.communities = found.value;
    }
    if let Some(found) = section.optional("extended_communities", problems, list) {
        settings.extended_communities = found.value;
    }
    if let Some(found) = section.optional("large_communities", problems, list) {
        settings.large_communities = found.value;
    }
    let any = number::<u32>("0 to 4294967295");
    settings.local_pref = section.optional("local_pref", problems, &any).map(|found| found.value);
    settings.med = section.optional("med", problems, &any).map(|found| found.value);
    settings.prepend = section.optional("prepend", problems, prepend).map(|found| found.value);
    settings.link_bandwidth =
        section.optional("link_bandwidth", problems, bandwidth).map(|found| found.value);
    settings
}

/// The block `export` of a peer.
pub(crate) fn peer_export(layers: &mut Layers<'_>, problems: &mut Vec<Problem>) -> PeerExport {
    let Some((node, name)) = layers.node("export") else { return PeerExport::default() };
    let mut section = Section::open(&name, node, problems);
    let settings = route_settings(&mut section, problems);
    let only = section.node("only").map(|node| prefixes(node, &section.name("only"), problems));
    let vips = match section.node("vips") {
        Some(node) => vip_list(&section.name("vips"), node, MAX_PEER_VIPS, problems),
        None => Vec::new(),
    };
    section.close(problems);
    PeerExport { settings, only: only.unwrap_or_default(), vips }
}

/// A list of at most `most` maps, each with a `prefix` and what is set for the VIPs in it; each wrong one is told.
pub fn vip_list(
    name: &str,
    node: &Node,
    most: usize,
    problems: &mut Vec<Problem>,
) -> Vec<(IpNet, RouteSettings)> {
    let reason = match &node.value {
        Value::List(list) if list.len() <= most => {
            let mut lines = HashMap::new();
            let entries = list.iter().enumerate();
            return entries
                .filter_map(|(index, node)| one_vip(&format!("{name}[{index}]"), node, &mut lines, problems))
                .collect();
        }
        Value::List(list) => format!("has {} entries, at most {most} are allowed", list.len()),
        other => format!("must be a list, not {}", other.kind()),
    };
    problems.push(Problem { line: node.line, field: name.to_owned(), reason });
    Vec::new()
}

fn one_vip(
    path: &str,
    node: &Node,
    lines: &mut HashMap<IpNet, u64>,
    problems: &mut Vec<Problem>,
) -> Option<(IpNet, RouteSettings)> {
    let mut section = Section::open(path, node, problems);
    let prefix = section.required("prefix", problems, vip);
    let settings = route_settings(&mut section, problems);
    section.close(problems);
    let prefix = prefix?;
    if let Some(first) = lines.insert(prefix.value, node.line) {
        let reason = format!("{} is there already, in line {first}", prefix.value);
        problems.push(Problem { line: prefix.line, field: format!("{path}.prefix"), reason });
    }
    Some((prefix.value, settings))
}

/// A list of prefixes; each wrong one is told.
pub fn prefixes(node: &Node, name: &str, problems: &mut Vec<Problem>) -> Vec<IpNet> {
    let list = match &node.value {
        Value::List(list) if (1..=MAX_ONLY).contains(&list.len()) => list,
        _ => {
            let reason = format!("must be a list of 1 to {MAX_ONLY} prefixes");
            problems.push(Problem { line: node.line, field: name.to_owned(), reason });
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for (index, node) in list.iter().enumerate() {
        match prefix(&node.value) {
            Ok(prefix) => found.push(prefix),
            Err(reason) => {
                problems.push(Problem { line: node.line, field: format!("{name}[{index}]"), reason });
            }
        }
    }
    found
}

/// A list of communities of one kind. One that is two numbers is a text in YAML 1.2 too.
fn list<T>(value: &Value) -> Result<Vec<T>, String>
where
    T: FromStr + PartialEq,
    T::Err: std::fmt::Display,
{
    let Value::List(nodes) = value else {
        return Err(format!("must be a list of communities, not {}", value.kind()));
    };
    if nodes.len() > MAX_COMMUNITIES {
        return Err(format!("has {} communities, at most {MAX_COMMUNITIES} are allowed", nodes.len()));
    }
    let mut communities = Vec::new();
    for node in nodes {
        let text = text(&node.value)?;
        let community = text.parse::<T>().map_err(|error| error.to_string())?;
        if communities.contains(&community) {
            return Err(format!("{} stands here twice", text.escape_debug()));
        }
        communities.push(community);
    }
    Ok(communities)
}

fn prepend(value: &Value) -> Result<u8, String> {
    match number::<u8>("0 to 32")(value)? {
        times @ ..=MAX_PREPEND => Ok(times),
        other => Err(format!("{other} is not in 0 to {MAX_PREPEND}")),
    }
}

/// `auto`, `off`, or bits per second with a unit: `10G`, `2500M`.
fn bandwidth(value: &Value) -> Result<LinkBandwidth, String> {
    let wrong = || "must be auto, off, or bits per second such as 10G, 2500M or 64k".to_owned();
    match value {
        Value::Bool(false) => Ok(LinkBandwidth::Off),
        Value::Text(text) => match text.as_str() {
            "off" => Ok(LinkBandwidth::Off),
            "auto" => Ok(LinkBandwidth::Live),
            text => {
                let units =
                    [('k', 1_000), ('M', 1_000_000), ('G', 1_000_000_000), ('T', 1_000_000_000_000_u64)];
                let found = units.into_iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)));
                let (number, unit) = found.ok_or_else(wrong)?;
                let is_number = !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit());
                let bits = number.parse::<u64>().ok().filter(|_| is_number);
                let bits = bits.and_then(|number| number.checked_mul(unit)).filter(|bits| *bits >= 8);
                bits.map(|bits| LinkBandwidth::Fixed(bits / 8)).ok_or_else(wrong)
            }
        },
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidths() {
        let parse = |text: &str| bandwidth(&Value::Text(text.to_owned()));
        assert_eq!(parse("auto"), Ok(LinkBandwidth::Live));
        assert_eq!(parse("off"), Ok(LinkBandwidth::Off));
        assert_eq!(parse("10G"), Ok(LinkBandwidth::Fixed(1_250_000_000)));
        assert_eq!(parse("64k"), Ok(LinkBandwidth::Fixed(8_000)));
        for wrong in ["", "10", "G", "10g", "-1G", "+1G", "1.5G", "0G", "99999999999999999999T", "é"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(bandwidth(&Value::Integer(10)).is_err());
    }
}
