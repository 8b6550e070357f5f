//! What sets were before, for forwarders that come later.
//!
//! Flows on backends of earlier tables are looked after for a drain window. A forwarder that joins within it, or that was
//! rebooted, has never had these tables, and is told from which sets they are made.
//!
//! What is told is what this leader has committed itself, since it leads. Another leader begins anew: a forwarder that joins
//! after it took office, within a drain window of a change before that, does not learn of that change.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use guideway_controller_core::message::{MAX_PAST_SETS, PastSet, ToForwarder};
use guideway_controller_core::{Changes, Content, ForwarderName, SetName, Term};
use guideway_dataplane_config::BackendSet;

use super::Coordinator;
use crate::record::Stamp;

/// Earlier states of one set. A slot has three candidates; which of them, and which slots wait for a place, follows from what
/// came before.
const MAX_OF_SET: usize = 32;
/// How old a list may be that is told: so many forwarders that come together are told the same one.
const FRESH: Duration = Duration::from_secs(1);

/// What sets were before.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// By the order in which they were replaced.
    entries: BTreeMap<u64, Entry>,
    /// Which of them are of a set, oldest first.
    of_set: BTreeMap<SetName, VecDeque<u64>>,
    next: u64,
    /// Another one whenever something comes or is taken back; not when something is only old enough.
    version: u64,
    list: Option<List>,
}

/// A set as it was.
#[derive(Debug)]
struct Entry {
    name: SetName,
    set: Arc<BackendSet>,
    /// When the next one took its place.
    at: Instant,
    /// Until when its flows are looked after.
    until: Option<Instant>,
}

/// What is told.
#[derive(Debug)]
struct List {
    at: Instant,
    sets: Arc<Vec<PastSet>>,
}

/// What a forwarder was told on its connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToldPast {
    version: u64,
    /// There was nothing to tell.
    is_empty: bool,
}

impl Past {
    /// Something is committed that makes these changes of `old`.
    fn note(&mut self, old: &Content, changes: &Changes, now: Instant) {
        self.expire(now);
        if changes.seed.is_some() {
            // By another key all slots are others.
            self.forget_all();
            return;
        }
        for name in &changes.removed_sets {
            self.forget(name.as_str());
        }
        for new in &changes.sets {
            match old.sets().get_key_value(&*new.name) {
                Some((name, old)) if new.second_hop && old.table_size == new.table_size => {
                    if old.backends != new.backends {
                        self.push(name, old, new.drain_window, now);
                    }
                }
                // Nothing of what it was helps anybody to find a flow, now or when it has a second hop again.
                _ => self.forget(&new.name),
            }
        }
    }

    /// A set was this until now. Its flows are looked after for as long as the one that takes its place says.
    fn push(&mut self, name: &SetName, set: &Arc<BackendSet>, window: Duration, now: Instant) {
        let order = self.next;
        self.next += 1;
        let entry =
            Entry { name: name.clone(), set: Arc::clone(set), at: now, until: now.checked_add(window) };
        self.entries.insert(order, entry);
        let of_set = self.of_set.entry(name.clone()).or_default();
        of_set.push_back(order);
        if of_set.len() > MAX_OF_SET
            && let Some(oldest) = of_set.front().copied()
        {
            self.remove(oldest);
        }
        if self.entries.len() > MAX_PAST_SETS
            && let Some(oldest) = self.entries.keys().next().copied()
        {
            self.remove(oldest);
        }
        self.changed();
    }

    fn forget(&mut self, name: &str) {
        if let Some(orders) = self.of_set.remove(name) {
            for order in orders {
                self.entries.remove(&order);
            }
            self.changed();
        }
    }

    pub(super) fn forget_all(&mut self) {
        if !self.entries.is_empty() {
            self.entries.clear();
            self.of_set.clear();
            self.changed();
        }
    }

    fn expire(&mut self, now: Instant) {
        let is_over = |entry: &Entry| entry.until.is_some_and(|until| until <= now);
        let over = self.entries.iter().filter(|(_, entry)| is_over(entry));
        let over: Vec<u64> = over.map(|(order, _)| *order).collect();
        for order in over {
            self.remove(order);
            self.list = None;
        }
    }

    fn remove(&mut self, order: u64) {
        let Some(Entry { name, .. }) = self.entries.remove(&order) else { return };
        if let Some(of_set) = self.of_set.get_mut(&name) {
            of_set.retain(|other| *other != order);
            if of_set.is_empty() {
                self.of_set.remove(&name);
            }
        }
    }

    fn changed(&mut self) {
        self.version += 1;
        self.list = None;
    }

    /// What is to be told.
    fn list(&mut self, now: Instant) -> Arc<Vec<PastSet>> {
        let is_fresh = |list: &&List| now.saturating_duration_since(list.at) < FRESH;
        if let Some(list) = self.list.as_ref().filter(is_fresh) {
            return Arc::clone(&list.sets);
        }
        self.expire(now);
        let past = |entry: &Entry| PastSet {
            set: Arc::clone(&entry.set),
            ago: now.saturating_duration_since(entry.at),
        };
        let sets: Arc<Vec<PastSet>> = Arc::new(self.entries.values().map(past).collect());
        self.list = Some(List { at: now, sets: Arc::clone(&sets) });
        sets
    }
}

impl Coordinator {
    /// `content` is committed in place of what was committed before.
    pub(super) fn note_past(&mut self, before: Option<Stamp>, content: &Content, now: Instant) {
        match before.and_then(|before| self.contents.of(before.digest)).cloned() {
            Some(before) => {
                // It is at hand: most forwarders were sent it.
                let delta = self.contents.delta(Some(&before), content);
                self.past.note(&before, &delta.changes, now);
            }
            // What has changed is unknown; the seed may have.
            None => self.past.forget_all(),
        }
    }

    /// Once for each connection, before anything else that leads to an installation. A connection that only broke needs
    /// nothing of it, and takes no harm.
    pub(super) fn tell_past(&mut self, name: &ForwarderName, term: Term, now: Instant) {
        if self.peers.get(name).is_some_and(|peer| peer.past.is_none()) {
            self.say_past(name, term, now);
        }
    }

    /// Before it is asked to prepare or to install something: one that has installed nothing has to know, too, what was
    /// committed and replaced since it was told.
    pub(super) fn tell_past_again(&mut self, name: &ForwarderName, term: Term, now: Instant) {
        let Some(peer) = self.peers.get(name).filter(|peer| peer.installed().is_none()) else { return };
        if peer.past.is_none_or(|told| told.version != self.past.version) {
            self.say_past(name, term, now);
        }
    }

    /// That there is nothing is said once: a forwarder may wait for it before it announces anything.
    fn say_past(&mut self, name: &ForwarderName, term: Term, now: Instant) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        let sets = self.past.list(now);
        let told = ToldPast { version: self.past.version, is_empty: sets.is_empty() };
        let before = peer.past.replace(told);
        if !told.is_empty || before.is_none_or(|before| !before.is_empty) {
            self.send(name, ToForwarder::Past { term, sets });
        }
    }
}

#[cfg(test)]
mod tests;
