//! A store in memory, for tests: the plainest way to keep history, which the others are compared with.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::feed::{Feed, History, follow};
use crate::{
    Change, Event, Key, KeyValue, Page, Range, Revision, Store, StoreError, Txn, TxnOutcome, Watch, Write,
    backup, limits,
};

/// Keeps nothing when it is dropped.
pub struct MemoryStore(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    feed: Feed,
}

struct State {
    revision: Revision,
    oldest: Revision,
    /// All versions of each key that can still be read, oldest first.
    versions: BTreeMap<Key, Vec<Version>>,
    /// The events after `oldest`.
    events: VecDeque<Event>,
}

struct Version {
    created: Revision,
    modified: Revision,
    /// Absent when this is the key's deletion.
    value: Option<Bytes>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            revision: Revision::FIRST,
            oldest: Revision::FIRST,
            versions: BTreeMap::new(),
            events: VecDeque::new(),
        };
        Self(Arc::new(Shared { state: Mutex::new(state), feed: Feed::new(Revision::FIRST) }))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn txn_ops(&self) -> usize {
        limits::EMBEDDED_TXN_OPS
    }

    async fn txn(&self, txn: Txn) -> Result<TxnOutcome, StoreError> {
        limits::check(&txn, self.txn_ops())?;
        let mut state = self.0.lock();
        if let Some(refused) = state.refusal(&txn) {
            return Ok(refused);
        }
        if !txn.writes.is_empty() {
            let event = state.apply(txn.writes);
            state.events.push_back(event.clone());
            self.0.feed.publish(vec![event]);
        }
        Ok(TxnOutcome::Committed(state.revision))
    }

    async fn range(&self, range: Range) -> Result<Page, StoreError> {
        let state = self.0.lock();
        let at = state.readable(range.at.unwrap_or(state.revision))?;
        let mut page = Page { items: Vec::new(), revision: at, more: false, count: 0 };
        for (key, versions) in
            state.versions.range::<str, _>((Bound::Included(range.first()), Bound::Unbounded))
        {
            if !key.starts_with(&range.prefix) {
                break;
            }
            let Some(item) = find(key, versions, at) else { continue };
            page.count += 1;
            if range.limit == 0 || page.items.len() < range.limit {
                page.items.push(item);
            } else {
                page.more = true;
            }
        }
        Ok(page)
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        Ok(self.0.lock().revision)
    }

    async fn watch(&self, from: Revision) -> Result<Watch, StoreError> {
        self.0.lock().readable(from)?;
        Ok(follow(&self.0, from))
    }

    async fn compact(&self, to: Revision) -> Result<(), StoreError> {
        let mut state = self.0.lock();
        if to > state.revision {
            return Err(StoreError::Future { current: state.revision });
        }
        if to <= state.oldest {
            return Ok(());
        }
        state.oldest = to;
        state.events.retain(|event| event.revision > to);
        state.versions.retain(|_, versions| {
            let kept = versions.iter().rposition(|version| version.modified <= to).unwrap_or(0);
            versions.drain(..kept);
            versions.iter().any(|version| version.value.is_some() || version.modified > to)
        });
        Ok(())
    }

    async fn defragment(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn backup(&self, path: &Path) -> Result<Revision, StoreError> {
        backup::write_pages(self, path).await
    }
}

impl State {
    fn readable(&self, at: Revision) -> Result<Revision, StoreError> {
        if at < self.oldest {
            return Err(StoreError::Compacted { oldest: self.oldest });
        }
        if at > self.revision {
            return Err(StoreError::Future { current: self.revision });
        }
        Ok(at)
    }

    fn current(&self, key: &Key) -> Option<KeyValue> {
        find(key, self.versions.get(key)?, self.revision)
    }

    fn refusal(&self, txn: &Txn) -> Option<TxnOutcome> {
        let (mut failed, mut current) = (Vec::new(), Vec::new());
        for (index, (key, expect)) in txn.expect.iter().enumerate() {
            let item = self.current(key);
            if !expect.holds(item.as_ref().map(|item| item.modified)) {
                failed.push(index);
                current.push(item);
            }
        }
        (!failed.is_empty()).then_some(TxnOutcome::Refused { failed, current, revision: self.revision })
    }

    fn apply(&mut self, writes: Vec<Write>) -> Event {
        self.revision = self.revision.next();
        let revision = self.revision;
        let mut changes = Vec::with_capacity(writes.len());
        for write in writes {
            let current = self.current(write.key());
            let key = write.key().clone();
            let created = current.as_ref().map_or(revision, |item| item.created);
            let value = match write {
                Write::Put { value, .. } => Some(value),
                Write::Delete { .. } if current.is_none() => continue,
                Write::Delete { .. } => None,
            };
            changes.push(match value.clone() {
                Some(value) => Change::Put(KeyValue { key: key.clone(), value, created, modified: revision }),
                None => Change::Delete { key: key.clone() },
            });
            self.versions.entry(key).or_default().push(Version { created, modified: revision, value });
        }
        changes.sort_by(|a, b| a.key().cmp(b.key()));
        Event { revision, changes }
    }
}

fn find(key: &Key, versions: &[Version], at: Revision) -> Option<KeyValue> {
    let version = versions.iter().rev().find(|version| version.modified <= at)?;
    let value = version.value.clone()?;
    Some(KeyValue { key: key.clone(), value, created: version.created, modified: version.modified })
}

impl History for Shared {
    fn events_after(&self, from: Revision, limit: usize) -> Result<Vec<Event>, StoreError> {
        let state = self.lock();
        state.readable(from)?;
        Ok(state.events.iter().filter(|event| event.revision > from).take(limit).cloned().collect())
    }

    fn feed(&self) -> &Feed {
        &self.feed
    }
}
