//! Why a body cannot be decoded.

/// Why a body cannot be decoded. [`UnknownKind`](Self::UnknownKind) is a 415 UnsupportedMediaType, everything else a 400
/// BadRequest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The body does not begin with `k8s\0`.
    #[error("the body is no Kubernetes protobuf: it does not begin with \"k8s\\0\"")]
    NoMagic,
    /// The body says neither apiVersion nor kind.
    #[error("the body names no apiVersion and kind")]
    NoKind,
    /// The table has no such kind; it can be sent as JSON.
    #[error("no protobuf message is known for {kind:?} in {api_version:?}; send JSON")]
    UnknownKind {
        /// As the body says it.
        api_version: String,
        /// As the body says it.
        kind: String,
    },
    /// The bytes end within a field, or a length is longer than what is left.
    #[error("{}the body ends too early", place(.field))]
    Truncated {
        /// Where: `spec.replicas`.
        field: String,
    },
    /// A field has another wire type than its type is written with.
    #[error("{}expected {expected}, found wire type {found}", place(.field))]
    WireType {
        /// Where.
        field: String,
        /// What the field holds.
        expected: &'static str,
        /// Wire type of the bytes.
        found: u8,
    },
    /// The bytes hold something that the field's type cannot.
    #[error("{}{reason}", place(.field))]
    Value {
        /// Where.
        field: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// More levels or values than are taken.
    #[error("{}{reason}", place(.field))]
    TooLarge {
        /// Where.
        field: String,
        /// Which bound.
        reason: &'static str,
    },
}

impl DecodeError {
    /// The same within `name`, which is empty for a struct whose fields belong to the one around it.
    pub(crate) fn below(mut self, name: &str) -> Self {
        if let (Some(field), false) = (self.field(), name.is_empty()) {
            let dot = if field.is_empty() || field.starts_with('[') { "" } else { "." };
            *field = format!("{name}{dot}{field}");
        }
        self
    }

    /// The same within an element of a list.
    pub(crate) fn at(mut self, index: usize) -> Self {
        if let Some(field) = self.field() {
            let dot = if field.is_empty() || field.starts_with('[') { "" } else { "." };
            *field = format!("[{index}]{dot}{field}");
        }
        self
    }

    fn field(&mut self) -> Option<&mut String> {
        match self {
            Self::NoMagic | Self::NoKind | Self::UnknownKind { .. } => None,
            Self::Truncated { field }
            | Self::WireType { field, .. }
            | Self::Value { field, .. }
            | Self::TooLarge { field, .. } => Some(field),
        }
    }
}

/// The field, where one is known: what is around all fields has none.
fn place(field: &str) -> String {
    if field.is_empty() { String::new() } else { format!("{field}: ") }
}
