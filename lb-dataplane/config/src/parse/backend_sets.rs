//! Backend sets and their backends.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::{health_check, node};
use crate::read::{FieldNames, Fields, list};
use crate::sink::{Path, Position, Sink};
use crate::tree::Node;
use crate::types::{Backend, BackendSet, EncapsulationKind, TableSize};
use crate::units;

pub(super) const SET_FIELDS: FieldNames =
    &["name", "table_size", "encapsulation", "second_hop", "drain_window", "health_check", "backends"];
pub(super) const BACKEND_FIELDS: FieldNames = &["name", "address", "weight"];

pub(crate) const DRAIN_WINDOWS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(86_400);
/// Why a set of `l2` is refused with a fixed next hop.
pub(crate) const L2_NEEDS_FIB: &str = "l2 sends to the backend itself, `next_hop: {type: fixed}` everything to one router: use \
                                       `next_hop: {type: fib}` or another encapsulation";
const DEFAULT_DRAIN_WINDOW: Duration = Duration::from_secs(600);

/// With fewer slots than this for a backend its share of the flows is off by more than a percent.
const SLOTS_PER_BACKEND: usize = 100;

/// The sets of the file, wrong ones included: a VIP that names one is not wrong too.
#[derive(Default)]
pub(super) struct Sets {
    sets: Vec<Set>,
    by_name: HashMap<String, usize>,
    /// Where each address stands first, in good and in wrong sets.
    addresses: BTreeMap<IpAddr, Position>,
    nameless: bool,
    repeated: bool,
}

/// A named set and its place.
pub(super) struct Set {
    pub(super) name: String,
    pub(super) at: Position,
    pub(super) index: usize,
    /// Where its first backends of each family stand.
    pub(super) families: Families,
    /// `None`: it has errors.
    pub(super) set: Option<Arc<BackendSet>>,
}

/// The first IPv4 and the first IPv6 backend of a set.
#[derive(Clone, Copy, Default)]
pub(super) struct Families {
    pub(super) v4: Option<Position>,
    pub(super) v6: Option<Position>,
}

