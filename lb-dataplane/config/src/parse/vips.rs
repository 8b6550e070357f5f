//! VIPs.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use super::backend_sets::{Set, Sets};
use super::health_check::port;
use crate::read::{FieldNames, Fields, list, shown};
use crate::sink::{Path, Position, Sink};
use crate::suggest::did_you_mean;
use crate::tree::Node;
use crate::types::{Protocol, Vip};
use crate::units;

pub(super) const FIELDS: FieldNames = &["name", "address", "port", "protocol", "backend_set"];

/// Set names that an error lists.
const LISTED_SETS: usize = 8;

#[derive(Default)]
struct Seen<'s> {
    names: HashMap<String, Position>,
    services: HashMap<(IpAddr, Protocol, NonZeroU16), Position>,
    sets: HashMap<&'s str, ()>,
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
        let vip = read_vip(item, &Path::Item(&path, index), sets, &mut seen, sink);
        vips = vips.zip(vip).map(|(mut all, one)| {
            all.push(one);
            all
        });
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
    path: &Path<'_>,
    sets: &'s Sets,
    seen: &mut Seen<'s>,
    sink: &mut Sink,
) -> Option<Vip> {
    let fields = Fields::open(node, FIELDS, path, sink)?;
    let name = fields.required("name", units::name, path, sink);
    let address = fields.required("address", units::unicast, path, sink);
    let port = fields.required("port", port, path, sink);
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
    if let (Some(address), Some(port), Some(protocol)) = (address, port, protocol) {
        let first = *seen.services.entry((address, protocol, port)).or_insert(fields.at());
        if first != fields.at() {
            let reason =
                format_args!("{address} port {port} {protocol} is the VIP in line {} already", first.line);
            sink.error(fields.at(), path, reason);
            return None;
        }
    }
    let address = address.filter(|address| {
        let Some(backend) = sets.backend_at(address) else { return true };
        let reason = format_args!(
            "{address} is also the address of the backend in line {}: its packets would come back to the forwarder",
            backend.line
        );
        sink.error(fields.value_at("address"), &Path::Field(path, "address"), reason);
        false
    });
    let backend_set = Arc::clone(set?.set.as_ref()?);
    Some(Vip { name: name?, address: address?, port: port?, protocol: protocol?, backend_set })
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
