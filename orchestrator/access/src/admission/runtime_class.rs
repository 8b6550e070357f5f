//! RuntimeClass: what a runtime needs besides the containers, and where it is.

use serde_json::{Value, json};

use super::Request;
use crate::Status;
use crate::json::{entry, fields, list, push, set, text};

pub(super) fn mutate(request: &Request<'_>, pod: &mut Value) -> Result<(), Status> {
    if !request.creates("", "pods") || !pod["spec"].is_object() {
        return Ok(());
    }
    let refuse = |pod: &Value, why: &str| Err(request.forbid(pod, format!("pod rejected: {why}")));
    let overhead = pod["spec"]["overhead"].clone();
    let name = text(&pod["spec"], "runtimeClassName").to_owned();
    if name.is_empty() {
        if fields(&overhead).next().is_some() {
            return refuse(pod, "Pod Overhead set without corresponding RuntimeClass defined Overhead");
        }
        return Ok(());
    }
    let Some(class) = request.objects.get("node.k8s.io", "runtimeclasses", "", &name) else {
        return refuse(pod, &format!("RuntimeClass {name:?} not found"));
    };
    let fixed = &class["overhead"]["podFixed"];
    if fields(&overhead).next().is_some() && overhead != *fixed {
        return refuse(pod, "Pod's Overhead doesn't match RuntimeClass's defined Overhead");
    }
    if fixed.is_object() {
        set(pod, &["spec", "overhead"], fixed.clone());
    }
    let scheduling = &class["scheduling"];
    for (key, value) in fields(&scheduling["nodeSelector"]) {
        match entry(pod, &["spec", "nodeSelector", key]) {
            Some(own) if own.is_null() => *own = value.clone(),
            Some(own) if own == value => {}
            other => {
                let own = other.map_or(json!(null), |own| own.clone());
                let why = format!(
                    "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {}; pod.spec.nodeSelector[{key}] = {}",
                    value.as_str().unwrap_or_default(),
                    own.as_str().unwrap_or_default()
                );
                return refuse(pod, &why);
            }
        }
    }
    for toleration in list(&scheduling["tolerations"]) {
        if !list(&pod["spec"]["tolerations"]).contains(toleration) {
            push(pod, &["spec", "tolerations"], toleration.clone());
        }
    }
    Ok(())
}
