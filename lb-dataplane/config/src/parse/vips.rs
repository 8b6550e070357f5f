//! VIPs.

use std::collections::HashMap;
use std::sync::Arc;

use ipnet::IpNet;

use super::backend_sets::{Set, Sets};
use super::node::MAX_FLOWS;
use super::overlap::{Range, Ranges};
use super::{affinity, overlap, sources};
use crate::read::{FieldNames, Fields, list, scalar, shown};
use crate::sink::{Path, Position, Sink};
use crate::suggest::did_you_mean;
use crate::tree::Node;
use crate::types::{Affinity, EncapsulationKind, Ports, Protocol, Vip};
use crate::units;

pub(super) const FIELDS: FieldNames =
    &["name", "address", "port", "protocol", "backend_set", "affinity", "flow_entries", "sources"];

/// Entries of a bucket of the flow table: no part of it is smaller.
pub(crate) const FEWEST_FLOWS: u32 = 4;

/// Set names that an error lists.
const LISTED_SETS: usize = 8;

#[derive(Default)]
struct Seen<'s> {
    names: HashMap<String, Position>,
    services: HashMap<(IpNet, Protocol, Ports), Position>,
    ranges: Ranges,
    sets: HashMap<&'s str, ()>,
}

/// `None` is reported.
pub(super) fn pools(root: &Fields<'_, '_>, sets: &Sets, sink: &mut Sink) -> Option<Vec<IpNet>> {
    let path = Path::Field(&Path::Root, "pools");
    let items = match root.node("pools") {
        None => &[][..],
        Some(node) => list(node, &path, sink)?,
    };
    let mut seen: HashMap<IpNet, Position> = HashMap::new();
    let mut pools = Some(Vec::with_capacity(items.len()));
    for (index, item) in items.iter().enumerate() {
        let path = Path::Item(&path, index);
        let pool =
            scalar(item, units::vip_address, &path, sink).filter(|pool| match seen.insert(*pool, item.at) {
                None => true,
                Some(first) => {
                    sink.error(item.at, &path, format_args!("{pool} stands already in line {}", first.line));
                    false
                }
            });
        if let Some((backend, at)) = pool.and_then(|pool| sets.backend_in(&pool)) {
            let reason = format_args!(
                "contains {backend}, the address of the backend in line {}: the null route of the pool hides a wider route to \
                 it, such as a default route",
                at.line
            );
            sink.warning(item.at, &path, reason);
        }
        pools = pools.zip(pool).map(|(mut all, one)| {
            all.push(one);
            all
        });
    }
    pools
}

/// `None` is reported.
pub(super) fn read(root: &Fields<'_, '_>, sets: &Sets, sink: &mut Sink) -> Option<Vec<Vip>> {
    let path = Path::Field(&Path::Root, "vips");
    let items = match root.node("vips") {
        None => &[][..],
        Some(node) => list(node, &path, sink)?,
    };
    let mut seen = Seen::default();
    let mut vips = Some(Vec::with_capacity(items.len()));
    for (index, item) in items.iter().enumerate() {
        let vip = read_vip(item, index, &Path::Item(&path, index), sets, &mut seen, sink);
        vips = vips.zip(vip).map(|(mut all, one)| {
            all.push(one);
            all
        });
    }
    let ranges = std::mem::take(&mut seen.ranges);
    for overlap::Crossing { later, earlier } in ranges.crossings() {
        let reason = format_args!(
            "{}-{} crosses {}-{} of the VIP in line {}: one must contain the other, or they must have no port in common",
            later.first, later.last, earlier.first, earlier.last, earlier.at.line
        );
        sink.error(later.at, &Path::Field(&Path::Item(&path, later.index), "port"), reason);
        vips = None;
    }
    if items.is_empty() {
        sink.warning(root.value_at("vips"), &path, "no VIP is configured: this forwarder serves nothing");
    }
    for set in sets.iter().filter(|set| !seen.sets.contains_key(set.name.as_str())) {
        let all_sets = Path::Field(&Path::Root, "backend_sets");
        let reason =
            format_args!("no VIP uses the set \"{}\": its backends are neither checked nor served", set.name);
        sink.warning(set.at, &Path::Item(&all_sets, set.index), reason);
    }
    vips
}

