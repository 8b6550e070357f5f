//! Where the services come from when they are not in the file.

use std::collections::{BTreeMap, HashSet};
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use crate::read::{FieldNames, Fields, Scalar, list, scalar, shown};
use crate::sink::{Path, Sink};
use crate::tree::Kind;
use crate::types::{Controller, ControllerAddress};
use crate::units;

pub(super) const FIELDS: FieldNames =
    &["addresses", "name", "zone", "labels", "certificate", "key", "ca", "bgp_config", "relay"];

/// More would be tried one after the other for too long.
const MAX_ADDRESSES: usize = 16;
const MAX_LABELS: usize = 64;
const DEFAULT_RELAY_PORT: u16 = 9490;

/// What the controller gives; with it in the file, nobody could tell which counts.
const FROM_THE_CONTROLLER: FieldNames = &["seed", "backend_sets", "vips", "pools"];

/// `None` is reported; `Some(None)`: the file has its own services.
pub(super) fn read(root: &Fields<'_, '_>, sink: &mut Sink) -> Option<Option<Controller>> {
    let Some(node) = root.node("controller") else { return Some(None) };
    for name in FROM_THE_CONTROLLER.iter().filter(|name| root.node(name).is_some()) {
        let reason = "comes from the controller: remove it, or remove `controller`";
        sink.error(root.key_at(name), &Path::Field(&Path::Root, name), reason);
    }
    let path = &Path::Field(&Path::Root, "controller");
    let fields = Fields::open(node, FIELDS, path, sink)?;
    let addresses = addresses(&fields, path, sink);
    let name = fields.required("name", units::name, path, sink);
    let zone = fields.optional("zone", units::name, path, sink);
    let labels = labels(&fields, path, sink);
    let certificate = fields.required("certificate", units::file_path, path, sink);
    let key = fields.required("key", units::file_path, path, sink);
    let ca = fields.required("ca", units::file_path, path, sink);
    let bgp_config: Option<Option<PathBuf>> = fields.optional("bgp_config", units::file_path, path, sink);
    let relay = fields.optional("relay", relay, path, sink);
    let everywhere = SocketAddr::from((Ipv6Addr::UNSPECIFIED, DEFAULT_RELAY_PORT));
    Some(Some(Controller {
        addresses: addresses?,
        name: name?,
        zone: zone?,
        labels: labels?,
        certificate: certificate?,
        key: key?,
        ca: ca?,
        bgp_config: bgp_config?,
        relay: relay?.unwrap_or(Some(everywhere)),
    }))
}

/// Where to listen, or `off`.
fn relay(scalar: &Scalar<'_>) -> units::Parsed<Option<SocketAddr>> {
    if scalar.text == "off" {
        return Ok(None);
    }
    let address = units::listen_address(scalar).map_err(|reason| format!("{reason}, or `off`"))?;
    if address.port() == 0 {
        return Err("has port 0: others have to know the port".to_owned());
    }
    Ok(Some(address))
}

fn addresses(fields: &Fields<'_, '_>, path: &Path<'_>, sink: &mut Sink) -> Option<Vec<ControllerAddress>> {
    let node = fields.required_node("addresses", path, sink)?;
    let path = &Path::Field(path, "addresses");
    let items = list(node, path, sink)?;
    if items.is_empty() || items.len() > MAX_ADDRESSES {
        let reason = format_args!("has {} addresses: write 1 to {MAX_ADDRESSES}", items.len());
        sink.error(node.at, path, reason);
        return None;
    }
    let mut addresses: Option<Vec<ControllerAddress>> = Some(Vec::with_capacity(items.len()));
    for (index, item) in items.iter().enumerate() {
        let path = &Path::Item(path, index);
        let address = scalar(item, units::host_and_port, path, sink);
        if let (Some(known), Some(address)) = (&addresses, &address)
            && known.contains(address)
        {
            sink.error(item.at, path, format_args!("{address} stands there already: remove it"));
            addresses = None;
        }
        addresses = addresses.zip(address).map(|(mut all, one)| {
            all.push(one);
            all
        });
    }
    addresses
}

fn labels(fields: &Fields<'_, '_>, path: &Path<'_>, sink: &mut Sink) -> Option<BTreeMap<String, String>> {
    let Some(node) = fields.node("labels") else { return Some(BTreeMap::new()) };
    let path = &Path::Field(path, "labels");
    let Kind::Map(entries) = &node.kind else {
        sink.error(node.at, path, "is no map: write labels as in {rack: r1}");
        return None;
    };
    if entries.len() > MAX_LABELS {
        sink.error(node.at, path, format_args!("has {} labels: at most {MAX_LABELS}", entries.len()));
        return None;
    }
    let mut labels = Some(BTreeMap::new());
    let mut seen = HashSet::new();
    for entry in entries {
        let path = &Path::Field(path, shown(&entry.key));
        let key = units::label_key(&entry.key).map_err(|reason| sink.error(entry.key_at, path, reason)).ok();
        let value = scalar(&entry.value, units::label_value, path, sink);
        if !seen.insert(&entry.key) {
            sink.error(entry.key_at, path, "set twice: keep one of them");
        }
        labels = labels.zip(key.zip(value)).map(|(mut all, (key, value))| {
            all.insert(key, value);
            all
        });
    }
    labels
}
