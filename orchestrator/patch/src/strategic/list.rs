//! Lists that are merged.

use guideway_schema::Schema;
use serde_json::{Map, Value};

use super::directive::{self, Patch};
use super::{Place, map, merge_key, order, plain_map};
use crate::PatchError;

/// Merges `patch` into a list: of objects by their merge key, of scalars as a set.
pub(super) fn merge(
    schema: Option<&Schema>,
    live: &[Value],
    patch: &[Value],
    wanted: Option<&[Value]>,
    place: Place<'_>,
) -> Result<Vec<Value>, PatchError> {
    let has_objects = patch.iter().chain(live).any(Value::is_object);
    let key = merge_key(schema);
    let merged = match key {
        Some(key) if has_objects => objects(schema, key, live, patch, place)?,
        None if has_objects => {
            return Err(PatchError::Unprocessable(format!(
                "cannot merge lists without merge key for {place}"
            )));
        }
        _ => {
            let mut merged: Vec<Value> = Vec::with_capacity(live.len() + patch.len());
            for value in live.iter().chain(patch) {
                if !merged.contains(value) {
                    merged.push(value.clone());
                }
            }
            merged
        }
    };
    // Without a directive the elements of the patch come in its order.
    Ok(order::order(merged, wanted.unwrap_or(patch), live, key))
}

fn objects(
    schema: Option<&Schema>,
    key: &str,
    live: &[Value],
    patch: &[Value],
    place: Place<'_>,
) -> Result<Vec<Value>, PatchError> {
    let mut merged = live.to_vec();
    let mut items: Vec<(&Value, &Map<String, Value>)> = Vec::with_capacity(patch.len());
    let mut replace = false;
    for item in patch {
        let Some(item) = item.as_object() else {
            return Err(PatchError::Unprocessable(format!("{place}: expected an object, found {item}")));
        };
        match directive::of(item, place)? {
            // Alone it empties the list; what is next to it in the element is no element.
            Patch::Replace => replace = true,
            Patch::Delete => {
                let value = key_value(item, key, place)?;
                merged.retain(|live| live.get(key) != Some(value));
            }
            Patch::Merge => items.push((key_value(item, key, place)?, item)),
        }
    }
    if replace {
        merged.clear();
    }
    let items_schema = schema.and_then(Schema::items);
    for (value, item) in items {
        let known = merged.iter_mut().find(|live| live.get(key) == Some(value));
        match known {
            Some(Value::Object(live)) => *live = map(items_schema, live, item, place)?,
            _ => merged.push(Value::Object(plain_map(item))),
        }
    }
    Ok(merged)
}

fn key_value<'a>(item: &'a Map<String, Value>, key: &str, place: Place<'_>) -> Result<&'a Value, PatchError> {
    item.get(key).ok_or_else(|| {
        PatchError::Unprocessable(format!(
            "{place}: map: {} does not contain declared merge key: {key}",
            Value::Object(item.clone())
        ))
    })
}
