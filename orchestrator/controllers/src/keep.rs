//! What of an object is kept in memory.

use serde_json::{Map, Value, json};

use crate::resource::GroupResource;

/// `body` without what no controller reads. `metadata` keeps all but `managedFields` and the annotation of
/// client-side apply.
pub(crate) fn keep(resource: &GroupResource, mut body: Value) -> Value {
    if let Some(meta) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.remove("managedFields");
        if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    match (&*resource.group, &*resource.plural) {
        ("", "pods") => pod(&mut body),
        ("", "configmaps") if body["metadata"]["name"] != "kube-root-ca.crt" => only(&mut body, &[]),
        ("", "secrets") => secret(&mut body),
        ("", "events") => only(
            &mut body,
            &["lastTimestamp", "firstTimestamp", "eventTime", "series", "deprecatedLastTimestamp"],
        ),
        ("", "nodes") => only(&mut body, &[]),
        ("apps", _) | ("", "replicationcontrollers") => {
            let replicas = body["spec"]["replicas"].clone();
            only(&mut body, &[]);
            body["spec"] = json!({ "replicas": replicas });
        }
        _ => {}
    }
    body
}

/// The owner references of an object, in their place, or nothing.
pub(crate) fn owner_references(body: &mut Value) -> Value {
    match body["metadata"]["ownerReferences"].take() {
        Value::Null => Value::Null,
        owners => json!({ "metadata": { "ownerReferences": owners } }),
    }
}

/// Leaves metadata and these fields.
fn only(body: &mut Value, fields: &[&str]) {
    if let Some(body) = body.as_object_mut() {
        body.retain(|field, _| {
            matches!(field.as_str(), "apiVersion" | "kind" | "metadata") || fields.contains(&&**field)
        });
    }
}

fn secret(body: &mut Value) {
    let wanted = match body["type"].as_str() {
        Some("bootstrap.kubernetes.io/token") => &["expiration"][..],
        Some("kubernetes.io/service-account-token") => &["token", "ca.crt", "namespace"],
        _ => &[],
    };
    if let Some(values) = body.get_mut("data").and_then(Value::as_object_mut) {
        values.retain(|name, _| wanted.contains(&name.as_str()));
    }
}

fn pod(body: &mut Value) {
    let spec = &body["spec"];
    let containers: Vec<Value> = ["initContainers", "containers"]
        .iter()
        .flat_map(|list| {
            let containers = spec[*list].as_array().into_iter().flatten();
            // Init containers that stay are the side cars.
            containers
                .filter(move |container| *list == "containers" || container["restartPolicy"] == "Always")
        })
        .filter(|container| container.get("ports").is_some())
        .map(|container| picked(container, &["ports"]))
        .collect();
    let mut kept = picked(spec, &["nodeName", "hostname", "subdomain", "hostNetwork"]);
    kept["containers"] = containers.into();
    let status = picked(&body["status"], &["phase", "podIP", "podIPs", "conditions"]);
    body["spec"] = kept;
    body["status"] = status;
}

fn picked(value: &Value, fields: &[&str]) -> Value {
    let picked: Map<String, Value> = fields
        .iter()
        .filter_map(|field| value.get(field).map(|value| ((*field).to_owned(), value.clone())))
        .collect();
    Value::Object(picked)
}
