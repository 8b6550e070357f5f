//! Keeps the cache as the store is.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use futures_util::StreamExt;
use guideway_store::{Change, Event, Range, Revision, Store, StoreError, limits};

use super::{Shared, State};
use crate::objects::Objects;
use crate::{Object, WatchEvent, WatchKind};

/// How many objects are read at a time.
const PAGE: usize = 500;
/// How many events are taken in at a time, if so many are there.
const BATCH: usize = 64;
/// How long to wait before the store is asked again: the first time, and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// All objects as they were so many revisions before `current`, or as far back as the store goes.
pub(super) async fn read_past(
    store: &dyn Store,
    current: Revision,
    past: u64,
) -> Result<(Revision, Objects), StoreError> {
    let mut at = Revision(current.0.saturating_sub(past).max(1));
    // The store may compact more while it is read.
    for _ in 0..2 {
        match read_all(store, Some(at)).await {
            Err(StoreError::Compacted { oldest }) => at = oldest,
            read => return read,
        }
    }
    read_all(store, None).await
}

/// All objects, all at one revision: the present one unless told.
pub(super) async fn read_all(
    store: &dyn Store,
    at: Option<Revision>,
) -> Result<(Revision, Objects), StoreError> {
    let mut objects = Objects::default();
    let mut range = Range { limit: PAGE, at, ..Range::prefix(limits::ROOT) };
    loop {
        let page = store.range(range.clone()).await?;
        range.at = Some(page.revision);
        for item in &page.items {
            objects.insert(Arc::new(Object::new(item)));
        }
        match page.items.last() {
            Some(last) if page.more => range.start = Some(format!("{}\0", last.key)),
            _ => return Ok((page.revision, objects)),
        }
    }
}

/// Follows the store for ever.
pub(super) async fn follow(store: Arc<dyn Store>, shared: Arc<Shared>) {
    let mut patience = PATIENCE.0;
    loop {
        let before = shared.read().revision;
        let end = follow_once(&*store, &shared).await;
        if shared.read().revision > before {
            patience = PATIENCE.0;
        }
        let end = match end {
            // What follows here cannot be joined to what we have: the store has forgotten it, or is one restored.
            StoreError::Compacted { .. } | StoreError::Future { .. } => match read_all(&*store, None).await {
                Ok((revision, objects)) => {
                    tracing::warn!(%revision, "the cache missed events of the store and has read everything anew");
                    shared.replace(revision, objects);
                    continue;
                }
                Err(error) => error,
            },
            other => other,
        };
        tracing::warn!(error = &end as &dyn std::error::Error, "the cache lost the store; trying again");
        tokio::time::sleep(patience).await;
        patience = (patience * 2).min(PATIENCE.1);
    }
}

/// Follows the store until that fails.
async fn follow_once(store: &dyn Store, shared: &Shared) -> StoreError {
    let from = shared.read().revision;
    let mut watch = match store.watch(from).await {
        Ok(watch) => watch.ready_chunks(BATCH),
        Err(error) => return error,
    };
    while let Some(batch) = watch.next().await {
        let (mut events, mut end) = (Vec::with_capacity(batch.len()), None);
        for item in batch {
            match item {
                Ok(event) => events.push(prepare(event)),
                Err(error) => end = Some(error),
            }
        }
        shared.apply(events);
        if let Some(error) = end {
            return error;
        }
    }
    StoreError::Unavailable { what: "its watch ended".into(), source: None }
}

/// An event with its objects made, which needs no lock.
struct Prepared {
    revision: Revision,
    changes: Vec<Result<Arc<Object>, guideway_store::Key>>,
}

fn prepare(event: Event) -> Prepared {
    let object = |change| match change {
        Change::Put(item) => Ok(Arc::new(Object::new(&item))),
        Change::Delete { key } => Err(key),
    };
    Prepared { revision: event.revision, changes: event.changes.into_iter().map(object).collect() }
}

impl Shared {
    fn apply(&self, events: Vec<Prepared>) {
        let mut wake = Vec::new();
        let mut state = self.write();
        for event in events {
            state.apply(event, &mut wake);
        }
        let revision = state.revision;
        drop(state);
        self.reached.send_replace(revision);
        wake.into_iter().for_each(Waker::wake);
    }

    fn replace(&self, revision: Revision, objects: Objects) {
        let mut wake = Vec::new();
        let mut state = self.write();
        let before = std::mem::replace(&mut state.objects, objects);
        state.revision = revision;
        state.log.reset(revision, &mut wake);
        drop(state);
        drop(before);
        self.reached.send_replace(revision);
        wake.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn apply(&mut self, event: Prepared, wake: &mut Vec<Waker>) {
        let revision = event.revision;
        for change in event.changes {
            let event = match change {
                Ok(object) => {
                    let previous = self.objects.insert(object.clone());
                    let kind = if previous.is_some() { WatchKind::Modified } else { WatchKind::Added };
                    WatchEvent { kind, object, previous, revision }
                }
                Err(key) => {
                    let Some(previous) = self.objects.remove(&key) else { continue };
                    let object = Arc::new(previous.at(revision));
                    WatchEvent { kind: WatchKind::Deleted, object, previous: Some(previous), revision }
                }
            };
            self.log.push(Arc::new(event), wake);
        }
        self.revision = revision;
    }
}
