//! One entry of managedFields.

use std::fmt;

use crate::fields::FieldSet;
use crate::managed::Manager;

/// How fields came to be owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    Update,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// What one manager owns in one way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) manager: String,
    pub(crate) operation: Operation,
    pub(crate) api_version: String,
    pub(crate) subresource: String,
    /// RFC 3339, as it was written.
    pub(crate) time: Option<String>,
    pub(crate) fields: FieldSet,
}

impl Entry {
    pub(crate) fn new(manager: &Manager, operation: Operation, fields: FieldSet, now: &str) -> Self {
        Self {
            manager: manager.name.clone(),
            operation,
            api_version: manager.api_version.clone(),
            subresource: manager.subresource.clone(),
            time: Some(now.to_owned()),
            fields,
        }
    }

    /// The entry that `manager` adds to. Someone who applies is the same in each version of the API.
    pub(crate) fn is_of(&self, manager: &Manager, operation: Operation) -> bool {
        self.operation == operation
            && self.manager == manager.name
            && self.subresource == manager.subresource
            && (operation == Operation::Apply || self.api_version == manager.api_version)
    }

    /// Entries with equal identities are one.
    pub(crate) fn identity(&self) -> (&str, Operation, &str, &str) {
        let version = if self.operation == Operation::Apply { "" } else { self.api_version.as_str() };
        (&self.manager, self.operation, version, &self.subresource)
    }
}

/// As in conflicts: `"curl" using v1`.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.manager)?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {:?}", self.subresource)?;
        }
        match self.operation {
            Operation::Apply => Ok(()),
            Operation::Update => write!(f, " using {}", self.api_version),
        }
    }
}
