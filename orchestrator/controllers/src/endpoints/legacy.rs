//! Endpoints: one object for each Service, for clients that do not read slices.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::pod::{self, Family};
use crate::action::{Action, Outcome, Propagation};
use crate::controller::{Answer, Controller, Interest, Observed, Question};
use crate::kinds;
use crate::object::{Object, ObjectRef};
use crate::world::{Change, World};

/// The label that says that Endpoints are kept by this controller.
pub(super) const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const NAME: &str = "endpoint-controller";
/// The annotation of Endpoints that do not hold all addresses.
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
/// Addresses in one object at most.
const CAPACITY: usize = 1000;

/// Keeps the Endpoints of Services with a selector, and deletes those that it made with their Service. Its keys are
/// Services.
#[derive(Clone, Copy, Debug, Default)]
pub struct EndpointsController;

impl Controller for EndpointsController {
    fn name(&self) -> &'static str {
        "endpoints"
    }

    fn interests(&self) -> Vec<Interest> {
        [kinds::services(), kinds::pods(), kinds::endpoints()].map(Interest::Kind).into()
    }

    fn concerns(&self, world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        pod::services(world, change, enqueue);
        if let Some(object) = change.object()
            && object.resource == kinds::endpoints().id
        {
            enqueue(ObjectRef::new(&kinds::services().id, &object.namespace, &object.name));
        }
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        let endpoints = kinds::endpoints();
        let present = observed.world.get(&endpoints.id, &key.namespace, &key.name);
        let Some(service) = observed.world.object(key) else {
            let Some(present) = present.filter(|present| present.label(MANAGED_BY) == Some(NAME)) else {
                return Outcome::done();
            };
            let question = Question::Get(key.clone());
            return match observed.answers.get(&question) {
                None => Outcome::ask(vec![question]),
                Some(Answer::Absent) => Outcome::act(vec![Action::Delete {
                    target: present.reference(),
                    uid: present.uid.clone(),
                    revision: Some(present.revision),
                    propagation: Propagation::Background,
                }]),
                Some(_) => Outcome::done().again(std::time::Duration::from_secs(10)),
            };
        };
        let Some(selector) = pod::selector(service).filter(|_| service.deleting.is_none()) else {
            return Outcome::done();
        };
        let (subsets, truncated) = subsets(observed.world, service, selector);
        let mut labels = pod::labels(service);
        labels.insert(MANAGED_BY.to_owned(), NAME.into());
        if pod::is_headless(service) {
            labels.insert(super::HEADLESS.to_owned(), "".into());
        }
        let capacity = if truncated { "truncated".into() } else { Value::Null };
        let Some(present) = present else {
            let mut object = json!({
                "apiVersion": "v1",
                "kind": "Endpoints",
                "metadata": { "name": &*key.name, "namespace": &*key.namespace, "labels": labels },
                "subsets": subsets,
            });
            if truncated {
                object["metadata"]["annotations"] = json!({ OVER_CAPACITY: capacity });
            }
            return Outcome::act(vec![Action::Create { resource: endpoints, object }]);
        };
        let there = &present.body["metadata"];
        let same_subsets = present.body["subsets"].as_array().map_or(&[][..], Vec::as_slice) == subsets;
        if same_subsets
            && there["labels"].as_object() == Some(&labels)
            && there["annotations"][OVER_CAPACITY] == capacity
        {
            return Outcome::done();
        }
        let mut wanted: Map<String, Value> = there["labels"]
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .map(|name| (name.clone(), Value::Null))
            .collect();
        wanted.extend(labels);
        let patch = json!({
            "metadata": {
                "uid": &*present.uid,
                "resourceVersion": present.revision.to_string(),
                "labels": wanted,
                "annotations": { OVER_CAPACITY: capacity },
            },
            "subsets": subsets,
        });
        Outcome::act(vec![Action::Patch { target: present.reference(), subresource: None, patch }])
    }
}

/// Addresses (ready, not ready) by their ports, and whether some had to be left out.
fn subsets(world: &World, service: &Object, selector: &Map<String, Value>) -> (Vec<Value>, bool) {
    let published = service.body["spec"]["publishNotReadyAddresses"] == true;
    let family = pod::families(service).first().copied().unwrap_or(Family::V4);
    // Ports by text, so that they can be a key: addresses by address and uid.
    let mut by_ports: BTreeMap<String, (Vec<Value>, [Vec<Value>; 2])> = BTreeMap::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut left = CAPACITY;
    let mut pods: Vec<_> =
        pod::selected(world, service, selector).filter(|pod| published || pod.deleting.is_none()).collect();
    // Those that are ready are the last to be left out.
    pods.sort_by_key(|pod| !pod::is_ready(pod));
    let mut truncated = false;
    for pod in pods {
        let Some(address) = pod::addresses(pod).find(|address| Family::of(address) == Some(family)) else {
            continue;
        };
        if !seen.insert(address) {
            continue;
        }
        if left == 0 {
            truncated = true;
            break;
        }
        left -= 1;
        let mut entry = json!({ "ip": address, "targetRef": pod::target(pod) });
        if let Some(node) = pod.text(&["spec", "nodeName"]).filter(|node| !node.is_empty()) {
            entry["nodeName"] = node.into();
        }
        if let Some(hostname) = pod::hostname(service, pod) {
            entry["hostname"] = hostname.into();
        }
        let mut ports = pod::ports(service, pod);
        for port in &mut ports {
            // An only port without a name has none here, rather than an empty one.
            if port["name"] == ""
                && let Some(port) = port.as_object_mut()
            {
                port.remove("name");
            }
        }
        ports.sort_by_key(Value::to_string);
        let text = ports.iter().map(Value::to_string).collect();
        let lists = &mut by_ports.entry(text).or_insert_with(|| (ports, Default::default())).1;
        lists[usize::from(!(published || pod::is_ready(pod)))].push(entry);
    }
    let subsets = by_ports.into_values().map(|(ports, lists)| {
        let mut subset = Map::new();
        for (field, mut addresses) in ["addresses", "notReadyAddresses"].into_iter().zip(lists) {
            addresses.sort_by(|a, b| a["ip"].as_str().cmp(&b["ip"].as_str()));
            if !addresses.is_empty() {
                subset.insert(field.to_owned(), addresses.into());
            }
        }
        if !ports.is_empty() {
            subset.insert("ports".to_owned(), ports.into());
        }
        subset.into()
    });
    (subsets.collect(), truncated)
}
