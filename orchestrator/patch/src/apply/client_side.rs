//! kubectl's way from client-side to server-side apply, and back.
//!
//! `kubectl apply` keeps what it applied in an annotation. Someone who goes on with `kubectl apply --server-side` takes
//! over the fields named there without a conflict, and the annotation is kept up to date for those who go back.

use guideway_schema::Schema;
use serde_json::Value;

use crate::fields::FieldSet;
use crate::managed::Manager;
use crate::tree::{collect, compare};

/// The annotation of `kubectl apply`.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Only its server-side apply counts.
const KUBECTL: &str = "kubectl";

fn annotation(object: Option<&Value>) -> Option<&str> {
    object?.get("metadata")?.get("annotations")?.get(LAST_APPLIED)?.as_str().filter(|text| !text.is_empty())
}

/// All fields in conflict were set by `kubectl apply` and are as it set them.
pub(super) fn may_take<'a>(
    schema: &Schema,
    live: Option<&Value>,
    manager: &Manager,
    mut conflicts: impl Iterator<Item = &'a FieldSet>,
) -> bool {
    if manager.name != KUBECTL {
        return false;
    }
    let (Some(live), Some(text)) = (live, annotation(live)) else { return false };
    let Ok(applied) = serde_json::from_str::<Value>(text) else { return false };
    if applied.get("apiVersion").and_then(Value::as_str) != Some(manager.api_version.as_str()) {
        return false;
    }
    let Ok(mut unchanged) = collect(Some(schema), &applied) else { return false };
    let (changed, removed) = compare(Some(schema), &manager.unset, Some(&applied), live).split();
    unchanged.subtract(&changed);
    unchanged.subtract(&removed);
    conflicts.all(|fields| fields.difference(&unchanged).is_empty())
}

/// Keeps the annotation up to date, if there is one.
pub(super) fn record(object: &mut Value, live: Option<&Value>, config: &Value, manager: &Manager) {
    if manager.name != KUBECTL || annotation(live).is_none() {
        return;
    }
    let mut applied = config.clone();
    let annotations = applied.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.remove(LAST_APPLIED);
    }
    let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        // kubectl ends the text with a line feed.
        annotations.insert(LAST_APPLIED.to_owned(), format!("{applied}\n").into());
    }
}
