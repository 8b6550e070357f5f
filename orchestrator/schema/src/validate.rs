//! Whether values are what a schema allows.

mod lists;

use serde_json::Value;

use crate::{
    Cause, Schema, Type,
    cause::quote,
    cel,
    checks::{Bound, Checks},
    correlate::Elements,
    formats,
    path::FieldPath,
};

/// How many causes are listed.
const MAX_CAUSES: usize = 200;

impl Schema {
    /// Everything in an object that the schema does not allow, in the words in which Kubernetes refuses custom
    /// resources: types, bounds, patterns, elements that are there twice, and rules (CEL). At most 200.
    ///
    /// Kubernetes checks the objects of built-in kinds, and `metadata`, by hand instead; of those, this finds wrong
    /// types only.
    pub fn validate(&self, object: &Value) -> Vec<Cause> {
        self.validate_change(object, None)
    }

    /// The same for an object that takes the place of another one. Transition rules compare them, and what did not
    /// change is not refused, as it may be older than what the schema says today.
    pub fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        self.validate_change(new, Some(old))
    }

    fn validate_change(&self, new: &Value, old: Option<&Value>) -> Vec<Cause> {
        let mut walk = Walk { path: FieldPath::default(), causes: Vec::new() };
        walk.value(self, new, old);
        let mut causes = walk.causes;
        if self.0.checks.as_ref().is_some_and(|checks| checks.rules_below) {
            if causes.is_empty() {
                cel::evaluate(self, new, old, &mut causes, MAX_CAUSES);
            } else {
                // Rules may count on types.
                let detail = "some validation rules were not checked because the object was invalid; correct the \
                              existing errors to complete validation";
                causes.push(Cause::invalid("", &Value::Null, detail));
            }
        }
        causes.truncate(MAX_CAUSES);
        causes
    }

    /// The same for a value that is somewhere in an object.
    pub(crate) fn validate_at(&self, path: &FieldPath, value: &Value) -> Vec<Cause> {
        let mut walk = Walk { path: path.clone(), causes: Vec::new() };
        walk.value(self, value, None);
        walk.causes.truncate(MAX_CAUSES);
        walk.causes
    }
}

struct Walk {
    path: FieldPath,
    causes: Vec<Cause>,
}

impl Walk {
    fn value(&mut self, schema: &Schema, value: &Value, old: Option<&Value>) {
        // Typed decoding takes null for nothing.
        let may_be_null = schema.nullable() || !schema.0.custom;
        if self.causes.len() >= MAX_CAUSES || value.is_null() && may_be_null || old == Some(value) {
            return;
        }
        if !has_type(schema.kind(), value) {
            let wanted = type_name(schema.kind());
            let found = json_type(value);
            let detail = format!("{} in body must be of type {wanted}: {}", self.path.as_str(), quote(found));
            self.causes.push(Cause::type_invalid(self.path.as_str(), &found.into(), &detail));
            return;
        }
        if let (Some(format), Value::String(text)) = (schema.format(), value)
            && !formats::matches(format, text)
        {
            let detail = format!("{} in body must be of type {format}: {}", self.path.as_str(), quote(text));
            self.causes.push(Cause::type_invalid(self.path.as_str(), value, &detail));
        }
        if let Some(checks) = schema.0.checks.as_deref() {
            self.checks(checks, value);
        }
        match value {
            Value::Object(fields) => {
                for name in schema.required() {
                    if schema.0.custom && !fields.contains_key(name) {
                        self.causes.push(Cause::required(self.path.field(name), ""));
                    }
                }
                for (name, value) in fields {
                    if let Some(below) = schema.field(name) {
                        let mark = self.path.push_field(name);
                        self.value(below, value, old.and_then(|old| old.get(name)));
                        self.path.back(mark);
                    }
                }
                if schema.is_embedded_resource() {
                    self.embedded(value);
                }
            }
            Value::Array(elements) => {
                if let Some(items) = schema.items() {
                    let former = Elements::new(schema, old);
                    for (index, element) in elements.iter().enumerate() {
                        let mark = self.path.push_index(index);
                        self.value(items, element, former.of(element));
                        self.path.back(mark);
                    }
                }
                if schema.0.custom {
                    lists::unique(schema, elements, &mut self.path, &mut self.causes);
                }
            }
            _ => {}
        }
    }

    /// An object inside of an object says what it is.
    fn embedded(&mut self, value: &Value) {
        for name in ["apiVersion", "kind"] {
            if value[name].as_str().is_none_or(str::is_empty) {
                self.causes.push(Cause::required(self.path.field(name), "must not be empty"));
            }
        }
    }

    fn invalid(&mut self, value: &Value, what: &str) {
        let detail = format!("{} in body {what}", self.path.as_str());
        self.causes.push(Cause::invalid(self.path.as_str(), value, &detail));
    }

    fn checks(&mut self, checks: &Checks, value: &Value) {
        if let Some(values) = &checks.enumeration
            && !values.contains(value)
        {
            let words: Vec<String> = values
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            self.causes.push(Cause::not_supported(self.path.as_str(), value, &words));
        }
        match value {
            Value::String(text) => self.string(checks, text, value),
            Value::Number(number) => self.number(checks, number.as_f64().unwrap_or_default(), value),
            Value::Array(elements) => {
                self.at_least(checks.min_items, elements.len(), "items", value);
                self.at_most(checks.max_items, elements.len());
            }
            Value::Object(fields) => {
                self.at_least(checks.min_properties, fields.len(), "properties", value);
                self.at_most(checks.max_properties, fields.len());
            }
            Value::Null | Value::Bool(_) => {}
        }
        self.junctors(checks, value);
    }

