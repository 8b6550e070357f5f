//! What values must fulfil: bounds, patterns, and combinations of such.

use std::{collections::BTreeMap, sync::Arc};

use regex::Regex;
use serde_json::{Value, json};

use super::Builder;
use crate::{
    Cause, Schema, Type,
    checks::{Bound, Checks},
    pattern,
    schema::{Child, Node},
};

/// Words that say what a place is. Inside of `anyOf` and its like they would depend on values.
const DECLARING: [&str; 5] = ["additionalProperties", "default", "description", "nullable", "type"];

impl Builder {
    /// The conditions of a place.
    pub(super) fn conditions(&mut self, raw: &Value, node: &Node) -> Checks {
        if raw.get("uniqueItems") == Some(&Value::Bool(true)) {
            let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.forbidden("uniqueItems", detail);
        }
        let mut checks = Checks {
            enumeration: self.list(raw, "enum").map(<[Value]>::to_vec),
            minimum: self.bound(raw, "minimum", "exclusiveMinimum"),
            maximum: self.bound(raw, "maximum", "exclusiveMaximum"),
            multiple_of: self.number(raw, "multipleOf"),
            min_length: self.count(raw, "minLength"),
            max_length: self.count(raw, "maxLength"),
            min_items: self.count(raw, "minItems"),
            max_items: self.count(raw, "maxItems"),
            min_properties: self.count(raw, "minProperties"),
            max_properties: self.count(raw, "maxProperties"),
            ..Checks::default()
        };
        if checks.multiple_of.is_some_and(|factor| factor <= 0.0) {
            self.invalid("multipleOf", &raw["multipleOf"], "must be greater than 0");
            checks.multiple_of = None;
        }
        if let Some(text) = self.text(raw, "pattern") {
            checks.pattern = self.pattern(text).map(|regex| (text.into(), regex));
        }
        checks.all_of = self.combined(raw, "allOf", raw, node);
        checks.any_of = self.combined(raw, "anyOf", raw, node);
        checks.one_of = self.combined(raw, "oneOf", raw, node);
        if let Some(not) = raw.get("not") {
            let mark = self.path.push_field("not");
            checks.not = Some(self.condition(not, raw, Type::Any));
            self.path.back(mark);
        }
        checks
    }

    fn combined(&mut self, raw: &Value, word: &str, base: &Value, node: &Node) -> Vec<Schema> {
        let Some(schemas) = self.list(raw, word) else { return Vec::new() };
        // What x-kubernetes-int-or-string already says may be said again, for readers that do not know it.
        if node.kind == Type::IntOrString && (word == "anyOf" && is_int_or_string(schemas)) {
            return Vec::new();
        }
        let mut built = Vec::new();
        for (index, schema) in schemas.iter().enumerate() {
            if node.kind == Type::IntOrString
                && word == "allOf"
                && schema["anyOf"].as_array().is_some_and(|schemas| is_int_or_string(schemas))
            {
                continue;
            }
            let mark = self.path.push_field(word);
            self.path.push_index(index);
            built.push(self.condition(schema, base, node.kind));
            self.path.back(mark);
        }
        built
    }

    /// A schema that only restricts. `base` is what declares the same place.
    fn condition(&mut self, raw: &Value, base: &Value, kind: Type) -> Schema {
        if !raw.is_object() {
            let path = self.path.as_str();
            self.causes.push(Cause::type_invalid(path, raw, "must be an object"));
            return Schema::of_node(Node::default());
        }
        self.places += 1;
        if self.depth >= super::MAX_DEPTH || self.places > super::MAX_PLACES {
            let path = self.path.as_str().to_owned();
            self.causes.push(Cause::forbidden(path, "the schema is too large"));
            return Schema::of_node(Node::default());
        }
        self.depth += 1;
        for word in DECLARING {
            if raw.get(word).is_some() {
                self.forbidden(word, "must be empty to be structural");
            }
        }
        if let Some(words) = raw.as_object() {
            for word in words.keys().filter(|word| word.starts_with("x-kubernetes-")) {
                self.forbidden(word, "must be empty to be structural");
            }
        }
        let mut node = Node { custom: true, ..Node::default() };
        if let Some(Value::Object(fields)) = raw.get("properties") {
            let mut properties = BTreeMap::new();
            for (name, field) in fields {
                let mark = self.path.push_field("properties");
                self.path.push_key(name);
                let declared = self.declared(base, &format!("/properties/{}", escape(name)));
                properties
                    .insert(name.as_str().into(), Child::Inline(self.condition(field, declared, Type::Any)));
                self.path.back(mark);
            }
            node.properties = Arc::new(properties);
        }
        if let Some(items) = raw.get("items") {
            let mark = self.path.push_field("items");
            let declared = self.declared(base, "/items");
            node.items = Some(Child::Inline(self.condition(items, declared, Type::Any)));
            self.path.back(mark);
        }
        if let Some(names) = self.list(raw, "required") {
            node.required = names.iter().filter_map(|name| name.as_str().map(Into::into)).collect();
        }
        node.format = self.text(raw, "format").map(Into::into);
        // Combinations within combinations restrict the same place.
        let place = Node { kind, ..Node::default() };
        node.checks = Some(Arc::new(self.conditions_of(raw, base, &place)));
        self.depth -= 1;
        Schema::of_node(node)
    }

