//! NodeRestriction: a node changes itself, its lease and its pods, and nothing else.

use serde_json::Value;

use super::{Operation, Request};
use crate::Status;
use crate::json::{fields, list, text};
use crate::node::{MIRROR, runs_on};

/// Labels below these domains are not a node's own to set, except for those that it knows best.
const RESERVED: [&str; 2] = ["kubernetes.io", "k8s.io"];
const RESTRICTED: &str = "node-restriction.kubernetes.io";
const OWN_DOMAINS: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const OWN: [&str; 13] = [
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.kubernetes.io/region",
    "failure-domain.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

/// `object` is `null` for a deletion.
pub(super) fn validate(request: &Request<'_>, object: &Value) -> Result<(), Status> {
    let Some(node) = request.identity.node() else { return Ok(()) };
    let complaint = match (request.group, request.resource, request.subresource) {
        ("", "pods", part) => pod(request, object, node, part),
        ("", "nodes", _) => itself(request, object, node),
        ("coordination.k8s.io", "leases", _) => lease(request, object, node),
        ("storage.k8s.io", "csinodes", _) => (name_of(request, object) != node)
            .then(|| "can only access CSINode with the same name as the requesting node".to_owned()),
        _ => None,
    };
    complaint.map_or(Ok(()), |why| Err(request.forbid(object, why)))
}

fn pod(request: &Request<'_>, object: &Value, node: &str, part: &str) -> Option<String> {
    let present = || {
        let stored = || request.objects.get("", "pods", request.namespace, request.name);
        request.old.map_or_else(|| stored().is_some_and(|pod| runs_on(&pod, node)), |old| runs_on(old, node))
    };
    match (request.operation, part) {
        (Operation::Create, "") => {
            if object["metadata"]["annotations"].get(MIRROR).is_none() {
                return Some(format!(
                    "pod does not have {MIRROR:?} annotation, node {node:?} can only create mirror pods"
                ));
            }
            if !runs_on(object, node) {
                return Some(format!("node {node:?} can only create pods with spec.nodeName set to itself"));
            }
            references(&object["spec"])
                .map(|what| format!("node {node:?} can not create pods that reference {what}"))
        }
        (Operation::Create | Operation::Delete, "eviction") => {
            (!present()).then(|| format!("node {node} can only evict pods with spec.nodeName set to itself"))
        }
        (Operation::Update, "status") => {
            if !present() {
                return Some(format!(
                    "node {node:?} can only update pod status for pods with spec.nodeName set to itself"
                ));
            }
            let labels = |pod: &Value| pod["metadata"]["labels"].clone();
            (request.old.map(labels) != Some(labels(object)))
                .then(|| format!("node {node:?} cannot update labels through pod status"))
        }
        (Operation::Delete, "") => (!present())
            .then(|| format!("node {node:?} can only delete pods with spec.nodeName set to itself")),
        (operation, part) => Some(format!("unexpected operation {operation:?} of {part:?} by a node")),
    }
}

/// What a mirror pod must not name: things that the node could read afterwards.
fn references(spec: &Value) -> Option<&'static str> {
    if !text(spec, "serviceAccountName").is_empty() {
        return Some("a service account");
    }
    let source = |field: &str| list(&spec["volumes"]).iter().any(|volume| !volume[field].is_null());
    let projected = |field: &str| {
        list(&spec["volumes"])
            .iter()
            .flat_map(|volume| list(&volume["projected"]["sources"]))
            .any(|source| !source[field].is_null())
    };
    let containers = || {
        ["containers", "initContainers", "ephemeralContainers"].iter().flat_map(|field| list(&spec[field]))
    };
    let environment = |whole: &str, key: &str| {
        containers().any(|container| {
            list(&container["envFrom"]).iter().any(|from| !from[whole].is_null())
                || list(&container["env"]).iter().any(|variable| !variable["valueFrom"][key].is_null())
        })
    };
    if source("secret")
        || projected("secret")
        || environment("secretRef", "secretKeyRef")
        || !list(&spec["imagePullSecrets"]).is_empty()
    {
        return Some("secrets");
    }
    if source("configMap") || projected("configMap") || environment("configMapRef", "configMapKeyRef") {
        return Some("configmaps");
    }
    source("persistentVolumeClaim").then_some("persistentvolumeclaims")
}

fn itself(request: &Request<'_>, object: &Value, node: &str) -> Option<String> {
    let name = name_of(request, object);
    if name != node {
        return Some(format!("node {node:?} is not allowed to modify node {name:?}"));
    }
    if request.operation == Operation::Delete {
        return None;
    }
    let before = request.old.unwrap_or(&Value::Null);
    if request.operation == Operation::Update && before["spec"]["taints"] != object["spec"]["taints"] {
        return Some(format!("node {node:?} is not allowed to modify taints"));
    }
    let labels = |node: &Value| node["metadata"]["labels"].clone();
    let (before, after) = (labels(before), labels(object));
    let keys = fields(&before).chain(fields(&after)).map(|(key, _)| key);
    let mut foreign: Vec<&str> = keys.filter(|&key| before[key] != after[key] && !may_set(key)).collect();
    foreign.sort_unstable();
    foreign.dedup();
    (!foreign.is_empty()).then(|| format!("is not allowed to modify labels: {}", foreign.join(", ")))
}

fn may_set(label: &str) -> bool {
    let Some((domain, _)) = label.split_once('/') else { return true };
    let below = |parent: &str| {
        domain == parent || domain.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
    };
    if below(RESTRICTED) {
        return false;
    }
    !RESERVED.iter().any(|parent| below(parent))
        || OWN.contains(&label)
        || OWN_DOMAINS.iter().any(|parent| below(parent))
}

fn lease(request: &Request<'_>, object: &Value, node: &str) -> Option<String> {
    if request.namespace != "kube-node-lease" {
        return Some("can only access leases in the \"kube-node-lease\" system namespace".to_owned());
    }
    (name_of(request, object) != node)
        .then(|| "can only access node lease with the same name as the requesting node".to_owned())
}

fn name_of<'a>(request: &Request<'a>, object: &'a Value) -> &'a str {
    if request.name.is_empty() { text(&object["metadata"], "name") } else { request.name }
}
