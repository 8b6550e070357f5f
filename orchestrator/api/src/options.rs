//! The options of requests, from query strings and bodies.
//!
//! Parameters that the API does not know are refused: one of them may be there to change what the request means.

pub use delete::{DeleteOptions, Preconditions, Propagation};
pub use list::{ListOptions, VersionMatch};
pub use write::{DryRun, FieldValidation, PatchKind, WriteOptions, default_manager};

mod delete;
mod list;
mod query;
mod write;

use crate::status::Status;

/// Options of a GET of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetOptions {
    /// The state may be as old as this; 0: any. None: the newest.
    pub resource_version: Option<u64>,
    /// JSON is to be indented.
    pub pretty: bool,
}

impl GetOptions {
    /// Reads a query string.
    ///
    /// # Errors
    ///
    /// A parameter that is unknown or has a value that it cannot have.
    pub fn parse(query: &str) -> Result<Self, Status> {
        let query = query::Query::parse(query)?;
        Ok(Self { resource_version: query.version("resourceVersion")?, pretty: query.pretty() })
    }
}
