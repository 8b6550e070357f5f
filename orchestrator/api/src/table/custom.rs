//! Printer columns of custom resources.

use jiff::Timestamp;
use serde_json::Value;

use crate::age;
use crate::json::plain;
use crate::jsonpath::JsonPath;
use crate::kind::Column;

/// A column with the path of its cells.
pub(crate) struct CustomColumn {
    pub(crate) column: Column,
    pub(crate) path: JsonPath,
}

impl CustomColumn {
    /// The cell of an object: null if it has nothing there.
    pub(super) fn cell(&self, object: &Value, now: Timestamp) -> Value {
        let found = self.path.find(object);
        let Some(first) = found.first() else { return Value::Null };
        match self.column.kind.as_str() {
            "integer" => first
                .as_i64()
                .or_else(|| first.as_str().and_then(|text| text.parse().ok()))
                .map_or(Value::Null, Value::from),
            "number" => first
                .as_f64()
                .or_else(|| first.as_str().and_then(|text| text.parse().ok()))
                .map_or(Value::Null, Value::from),
            "boolean" => first
                .as_bool()
                .or_else(|| first.as_str().and_then(|text| text.parse().ok()))
                .map_or(Value::Null, Value::from),
            "date" => match first {
                Value::String(text) if !text.is_empty() => match age::parse(first) {
                    Some(_) => age::since(first, now).into(),
                    None => "<invalid>".into(),
                },
                _ => "<unknown>".into(),
            },
            _ => found.iter().map(|value| plain(value)).collect::<Vec<_>>().join(" ").into(),
        }
    }
}
