//! Tables, which is what `kubectl get` prints, and objects reduced to their metadata.
//!
//! The cells of built-in kinds are what a real server shows; those of custom ones come from their printer columns.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::age;
use crate::json::View;
use crate::kind::{Column, Version};

pub(crate) mod apps;
pub(crate) mod autoscaling;
pub(crate) mod batch;
pub(crate) mod core;
mod custom;
pub(crate) mod event;
pub(crate) mod extension;
pub(crate) mod node;
pub(crate) mod pod;
pub(crate) mod policy;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod volume;

pub(crate) use custom::CustomColumn;

/// Columns of a built-in kind (name, type, priority), and the cells of an object for them.
#[derive(Clone, Copy)]
pub(crate) struct BuiltIn {
    pub(crate) columns: &'static [(&'static str, &'static str, i32)],
    pub(crate) cells: fn(&Value, Timestamp) -> Vec<Value>,
}

/// Columns and how their cells are found.
pub(crate) struct Printer {
    columns: Vec<Column>,
    cells: Cells,
}

enum Cells {
    BuiltIn(fn(&Value, Timestamp) -> Vec<Value>),
    Custom(Vec<CustomColumn>),
}

/// Columns of kinds that have no others.
pub(crate) const DEFAULT: BuiltIn = BuiltIn {
    columns: &[("Name", "string", 0), ("Created At", "date", 0)],
    cells: |object, _| vec![name(object), object.at("metadata.creationTimestamp").clone()],
};

/// What the `object` of a row holds (the query parameter `includeObject`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// The object's metadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

impl IncludeObject {
    /// Reads the parameter from a query string.
    ///
    /// # Errors
    ///
    /// A value that it cannot have.
    pub fn parse(query: &str) -> Result<Self, crate::Status> {
        let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "includeObject");
        match found.as_ref().map(|(_, value)| value.as_ref()) {
            None | Some("" | "Metadata") => Ok(Self::Metadata),
            Some("None") => Ok(Self::None),
            Some("Object") => Ok(Self::Object),
            Some(_) => Err(crate::Status::bad_request(
                "invalid table options: includeObject: Invalid value: must be 'Metadata', 'Object', 'None', or empty",
            )),
        }
    }
}

/// Whether a table tells its columns; in a watch only the first one needs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Definitions {
    /// It does.
    Shown,
    /// It does not.
    Omitted,
}

/// A table of objects. `metadata` is that of the list, or that of a single object (its resourceVersion).
/// `version` is that of `meta.k8s.io` (`v1`, `v1beta1`), as the client accepts.
pub fn table<'a>(
    kind: &Version,
    objects: impl IntoIterator<Item = &'a Value>,
    metadata: Value,
    definitions: Definitions,
    include: IncludeObject,
    version: &str,
    now: Timestamp,
) -> Value {
    let rows: Vec<Value> = objects.into_iter().map(|object| row(kind, object, include, now)).collect();
    let columns = match definitions {
        Definitions::Shown => columns(kind),
        Definitions::Omitted => Value::Null,
    };
    json!({
        "kind": "Table",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": metadata,
        "columnDefinitions": columns,
        "rows": rows,
    })
}

/// The column definitions of a table of such objects.
pub fn columns(kind: &Version) -> Value {
    kind.columns().iter().map(definition).collect()
}

/// The row of one object.
pub fn row(kind: &Version, object: &Value, include: IncludeObject, now: Timestamp) -> Value {
    kind.printer.row(object, include, now)
}

/// An object with its metadata alone.
pub fn partial_object_metadata(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.at("metadata"),
    })
}

impl Printer {
    pub(crate) fn built_in(table: BuiltIn) -> Self {
        let column = |(name, kind, priority): &(&str, &str, i32)| Column {
            name: (*name).into(),
            kind: (*kind).into(),
            format: if *name == "Name" { "name".into() } else { String::new() },
            description: String::new(),
            priority: *priority,
        };
        Self { columns: table.columns.iter().map(column).collect(), cells: Cells::BuiltIn(table.cells) }
    }

    /// Columns of a custom resource; the name comes before them.
    pub(crate) fn custom(custom: Vec<CustomColumn>) -> Self {
        let name = Column {
            name: "Name".into(),
            kind: "string".into(),
            format: "name".into(),
            description: String::new(),
            priority: 0,
        };
        let columns = std::iter::once(name).chain(custom.iter().map(|one| one.column.clone())).collect();
        Self { columns, cells: Cells::Custom(custom) }
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn row(&self, object: &Value, include: IncludeObject, now: Timestamp) -> Value {
        let cells = match &self.cells {
            Cells::BuiltIn(cells) => cells(object, now),
            Cells::Custom(columns) => std::iter::once(name(object))
                .chain(columns.iter().map(|column| column.cell(object, now)))
                .collect(),
        };
        let mut row = Map::new();
        row.insert("cells".into(), cells.into());
        if let Some(condition) = pod::finished(object) {
            row.insert("conditions".into(), json!([condition]));
        }
        let shown = match include {
            IncludeObject::None => Value::Null,
            IncludeObject::Metadata => partial_object_metadata(object),
            IncludeObject::Object => object.clone(),
        };
        row.insert("object".into(), shown);
        Value::Object(row)
    }
}

fn definition(column: &Column) -> Value {
    json!({
        "name": column.name,
        "type": column.kind,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    })
}

/// The cell of an object's name.
fn name(object: &Value) -> Value {
    object.at("metadata.name").as_str().unwrap_or_default().into()
}

/// The cell of an object's age.
fn aged(object: &Value, now: Timestamp) -> Value {
    age::since(object.at("metadata.creationTimestamp"), now).into()
}
