//! Fields taken out of an object.

use guideway_schema::Schema;
use serde_json::{Map, Value};

use super::{Shape, element_or_index, field, items, shape};
use crate::fields::{FieldSet, PathElement};

/// Takes out the members of `set`, with all that is below them. `None` if that leaves an empty map or list.
pub(crate) fn remove(schema: Option<&Schema>, value: &Value, set: &FieldSet) -> Option<Value> {
    match shape(schema, value) {
        Shape::Map(map) if !map.is_empty() => {
            let mut left = Map::new();
            for (name, value) in map {
                let kept = match set.children.get(&PathElement::Field(name.as_str().into())) {
                    None => Some(value.clone()),
                    Some(child) if child.member => None,
                    Some(child) => remove(field(schema, name), value, child),
                };
                if let Some(value) = kept {
                    left.insert(name.clone(), value);
                }
            }
            (!left.is_empty()).then_some(Value::Object(left))
        }
        Shape::List(list) if !list.is_empty() => {
            let mut left = Vec::with_capacity(list.len());
            for (index, item) in list.iter().enumerate() {
                match set.children.get(&element_or_index(schema, item, index)) {
                    None => left.push(item.clone()),
                    Some(child) if child.member => {}
                    Some(child) => left.extend(remove(items(schema), item, child)),
                }
            }
            (!left.is_empty()).then_some(Value::Array(left))
        }
        _ => Some(value.clone()),
    }
}
