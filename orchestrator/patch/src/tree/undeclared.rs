//! Fields of a configuration that its kind does not have.

use guideway_schema::{ListType, Schema};
use serde_json::Value;

use super::element;

/// Places that are listed at most.
const MOST: usize = 100;

/// Refuses fields that the schema does not declare. A client that sets one believes that it is there.
///
/// # Errors
/// Says which they are, by the keys of the elements around them.
pub(crate) fn undeclared(schema: &Schema, config: &Value) -> Result<(), String> {
    let mut found = Vec::new();
    below(schema, config, "", &mut found);
    match found.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        several => Err(format!("errors:\n  {}", several.join("\n  "))),
    }
}

fn below(schema: &Schema, value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                match schema.field(name) {
                    Some(schema) => below(schema, value, &path, found),
                    None if schema.keeps_unknown() || found.len() >= MOST => {}
                    None => found.push(format!("{path}: field not declared in schema")),
                }
            }
        }
        Value::Array(items) => {
            let Some(of) = schema.items() else { return };
            for (index, item) in items.iter().enumerate() {
                let place = match element(Some(schema), item) {
                    Ok(key) if schema.list_type() == ListType::Map => key.to_string(),
                    _ => format!("[{index}]"),
                };
                below(of, item, &format!("{path}{place}"), found);
            }
        }
        _ => {}
    }
}
