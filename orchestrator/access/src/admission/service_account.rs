//! ServiceAccount: every pod runs as an account of its namespace and finds a token of it.

use serde_json::{Value, json};

use super::Request;
use crate::json::{list, push, set, text};
use crate::{Status, node::MIRROR};

const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME: &str = "kube-api-access-";
/// A little more than an hour: clients that ask for exactly one hour mean another thing.
const EXPIRATION_SECONDS: u32 = 3607;
const CONTAINERS: [&str; 2] = ["initContainers", "containers"];

pub(super) fn mutate(request: &Request<'_>, pod: &mut Value) -> Result<(), Status> {
    if !request.creates("", "pods") || is_mirror(pod) || !pod["spec"].is_object() {
        return Ok(());
    }
    if text(&pod["spec"], "serviceAccountName").is_empty() {
        set(pod, &["spec", "serviceAccountName"], json!("default"));
    }
    // The old name of the field says the same.
    let name = text(&pod["spec"], "serviceAccountName").to_owned();
    set(pod, &["spec", "serviceAccount"], json!(name));
    let Some(account) = request.objects.get("", "serviceaccounts", request.namespace, &name) else {
        let namespace = request.namespace;
        let why =
            format!("error looking up service account {namespace}/{name}: serviceaccount {name:?} not found");
        return Err(request.forbid(pod, why));
    };
    let field = "automountServiceAccountToken";
    let wanted = [&pod["spec"][field], &account[field]].into_iter().find_map(Value::as_bool).unwrap_or(true);
    if wanted {
        mount_token(request, pod);
    }
    if list(&pod["spec"]["imagePullSecrets"]).is_empty() && !list(&account["imagePullSecrets"]).is_empty() {
        set(pod, &["spec", "imagePullSecrets"], account["imagePullSecrets"].clone());
    }
    Ok(())
}

pub(super) fn validate(request: &Request<'_>, pod: &Value) -> Result<(), Status> {
    if !request.creates("", "pods") || !is_mirror(pod) {
        return Ok(());
    }
    let spec = &pod["spec"];
    if !text(spec, "serviceAccountName").is_empty() {
        return Err(request.forbid(pod, "a mirror pod may not reference service accounts"));
    }
    let has_token = list(&spec["volumes"])
        .iter()
        .flat_map(|volume| list(&volume["projected"]["sources"]))
        .any(|source| !source["serviceAccountToken"].is_null());
    if has_token {
        return Err(request.forbid(pod, "a mirror pod may not use ServiceAccountToken volume projections"));
    }
    if list(&spec["volumes"]).iter().any(|volume| !volume["secret"].is_null()) {
        return Err(request.forbid(pod, "a mirror pod may not reference secrets"));
    }
    Ok(())
}

/// Does a node show here what it runs on its own?
fn is_mirror(pod: &Value) -> bool {
    pod["metadata"]["annotations"].get(MIRROR).is_some()
}

fn mount_token(request: &Request<'_>, pod: &mut Value) {
    let present = list(&pod["spec"]["volumes"])
        .iter()
        .map(|volume| text(volume, "name"))
        .find(|name| name.starts_with(VOLUME))
        .map(str::to_owned);
    let volume = present.clone().unwrap_or_else(|| format!("{VOLUME}{}", request.random));
    let mut mounted = false;
    for field in CONTAINERS {
        let Some(containers) = pod["spec"].get_mut(field).and_then(Value::as_array_mut) else { continue };
        for container in containers.iter_mut().filter(|container| container.is_object()) {
            let taken = list(&container["volumeMounts"]).iter().any(|mount| mount["mountPath"] == MOUNT_PATH);
            if !taken {
                let mount = json!({"name": volume, "readOnly": true, "mountPath": MOUNT_PATH});
                push(container, &["volumeMounts"], mount);
                mounted = true;
            }
        }
    }
    if mounted && present.is_none() {
        push(pod, &["spec", "volumes"], token_volume(&volume));
    }
}

fn token_volume(name: &str) -> Value {
    json!({
        "name": name,
        "projected": {
            "defaultMode": 0o644,
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": EXPIRATION_SECONDS, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{
                    "path": "namespace",
                    "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                }]}},
            ],
        },
    })
}
