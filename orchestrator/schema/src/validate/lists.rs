//! Lists whose elements must differ.

use std::collections::HashSet;

use serde_json::Value;

use crate::{Cause, ListType, MapType, Schema, correlate::key, path::FieldPath};

/// Lists the elements that are there twice, or that have a key twice.
pub(super) fn unique(schema: &Schema, elements: &[Value], path: &mut FieldPath, causes: &mut Vec<Cause>) {
    let is_map = match schema.list_type() {
        ListType::Atomic => return,
        ListType::Set => false,
        ListType::Map => true,
    };
    // Elements that are objects without an identity of their own cannot be told apart.
    if !is_map
        && schema.items().is_some_and(|items| items.map_type() == MapType::Granular && is_object(elements))
    {
        return;
    }
    let mut seen = HashSet::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let identity = if is_map {
            let Value::Object(fields) = element else { continue };
            Value::Object(key(schema, fields))
        } else {
            element.clone()
        };
        if !seen.insert(identity.to_string()) {
            let mark = path.push_index(index);
            causes.push(Cause::duplicate(path.as_str(), &identity));
            path.back(mark);
        }
    }
}

fn is_object(elements: &[Value]) -> bool {
    elements.iter().any(Value::is_object)
}