impl Sets {
    pub(super) fn find(&self, name: &str) -> Option<&Set> {
        self.by_name.get(name).and_then(|index| self.sets.get(*index))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Set> {
        self.sets.iter()
    }

    /// The lowest address within `net` that a backend has, and where the first such backend stands.
    pub(super) fn backend_in(&self, net: &IpNet) -> Option<(IpAddr, Position)> {
        let mut within = self.addresses.range(net.network()..=net.broadcast());
        within.next().map(|(address, at)| (*address, *at))
    }

    /// True when some set has no readable name: a name that is not found may be meant for that set.
    pub(super) fn nameless(&self) -> bool {
        self.nameless
    }

    /// How many addresses the backends have between them.
    pub(super) fn distinct_addresses(&self) -> usize {
        self.addresses.len()
    }

    /// The sets in the order of the file; `None` when one has errors.
    pub(super) fn finish(self) -> Option<Vec<Arc<BackendSet>>> {
        if self.nameless || self.repeated {
            return None;
        }
        self.sets.into_iter().map(|named| named.set).collect()
    }
}

/// `default` is the encapsulation of sets that do not say theirs; `None`: it has an error.
pub(super) fn read(root: &Fields<'_, '_>, default: Option<EncapsulationKind>, sink: &mut Sink) -> Sets {
    let mut sets = Sets::default();
    let Some(node) = root.node("backend_sets") else { return sets };
    let path = Path::Field(&Path::Root, "backend_sets");
    let Some(items) = list(node, &path, sink) else {
        sets.nameless = true;
        return sets;
    };
    for (index, item) in items.iter().enumerate() {
        read_set(item, index, default, &Path::Item(&path, index), &mut sets, sink);
    }
    sets
}

fn read_set(
    node: &Node<'_>,
    index: usize,
    default: Option<EncapsulationKind>,
    path: &Path<'_>,
    sets: &mut Sets,
    sink: &mut Sink,
) {
    let Some(fields) = Fields::open(node, SET_FIELDS, path, sink) else {
        sets.nameless = true;
        return;
    };
    let name = fields.required("name", units::name, path, sink);
    let table_size = fields.optional("table_size", table_size, path, sink);
    let encapsulation = fields.optional("encapsulation", node::encapsulation_kind, path, sink);
    let second_hop = fields.optional("second_hop", units::boolean, path, sink);
    let drain_window = fields.optional("drain_window", units::duration(DRAIN_WINDOWS), path, sink);
    let health_check = match fields.node("health_check") {
        None => Some(None),
        Some(node) => health_check::read(node, &Path::Field(path, "health_check"), sink),
    };
    let mut families = Families::default();
    let backends = read_backends(&fields, path, sets, &mut families, sink);
    if let (Some(size), Some(backends)) = (table_size, &backends) {
        check_share(&fields, size.unwrap_or_default(), backends, path, sink);
    }

    let Some(name) = name else {
        sets.nameless = true;
        return;
    };
    if let Some(first) = sets.find(&name) {
        let reason = format_args!("\"{name}\" is the name of the set in line {} already", first.at.line);
        sink.error(fields.value_at("name"), &Path::Field(path, "name"), reason);
        sets.repeated = true;
        return;
    }
    let whole = || {
        Some(Arc::new(BackendSet {
            name: name.clone(),
            table_size: table_size?.unwrap_or_default(),
            encapsulation: encapsulation?.or(default)?,
            second_hop: second_hop?.unwrap_or_default(),
            drain_window: drain_window?.unwrap_or(DEFAULT_DRAIN_WINDOW),
            health_check: health_check?,
            backends: backends?.into(),
        }))
    };
    let set = whole();
    sets.by_name.insert(name.clone(), sets.sets.len());
    sets.sets.push(Set { name, at: fields.at(), index, families, set });
}

/// Frames for the backends themselves cannot all go to one router.
pub(super) fn check_next_hop(sets: &Sets, sink: &mut Sink) {
    let path = Path::Field(&Path::Root, "backend_sets");
    for named in sets.iter() {
        if named.set.as_ref().is_some_and(|set| set.encapsulation == EncapsulationKind::L2) {
            let path = Path::Item(&path, named.index);
            sink.error(named.at, &Path::Field(&path, "encapsulation"), L2_NEEDS_FIB);
        }
    }
}

fn table_size(scalar: &crate::read::Scalar<'_>) -> Result<TableSize, String> {
    units::one_of(&[("65537", TableSize::Large), ("16381", TableSize::Small)])(scalar)
}

fn read_backends(
    fields: &Fields<'_, '_>,
    path: &Path<'_>,
    sets: &mut Sets,
    families: &mut Families,
    sink: &mut Sink,
) -> Option<Vec<Backend>> {
    let node = fields.required_node("backends", path, sink)?;
    let path = &Path::Field(path, "backends");
    let items = list(node, path, sink)?;
    if items.is_empty() {
        sink.error(node.at, path, "is empty: a set needs at least one backend");
        return None;
    }
    let mut names: HashMap<String, Position> = HashMap::new();
    let mut addresses: HashMap<IpAddr, Position> = HashMap::new();
    let mut backends = Some(Vec::with_capacity(items.len()));
    for (index, item) in items.iter().enumerate() {
        let path = &Path::Item(path, index);
        let backend = Fields::open(item, BACKEND_FIELDS, path, sink).and_then(|fields| {
            let name = fields.required("name", units::name, path, sink);
            let address = fields.required("address", units::unicast, path, sink);
            let weight = fields.optional("weight", units::number(0..=u16::MAX), path, sink);
            let name = name.filter(|name| {
                let at = fields.value_at("name");
                let first = *names.entry(name.clone()).or_insert(at);
                if first != at {
                    let reason =
                        format_args!("\"{name}\" is the name of the backend in line {} already", first.line);
                    sink.error(at, &Path::Field(path, "name"), reason);
                }
                first == at
            });
            let address = address.filter(|address| {
                let at = fields.value_at("address");
                sets.addresses.entry(*address).or_insert(at);
                match address {
                    IpAddr::V4(_) => families.v4.get_or_insert(at),
                    IpAddr::V6(_) => families.v6.get_or_insert(at),
                };
                let first = *addresses.entry(*address).or_insert(at);
                if first != at {
                    let reason = format_args!(
                        "{address} is the address of the backend in line {} already",
                        first.line
                    );
                    sink.error(at, &Path::Field(path, "address"), reason);
                }
                first == at
            });
            Some(Backend { name: name?, address: address?, weight: weight?.unwrap_or(1) })
        });
        backends = backends.zip(backend).map(|(mut all, one)| {
            all.push(one);
            all
        });
    }
    let backends = backends?;
    if backends.iter().all(|backend| backend.weight == 0) {
        sink.error(node.at, path, "every weight is 0: at least one backend needs a weight above it");
        return None;
    }
    Some(backends)
}

/// Each backend with a weight must get slots, and should get enough of them for an even share.
fn check_share(
    fields: &Fields<'_, '_>,
    size: TableSize,
    backends: &[Backend],
    path: &Path<'_>,
    sink: &mut Sink,
) {
    let slots = size.slots() as usize;
    let weighted = backends.iter().filter(|backend| backend.weight > 0).count();
    let at = fields.value_at("backends");
    let path = &Path::Field(path, "backends");
    if weighted > slots {
        let reason =
            format_args!("{weighted} backends have a weight and the table has {slots} slots: split the set");
        sink.error(at, path, reason);
    } else if weighted * SLOTS_PER_BACKEND > slots {
        let advice = match size {
            TableSize::Small => "set `table_size: 65537` or split the set",
            TableSize::Large => "split the set",
        };
        let reason = format_args!(
            "{weighted} backends share {slots} slots, fewer than {SLOTS_PER_BACKEND} each, so that their shares are \
             uneven: {advice}"
        );
        sink.warning(at, path, reason);
    }
}
