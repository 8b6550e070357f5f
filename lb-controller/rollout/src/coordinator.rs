//! The leader's side.

mod contents;
mod event;
mod notice;
mod office;
mod past;
mod peer;
mod recollection;
mod rollout;
mod state;
mod tell;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime};

use guideway_controller_core::message::{FromForwarder, Hello, ToForwarder};
use guideway_controller_core::{Content, ForwarderName, Generation, Term, Vip, diff};

pub use event::{Action, Event};
pub use notice::{Aborted, Notice};
pub use state::{ForwarderState, Phase, Role, RolloutState, State};

use crate::connection::ConnectionId;
use crate::record::Stamp;
use crate::settings::Settings;
use contents::Contents;
use office::Office;
use past::Past;
use peer::Peer;
use recollection::Recollection;
use rollout::{Installing, Obstacle, Rollout};

/// A controller, as a state machine: it leads when it is elected, and rolls out what is wanted.
#[derive(Debug)]
pub struct Coordinator {
    settings: Settings,
    office: Office,
    desired: Option<Content>,
    contents: Contents,
    past: Past,
    /// What was before the own term is being found out.
    recollection: Option<Recollection>,
    peers: BTreeMap<ForwarderName, Peer>,
    /// A connection came or went, or settings changed, since the forwarders were told how to stay in touch.
    peers_changed: bool,
    /// The highest generation that was proposed in this term, or before it.
    used: Generation,
    rollout: Option<Rollout>,
    installing: Option<Installing>,
    obstacle: Option<Obstacle>,
    last_aborted: Option<(Stamp, Aborted)>,
    /// When the next part of a change that is spread may begin.
    next_part: Option<Instant>,
    /// When the first proposal may begin whoever is missing.
    gathered: Option<Instant>,
    consent: wishes::Consent,
    rollback: Option<wishes::Rollback>,
    resume: bool,
    keepalive_at: Option<Instant>,
    /// The next moment at which something follows from the passing of time.
    wake: Option<Instant>,
    actions: Vec<Action>,
}

