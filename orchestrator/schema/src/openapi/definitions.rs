//! The definitions that a document needs: those that it names, and what they name.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Custom, Resource};
use crate::builtin::{Definition, REFERENCE};

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

/// Definitions by name, as JSON text.
#[derive(Default)]
pub(super) struct Definitions(BTreeMap<String, Text>);

enum Text {
    BuiltIn(&'static str),
    Custom(String),
}

impl Text {
    fn as_str(&self) -> &str {
        match self {
            Self::BuiltIn(text) => text,
            Self::Custom(text) => text,
        }
    }
}

impl Definitions {
    /// Adds a built-in kind. Its name, if there is such a kind.
    pub(super) fn kind(&mut self, group: &str, version: &str, kind: &str) -> Option<&'static str> {
        let definition = Definition::of_kind(group, version, kind)?;
        self.add(definition);
        Some(definition.name)
    }

    /// Adds a built-in definition.
    pub(super) fn named(&mut self, name: &str) {
        if let Some(definition) = Definition::named(name) {
            self.add(definition);
        }
    }

    fn add(&mut self, definition: &'static Definition) {
        let mut next = vec![definition];
        while let Some(definition) = next.pop() {
            if self.0.contains_key(definition.name) {
                continue;
            }
            self.0.insert(definition.name.to_owned(), Text::BuiltIn(definition.json));
            let references = definition.json.split(REFERENCE).skip(1);
            next.extend(references.filter_map(|part| Definition::named(part.split('"').next()?)));
        }
    }

    /// Adds a custom kind and its list. The names of both.
    pub(super) fn custom(&mut self, resource: &Resource<'_>, custom: &Custom<'_>) -> (String, String) {
        let package: Vec<&str> = resource.group.split('.').rev().collect();
        let package = format!("{}.{}", package.join("."), resource.version);
        let name = format!("{package}.{}", resource.kind);
        let list = format!("{package}.{}", custom.list_kind);
        self.named(OBJECT_META);
        self.named(LIST_META);
        let object = object(resource, custom).to_string();
        self.0.insert(name.clone(), Text::Custom(object));
        let of_list = self::list(resource, custom, &name).to_string();
        self.0.insert(list.clone(), Text::Custom(of_list));
        (name, list)
    }

    /// Writes all of them as a JSON object.
    pub(super) fn write(&self, text: &mut String) {
        text.push('{');
        for (index, (name, definition)) in self.0.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(&Value::from(name.as_str()).to_string());
            text.push(':');
            text.push_str(definition.as_str());
        }
        text.push('}');
    }

    /// All of them, parsed.
    pub(super) fn parsed(&self) -> impl Iterator<Item = (String, Value)> {
        self.0
            .iter()
            .filter_map(|(name, text)| Some((name.clone(), serde_json::from_str(text.as_str()).ok()?)))
    }
}

fn identity() -> [(&'static str, Value); 2] {
    let text = |description: &str| json!({ "description": description, "type": "string" });
    [
        ("apiVersion", text("Group and version of the schema that the object is written in.")),
        ("kind", text("Kind of the object.")),
    ]
}

fn meta(name: &str, description: &str) -> Value {
    json!({ "allOf": [{ "$ref": format!("{REFERENCE}{name}") }], "description": description })
}

fn group_version_kind(resource: &Resource<'_>, kind: &str) -> Value {
    json!([{ "group": resource.group, "version": resource.version, "kind": kind }])
}

/// The definition of a custom kind.
fn object(resource: &Resource<'_>, custom: &Custom<'_>) -> Value {
    let mut schema = custom.schema.as_object().cloned().unwrap_or_default();
    let mut properties = match schema.remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    properties.extend(identity().map(|(name, value)| (name.to_owned(), value)));
    properties.insert("metadata".into(), meta(OBJECT_META, "Standard object's metadata."));
    schema.insert("properties".into(), Value::Object(properties));
    schema.insert("type".into(), "object".into());
    schema.insert("x-kubernetes-group-version-kind".into(), group_version_kind(resource, resource.kind));
    Value::Object(schema)
}

/// The definition of its list.
fn list(resource: &Resource<'_>, custom: &Custom<'_>, item: &str) -> Value {
    let mut properties = Map::from_iter(identity().map(|(name, value)| (name.to_owned(), value)));
    properties.insert("metadata".into(), meta(LIST_META, "Standard list metadata."));
    properties.insert(
        "items".into(),
        json!({
            "description": format!("List of {}.", resource.plural),
            "type": "array",
            "items": { "$ref": format!("{REFERENCE}{item}") },
        }),
    );
    json!({
        "description": format!("{} is a list of {}.", custom.list_kind, resource.kind),
        "type": "object",
        "properties": properties,
        "required": ["items"],
        "x-kubernetes-group-version-kind": group_version_kind(resource, custom.list_kind),
    })
}
