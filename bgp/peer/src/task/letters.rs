//! What the task is asked to do.

use std::sync::Arc;
use std::time::Instant;

use guideway_bgp_config::{Authentication, PeerConfig, Remote};
use guideway_bgp_fsm::{Change, Event, Refresh, Stop};
use guideway_bgp_rib::Enhanced;
use guideway_bgp_wire::{Message, RouteRefresh};
use tracing::{info, warn};

use super::{Live, Task, session_config};
use crate::router::SessionView;
use crate::socket;

impl Task {
    /// Does everything that the mailbox has. The reason to end, if there is one.
    pub(super) fn letters(&mut self) -> Option<Stop> {
        let letters = self.contact.mailbox.take();
        if let Some(stop) = letters.end {
            return Some(stop);
        }
        if let Some(flags) = letters.restart {
            self.session.set_restart(flags, Instant::now());
        }
        if let Some(config) = letters.config {
            self.reconfigure(config);
        }
        if let Some(outlets) = letters.outlets
            && self.live.is_some()
        {
            self.contact.feeds.change(outlets);
        }
        if letters.refresh {
            self.refresh();
        }
        if let Some(shut) = letters.shut {
            self.shut(shut);
        }
        if !letters.incoming.is_empty() && !self.started {
            // The first connection of a peer of a range is there before the peer; a session that rests would turn it away.
            self.start();
        }
        for stream in letters.incoming {
            self.accepted(stream);
        }
        if let Some(stop) = letters.reset {
            let comes_back = matches!(stop, Stop::Reset(_)) && self.held().is_none();
            self.put(Event::Stop(stop));
            if comes_back {
                // One that stayed down, as after a prefix limit, is started again by an operator's reset.
                self.started = true;
                self.put(Event::Start);
                self.put(Event::ConnectNow);
            }
        }
        self.note_connections();
        None
    }

    /// Ends the session until it may be there again.
    fn shut(&mut self, text: Option<String>) {
        match std::mem::replace(&mut self.shut, text).is_some() {
            was_shut if was_shut == self.shut.is_some() => {}
            true => {
                self.start();
                self.put(Event::ConnectNow);
            }
            false => {
                self.started = false;
                self.put(Event::Stop(Stop::Shutdown(self.shut.clone().unwrap_or_default())));
            }
        }
    }

    /// Takes new settings. Only a change of what the OPEN said, or of the connection itself, ends the session.
    fn reconfigure(&mut self, config: Arc<PeerConfig>) {
        let before = std::mem::replace(&mut self.config, config);
        if before == self.config {
            return;
        }
        let mut reset = before.local_address != self.config.local_address;
        if let Remote::LinkLocal { address: Some(address), .. } = &self.config.remote {
            reset |= self.connections.iter().any(|link| link.connection.remote().ip() != *address);
        }
        if before.authentication != self.config.authentication {
            reset |= !self.rotate(&before.authentication);
        }
        for link in &self.connections {
            // TTL, times.
            if let Err(error) = socket::adopt(link.connection.stream(), &self.config) {
                warn!(%error, "new settings do not fit the connection");
                reset = true;
            }
        }
        reset |= self.session.set_config(session_config(&self.config), Instant::now()) == Change::NeedsReset;
        self.contact.status.lock().status.config = Arc::clone(&self.config);
        if let Some(live) = &mut self.live {
            let view = SessionView { config: Arc::clone(&self.config), ..live.view.as_ref().clone() };
            live.view = Arc::new(view);
        }
        self.bind_bfd();
        if reset {
            info!("the settings of the session changed");
            self.put(Event::Stop(Stop::ConfigurationChange));
        }
        self.start();
        if self.live.is_none() && self.started {
            // What was wrong may be right now; the prefix limit, too, after which the peer stayed down.
            self.put(Event::Start);
            self.put(Event::ConnectNow);
        }
    }

    /// Signs the live connections with the new keys; false when they have to be made anew.
    fn rotate(&mut self, before: &Authentication) -> bool {
        let now = &self.config.authentication;
        let same_kind = matches!(
            (before, now),
            (Authentication::Md5(_), Authentication::Md5(_)) | (Authentication::Ao(_), Authentication::Ao(_))
        );
        // An attempt that is under way goes on with the old key, to no avail.
        self.dial = None;
        let mut rotated = same_kind;
        for link in &self.connections {
            let peer = link.connection.remote().ip();
            if same_kind && let Err(error) = socket::rotate(link.connection.stream(), peer, before, now) {
                warn!(%error, "the key of the live connection cannot be changed");
                rotated = false;
            }
        }
        if rotated && !self.connections.is_empty() {
            info!("the connection is signed with the new key from now on");
        }
        rotated
    }

    /// Sends everything again and asks the peer for the same.
    fn refresh(&mut self) {
        let Some(Live { view, connection }) = &self.live else { return };
        let enhanced =
            if view.negotiated.refresh == Refresh::Enhanced { Enhanced::Yes } else { Enhanced::No };
        self.contact.feeds.refresh(None, enhanced);
        if view.negotiated.refresh == Refresh::None {
            return;
        }
        let (families, connection) = (view.negotiated.families, *connection);
        for family in families.iter() {
            self.send(connection, &Message::RouteRefresh(RouteRefresh::request(family)));
        }
    }
}
