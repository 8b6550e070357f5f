//! What watchers are told.

use std::sync::Arc;

use guideway_store::Revision;

use crate::Object;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchKind {
    /// It was created.
    Added,
    /// It was changed.
    Modified,
    /// It was deleted.
    Deleted,
}

/// One event.
#[derive(Debug)]
pub struct WatchEvent {
    /// What happened.
    pub kind: WatchKind,
    /// The object; for a deletion its last state with the deletion's revision.
    pub object: Arc<Object>,
    /// What it was before, unless it was added: a selector may have chosen that and not this, or the other way round.
    pub previous: Option<Arc<Object>>,
    /// When.
    pub revision: Revision,
}

/// The past that was asked for is forgotten: list, then watch from the list's revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too old; the oldest revision that can be watched from is {oldest}")]
pub struct TooOld {
    /// The oldest revision that a watch can begin after.
    pub oldest: Revision,
}

/// The watcher was too slow, or the cache had to read everything anew: list, then watch again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the watcher has fallen behind what the cache remembers")]
pub struct Lagged;
