//! What the established session sends.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use guideway_bgp_rib::{Cursor, Enhanced, Group, Route};
use guideway_bgp_wire::{Family, HEADER_LEN, Nlri};
use tokio::sync::watch;

use super::Task;
use crate::outlet::Outlet;

/// The place of a session in one update group.
pub(crate) struct Feed {
    outlet: Outlet,
    cursor: Option<Cursor>,
    changes: watch::Receiver<u64>,
}

/// The feeds of a session: its task sends them, others look at what it has sent.
#[derive(Clone, Default)]
pub(crate) struct Feeds(Arc<Mutex<Vec<Feed>>>);

impl Feed {
    fn join(outlet: Outlet) -> Self {
        let changes = outlet.changes();
        let cursor = outlet.change(Group::join);
        Self { outlet, cursor: Some(cursor), changes }
    }

    /// Goes on in another group: the peer gets the difference.
    fn moved(mut self, outlet: Outlet) -> Self {
        if self.outlet.is(&outlet) {
            return self;
        }
        let Some(cursor) = self.cursor.take() else { return Self::join(outlet) };
        let departure = self.outlet.change(|group| group.depart(cursor));
        let changes = outlet.changes();
        // Withdrawals of what is not there are news for nobody else.
        let cursor = outlet.change(|group| group.join_from(departure));
        Self { outlet, cursor: Some(cursor), changes }
    }

    fn leave(&mut self) {
        if let Some(cursor) = self.cursor.take() {
            self.outlet.change(|group| group.leave(cursor));
        }
    }

    fn next(&mut self) -> Option<Arc<[u8]>> {
        let cursor = self.cursor.as_ref()?;
        self.outlet.change(|group| group.next(cursor))
    }

    fn told(&self) -> Vec<(Nlri, Arc<Route>)> {
        let Some(cursor) = &self.cursor else { return Vec::new() };
        self.outlet
            .change(|group| group.told(cursor).map(|(nlri, route)| (nlri, Arc::clone(route))).collect())
    }

    fn told_count(&self) -> u64 {
        let Some(cursor) = &self.cursor else { return 0 };
        self.outlet.change(|group| {
            // Which it nearly always is; counting takes long in a large table.
            let told = if group.is_settled(cursor) { group.len() } else { group.told(cursor).count() };
            told as u64
        })
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Feeds {
    fn lock(&self) -> MutexGuard<'_, Vec<Feed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session begins.
    pub(crate) fn join(&self, outlets: Vec<Outlet>) {
        *self.lock() = outlets.into_iter().map(Feed::join).collect();
    }

    /// The live session goes on with these.
    pub(crate) fn change(&self, outlets: Vec<Outlet>) {
        let mut feeds = self.lock();
        let mut before = std::mem::take(&mut *feeds);
        for outlet in outlets {
            let same = before.iter().position(|feed| feed.outlet.family() == outlet.family());
            feeds.push(match same {
                Some(index) => before.swap_remove(index).moved(outlet),
                None => Feed::join(outlet),
            });
        }
        // A family that nobody speaks for any more has nothing to tell; what was told stays until the group says otherwise.
        feeds.append(&mut before);
    }

    /// The session is over.
    pub(crate) fn leave(&self) {
        self.lock().clear();
    }

    /// The peer shall get everything of `family` again, or of all families.
    pub(crate) fn refresh(&self, family: Option<Family>, enhanced: Enhanced) {
        for feed in self.lock().iter() {
            if family.is_none_or(|family| family == feed.outlet.family())
                && let Some(cursor) = &feed.cursor
            {
                feed.outlet.change(|group| group.refresh(cursor, enhanced));
            }
        }
    }

    pub(crate) fn changes(&self) -> Vec<watch::Receiver<u64>> {
        self.lock().iter().map(|feed| feed.changes.clone()).collect()
    }

    /// The next messages, of the first family that has any.
    fn next(&self) -> Option<Arc<[u8]>> {
        self.lock().iter_mut().find_map(|feed| {
            // Marked before it is looked at: a change meanwhile wakes the task again.
            feed.changes.mark_unchanged();
            feed.next()
        })
    }

    /// What the peer was told.
    pub(crate) fn told(&self) -> Vec<(Nlri, Arc<Route>)> {
        self.lock().iter().flat_map(Feed::told).collect()
    }

    /// True when nothing is left to say.
    pub(crate) fn is_settled(&self) -> bool {
        let is_settled = |feed: &Feed| {
            let settled = |cursor| feed.outlet.change(|group| group.is_settled(cursor));
            feed.cursor.as_ref().is_none_or(settled)
        };
        self.lock().iter().all(is_settled)
    }

    /// How much of it, by family.
    pub(crate) fn told_counts(&self) -> Vec<(Family, u64)> {
        self.lock().iter().map(|feed| (feed.outlet.family(), feed.told_count())).collect()
    }
}

impl fmt::Debug for Feeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feeds")
    }
}

impl Task {
    /// Queues messages of the feeds while there is room in the send buffer.
    pub(super) fn fill(&mut self) {
        let Some(live) = &self.live else { return };
        let Some(link) = self.connections.iter_mut().find(|link| link.id == live.connection) else { return };
        let mut sent = false;
        while link.connection.has_room() {
            let Some(octets) = self.contact.feeds.next() else { break };
            let mut record = self.contact.status.lock();
            for message in messages(&octets) {
                record.status.sent.count(message);
            }
            drop(record);
            for tap in &self.around.taps {
                messages(&octets).for_each(|message| tap.sent(&live.view, message));
            }
            link.connection.send(octets);
            sent = true;
        }
        if sent {
            self.session.sent_update(Instant::now());
        }
    }
}

/// The messages of a batch.
pub(super) fn messages(mut octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let header = octets.get(..HEADER_LEN)?;
        let length = usize::from(u16::from_be_bytes([header[16], header[17]])).max(HEADER_LEN);
        let (message, rest) = octets.split_at_checked(length)?;
        octets = rest;
        Some(message)
    })
}
