//! The record: what has been decided, in one object that leaders write by compare-and-swap.

use std::fmt;

use guideway_controller_core::{Digest, Generation, Term};

/// A generation and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Its number.
    pub generation: Generation,
    /// Of its content.
    pub digest: Digest,
}

impl From<(Generation, Digest)> for Stamp {
    fn from((generation, digest): (Generation, Digest)) -> Self {
        Self { generation, digest }
    }
}

impl From<Stamp> for (Generation, Digest) {
    fn from(stamp: Stamp) -> Self {
        (stamp.generation, stamp.digest)
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.generation, self.digest.short())
    }
}

/// What has been decided. A generation is committed when, and only when, a record that says so has been written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Of the leader that wrote it; only grows.
    pub term: Term,
    /// Who that is: [`Settings::leader`](crate::Settings::leader).
    pub leader: String,
    /// The highest generation that may have been proposed. A leader proposes none above it, and each of them once.
    pub proposed: Generation,
    /// What forwarders are to serve.
    pub committed: Option<Stamp>,
    /// Projections wait, because an operator went back to this generation.
    pub rolled_back_to: Option<Generation>,
}

/// What the store calls the state of an object that it last gave or took, such as Kubernetes' `resourceVersion`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(pub String);

/// What a store has in the place of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// `None`: nothing has been decided yet.
    pub record: Option<Record>,
    /// What a write has to name; `None`: there is no object, and a write makes it.
    pub version: Option<Version>,
}

/// Why a write did not give a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteFault {
    /// The object is not that of the version named; nothing was written.
    Conflict,
    /// It may have been written, or be written later: no answer, a broken connection, an error of the server.
    Unknown(String),
}

/// Names a request to the store, so that a late answer is not taken for another one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);
