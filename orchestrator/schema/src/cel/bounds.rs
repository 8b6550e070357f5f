//! How large the values of a place may be, as far as its schema and the size of a request tell.
//!
//! Kubernetes judges rules by these figures, so whether a definition is taken depends on each of them.

use crate::{Schema, Type, schema::Node};

/// The largest request, in bytes. What a schema does not bound, this does.
const REQUEST: u64 = 3 << 20;

/// The largest text that fits into a request: all of it but the quotation marks.
const TEXT: u64 = REQUEST - 2;

/// How many characters, bytes, elements or entries a value of the place has at most; nothing for places that
/// expressions do not see.
pub(super) fn most(schema: &Schema) -> Option<u64> {
    let checks = schema.0.checks.as_deref();
    let max_length = checks.and_then(|checks| checks.max_length);
    // Schemas count characters, requests bytes.
    let text = || max_length.map_or(TEXT, |length| length.saturating_mul(4));
    Some(match schema.kind() {
        Type::Any => return None,
        Type::Array => {
            let each = smallest(schema.items()?)?;
            checks.and_then(|checks| checks.max_items).unwrap_or((REQUEST - 2) / (each + 1))
        }
        Type::Object => match schema.additional() {
            Some(entry) => {
                // A key, its quotation marks, a colon and a comma.
                let each = smallest(entry)? + 6;
                checks.and_then(|checks| checks.max_properties).unwrap_or((REQUEST - 2) / each)
            }
            None => 0,
        },
        Type::String => match schema.format() {
            Some("date") => 12,
            Some("date-time" | "duration") => 32,
            Some("byte") => max_length.unwrap_or(TEXT),
            _ => match checks.and_then(|checks| checks.enumeration.as_deref()) {
                Some(values) if max_length.is_none() && !values.is_empty() => {
                    let lengths = values.iter().filter_map(|value| value.as_str()).map(str::len);
                    lengths.max().unwrap_or_default() as u64
                }
                _ => text(),
            },
        },
        Type::IntOrString | Type::Quantity => text(),
        Type::Boolean | Type::Integer | Type::Number => 0,
    })
}

/// The length of the shortest JSON text of a value of the place; nothing for places that expressions do not see.
pub(super) fn smallest(schema: &Schema) -> Option<u64> {
    match schema.0.checks.as_deref() {
        Some(checks) => checks.smallest,
        None => of_node(&schema.0),
    }
}

/// The same, of a place of which what is below is known already.
pub(crate) fn of_node(node: &Node) -> Option<u64> {
    let below = |child: &Option<crate::schema::Child>| child.as_ref().map(|child| smallest(child.schema()));
    Some(match node.kind {
        Type::Any => return None,
        Type::Array => below(&node.items)?.map(|_| 2)?,
        Type::Object => match below(&node.additional) {
            Some(entry) => entry.map(|_| 2)?,
            None => {
                let required = node.required.iter().filter_map(|name| {
                    let field = node.properties.get(name)?.schema();
                    // What has a default need not be sent.
                    let value = smallest(field).filter(|_| field.default_value().is_none())?;
                    Some(name.len() as u64 + 4 + value)
                });
                required.fold(2, u64::saturating_add)
            }
        },
        Type::String => match node.format.as_deref() {
            Some("date") => 12,
            Some("date-time") => 21,
            Some("duration") => 3,
            _ => 2,
        },
        Type::Boolean => 4,
        Type::Integer | Type::Number | Type::IntOrString | Type::Quantity => 1,
    })
}

/// How many values of a place can be in a request, if lists and maps around it are not bounded.
pub(super) fn in_request(schema: &Schema) -> u64 {
    REQUEST / (smallest(schema).unwrap_or_default() + 1)
}
