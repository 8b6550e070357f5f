//! Does what the session core says.

use std::sync::Arc;
use std::time::SystemTime;

use guideway_bgp_fsm::{Action, Cause, ConnectionId, Event, Loss, Negotiated, Refresh, Side};
use guideway_bgp_rib::Enhanced;
use guideway_bgp_wire::{Family, Message, RefreshKind, RouteRefresh, Update};
use tracing::{debug, error, info, warn};

use super::{Live, Task};
use crate::counters::Counters;
use crate::interface::Place;
use crate::router::{RefreshMarker, SessionView};
use crate::socket;
use crate::status::{LastError, SessionStatus};

/// Connections of a peer whose last words are under way. One more is closed at once.
const CLOSING: usize = 8;

impl Task {
    /// Does one thing; what follows from it at once is an event again.
    pub(super) fn act(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Connect => return self.dial(),
            Action::CancelConnect => self.dial = None,
            Action::Disconnect { connection } => {
                if let Some(connection) = self.remove(connection)
                    && !self.silent
                    && self.closing.len() < CLOSING
                {
                    self.closing.spawn(connection.close());
                }
            }
            Action::Send { connection, message } => self.send(connection, &message),
            Action::Up { connection, negotiated } => self.up(connection, *negotiated),
            Action::Down { cause, loss } => self.down(&cause, loss),
            Action::Failed(cause) => self.failed(&cause, false),
            Action::Deliver(Message::Update(update)) => return self.update(update),
            Action::Deliver(Message::RouteRefresh(refresh)) => self.route_refresh(refresh),
            Action::Deliver(_) => {}
        }
        None
    }

    fn dial(&mut self) -> Option<Event> {
        match self.target() {
            Ok(target) => {
                let config = Arc::clone(&self.config);
                let opening = Box::pin(async move {
                    socket::connect(&config, target.remote, target.device.as_deref()).await
                });
                if self.connections.is_empty() {
                    self.counters = Counters::read();
                }
                self.dial = Some(opening);
                None
            }
            Err(why) => Some(Event::ConnectFailed(why)),
        }
    }

    pub(super) fn send(&mut self, id: ConnectionId, message: &Message) {
        let context = self.session.context(id);
        let Some(link) = self.connections.iter_mut().find(|link| link.id == id) else { return };
        match message.encode(&context) {
            Ok(octets) => {
                self.contact.status.lock().status.sent.count(&octets);
                if let Some(live) = self.live.as_ref().filter(|live| live.connection == id) {
                    for tap in &self.around.taps {
                        tap.sent(&live.view, &octets);
                    }
                }
                link.connection.send(octets.into());
            }
            // The session makes no message that does not fit.
            Err(error) => error!(%error, message = message.name(), "a message cannot be written"),
        }
    }

    fn up(&mut self, id: ConnectionId, negotiated: Negotiated) {
        let Some(link) = self.connections.iter().find(|link| link.id == id) else { return };
        let (local, remote, side) = (link.connection.local(), link.connection.remote(), link.side);
        let scope = if let std::net::SocketAddr::V6(local) = local { local.scope_id() } else { 0 };
        let place = Place::of(local.ip(), scope);
        let families: Vec<_> = negotiated.families.iter().map(|family| family.to_string()).collect();
        info!(%remote, router_id = %negotiated.peer_router_id, hold_time = ?negotiated.hold_time, ?families, "session established");
        let view = Arc::new(SessionView {
            peer: self.contact.id,
            config: Arc::clone(&self.config),
            negotiated: negotiated.clone(),
            local,
            remote,
            interface: place.interface,
            link_local: place.link_local,
            global_v6: place.global_v6,
        });
        self.contact.mailbox.forget_outlets();
        self.contact.feeds.join(self.around.router.up(&view));
        for tap in &self.around.taps {
            tap.peer_up(&view);
        }
        self.live = Some(Live { view, connection: id });
        (self.last_cause, self.malformed_told, self.suspicion) = (None, false, "");
        let mut record = self.contact.status.lock();
        record.status.sessions += 1;
        let (since, told, ended) = (SystemTime::now(), Vec::new(), Vec::new());
        record.status.session = Some(SessionStatus { since, side, local, remote, negotiated, told, ended });
        let how = if side == Side::Outgoing { "connected to" } else { "connected from" };
        record.history.add(since, guideway_bgp_fsm::State::Established, &format!("{how} {remote}"));
    }

    fn down(&mut self, cause: &Cause, loss: Loss) {
        self.contact.feeds.leave();
        if let Some(live) = self.live.take() {
            self.around.router.down(&live.view, loss);
            for tap in &self.around.taps {
                tap.peer_down(&live.view, cause);
            }
        }
        let mut record = self.contact.status.lock();
        record.status.flaps += 1;
        record.status.session = None;
        drop(record);
        self.failed(cause, true);
    }

    /// An attempt or the session ended.
    fn failed(&mut self, cause: &Cause, was_established: bool) {
        let mut text = cause.to_string();
        // Nobody heard, or was heard.
        let silence = matches!(
            cause,
            Cause::ConnectTimedOut | Cause::Sent { .. } | Cause::Closed(_) | Cause::ClosedBeforeOpen(_)
        );
        if silence && !was_established {
            let suspicion = Counters::read().suspicion(self.counters, &self.config);
            if !suspicion.is_empty() {
                text = format!("{text}; {suspicion}");
            }
        }
        // A peer that stays away is reported once, not at every attempt.
        if self.last_cause.as_ref() != Some(cause) {
            match cause {
                Cause::Stopped(_) => info!("session ended: {text}"),
                _ if was_established => warn!("session down: {text}"),
                _ => warn!("no session: {text}"),
            }
        }
        self.last_cause = Some(cause.clone());
        let (at, state) = (SystemTime::now(), self.session.state());
        let mut record = self.contact.status.lock();
        record.history.add(at, state, &text);
        record.status.last_error = Some(LastError { text, at });
    }

    fn update(&mut self, update: Update) -> Option<Event> {
        let view = Arc::clone(&self.live.as_ref()?.view);
        if let Some(fault) = update.faults.first() {
            self.contact.status.lock().status.malformed_updates += 1;
            let error = fault.error.to_string();
            // A peer that sends nothing else must not fill the disk; the counter has them all.
            if std::mem::replace(&mut self.malformed_told, true) {
                debug!(error, "malformed UPDATE, survived (RFC 7606)");
            } else {
                warn!(
                    error,
                    "malformed UPDATE, survived (RFC 7606); further ones of this session are only counted"
                );
            }
        }
        if let Some(family) = update.end_of_rib {
            self.end_of_rib(&view, family);
        }
        if update.reach.is_empty() && update.unreach.is_empty() {
            return None;
        }
        self.around.router.update(&view, update).err().map(Event::Stop)
    }

    fn end_of_rib(&mut self, view: &SessionView, family: Family) {
        let mut record = self.contact.status.lock();
        if let Some(session) = &mut record.status.session
            && !session.ended.contains(&family)
        {
            session.ended.push(family);
        }
        drop(record);
        self.around.router.end_of_rib(view, family);
    }

    fn route_refresh(&mut self, refresh: RouteRefresh) {
        let (Some(live), Some(family)) = (&self.live, refresh.family()) else { return };
        let marker = match refresh.kind {
            RefreshKind::Request => {
                let enhanced = live.view.negotiated.refresh == Refresh::Enhanced;
                let enhanced = if enhanced { Enhanced::Yes } else { Enhanced::No };
                self.contact.feeds.refresh(Some(family), enhanced);
                return;
            }
            RefreshKind::BeginOfRefresh => RefreshMarker::Begin,
            RefreshKind::EndOfRefresh => RefreshMarker::End,
            RefreshKind::Other(_) => return,
        };
        self.around.router.refresh_marker(&live.view, family, marker);
    }
}
