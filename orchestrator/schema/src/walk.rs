//! Walks that need no judgement: unknown fields, pruning, defaults.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{Schema, Type};

/// How many unknown fields are listed; Kubernetes stops there too.
const MAX_UNKNOWN: usize = 100;

impl Schema {
    /// Paths of the fields that the schema does not know: `spec.foo`, `spec.containers[0].bar`. At most a hundred.
    pub fn unknown_fields(&self, object: &Value) -> Vec<String> {
        let mut found = Vec::new();
        unknown(self, object, &mut String::new(), &mut found);
        found
    }

    /// Removes the fields that the schema does not know.
    pub fn prune(&self, object: &mut Value) {
        match object {
            Value::Object(fields) => {
                if !self.keeps_unknown() {
                    fields.retain(|name, _| self.field(name).is_some());
                }
                for (name, value) in fields {
                    if let Some(schema) = self.field(name) {
                        schema.prune(value);
                    }
                }
            }
            Value::Array(elements) => {
                if let Some(items) = self.items() {
                    elements.iter_mut().for_each(|element| items.prune(element));
                }
            }
            _ => {}
        }
    }

    /// Sets the fields that are not given and have a default. A null counts as not given where null is not allowed, and
    /// is removed if there is no default.
    pub fn default(&self, object: &mut Value) {
        match object {
            Value::Object(fields) => {
                fields.retain(|name, value| {
                    let keeps_null = |schema: &Self| schema.nullable() || schema.default_value().is_some();
                    !value.is_null() || self.field(name).is_none_or(keeps_null)
                });
                for name in self.defaulted() {
                    let Some(schema) = self.property(name) else { continue };
                    let Some(default) = schema.default_value() else { continue };
                    match fields.get_mut(name) {
                        None => {
                            fields.insert(name.to_owned(), default.clone());
                        }
                        Some(value) if value.is_null() && !schema.nullable() => *value = default.clone(),
                        Some(_) => {}
                    }
                }
                for (name, value) in fields {
                    if let Some(schema) = self.field(name) {
                        default_null(schema, value);
                        schema.default(value);
                    }
                }
            }
            Value::Array(elements) => {
                let Some(items) = self.items() else { return };
                for element in elements {
                    default_null(items, element);
                    items.default(element);
                }
            }
            _ => {}
        }
    }

    /// Fields that the schema does not name stay.
    #[must_use]
    pub fn keeps_unknown(&self) -> bool {
        self.preserves_unknown() || self.kind() != Type::Object
    }

    /// Names of the fields with a default.
    fn defaulted(&self) -> impl Iterator<Item = &str> {
        self.0.defaulted.iter().map(AsRef::as_ref)
    }
}

/// Null is no value of most entries and elements: it gives way to their default.
fn default_null(schema: &Schema, value: &mut Value) {
    if value.is_null()
        && !schema.nullable()
        && let Some(default) = schema.default_value()
    {
        *value = default.clone();
    }
}

fn unknown(schema: &Schema, value: &Value, path: &mut String, found: &mut Vec<String>) {
    let length = path.len();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if found.len() >= MAX_UNKNOWN {
                    return;
                }
                if length > 0 {
                    path.push('.');
                }
                path.push_str(name);
                match schema.field(name) {
                    Some(below) => unknown(below, value, path, found),
                    None if schema.keeps_unknown() => {}
                    None => found.push(path.clone()),
                }
                path.truncate(length);
            }
        }
        Value::Array(elements) => {
            let Some(items) = schema.items() else { return };
            for (index, element) in elements.iter().enumerate() {
                // Writing to a String cannot fail.
                let _ = write!(path, "[{index}]");
                unknown(items, element, path, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
