//! Adj-RIB-Out of an update group.

mod batch;
mod cursor;
mod log;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use guideway_bgp_wire::{Context, EncodeError, Family, Nlri};
use thiserror::Error;

use crate::route::Route;
pub use batch::updates;
use batch::{Batch, Cache};
pub use cursor::{Cursor, Departure, Enhanced};
use cursor::{Cursors, Markers, Position, Step};
use table::{Kind, Table, Version};

/// Adj-RIB-Out (RFC 4271 section 3.2) of all peers that are told the same routes of one family in the same bytes.
///
/// The table knows at which version each prefix was changed last, and a peer is a [`Cursor`]: the version until which it was
/// told. What is behind a cursor is encoded when the peer has room for it, once for all peers that are at the same version;
/// a peer that takes nothing costs its cursor, and what changes meanwhile collapses to the last change of each prefix. A
/// withdrawn prefix stays as a tombstone while there is a peer that was told of it and not of its end.
///
/// A change of one prefix costs the time of a few searches, however many there are.
#[derive(Debug)]
pub struct Group {
    family: Family,
    context: Context,
    table: Table,
    cursors: Cursors,
    cache: Cache,
    markers: Markers,
    hold: Hold,
}

/// Whether anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Nothing: the routes are not complete yet (the deferral of RFC 4724 section 4.1).
    Held,
    /// All that is due.
    Released,
}

/// Why a route is not in the table. What the prefix had before is withdrawn.
#[derive(Debug, Error)]
pub enum SetError {
    /// The prefix is of the other family.
    #[error("{prefix} is not of the family {family}")]
    Family {
        /// The prefix.
        prefix: ipnet::IpNet,
        /// The family of the group.
        family: Family,
    },
    /// A path identifier without ADD-PATH, which would make one route of several.
    #[error("{0} has a path identifier, which needs ADD-PATH")]
    PathId(ipnet::IpNet),
    /// No UPDATE can carry the route.
    #[error("the route of {prefix} cannot be encoded")]
    Encode {
        /// The prefix.
        prefix: ipnet::IpNet,
        /// Why.
        source: EncodeError,
    },
}

impl Group {
    /// An empty table for peers with which `context` was agreed on. Nothing is held.
    #[must_use]
    pub fn new(family: Family, context: Context) -> Self {
        Self {
            family,
            context,
            table: Table::default(),
            cursors: Cursors::default(),
            cache: Cache::default(),
            markers: Markers::new(family, &context),
            hold: Hold::Released,
        }
    }

