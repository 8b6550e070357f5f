//! Slices for Endpoints that people make for Services without a selector.

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
const NAME: &str = "endpointslicemirroring-controller.k8s.io";
/// The label of Endpoints that are not to be mirrored.
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
/// The annotation of Endpoints that are somebody's lock.
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
/// Addresses of a subset that are mirrored.
const PER_SUBSET: usize = 1000;

/// Mirrors Endpoints into slices. Its keys are Endpoints.
#[derive(Clone, Copy, Debug, Default)]
pub struct MirrorController;

impl Controller for MirrorController {
    fn name(&self) -> &'static str {
        "endpointslice-mirroring"
    }

    fn interests(&self) -> Vec<Interest> {
        [kinds::services(), kinds::endpoints(), kinds::endpoint_slices()].map(Interest::Kind).into()
    }

    fn concerns(&self, _: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        let Some(object) = change.object() else { return };
        let endpoints = kinds::endpoints().id;
        if object.resource == endpoints || object.resource == kinds::services().id {
            enqueue(ObjectRef::new(&endpoints, &object.namespace, &object.name));
        } else if object.resource == kinds::endpoint_slices().id {
            for slice in change.states().filter(|slice| is_ours(slice)) {
                if let Some(name) = slice.label(super::SERVICE_NAME) {
                    enqueue(ObjectRef::new(&endpoints, &slice.namespace, name));
                }
            }
        }
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        let world = observed.world;
        let mut existing = world.of_service(&kinds::endpoint_slices().id, &key.namespace, &key.name);
        existing.retain(|slice| is_ours(slice) && slice.deleting.is_none());
        let service = world.get(&kinds::services().id, &key.namespace, &key.name);
        let endpoints = world
            .object(key)
            .filter(|_| service.is_some_and(|service| takes_endpoints(service)))
            .filter(|endpoints| {
                endpoints.deleting.is_none()
                    && endpoints.label(SKIP) != Some("true")
                    && endpoints.annotation(LEADER).is_none()
            });
        let Some(endpoints) = endpoints else {
            return Outcome::act(existing.into_iter().map(slices::delete).collect());
        };
        let set = Set {
            owner: endpoints,
            owner_kind: ("v1", "Endpoints"),
            managed_by: NAME,
            labels: pod::labels(endpoints),
            groups: groups(endpoints),
        };
        Outcome::act(slices::plan(&set, &existing))
    }
}

fn is_ours(slice: &Object) -> bool {
    slice.label(super::MANAGED_BY) == Some(NAME)
}

/// A Service whose endpoints are made by hand.
fn takes_endpoints(service: &Object) -> bool {
    let spec = &service.body["spec"];
    spec["selector"].as_object().is_none_or(serde_json::Map::is_empty) && spec["type"] != "ExternalName"
}

fn groups(endpoints: &Object) -> BTreeMap<(Family, Ports), Vec<Value>> {
    let mut groups: BTreeMap<(Family, Ports), Vec<Value>> = BTreeMap::new();
    for subset in endpoints.body["subsets"].as_array().into_iter().flatten() {
        let ports: Vec<Value> = subset["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|port| {
                let mut entry = json!({
                    "name": port["name"].as_str().unwrap_or_default(),
                    "port": port["port"],
                    "protocol": port["protocol"].as_str().unwrap_or("TCP"),
                });
                if let Some(application) = port["appProtocol"].as_str() {
                    entry["appProtocol"] = application.into();
                }
                entry
            })
            .collect();
        let ports = Ports::new(&ports);
        let addresses = [("addresses", true), ("notReadyAddresses", false)]
            .into_iter()
            .flat_map(|(field, ready)| {
                subset[field].as_array().into_iter().flatten().map(move |address| (address, ready))
            })
            .take(PER_SUBSET);
        for (address, ready) in addresses {
            let Some(ip) = address["ip"].as_str() else { continue };
            let Some(family) = Family::of(ip) else { continue };
            groups.entry((family, ports.clone())).or_default().push(endpoint(address, ip, ready));
        }
    }
    groups
}

fn endpoint(address: &Value, ip: &str, ready: bool) -> Value {
    let mut endpoint = json!({ "addresses": [ip], "conditions": { "ready": ready } });
    for field in ["hostname", "nodeName"] {
        if let Some(text) = address[field].as_str() {
            endpoint[field] = text.into();
        }
    }
    if address["targetRef"].is_object() {
        endpoint["targetRef"] = address["targetRef"].clone();
    }
    endpoint
}
