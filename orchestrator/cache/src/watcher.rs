//! Reads the events of a prefix.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use guideway_store::{Key, Revision};

use crate::cache::Shared;
use crate::log::{Group, Place};
use crate::{Lagged, WatchEvent};

/// How many events a watcher takes at a time, so that many of them do not fight for a lock.
const TAKE: usize = 32;

/// The events of a prefix, in order, without gap or duplicate. A stream that ends after [`Lagged`].
pub struct Watcher {
    shared: Arc<Shared>,
    group: Arc<Group>,
    prefix: Key,
    /// The number of the next event to take.
    place: u64,
    /// Events up to it are not wanted; it may be in the future.
    after: Revision,
    taken: VecDeque<Arc<WatchEvent>>,
    lagged: bool,
    /// Where it waits to be woken.
    waits: Option<Place>,
}

impl Watcher {
    pub(crate) fn new(
        shared: Arc<Shared>,
        group: Arc<Group>,
        prefix: Key,
        place: u64,
        after: Revision,
    ) -> Self {
        Self { shared, group, prefix, place, after, taken: VecDeque::new(), lagged: false, waits: None }
    }

    /// The next event.
    ///
    /// # Errors
    /// [`Lagged`], from then on.
    pub async fn next(&mut self) -> Result<Arc<WatchEvent>, Lagged> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// What is there to be read, without waiting: at most `limit` events.
    ///
    /// # Errors
    /// [`Lagged`], from then on.
    pub fn ready(&mut self, limit: usize) -> Result<Vec<Arc<WatchEvent>>, Lagged> {
        let mut events = Vec::new();
        while events.len() < limit {
            match self.taken.pop_front() {
                Some(event) => events.push(event),
                None => match self.take(None) {
                    Ok(true) => {}
                    Ok(false) => break,
                    // They are right nevertheless; the next call tells.
                    Err(Lagged) if !events.is_empty() => break,
                    Err(Lagged) => return Err(Lagged),
                },
            }
        }
        Ok(events)
    }

    /// For a bookmark: a revision up to which every event of the prefix has been handed out; none while one is left, or
    /// while the cache is before the revision that was asked for.
    #[must_use]
    pub fn caught_up(&self) -> Option<Revision> {
        // In this order: events are on the shelf before the cache is at their revision.
        let revision = self.shared.revision();
        let all = self.taken.is_empty() && !self.lagged && self.place == self.group.lock().end();
        (all && revision >= self.after).then_some(revision)
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Result<Arc<WatchEvent>, Lagged>> {
        loop {
            if let Some(event) = self.taken.pop_front() {
                return Poll::Ready(Ok(event));
            }
            match self.take(Some(context)) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(Lagged) => return Poll::Ready(Err(Lagged)),
            }
        }
    }

    /// Takes some events, or leaves word to be woken; says whether it took any.
    fn take(&mut self, context: Option<&mut Context<'_>>) -> Result<bool, Lagged> {
        if self.lagged {
            return Err(Lagged);
        }
        let mut shelf = self.group.lock();
        let mut took = false;
        match shelf.from(self.place, self.after) {
            Some((place, events)) => {
                self.place = place;
                for event in events.take(TAKE) {
                    self.place += 1;
                    took = true;
                    if event.revision > self.after {
                        self.taken.push_back(event.clone());
                    }
                }
            }
            None => {
                self.lagged = true;
                return Err(Lagged);
            }
        }
        if !took && let Some(context) = context {
            shelf.wait(&mut self.waits, context.waker());
        }
        Ok(took)
    }
}

impl Stream for Watcher {
    type Item = Result<Arc<WatchEvent>, Lagged>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let watcher = self.get_mut();
        if watcher.lagged {
            return Poll::Ready(None);
        }
        watcher.poll_event(context).map(Some)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.leave(&self.prefix, &self.group, self.waits);
    }
}
