//! Which element of a list was which before.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{ListType, Schema};

/// The state before of a list's elements.
pub(crate) struct Elements<'a> {
    by_key: Option<HashMap<String, &'a Value>>,
    schema: Schema,
}

impl<'a> Elements<'a> {
    /// Only lists with keys have elements that can be told apart.
    pub(crate) fn new(schema: &Schema, old: Option<&'a Value>) -> Self {
        let old = old.and_then(Value::as_array).filter(|_| schema.list_type() == ListType::Map);
        let by_key = old.map(|elements| {
            elements.iter().filter_map(|element| Some((identity(schema, element)?, element))).collect()
        });
        Self { by_key, schema: schema.clone() }
    }

    /// The state before of an element; none if there was none, or if it cannot be told.
    pub(crate) fn of(&self, element: &Value) -> Option<&'a Value> {
        let by_key = self.by_key.as_ref()?;
        by_key.get(&identity(&self.schema, element)?).copied()
    }
}

fn identity(schema: &Schema, element: &Value) -> Option<String> {
    Some(Value::Object(key(schema, element.as_object()?)).to_string())
}

/// The fields that tell an element of a list with keys from others, defaults included.
pub(crate) fn key(schema: &Schema, fields: &Map<String, Value>) -> Map<String, Value> {
    let of = |name: &str| {
        let default = || schema.items()?.property(name)?.default_value();
        fields.get(name).or_else(default).map(|value| (name.to_owned(), value.clone()))
    };
    schema.list_map_keys().filter_map(of).collect()
}
