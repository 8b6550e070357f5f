//! What sets were before, for forwarders that come later.
//!
//! Flows on backends of earlier tables are looked after for a drain window. A forwarder that joins within it, or that was
//! rebooted, has never had these tables, and is told from which sets they are made.
//!
//! What is told is what was committed, by this leader or before it (`recollection.rs`), and which backends forwarders took
//! for dead since it leads.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use guideway_controller_core::message::{MAX_PAST_SETS, PastSet, Report, ToForwarder};
use guideway_controller_core::{Changes, Content, ForwarderName, SetName, Term, Vip};
use guideway_dataplane_config::{BackendSet, Seed};

use super::Coordinator;
use crate::record::Stamp;

/// Earlier states of one set. A slot has four candidates; which of them, and which slots wait for a place, follows from what
/// came before.
const MAX_OF_SET: usize = 32;
/// Drain windows for which it counts: a slot with four candidates may keep its backend until a window ends, and then moves,
/// and is looked after for another one.
pub(super) const WINDOWS: u32 = 3;
/// How old a list may be that is told: so many forwarders that come together are told the same one.
const FRESH: Duration = Duration::from_secs(1);

/// What sets were before.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// By the order in which they were noted: of each set, that in which they were replaced.
    entries: BTreeMap<u64, Entry>,
    /// Which of them are of a set, oldest first.
    of_set: BTreeMap<SetName, VecDeque<u64>>,
    /// Backends that at least one forwarder takes for dead, by name; of sets that have any.
    unhealthy: BTreeMap<SetName, BTreeSet<String>>,
    next: u64,
    /// Another one whenever something comes or is taken back; not when something is only old enough.
    version: u64,
    list: Option<List>,
}

/// A set as it was.
#[derive(Debug)]
struct Entry {
    name: SetName,
    was: Was,
    /// When the next one took its place.
    at: Instant,
    /// Until when its flows are looked after.
    until: Option<Instant>,
}

/// What decides about the table of a set.
#[derive(Clone, Debug)]
struct Was {
    set: Arc<BackendSet>,
    /// Places of dead backends in it, ascending.
    unhealthy: Vec<u32>,
    seed: Seed,
}

impl Was {
    /// Whether nothing is different; sets are compared by where they are, which is the same until they are changed.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.set, &other.set) && self.unhealthy == other.unhealthy && self.seed == other.seed
    }

    /// The same as if it were the set of this name.
    fn called(&self, name: &SetName) -> Self {
        let set = BackendSet { name: name.as_str().to_owned(), ..(*self.set).clone() };
        Self { set: Arc::new(set), unhealthy: self.unhealthy.clone(), seed: self.seed }
    }
}

/// What a set is told to have been, because VIPs of it had another set then.
struct Brought {
    to: SetName,
    was: Was,
    at: Instant,
    until: Option<Instant>,
}

/// Whether flows of the one are flows of the other.
fn is_dialled_alike(one: &Vip, other: &Vip) -> bool {
    (&one.address, &one.ports, one.protocol) == (&other.address, &other.ports, other.protocol)
}

/// Until when flows are looked after.
fn after(now: Instant, window: Duration) -> Option<Instant> {
    now.checked_add(window.saturating_mul(WINDOWS))
}

