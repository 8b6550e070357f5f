//! Slices of Services that select pods.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pod::{self, Family};
use super::slices::{self, Ports, Set};
use crate::action::Outcome;
use crate::controller::{Controller, Interest, Observed};
use crate::kinds;
use crate::object::{Object, ObjectRef};
use crate::world::{Change, World};

/// Who keeps these slices, in [`super::MANAGED_BY`].
const NAME: &str = "endpointslice-controller.k8s.io";
/// The label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// Keeps the EndpointSlices of Services with a selector. Its keys are Services.
#[derive(Clone, Copy, Debug, Default)]
pub struct SliceController;

impl Controller for SliceController {
    fn name(&self) -> &'static str {
        "endpointslice"
    }

    fn interests(&self) -> Vec<Interest> {
        [kinds::services(), kinds::pods(), kinds::endpoint_slices(), kinds::nodes()]
            .map(Interest::Kind)
            .into()
    }

    fn concerns(&self, world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        pod::services(world, change, enqueue);
        let Some(object) = change.object() else { return };
        if object.resource == kinds::endpoint_slices().id {
            for slice in change.states().filter(|slice| is_ours(slice)) {
                if let Some(service) = slice.label(super::SERVICE_NAME) {
                    enqueue(ObjectRef::new(&kinds::services().id, &slice.namespace, service));
                }
            }
        } else if object.resource == kinds::nodes().id {
            moved(world, change, enqueue);
        }
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        let world = observed.world;
        let Some(service) = world.object(key).filter(|service| service.deleting.is_none()) else {
            // The garbage collector takes the slices.
            return Outcome::done();
        };
        let mut existing = world.of_service(&kinds::endpoint_slices().id, &key.namespace, &key.name);
        existing.retain(|slice| is_ours(slice) && slice.deleting.is_none());
        let Some(selector) = pod::selector(service) else {
            return Outcome::act(existing.into_iter().map(slices::delete).collect());
        };
        let families = pod::families(service);
        let mut groups: BTreeMap<(Family, Ports), Vec<Value>> = BTreeMap::new();
        for pod in pod::selected(world, service, selector) {
            let ports = Ports::new(&pod::ports(service, pod));
            for family in &families {
                if let Some(address) =
                    pod::addresses(pod).find(|address| Family::of(address) == Some(*family))
                {
                    groups
                        .entry((*family, ports.clone()))
                        .or_default()
                        .push(endpoint(world, service, pod, address));
                }
            }
        }
        for family in families {
            if !groups.keys().any(|(present, _)| *present == family) {
                let ports = existing
                    .iter()
                    .filter(|slice| slice.text(&["addressType"]) == Some(family.name()))
                    .map(|slice| slices::ports(slice))
                    .min();
                groups.insert((family, ports.unwrap_or_else(|| Ports::new(&[]))), Vec::new());
            }
        }
        let mut labels = pod::labels(service);
        if pod::is_headless(service) {
            labels.insert(super::HEADLESS.to_owned(), "".into());
        }
        let set = Set { owner: service, owner_kind: ("v1", "Service"), managed_by: NAME, labels, groups };
        Outcome::act(slices::plan(&set, &existing))
    }
}

fn is_ours(slice: &Object) -> bool {
    slice.label(super::MANAGED_BY) == Some(NAME)
}

/// Services with pods on a node whose zone is another one now.
fn moved(world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
    let zone = |node: &Option<std::sync::Arc<Object>>| {
        node.as_ref().and_then(|node| node.label(ZONE)).map(ToOwned::to_owned)
    };
    let Some(node) = change.object().filter(|_| zone(&change.old) != zone(&change.new)) else { return };
    for pod in world.all(&kinds::pods().id).filter(|pod| pod.text(&["spec", "nodeName"]) == Some(&node.name))
    {
        let change = Change { old: None, new: Some(pod.clone()) };
        pod::services(world, &change, enqueue);
    }
}

fn endpoint(world: &World, service: &Object, pod: &Object, address: &str) -> Value {
    let terminating = pod.deleting.is_some();
    let serving = pod::is_ready(pod);
    let published = service.body["spec"]["publishNotReadyAddresses"] == true;
    let mut endpoint = json!({
        "addresses": [address],
        "conditions": {
            "ready": published || (serving && !terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": pod::target(pod),
    });
    if let Some(node) = pod.text(&["spec", "nodeName"]).filter(|node| !node.is_empty()) {
        endpoint["nodeName"] = node.into();
        if let Some(zone) = world.get(&kinds::nodes().id, "", node).and_then(|node| node.label(ZONE)) {
            endpoint["zone"] = zone.into();
        }
    }
    if let Some(hostname) = pod::hostname(service, pod) {
        endpoint["hostname"] = hostname.into();
    }
    endpoint
}
