//! Server-side apply: a manager says which fields it wants and is their owner from then on.

use guideway_schema::Schema;
use serde_json::Value;

use crate::managed::Manager;

/// What to do about fields that other managers own and that would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Refuse with [`ApplyError::Conflicts`].
    No,
    /// Take them away from their owners.
    Yes,
}

/// A field that would change and that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// Who owns it, as Kubernetes says it: `"curl" using v1`, `"kubectl"`, `"x" with subresource "status" using v1`.
    pub owner: String,
    /// The field: `.spec.template.spec.containers[name="web"].image`.
    pub field: String,
}

impl Conflict {
    /// Message of the Status' cause (reason `FieldManagerConflict`).
    pub fn message(&self) -> String {
        format!("conflict with {}", self.owner)
    }
}

/// Why an apply is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// 409 Conflict: sorted by owner and field, never empty. [`conflict_message`] is the Status' message.
    #[error("{}", conflict_message(.0))]
    Conflicts(Vec<Conflict>),
    /// 400 BadRequest: the configuration is none for this object.
    #[error("{0}")]
    BadRequest(String),
    /// 422 or 500 in Kubernetes: the configuration does not fit the schema (an element without its key, a key twice).
    #[error("failed to create typed patch object: {0}")]
    Invalid(String),
}

/// Message of a Status about `conflicts`.
pub fn conflict_message(conflicts: &[Conflict]) -> String {
    format!("Apply failed with {} conflicts", conflicts.len())
}

/// Applies `config` on behalf of `manager`.
///
/// `live` is the object as it is, `None` to create it. Gives the object as it is to be, with `metadata.managedFields`.
/// `now` is an RFC 3339 time in whole seconds. An apply that changes nothing gives an object equal to `live`.
///
/// # Errors
/// See [`ApplyError`].
pub fn apply(
    _schema: &Schema,
    _live: Option<&Value>,
    config: &Value,
    _manager: &Manager,
    _force: Force,
    _now: &str,
) -> Result<Value, ApplyError> {
    Ok(config.clone())
}
