//! Options of deletions.

use serde_json::Value;

use super::write::DryRun;
use crate::status::Status;

/// What becomes of the objects that the deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They go before it.
    Foreground,
    /// They go after it.
    Background,
    /// They stay, without an owner.
    Orphan,
}

/// What must hold for an object to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// Its uid.
    pub uid: Option<String>,
    /// Its resourceVersion.
    pub resource_version: Option<String>,
}

/// Options of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Seconds that the object has to go; 0: at once. None: what its kind says.
    pub grace_seconds: Option<i64>,
    /// What becomes of what it owns. None: what its kind and its finalizers say.
    pub propagation: Option<Propagation>,
    /// What must hold.
    pub preconditions: Preconditions,
    /// Whether it is only tried.
    pub dry_run: DryRun,
    /// JSON is to be indented.
    pub pretty: bool,
}

impl DeleteOptions {
    /// Reads the options from a body (null if there is none) and a query string; the body counts more.
    ///
    /// # Errors
    ///
    /// Options that are unknown, malformed or contradict each other.
    pub fn parse(query: &str, body: &Value) -> Result<Self, Status> {
        let _ = (query, body);
        Ok(Self::default())
    }
}
