//! Strategic merge patch: a merge patch that knows by which key the elements of a list are told apart.
//!
//! Directives: `$patch: replace|delete|merge` in a map or in an element of a list, `$retainKeys` (a union keeps only
//! these fields), `$setElementOrder/x` (the order of list x), `$deleteFromPrimitiveList/x` (values to take out of x).

mod directive;
mod list;
mod order;

use std::collections::HashSet;

use guideway_schema::{PatchStrategy, Schema};
use serde_json::{Map, Value};

use crate::PatchError;
use crate::error::{OBJECT, cannot_unmarshal};
use directive::{DELETE_FROM, ORDER, Patch, RETAIN_KEYS};

/// Applies a strategic merge patch.
///
/// # Errors
/// [`PatchError::BadDirective`], also if `patch` is no object. An element of a merged list that
/// lacks its key is [`PatchError::NoMergeKey`].
pub fn strategic_merge(schema: &Schema, object: &Value, patch: &Value) -> Result<Value, PatchError> {
    let Some(patch) = patch.as_object() else {
        return Err(PatchError::BadDirective(cannot_unmarshal(patch, OBJECT)));
    };
    let none = Map::new();
    let live = object.as_object().unwrap_or(&none);
    map(Some(schema), live, patch, Place::root()).map(Value::Object)
}

/// Where in the object, for errors.
#[derive(Clone, Copy)]
struct Place<'a> {
    around: Option<&'a Place<'a>>,
    name: &'a str,
}

impl<'a> Place<'a> {
    fn root() -> Self {
        Self { around: None, name: "" }
    }

    fn below(&'a self, name: &'a str) -> Self {
        Self { around: Some(self), name }
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.around {
            None => Ok(()),
            Some(around) => write!(f, "{around}.{}", self.name),
        }
    }
}

/// Merges `patch` into a map.
fn map(
    schema: Option<&Schema>,
    live: &Map<String, Value>,
    patch: &Map<String, Value>,
    place: Place<'_>,
) -> Result<Map<String, Value>, PatchError> {
    match directive::of(patch, place)? {
        Patch::Merge => {}
        Patch::Delete => return Ok(Map::new()),
        Patch::Replace => return Ok(plain_map(patch)),
    }
    let mut merged = live.clone();
    if let Some(keys) = patch.get(RETAIN_KEYS) {
        directive::retain(&mut merged, keys, patch, place)?;
    }
    for (key, value) in patch {
        let Some(name) = key.strip_prefix(DELETE_FROM) else { continue };
        let values = directive::list(key, value, place)?;
        if let Some(Value::Array(live)) = merged.get_mut(name) {
            let values: HashSet<String> = values.iter().map(ToString::to_string).collect();
            live.retain(|value| !values.contains(&value.to_string()));
        }
    }
    for (key, value) in patch {
        if !directive::is_directive(key) {
            entry(schema, &mut merged, key, value, patch.get(&format!("{ORDER}{key}")), place)?;
        }
    }
    for (key, value) in patch {
        let Some(name) = key.strip_prefix(ORDER) else { continue };
        let order = directive::list(key, value, place)?;
        // Nothing of the list is patched; it may still get another order.
        if let (None, Some(Value::Array(values))) = (patch.get(name), merged.get(name)) {
            let merge_key = merge_key(field(schema, name));
            let ordered = order::order(values.clone(), order, values, merge_key);
            merged.insert(name.to_owned(), Value::Array(ordered));
        }
    }
    Ok(merged)
}

/// Merges one entry of a patch.
fn entry(
    schema: Option<&Schema>,
    merged: &mut Map<String, Value>,
    key: &str,
    value: &Value,
    order: Option<&Value>,
    place: Place<'_>,
) -> Result<(), PatchError> {
    let schema = field(schema, key);
    let place = place.below(key);
    let order = order.map(|order| directive::list(key, order, place)).transpose()?;
    let new = match (merged.get(key), value) {
        (_, Value::Null) => {
            merged.remove(key);
            return Ok(());
        }
        (Some(Value::Object(live)), Value::Object(patch)) => Value::Object(map(schema, live, patch, place)?),
        (Some(Value::Array(live)), Value::Array(patch)) if strategy(schema).merge => {
            Value::Array(list::merge(schema, live, patch, order, place)?)
        }
        // Nothing to merge with: directives have had their effect.
        (_, Value::Object(patch)) => match directive::of(patch, place)? {
            Patch::Delete => {
                merged.remove(key);
                return Ok(());
            }
            Patch::Merge | Patch::Replace => Value::Object(plain_map(patch)),
        },
        (_, Value::Array(patch)) if strategy(schema).merge => {
            Value::Array(list::merge(schema, &[], patch, order, place)?)
        }
        (_, value) => plain(value),
    };
    merged.insert(key.to_owned(), new);
    Ok(())
}

fn field<'a>(schema: Option<&'a Schema>, name: &str) -> Option<&'a Schema> {
    schema.and_then(|schema| schema.field(name))
}

fn strategy(schema: Option<&Schema>) -> PatchStrategy {
    schema.map(Schema::patch_strategy).unwrap_or_default()
}

fn merge_key(schema: Option<&Schema>) -> Option<&str> {
    schema.and_then(Schema::patch_merge_key)
}

/// The value without directives and nulls, which mean nothing where nothing is.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(plain_map(map)),
        Value::Array(list) => Value::Array(list.iter().map(plain).collect()),
        other => other.clone(),
    }
}

fn plain_map(map: &Map<String, Value>) -> Map<String, Value> {
    let kept = map.iter().filter(|(key, value)| !directive::is_directive(key) && !value.is_null());
    kept.map(|(key, value)| (key.clone(), plain(value))).collect()
}
