//! A configuration laid over an object.

use std::collections::{BTreeMap, BTreeSet};

use guideway_schema::Schema;
use serde_json::{Map, Value};

use super::{Shape, element_or_index, field, is_empty, items, shape};
use crate::fields::PathElement;

/// Lays `config` over `live`. What only `live` has stays.
pub(crate) fn merge(schema: Option<&Schema>, live: Option<&Value>, config: &Value) -> Value {
    place(schema, live, config).unwrap_or(Value::Null)
}

/// `None`: the place is not there.
fn place(schema: Option<&Schema>, live: Option<&Value>, config: &Value) -> Option<Value> {
    let granular = live.map(|live| shape(schema, live));
    match (granular, shape(schema, config)) {
        (Some(Shape::Map(live)), Shape::Map(config)) => Some(Value::Object(maps(schema, live, config))),
        (None, Shape::Map(config)) => Some(Value::Object(maps(schema, &Map::new(), config))),
        (Some(Shape::List(live)), Shape::List(config)) => Some(Value::Array(lists(schema, live, config))),
        (None, Shape::List(config)) => Some(Value::Array(lists(schema, &[], config))),
        // Null stands for an empty map or list, which adds nothing.
        (Some(Shape::Map(_) | Shape::List(_)), Shape::Leaf)
            if config.is_null() && !live.is_some_and(is_empty) =>
        {
            live.cloned()
        }
        // Where null is no value, it is the absence of one.
        (_, Shape::Leaf) if config.is_null() && !schema.is_some_and(Schema::nullable) => None,
        _ => Some(config.clone()),
    }
}

fn maps(
    schema: Option<&Schema>,
    live: &Map<String, Value>,
    config: &Map<String, Value>,
) -> Map<String, Value> {
    let mut merged = live.clone();
    for (name, value) in config {
        match place(field(schema, name), live.get(name), value) {
            Some(value) => merged.insert(name.clone(), value),
            None => merged.remove(name),
        };
    }
    merged
}

/// The elements of `config` in their order, and what only `live` has: after the last of the elements that it followed and
/// that `config` has next, and before what is new there.
fn lists(schema: Option<&Schema>, live: &[Value], config: &[Value]) -> Vec<Value> {
    let known = |list: &[Value]| -> Vec<PathElement> {
        list.iter().enumerate().map(|(index, item)| element_or_index(schema, item, index)).collect()
    };
    let (live_elements, elements) = (known(live), known(config));
    // Of several elements with one key the first one counts.
    let mut live_by_element: BTreeMap<&PathElement, &Value> = BTreeMap::new();
    for (element, item) in live_elements.iter().zip(live) {
        live_by_element.entry(element).or_insert(item);
    }
    let wanted: BTreeSet<&PathElement> = elements.iter().collect();
    let mut shared = elements.iter().filter(|element| live_by_element.contains_key(element)).peekable();
    let mut left = live_elements.iter().zip(live).peekable();
    let mut merged = Vec::with_capacity(live.len().max(config.len()));
    for (element, item) in elements.iter().zip(config) {
        // What the configuration has later on is waited for; what it wants elsewhere is skipped.
        while let Some((next, value)) = left.next_if(|(next, _)| shared.peek() != Some(next)) {
            if !wanted.contains(next) {
                merged.push(value.clone());
            }
        }
        if shared.next_if_eq(&element).is_some() {
            left.next_if(|(next, _)| *next == element);
        }
        let below = place(items(schema), live_by_element.get(element).copied(), item);
        merged.extend(below);
    }
    merged.extend(left.filter(|(element, _)| !wanted.contains(element)).map(|(_, item)| item.clone()));
    merged
}