    fn string(&mut self, checks: &Checks, text: &str, value: &Value) {
        // Go counts runes.
        let length = || text.chars().count() as u64;
        if let Some(max) = checks.max_length
            && length() > max
        {
            self.causes.push(Cause::too_long(self.path.as_str(), max));
        }
        if let Some(min) = checks.min_length
            && length() < min
        {
            self.invalid(value, &format!("should be at least {min} chars long"));
        }
        if let Some((pattern, regex)) = &checks.pattern
            && !regex.is_match(text)
        {
            self.invalid(value, &format!("should match '{pattern}'"));
        }
    }

    fn number(&mut self, checks: &Checks, number: f64, value: &Value) {
        if let Some(Bound { value: bound, exclusive }) = checks.maximum
            && (number > bound || exclusive && number >= bound)
        {
            let words = if exclusive { "less than" } else { "less than or equal to" };
            self.invalid(value, &format!("should be {words} {bound}"));
        }
        if let Some(Bound { value: bound, exclusive }) = checks.minimum
            && (number < bound || exclusive && number <= bound)
        {
            let words = if exclusive { "greater than" } else { "greater than or equal to" };
            self.invalid(value, &format!("should be {words} {bound}"));
        }
        if let Some(factor) = checks.multiple_of
            && (number / factor).fract() != 0.0
        {
            self.invalid(value, &format!("should be a multiple of {factor}"));
        }
    }

    fn at_least(&mut self, min: Option<u64>, count: usize, noun: &str, value: &Value) {
        if let Some(min) = min
            && (count as u64) < min
        {
            self.invalid(value, &format!("should have at least {min} {noun}"));
        }
    }

    fn at_most(&mut self, max: Option<u64>, count: usize) {
        if let Some(max) = max
            && count as u64 > max
        {
            self.causes.push(Cause::too_many(self.path.as_str(), count, max));
        }
    }

    fn junctors(&mut self, checks: &Checks, value: &Value) {
        if checks.all_of.is_empty()
            && checks.any_of.is_empty()
            && checks.one_of.is_empty()
            && checks.not.is_none()
        {
            return;
        }
        let failures = |schemas: &[Schema]| -> Vec<Vec<Cause>> {
            schemas.iter().map(|schema| schema.validate_at(&self.path, value)).collect()
        };
        let mut found = Vec::new();
        let mut say = |what: &str| {
            let path = self.path.as_str();
            found.push(Cause::invalid(path, &"".into(), &format!("{} {what}", quote(path))));
        };
        let all = failures(&checks.all_of);
        if all.iter().any(|causes| !causes.is_empty()) {
            let none = if all.iter().all(|causes| !causes.is_empty()) { ". None validated" } else { "" };
            say(&format!("must validate all the schemas (allOf){none}"));
        }
        let any = failures(&checks.any_of);
        let any_fails = !any.is_empty() && any.iter().all(|causes| !causes.is_empty());
        if any_fails {
            say("must validate at least one schema (anyOf)");
        }
        let one = failures(&checks.one_of);
        let valid = one.iter().filter(|causes| causes.is_empty()).count();
        let one_fails = !one.is_empty() && valid == 0;
        if one_fails {
            say("must validate one and only one schema (oneOf). Found none valid");
        } else if valid > 1 {
            say(&format!("must validate one and only one schema (oneOf). Found {valid} valid alternatives"));
        }
        if checks.not.as_ref().is_some_and(|schema| schema.validate_at(&self.path, value).is_empty()) {
            say("must not validate the schema (not)");
        }
        self.causes.append(&mut found);
        self.causes.extend(all.into_iter().flatten());
        // Of alternatives, what the nearest lacks.
        for (fails, alternatives) in [(any_fails, any), (one_fails, one)] {
            if fails && let Some(nearest) = alternatives.into_iter().min_by_key(Vec::len) {
                self.causes.extend(nearest);
            }
        }
    }
}

/// Whether a value has a JSON type.
pub(crate) fn has_type(kind: Type, value: &Value) -> bool {
    match kind {
        Type::Any => true,
        Type::Object => value.is_object(),
        Type::Array => value.is_array(),
        Type::String => value.is_string(),
        Type::Integer => is_whole(value),
        Type::Number => value.is_number(),
        Type::Boolean => value.is_boolean(),
        Type::IntOrString => value.is_string() || is_whole(value),
        Type::Quantity => value.is_string() || value.is_number(),
    }
}

fn is_whole(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        _ => false,
    }
}

fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Any => "any",
        Type::Object => "object",
        Type::Array => "array",
        Type::String => "string",
        Type::Integer => "integer",
        Type::Number => "number",
        Type::Boolean => "boolean",
        Type::IntOrString => "integer,string",
        Type::Quantity => "string,number",
    }
}

/// JSON type of a value, as messages call it.
fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_whole(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests;
