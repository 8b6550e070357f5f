//! Ordinary writes.

use guideway_schema::{Cause, Schema};
use serde_json::{Value, json};

use super::{Entry, Manager, Operation, cap::cap, list};
use crate::tree::compare;

/// Records an ordinary write (create, PUT, patches other than apply) of `after` over `before` (`None`: a create).
///
/// What the write changes is owned by `manager` (operation Update) and by nobody else from then on. A write that changes
/// nothing keeps all times. `after` may bring managedFields of its own: a list takes the place of what was recorded,
/// `[{}]` clears it, `[]` or none keeps it. Writes through a subresource cannot bring any. An object that exists without
/// managedFields stays without them until it is first applied to.
///
/// # Errors
/// If `after` brings managedFields that are none: the causes of a 422 Invalid.
pub fn update(
    schema: &Schema,
    before: Option<&Value>,
    mut after: Value,
    manager: &Manager,
    now: &str,
) -> Result<Value, Vec<Cause>> {
    let brought = take(&mut after);
    let recorded = before.and_then(|before| before.pointer("/metadata/managedFields"));
    let brought = brought.filter(|list| {
        let says_nothing = list.is_null() || list.as_array().is_some_and(Vec::is_empty);
        manager.subresource.is_empty() && !says_nothing && Some(list) != recorded
    });
    let cleared = brought.as_ref().is_some_and(|list| *list == json!([{}]));
    let comparison = compare(Some(schema), &manager.unset, before, &after).without(&manager.reset);
    if brought.is_none() && comparison.is_same() {
        // Nothing to record: the list stays as it is, to the byte.
        put(&mut after, recorded.cloned());
        return Ok(after);
    }
    let mut entries = match brought {
        Some(_) if cleared => Vec::new(),
        Some(list) => list::read(&list)?,
        None => list::live(before),
    };
    if entries.is_empty() && before.is_some() {
        return Ok(after);
    }
    let (taken, removed) = comparison.split();
    for entry in &mut entries {
        entry.fields.subtract(&taken);
        entry.fields.subtract(&removed);
    }
    if !taken.is_empty() {
        match entries.iter_mut().find(|entry| entry.is_of(manager, Operation::Update)) {
            Some(own) => {
                own.fields.add(&taken);
                own.time = Some(now.to_owned());
            }
            None => entries.push(Entry::new(manager, Operation::Update, taken, now)),
        }
    }
    entries.retain(|entry| !entry.fields.is_empty());
    list::write(&mut after, cap(entries));
    Ok(after)
}

/// Takes the list out of an object.
fn take(object: &mut Value) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.remove("managedFields")
}

fn put(object: &mut Value, list: Option<Value>) {
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let (Some(metadata), Some(list)) = (metadata, list) {
        metadata.insert("managedFields".to_owned(), list);
    }
}
