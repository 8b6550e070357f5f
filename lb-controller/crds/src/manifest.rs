//! The definitions as Kubernetes has them: `apiextensions.k8s.io/v1` CustomResourceDefinition.

use serde_json::{Map, Value, json};

use crate::Kind;
use crate::definition::{Definition, Spec, Version, definition};
use crate::fields::{Field, Fields, ListKind, Need, Rule, Shape};
use crate::formats::Format;
use crate::selector::{MAX, MAX_EXPRESSIONS};

/// The CustomResourceDefinition of a kind.
#[must_use]
pub fn manifest(kind: Kind) -> Value {
    let definition = definition(kind);
    let singular = kind.as_str().to_lowercase();
    let mut names = json!({
        "kind": kind.as_str(),
        "listKind": format!("{}List", kind.as_str()),
        "plural": kind.plural(),
        "singular": singular,
        "categories": ["guideway"],
    });
    if !definition.short_names.is_empty() {
        names["shortNames"] = json!(definition.short_names);
    }
    let versions = definition.versions.iter().enumerate();
    let versions: Vec<Value> = versions.map(|(index, each)| version(definition, each, index == 0)).collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{}", kind.plural(), kind.group())},
        "spec": {
            "group": kind.group(),
            "names": names,
            "scope": "Namespaced",
            "versions": versions,
        },
    })
}

fn version(definition: &Definition, version: &Version, stored: bool) -> Value {
    let mut columns: Vec<Value> = Vec::new();
    for column in definition.columns {
        let mut entry = json!({"name": column.name, "type": column.r#type, "jsonPath": column.path});
        if column.priority > 0 {
            entry["priority"] = json!(column.priority);
        }
        columns.push(entry);
    }
    columns.push(json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}));
    let mut metadata = json!({"type": "object"});
    if definition.kind == Kind::Cluster {
        metadata["properties"] = json!({"name": text(Format::Namespace, Emptiness::Refused)});
    }
    let mut root = json!({
        "type": "object",
        "description": definition.about,
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": metadata,
            "spec": object(version.fields, "What is wanted."),
            "status": object(definition.status, "How it is; the controller writes it."),
        },
    });
    if definition.spec == Spec::Required {
        root["required"] = json!(["spec"]);
    }
    let mut result = json!({
        "name": version.name,
        "served": true,
        "storage": stored,
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": root},
        "subresources": {"status": {}},
    });
    if let Some(warning) = version.deprecated {
        result["deprecated"] = json!(true);
        result["deprecationWarning"] = json!(warning);
    }
    result
}

fn object(fields: &Fields, about: &str) -> Value {
    let mut properties = Map::new();
    for field in fields.fields {
        properties.insert(field.name.to_owned(), property(field));
    }
    let required = fields.fields.iter().filter(|field| field.need == Need::Required);
    let required: Vec<&str> = required.map(|field| field.name).collect();
    let mut schema = json!({"type": "object"});
    if !about.is_empty() {
        schema["description"] = json!(about);
    }
    if !properties.is_empty() {
        schema["properties"] = Value::Object(properties);
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !fields.rules.is_empty() {
        schema["x-kubernetes-validations"] = fields.rules.iter().map(rule).collect();
    }
    schema
}

fn rule(rule: &Rule) -> Value {
    json!({"rule": rule.cel, "message": rule.message})
}

fn property(field: &Field) -> Value {
    let mut schema = shape(&field.shape);
    let about = match field.fate.text() {
        None => field.about.to_owned(),
        Some(text) => format!("{} Guideway: {}; {text}.", field.about, field.fate.as_str()),
    };
    schema["description"] = json!(about);
    if let Need::Default(value) = field.need {
        // The tests read all of them.
        schema["default"] = serde_json::from_str(value).unwrap_or_default();
    }
    schema
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Text(format) => text(*format, Emptiness::Refused),
        Shape::MaybeText(format) => text(*format, Emptiness::Allowed),
        Shape::Word(words) => json!({"type": "string", "enum": words}),
        Shape::Number(min, max) => {
            let format = if *max > i64::from(i32::MAX) { "int64" } else { "int32" };
            let mut schema = json!({"type": "integer", "format": format, "minimum": min});
            if *max < i64::MAX {
                schema["maximum"] = json!(max);
            }
            schema
        }
        Shape::OneOf(numbers) => json!({"type": "integer", "format": "int32", "enum": numbers}),
        Shape::Switch => json!({"type": "boolean"}),
        Shape::Texts => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Shape::Selector => selector(),
        Shape::List { of, min, max, kind } => list(of, *min, *max, *kind),
        Shape::Object(fields) => object(fields, ""),
    }
}

/// Whether a text may be empty.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Emptiness {
    Allowed,
    Refused,
}

fn text(format: Format, emptiness: Emptiness) -> Value {
    let mut schema = json!({"type": "string", "maxLength": format.max_length()});
    let empty = emptiness == Emptiness::Allowed;
    match format.pattern() {
        Some(pattern) if empty => schema["pattern"] = json!(format!("^$|{pattern}")),
        Some(pattern) => schema["pattern"] = json!(pattern),
        None if !empty => schema["minLength"] = json!(1),
        None => {}
    }
    if format == Format::Moment {
        schema = json!({"type": "string", "format": "date-time"});
    }
    if let Some((rule, message)) = format.rule() {
        let rule = if empty { format!("self == '' || ({rule})") } else { rule };
        schema["x-kubernetes-validations"] = json!([{"rule": rule, "message": message}]);
    }
    schema
}

fn list(of: &Shape, min: usize, max: usize, kind: ListKind) -> Value {
    let mut schema = json!({"type": "array", "maxItems": max, "items": shape(of)});
    if min > 0 {
        schema["minItems"] = json!(min);
    }
    match kind {
        ListKind::Atomic => schema["x-kubernetes-list-type"] = json!("atomic"),
        ListKind::Set => schema["x-kubernetes-list-type"] = json!("set"),
        ListKind::Map(key) => {
            schema["x-kubernetes-list-type"] = json!("map");
            schema["x-kubernetes-list-map-keys"] = json!([key]);
        }
    }
    schema
}

fn selector() -> Value {
    json!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchLabels": {
                "type": "object",
                "maxProperties": MAX,
                "additionalProperties": {"type": "string", "maxLength": 63},
                "description": "Labels that must have these values.",
            },
            "matchExpressions": {
                "type": "array",
                "maxItems": MAX_EXPRESSIONS,
                "x-kubernetes-list-type": "atomic",
                "description": "Requirements that must all hold.",
                "items": {
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": {"type": "string", "maxLength": 317, "description": "The label."},
                        "operator": {
                            "type": "string",
                            "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
                            "description": "How the label is compared.",
                        },
                        "values": {
                            "type": "array",
                            "maxItems": MAX,
                            "x-kubernetes-list-type": "atomic",
                            "items": {"type": "string", "maxLength": 63},
                            "description": "Values of In and NotIn.",
                        },
                    },
                    "x-kubernetes-validations": [{
                        "rule": "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
                        "message": "In and NotIn need values, Exists and DoesNotExist have none",
                    }],
                },
            },
        },
    })
}
