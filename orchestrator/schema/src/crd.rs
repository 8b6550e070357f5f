//! Schemas of custom resources: from `openAPIV3Schema`, if it is structural.
//!
//! Structural means that the type of every place is known without looking at values, so that unknown fields can be
//! removed and defaults be set: `allOf`, `anyOf`, `oneOf` and `not` only restrict what is declared outside of them.

mod conditions;
mod extensions;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use regex::Regex;
use serde_json::Value;

use crate::{
    Cause, Schema, Type,
    builtin::Definition,
    cel,
    checks::Checks,
    path::FieldPath,
    schema::{Child, Node},
};

/// How deeply schemas may be nested.
const MAX_DEPTH: usize = 64;
/// How many places a schema may have.
const MAX_PLACES: usize = 50_000;

/// Words of OpenAPI that structural schemas do not have.
const FORBIDDEN: [&str; 11] = [
    "$ref",
    "additionalItems",
    "definitions",
    "dependencies",
    "deprecated",
    "discriminator",
    "id",
    "patternProperties",
    "readOnly",
    "writeOnly",
    "xml",
];

impl Schema {
    /// The schema that a custom resource definition gives for a version (`spec.versions[].schema.openAPIV3Schema`).
    /// `field` is its path in the definition, with which the causes begin.
    ///
    /// # Errors
    /// Each rule of structural schemas that it breaks, and rules in CEL that do not compile.
    pub fn from_crd(schema: &Value, field: &str) -> Result<Self, Vec<Cause>> {
        let mut builder = Builder {
            path: FieldPath::new(field),
            causes: Vec::new(),
            depth: 0,
            places: 0,
            patterns: HashMap::new(),
            rules_below: false,
            uncorrelated: None,
        };
        let schema = builder.place(schema, Level::Root);
        if builder.causes.is_empty() { Ok(schema) } else { Err(builder.causes) }
    }

    /// Rules in CEL that would cost too much on the largest objects that the schema allows, or that would together. A
    /// definition that has such rules is refused; one that is stored already is served nevertheless, as evaluation is
    /// bounded, too. `field` is as for [`Schema::from_crd`].
    pub fn rules_over_budget(&self, field: &str) -> Vec<Cause> {
        cel::over(self, field)
    }

    /// The schema of a custom resource definition that keeps every field (`spec.preserveUnknownFields` of old).
    pub(crate) fn of_node(node: Node) -> Self {
        Self(Arc::new(node))
    }
}

/// Where a schema stands, which decides what it must say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Field,
    Item,
}

struct Builder {
    path: FieldPath,
    causes: Vec<Cause>,
    depth: usize,
    places: usize,
    /// Expressions that are used more than once are compiled once.
    patterns: HashMap<String, Option<Arc<Regex>>>,
    /// A rule in CEL was found since this was last cleared.
    rules_below: bool,
    /// The list around this place whose elements have no state before: nothing tells which was which.
    uncorrelated: Option<String>,
}

impl Builder {
    fn required(&mut self, word: &str, detail: &str) {
        self.causes.push(Cause::required(self.path.field(word), detail));
    }

    fn forbidden(&mut self, word: &str, detail: &str) {
        self.causes.push(Cause::forbidden(self.path.field(word), detail));
    }

    fn invalid(&mut self, word: &str, value: &Value, detail: &str) {
        self.causes.push(Cause::invalid(self.path.field(word), value, detail));
    }

