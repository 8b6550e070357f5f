//! What nodes may do: what is theirs, and what their pods need.
//!
//! A smaller form of Kubernetes' node authorizer: objects are looked up for each question, and a node may list and
//! watch the pods of all nodes, as field selectors are no part of a question for rights.

use std::sync::LazyLock;

use serde_json::Value;

use crate::Objects;
use crate::rbac::{Attributes, ResourceAttributes, Rule, Target, defaults};

/// The annotation of a pod that stands for one that a node runs on its own.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(defaults::node_rules);

/// May the node do this? The error is the reason for a no, for whoever reads the refusal; it may be empty.
pub(crate) fn authorize(
    objects: &dyn Objects,
    node: &str,
    attributes: &Attributes<'_>,
) -> Result<(), String> {
    let Target::Resource(to) = attributes.target else { return Err(String::new()) };
    if !RULES.iter().any(|rule| rule.allows(attributes)) {
        return Err(String::new());
    }
    let unrelated = || format!("no relationship found between node '{node}' and this object");
    let (group, resource) = (to.group, to.resource);
    let allowed = match (group, resource) {
        ("", "nodes") => attributes.verb == "create" || to.name == node,
        ("", "pods") if attributes.verb == "get" => {
            objects.get("", "pods", to.namespace, to.name).is_some_and(|pod| runs_on(&pod, node))
        }
        ("", "secrets") => uses(objects, node, &to, secret_of),
        ("", "configmaps") => uses(objects, node, &to, config_map_of),
        ("", "persistentvolumeclaims") => uses(objects, node, &to, claim_of),
        ("", "serviceaccounts") => uses(objects, node, &to, service_account_of),
        ("", "persistentvolumes") => volume_is_used(objects, node, to.name),
        ("storage.k8s.io", "volumeattachments") => objects
            .get("storage.k8s.io", "volumeattachments", "", to.name)
            .is_some_and(|attachment| attachment["spec"]["nodeName"] == node),
        ("coordination.k8s.io", "leases") => {
            to.namespace == "kube-node-lease" && (attributes.verb == "create" || to.name == node)
        }
        ("storage.k8s.io", "csinodes") => attributes.verb == "create" || to.name == node,
        _ => true,
    };
    if allowed { Ok(()) } else { Err(unrelated()) }
}

/// Does the pod run on this node?
pub(crate) fn runs_on(pod: &Value, node: &str) -> bool {
    pod["spec"]["nodeName"] == node
}

/// Does a pod of the node name the object in the way that `names` looks for?
fn uses(
    objects: &dyn Objects,
    node: &str,
    to: &ResourceAttributes<'_>,
    names: fn(&Value, &str) -> bool,
) -> bool {
    // Without a name or a namespace it would be all of them.
    !to.name.is_empty()
        && !to.namespace.is_empty()
        && objects
            .list("", "pods", to.namespace)
            .iter()
            .any(|pod| runs_on(pod, node) && names(&pod["spec"], to.name))
}

fn service_account_of(spec: &Value, name: &str) -> bool {
    spec["serviceAccountName"] == name
}

fn claim_of(spec: &Value, name: &str) -> bool {
    volumes(spec).any(|volume| volume["persistentVolumeClaim"]["claimName"] == name)
}

fn secret_of(spec: &Value, name: &str) -> bool {
    array(&spec["imagePullSecrets"]).any(|secret| secret["name"] == name)
        || volumes(spec).any(|volume| {
            volume["secret"]["secretName"] == name
                || projected(volume).any(|source| source["secret"]["name"] == name)
                || ["secretRef", "nodePublishSecretRef"].iter().any(|reference| {
                    volume.as_object().is_some_and(|of| of.values().any(|of| of[reference]["name"] == name))
                })
        })
        || in_environment(spec, "secretRef", "secretKeyRef", name)
}

fn config_map_of(spec: &Value, name: &str) -> bool {
    volumes(spec).any(|volume| {
        volume["configMap"]["name"] == name
            || projected(volume).any(|source| source["configMap"]["name"] == name)
    }) || in_environment(spec, "configMapRef", "configMapKeyRef", name)
}

fn in_environment(spec: &Value, whole: &str, key: &str, name: &str) -> bool {
    ["containers", "initContainers", "ephemeralContainers"].iter().flat_map(|list| array(&spec[list])).any(
        |container| {
            array(&container["envFrom"]).any(|from| from[whole]["name"] == name)
                || array(&container["env"]).any(|variable| variable["valueFrom"][key]["name"] == name)
        },
    )
}