/// By the same seed and with the same backends alive.
fn has_same_table(one: &BackendSet, other: &BackendSet) -> bool {
    one.table_size == other.table_size && one.backends == other.backends
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
    /// `new` is committed, which makes these changes of `old`.
    pub(super) fn note(&mut self, old: &Content, new: &Content, changes: &Changes, now: Instant) {
        self.expire(now);
        let brought = self.brought(old, new, changes, now);
        for name in &changes.removed_sets {
            self.forget(name.as_str());
        }
        // By another seed all tables are others.
        let all = new.sets().values().filter(|_| changes.seed.is_some());
        let changed = changes.sets.iter().filter(|_| changes.seed.is_none());
        for new in all.chain(changed) {
            match old.sets().get_key_value(&*new.name) {
                Some((name, before)) if new.second_hop => {
                    if changes.seed.is_some() || !has_same_table(before, new) {
                        self.push(name, self.was(name, before, old.seed()), new.drain_window, now);
                    }
                }
                // Nothing of what it was helps anybody to find a flow.
                _ => self.forget(&new.name),
            }
        }
        for Brought { to, was, at, until } in brought {
            self.push_at(&to, was, at, until);
        }
    }

    /// What sets were for the VIPs that go to another set, as if that had been it. One that is new takes over the past of the set
    /// that most of its VIPs come from.
    fn brought(&self, old: &Content, new: &Content, changes: &Changes, now: Instant) -> Vec<Brought> {
        let mut moves: BTreeMap<&SetName, BTreeMap<&SetName, usize>> = BTreeMap::new();
        for vip in &changes.vips {
            let before = old.vips().get(&vip.name).filter(|before| is_dialled_alike(before, vip));
            if let Some(before) = before.filter(|before| before.set != vip.set) {
                *moves.entry(&vip.set).or_default().entry(&before.set).or_default() += 1;
            }
        }
        let mut brought = Vec::new();
        for (to, origins) in moves {
            let Some(set) = new.sets().get(to).filter(|set| set.second_hop) else { continue };
            let mut origins: Vec<(usize, &SetName)> =
                origins.into_iter().map(|(name, vips)| (vips, name)).collect();
            // The one that most come from is the latest.
            origins.sort_unstable();
            let most = origins.last().filter(|_| !old.sets().contains_key(to)).map(|(_, name)| *name);
            let known = most.and_then(|name| self.of_set.get(name)).into_iter().flatten();
            brought.extend(known.filter_map(|order| self.entries.get(order)).map(|entry| Brought {
                to: to.clone(),
                was: entry.was.called(to),
                at: entry.at,
                until: entry.until,
            }));
            for (_, name) in origins {
                let Some(before) = old.sets().get(name).filter(|before| before.second_hop) else { continue };
                if changes.seed.is_some() || !has_same_table(before, set) {
                    let was = self.was(name, before, old.seed()).called(to);
                    let until = after(now, set.drain_window);
                    brought.push(Brought { to: to.clone(), was, at: now, until });
                }
            }
        }
        brought
    }

    /// Forwarders may take other backends of a set for dead than before. `is_behind`: some serve what was before
    /// `committed`.
    fn note_health(
        &mut self,
        name: &SetName,
        unhealthy: BTreeSet<String>,
        committed: Option<&Content>,
        is_behind: bool,
        now: Instant,
    ) {
        if self.unhealthy.get(name).map_or(unhealthy.is_empty(), |known| *known == unhealthy) {
            return;
        }
        self.changed();
        let present = committed.and_then(|content| Some((content.sets().get(name)?, content.seed())));
        let present = present.filter(|(set, _)| set.second_hop);
        let before = present.map(|(set, seed)| self.was(name, set, seed));
        if unhealthy.is_empty() {
            self.unhealthy.remove(name);
        } else {
            self.unhealthy.insert(name.clone(), unhealthy);
        }
        let (Some((set, _)), Some(before)) = (present, before) else { return };
        let replaced = self.replaced_set(name, set).filter(|_| is_behind);
        let behind = replaced.map(|(set, seed)| self.was(name, &set, &seed));
        self.push(name, before, set.drain_window, now);
        if let Some(behind) = behind {
            self.push(name, behind, set.drain_window, now);
        }
    }

    /// What a set was before it was `present`, and by which seed.
    fn replaced_set(&self, name: &SetName, present: &Arc<BackendSet>) -> Option<(Arc<BackendSet>, Seed)> {
        let entries = self.of_set.get(name)?.iter().rev().filter_map(|order| self.entries.get(order));
        let mut others = entries.map(|entry| &entry.was).filter(|was| !has_same_table(&was.set, present));
        others.next().map(|was| (Arc::clone(&was.set), was.seed))
    }

    /// A set as it is, with what is known of its backends.
    fn was(&self, name: &SetName, set: &Arc<BackendSet>, seed: &Seed) -> Was {
        let dead = self.unhealthy.get(name);
        let is_dead = |name: &str| dead.is_some_and(|dead| dead.contains(name));
        let places = (0..).zip(&*set.backends).filter(|(_, backend)| is_dead(&backend.name));
        Was { set: Arc::clone(set), unhealthy: places.map(|(place, _)| place).collect(), seed: *seed }
    }

    /// A set was this until now. Its flows are looked after for `window`, as the one that takes its place says.
    fn push(&mut self, name: &SetName, was: Was, window: Duration, now: Instant) {
        self.push_at(name, was, now, after(now, window));
    }

    fn push_at(&mut self, name: &SetName, was: Was, at: Instant, until: Option<Instant>) {
        let order = self.next;
        self.next += 1;
        let entry = Entry { name: name.clone(), was, at, until };
        self.entries.insert(order, entry);
        let of_set = self.of_set.entry(name.clone()).or_default();
        of_set.push_back(order);
        if of_set.len() > MAX_OF_SET
            && let Some(order) = self.most_dispensable(name)
        {
            self.remove(order);
        }
        if self.entries.len() > MAX_PAST_SETS
            && let Some(oldest) = self.entries.keys().next().copied()
        {
            self.remove(oldest);
        }
        self.changed();
    }

    /// The oldest one that was the same once more since then, as when a backend comes and goes; or else the oldest.
    fn most_dispensable(&self, name: &SetName) -> Option<u64> {
        // Looked up once: with many sets in one change this is what their past costs.
        let orders = self.of_set.get(name)?.iter();
        let of_set: Vec<_> =
            orders.filter_map(|order| Some((*order, &self.entries.get(order)?.was))).collect();
        let comes_again = |at: &usize| of_set[at + 1..].iter().any(|(_, later)| later.is(of_set[*at].1));
        let dispensable = (0..of_set.len()).find(comes_again).unwrap_or(0);
        of_set.get(dispensable).map(|(order, _)| *order)
    }

    fn forget(&mut self, name: &str) {
        if let Some(orders) = self.of_set.remove(name) {
            for order in orders {
                self.entries.remove(&order);
            }
            self.changed();
        }
    }

    /// Backends that are dead now count as dead at all times: if they were, others had these tables; and if not, their flows
    /// are lost anyway.
    pub(super) fn hear_as(&mut self, present: &Self) {
        self.unhealthy.clone_from(&present.unhealthy);
    }

    /// What is known follows `earlier`. Nobody was told anything yet.
    pub(super) fn follow(&mut self, earlier: Self) {
        let Self { entries, unhealthy, .. } = std::mem::replace(self, earlier);
        for Entry { name, was, at, until } in entries.into_values() {
            self.push_at(&name, was, at, until);
        }
        self.unhealthy = unhealthy;
        self.changed();
    }

    /// All but what forwarders say of backends at present.
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

    /// What is to be told. A backend that is dead here may be back by now, and forwarders not have said it yet: what is so
    /// at present is told as well, as if it ended now.
    fn list(&mut self, committed: Option<&Content>, now: Instant) -> Arc<Vec<PastSet>> {
        let is_fresh = |list: &&List| now.saturating_duration_since(list.at) < FRESH;
        if let Some(list) = self.list.as_ref().filter(is_fresh) {
            return Arc::clone(&list.sets);
        }
        self.expire(now);
        let past = |(was, ago): (Was, Duration)| {
            let Was { set, unhealthy, seed } = was;
            PastSet { set, unhealthy, seed, ago }
        };
        let ended = self.entries.values();
        let ended = ended.map(|entry| (entry.was.clone(), now.saturating_duration_since(entry.at)));
        let present = |content| self.present(content).map(|was| (was, Duration::ZERO));
        let present = committed.into_iter().flat_map(present);
        let sets: Arc<Vec<PastSet>> = Arc::new(ended.chain(present).map(past).collect());
        self.list = Some(List { at: now, sets: Arc::clone(&sets) });
        sets
    }
}

