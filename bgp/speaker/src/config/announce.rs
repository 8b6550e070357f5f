//! What is set for routes: the blocks `announce`, `pools`, `vips` and `damping`.

use std::time::Duration;

use guideway_bgp_config::Problem;
use guideway_bgp_config::addresses::{bounded, or_off, switch};
use guideway_bgp_config::export::{prefixes, route_settings, vip_list};
use guideway_bgp_config::fields::{Section, number, text};
use guideway_bgp_config::yaml::{Node, Value};
use guideway_bgp_rib::DampingSettings;
use guideway_bgp_rib::policy::{Aggregation, NodeExport, Pool, Specifics};
use ipnet::IpNet;

const MAX_POOLS: usize = 1000;
const MAX_VIPS: usize = 10_000;

/// What is set for the node, its pools and its VIPs.
pub(super) fn node_export(document: &mut Section<'_>, problems: &mut Vec<Problem>) -> NodeExport {
    let settings = document.node("announce").map(|node| {
        let mut section = Section::open("announce", node, problems);
        let settings = route_settings(&mut section, problems);
        section.close(problems);
        settings
    });
    let pools = list(document, "pools", MAX_POOLS, problems);
    let pools = pools.into_iter().flat_map(|(path, node)| pool(&path, node, problems)).collect();
    let vips = document.node("vips").map(|node| vip_list("vips", node, MAX_VIPS, problems));
    NodeExport { settings: settings.unwrap_or_default(), pools, vips: vips.unwrap_or_default() }
}

fn list<'a>(
    document: &mut Section<'a>,
    field: &'static str,
    most: usize,
    problems: &mut Vec<Problem>,
) -> Vec<(String, &'a Node)> {
    let Some(node) = document.node(field) else { return Vec::new() };
    let reason = match &node.value {
        Value::List(list) if list.len() <= most => {
            return list
                .iter()
                .enumerate()
                .map(|(index, node)| (format!("{field}[{index}]"), node))
                .collect();
        }
        Value::List(list) => format!("has {} entries, at most {most} are allowed", list.len()),
        other => format!("must be a list, not {}", other.kind()),
    };
    problems.push(Problem { line: node.line, field: field.to_owned(), reason });
    Vec::new()
}

fn pool(path: &str, node: &Node, problems: &mut Vec<Problem>) -> Option<Pool> {
    let mut section = Section::open(path, node, problems);
    let before = problems.len();
    let name = section.optional("name", problems, text);
    let found = match section.node("prefixes") {
        Some(node) => prefixes(node, &section.name("prefixes"), problems),
        None => {
            problems.push(Problem {
                line: section.line(),
                field: section.name("prefixes"),
                reason: "is required and missing".to_owned(),
            });
            Vec::new()
        }
    };
    let settings = route_settings(&mut section, problems);
    let aggregate =
        section.node("aggregate").map(|node| aggregate(&section.name("aggregate"), node, problems));
    section.close(problems);
    let (aggregate_v4, aggregate_v6) = aggregate.unwrap_or_default();
    let unused = [
        (aggregate_v4, "ipv4", found.iter().any(|prefix| matches!(prefix, IpNet::V4(_)))),
        (aggregate_v6, "ipv6", found.iter().any(|prefix| matches!(prefix, IpNet::V6(_)))),
    ];
    for (aggregate, family, is_there) in unused {
        if aggregate.is_some() && !is_there && !found.is_empty() {
            let reason = format!("has no use: the pool has no {family} prefix");
            problems.push(Problem { line: node.line, field: format!("{path}.aggregate.{family}"), reason });
        }
    }
    let name = name.map(|found| found.value).unwrap_or_default();
    (problems.len() == before).then_some(Pool { name, prefixes: found, settings, aggregate_v4, aggregate_v6 })
}

/// `{ipv4: 24, ipv6: 64, specifics: true}`.
fn aggregate(
    path: &str,
    node: &Node,
    problems: &mut Vec<Problem>,
) -> (Option<Aggregation>, Option<Aggregation>) {
    let before = problems.len();
    let mut section = Section::open(path, node, problems);
    let v4 = section.optional("ipv4", problems, |value| length(value, 32, "1 to 32"));
    let v6 = section.optional("ipv6", problems, |value| length(value, 128, "1 to 128"));
    let specifics = section.optional("specifics", problems, switch);
    section.close(problems);
    if v4.is_none() && v6.is_none() && problems.len() == before {
        let reason = "must have a length for ipv4 or for ipv6".to_owned();
        problems.push(Problem { line: node.line, field: path.to_owned(), reason });
    }
    let specifics = match specifics.map(|found| found.value) {
        Some(true) => Specifics::Announced,
        Some(false) | None => Specifics::Hidden,
    };
    let aggregation = |length: u8| Aggregation { length, specifics };
    (v4.map(|found| aggregation(found.value)), v6.map(|found| aggregation(found.value)))
}

fn length(value: &Value, most: u8, range: &'static str) -> Result<u8, String> {
    match number::<u8>(range)(value)? {
        length if (1..=most).contains(&length) => Ok(length),
        other => Err(format!("{other} is not in {range}")),
    }
}

/// Figures of damping; `off` switches it off.
pub(super) fn damping(document: &mut Section<'_>, problems: &mut Vec<Problem>) -> Option<DampingSettings> {
    let mut settings = DampingSettings::default();
    let Some(node) = document.node("damping") else { return Some(settings) };
    if let Ok(None) = or_off(&node.value, |_| Ok(())) {
        return None;
    }
    let before = problems.len();
    let mut section = Section::open("damping", node, problems);
    let figure = number::<u32>("1 to 4294967295");
    let time =
        |value: &Value| bounded(value, Duration::from_secs(1), Duration::from_secs(3600), "1s to 3600s");
    for (field, target) in [
        ("penalty", &mut settings.penalty),
        ("suppress", &mut settings.suppress),
        ("reuse", &mut settings.reuse),
    ] {
        if let Some(found) = section.optional(field, problems, &figure) {
            *target = found.value;
        }
    }
    for (field, target) in [("half_life", &mut settings.half_life), ("max_hold", &mut settings.max_hold)] {
        if let Some(found) = section.optional(field, problems, time) {
            *target = found.value;
        }
    }
    section.close(problems);
    if problems.len() == before && !settings.is_valid() {
        let reason =
            "the figures make no sense: nothing may be 0, reuse is at most suppress, and within max_hold a \
                      history must be able to grow above suppress"
                .to_owned();
        problems.push(Problem { line: node.line, field: "damping".to_owned(), reason });
    }
    Some(settings)
}