    fn conditions_of(&mut self, raw: &Value, base: &Value, node: &Node) -> Checks {
        let mut own = raw.clone();
        if let Some(words) = own.as_object_mut() {
            ["allOf", "anyOf", "oneOf", "not"].iter().for_each(|word| drop(words.remove(*word)));
        }
        let mut checks = self.conditions(&own, node);
        checks.all_of = self.combined(raw, "allOf", base, node);
        checks.any_of = self.combined(raw, "anyOf", base, node);
        checks.one_of = self.combined(raw, "oneOf", base, node);
        if let Some(not) = raw.get("not") {
            let mark = self.path.push_field("not");
            checks.not = Some(self.condition(not, base, Type::Any));
            self.path.back(mark);
        }
        checks
    }

    /// What declares a place that a condition speaks of.
    fn declared<'a>(&mut self, base: &'a Value, pointer: &str) -> &'a Value {
        match base.pointer(pointer) {
            Some(declared) => declared,
            None => {
                let here = self.path.as_str().to_owned();
                // Of the path, what is outside of combinations: that is where the declaration is missing.
                let outside = structural(&here);
                self.causes.push(Cause::required(outside, &format!("because it is defined in {here}")));
                &Value::Null
            }
        }
    }

    fn pattern(&mut self, text: &str) -> Option<Arc<Regex>> {
        if let Some(known) = self.patterns.get(text) {
            return known.clone();
        }
        let compiled = match pattern::compile(text) {
            Ok(regex) => Some(Arc::new(regex)),
            Err(error) => {
                let detail = format!("must be a valid regular expression, but isn't: {error}");
                self.invalid("pattern", &text.into(), &detail);
                None
            }
        };
        self.patterns.insert(text.to_owned(), compiled.clone());
        compiled
    }

    fn bound(&mut self, raw: &Value, word: &str, exclusive: &str) -> Option<Bound> {
        let exclusive = self.flag(raw, exclusive);
        self.number(raw, word).map(|value| Bound { value, exclusive })
    }

    fn number(&mut self, raw: &Value, word: &str) -> Option<f64> {
        let value = raw.get(word).filter(|value| !value.is_null())?;
        if value.as_f64().is_none() {
            let field = self.path.field(word);
            self.causes.push(Cause::type_invalid(field, value, "must be a number"));
        }
        value.as_f64()
    }

    fn count(&mut self, raw: &Value, word: &str) -> Option<u64> {
        let value = raw.get(word).filter(|value| !value.is_null())?;
        if value.as_u64().is_none() {
            let field = self.path.field(word);
            self.causes.push(Cause::type_invalid(field, value, "must be a whole number, not below 0"));
        }
        value.as_u64()
    }

    fn list<'a>(&mut self, raw: &'a Value, word: &str) -> Option<&'a [Value]> {
        let value = raw.get(word).filter(|value| !value.is_null())?;
        if !value.is_array() {
            let field = self.path.field(word);
            self.causes.push(Cause::type_invalid(field, value, "must be a list"));
        }
        value.as_array().map(Vec::as_slice)
    }
}

fn is_int_or_string(schemas: &[Value]) -> bool {
    schemas == [json!({"type": "integer"}), json!({"type": "string"})]
}

/// A name as a part of a JSON pointer (RFC 6901, section 3).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A path without the combinations on it: `a.anyOf[0].properties[b]` becomes `a.properties[b]`.
fn structural(path: &str) -> String {
    let mut parts = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        // Names of fields may hold dots; they are in brackets.
        let mut depth = 0;
        let end = rest.find(|c| {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            c == '.' && depth == 0
        });
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        if !["allOf[", "anyOf[", "oneOf["].iter().any(|word| part.starts_with(word)) && part != "not" {
            parts.push(part);
        }
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    parts.join(".")
}
