//! Lists that are merged. Elements are looked up by their text, so that long lists take no more time than they should.

use std::collections::{HashMap, HashSet};

use guideway_schema::Schema;
use serde_json::{Map, Value};

use super::directive::{self, Patch};
use super::{Place, map, merge_key, order, plain_map};
use crate::PatchError;
use crate::error::in_go;

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
            let mut seen = HashSet::new();
            live.iter().chain(patch).filter(|value| seen.insert(value.to_string())).cloned().collect()
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
    let mut items: Vec<(String, &Map<String, Value>)> = Vec::with_capacity(patch.len());
    let (mut replace, mut deleted) = (false, HashSet::new());
    for item in patch {
        let Some(item) = item.as_object() else {
            return Err(PatchError::Unprocessable(format!("{place}: expected an object, found {item}")));
        };
        match directive::of(item, place)? {
            // Alone it empties the list; what is next to it in the element is no element.
            Patch::Replace => replace = true,
            Patch::Delete => {
                deleted.insert(key_text(item, key)?);
            }
            Patch::Merge => items.push((key_text(item, key)?, item)),
        }
    }
    let name = |item: &Value| item.get(key).map(ToString::to_string);
    let stays = |item: &&Value| !replace && !name(item).is_some_and(|name| deleted.contains(&name));
    let mut merged: Vec<Value> = live.iter().filter(stays).cloned().collect();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (index, item) in merged.iter().enumerate() {
        // Of several elements with one key the first one counts.
        if let Some(name) = name(item) {
            known.entry(name).or_insert(index);
        }
    }
    let items_schema = schema.and_then(Schema::items);
    for (name, item) in items {
        match known.get(&name).and_then(|index| merged.get_mut(*index)) {
            Some(Value::Object(live)) => *live = map(items_schema, live, item, place)?,
            _ => {
                known.insert(name, merged.len());
                merged.push(Value::Object(plain_map(item)));
            }
        }
    }
    Ok(merged)
}

fn key_text(item: &Map<String, Value>, key: &str) -> Result<String, PatchError> {
    item.get(key).map(ToString::to_string).ok_or_else(|| {
        let item = in_go(&Value::Object(item.clone()));
        PatchError::NoMergeKey(format!("map: {item} does not contain declared merge key: {key}"))
    })
}
