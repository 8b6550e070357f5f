//! The state machine: what is public of it, and its parts.

mod collision;
mod dial;
mod ending;
mod link;
mod messages;
mod missed;
mod settings;
mod step;
mod timeouts;

use std::time::{Duration, Instant};

use guideway_bgp_wire::Context;

use crate::backoff::{Backoff, Jitter};
use crate::config::{Change, Config, RestartFlags};
use crate::event::{Action, ConnectionId, Event, Side};
use crate::negotiate::Negotiated;
use dial::Dial;
use link::{Link, Phase};
use missed::Missed;
use step::Step;

/// How long the OPEN is waited for that decides a collision, or the KEEPALIVE that ours is to follow, and for how long after
/// its establishment a session can meet a connection that the peer dialled before it. All are some round trips at most.
pub(crate) const COLLISION_WAIT: Duration = Duration::from_secs(1);

/// How long a connection that would be kept waits for the one ahead to be established. Shorter than [`COLLISION_WAIT`] by
/// some round trips: a peer that is like us may wait that long for our OPEN on this one before it confirms the other.
pub(crate) const TAKE_OVER_WAIT: Duration = Duration::from_millis(250);

/// How long our KEEPALIVE waits after that of the peer on a connection that we dialled and that would be kept. FRR 8.4, when it
/// has dialled too, plans the end of its own connection as it reads our OPEN; if it reads our KEEPALIVE in the same go, the
/// session is established in the place of that connection, and it is the session that ends. Its KEEPALIVE tells that our
/// OPEN is read; this is for the end of that go.
pub(crate) const CONFIRM_WAIT: Duration = Duration::from_millis(10);

/// The states of RFC 4271 section 8.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Stopped, or held down for a time: nothing is dialled and nothing is accepted.
    Idle,
    /// An attempt to connect is under way.
    Connect,
    /// Waiting for the next attempt, or for the peer to connect.
    Active,
    /// OPEN is sent, the peer's is awaited.
    OpenSent,
    /// The OPENs fit, the first KEEPALIVE is awaited.
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
    restart: RestartFlags,
    /// When the R bit has had its time.
    restart_until: Option<Instant>,
    mode: Mode,
    dial: Dial,
    backoff: Backoff,
    missed: Missed,
    /// At most two: one of each side, or one that is established and one that challenges it. Our KEEPALIVE is sent on one
    /// of them at most, and then no other one has our OPEN: the peer cannot come to prefer it.
    links: Vec<Link>,
}

/// What the operator wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Nothing. The peer's connections are refused.
    Stopped(Answer),
    /// Nothing until then.
    Held(Instant),
    /// A session.
    Running,
}

/// What a peer is told that connects although nobody wants it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Nothing: a NOTIFICATION could make it forget the routes that it keeps during a restart.
    Nothing,
    /// Cease/Connection Rejected (RFC 4486 section 4).
    Cease,
}

impl Session {
    /// A session in Idle that waits for [`Event::Start`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            restart: RestartFlags::default(),
            restart_until: None,
            mode: Mode::Stopped(Answer::Nothing),
            dial: Dial::Rest,
            backoff: Backoff::default(),
            missed: Missed::default(),
            links: Vec::new(),
        }
    }

    /// Takes an event in and says what is to be done, in order. Any event is valid at any time.
    pub fn handle(&mut self, event: Event, now: Instant, jitter: Jitter) -> Vec<Action> {
        let mut step = Step::new(self, now, jitter);
        step.take(event);
        step.settle();
        step.into_actions()
    }

    /// When [`Event::Timeout`] is due; `None` when no timer runs. May change with each call that changes the session.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let held = if let Mode::Held(until) = self.mode { Some(until) } else { None };
        let links = self.links.iter().flat_map(Link::deadlines);
        links.chain(held).chain(self.dial.deadline()).min()
    }

    /// The owner wrote an UPDATE: the KEEPALIVE timer starts anew (RFC 4271 section 8.2.2).
    pub fn sent_update(&mut self, now: Instant) {
        if let Some(link) = self.links.iter_mut().find(|link| link.is_established()) {
            link.restart_keepalive(now);
        }
    }

    /// What the next OPENs say about this speaker's restart. The R bit is said until a session is established or the own
    /// restart time is over, the F bits until they are set anew.
    pub fn set_restart(&mut self, flags: RestartFlags, now: Instant) {
        self.restart = flags;
        let time = self.config.graceful_restart.map(|restart| restart.restart_time);
        self.restart_until = time.and_then(|time| now.checked_add(time));
    }

    /// Takes new settings. They hold for what is sent from now on, whatever the answer is.
    pub fn set_config(&mut self, config: Config, now: Instant) -> Change {
        if config == self.config {
            return Change::Nothing;
        }
        let change = self.links.iter_mut().map(|link| link.set_config(&config)).max();
        self.config = config;
        if self.wants_to_dial() && self.dial == Dial::Rest {
            self.dial = Dial::Waiting(now);
        }
        change.unwrap_or(Change::Live)
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How far the session is: the state of the side that is furthest.
    #[must_use]
    pub fn state(&self) -> State {
        let links = self.links.iter().map(Link::state).filter(|state| *state > State::Active);
        links.max().unwrap_or_else(|| self.dial_state())
    }

    /// How far one side is. An incoming connection that has to wait for another one to fail counts as Active, as it does
    /// with the DelayOpen of RFC 4271.
    #[must_use]
    pub fn side_state(&self, side: Side) -> State {
        let links = self.links.iter().filter(|link| link.side == side);
        links.map(Link::state).max().unwrap_or_else(|| match (side, self.mode) {
            (Side::Outgoing, _) => self.dial_state(),
            (Side::Incoming, Mode::Running) => State::Active,
            (Side::Incoming, _) => State::Idle,
        })
    }

    /// The connection that carries the session, while it is established.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionId> {
        self.links.iter().find(|link| link.is_established()).map(|link| link.id)
    }

    /// What was agreed on, while the session is established.
    #[must_use]
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.links.iter().find(|link| link.is_established())?.negotiated()
    }

    /// How bytes of a connection are to be read and written now.
    #[must_use]
    pub fn context(&self, connection: ConnectionId) -> Context {
        let link = self.links.iter().find(|link| link.id == connection);
        link.and_then(Link::negotiated).map(|negotiated| negotiated.context).unwrap_or_default()
    }

    /// When the next attempt to connect is due, while the session waits for it.
    #[must_use]
    pub fn next_attempt(&self) -> Option<Instant> {
        match (self.mode, self.dial) {
            (Mode::Held(at), _) | (Mode::Running, Dial::Waiting(at)) => Some(at),
            _ => None,
        }
    }

    fn dial_state(&self) -> State {
        match (self.mode, self.dial) {
            (Mode::Stopped(_) | Mode::Held(_), _) => State::Idle,
            (Mode::Running, Dial::Attempt(_)) => State::Connect,
            (Mode::Running, Dial::Rest | Dial::Waiting(_)) => State::Active,
        }
    }

    /// The link on which our KEEPALIVE is sent, or will be.
    fn leader(&self) -> Option<usize> {
        self.links.iter().position(Link::is_committed)
    }

    pub(crate) fn find(&self, connection: ConnectionId) -> Option<usize> {
        self.links.iter().position(|link| link.id == connection)
    }
}