fn volume_is_used(objects: &dyn Objects, node: &str, name: &str) -> bool {
    let Some(volume) = objects.get("", "persistentvolumes", "", name) else { return false };
    let claim = &volume["spec"]["claimRef"];
    let (Some(namespace), Some(claim)) = (claim["namespace"].as_str(), claim["name"].as_str()) else {
        return false;
    };
    let to = ResourceAttributes { namespace, name: claim, ..Default::default() };
    uses(objects, node, &to, claim_of)
}

fn volumes(spec: &Value) -> impl Iterator<Item = &Value> {
    array(&spec["volumes"])
}

fn projected(volume: &Value) -> impl Iterator<Item = &Value> {
    array(&volume["projected"]["sources"])
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::objects::fake::Cluster;

    fn cluster() -> Cluster {
        let spec = json!({
            "nodeName": "n1",
            "serviceAccountName": "sa",
            "imagePullSecrets": [{"name": "pull"}],
            "volumes": [
                {"secret": {"secretName": "mounted"}},
                {"projected": {"sources": [{"configMap": {"name": "root"}}]}},
                {"persistentVolumeClaim": {"claimName": "claim"}},
            ],
            "containers": [{"envFrom": [{"secretRef": {"name": "env"}}], "env": [{"valueFrom": {"configMapKeyRef": {"name": "key"}}}]}],
        });
        let volume =
            json!({"metadata": {"name": "pv"}, "spec": {"claimRef": {"namespace": "d", "name": "claim"}}});
        Cluster::default()
            .with("", "pods", json!({"metadata": {"namespace": "d", "name": "p"}, "spec": spec}))
            .with("", "pods", json!({"metadata": {"namespace": "d", "name": "q"}, "spec": {"nodeName": "n2", "imagePullSecrets": [{"name": "far"}]}}))
            .with("", "persistentvolumes", volume)
    }

    #[test]
    fn a_node_sees_what_its_pods_need_and_changes_what_is_its_own() {
        let cluster = cluster();
        let cases = [
            ("get", "", "secrets", "pull", true),
            ("get", "", "secrets", "mounted", true),
            ("get", "", "secrets", "env", true),
            ("get", "", "secrets", "far", false),
            ("list", "", "secrets", "", false),
            ("update", "", "secrets", "pull", false),
            ("get", "", "configmaps", "root", true),
            ("watch", "", "configmaps", "key", true),
            ("get", "", "configmaps", "other", false),
            ("get", "", "persistentvolumeclaims", "claim", true),
            ("get", "", "persistentvolumes", "pv", true),
            ("get", "", "persistentvolumes", "pw", false),
            ("create", "", "serviceaccounts/token", "sa", true),
            ("create", "", "serviceaccounts/token", "default", false),
            ("get", "", "pods", "p", true),
            ("get", "", "pods", "q", false),
            ("list", "", "pods", "", true),
            ("patch", "", "pods/status", "p", true),
            ("get", "", "nodes", "n1", true),
            ("get", "", "nodes", "n2", false),
            ("patch", "", "nodes/status", "n1", true),
            ("delete", "", "nodes", "n1", false),
            ("list", "", "services", "", true),
            ("create", "", "services", "", false),
            ("get", "apps", "deployments", "x", false),
        ];
        for (verb, group, path, name, allowed) in cases {
            let (resource, subresource) = path.split_once('/').unwrap_or((path, ""));
            let namespace = if matches!(resource, "nodes" | "persistentvolumes") { "" } else { "d" };
            let to = ResourceAttributes { group, version: "v1", resource, subresource, namespace, name };
            let attributes = Attributes { verb, target: Target::Resource(to) };
            assert_eq!(authorize(&cluster, "n1", &attributes).is_ok(), allowed, "{verb} {path} {name}");
        }
    }

    #[test]
    fn a_node_has_one_lease() {
        for (namespace, name, allowed) in
            [("kube-node-lease", "n1", true), ("kube-node-lease", "n2", false), ("d", "n1", false)]
        {
            let to = ResourceAttributes {
                group: "coordination.k8s.io",
                version: "v1",
                resource: "leases",
                namespace,
                name,
                ..Default::default()
            };
            let attributes = Attributes { verb: "update", target: Target::Resource(to) };
            assert_eq!(authorize(&(), "n1", &attributes).is_ok(), allowed);
        }
    }
}
