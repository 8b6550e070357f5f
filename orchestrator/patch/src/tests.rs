//! Whole patches against the schemas of built-in kinds, and laws that hold for any of them.

mod apply;
mod json;
mod laws;
mod managed;
mod strategic;

use guideway_schema::Schema;
use serde_json::{Value, json};

use crate::apply::{ApplyError, Force};
use crate::managed::Manager;

const T1: &str = "2026-01-01T00:00:01Z";
const T2: &str = "2026-01-01T00:00:02Z";
const T3: &str = "2026-01-01T00:00:03Z";

fn deployment() -> Schema {
    Schema::builtin("apps", "v1", "Deployment").unwrap()
}

fn config_map() -> Schema {
    Schema::builtin("", "v1", "ConfigMap").unwrap()
}

/// A custom kind with a place of every sort.
fn custom() -> Schema {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "number": {"type": "integer"},
        "text": {"type": "string", "nullable": true},
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
        "list": {"type": "array", "items": {"type": "string"}},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "part": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
        "items": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string"}, "a": {"type": "string"}, "b": {"type": "string"},
                "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}}}},
    }}}});
    Schema::from_crd(&schema, "schema").unwrap()
}

fn config_map_with(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data})
}

fn custom_with(spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec})
}

/// Applies on behalf of a manager of this name, in the version of the configuration.
fn apply_as(
    schema: &Schema,
    live: Option<&Value>,
    config: &Value,
    name: &str,
    force: Force,
    now: &str,
) -> Result<Value, ApplyError> {
    let manager = Manager::new(name, config["apiVersion"].as_str().unwrap());
    crate::apply::apply(schema, live, config, &manager, force, now)
}

fn update_as(schema: &Schema, before: Option<&Value>, after: &Value, name: &str, now: &str) -> Value {
    let manager = Manager::new(name, after["apiVersion"].as_str().unwrap());
    crate::managed::update(schema, before, after.clone(), &manager, now).unwrap()
}

/// The entries as `manager operation time: fields`.
fn entries(object: &Value) -> Vec<String> {
    let list = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let line = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
        let time = text("time");
        let second =
            time.strip_suffix('Z').and_then(|time| time.rsplit(':').next()).unwrap_or("-").to_owned();
        let subresource = entry["subresource"].as_str().map(|name| format!("/{name}")).unwrap_or_default();
        format!("{}{subresource} {} {second}: {}", text("manager"), text("operation"), entry["fieldsV1"])
    };
    list.iter().map(line).collect()
}

/// The object without managedFields.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    object
}
