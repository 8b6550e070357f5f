//! Why a patch cannot be applied, and which Status says so.

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
    /// A strategic merge patch with a directive that is not understood: 400 BadRequest with this text.
    #[error("{0}")]
    BadDirective(String),
}

impl PatchError {
    /// HTTP status to answer with.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::BadDirective(_) => 400,
            Self::TooManyOperations { .. } => 413,
            Self::Unprocessable(_) => 422,
        }
    }
}