impl Past {
    /// Sets with backends that are dead now.
    fn present(&self, content: &Content) -> impl Iterator<Item = Was> {
        let sets = self.unhealthy.keys().filter_map(|name| Some((name, content.sets().get(name)?)));
        let sets = sets.filter(|(_, set)| set.second_hop);
        sets.map(|(name, set)| self.was(name, set, content.seed())).filter(|was| !was.unhealthy.is_empty())
    }
}

impl Coordinator {
    /// A forwarder has said which backends it takes for dead.
    pub(super) fn hear_health(&mut self, forwarder: &ForwarderName, report: &Report, now: Instant) {
        if let Some(peer) = self.peers.get_mut(forwarder) {
            let changed = peer.hear_health(report);
            self.merge_health(changed, now);
        }
    }

    /// What forwarders say of the backends of these sets may have changed.
    pub(super) fn merge_health(&mut self, sets: BTreeSet<SetName>, now: Instant) {
        if sets.is_empty() {
            return;
        }
        let committed = self.committed_content().cloned();
        let is_behind = self.peers.values().any(|peer| peer.serves_older_than(self.committed()));
        for name in sets {
            let said = self.peers.values().filter_map(|peer| peer.unhealthy.get(&name)).flatten();
            let unhealthy = said.cloned().collect();
            self.past.note_health(&name, unhealthy, committed.as_ref(), is_behind, now);
        }
    }

    /// `content` is committed in place of what was committed before.
    pub(super) fn note_past(&mut self, before: Option<Stamp>, content: &Content, now: Instant) {
        match before.and_then(|before| self.contents.of(before.digest)).cloned() {
            Some(before) => {
                // It is at hand: most forwarders were sent it.
                let delta = self.contents.delta(Some(&before), content);
                self.past.note(&before, content, &delta.changes, now);
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
        let committed = self.committed_content().cloned();
        let Some(peer) = self.peers.get_mut(name) else { return };
        let sets = self.past.list(committed.as_ref(), now);
        let told = ToldPast { version: self.past.version, is_empty: sets.is_empty() };
        let before = peer.past.replace(told);
        if !told.is_empty || before.is_none_or(|before| !before.is_empty) {
            self.send(name, ToForwarder::Past { term, sets });
        }
    }
}

#[cfg(test)]
mod tests;
