//! Words that begin with `x-kubernetes-`.

use std::collections::HashSet;

use serde_json::Value;

use super::Builder;
use crate::{
    Cause, ListType, MapType, Type,
    schema::{Child, Node},
};

impl Builder {
    /// How lists and maps are merged.
    pub(super) fn extensions(&mut self, raw: &Value, node: &mut Node) {
        let kind = self.text(raw, "type").unwrap_or_default().to_owned();
        if let Some(map_type) = self.text(raw, "x-kubernetes-map-type").map(str::to_owned) {
            self.belongs_to(&kind, "object", "x-kubernetes-map-type");
            node.map_type = match map_type.as_str() {
                "atomic" => MapType::Atomic,
                "granular" => MapType::Granular,
                _ => {
                    let field = self.path.field("x-kubernetes-map-type");
                    self.causes.push(Cause::not_supported(field, &map_type.into(), &["atomic", "granular"]));
                    MapType::Granular
                }
            };
        }
        let list_type = self.text(raw, "x-kubernetes-list-type").map(str::to_owned);
        if let Some(list_type) = &list_type {
            self.belongs_to(&kind, "array", "x-kubernetes-list-type");
            node.list_type = match list_type.as_str() {
                "atomic" => Some(ListType::Atomic),
                "set" => Some(ListType::Set),
                "map" => Some(ListType::Map),
                other => {
                    let field = self.path.field("x-kubernetes-list-type");
                    self.causes.push(Cause::not_supported(field, &other.into(), &["atomic", "map", "set"]));
                    None
                }
            };
        }
        let keys = raw["x-kubernetes-list-map-keys"].as_array();
        node.list_map_keys =
            keys.into_iter().flatten().filter_map(|key| key.as_str().map(Into::into)).collect();
        if !node.list_map_keys.is_empty() && node.list_type != Some(ListType::Map) {
            let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
            match list_type {
                None => self.required("x-kubernetes-list-type", detail),
                Some(list_type) => self.invalid("x-kubernetes-list-type", &list_type.into(), detail),
            }
        }
        match node.list_type {
            Some(ListType::Map) => self.list_map(raw, node),
            Some(ListType::Set) => self.list_set(node),
            _ => {}
        }
    }

    fn belongs_to(&mut self, kind: &str, wanted: &str, word: &str) {
        let detail = format!("must be {wanted} if {word} is specified");
        match kind {
            "" => self.required("type", &detail),
            kind if kind == wanted => {}
            kind => self.invalid("type", &kind.into(), &detail),
        }
    }

    fn list_set(&mut self, node: &Node) {
        let Some(items) = node.items.as_ref().map(Child::schema) else { return };
        let detail = "as item of a list with x-kubernetes-list-type=set";
        if items.nullable() {
            self.forbidden("items.nullable", &format!("cannot be nullable {detail}"));
        }
        let atomic = match items.kind() {
            Type::Object => items.map_type() == MapType::Atomic,
            Type::Array => items.0.list_type.is_none_or(|kind| kind == ListType::Atomic),
            _ => true,
        };
        if !atomic {
            let (word, value) = match items.kind() {
                Type::Array => ("items.x-kubernetes-list-type", "set"),
                _ => ("items.x-kubernetes-map-type", "granular"),
            };
            self.invalid(word, &value.into(), &format!("must be atomic {detail}"));
        }
    }

    fn list_map(&mut self, raw: &Value, node: &Node) {
        let Some(items) = node.items.as_ref().map(|items| items.schema().clone()) else {
            self.required("items", "must have a schema if x-kubernetes-list-type is map");
            return;
        };
        if items.kind() != Type::Object {
            let kind = raw["items"].get("type").cloned().unwrap_or_default();
            let detail = "must be object if parent array's x-kubernetes-list-type is map";
            self.invalid("items.type", &kind, detail);
        }
        if node.list_map_keys.is_empty() {
            let detail = "must not be empty if x-kubernetes-list-type is map";
            self.required("x-kubernetes-list-map-keys", detail);
        }
        let mut seen = HashSet::new();
        for (index, key) in node.list_map_keys.iter().enumerate() {
            if !seen.insert(key) {
                let field = self.path.field(&format!("x-kubernetes-list-map-keys[{index}]"));
                self.causes.push(Cause::duplicate(field, &Value::from(&**key)));
            }
            let Some(property) = items.property(key) else {
                let keys = raw["x-kubernetes-list-map-keys"].clone();
                self.invalid(
                    "x-kubernetes-list-map-keys",
                    &keys,
                    "entries must all be names of item properties",
                );
                continue;
            };
            let place = format!("items.properties[{key}]");
            if matches!(property.kind(), Type::Object | Type::Array) {
                let kind = raw["items"]["properties"][&**key]["type"].clone();
                let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                self.invalid(&format!("{place}.type"), &kind, detail);
            }
            let named = "this property is in x-kubernetes-list-map-keys, so it";
            if property.nullable() {
                self.forbidden(&format!("{place}.nullable"), &format!("{named} cannot be nullable"));
            }
            if property.default_value().is_none() && !items.required().any(|name| *name == **key) {
                let detail = format!("{named} must have a default or be a required property");
                self.required(&format!("{place}.default"), &detail);
            }
        }
    }
}