    /// The family of all prefixes.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// What was agreed on with the peers.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Grows whenever there may be something new to send to somebody.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.table.version()
    }

    /// Routes in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True when there is no route.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Withdrawn prefixes that somebody has still to be told of.
    #[must_use]
    pub fn tombstones(&self) -> usize {
        self.table.tombstones()
    }

    /// Peers.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.cursors.len()
    }

    /// The route of a prefix.
    #[must_use]
    pub fn route(&self, nlri: &Nlri) -> Option<&Arc<Route>> {
        Some(self.table.get(nlri)?.route.as_ref()?.route())
    }

    /// The table, in the order of prefixes.
    #[must_use]
    pub fn routes(&self) -> BTreeMap<Nlri, &Arc<Route>> {
        self.table.iter().filter_map(|entry| Some((entry.nlri, entry.route.as_ref()?.route()))).collect()
    }

    /// Makes room for a table of so many routes before most of them are set, so that it takes no more memory than it has to.
    pub fn reserve(&mut self, total: usize) {
        self.table.reserve(total);
    }

    /// Sets the route of a prefix, or withdraws it. True when that changes something.
    ///
    /// # Errors
    ///
    /// When no UPDATE of this group can carry the route.
    pub fn set(&mut self, nlri: Nlri, route: Option<Arc<Route>>) -> Result<bool, SetError> {
        let Some(route) = route else { return Ok(self.withdraw(nlri)) };
        if let Err(error) = self.check(&nlri) {
            self.withdraw(nlri);
            return Err(error);
        }
        let known = self.route(&nlri);
        if known.is_some_and(|known| Arc::ptr_eq(known, &route) || *known == route) {
            return Ok(false);
        }
        let measure = |route: &Route| batch::overhead(self.family, route, &self.context);
        match self.table.announce(nlri, route, measure) {
            Ok(left) => left.into_iter().for_each(|left| self.cache.invalidate(left)),
            Err(source) => {
                self.withdraw(nlri);
                return Err(SetError::Encode { prefix: nlri.prefix, source });
            }
        }
        Ok(true)
    }

    /// Makes the table equal to `wanted`; what is equal already is not touched. Whether anything changed.
    ///
    /// # Errors
    ///
    /// The first of the routes that cannot be carried; all others are set.
    pub fn replace(&mut self, wanted: &BTreeMap<Nlri, Arc<Route>>) -> Result<bool, SetError> {
        let gone = |entry: &&table::Entry| entry.route.is_some() && !wanted.contains_key(&entry.nlri);
        let gone: Vec<Nlri> = self.table.iter().filter(gone).map(|entry| entry.nlri).collect();
        self.reserve(wanted.len());
        let mut outcome = Ok(!gone.is_empty());
        for nlri in gone {
            self.withdraw(nlri);
        }
        for (nlri, route) in wanted {
            match self.set(*nlri, Some(route.clone())) {
                Ok(changed) => outcome = outcome.map(|before| before || changed),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    /// Holds everything back, or lets it go.
    pub fn hold(&mut self, hold: Hold) {
        if std::mem::replace(&mut self.hold, hold) != hold {
            self.table.touch();
        }
    }

    /// A peer whose session begins: it has no routes. Everything is due, and the End-of-RIB marker (RFC 4724 section 2).
    pub fn join(&mut self) -> Cursor {
        self.cursors.add(Position::beginning(self.table.version()))
    }

    /// A peer that comes from another group in a live session. All routes are due, withdrawals of what it was told there and
    /// is not here, and the markers that it was not sent yet.
    pub fn join_from(&mut self, departure: Departure) -> Cursor {
        let before = self.table.version();
        for nlri in &departure.told {
            if self.route(nlri).is_none() {
                let left = self.table.bury(*nlri);
                left.into_iter().for_each(|left| self.cache.invalidate(left));
            }
        }
        self.cursors.add(Position::moved(before, self.table.version(), departure.owed))
    }

    /// The peer's session is over.
    pub fn leave(&mut self, cursor: Cursor) {
        let position = self.cursors.remove(cursor);
        position.into_iter().for_each(|position| self.collect(position.withdrawn, Version::MAX));
    }

    /// The peer moves to another group in its live session: [`Group::join_from`].
    pub fn depart(&mut self, cursor: Cursor) -> Departure {
        let Some(position) = self.cursors.get(&cursor) else { return Departure::default() };
        let may_have = |entry: &&table::Entry| {
            entry.born <= position.known && (entry.route.is_some() || entry.changed > position.withdrawn)
        };
        let told = self.table.iter().filter(may_have).map(|entry| entry.nlri).collect();
        let departure = Departure { told, owed: position.owed };
        self.leave(cursor);
        departure
    }

    /// The peer wants all routes again (RFC 2918), between markers when both sides know them (RFC 7313). While its first
    /// routes or those of an earlier request are on the way it is done after these, once.
    pub fn refresh(&mut self, cursor: &Cursor, enhanced: Enhanced) {
        if let Some(position) = self.cursors.get_mut(cursor) {
            position.owed.again = Some(enhanced);
        }
    }

    /// The next whole messages for a peer, which then count as told; `None` when there is nothing to send. Withdrawals come
    /// first: they name what does not work any more. Peers at the same version get the same bytes.
    pub fn next(&mut self, cursor: &Cursor) -> Option<Arc<[u8]>> {
        if self.hold == Hold::Held {
            return None;
        }
        if let Some(bytes) = self.next_unreach(cursor) {
            return Some(bytes);
        }
        let position = self.cursors.get_mut(cursor)?;
        let table = &self.table;
        let is_told =
            |from, until| table.since(Kind::Reach, from).next().is_none_or(|entry| entry.changed > until);
        match position.step(table.version(), is_told) {
            Step::Marker(marker) => Some(self.markers.bytes(marker)),
            Step::Routes => self.next_reach(cursor),
        }
    }

    /// True when nothing is due and nothing held.
    #[must_use]
    pub fn is_settled(&self, cursor: &Cursor) -> bool {
        self.hold == Hold::Released
            && self.cursors.get(cursor).is_none_or(|position| {
                position.owed.is_nothing()
                    && self.table.since(Kind::Reach, position.announced).next().is_none()
                    && self.first_buried(position.withdrawn, position.known).is_none()
            })
    }

    /// What the peer was told and is still true, in the order of prefixes.
    pub fn told(&self, cursor: &Cursor) -> impl Iterator<Item = (Nlri, &Arc<Route>)> {
        let told = self.cursors.get(cursor).map_or(0, |position| position.told);
        let told = self.table.iter().filter(move |entry| entry.changed <= told);
        let told: BTreeMap<_, _> =
            told.filter_map(|entry| Some((entry.nlri, entry.route.as_ref()?.route()))).collect();
        told.into_iter()
    }

    fn check(&self, nlri: &Nlri) -> Result<(), SetError> {
        let Nlri { prefix, path_id } = *nlri;
        if Family::of_prefix(&prefix) != self.family {
            return Err(SetError::Family { prefix, family: self.family });
        }
        if path_id != 0 && !self.context.add_path_send.contains(self.family) {
            return Err(SetError::PathId(prefix));
        }
        Ok(())
    }

    fn withdraw(&mut self, nlri: Nlri) -> bool {
        if self.route(&nlri).is_none() {
            return false;
        }
        let left = self.table.bury(nlri);
        left.into_iter().for_each(|left| self.cache.invalidate(left));
        self.collect(self.table.version() - 1, self.table.version());
        true
    }

    fn next_unreach(&mut self, cursor: &Cursor) -> Option<Arc<[u8]>> {
        let Position { withdrawn, known, .. } = *self.cursors.get(cursor)?;
        let first = self.first_buried(withdrawn, known);
        let batch = first.and_then(|first| self.batch(Kind::Unreach, first, (withdrawn, known)));
        let last = batch.as_ref().map_or(self.table.version(), |(last, _)| *last);
        self.cursors.get_mut(cursor)?.withdrawn = last;
        self.collect(withdrawn, last);
        batch.map(|(_, bytes)| bytes)
    }

    fn next_reach(&mut self, cursor: &Cursor) -> Option<Arc<[u8]>> {
        let Position { announced, .. } = *self.cursors.get(cursor)?;
        let first = self.table.since(Kind::Reach, announced).next()?.changed;
        let (last, bytes) = self.batch(Kind::Reach, first, (announced, 0))?;
        self.cursors.get_mut(cursor)?.announce(last);
        let cursors = &self.cursors;
        self.cache.retain(|batch| {
            batch.kind == Kind::Unreach || cursors.iter().any(|position| position.announced < batch.last)
        });
        Some(bytes)
    }

    fn batch(
        &mut self,
        kind: Kind,
        first: Version,
        (after, known): (Version, Version),
    ) -> Option<(Version, Arc<[u8]>)> {
        if let Some(batch) = self.cache.find(kind, first, known) {
            return Some((batch.last, batch.bytes.clone()));
        }
        let batch = Batch::encode(&self.table, kind, self.family, &self.context, (after, known))?;
        let found = (batch.last, batch.bytes.clone());
        self.cache.keep(batch);
        Some(found)
    }

    /// The first withdrawal behind `withdrawn` that matters to a peer which may have what was born until `known`.
    fn first_buried(&self, withdrawn: Version, known: Version) -> Option<Version> {
        let matters = |entry: &&table::Entry| entry.born <= known;
        self.table.since(Kind::Unreach, withdrawn).find(matters).map(|entry| entry.changed)
    }

    /// Forgets the tombstones of the versions in (`after`, `until`] that nobody needs.
    fn collect(&mut self, after: Version, until: Version) {
        let is_needed = |entry: &&table::Entry| {
            self.cursors
                .iter()
                .any(|position| position.withdrawn < entry.changed && entry.born <= position.known)
        };
        let buried = self.table.since(Kind::Unreach, after).take_while(|entry| entry.changed <= until);
        let free: Vec<Version> =
            buried.filter(|entry| !is_needed(entry)).map(|entry| entry.changed).collect();
        for version in free {
            self.table.forget(version);
            self.cache.invalidate((Kind::Unreach, version));
        }
    }
}
