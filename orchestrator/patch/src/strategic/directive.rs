//! What begins with a dollar sign.

use serde_json::{Map, Value};

use super::Place;
use crate::PatchError;

/// What to do with the map that it is in.
const PATCH: &str = "$patch";
/// The fields that stay.
pub(super) const RETAIN_KEYS: &str = "$retainKeys";
/// Before the name of a list: its order.
pub(super) const ORDER: &str = "$setElementOrder/";
/// Before the name of a list of scalars: what goes.
pub(super) const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// Values of `$patch`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patch {
    /// As without it.
    Merge,
    /// What is there goes, what is next to the directive comes.
    Replace,
    /// What is there goes.
    Delete,
}

/// The key is one of a directive: an object may have other keys that begin with a dollar sign, as schemas do.
pub(super) fn is_directive(key: &str) -> bool {
    key == PATCH || key == RETAIN_KEYS || key.starts_with(ORDER) || key.starts_with(DELETE_FROM)
}

/// The directive of a map.
pub(super) fn of(map: &Map<String, Value>, place: Place<'_>) -> Result<Patch, PatchError> {
    match map.get(PATCH) {
        None => Ok(Patch::Merge),
        Some(Value::String(word)) if word == "merge" => Ok(Patch::Merge),
        Some(Value::String(word)) if word == "replace" => Ok(Patch::Replace),
        Some(Value::String(word)) if word == "delete" => Ok(Patch::Delete),
        Some(other) => {
            Err(PatchError::BadDirective(format!("unknown patch type: {other} in map: {}", at(place, PATCH))))
        }
    }
}

fn at(place: Place<'_>, key: &str) -> String {
    format!("{place}.{key}")
}

/// The list that a directive needs.
pub(super) fn list<'a>(key: &str, value: &'a Value, place: Place<'_>) -> Result<&'a [Value], PatchError> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| PatchError::BadDirective(format!("{} must be a list", at(place, key))))
}

/// Obeys `$retainKeys`.
pub(super) fn retain(
    live: &mut Map<String, Value>,
    keys: &Value,
    patch: &Map<String, Value>,
    place: Place<'_>,
) -> Result<(), PatchError> {
    let keys = list(RETAIN_KEYS, keys, place)?;
    let named = |key: &str| keys.iter().any(|named| named.as_str() == Some(key));
    let missing = patch.iter().find(|(key, value)| !is_directive(key) && !value.is_null() && !named(key));
    if let Some((key, _)) = missing {
        return Err(PatchError::BadDirective(format!(
            "{} must name {key:?}, which the patch sets",
            at(place, RETAIN_KEYS)
        )));
    }
    live.retain(|key, _| named(key));
    Ok(())
}
