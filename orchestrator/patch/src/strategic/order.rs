//! The order of a merged list.

use std::collections::HashMap;

use serde_json::Value;

/// Orders `merged`: what `wanted` names in its order, and what only the server has between it, where it was in `live`.
///
/// `key` tells objects apart; without it (or for scalars) their value does.
pub(super) fn order(merged: Vec<Value>, wanted: &[Value], live: &[Value], key: Option<&str>) -> Vec<Value> {
    let name = |value: &Value| key.and_then(|key| value.get(key)).unwrap_or(value).to_string();
    let places = |list: &[Value]| -> HashMap<String, usize> {
        list.iter().enumerate().rev().map(|(index, value)| (name(value), index)).collect()
    };
    let (wanted, live) = (places(wanted), places(live));
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|value| wanted.contains_key(&name(value)));
    named.sort_by_cached_key(|value| wanted.get(&name(value)).copied());
    others.sort_by_cached_key(|value| live.get(&name(value)).copied().unwrap_or(usize::MAX));

    let mut ordered = Vec::with_capacity(named.len() + others.len());
    let mut others = others.into_iter().peekable();
    for value in named {
        // Something of the server's stays before what it was before.
        if let Some(place) = live.get(&name(&value)) {
            while let Some(other) =
                others.next_if(|other| live.get(&name(other)).is_some_and(|before| before < place))
            {
                ordered.push(other);
            }
        }
        ordered.push(value);
    }
    ordered.extend(others);
    ordered
}