impl Coordinator {
    /// A controller that is not elected yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            office: Office::default(),
            desired: None,
            contents: Contents::default(),
            past: Past::default(),
            recollection: None,
            peers: BTreeMap::new(),
            peers_changed: false,
            used: Generation::NONE,
            rollout: None,
            installing: None,
            obstacle: None,
            last_aborted: None,
            next_part: None,
            gathered: None,
            consent: wishes::Consent::default(),
            rollback: None,
            resume: false,
            keepalive_at: None,
            wake: None,
            actions: Vec::new(),
        }
    }

    /// Takes an event in and says what is to be done, in order. Any event is valid at any time.
    pub fn handle(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::BecameLeader => self.elected(),
            Event::LostLeadership => self.stand_down("the election was lost"),
            Event::RecordRead { request, result } => self.has_read(request, result, now),
            Event::RecordWritten { request, result } => self.has_written(request, result, now),
            Event::Desired(content) => self.desire(content),
            Event::Connected { forwarder, connection, hello, time_of_day } => {
                self.connected(forwarder, connection, hello, (now, time_of_day));
            }
            Event::Disconnected { forwarder, connection } => {
                if let Some(peer) = self.peers.get_mut(&forwarder).filter(|peer| peer.is_on(connection)) {
                    peer.leave(now);
                    self.peers_changed = true;
                }
            }
            Event::Received { forwarder, connection, message } => {
                self.received(&forwarder, connection, message, now);
            }
            Event::Approve { generation } => self.approve(generation),
            Event::Rollback { generation } => self.roll_back(generation),
            Event::Resume => self.resume(),
            Event::Look { generation } => self.look(generation, now),
            Event::Timeout => {}
        }
        self.settle(now);
        std::mem::take(&mut self.actions)
    }

    /// When [`Event::Timeout`] is due; `None` when no timer runs. May change with each call that changes the coordinator.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wake
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes new settings. They hold from the next event on.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
        self.peers_changed = true;
    }

    /// The content of a committed generation or of the one that is under way, when it is at hand.
    #[must_use]
    pub fn content(&self, generation: Generation) -> Option<&Content> {
        let rollout = self.rollout.as_ref().filter(|rollout| rollout.stamp.generation == generation);
        rollout.map(|rollout| &rollout.content).or_else(|| self.contents.of_generation(generation))
    }

    /// What is wanted.
    #[must_use]
    pub fn desired(&self) -> Option<&Content> {
        self.desired.as_ref()
    }

    /// One that is gone may only restart, and is waited for; not when others are to answer on a link in its place.
    fn desire(&mut self, content: Content) {
        let owner = |vip: &Vip| vip.advertise.l2.as_ref().and_then(|l2| l2.owner.clone());
        let mut replaced = BTreeSet::new();
        let is_away = |peer: &Peer| peer.connection.is_none();
        if let Some(committed) = self.committed_content().filter(|_| self.peers.values().any(is_away)) {
            for now in diff(committed, &content).changes.vips {
                let before = committed.vips().get(&now.name).and_then(|before| owner(before));
                replaced.extend(before.filter(|before| owner(&now).as_ref() != Some(before)));
            }
        }
        for (_, peer) in self.peers.iter_mut().filter(|(name, _)| replaced.contains(*name)) {
            peer.is_replaced |= is_away(peer);
        }
        self.desired = Some(content);
    }

    /// Everything that follows from what is known.
    fn settle(&mut self, now: Instant) {
        self.wake = None;
        self.ask_store(now);
        let Some(term) = self.term() else { return };
        self.expire(now);
        self.keep_alive(term, now);
        self.adopt_desired();
        self.recollect(now);
        self.fetch(term, now);
        self.advance(term, now);
        self.finish_installing(now);
        self.propose(now);
        self.tell_all(term, now);
        // What was decided just now is written at once.
        self.ask_store(now);
    }

    /// Whether a moment has come; if not, [`poll_timeout`](Self::poll_timeout) comes back for it.
    fn is_due(&mut self, at: Option<Instant>, now: Instant) -> bool {
        match at {
            Some(at) if at > now => {
                self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
                false
            }
            Some(_) => true,
            None => false,
        }
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn notice(&mut self, notice: Notice) {
        self.act(Action::Notice(notice));
    }

    fn committed(&self) -> Option<Stamp> {
        self.office.record.as_ref().and_then(|record| record.committed)
    }

    fn connected(
        &mut self,
        forwarder: ForwarderName,
        connection: ConnectionId,
        hello: Hello,
        (now, time_of_day): (Instant, SystemTime),
    ) {
        if self.office.role == Role::Standby {
            let reason = "this controller does not lead".to_owned();
            self.act(Action::Disconnect { forwarder, connection, reason });
            return;
        }
        if let Some(peer) = self.peers.get_mut(&forwarder).filter(|peer| peer.is_on(connection)) {
            // Said once more, and late: what was said and told since then holds, above all what it was told to forget.
            peer.heard = now;
            return;
        }
        self.greeted(&forwarder, hello.standing);
        self.peers_changed = true;
        let mut peer = Peer::new(connection, hello, now, time_of_day);
        let former = self.peers.remove(&forwarder).and_then(|former| {
            peer.unhealthy = former.unhealthy;
            former.connection.filter(|former| *former != connection)
        });
        self.peers.insert(forwarder.clone(), peer);
        if let Some(former) = former {
            let reason = "the forwarder has connected anew".to_owned();
            self.act(Action::Disconnect { forwarder: forwarder.clone(), connection: former, reason });
        }
        if let Some(term) = self.term() {
            self.send(&forwarder, ToForwarder::Keepalive { term });
        }
    }

    fn received(
        &mut self,
        forwarder: &ForwarderName,
        connection: ConnectionId,
        message: FromForwarder,
        now: Instant,
    ) {
        let Some(peer) = self.peers.get_mut(forwarder).filter(|peer| peer.is_on(connection)) else { return };
        peer.heard = now;
        match message {
            FromForwarder::Content { generation, content } => {
                self.has_fetched(forwarder, generation, content.as_deref());
            }
            FromForwarder::Stale { highest } => self.hear_term(highest),
            FromForwarder::Report(report) => self.hear_health(forwarder, &report, now),
            message => {
                let standing = peer.take(message, now);
                self.hear(standing);
            }
        }
    }

    /// Forwarders that said nothing for too long are gone; those that are gone for long are forgotten.
    fn expire(&mut self, now: Instant) {
        let names: Vec<ForwarderName> = self.peers.keys().cloned().collect();
        for name in names {
            let Some(peer) = self.peers.get(&name) else { continue };
            if let Some(connection) = peer.connection {
                let silent = peer.heard.checked_add(self.settings.silence);
                if self.is_due(silent, now) {
                    let reason = "the forwarder is silent".to_owned();
                    self.act(Action::Disconnect { forwarder: name.clone(), connection, reason });
                    self.peers.entry(name).and_modify(|peer| peer.leave(now));
                    self.peers_changed = true;
                }
            } else {
                let forgotten = peer.gone.and_then(|gone| gone.checked_add(self.settings.absence));
                if self.is_due(forgotten, now)
                    && let Some(peer) = self.peers.remove(&name)
                {
                    self.merge_health(peer.unhealthy.into_keys().collect(), now);
                }
            }
        }
    }

    fn keep_alive(&mut self, term: Term, now: Instant) {
        if self.keepalive_at.is_some() && !self.is_due(self.keepalive_at, now) {
            return;
        }
        let names: Vec<ForwarderName> = self.peers.keys().cloned().collect();
        for name in names {
            self.send(&name, ToForwarder::Keepalive { term });
        }
        self.keepalive_at = now.checked_add(self.settings.keepalive);
        let _ = self.is_due(self.keepalive_at, now);
    }

    /// What is sent to one without a connection is lost; it is told all when it comes back.
    fn send(&mut self, forwarder: &ForwarderName, message: ToForwarder) {
        if let Some(connection) = self.peers.get(forwarder).and_then(|peer| peer.connection) {
            self.office.told.insert(forwarder.clone());
            self.act(Action::Send { forwarder: forwarder.clone(), connection, message });
        }
    }
}
