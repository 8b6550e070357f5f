//! Spreading endpoints over slices, with as few writes as possible.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use siphasher::sip::SipHasher13;

use super::pod::Family;
use crate::action::{Action, Propagation};
use crate::kinds;
use crate::object::Object;

/// Endpoints in one slice at most.
pub(super) const CAPACITY: usize = 100;

/// What a set of slices is like.
pub(super) struct Set<'a> {
    /// Whose slices they are.
    pub(super) owner: &'a Object,
    /// Its `apiVersion` and `kind`.
    pub(super) owner_kind: (&'a str, &'a str),
    /// Who keeps them.
    pub(super) managed_by: &'a str,
    /// Labels besides those of who and what for.
    pub(super) labels: Map<String, Value>,
    /// The endpoints: of each family, of each set of ports.
    pub(super) groups: BTreeMap<(Family, Ports), Vec<Value>>,
}

/// Ports of endpoints, comparable: the text of their JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ports(String);

impl Ports {
    /// Of these entries. Order means nothing.
    pub(super) fn new(ports: &[Value]) -> Self {
        let mut texts: Vec<String> = ports.iter().map(Value::to_string).collect();
        texts.sort_unstable();
        Self(format!("[{}]", texts.join(",")))
    }

    fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// A slice that is there, as it is to be.
struct Kept<'a> {
    slice: &'a Arc<Object>,
    endpoints: Vec<Value>,
    changed: bool,
}

impl Kept<'_> {
    fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.endpoints.len())
    }
}

/// The writes that make `existing` into what `set` says. Endpoints stay in their slices; new ones go where something
/// changes anyway, or into the fullest slice that takes all of them, or into new slices. What is new is written before
/// what is old goes. A group without endpoints keeps one slice: that there are none is said, too.
pub(super) fn plan(set: &Set<'_>, existing: &[&Arc<Object>]) -> Vec<Action> {
    let mut by_group: BTreeMap<(&str, Ports), Vec<&Arc<Object>>> = BTreeMap::new();
    for slice in existing {
        by_group
            .entry((slice.text(&["addressType"]).unwrap_or_default(), ports(slice)))
            .or_default()
            .push(slice);
    }
    let mut names: BTreeSet<String> = existing.iter().map(|slice| slice.name.to_string()).collect();
    let (mut writes, mut deletions) = (Vec::new(), Vec::new());
    for ((family, ports), endpoints) in &set.groups {
        let slices = by_group.remove(&(family.name(), ports.clone())).unwrap_or_default();
        let (kept, new) = fit(slices, endpoints);
        for (index, kept) in kept.iter().enumerate() {
            if kept.endpoints.is_empty() && !(endpoints.is_empty() && index == 0) {
                deletions.push(delete(kept.slice));
            } else {
                writes.extend(update(set, kept));
            }
        }
        for endpoints in new {
            let name = (0u32..)
                .map(|ordinal| name(set, *family, ports, ordinal))
                .find(|name| names.insert(name.clone()))
                .unwrap_or_default();
            writes.push(create(set, &name, *family, ports, endpoints));
        }
    }
    writes.extend(deletions);
    writes.extend(by_group.into_values().flatten().map(delete));
    writes
}

/// The ports of a slice.
pub(super) fn ports(slice: &Object) -> Ports {
    Ports::new(slice.body["ports"].as_array().map_or(&[], Vec::as_slice))
}

/// What an endpoint is known by: address, and the uid of the pod.
fn identity(endpoint: &Value) -> (&str, &str) {
    (
        endpoint["addresses"][0].as_str().unwrap_or_default(),
        endpoint["targetRef"]["uid"].as_str().unwrap_or_default(),
    )
}