    /// A place and everything below.
    fn place(&mut self, raw: &Value, level: Level) -> Schema {
        let Value::Object(words) = raw else {
            let path = self.path.as_str();
            self.causes.push(Cause::type_invalid(path, raw, "must be an object"));
            return Schema::of_node(Node::default());
        };
        self.places += 1;
        if self.depth >= MAX_DEPTH || self.places > MAX_PLACES {
            if self.places <= MAX_PLACES + 1 {
                let detail = format!("schemas have at most {MAX_DEPTH} levels and {MAX_PLACES} places");
                self.causes.push(Cause::forbidden(self.path.as_str(), &detail));
            }
            return Schema::of_node(Node::default());
        }
        self.depth += 1;
        let outer_rules = std::mem::take(&mut self.rules_below);
        for word in FORBIDDEN {
            if words.get(word).is_some_and(|value| *value != Value::Bool(false)) {
                self.forbidden(word, &format!("{word} is not supported"));
            }
        }
        let mut node = Node {
            custom: true,
            nullable: self.flag(raw, "nullable"),
            preserve_unknown: self.extension_flag(raw, "x-kubernetes-preserve-unknown-fields"),
            embedded_resource: self.extension_flag(raw, "x-kubernetes-embedded-resource"),
            format: self.text(raw, "format").map(Into::into),
            ..Node::default()
        };
        if level == Level::Root && node.nullable {
            self.forbidden("nullable", "nullable cannot be true at the root");
        }
        self.kind(raw, level, &mut node);
        self.below(raw, level, &mut node);
        self.extensions(raw, &mut node);
        let mut checks = self.conditions(raw, &node);
        if let Some(default) = words.get("default") {
            node.default = Some(Arc::new(default.clone()));
        }
        if level == Level::Root || node.embedded_resource {
            object_fields(&mut node);
        }
        checks.smallest = cel::smallest(&node);
        if let Some(rules) = words.get("x-kubernetes-validations") {
            // What expressions cost depends on how large the place can be.
            let bounds = Checks {
                enumeration: checks.enumeration.clone(),
                max_length: checks.max_length,
                max_items: checks.max_items,
                max_properties: checks.max_properties,
                smallest: checks.smallest,
                ..Checks::default()
            };
            let schema = Schema::of_node(Node { checks: Some(Arc::new(bounds)), ..node.clone() });
            self.rules_below = true;
            let within = self.uncorrelated.as_deref();
            checks.rules = cel::compile(rules, &schema, &self.path, within, &mut self.causes);
        }
        checks.rules_below = self.rules_below;
        self.rules_below |= outer_rules;
        node.checks = Some(Arc::new(checks));
        let schema = Schema::of_node(node);
        self.check_default(&schema);
        self.depth -= 1;
        schema
    }

    /// The type.
    fn kind(&mut self, raw: &Value, level: Level, node: &mut Node) {
        let named = self.text(raw, "type").unwrap_or_default();
        let int_or_string = self.extension_flag(raw, "x-kubernetes-int-or-string");
        node.kind = match named {
            "object" => Type::Object,
            "array" => Type::Array,
            "string" => Type::String,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "boolean" => Type::Boolean,
            "" if int_or_string => Type::IntOrString,
            "" => Type::Any,
            other => {
                let kinds = ["array", "boolean", "integer", "number", "object", "string"];
                let field = self.path.field("type");
                self.causes.push(Cause::not_supported(field, &other.into(), &kinds));
                Type::Any
            }
        };
        if int_or_string && !named.is_empty() {
            self.invalid("type", &named.into(), "must be empty if x-kubernetes-int-or-string is true");
        }
        if named.is_empty() && !int_or_string && (!node.preserve_unknown || level == Level::Root) {
            self.required(
                "type",
                match level {
                    Level::Root => "must not be empty at the root",
                    Level::Field => "must not be empty for specified object fields",
                    Level::Item => "must not be empty for specified array items",
                },
            );
        }
        if level == Level::Root && !named.is_empty() && named != "object" {
            self.invalid("type", &named.into(), "must be object at the root");
        }
        if node.embedded_resource {
            let detail = "must be object if x-kubernetes-embedded-resource is true";
            match named {
                "object" => {}
                "" => self.required("type", detail),
                other => self.invalid("type", &other.into(), detail),
            }
            if !node.preserve_unknown && raw["properties"].as_object().is_none_or(serde_json::Map::is_empty) {
                self.required(
                    "properties",
                    "must not be empty if x-kubernetes-embedded-resource is true without \
                     x-kubernetes-preserve-unknown-fields",
                );
            }
        }
    }

    /// Fields, entries and elements.
    fn below(&mut self, raw: &Value, level: Level, node: &mut Node) {
        let mut properties: BTreeMap<Box<str>, Child> = BTreeMap::new();
        if let Some(Value::Object(fields)) = raw.get("properties") {
            let mark = self.path.push_field("properties");
            for (name, field) in fields {
                let mark = self.path.push_key(name);
                if level == Level::Root && name == "metadata" {
                    properties.insert(name.as_str().into(), Child::Inline(self.metadata(field)));
                } else {
                    properties.insert(name.as_str().into(), Child::Inline(self.place(field, Level::Field)));
                }
                self.path.back(mark);
            }
            self.path.back(mark);
        }
        match raw.get("additionalProperties") {
            None | Some(Value::Null) => {}
            Some(Value::Bool(false)) => {
                self.forbidden("additionalProperties", "additionalProperties cannot be set to false");
            }
            Some(additional) => {
                if !properties.is_empty() {
                    let detail = "additionalProperties and properties are mutual exclusive";
                    self.forbidden("additionalProperties", detail);
                }
                if level == Level::Root {
                    self.forbidden("additionalProperties", "must not be used at the root");
                }
                let schema = if *additional == Value::Bool(true) {
                    Schema::of_node(Node { custom: true, preserve_unknown: true, ..Node::default() })
                } else {
                    let mark = self.path.push_field("additionalProperties");
                    let schema = self.place(additional, Level::Field);
                    self.path.back(mark);
                    schema
                };
                node.additional = Some(Child::Inline(schema));
            }
        }
        match raw.get("items") {
            None | Some(Value::Null) => {
                if node.kind == Type::Array {
                    self.required("items", "must be specified");
                }
            }
            Some(Value::Array(_)) => {
                self.forbidden("items", "items must be a schema object and not an array");
            }
            Some(items) => {
                let outer = self.uncorrelated.clone();
                if outer.is_none() && raw["x-kubernetes-list-type"] != "map" {
                    self.uncorrelated = Some(self.path.as_str().to_owned());
                }
                let mark = self.path.push_field("items");
                node.items = Some(Child::Inline(self.place(items, Level::Item)));
                self.path.back(mark);
                self.uncorrelated = outer;
            }
        }
        let has_default = |child: &Child| child.schema().default_value().is_some();
        let defaulted = properties.iter().filter(|(_, child)| has_default(child));
        node.defaulted = defaulted.map(|(name, _)| name.clone()).collect();
        node.properties = Arc::new(properties);
        node.required = match raw.get("required") {
            Some(Value::Array(names)) => {
                names.iter().filter_map(|name| name.as_str().map(Into::into)).collect()
            }
            _ => Arc::default(),
        };
    }

