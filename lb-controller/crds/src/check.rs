//! Whether a value is what its fields say: everything that can be said of a field without the others.

use std::collections::HashMap;

use serde_json::Value;

use crate::fields::{Fate, Field, Fields, ListKind, Need, Shape};
use crate::findings::Findings;
use crate::formats::{Format, Wrong, shown};
use crate::selector;

/// Less alike than this a name is no suggestion.
const LIKENESS: f64 = 0.75;
/// Longer names are not compared.
const MAX_NAME: usize = 64;

/// Checks an object; `null` counts as left out.
pub(crate) fn object(value: &Value, fields: &Fields, place: &str, findings: &mut Findings) {
    let Some(map) = value.as_object() else {
        return findings.error(place, format!("is {}", kind_of(value)), "write a map of fields");
    };
    for name in map.keys() {
        if !fields.fields.iter().any(|field| field.name == name) {
            let text = format!("unknown field, without effect{}", suggestion(name, fields));
            findings.note(format!("{place}.{}", short(name)), text);
        }
    }
    for field in fields.fields {
        let place = format!("{place}.{}", field.name);
        match map.get(field.name) {
            Some(value) if !value.is_null() => {
                self::field(value, field, &place, findings);
            }
            _ if field.need == Need::Required => {
                findings.error(place, "is missing", format!("write it: {}", field.about));
            }
            _ => {}
        }
    }
}

fn field(value: &Value, field: &Field, place: &str, findings: &mut Findings) {
    shape(value, &field.shape, place, findings);
    if is_nothing(value) {
        return;
    }
    match field.fate {
        Fate::Carries => {}
        Fate::Differs(text) => findings.note(place, text),
        Fate::Ignored(text) => findings.note(place, format!("without effect: {text}")),
        Fate::Refused(text) => findings.error(place, "is not supported", text),
    }
}

/// What somebody writes who wants nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(_) => false,
    }
}

fn shape(value: &Value, shape: &Shape, place: &str, findings: &mut Findings) {
    match shape {
        Shape::Text(format) => text(value, *format, place, findings),
        Shape::MaybeText(format) => {
            if value.as_str() != Some("") {
                text(value, *format, place, findings);
            }
        }
        Shape::Word(words) => match value.as_str() {
            Some(word) if words.contains(&word) => {}
            Some(word) => {
                let problem = format!("{} is not known", shown(word));
                findings.error(place, problem, format!("write one of {}", words.join(", ")));
            }
            None => findings.error(
                place,
                format!("is {}", kind_of(value)),
                format!("write one of {}", words.join(", ")),
            ),
        },
        Shape::Number(min, max) => {
            let remedy = || format!("write a whole number from {min} to {max}");
            match value.as_i64() {
                Some(number) if (min..=max).contains(&&number) => {}
                Some(number) => findings.error(place, format!("{number} is out of range"), remedy()),
                None if value.is_u64() => findings.error(place, format!("{value} is out of range"), remedy()),
                None => findings.error(place, format!("is {}", kind_of(value)), remedy()),
            }
        }
        Shape::OneOf(numbers) => {
            if !value.as_i64().is_some_and(|number| numbers.contains(&number)) {
                let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                let problem = match value {
                    Value::Number(number) => format!("{number} is not one of the values"),
                    other => format!("is {}", kind_of(other)),
                };
                findings.error(place, problem, format!("write one of {}", numbers.join(", ")));
            }
        }
        Shape::Switch => {
            if !value.is_boolean() {
                findings.error(
                    place,
                    format!("is {}", kind_of(value)),
                    "write true or false, without quotes",
                );
            }
        }
        Shape::Texts => match value.as_object() {
            Some(map) => {
                for (key, value) in map {
                    if !value.is_string() {
                        let place = format!("{place}.{}", short(key));
                        findings.error(place, format!("is {}", kind_of(value)), "write a text, in quotes");
                    }
                }
            }
            None => findings.error(place, format!("is {}", kind_of(value)), "write a map of texts"),
        },
        Shape::Selector => {
            selector::read(value, place, findings);
        }
        Shape::List { of, min, max, kind } => list(value, of, (*min, *max), *kind, place, findings),
        Shape::Object(fields) => object(value, fields, place, findings),
    }
}

fn text(value: &Value, format: Format, place: &str, findings: &mut Findings) {
    match value.as_str() {
        Some(text) => {
            if let Err(wrong) = format.check(text) {
                findings.wrong(place, wrong);
            }
        }
        None => {
            let remedy = format!("write a text in quotes: {}", format.describe());
            findings.error(place, format!("is {}", kind_of(value)), remedy);
        }
    }
}

fn list(
    value: &Value,
    of: &'static Shape,
    (min, max): (usize, usize),
    kind: ListKind,
    place: &str,
    findings: &mut Findings,
) {
    let Some(items) = value.as_array() else {
        return findings.error(place, format!("is {}", kind_of(value)), "write a list");
    };
    if items.len() < min {
        findings.error(place, format!("has {} elements", items.len()), format!("write at least {min}"));
    }
    if items.len() > max {
        return findings.error(
            place,
            format!("has {} elements", items.len()),
            format!("write at most {max}"),
        );
    }
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        let place = format!("{place}[{index}]");
        shape(item, of, &place, findings);
        let (key, place) = match kind {
            ListKind::Atomic => continue,
            ListKind::Set => (item.as_str(), place),
            ListKind::Map(name) => (item.get(name).and_then(Value::as_str), format!("{place}.{name}")),
        };
        let Some(key) = key else { continue };
        if let Some(before) = seen.insert(key, index) {
            let wrong = Wrong::new(
                format!("{} is there twice, first as element {before}", shown(key)),
                "remove one of them",
            );
            findings.wrong(place, wrong);
            seen.insert(key, before);
        }
    }
}

/// What a value is, in words.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// A key as part of a place.
pub(crate) fn short(name: &str) -> String {
    name.chars().take(MAX_NAME).map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn suggestion(name: &str, fields: &Fields) -> String {
    if name.len() > MAX_NAME {
        return String::new();
    }
    let lower = name.to_lowercase();
    let near = fields
        .fields
        .iter()
        .map(|field| (strsim::jaro_winkler(&lower, &field.name.to_lowercase()), field.name))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    near.map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}
