//! The same in the words of OpenAPI v2.

use serde_json::{Map, Value, json};

use super::Definitions;
use crate::builtin::REFERENCE;

/// Words of schemas that v2 does not have.
const UNKNOWN: [&str; 4] = ["anyOf", "nullable", "not", "oneOf"];

/// Definitions of a v2 document.
pub(super) fn definitions(definitions: Definitions) -> Value {
    let definitions = definitions.parsed().map(|(name, mut schema)| {
        if schema.get("oneOf").is_some() && schema.get("type").is_none() {
            // IntOrString and Quantity.
            schema["type"] = "string".into();
        }
        words(&mut schema);
        (name, schema)
    });
    Value::Object(definitions.collect())
}

fn words(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("type").is_none_or(Value::is_string) {
                UNKNOWN.iter().for_each(|word| drop(fields.remove(*word)));
            }
            let only = match fields.get("allOf") {
                Some(Value::Array(schemas)) => match schemas.as_slice() {
                    [one] => one.get("$ref").cloned(),
                    _ => None,
                },
                _ => None,
            };
            if let Some(reference) = only {
                fields.remove("allOf");
                fields.insert("$ref".into(), reference);
            }
            if let Some(Value::String(reference)) = fields.get_mut("$ref")
                && let Some(name) = reference.strip_prefix(REFERENCE)
            {
                *reference = format!("#/definitions/{name}");
            }
            fields.values_mut().for_each(words);
        }
        Value::Array(elements) => elements.iter_mut().for_each(words),
        _ => {}
    }
}

/// Paths of a v2 document.
pub(super) fn paths(mut paths: Map<String, Value>) -> Value {
    for path in paths.values_mut() {
        let Some(operations) = path.as_object_mut() else { continue };
        for (method, operation) in operations {
            if method == "parameters" {
                parameters(operation);
            } else {
                self::operation(operation);
            }
        }
    }
    Value::Object(paths)
}

fn operation(operation: &mut Value) {
    parameters(&mut operation["parameters"]);
    if let Some(body) = operation.as_object_mut().and_then(|fields| fields.remove("requestBody")) {
        let required = body["required"] == true;
        let content = body["content"].as_object();
        let kinds: Vec<&str> =
            content.iter().flat_map(|content| content.keys().map(String::as_str)).collect();
        let schema = content.and_then(|content| content.values().next()).map(|one| one["schema"].clone());
        let mut schema = schema.unwrap_or_else(|| json!({ "type": "object" }));
        words(&mut schema);
        let parameter = json!({ "name": "body", "in": "body", "required": required, "schema": schema });
        if let Some(parameters) = operation["parameters"].as_array_mut() {
            parameters.insert(0, parameter);
        }
        operation["consumes"] = kinds.into();
    }
    operation["produces"] = json!(["application/json", "application/yaml"]);
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for response in responses.values_mut() {
        let Some(fields) = response.as_object_mut() else { continue };
        if let Some(content) = fields.remove("content") {
            let mut schema = content["application/json"]["schema"].clone();
            words(&mut schema);
            fields.insert("schema".into(), schema);
        }
    }
}

/// In v2, what a parameter holds is said by itself.
fn parameters(parameters: &mut Value) {
    for parameter in parameters.as_array_mut().into_iter().flatten() {
        if let Some(fields) = parameter.as_object_mut()
            && let Some(Value::Object(schema)) = fields.remove("schema")
        {
            fields.extend(schema);
        }
    }
}
