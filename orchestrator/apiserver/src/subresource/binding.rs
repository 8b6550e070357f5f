//! A scheduler's decision: the pod goes to the node.

use axum::body::Body;
use axum::http::StatusCode;
use guideway_api::kind::Origin;
use guideway_api::options::WriteOptions;
use guideway_api::{Cause, GroupVersionKind, Qualified, Status};
use guideway_schema::Schema;
use serde_json::{Value, json};

use crate::call::Call;
use crate::reply::{self, Answer};
use crate::value::{is_terminating, text};
use crate::write::{Change, Door, Expected, Made, incoming};

/// POST to `pods/NAME/binding`.
pub(super) async fn bind(call: &mut Call, body: Body) -> Answer {
    let options = WriteOptions::create(call.query())?;
    let schema = Schema::builtin("", "v1", "Binding");
    let kind =
        GroupVersionKind { group: String::new(), version: "v1".to_owned(), kind: "Binding".to_owned() };
    let expected = Expected { kind, schema: schema.as_ref(), origin: Origin::BuiltIn, older: &[] };
    let mut warnings = Vec::new();
    let binding = incoming(call, body, &expected, options.field_validation, &mut warnings).await?;
    bind_pod(call, &binding, &options).await
}

/// POST to `bindings`, where the object names the pod.
pub(super) async fn bind_named(call: &mut Call, binding: &Value) -> Answer {
    let options = WriteOptions::create(call.query())?;
    let Some(pods) = call.server.catalogue().registry.find("", "v1", "pods") else {
        return Err(Status::no_resource());
    };
    let mut about = call.about(pods, text(binding, &["metadata", "name"]));
    bind_pod(&mut about, binding, &options).await
}

async fn bind_pod(call: &mut Call, binding: &Value, options: &WriteOptions) -> Answer {
    let name = call.path.name.clone();
    let node = text(binding, &["target", "name"]).to_owned();
    let kind = text(binding, &["target", "kind"]);
    let bad = |cause: Cause| Status::invalid(Qualified { group: "", name: "Binding" }, &name, &[cause]);
    if node.is_empty() {
        return Err(bad(Cause::required("target.name", "")));
    }
    if !matches!(kind, "" | "Node") {
        return Err(bad(Cause::not_supported("target.kind", &Value::from(kind), &["Node", "<empty>"])));
    }
    let wanted_uid = text(binding, &["metadata", "uid"]);
    let change = Change { door: Door::Part(|new, _| new.clone()), options, is_whole: false };
    let time = call.time();
    call.change(&change, |call, old, _| {
        let uid = text(old, &["metadata", "uid"]);
        if !wanted_uid.is_empty() && wanted_uid != uid {
            return Err(Status::other_uid(call.named(), &name, &call.key(&name), wanted_uid, uid));
        }
        let binding_of = Qualified { group: "", name: "pods/binding" };
        let conflict = |why: &str| Err(Status::conflict_because(binding_of, &name, why));
        if is_terminating(old) {
            return conflict(&format!("pod {name} is being deleted, cannot be assigned to a host"));
        }
        let assigned = text(old, &["spec", "nodeName"]);
        if !assigned.is_empty() {
            return conflict(&format!("pod {name} is already assigned to node {assigned:?}"));
        }
        if old["spec"]["schedulingGates"].as_array().is_some_and(|gates| !gates.is_empty()) {
            return conflict(&format!("pod {name} has non-empty .spec.schedulingGates"));
        }
        Ok(Made { object: bound(old, binding, &node, &time), is_applied: false })
    })
    .await?;
    Ok(reply::value(StatusCode::CREATED, call.wanted.encoding, &Status::success(201)))
}

fn bound(old: &Value, binding: &Value, node: &str, time: &str) -> Value {
    let mut pod = old.clone();
    pod["spec"]["nodeName"] = Value::from(node);
    if let Some(annotations) = binding["metadata"]["annotations"].as_object() {
        for (name, value) in annotations {
            pod["metadata"]["annotations"][name.as_str()] = value.clone();
        }
    }
    let scheduled =
        json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": time});
    if !pod["status"]["conditions"].is_array() {
        pod["status"]["conditions"] = json!([]);
    }
    if let Some(conditions) = pod["status"]["conditions"].as_array_mut() {
        conditions.retain(|condition| condition["type"] != "PodScheduled");
        conditions.push(scheduled);
    }
    pod
}
