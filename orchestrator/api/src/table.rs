//! Tables: what `kubectl get` prints.

use serde_json::Value;

use crate::kind::Column;

/// Columns and the cells of an object.
pub(crate) struct Printer {
    columns: Vec<Column>,
}

impl Printer {
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }
}

/// What the `object` of a row holds.
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

/// An object of another kind's shape with the metadata alone.
pub fn partial_object_metadata(object: &Value) -> Value {
    let _ = object;
    Value::Null
}
