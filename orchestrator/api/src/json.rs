//! Reading and filling JSON objects whose shape nobody has checked.

use serde_json::{Map, Value};

static NULL: Value = Value::Null;

/// Reading by paths of keys with dots; what is missing or of another type reads as empty.
pub(crate) trait View {
    fn at(&self, path: &str) -> &Value;

    fn text(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or_default()
    }

    fn int(&self, path: &str) -> i64 {
        self.at(path).as_i64().unwrap_or_default()
    }

    fn flag(&self, path: &str) -> bool {
        self.at(path).as_bool().unwrap_or_default()
    }

    fn list(&self, path: &str) -> &[Value] {
        self.at(path).as_array().map(Vec::as_slice).unwrap_or_default()
    }

    fn entries(&self, path: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.at(path).as_object().into_iter().flatten()
    }

    fn has(&self, path: &str) -> bool {
        !self.at(path).is_null()
    }
}

impl View for Value {
    fn at(&self, path: &str) -> &Value {
        path.split('.').try_fold(self, |value, key| value.get(key)).unwrap_or(&NULL)
    }
}

/// Filling in what is missing; null and empty text count as missing.
pub(crate) trait Fill {
    /// Sets a field that is missing. Nothing happens to what is no object.
    fn or_set(&mut self, key: &str, value: impl Into<Value>);

    /// Sets a number that is missing or 0.
    fn or_set_number(&mut self, key: &str, value: i64);

    /// Sets a field.
    fn set(&mut self, key: &str, value: impl Into<Value>);

    /// The object of a key if there is one.
    fn inner(&mut self, key: &str) -> Option<&mut Value>;

    /// The object of a key, made if it is missing.
    fn made(&mut self, key: &str) -> Option<&mut Value>;

    /// The objects of a list.
    fn each(&mut self, key: &str) -> impl Iterator<Item = &mut Value>;

    /// Removes a field.
    fn unset(&mut self, key: &str) -> Option<Value>;
}

impl Fill for Value {
    fn or_set(&mut self, key: &str, value: impl Into<Value>) {
        if let Some(object) = self.as_object_mut()
            && object.get(key).is_none_or(|value| value.is_null() || value == "")
        {
            object.insert(key.to_owned(), value.into());
        }
    }

    fn or_set_number(&mut self, key: &str, value: i64) {
        if self.get(key).is_some_and(|found| found == 0) {
            self.unset(key);
        }
        self.or_set(key, value);
    }

    fn set(&mut self, key: &str, value: impl Into<Value>) {
        if let Some(object) = self.as_object_mut() {
            object.insert(key.to_owned(), value.into());
        }
    }

    fn inner(&mut self, key: &str) -> Option<&mut Value> {
        self.get_mut(key).filter(|value| value.is_object())
    }

    fn made(&mut self, key: &str) -> Option<&mut Value> {
        self.or_set(key, Map::new());
        self.inner(key)
    }

    fn each(&mut self, key: &str) -> impl Iterator<Item = &mut Value> {
        self.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
    }

    fn unset(&mut self, key: &str) -> Option<Value> {
        self.as_object_mut()?.remove(key)
    }
}

/// A number or text as text: int-or-string fields, and the values of field selectors.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
