//! Routes and tombstones with the version of their last change.

use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::sync::Arc;

use foldhash::fast::FixedState;
use guideway_bgp_wire::Nlri;
use hashbrown::HashTable;

use super::log::Log;
use crate::route::Route;
use crate::routes::{Kept, Routes};

/// A point in the history of a table. Every change has one of its own; 0 is before the first.
pub(super) type Version = u64;

/// Place of an entry in the table, counted from 1: no slot takes no more room than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(NonZeroU32);

impl Slot {
    /// The place with this index.
    pub(super) fn new(index: usize) -> Self {
        let number = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
        Self(NonZeroU32::new(number).unwrap_or(NonZeroU32::MAX))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A prefix that is or was in the table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) nlri: Nlri,
    /// When it became what it is.
    pub(super) changed: Version,
    /// Since when it has been here without a break, as a route or as a tombstone.
    pub(super) born: Version,
    /// With the octets that it takes in an UPDATE beside its prefixes. `None`: a tombstone.
    pub(super) route: Option<Kept<usize>>,
}

/// What kind of log a version is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Withdrawals.
    Unreach,
    /// Announcements.
    Reach,
}

/// Each prefix is once in `entries`, once in `index`, and at its last change in one of the two logs. Entries are small and
/// found by hash, because a group for each peer is the usual case: peers on links of their own have next hops of their own.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: Vec<Option<Entry>>,
    free: Vec<Slot>,
    index: HashTable<Slot>,
    reach: Log,
    unreach: Log,
    routes: Routes<usize>,
    version: Version,
}

impl Table {
    /// The version of the last change.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// Makes room for so many prefixes, and for no more: a table that doubles has a third too much on average.
    pub(super) fn reserve(&mut self, total: usize) {
        self.entries.reserve_exact(total.saturating_sub(self.entries.len()));
        self.reach.reserve(total);
        let entries = &self.entries;
        let rehash = |slot: &Slot| entries[slot.index()].as_ref().map_or(0, |entry| hash(&entry.nlri));
        self.index.reserve(total.saturating_sub(self.index.len()), rehash);
    }

    /// Counts something that is no change of an entry as a change.
    pub(super) fn touch(&mut self) {
        self.version += 1;
    }

    /// Routes, without tombstones.
    pub(super) fn len(&self) -> usize {
        self.reach.len()
    }

    /// Prefixes that are remembered only because somebody has to be told of their end.
    pub(super) fn tombstones(&self) -> usize {
        self.unreach.len()
    }

    pub(super) fn get(&self, nlri: &Nlri) -> Option<&Entry> {
        self.entry(self.find(nlri)?)
    }

    /// Routes and tombstones in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().flatten()
    }

    /// Entries of one log behind `version`, in the order of their changes.
    pub(super) fn since(&self, kind: Kind, version: Version) -> impl Iterator<Item = &Entry> {
        let log = match kind {
            Kind::Reach => &self.reach,
            Kind::Unreach => &self.unreach,
        };
        log.since(version).filter_map(|slot| self.entry(slot))
    }

    /// Sets a route; `measure` tells the octets beside the prefixes of a route that was not in the table yet, or that it
    /// cannot be told at all. The place in the logs that the prefix has left, if it was there.
    pub(super) fn announce<E>(
        &mut self,
        nlri: Nlri,
        route: Arc<Route>,
        measure: impl FnOnce(&Route) -> Result<usize, E>,
    ) -> Result<Option<(Kind, Version)>, E> {
        let route = self.routes.take(route, measure)?;
        self.version += 1;
        let version = self.version;
        let Some(slot) = self.find(&nlri) else {
            let slot = self.insert(Entry { nlri, changed: version, born: version, route: Some(route) });
            self.reach.push(version, slot);
            return Ok(None);
        };
        self.reach.push(version, slot);
        Ok(self.change(slot, Some(route)))
    }

    /// Makes a tombstone of a route; of a tombstone a younger one, and of nothing a new one.
    pub(super) fn bury(&mut self, nlri: Nlri) -> Option<(Kind, Version)> {
        self.version += 1;
        let version = self.version;
        let Some(slot) = self.find(&nlri) else {
            let slot = self.insert(Entry { nlri, changed: version, born: version, route: None });
            self.unreach.push(version, slot);
            return None;
        };
        self.unreach.push(version, slot);
        self.change(slot, None)
    }

    /// Forgets a tombstone.
    pub(super) fn forget(&mut self, buried: Version) {
        let Some(slot) = self.unreach.remove(buried) else { return };
        let Some(entry) = self.entries.get_mut(slot.index()).and_then(Option::take) else { return };
        if let Ok(found) = self.index.find_entry(hash(&entry.nlri), |other| *other == slot) {
            found.remove();
        }
        self.free.push(slot);
    }

    /// Gives an entry its new content at the current version; where it was before.
    fn change(&mut self, slot: Slot, route: Option<Kept<usize>>) -> Option<(Kind, Version)> {
        let entry = self.entries.get_mut(slot.index())?.as_mut()?;
        let before = std::mem::replace(&mut entry.changed, self.version);
        match std::mem::replace(&mut entry.route, route) {
            Some(old) => {
                self.routes.give_back(old);
                self.reach.remove(before);
                Some((Kind::Reach, before))
            }
            None => {
                self.unreach.remove(before);
                Some((Kind::Unreach, before))
            }
        }
    }

    fn insert(&mut self, entry: Entry) -> Slot {
        let hashed = hash(&entry.nlri);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            Slot::new(self.entries.len() - 1)
        });
        if self.free.is_empty() {
            // What had room for thousands may never be used again.
            self.free = Vec::new();
        }
        self.entries[slot.index()] = Some(entry);
        let entries = &self.entries;
        let rehash = |slot: &Slot| entries[slot.index()].as_ref().map_or(0, |entry| hash(&entry.nlri));
        self.index.insert_unique(hashed, slot, rehash);
        slot
    }

    fn find(&self, nlri: &Nlri) -> Option<Slot> {
        let is_it = |slot: &Slot| self.entry(*slot).is_some_and(|entry| entry.nlri == *nlri);
        self.index.find(hash(nlri), is_it).copied()
    }

    fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(slot.index())?.as_ref()
    }
}

/// With fixed keys: whoever gives prefixes to a table is known, and their number is limited.
fn hash(nlri: &Nlri) -> u64 {
    FixedState::with_seed(0).hash_one(nlri)
}
