//! Why a patch cannot be applied, and which Status says so.

use serde_json::Value;

/// Why a patch cannot be applied. [`status`](Self::status) is the HTTP status to answer with; `Display` says what is
/// wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The body is no patch: 400 BadRequest with this text as the message.
    #[error("error decoding patch: {0}")]
    Malformed(String),
    /// More operations than [`MAX_OPERATIONS`](crate::MAX_OPERATIONS): 413 RequestEntityTooLarge with this text.
    #[error("The allowed maximum operations in a JSON patch is {limit}, got {operations}")]
    TooManyOperations {
        /// How many the patch has.
        operations: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The patch is well formed but does not fit the object (a `test` that fails, a path that leads nowhere): 422
    /// Invalid. Kubernetes does not say why in its message (`the server rejected our request due to an error in our
    /// request`); this text is for a cause or the log.
    #[error("{0}")]
    Unprocessable(String),
    /// A strategic merge patch with an element of a list that lacks the key of the list: 500 with this text and without a
    /// reason, as in Kubernetes.
    #[error("{0}")]
    NoMergeKey(String),
    /// A strategic merge patch that is none, or with a directive that is not understood: 400 BadRequest with this text.
    #[error("{0}")]
    BadDirective(String),
}

/// Go's type of what a patch of an object has to be.
pub(crate) const OBJECT: &str = "map[string]interface {}";

/// What Go's decoder, and with it Kubernetes, says of a value of another type than `wanted`.
pub(crate) fn cannot_unmarshal(found: &Value, wanted: &str) -> String {
    format!("json: cannot unmarshal {} into Go value of type {wanted}", guideway_schema::go_kind(found))
}

/// As Go prints a value of JSON: `map[image:x ports:[80]]`.
pub(crate) fn in_go(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(in_go).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            let fields: Vec<String> =
                fields.into_iter().map(|(name, value)| format!("{name}:{}", in_go(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
    }
}

impl PatchError {
    /// HTTP status to answer with.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::BadDirective(_) => 400,
            Self::TooManyOperations { .. } => 413,
            Self::Unprocessable(_) => 422,
            Self::NoMergeKey(_) => 500,
        }
    }
}
