//! Kinds that have several forms: autoscalers in two versions, events in two groups. Custom resources differ in
//! `apiVersion`, and in what the schema of the version knows and fills in.

use serde_json::Value;

use crate::json::Fill;
use crate::kind::{Kind, Origin, Version, api_version};

mod autoscaler;
mod event;
#[cfg(test)]
mod tests;

pub(crate) use autoscaler::default_metric;
pub use autoscaler::{autoscaler_to_v1, autoscaler_to_v2};
pub use event::{event_from_core, event_to_core};

/// Whether objects are stored in the form of the version.
pub fn is_stored_form(kind: &Kind, version: &Version) -> bool {
    kind.storage.version == version.name && kind.storage.group == kind.group
}

/// Whether a stored object is of the version as it is. `revision` is that of its last write: the definition of a custom
/// kind may have got another schema or another stored version since.
pub fn is_shown_as_stored(kind: &Kind, version: &Version, revision: u64) -> bool {
    is_stored_form(kind, version) && (kind.origin == Origin::BuiltIn || revision > kind.defined)
}

/// Whether a stored object was written under another definition, and would be stored in another form now.
pub fn is_outdated(kind: &Kind, revision: u64, stored: &Value) -> bool {
    if kind.origin == Origin::BuiltIn || revision > kind.defined {
        return false;
    }
    let Some(version) = kind.versions.iter().find(|version| version.storage) else { return false };
    let mut now = stored.clone();
    from_storage(kind, version, &mut now);
    now != *stored
}

/// A stored object as the version has it. Of a custom one, what the version does not know goes, and what it has a default
/// for comes.
pub fn from_storage(kind: &Kind, version: &Version, object: &mut Value) {
    if kind.origin == Origin::Custom {
        object.set("apiVersion", version.api_version());
        if let Some(schema) = version.schema() {
            schema.prune(object);
            schema.default(object);
        }
        return;
    }
    if is_stored_form(kind, version) {
        return;
    }
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("autoscaling", "HorizontalPodAutoscaler") => *object = autoscaler_to_v1(object),
        ("events.k8s.io", "Event") => *object = event_from_core(object),
        _ => object.set("apiVersion", version.api_version()),
    }
}

/// An object of the version as it is stored. Of a custom one, what the stored version does not know is lost, as
/// Kubernetes has it.
pub fn to_storage(kind: &Kind, version: &Version, object: &mut Value) {
    if is_stored_form(kind, version) {
        return;
    }
    if kind.origin == Origin::Custom
        && let Some(stored) = kind.versions.iter().find(|version| version.storage)
    {
        return from_storage(kind, stored, object);
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
