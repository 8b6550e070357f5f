//! Looking at and changing parts of objects that may have any form.

use serde_json::{Map, Value};

/// The text in a field, empty when there is none.
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

/// The elements of a list, none when it is no list.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The texts in a list.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    list(value).iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// The fields of an object, none when it is no object.
pub(crate) fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// The field at the end of the path, with the objects on the way made where there are none. `None` if something else is in
/// the way: validation will say what.
pub(crate) fn entry<'a>(mut value: &'a mut Value, path: &[&str]) -> Option<&'a mut Value> {
    for &field in path {
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        value = value.as_object_mut()?.entry(field).or_insert(Value::Null);
    }
    Some(value)
}

/// Sets the field at the end of the path.
pub(crate) fn set(value: &mut Value, path: &[&str], to: Value) {
    if let Some(field) = entry(value, path) {
        *field = to;
    }
}

/// Adds to the list at the end of the path.
pub(crate) fn push(value: &mut Value, path: &[&str], element: Value) {
    let Some(field) = entry(value, path) else { return };
    if field.is_null() {
        *field = Value::Array(Vec::new());
    }
    if let Some(list) = field.as_array_mut() {
        list.push(element);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_made_where_nothing_is_in_the_way() {
        let mut object = json!({"a": 1, "l": null});
        set(&mut object, &["b", "c"], json!(2));
        set(&mut object, &["a", "c"], json!(2));
        push(&mut object, &["l"], json!(3));
        push(&mut object, &["a"], json!(3));
        assert_eq!(object, json!({"a": 1, "b": {"c": 2}, "l": [3]}));
    }
}
