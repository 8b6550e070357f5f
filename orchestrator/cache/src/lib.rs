//! Every object of a store in memory, encoded once, with the recent events: what GET, LIST and WATCH are served from.
//!
//! One watch of the store feeds one [`Cache`]. A [`Watcher`] has no task and no buffer of its own: it reads the cache's
//! log from its position on, and is ended when the log has forgotten what it has not read.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![allow(clippy::todo, unused_variables, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use guideway_store::{Key, Revision, Store, StoreError};

/// How much of the past a cache keeps.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// No more events than this.
    pub events: usize,
    /// No more than this in the objects of those events, in bytes.
    pub event_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events: 10_000, event_bytes: 16 << 20 }
    }
}

/// An object, as it is at one revision.
#[derive(Debug)]
pub struct Object {
    /// Its key in the store.
    pub key: Key,
    /// Its resourceVersion: the revision that wrote it, or that deleted it in an event of its deletion.
    pub revision: Revision,
    /// The revision that created it.
    pub created: Revision,
    /// Its JSON, with `metadata.resourceVersion`.
    pub json: Bytes,
}

impl Object {
    /// Its name: the last part of the key.
    pub fn name(&self) -> &str { todo!() }
    /// Its namespace, if it has one.
    pub fn namespace(&self) -> Option<&str> { todo!() }
    /// `metadata.uid`.
    pub fn uid(&self) -> Option<&str> { todo!() }
    /// A label's value.
    pub fn label(&self, name: &str) -> Option<&str> { todo!() }
    /// All labels, in order of their names.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> { std::iter::empty() }
    /// Parses the JSON; not kept.
    pub fn value(&self) -> serde_json::Value { todo!() }
    /// One string, number or boolean as text, without parsing the rest into memory: for field selectors.
    pub fn field(&self, path: &[&str]) -> Option<String> { todo!() }
}

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
    /// What it was before, unless it was added.
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

/// Why a wait for a revision ended without it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The cache did not come to the revision in time.
    #[error("the revision was not reached in time; the cache is at {current}")]
    Timeout {
        /// Where the cache is.
        current: Revision,
    },
    /// The store could not be asked for its revision.
    #[error("the store did not answer")]
    Store(#[source] StoreError),
}

/// See the crate's documentation.
pub struct Cache {}

impl Cache {
    /// Reads everything, then follows the store.
    pub async fn start(store: Arc<dyn Store>, limits: Limits) -> Result<Arc<Self>, StoreError> { todo!() }
    /// Where the cache is.
    pub fn revision(&self) -> Revision { todo!() }
    /// The oldest revision that a watch can begin after.
    pub fn oldest(&self) -> Revision { todo!() }
    /// Returns once the cache is at that revision or later.
    pub async fn wait_for(&self, revision: Revision, patience: Duration) -> Result<Revision, WaitError> { todo!() }
    /// Returns once the cache has every write that was acknowledged before this call.
    pub async fn fresh(&self, patience: Duration) -> Result<Revision, WaitError> { todo!() }
    pub fn get(&self, key: &str) -> Option<Arc<Object>> { todo!() }
    /// All objects whose keys have the prefix, in order of keys, and the revision of which this is true.
    pub fn list(&self, prefix: &str) -> (Revision, Vec<Arc<Object>>) { todo!() }
    /// As [`Cache::list`], from the key `start` (inclusive) on, at most `limit` (0: all); and how many are left after these.
    pub fn list_from(&self, prefix: &str, start: &str, limit: usize) -> (Revision, Vec<Arc<Object>>, usize) { todo!() }
    /// Events of keys with the prefix, which ends with `/` or is a whole key, after `from`; from now on if absent.
    /// A revision in the future is waited for.
    pub fn watch(&self, prefix: &str, from: Option<Revision>) -> Result<Watcher, TooOld> { todo!() }
}

/// A stream of events (`futures_util::Stream<Item = Result<Arc<WatchEvent>, Lagged>>`); ends after `Lagged`.
pub struct Watcher {}

impl Watcher {
    /// The next event.
    pub async fn next(&mut self) -> Result<Arc<WatchEvent>, Lagged> { todo!() }
    /// What is there to be read, without waiting: at most `limit` events.
    pub fn ready(&mut self, limit: usize) -> Result<Vec<Arc<WatchEvent>>, Lagged> { todo!() }
    /// For a bookmark: a revision up to which every event of the prefix has been handed out, if there is none left to hand out.
    pub fn caught_up(&self) -> Option<Revision> { todo!() }
}
