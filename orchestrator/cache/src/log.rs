//! The recent events, and where those who watch a prefix find them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use guideway_store::{Key, Revision};

use crate::{Limits, TooOld, WatchEvent};

/// The recent events of all keys, in order.
pub(crate) struct Log {
    limits: Limits,
    events: VecDeque<Arc<WatchEvent>>,
    bytes: usize,
    /// Every event after it is here.
    oldest: Revision,
    groups: HashMap<Key, Arc<Group>>,
}

/// Those who watch one prefix, and the recent events of that prefix: of all that the log has, these.
pub(crate) struct Group(Mutex<Shelf>);

/// What a group has, numbered from when it was made on.
#[derive(Default)]
pub(crate) struct Shelf {
    events: VecDeque<Arc<WatchEvent>>,
    /// The number of the first event, or of the next one if there is none.
    first: u64,
    /// The revision of the last event that is gone; beyond all when those who had their place here must begin anew.
    gone: Revision,
    watchers: usize,
    waiting: Waiting,
}

/// Who is to be woken with the next event.
#[derive(Default)]
struct Waiting {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// How often all have been woken: what was left before that is void.
    round: u64,
}

/// Where a watcher has left word.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    round: u64,
    at: usize,
}

impl Log {
    pub(crate) fn new(limits: Limits, oldest: Revision) -> Self {
        Self { limits, events: VecDeque::new(), bytes: 0, oldest, groups: HashMap::new() }
    }

    pub(crate) fn oldest(&self) -> Revision {
        self.oldest
    }

    /// Adds an event; who is to be woken for it is added to `wake`.
    pub(crate) fn push(&mut self, event: Arc<WatchEvent>, wake: &mut Vec<Waker>) {
        for group in self.groups_of(&event.object.key) {
            let mut shelf = group.lock();
            shelf.events.push_back(event.clone());
            shelf.waiting.take(wake);
        }
        self.bytes += event.object.size();
        self.events.push_back(event);
        while self.events.len() > self.limits.events || self.bytes > self.limits.event_bytes {
            let Some(event) = self.events.pop_front() else { break };
            self.bytes -= event.object.size();
            self.oldest = event.revision;
            for group in self.groups_of(&event.object.key) {
                let mut shelf = group.lock();
                // A group has all that the log has of its prefix: this is its first.
                shelf.events.pop_front();
                shelf.first += 1;
                shelf.gone = shelf.gone.max(event.revision);
            }
        }
    }

    /// Forgets everything: what follows does not continue what was.
    pub(crate) fn reset(&mut self, oldest: Revision, wake: &mut Vec<Waker>) {
        self.events.clear();
        self.bytes = 0;
        self.oldest = oldest;
        for group in self.groups.values() {
            let mut shelf = group.lock();
            // Nobody's place is behind this.
            shelf.first = shelf.end() + 1;
            shelf.gone = Revision(u64::MAX);
            shelf.events.clear();
            shelf.waiting.take(wake);
        }
    }

    /// A new watcher's group, and the number of the first event after a revision.
    pub(crate) fn join(&mut self, prefix: &str, from: Revision) -> Result<(Arc<Group>, u64), TooOld> {
        if from < self.oldest {
            return Err(TooOld { oldest: self.oldest });
        }
        let group = match self.groups.get(prefix) {
            Some(group) => group.clone(),
            None => {
                let covers =
                    |event: &&Arc<WatchEvent>| prefixes(&event.object.key).any(|part| part == prefix);
                let events = self.events.iter().filter(covers).cloned().collect();
                let group = Arc::new(Group(Mutex::new(Shelf { events, ..Shelf::default() })));
                self.groups.insert(prefix.into(), group.clone());
                group
            }
        };
        let mut shelf = group.lock();
        shelf.watchers += 1;
        let place = shelf.first + shelf.events.partition_point(|event| event.revision <= from) as u64;
        drop(shelf);
        Ok((group, place))
    }

    pub(crate) fn leave(&mut self, prefix: &str, group: &Group, place: Option<Place>) {
        let mut shelf = group.lock();
        shelf.forget(place);
        shelf.watchers -= 1;
        if shelf.watchers == 0 {
            self.groups.remove(prefix);
        }
    }

    fn groups_of(&self, key: &str) -> impl Iterator<Item = &Arc<Group>> {
        prefixes(key).filter_map(|prefix| self.groups.get(prefix))
    }
}

impl Group {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// The number of the next event to come.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// The events from a place on, and the place of the first of them; none if some are gone that are after a
    /// revision.
    pub(crate) fn from(
        &self,
        place: u64,
        after: Revision,
    ) -> Option<(u64, impl Iterator<Item = &Arc<WatchEvent>>)> {
        if place < self.first && self.gone > after {
            return None;
        }
        let place = place.max(self.first);
        let skip = usize::try_from(place - self.first).ok()?;
        Some((place, self.events.range(skip.min(self.events.len())..)))
    }

    /// Has somebody woken with the next event; `place` is where word was left before, and is now.
    pub(crate) fn wait(&mut self, place: &mut Option<Place>, waker: &Waker) {
        let waiting = &mut self.waiting;
        let known = place.filter(|place| place.round == waiting.round).map(|place| place.at);
        let at = known.or_else(|| waiting.free.pop()).unwrap_or_else(|| {
            waiting.wakers.push(None);
            waiting.wakers.len() - 1
        });
        if let Some(word) = waiting.wakers.get_mut(at) {
            *word = Some(waker.clone());
        }
        *place = Some(Place { round: waiting.round, at });
    }

    /// Takes word back.
    fn forget(&mut self, place: Option<Place>) {
        let Some(place) = place.filter(|place| place.round == self.waiting.round) else { return };
        if let Some(word) = self.waiting.wakers.get_mut(place.at) {
            *word = None;
            self.waiting.free.push(place.at);
        }
    }
}

impl Waiting {
    fn take(&mut self, wake: &mut Vec<Waker>) {
        wake.extend(self.wakers.drain(..).flatten());
        self.free.clear();
        self.round += 1;
    }
}

/// What can be watched to see a key: each of its parts up to a slash, and itself.
fn prefixes(key: &str) -> impl Iterator<Item = &str> {
    key.match_indices('/').map(|(at, _)| &key[..=at]).chain([key])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_of_a_key() {
        let all: Vec<_> = prefixes("/registry/core/pods/a/b").collect();
        let expected = [
            "/",
            "/registry/",
            "/registry/core/",
            "/registry/core/pods/",
            "/registry/core/pods/a/",
            "/registry/core/pods/a/b",
        ];
        assert_eq!(all, expected);
    }
}
