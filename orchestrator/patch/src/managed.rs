//! `metadata.managedFields`: who set which field of an object.

mod cap;
mod entry;
mod list;
mod update;

pub(crate) use entry::{Entry, Operation};
pub use list::validate;
pub(crate) use list::{live, write};
pub use update::update;

use serde_json::Value;

use crate::fields::FieldSet;

/// Most managers with operation Update; when there are more, the oldest ones become one.
pub const MAX_UPDATE_MANAGERS: usize = 10;

/// Name of the manager that has what managers beyond [`MAX_UPDATE_MANAGERS`] set.
pub const ANCIENT_CHANGES: &str = "ancient-changes";

/// Name of the manager that has what an object without managedFields held when it was first applied to.
pub const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Who writes, and through which door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// Name: the `fieldManager` parameter, else the User-Agent up to its first `/`.
    pub name: String,
    /// `apiVersion` of the written object: `apps/v1`.
    pub api_version: String,
    /// Subresource that is written through (`status`, `scale`); empty for the object itself.
    pub subresource: String,
    /// Fields that this door does not write: `status` for the object itself, `spec` and more for `status`. Changes to
    /// them are left out and never owned (Kubernetes calls them reset fields).
    pub reset: FieldSet,
    /// An object of the written kind in which nothing was set, as Kubernetes' own types have it (`strategy: {}`,
    /// `containers: null`): what it has was nobody's to add. Null for kinds whose objects begin with nothing.
    pub unset: Value,
}

impl Manager {
    /// Someone who writes the object itself; nothing is reset, and objects begin with nothing.
    pub fn new(name: impl Into<String>, api_version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            api_version: api_version.into(),
            subresource: String::new(),
            reset: FieldSet::default(),
            unset: Value::Null,
        }
    }
}
