//! What can go wrong.

use crate::Revision;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The history of that revision has been compacted away. List again, then watch from the list's revision.
    #[error("the revision has been compacted away; the oldest that can be read is {oldest}")]
    Compacted {
        /// The oldest revision that can be read at and watched from.
        oldest: Revision,
    },
    /// The store has not come to that revision.
    #[error("the revision is in the future; the store is at {current}")]
    Future {
        /// Where the store is.
        current: Revision,
    },
    /// More than [`crate::limits`] allow.
    #[error("{what}: {size}, but at most {limit} are allowed")]
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        size: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A key does not begin with `/registry/`, or has a NUL in it.
    #[error("{key:?} is no key: keys begin with /registry/, go on, and have no NUL")]
    InvalidKey {
        /// The key.
        key: String,
    },
    /// A transaction writes a key twice.
    #[error("the transaction writes {key:?} twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// The store cannot be reached, or has stopped. Nothing was written; asking again is safe.
    #[error("the store is not available: {what}")]
    Unavailable {
        /// What was being done.
        what: String,
        /// Why it failed, if known.
        #[source]
        source: Option<Source>,
    },
    /// The answer to a transaction was lost, and whether it was committed could not be found out in time.
    #[error("it is not known whether the transaction was committed: {what}")]
    OutcomeUnknown {
        /// What was being done.
        what: String,
        /// Why it failed, if known.
        #[source]
        source: Option<Source>,
    },
    /// What the store holds makes no sense. Restore a backup.
    #[error("the store is damaged: {what}")]
    Corrupt {
        /// What was found where.
        what: String,
    },
    /// A file could not be read or written.
    #[error("{what}")]
    File {
        /// Which file, and what was being done.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl StoreError {
    /// [`StoreError::Unavailable`] while doing something.
    pub(crate) fn unavailable(what: impl Into<String>, source: impl Into<Source>) -> Self {
        Self::Unavailable { what: what.into(), source: Some(source.into()) }
    }
}
