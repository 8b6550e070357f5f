//! The cache.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use guideway_store::{Revision, Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::log::{Group, Log, Place};
use crate::objects::{Objects, Part};
use crate::{Object, TooOld, Watcher};

mod follow;

/// How much of the past a cache keeps: whatever of it is reached first.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// No more events than this.
    pub events: usize,
    /// No more than this in the objects of those events, in bytes.
    pub event_bytes: usize,
    /// How many revisions before the present one the cache begins, if the store still has them: those who watched before a
    /// restart go on where they were.
    pub past: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events: 10_000, event_bytes: 16 << 20, past: 2_000 }
    }
}

/// How long a new cache may take to come to the present.
const CATCH_UP: Duration = Duration::from_secs(30);

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

/// All objects of a store and their recent events. See the crate's documentation.
pub struct Cache {
    store: Arc<dyn Store>,
    shared: Arc<Shared>,
    follower: JoinHandle<()>,
}

/// What the cache, its follower and its watchers share.
pub(crate) struct Shared {
    state: RwLock<State>,
    /// [`State::revision`], told after the state is there to be read.
    reached: watch::Sender<Revision>,
}

struct State {
    revision: Revision,
    objects: Objects,
    log: Log,
}

impl Cache {
    /// Reads everything as it was [`Limits::past`] revisions ago, catches up, then follows the store until the cache is
    /// dropped.
    ///
    /// When the store's watch fails, the cache goes on from where it was, once it can; if the store has compacted that
    /// away, it reads everything anew and ends all watchers with [`crate::Lagged`].
    ///
    /// # Errors
    /// Why the store could not be read or followed.
    pub async fn start(store: Arc<dyn Store>, limits: Limits) -> Result<Arc<Self>, StoreError> {
        let current = store.revision().await?;
        let (revision, objects) = follow::read_past(&*store, current, limits.past).await?;
        let state = State { revision, objects, log: Log::new(limits, revision) };
        let reached = watch::Sender::new(revision);
        let shared = Arc::new(Shared { state: RwLock::new(state), reached });
        let follower = tokio::spawn(follow::follow(store.clone(), shared.clone()));
        let cache = Arc::new(Self { store, shared, follower });
        cache.wait_for(current, CATCH_UP).await.map_err(|error| StoreError::Unavailable {
            what: "the cache cannot follow it".into(),
            source: Some(Box::new(error)),
        })?;
        Ok(cache)
    }

    /// Where the cache is.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.shared.revision()
    }

    /// The oldest revision that a watch can begin after.
    #[must_use]
    pub fn oldest(&self) -> Revision {
        self.shared.read().log.oldest()
    }

    /// Returns once the cache is at that revision or later, with where it is.
    ///
    /// # Errors
    /// [`WaitError::Timeout`] after `patience`.
    pub async fn wait_for(&self, revision: Revision, patience: Duration) -> Result<Revision, WaitError> {
        let current = self.revision();
        if current >= revision {
            return Ok(current);
        }
        let mut reached = self.shared.reached.subscribe();
        let wait = reached.wait_for(|reached| *reached >= revision);
        match tokio::time::timeout(patience, wait).await {
            Ok(Ok(reached)) => Ok(*reached),
            _ => Err(WaitError::Timeout { current: self.revision() }),
        }
    }

    /// Returns once the cache has every write that was acknowledged before this call, with where it is.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub async fn fresh(&self, patience: Duration) -> Result<Revision, WaitError> {
        let revision = self.store.revision().await.map_err(WaitError::Store)?;
        self.wait_for(revision, patience).await
    }

    /// The object with a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.shared.read().objects.get(key)
    }

    /// All objects whose keys have the prefix, in order of keys, and the revision of which this is true.
    #[must_use]
    pub fn list(&self, prefix: &str) -> (Revision, Vec<Arc<Object>>) {
        let (revision, part) = self.part(prefix, "");
        (revision, part.iter().cloned().collect())
    }

    /// As [`Cache::list`], from the key `start` (inclusive) on, at most `limit` (0: all); and how many are left after
    /// these.
    #[must_use]
    pub fn list_from(&self, prefix: &str, start: &str, limit: usize) -> (Revision, Vec<Arc<Object>>, usize) {
        let (revision, part) = self.part(prefix, start);
        let mut objects = part.iter();
        let limit = if limit == 0 { usize::MAX } else { limit };
        let page = objects.by_ref().take(limit).cloned().collect();
        (revision, page, objects.count())
    }

    /// Events after `from` (from now on, if absent) of keys with the prefix, which ends with `/` or is a whole key.
    ///
    /// A revision in the future is waited for: events up to it are not told.
    ///
    /// # Errors
    /// [`TooOld`] if events after `from` have been forgotten.
    pub fn watch(&self, prefix: &str, from: Option<Revision>) -> Result<Watcher, TooOld> {
        let mut state = self.shared.write();
        let from = from.unwrap_or(state.revision);
        let (group, place) = state.log.join(prefix, from)?;
        drop(state);
        Ok(Watcher::new(self.shared.clone(), group, prefix.into(), place, from))
    }

    fn part(&self, prefix: &str, start: &str) -> (Revision, Part) {
        let state = self.shared.read();
        (state.revision, state.objects.part(prefix, start))
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl Shared {
    pub(crate) fn revision(&self) -> Revision {
        *self.reached.borrow()
    }

    pub(crate) fn leave(&self, prefix: &str, group: &Group, place: Option<Place>) {
        self.write().log.leave(prefix, group, place);
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
