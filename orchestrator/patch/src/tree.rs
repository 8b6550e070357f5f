//! Walks of objects by their schema, in the terms of server-side apply: which places are fields of their own.
//!
//! A place is a *leaf* if it has one owner: a scalar, null, an atomic list or map. Other maps and lists are *granular*:
//! their entries and elements are places of their own. What no schema describes follows its JSON: maps are granular,
//! lists are leaves.

mod collect;
mod compare;
mod merge;
mod remove;
mod undeclared;

use guideway_schema::{ListType, MapType, Schema};
use serde_json::{Map, Value};

pub(crate) use collect::{collect, collect_leniently, with_parents};
pub(crate) use compare::{UNOWNED_METADATA, compare};
pub(crate) use merge::merge;
pub(crate) use remove::remove;
pub(crate) use undeclared::undeclared;

use crate::fields::PathElement;

/// A value as ownership sees it.
pub(crate) enum Shape<'a> {
    /// One place.
    Leaf,
    /// A place for each entry.
    Map(&'a Map<String, Value>),
    /// A place for each element.
    List(&'a [Value]),
}

/// The shape of a value.
pub(crate) fn shape<'a>(schema: Option<&Schema>, value: &'a Value) -> Shape<'a> {
    match value {
        Value::Object(_) if schema.is_some_and(|schema| schema.map_type() == MapType::Atomic) => Shape::Leaf,
        Value::Object(map) => Shape::Map(map),
        Value::Array(list) if schema.is_some_and(|schema| schema.list_type() != ListType::Atomic) => {
            Shape::List(list)
        }
        _ => Shape::Leaf,
    }
}

/// Schema of an entry.
pub(crate) fn field<'a>(schema: Option<&'a Schema>, name: &str) -> Option<&'a Schema> {
    schema.and_then(|schema| schema.field(name))
}

/// Schema of an element.
pub(crate) fn items(schema: Option<&Schema>) -> Option<&Schema> {
    schema.and_then(Schema::items)
}

/// What tells an element of a granular list from others. `Err` names the key that is missing.
pub(crate) fn element(schema: Option<&Schema>, item: &Value) -> Result<PathElement, String> {
    let Some(schema) = schema else { return Ok(PathElement::value(item)) };
    if schema.list_type() != ListType::Map {
        return Ok(PathElement::value(item));
    }
    let mut keys = Map::new();
    for key in schema.list_map_keys() {
        let default = || schema.items()?.property(key)?.default_value();
        let value = item.get(key).filter(|value| !value.is_null()).or_else(default);
        keys.insert(key.to_owned(), value.ok_or_else(|| key.to_owned())?.clone());
    }
    Ok(PathElement::keys(keys))
}

/// The same for objects that are stored: an element without its key is known by its place.
pub(crate) fn element_or_index(schema: Option<&Schema>, item: &Value, index: usize) -> PathElement {
    let place = || PathElement::Index(i64::try_from(index).unwrap_or(i64::MAX));
    element(schema, item).unwrap_or_else(|_| place())
}

/// A place without anything below it.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}
