//! What peer tasks tell and ask.

use std::time::SystemTime;

use guideway_bgp_fsm::{Loss, Stop};
use guideway_bgp_peer::{Kept, Outlet, PeerId, RefreshMarker, Router, SessionView};
use guideway_bgp_wire::{Family, Update};

use super::received::Received;
use super::{Live, SessionEntry, Table, next_hops};
use crate::unix_ms;

impl Router for Table {
    fn up(&self, session: &SessionView) -> Vec<Outlet> {
        let mut inner = self.lock();
        let keys = next_hops::class_keys(session);
        let live = Live { view: session.clone(), keys: keys.clone() };
        let received = Received::new(session.config.max_prefixes);
        self.sessions.notify_one();
        inner.sessions.insert(session.peer, SessionEntry { live: Some(live), lost: None, received });
        inner.outlets(&keys)
    }

    fn update(&self, session: &SessionView, update: Update) -> Result<(), Stop> {
        match self.lock().sessions.get_mut(&session.peer) {
            Some(entry) => entry.received.update(update, SystemTime::now()),
            None => Ok(()),
        }
    }

    fn end_of_rib(&self, _: &SessionView, _: Family) {
        // Nothing is kept from an earlier session.
    }

    fn refresh_marker(&self, session: &SessionView, family: Family, marker: RefreshMarker) {
        if let Some(entry) = self.lock().sessions.get_mut(&session.peer) {
            entry.received.refresh(family, marker);
        }
    }

    fn down(&self, session: &SessionView, _: Loss) {
        let mut inner = self.lock();
        if let Some(entry) = inner.sessions.get_mut(&session.peer) {
            (entry.live, entry.lost) = (None, Some(unix_ms(SystemTime::now())));
            entry.received.clear();
        }
        self.sessions.notify_one();
        inner.drop_unused();
    }

    fn kept(&self, peer: PeerId) -> Kept {
        self.lock().sessions.get(&peer).map(|entry| entry.received.kept()).unwrap_or_default()
    }

    fn forgotten(&self, peer: PeerId) {
        let mut inner = self.lock();
        inner.sessions.remove(&peer);
        inner.drop_unused();
    }
}