fn read_vip<'s>(
    node: &Node<'_>,
    index: usize,
    path: &Path<'_>,
    sets: &'s Sets,
    seen: &mut Seen<'s>,
    sink: &mut Sink,
) -> Option<Vip> {
    let fields = Fields::open(node, FIELDS, path, sink)?;
    let name = fields.required("name", units::name, path, sink);
    let address = fields.required("address", units::vip_address, path, sink);
    let ports = fields.required("port", units::ports, path, sink);
    let protocols = units::one_of(&[("tcp", Protocol::Tcp), ("udp", Protocol::Udp)]);
    let protocol = fields.required("protocol", protocols, path, sink);
    let set_name =
        fields.required("backend_set", |scalar| Ok::<_, String>(scalar.text.to_owned()), path, sink);
    let set = set_name.and_then(|name| find_set(&name, &fields, path, sets, sink));
    if let Some(set) = set {
        seen.sets.insert(&set.name, ());
    }

    let name = name.filter(|name| {
        let at = fields.value_at("name");
        let first = *seen.names.entry(name.clone()).or_insert(at);
        if first != at {
            let reason = format_args!("\"{name}\" is the name of the VIP in line {} already", first.line);
            sink.error(at, &Path::Field(path, "name"), reason);
        }
        first == at
    });
    if let (Some(address), Some(ports), Some(protocol)) = (address, ports, protocol) {
        let first = *seen.services.entry((address, protocol, ports)).or_insert(fields.at());
        if first != fields.at() {
            let address = shown_address(&address);
            let reason =
                format_args!("{address} port {ports} {protocol} is the VIP in line {} already", first.line);
            sink.error(fields.at(), path, reason);
            return None;
        }
        if let Ports::Range(first, last) = ports {
            seen.ranges.insert(address, protocol, Range { first, last, at: fields.value_at("port"), index });
        }
    }
    let address = address.filter(|address| {
        let Some((backend, at)) = sets.backend_in(address) else { return true };
        let what = if is_host(address) { "is also" } else { &*format!("contains {backend},") };
        let reason = format_args!(
            "{} {what} the address of the backend in line {}: its packets would come back to the forwarder",
            shown_address(address),
            at.line
        );
        sink.error(fields.value_at("address"), &Path::Field(path, "address"), reason);
        false
    });
    let affinity = match fields.node("affinity") {
        None => Some(Affinity::None),
        Some(node) => affinity::read(node, protocol, &Path::Field(path, "affinity"), sink),
    };
    let flow_entries = fields.optional("flow_entries", units::number(FEWEST_FLOWS..=MAX_FLOWS), path, sink);
    let sources = match fields.node("sources") {
        None => Some(Vec::new()),
        Some(node) => sources::read(node, address.as_ref(), &Path::Field(path, "sources"), sink),
    };
    let backend_set = set.and_then(|set| set.set.as_ref().map(|whole| (set, whole)));
    if let (Some(address), Some((set, whole))) = (&address, backend_set)
        && whole.encapsulation == EncapsulationKind::L2
    {
        check_l2(address, set, &fields, path, sink);
    }
    let backend_set = backend_set.map(|(_, whole)| Arc::clone(whole));
    if let (Some(Some(_)), Some(affinity), Some(protocol)) = (flow_entries, affinity, protocol) {
        let second_hop = backend_set.as_ref().is_some_and(|set| set.second_hop);
        check_flow_entries(affinity, protocol, second_hop, &fields, path, sink);
    }
    Some(Vip {
        name: name?,
        address: address?,
        ports: ports?,
        protocol: protocol?,
        backend_set: backend_set?,
        affinity: affinity?,
        flow_entries: flow_entries?.map(u32::next_power_of_two),
        sources: sources?,
    })
}

/// L2 has no outer header that could be of another family than the packet.
fn check_l2(address: &IpNet, set: &Set, fields: &Fields<'_, '_>, path: &Path<'_>, sink: &mut Sink) {
    let (backend, other, own) = match address {
        IpNet::V4(_) => (set.families.v6, "IPv6", "IPv4"),
        IpNet::V6(_) => (set.families.v4, "IPv4", "IPv6"),
    };
    if let Some(backend) = backend {
        let reason = format_args!(
            "the set \"{}\" has `encapsulation: l2`, its backend in line {} is {other} and this VIP is {own}: use \
             another encapsulation, or a set for each family",
            set.name, backend.line
        );
        sink.error(fields.value_at("backend_set"), &Path::Field(path, "backend_set"), reason);
    }
}

/// Entries that nobody would ever use.
fn check_flow_entries(
    affinity: Affinity,
    protocol: Protocol,
    second_hop: bool,
    fields: &Fields<'_, '_>,
    path: &Path<'_>,
    sink: &mut Sink,
) {
    let path = &Path::Field(path, "flow_entries");
    let at = fields.key_at("flow_entries");
    match (affinity, protocol) {
        (Affinity::None, Protocol::Udp) => {
            let reason = "a VIP of udp without affinity remembers no flows: remove it, or set `affinity: {type: flow}`";
            sink.error(at, path, reason);
        }
        (Affinity::None, Protocol::Tcp) if second_hop => {
            let reason = "is never used: the set has `second_hop`, so that its backends look after the flows";
            sink.warning(at, path, reason);
        }
        _ => {}
    }
}

pub(crate) fn is_host(address: &IpNet) -> bool {
    address.prefix_len() == address.max_prefix_len()
}

/// A single address without its length.
pub(crate) fn shown_address(address: &IpNet) -> String {
    if is_host(address) { address.addr().to_string() } else { address.to_string() }
}

fn find_set<'s>(
    name: &str,
    fields: &Fields<'_, '_>,
    path: &Path<'_>,
    sets: &'s Sets,
    sink: &mut Sink,
) -> Option<&'s Set> {
    if let Some(set) = sets.find(name) {
        return Some(set);
    }
    let path = &Path::Field(path, "backend_set");
    let at = fields.value_at("backend_set");
    if sink.is_full() {
        sink.error(at, path, ""); // only counted
        return None;
    }
    let hint = did_you_mean(name, sets.iter().map(|set| set.name.as_str()));
    sink.error(at, path, format_args!("no set is called \"{}\"{hint} {}", shown(name), existing(sets)));
    None
}

fn existing(sets: &Sets) -> String {
    let mut names: Vec<&str> = sets.iter().take(LISTED_SETS).map(|set| set.name.as_str()).collect();
    let mut text = match (names.is_empty(), sets.nameless()) {
        (true, false) => return "(`backend_sets` has none)".to_owned(),
        (true, true) => return "(no set has a readable name)".to_owned(),
        (false, _) => {
            names.sort_unstable();
            format!("(there are: {}", names.join(", "))
        }
    };
    let rest = sets.iter().count() - names.len();
    if rest > 0 {
        text.push_str(&format!(" and {rest} more"));
    }
    if sets.nameless() {
        text.push_str(" and one without a readable name");
    }
    text.push(')');
    text
}
