//! What concerns this forwarder and not its VIPs: interfaces, next hop, outer header, map sizes, sockets.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::{Ipv4Net, Ipv6Net};

use crate::read::{FieldNames, Fields, Scalar, list};
use crate::sink::{Path, Position, Sink};
use crate::types::{
    Admin, Encapsulation, EncapsulationKind, Interface, InterfaceName, Limits, Metrics, NextHop, XdpMode,
};
use crate::units;

pub(super) const INTERFACE_FIELDS: FieldNames = &["name", "mode", "speed"];
pub(super) const NEXT_HOP_FIELDS: FieldNames = &["type", "interface", "mac"];
pub(super) const ENCAPSULATION_FIELDS: FieldNames = &["type", "source_v4", "source_v6"];
pub(super) const LIMITS_FIELDS: FieldNames = &["vips", "backends", "tables_65537", "tables_16381", "flows"];
pub(super) const ADMIN_FIELDS: FieldNames = &["socket"];
pub(super) const METRICS_FIELDS: FieldNames = &["listen"];

/// Of each size; a set names its table by 15 bits.
const MAX_TABLES: u32 = 32_766;
/// 1 GiB.
pub(crate) const MAX_FLOWS: u32 = 1 << 26;
/// Entries of a bucket of the flow table.
const FLOW_WAYS: u32 = 4;

const DEFAULT_SOCKET: &str = "/run/guideway/dataplane.sock";
const DEFAULT_METRICS_PORT: u16 = 9470;

pub(super) fn interfaces(root: &Fields<'_, '_>, sink: &mut Sink) -> Option<Vec<Interface>> {
    let path = Path::Field(&Path::Root, "interfaces");
    let node = root.required_node("interfaces", &Path::Root, sink)?;
    let items = list(node, &path, sink)?;
    if items.is_empty() {
        sink.error(node.at, &path, "is empty: at least one interface is required");
        return None;
    }
    let mut seen: HashMap<InterfaceName, Position> = HashMap::new();
    let mut interfaces = Some(Vec::with_capacity(items.len()));
    for (index, item) in items.iter().enumerate() {
        let path = Path::Item(&path, index);
        let interface = Fields::open(item, INTERFACE_FIELDS, &path, sink).and_then(|fields| {
            let name = fields.required("name", units::interface_name, &path, sink);
            let modes = units::one_of(&[("native", XdpMode::Native), ("generic", XdpMode::Generic)]);
            let mode = fields.optional("mode", modes, &path, sink);
            let speed = fields.optional("speed", units::bit_rate, &path, sink);
            let name = name?;
            let at = fields.value_at("name");
            if let Some(first) = seen.get(&name) {
                let reason = format_args!("\"{name}\" is named already in line {}", first.line);
                sink.error(at, &Path::Field(&path, "name"), reason);
                return None;
            }
            seen.insert(name.clone(), at);
            Some(Interface { name, mode: mode?.unwrap_or_default(), speed: speed? })
        });
        interfaces = interfaces.zip(interface).map(|(mut all, one)| {
            all.push(one);
            all
        });
    }
    interfaces
}

pub(super) fn next_hop(root: &Fields<'_, '_>, sink: &mut Sink) -> Option<NextHop> {
    #[derive(Clone, Copy)]
    enum Type {
        Fib,
        Fixed,
    }
    let Some(node) = root.node("next_hop") else { return Some(NextHop::Fib) };
    let path = Path::Field(&Path::Root, "next_hop");
    let fields = Fields::open(node, NEXT_HOP_FIELDS, &path, sink)?;
    let kind =
        fields.required("type", units::one_of(&[("fib", Type::Fib), ("fixed", Type::Fixed)]), &path, sink);
    if let Some(Type::Fib) = kind {
        for name in ["interface", "mac"].into_iter().filter(|name| fields.node(name).is_some()) {
            let reason = "only `type: fixed` has this field: remove it or change the type";
            sink.error(fields.key_at(name), &Path::Field(&path, name), reason);
        }
        return Some(NextHop::Fib);
    }
    // Without a type both fields are still checked when they are there.
    let needed = kind.is_some();
    let interface = (needed || fields.node("interface").is_some())
        .then(|| fields.required("interface", units::interface_name, &path, sink));
    let mac =
        (needed || fields.node("mac").is_some()).then(|| fields.required("mac", units::mac, &path, sink));
    kind?;
    Some(NextHop::Fixed { interface: interface??, mac: mac?? })
}

