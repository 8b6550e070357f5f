//! How committed events reach the watches of a store whose history this process has.
//!
//! A watch pulls: it is woken when the last durable revision grows, and reads from the recent events, or from the
//! store's own history when it is further behind. So no watch is ever given a gap, and none makes a queue grow.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use futures_util::{StreamExt, stream};
use tokio::sync::watch;

use crate::{Change, Event, Revision, StoreError, Watch};

/// How many recent events are at hand, and how many bytes of values.
const RECENT_EVENTS: usize = 1024;
const RECENT_BYTES: usize = 4 << 20;
/// How many events a watch takes at a time.
const BATCH: usize = 256;

/// Where events are found that are no longer recent.
pub(crate) trait History: Send + Sync + 'static {
    /// At most `limit` events after a revision, in order, none missing; empty when there are none. May block.
    fn events_after(&self, from: Revision, limit: usize) -> Result<Vec<Event>, StoreError>;
    /// The feed of this store.
    fn feed(&self) -> &Feed;
}

/// The recent events and the last durable revision.
pub(crate) struct Feed {
    recent: RwLock<Recent>,
    last: watch::Sender<Revision>,
}

#[derive(Default)]
struct Recent {
    /// Of consecutive revisions.
    events: VecDeque<Event>,
    bytes: usize,
}

impl Feed {
    pub(crate) fn new(last: Revision) -> Self {
        Self { recent: RwLock::default(), last: watch::Sender::new(last) }
    }

    /// The last revision that is durable.
    pub(crate) fn last(&self) -> Revision {
        *self.last.borrow()
    }

    /// Tells watches of events that are durable, in order.
    pub(crate) fn publish(&self, events: Vec<Event>) {
        let Some(last) = events.last().map(|event| event.revision) else { return };
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            recent.bytes += bytes(&event);
            recent.events.push_back(event);
        }
        while recent.events.len() > RECENT_EVENTS || recent.bytes > RECENT_BYTES {
            let Some(event) = recent.events.pop_front() else { break };
            recent.bytes -= bytes(&event);
        }
        drop(recent);
        self.last.send_replace(last);
    }

    /// The recent events after a revision; nothing if they are not at hand.
    fn recent_after(&self, from: Revision) -> Option<VecDeque<Event>> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let skip = from.next().0.checked_sub(recent.events.front()?.revision.0)?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        Some(recent.events.iter().skip(skip).take(BATCH).cloned().collect())
    }
}

fn bytes(event: &Event) -> usize {
    let of = |change: &Change| match change {
        Change::Put(item) => item.value.len(),
        Change::Delete { .. } => 0,
    };
    event.changes.iter().map(of).sum()
}

/// A watch from a revision that is there.
///
/// It does not keep the store open: once the store is closed, the watch ends with [`StoreError::Unavailable`].
pub(crate) fn follow<H: History>(history: &Arc<H>, from: Revision) -> Watch {
    let last = history.feed().last.subscribe();
    let follower = Follower { history: Arc::downgrade(history), last, at: from, ready: VecDeque::new() };
    stream::unfold(Some(follower), |follower| async move {
        let mut follower = follower?;
        match follower.next().await {
            Ok(event) => Some((Ok(event), Some(follower))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

struct Follower<H> {
    history: Weak<H>,
    last: watch::Receiver<Revision>,
    /// The revision of the last event in `ready`, or the last that was handed out.
    at: Revision,
    ready: VecDeque<Event>,
}

impl<H: History> Follower<H> {
    async fn next(&mut self) -> Result<Event, StoreError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            if self.last.wait_for(|last| *last > self.at).await.is_err() {
                return Err(closed());
            }
            let history = self.history.upgrade().ok_or_else(closed)?;
            self.ready = match history.feed().recent_after(self.at) {
                Some(events) => events,
                None => past(history, self.at).await?,
            };
            if let Some(event) = self.ready.back() {
                self.at = event.revision;
            }
        }
    }
}

async fn past<H: History>(history: Arc<H>, from: Revision) -> Result<VecDeque<Event>, StoreError> {
    let read = tokio::task::spawn_blocking(move || history.events_after(from, BATCH));
    let events = read.await.map_err(|error| StoreError::unavailable("reading past events", error))??;
    if events.is_empty() {
        // The revision is there, or else we would not have been woken.
        return Err(StoreError::Corrupt { what: format!("there is no event after revision {from}") });
    }
    Ok(events.into())
}

fn closed() -> StoreError {
    StoreError::Unavailable { what: "it was closed".into(), source: None }
}