    /// `metadata` at the root is that of every object. A definition may restrict names and nothing else.
    fn metadata(&mut self, raw: &Value) -> Schema {
        let mut node = (*Schema::object_meta().0).clone();
        let fine = raw.as_object().is_some_and(|words| {
            words.iter().all(|(word, value)| match word.as_str() {
                "type" => *value == "object",
                "description" => true,
                "properties" => value.as_object().is_some_and(|fields| {
                    fields.keys().all(|name| matches!(name.as_str(), "name" | "generateName"))
                }),
                _ => false,
            })
        });
        if !fine {
            self.causes.push(Cause::forbidden(
                self.path.as_str(),
                "must not specify anything other than name and generateName, but metadata is implicitly specified",
            ));
        }
        if let Some(Value::Object(fields)) = raw.get("properties") {
            let mut properties = (*node.properties).clone();
            for (name, field) in fields {
                let mark = self.path.push_field("properties");
                self.path.push_key(name);
                properties.insert(name.as_str().into(), Child::Inline(self.place(field, Level::Field)));
                self.path.back(mark);
            }
            node.properties = Arc::new(properties);
        }
        Schema::of_node(node)
    }

    /// Defaults must be what the schema allows.
    fn check_default(&mut self, schema: &Schema) {
        let Some(default) = schema.default_value() else { return };
        if default.is_null() && !schema.nullable() {
            self.invalid("default", default, "must not be null where null is not allowed");
            return;
        }
        let unknown = schema.unknown_fields(default);
        if !unknown.is_empty() {
            self.invalid(
                "default",
                default,
                &format!("must not have unknown fields: {}", unknown.join(", ")),
            );
        }
        let mut whole = default.clone();
        schema.default(&mut whole);
        let mark = self.path.push_field("default");
        let causes = schema.validate_at(&self.path, &whole);
        self.path.back(mark);
        self.causes.extend(causes);
    }

    fn flag(&mut self, raw: &Value, word: &str) -> bool {
        match raw.get(word) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(value)) => *value,
            Some(other) => {
                let field = self.path.field(word);
                self.causes.push(Cause::type_invalid(field, other, "must be a boolean"));
                false
            }
        }
    }

    /// A flag that may be true or absent.
    fn extension_flag(&mut self, raw: &Value, word: &str) -> bool {
        if word == "x-kubernetes-preserve-unknown-fields" && raw.get(word) == Some(&Value::Bool(false)) {
            self.invalid(word, &Value::Bool(false), "must be true or undefined");
        }
        self.flag(raw, word)
    }

    fn text<'a>(&mut self, raw: &'a Value, word: &str) -> Option<&'a str> {
        match raw.get(word) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => {
                let field = self.path.field(word);
                self.causes.push(Cause::type_invalid(field, other, "must be a string"));
                None
            }
        }
    }
}

/// Objects have `apiVersion`, `kind` and `metadata`, also if the schema does not say so.
fn object_fields(node: &mut Node) {
    let mut properties = (*node.properties).clone();
    for name in ["apiVersion", "kind"] {
        properties.entry(name.into()).or_insert_with(|| {
            Child::Inline(Schema::of_node(Node { kind: Type::String, custom: true, ..Node::default() }))
        });
    }
    if let Some(meta) = Definition::named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta") {
        let metadata = properties.entry("metadata".into()).or_insert(Child::Definition(meta));
        // An embedded object may declare its metadata as any object.
        if metadata.schema().property("name").is_none() {
            *metadata = Child::Definition(meta);
        }
    }
    node.properties = Arc::new(properties);
}

#[cfg(test)]
mod tests;
