//! Kinds that have several forms: autoscalers in two versions, events in two groups. Custom resources differ in
//! `apiVersion` alone.

use serde_json::Value;

use crate::json::Fill;
use crate::kind::{Kind, Version, api_version};

mod autoscaler;
mod event;
#[cfg(test)]
mod tests;

pub(crate) use autoscaler::default_metric;
pub use autoscaler::{autoscaler_to_v1, autoscaler_to_v2};
pub use event::{event_from_core, event_to_core};

/// Whether stored objects are of the version as they are.
pub fn is_stored_form(kind: &Kind, version: &Version) -> bool {
    kind.storage.version == version.name && kind.storage.group == kind.group
}

/// A stored object as the version has it.
pub fn from_storage(kind: &Kind, version: &Version, object: &mut Value) {
    if is_stored_form(kind, version) {
        return;
    }
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("autoscaling", "HorizontalPodAutoscaler") => *object = autoscaler_to_v1(object),
        ("events.k8s.io", "Event") => *object = event_from_core(object),
        _ => object.set("apiVersion", version.api_version()),
    }
}

/// An object of the version as it is stored.
pub fn to_storage(kind: &Kind, version: &Version, object: &mut Value) {
    if is_stored_form(kind, version) {
        return;
    }
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("autoscaling", "HorizontalPodAutoscaler") => *object = autoscaler_to_v2(object),
        ("events.k8s.io", "Event") => *object = event_to_core(object),
        _ => object.set("apiVersion", api_version(&kind.storage.group, &kind.storage.version)),
    }
}

/// Gives a field another name, if it is there.
fn rename(object: &mut Value, from: &str, to: &str) {
    if let Some(value) = object.unset(from) {
        object.set(to, value);
    }
}