pub(super) fn encapsulation(root: &Fields<'_, '_>, sink: &mut Sink) -> Option<Encapsulation> {
    let default_v4 = Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 16);
    let default_v6 = Ipv6Net::new_assert(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64);
    let Some(node) = root.node("encapsulation") else {
        return Some(Encapsulation {
            kind: EncapsulationKind::IpIp,
            source_v4: default_v4,
            source_v6: default_v6,
        });
    };
    let path = Path::Field(&Path::Root, "encapsulation");
    let fields = Fields::open(node, ENCAPSULATION_FIELDS, &path, sink)?;
    let kind = fields.optional("type", encapsulation_kind, &path, sink);
    let source_v4 = fields.optional("source_v4", units::source_v4, &path, sink);
    let source_v6 = fields.optional("source_v6", units::source_v6, &path, sink);
    Some(Encapsulation {
        kind: kind?.unwrap_or_default(),
        source_v4: source_v4?.unwrap_or(default_v4),
        source_v6: source_v6?.unwrap_or(default_v6),
    })
}

pub(super) fn encapsulation_kind(scalar: &Scalar<'_>) -> Result<EncapsulationKind, String> {
    units::one_of(&[
        ("ipip", EncapsulationKind::IpIp),
        ("gue", EncapsulationKind::Gue),
        ("gre", EncapsulationKind::Gre),
        ("l2", EncapsulationKind::L2),
    ])(scalar)
}

pub(super) fn limits(root: &Fields<'_, '_>, sink: &mut Sink) -> Option<Limits> {
    let defaults = Limits::default();
    let Some(node) = root.node("limits") else { return Some(defaults) };
    let path = Path::Field(&Path::Root, "limits");
    let fields = Fields::open(node, LIMITS_FIELDS, &path, sink)?;
    let vips = fields.optional("vips", units::number(1..=1_048_576), &path, sink);
    let backends = fields.optional("backends", units::number(2..=32_768), &path, sink);
    let tables_65537 = fields.optional("tables_65537", units::number(1..=MAX_TABLES), &path, sink);
    let tables_16381 = fields.optional("tables_16381", units::number(1..=MAX_TABLES), &path, sink);
    let flows = fields.optional("flows", units::number(1024..=MAX_FLOWS), &path, sink);
    Some(Limits {
        vips: vips?.unwrap_or(defaults.vips),
        backends: backends?.unwrap_or(defaults.backends),
        tables_65537: tables_65537?.unwrap_or(defaults.tables_65537),
        tables_16381: tables_16381?.unwrap_or(defaults.tables_16381),
        flows: flows?.map_or(defaults.flows, |flows| flows.next_multiple_of(FLOW_WAYS)),
    })
}

pub(super) fn admin(root: &Fields<'_, '_>, sink: &mut Sink) -> Option<Admin> {
    let default = || PathBuf::from(DEFAULT_SOCKET);
    let Some(node) = root.node("admin") else { return Some(Admin { socket: default() }) };
    let path = Path::Field(&Path::Root, "admin");
    let fields = Fields::open(node, ADMIN_FIELDS, &path, sink)?;
    let socket = fields.optional("socket", units::socket_path, &path, sink)?;
    Some(Admin { socket: socket.unwrap_or_else(default) })
}

pub(super) fn metrics(root: &Fields<'_, '_>, sink: &mut Sink) -> Option<Metrics> {
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_METRICS_PORT));
    let Some(node) = root.node("metrics") else { return Some(Metrics { listen: default }) };
    let path = Path::Field(&Path::Root, "metrics");
    let fields = Fields::open(node, METRICS_FIELDS, &path, sink)?;
    let listen = fields.optional("listen", units::listen_address, &path, sink)?;
    Some(Metrics { listen: listen.unwrap_or(default) })
}