/// What the slices of a group are to hold, and what is left for new ones.
fn fit<'a>(mut slices: Vec<&'a Arc<Object>>, endpoints: &[Value]) -> (Vec<Kept<'a>>, Vec<Vec<Value>>) {
    let mut missing: BTreeMap<(&str, &str), &Value> =
        endpoints.iter().map(|endpoint| (identity(endpoint), endpoint)).collect();
    slices.sort_by(|a, b| a.name.cmp(&b.name));
    let mut kept: Vec<Kept<'a>> = slices
        .into_iter()
        .map(|slice| {
            let present = slice.body["endpoints"].as_array().map_or(&[][..], Vec::as_slice);
            let endpoints: Vec<Value> = present
                .iter()
                .take(CAPACITY)
                .filter_map(|endpoint| missing.remove(&identity(endpoint)).cloned())
                .collect();
            Kept { slice, changed: endpoints != present, endpoints }
        })
        .collect();
    let mut missing: Vec<Value> = missing.into_values().cloned().collect();
    for slice in kept.iter_mut().filter(|slice| slice.changed) {
        let taken = missing.len().min(slice.room());
        slice.endpoints.extend(missing.drain(..taken));
    }
    let fullest = kept
        .iter_mut()
        .filter(|slice| !missing.is_empty() && slice.room() >= missing.len())
        .min_by_key(|slice| slice.room());
    if let Some(slice) = fullest {
        slice.endpoints.append(&mut missing);
    }
    let mut new: Vec<Vec<Value>> = missing.chunks(CAPACITY).map(<[Value]>::to_vec).collect();
    if endpoints.is_empty() && kept.is_empty() {
        new.push(Vec::new());
    }
    (kept, new)
}

/// A name that is the same whoever makes the slice, and however often.
fn name(set: &Set<'_>, family: Family, ports: &Ports, ordinal: u32) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hasher = SipHasher13::new();
    (&*set.owner.uid, set.managed_by, family.name(), ports, ordinal).hash(&mut hasher);
    let mut hash = hasher.finish();
    let mut name: String = set.owner.name.chars().take(240).collect();
    name.push('-');
    for _ in 0..8 {
        name.push(char::from(LETTERS[usize::try_from(hash % 27).unwrap_or_default()]));
        hash /= 27;
    }
    name
}

fn labels(set: &Set<'_>) -> Map<String, Value> {
    let mut labels = set.labels.clone();
    labels.insert(super::SERVICE_NAME.to_owned(), (*set.owner.name).into());
    labels.insert(super::MANAGED_BY.to_owned(), set.managed_by.into());
    labels
}

fn owner(set: &Set<'_>) -> Value {
    json!([{
        "apiVersion": set.owner_kind.0,
        "kind": set.owner_kind.1,
        "name": &*set.owner.name,
        "uid": &*set.owner.uid,
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

fn create(set: &Set<'_>, name: &str, family: Family, ports: &Ports, endpoints: Vec<Value>) -> Action {
    let object = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": &*set.owner.namespace,
            "labels": labels(set),
            "ownerReferences": owner(set),
        },
        "addressType": family.name(),
        "ports": ports.value(),
        "endpoints": endpoints,
    });
    Action::Create { resource: kinds::endpoint_slices(), object }
}

fn update(set: &Set<'_>, kept: &Kept<'_>) -> Option<Action> {
    let body = &kept.slice.body;
    let mut patch = json!({
        "metadata": { "uid": &*kept.slice.uid, "resourceVersion": kept.slice.revision.to_string() },
    });
    let mut changed = false;
    if body["endpoints"].as_array().map_or(&[][..], Vec::as_slice) != kept.endpoints {
        patch["endpoints"] = kept.endpoints.clone().into();
        changed = true;
    }
    let (wanted, present) = (labels(set), &body["metadata"]["labels"]);
    if present.as_object() != Some(&wanted) {
        let gone =
            present.as_object().into_iter().flat_map(Map::keys).filter(|name| !wanted.contains_key(*name));
        let mut labels: Map<String, Value> = gone.map(|name| (name.clone(), Value::Null)).collect();
        labels.extend(wanted);
        patch["metadata"]["labels"] = labels.into();
        changed = true;
    }
    if kept.slice.owners.iter().all(|owner| owner.uid != set.owner.uid) {
        patch["metadata"]["ownerReferences"] = owner(set);
        changed = true;
    }
    changed.then(|| Action::Patch { target: kept.slice.reference(), subresource: None, patch })
}

/// Deletes a slice, in whatever state it is.
pub(super) fn delete(slice: &Arc<Object>) -> Action {
    Action::Delete {
        target: slice.reference(),
        uid: slice.uid.clone(),
        revision: None,
        propagation: Propagation::Background,
    }
}
