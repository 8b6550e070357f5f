//! The state machine.

mod states;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use guideway_bgp_wire::{Context, Family, Message, Notification};
use ipnet::IpNet;

use crate::adj_rib_out::AdjRibOut;
use crate::backoff::{Backoff, Jitter};
use crate::config::Config;
use crate::event::{Action, Cause, Event, Stop};
use crate::negotiate::Negotiated;
use crate::timer::{Timer, Timers};

/// How long to wait for the peer's OPEN (RFC 4271 section 8.2.2, "a HoldTimer value of 4 minutes is suggested").
const OPEN_HOLD_TIME: Duration = Duration::from_secs(240);

/// The states of RFC 4271 section 8.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing goes on; the session starts again when the IdleHold timer is set.
    Idle,
    /// A connection is being made.
    Connect,
    /// An attempt failed; the next one comes with the ConnectRetry timer.
    Active,
    /// OPEN is sent, the peer's is awaited.
    OpenSent,
    /// OPEN is accepted, the first KEEPALIVE is awaited.
    OpenConfirm,
    /// Routes flow.
    Established,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Idle, Self::Connect, Self::Active, Self::OpenSent, Self::OpenConfirm, Self::Established];
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// One session with one peer.
#[derive(Debug)]
pub struct Session {
    config: Config,
    state: State,
    timers: Timers,
    backoff: Backoff,
    /// Own address of the connection; set from OpenSent on.
    local: Option<IpAddr>,
    /// Set from OpenConfirm on.
    negotiated: Option<Negotiated>,
    /// The KEEPALIVE interval with this session's jitter.
    keepalive: Duration,
    established_at: Option<Instant>,
    rib: AdjRibOut,
    malformed_updates: u64,
}

impl Session {
    /// A session in Idle that waits for [`Event::Start`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            backoff: Backoff::new(config.connect_retry),
            config,
            state: State::Idle,
            timers: Timers::default(),
            local: None,
            negotiated: None,
            keepalive: Duration::ZERO,
            established_at: None,
            rib: AdjRibOut::new(),
            malformed_updates: 0,
        }
    }

    /// Takes an event in and says what is to be done, in order.
    pub fn handle(&mut self, event: Event, now: Instant, jitter: Jitter) -> Vec<Action> {
        let mut step = Step { session: self, now, jitter, actions: Vec::new() };
        match event {
            Event::Timeout => step.timeouts(),
            event => step.event(event),
        }
        step.actions
    }

    /// When [`Event::Timeout`] is due; `None` when no timer runs.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.earliest()
    }

    /// The next UPDATE to write, which then counts as sent. `None` when the peer has everything or there is no
    /// established session. To be asked whenever there is room to write.
    pub fn poll_update(&mut self, now: Instant) -> Option<Message> {
        if self.state != State::Established {
            return None;
        }
        // The error case cannot happen: the attributes of a `Config` take less than a hundred octets.
        let update = self.rib.next_update().ok().flatten()?;
        // RFC 4271 section 8.2.2: an UPDATE restarts the KeepaliveTimer.
        self.timers.set(Timer::Keepalive, now, self.keepalive);
        Some(Message::Update(update))
    }

    /// Sets the prefixes that the peer shall have, at any time.
    pub fn set_prefixes(&mut self, prefixes: BTreeSet<IpNet>) {
        self.rib.set_desired(prefixes);
    }

    /// The prefixes that the peer was told.
    #[must_use]
    pub fn advertised(&self) -> &BTreeSet<IpNet> {
        self.rib.advertised()
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// What the two OPENs agreed on, from OpenConfirm on.
    #[must_use]
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.negotiated.as_ref()
    }

    /// How bytes are to be read and written now.
    #[must_use]
    pub fn context(&self) -> Context {
        self.negotiated.as_ref().map(|negotiated| negotiated.context).unwrap_or_default()
    }

    /// UPDATEs whose routes were treated as withdrawn (RFC 7606) since the session object was made.
    #[must_use]
    pub fn malformed_updates(&self) -> u64 {
        self.malformed_updates
    }

    /// When `timer` fires; `None` when it does not run.
    #[must_use]
    pub fn deadline(&self, timer: Timer) -> Option<Instant> {
        self.timers.deadline(timer)
    }
}

/// One call of [`Session::handle`].
struct Step<'a> {
    session: &'a mut Session,
    now: Instant,
    jitter: Jitter,
    actions: Vec<Action>,
}

impl Step<'_> {
    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn set(&mut self, timer: Timer, time: Duration) {
        self.session.timers.set(timer, self.now, time);
    }

    /// Idle or Active to Connect.
    fn connect(&mut self) {
        self.session.timers.clear();
        self.session.state = State::Connect;
        self.set(Timer::ConnectRetry, self.session.config.connect_timeout);
        self.act(Action::Connect);
    }

    /// Leaves whatever was connected and waits in Active.
    fn retry_later(&mut self, cause: Cause) {
        self.leave();
        self.session.state = State::Active;
        let wait = self.session.backoff.next(self.jitter);
        self.set(Timer::ConnectRetry, wait);
        self.act(Action::Down(cause));
    }

    /// Leaves whatever was connected and waits in Idle.
    fn fail(&mut self, cause: Cause) {
        self.leave();
        let wait = self.session.backoff.next(self.jitter);
        self.set(Timer::IdleHold, wait);
        self.act(Action::Down(cause));
    }

    fn fail_with(&mut self, why: String, notification: Notification) {
        self.act(Action::Send(Message::Notification(notification.clone())));
        self.act(Action::Disconnect);
        self.fail(Cause::Sent { why, notification });
    }

    fn stop(&mut self, stop: Stop) {
        match self.session.state {
            State::Idle | State::Active => {}
            State::Connect => self.act(Action::Disconnect),
            State::OpenSent | State::OpenConfirm | State::Established => {
                self.act(Action::Send(Message::Notification(stop.notification())));
                self.act(Action::Disconnect);
            }
        }
        let was_idle = self.session.state == State::Idle;
        self.leave();
        self.session.backoff.reset();
        if !was_idle {
            self.act(Action::Down(Cause::Stopped(stop)));
        }
    }

    /// To Idle with no timer and nothing left of the connection.
    fn leave(&mut self) {
        let session = &mut *self.session;
        session.timers.clear();
        session.state = State::Idle;
        session.local = None;
        session.negotiated = None;
        session.rib.stop();
        // A session that lasted was a success; one that flaps goes on backing off.
        if let Some(since) = session.established_at.take()
            && self.now.saturating_duration_since(since) >= session.backoff.longest()
        {
            session.backoff.reset();
        }
    }

    fn establish(&mut self) {
        let session = &mut *self.session;
        let (Some(negotiated), Some(local)) = (session.negotiated.clone(), session.local) else { return };
        session.state = State::Established;
        session.established_at = Some(self.now);
        let attributes = |family| {
            let agreed = negotiated.families.contains(family);
            session.config.attributes(family, local).filter(|_| agreed)
        };
        let (ipv4, ipv6) = (attributes(Family::Ipv4), attributes(Family::Ipv6));
        session.rib.start(negotiated.context, ipv4, ipv6);
        self.restart_hold();
        self.act(Action::Up(negotiated));
    }

    fn restart_hold(&mut self) {
        if let Some(time) = self.session.negotiated.as_ref().map(|negotiated| negotiated.hold_time) {
            self.set(Timer::Hold, time);
        }
    }
}
