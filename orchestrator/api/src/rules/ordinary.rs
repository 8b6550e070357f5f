//! What every kind does with status and generation.

use serde_json::{Map, Value};

use crate::json::{Fill, View};

/// A client's object becomes a new one.
pub(super) fn prepare_create(has_status: bool, has_generation: bool, object: &mut Value) {
    if has_status {
        object.set("status", Map::new());
    }
    if has_generation {
        set_generation(object, 1);
    }
}

/// A client's object becomes the next state of the old one.
pub(super) fn prepare_update(has_status: bool, has_generation: bool, new: &mut Value, old: &Value) {
    if has_status {
        keep(new, old, "status");
    }
    if has_generation {
        let changed = has_changed(has_status, new, old) || has_changed(has_status, old, new);
        set_generation(new, old.int("metadata.generation").saturating_add(i64::from(changed)));
    }
}

/// A client's object becomes the old one with another status and other metadata, but for the fields in `kept`.
pub(super) fn prepare_status(kept: &[&str], new: &mut Value, old: &Value) {
    let (status, metadata) = (new.unset("status"), new.unset("metadata"));
    *new = old.clone();
    match status {
        Some(status) => new.set("status", status),
        None => {
            new.unset("status");
        }
    }
    if let Some(Value::Object(mut sent)) = metadata {
        for field in kept {
            sent.remove(*field);
            if let Some(value) = old.at("metadata").get(field) {
                sent.insert((*field).to_owned(), value.clone());
            }
        }
        new.set("metadata", sent);
    }
}

/// Gives an object the field of another, or takes it away.
pub(super) fn keep(object: &mut Value, from: &Value, field: &str) {
    match from.get(field) {
        Some(value) => object.set(field, value.clone()),
        None => {
            object.unset(field);
        }
    }
}

fn set_generation(object: &mut Value, generation: i64) {
    if let Some(metadata) = object.made("metadata").filter(|_| generation > 0) {
        metadata.set("generation", generation);
    }
}

/// Whether `one` has something, metadata and status aside, that `other` has not.
fn has_changed(has_status: bool, one: &Value, other: &Value) -> bool {
    let outside =
        |key: &str| matches!(key, "metadata" | "kind" | "apiVersion") || has_status && key == "status";
    let mut fields = one.as_object().into_iter().flatten();
    fields.any(|(key, value)| !outside(key) && other.get(key).unwrap_or(&Value::Null) != value)
}
