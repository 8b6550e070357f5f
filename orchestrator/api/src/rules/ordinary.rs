//! What every kind does with status and generation.

use serde_json::{Map, Value};

/// A client's object becomes a new one.
pub(super) fn prepare_create(has_status: bool, has_generation: bool, object: &mut Value) {
    let Some(object) = object.as_object_mut() else { return };
    if has_status {
        object.remove("status");
    }
    if has_generation {
        set_generation(object, 1);
    }
}

/// A client's object becomes the next state of the old one.
pub(super) fn prepare_update(has_status: bool, has_generation: bool, new: &mut Value, old: &Value) {
    let Some(object) = new.as_object_mut() else { return };
    if has_status {
        take(object, old, "status");
    }
    if has_generation {
        let before = generation(old);
        let changed = !same_content(object, old);
        // A deletion timestamp counts as a change too; whoever sets it calls `bump_generation`.
        if before > 0 || changed {
            set_generation(object, if changed { before + 1 } else { before });
        }
    }
}

/// A client's object becomes the old one with another status.
pub(super) fn prepare_status(new: &mut Value, old: &Value) {
    let Some(object) = new.as_object_mut() else { return };
    let status = object.remove("status");
    let metadata = object.remove("metadata");
    if let Some(old) = old.as_object() {
        *object = old.clone();
    }
    match status {
        Some(status) => object.insert("status".into(), status),
        None => object.remove("status"),
    };
    // The version decides whether the write is on time, and managers of fields are tracked for status too.
    let kept = metadata.as_ref().and_then(Value::as_object);
    if let (Some(kept), Some(Value::Object(target))) = (kept, object.get_mut("metadata")) {
        for field in ["resourceVersion", "managedFields"] {
            match kept.get(field) {
                Some(value) => target.insert(field.into(), value.clone()),
                None => target.remove(field),
            };
        }
    }
}

/// `metadata.generation`, 0 if there is none.
fn generation(object: &Value) -> i64 {
    object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0)
}

fn set_generation(object: &mut Map<String, Value>, generation: i64) {
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("generation".into(), generation.into());
    }
}

fn take(object: &mut Map<String, Value>, from: &Value, field: &str) {
    match from.get(field) {
        Some(value) => object.insert(field.into(), value.clone()),
        None => object.remove(field),
    };
}

/// Whether all but metadata, status and the type's name is the same.
fn same_content(new: &Map<String, Value>, old: &Value) -> bool {
    let Some(old) = old.as_object() else { return false };
    let content = |object: &Map<String, Value>| -> Vec<(String, Value)> {
        let outside = ["metadata", "status", "kind", "apiVersion"];
        object
            .iter()
            .filter(|(key, _)| !outside.contains(&key.as_str()))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    };
    content(new) == content(old)
}
