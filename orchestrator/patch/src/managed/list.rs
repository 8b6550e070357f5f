//! The list as JSON.

use guideway_schema::Cause;
use serde_json::{Map, Value, json};

use super::{Entry, Operation};
use crate::fields::FieldSet;

/// Longest name of a manager, in bytes.
const MAX_NAME: usize = 128;

/// Causes for which a list of managedFields is refused; none if it is fine.
pub fn validate(list: &Value) -> Vec<Cause> {
    read(list).err().unwrap_or_default()
}

/// The entries of a list that a client brought.
pub(super) fn read(list: &Value) -> Result<Vec<Entry>, Vec<Cause>> {
    const FIELD: &str = "metadata.managedFields";
    let Some(list) = list.as_array() else {
        return Err(vec![Cause::type_invalid(FIELD, list, "must be a list")]);
    };
    let (mut entries, mut causes) = (Vec::with_capacity(list.len()), Vec::new());
    for (index, entry) in list.iter().enumerate() {
        match read_entry(entry, &format!("{FIELD}[{index}]")) {
            Ok(entry) => insert(&mut entries, entry),
            Err(cause) => causes.push(cause),
        }
    }
    if causes.is_empty() { Ok(entries) } else { Err(causes) }
}

/// The entries of an object, which the server wrote itself. A list that cannot be read is none.
pub(crate) fn live(object: Option<&Value>) -> Vec<Entry> {
    let list = object.and_then(|object| object.pointer("/metadata/managedFields"));
    list.and_then(|list| read(list).ok()).unwrap_or_default()
}

/// Adds an entry; what has the same identity becomes one.
pub(super) fn insert(entries: &mut Vec<Entry>, entry: Entry) {
    match entries.iter_mut().find(|known| known.identity() == entry.identity()) {
        Some(known) => {
            known.fields.add(&entry.fields);
            known.time = entry.time.max(known.time.take());
        }
        None => entries.push(entry),
    }
}

fn read_entry(value: &Value, field: &str) -> Result<Entry, Cause> {
    let Some(entry) = value.as_object() else {
        return Err(Cause::type_invalid(field, value, "must be an object"));
    };
    let text = |name: &str| match entry.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(Cause::type_invalid(format!("{field}.{name}"), other, "must be a string")),
    };
    let invalid = |name: &str, detail: &str| {
        Cause::invalid(format!("{field}.{name}"), entry.get(name).unwrap_or(&json!("")), detail)
    };
    let operation = match text("operation")?.as_str() {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return Err(invalid("operation", "must be `Apply` or `Update`")),
    };
    if !["", "FieldsV1"].contains(&text("fieldsType")?.as_str()) {
        return Err(invalid("fieldsType", "must be `FieldsV1`"));
    }
    let manager = text("manager")?;
    if manager.len() > MAX_NAME {
        return Err(invalid("manager", &format!("may not be more than {MAX_NAME} bytes")));
    }
    if manager.chars().any(char::is_control) {
        return Err(invalid("manager", "should only contain printable characters"));
    }
    let fields = match entry.get("fieldsV1") {
        None | Some(Value::Null) => FieldSet::default(),
        Some(fields) => {
            FieldSet::from_value(fields).map_err(|error| invalid("fieldsV1", &error.to_string()))?
        }
    };
    let time = Some(text("time")?).filter(|time| !time.is_empty());
    let (api_version, subresource) = (text("apiVersion")?, text("subresource")?);
    Ok(Entry { manager, operation, api_version, subresource, time, fields })
}

/// Writes the entries into the object, or takes the list out of it if there are none.
pub(crate) fn write(object: &mut Value, mut entries: Vec<Entry>) {
    let Some(object) = object.as_object_mut() else { return };
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    let Some(metadata) = metadata.as_object_mut() else { return };
    entries.retain(|entry| !entry.fields.is_empty());
    if entries.is_empty() {
        metadata.remove("managedFields");
        return;
    }
    entries.sort_by(|one, other| {
        let order = |entry: &Entry| {
            let version = entry.api_version.clone();
            (entry.operation, entry.time.clone(), entry.manager.clone(), version, entry.subresource.clone())
        };
        order(one).cmp(&order(other))
    });
    metadata.insert("managedFields".to_owned(), entries.into_iter().map(entry).collect());
}

fn entry(entry: Entry) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("fieldsV1", entry.fields.to_value());
    put("manager", entry.manager.into());
    put("operation", entry.operation.name().into());
    put("apiVersion", entry.api_version.into());
    put("fieldsType", "FieldsV1".into());
    if let Some(time) = entry.time {
        put("time", time.into());
    }
    if !entry.subresource.is_empty() {
        put("subresource", entry.subresource.into());
    }
    Value::Object(object)
}
