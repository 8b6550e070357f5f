//! Services and pods, as far as endpoints are concerned.

use serde_json::{Map, Value, json};

use crate::kinds;
use crate::object::{Object, ObjectRef};
use crate::world::{Change, World};

/// The families of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    /// The family of an address; nothing when it is none.
    pub(super) fn of(address: &str) -> Option<Self> {
        match address.parse() {
            Ok(std::net::IpAddr::V4(_)) => Some(Self::V4),
            Ok(std::net::IpAddr::V6(_)) => Some(Self::V6),
            Err(_) => None,
        }
    }
}

/// Whether labels (an object of strings, or `Null`) carry all of `wanted`.
fn carries(labels: &Value, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
}

/// The selector of a Service that has one and whose endpoints are addresses.
pub(super) fn selector(service: &Object) -> Option<&Map<String, Value>> {
    let spec = &service.body["spec"];
    spec["selector"].as_object().filter(|selector| !selector.is_empty() && spec["type"] != "ExternalName")
}

/// The families of a Service, the first one first.
pub(super) fn families(service: &Object) -> Vec<Family> {
    let spec = &service.body["spec"];
    let mut families: Vec<Family> = spec["ipFamilies"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|family| match family.as_str() {
            Some("IPv4") => Some(Family::V4),
            Some("IPv6") => Some(Family::V6),
            _ => None,
        })
        .collect();
    if families.is_empty() {
        families.push(spec["clusterIP"].as_str().and_then(Family::of).unwrap_or(Family::V4));
    }
    families
}

pub(super) fn is_headless(service: &Object) -> bool {
    service.body["spec"]["clusterIP"] == "None"
}

/// The Service's labels, without those that its slices or Endpoints carry themselves.
pub(super) fn labels(object: &Object) -> Map<String, Value> {
    let mut labels = object.body["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    for own in [super::SERVICE_NAME, super::MANAGED_BY, super::HEADLESS, super::legacy::MANAGED_BY] {
        labels.remove(own);
    }
    labels
}

/// The pods that a Service selects and that have an address and have not ended, by name.
pub(super) fn selected<'a>(
    world: &'a World,
    service: &'a Object,
    selector: &'a Map<String, Value>,
) -> impl Iterator<Item = &'a std::sync::Arc<Object>> {
    world.within(&kinds::pods().id, &service.namespace).filter(move |pod| {
        carries(&pod.body["metadata"]["labels"], selector)
            && !matches!(pod.text(&["status", "phase"]), Some("Succeeded" | "Failed"))
            && addresses(pod).next().is_some()
    })
}

/// A pod's addresses.
pub(super) fn addresses(pod: &Object) -> impl Iterator<Item = &str> {
    let status = &pod.body["status"];
    let several = status["podIPs"].as_array().filter(|list| !list.is_empty());
    let one = if several.is_none() { status["podIP"].as_str() } else { None };
    let several = several.into_iter().flatten().filter_map(|entry| entry["ip"].as_str());
    several.chain(one).filter(|address| !address.is_empty())
}

pub(super) fn is_ready(pod: &Object) -> bool {
    let conditions = pod.body["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// The ports of a Service on this pod. A port of a name that the pod does not have is left out.
pub(super) fn ports(service: &Object, pod: &Object) -> Vec<Value> {
    let ports = service.body["spec"]["ports"].as_array();
    ports
        .into_iter()
        .flatten()
        .filter_map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            let number = match &port["targetPort"] {
                Value::String(name) => named(pod, name, protocol)?,
                Value::Number(number) if number.as_u64() != Some(0) => number.as_u64()?,
                _ => port["port"].as_u64()?,
            };
            let mut entry = json!({
                "name": port["name"].as_str().unwrap_or_default(),
                "port": number,
                "protocol": protocol,
            });
            if let Some(application) = port["appProtocol"].as_str() {
                entry["appProtocol"] = application.into();
            }
            Some(entry)
        })
        .collect()
}

fn named(pod: &Object, name: &str, protocol: &str) -> Option<u64> {
    let containers = pod.body["spec"]["containers"].as_array();
    containers
        .into_iter()
        .flatten()
        .flat_map(|container| container["ports"].as_array().into_iter().flatten())
        .find(|port| port["name"] == name && port["protocol"].as_str().unwrap_or("TCP") == protocol)
        .and_then(|port| port["containerPort"].as_u64())
}

/// Which object an endpoint is.
pub(super) fn target(pod: &Object) -> Value {
    json!({ "kind": "Pod", "namespace": &*pod.namespace, "name": &*pod.name, "uid": &*pod.uid })
}

/// The name under which a Service's pod can be looked up.
pub(super) fn hostname<'a>(service: &Object, pod: &'a Object) -> Option<&'a str> {
    let hostname = pod.text(&["spec", "hostname"]).filter(|name| !name.is_empty())?;
    (pod.text(&["spec", "subdomain"]) == Some(&service.name)).then_some(hostname)
}

/// The Services whose endpoints a change of a pod or Service may concern.
pub(super) fn services(world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
    let Some(object) = change.object() else { return };
    if object.resource == kinds::services().id {
        enqueue(object.reference());
    } else if object.resource == kinds::pods().id {
        let unchanged = matches!((&change.old, &change.new), (Some(old), Some(new)) if same(old, new));
        if !unchanged {
            selecting(world, change, enqueue);
        }
    }
}

fn selecting(world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
    let Some(pod) = change.object() else { return };
    for service in world.within(&kinds::services().id, &pod.namespace) {
        if let Some(selector) = selector(service)
            && change.states().any(|pod| carries(&pod.body["metadata"]["labels"], selector))
        {
            enqueue(service.reference());
        }
    }
}

/// Whether two states of a pod make the same endpoint.
fn same(old: &Object, new: &Object) -> bool {
    let same = |path: &str| old.body.pointer(path) == new.body.pointer(path);
    old.uid == new.uid
        && old.deleting.is_some() == new.deleting.is_some()
        && is_ready(old) == is_ready(new)
        && ["/metadata/labels", "/spec", "/status/phase", "/status/podIP", "/status/podIPs"]
            .into_iter()
            .all(same)
}
