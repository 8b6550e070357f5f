//! One call of [`Session::handle`], and the events of connections as such.

use std::time::{Duration, Instant};

use guideway_bgp_wire::iana::{cease, error_code};
use guideway_bgp_wire::{Message, Notification};

use super::dial::{Dial, Pace};
use super::link::{Agreed, Keepalive, Link, Phase};
use super::{Answer, Mode, Session};
use crate::backoff::Jitter;
use crate::config::RestartFlags;
use crate::event::{Action, ConnectionId, Event, Side};
use crate::offer::offer;

/// A session, when it is, and what it wants to be done.
pub(super) struct Step<'a> {
    pub(super) session: &'a mut Session,
    pub(super) now: Instant,
    pub(super) jitter: Jitter,
    actions: Vec<Action>,
}

impl<'a> Step<'a> {
    pub(super) fn new(session: &'a mut Session, now: Instant, jitter: Jitter) -> Self {
        Self { session, now, jitter, actions: Vec::new() }
    }

    pub(super) fn into_actions(self) -> Vec<Action> {
        self.actions
    }

    pub(super) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Start => self.start(),
            Event::Stop(stop) => self.stop(stop),
            Event::Connected { connection, side } => self.connected(connection, side),
            Event::ConnectFailed(why) => self.connect_failed(why),
            Event::ConnectNow => self.connect_now(),
            Event::BfdDown => self.bfd_down(),
            Event::Timeout => self.timeouts(),
            Event::Closed { connection, why } => self.on(connection, |step, index| step.closed(index, why)),
            Event::Received { connection, message } => {
                self.on(connection, |step, index| step.received(index, message));
            }
            Event::Malformed { connection, error } => self.on(connection, |step, index| {
                step.fail(index, error.to_string(), error.notification(), Pace::BackOff);
            }),
            Event::SendStuck { connection } => self.on(connection, |step, index| {
                let notification = Notification::new(error_code::SEND_HOLD_TIMER, 0);
                let why = "the peer reads nothing: the send hold time is over".to_owned();
                step.fail(index, why, notification, Pace::Plain);
            }),
        }
    }

    /// Events of connections that are gone mean nothing.
    fn on(&mut self, connection: ConnectionId, then: impl FnOnce(&mut Self, usize)) {
        if let Some(index) = self.session.find(connection) {
            then(self, index);
        }
    }

    fn start(&mut self) {
        if self.session.mode != Mode::Running {
            self.session.mode = Mode::Running;
            self.connect();
        }
    }

    fn connected(&mut self, connection: ConnectionId, side: Side) {
        if self.session.find(connection).is_some() {
            return;
        }
        let attempted = matches!(self.session.dial, Dial::Attempt(_));
        match (self.session.mode, side) {
            (Mode::Stopped(Answer::Nothing), _) => self.act(Action::Disconnect { connection }),
            (Mode::Stopped(Answer::Cease) | Mode::Held(_), _) => {
                let message = Message::Notification(Notification::cease(cease::REJECTED));
                self.act(Action::Send { connection, message });
                self.act(Action::Disconnect { connection });
            }
            // An attempt that was cancelled, and came about after all.
            (Mode::Running, Side::Outgoing) if !attempted => self.act(Action::Disconnect { connection }),
            (Mode::Running, Side::Outgoing) => {
                self.session.dial = Dial::Rest;
                self.open_link(connection, side);
            }
            (Mode::Running, Side::Incoming) => {
                self.drop_former_incoming();
                self.open_link(connection, side);
            }
        }
    }

    /// Takes a connection in; it says OPEN at once unless another one is ahead.
    fn open_link(&mut self, id: ConnectionId, side: Side) {
        let link = Link {
            id,
            side,
            since: self.now,
            opened: None,
            config: self.session.config.clone(),
            flags: RestartFlags::default(),
            phase: Phase::Listening,
            hold: self.now.checked_add(self.session.config.open_time),
            keepalive: None,
            keepalive_every: Duration::ZERO,
            decide: None,
            confirm: None,
        };
        self.session.links.push(link);
        if self.session.leader().is_none() {
            self.send_open(self.session.links.len() - 1);
        }
    }

    pub(super) fn send_open(&mut self, index: usize) {
        let (flags, now) = (self.flags(), self.now);
        let link = &mut self.session.links[index];
        link.flags = flags;
        link.opened = Some(now);
        link.hold = now.checked_add(link.config.open_time);
        let open = offer(&link.config, flags);
        link.phase = Phase::OpenSent(open.clone());
        let connection = link.id;
        self.act(Action::Send { connection, message: Message::Open(open) });
    }

    /// Both OPENs are exchanged and fit.
    pub(super) fn agree(&mut self, index: usize, agreed: Agreed) {
        let now = self.now;
        let link = &mut self.session.links[index];
        // The KEEPALIVE comes at once from a peer that is alive: it is not waited for longer than the OPEN, whatever the
        // hold time is.
        let hold_time = agreed.negotiated.hold_time;
        let patience =
            if hold_time.is_zero() { link.config.open_time } else { hold_time.min(link.config.open_time) };
        link.hold = now.checked_add(patience);
        link.phase = Phase::OpenConfirm(Box::new(agreed), Keepalive::Withheld);
    }

    /// What an OPEN says now about the own restart.
    pub(super) fn flags(&self) -> RestartFlags {
        let restart = self.session.restart;
        let in_time = self.session.restart_until.is_some_and(|until| self.now < until);
        RestartFlags { restarting: restart.restarting && in_time, ..restart }
    }
}
