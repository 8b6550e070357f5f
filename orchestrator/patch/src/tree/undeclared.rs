//! Fields of a configuration that its kind does not have, and values that they cannot have.

use guideway_schema::{ListType, Schema, Type};
use serde_json::Value;

use super::element;

/// Places that are listed at most.
const MOST: usize = 100;

/// Refuses fields that the schema does not declare, since a client that sets one believes that it is there, and values
/// of another JSON type than theirs.
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
    if found.len() < MOST
        && let Some(problem) = mistyped(schema, value)
    {
        found.push(if path.is_empty() { problem } else { format!("{path}: {problem}") });
        return;
    }
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

/// What is wrong with the type of a value, in Kubernetes' words.
fn mistyped(schema: &Schema, value: &Value) -> Option<String> {
    let problem = match (schema.kind(), value) {
        (_, Value::Null)
        | (Type::Any | Type::IntOrString | Type::Quantity, _)
        | (Type::Object, Value::Object(_))
        | (Type::Array, Value::Array(_))
        | (Type::String, Value::String(_))
        | (Type::Integer | Type::Number, Value::Number(_))
        | (Type::Boolean, Value::Bool(_)) => return None,
        (Type::Object, value) => format!("expected map, got &{{{}}}", as_go(value)),
        (Type::Array, value) => format!("expected list, got &{{{}}}", as_go(value)),
        (Type::String, value) => {
            format!("expected string, got &value.valueUnstructured{{Value:{}}}", as_go(value))
        }
        (Type::Boolean, value) => format!("expected boolean, got &{{{}}}", as_go(value)),
        (Type::Integer | Type::Number, value) => {
            format!("expected numeric (int or float), got {}", go_type(value))
        }
    };
    Some(problem)
}

/// A value as Go prints it.
fn as_go(value: &Value) -> String {
    let list = |parts: Vec<String>| parts.join(" ");
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", list(items.iter().map(as_go).collect())),
        Value::Object(fields) => {
            format!(
                "map[{}]",
                list(fields.iter().map(|(name, value)| format!("{name}:{}", as_go(value))).collect())
            )
        }
        Value::Null => "<nil>".into(),
        other => other.to_string(),
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
