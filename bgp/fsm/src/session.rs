//! The state machine.

use std::time::Instant;

use guideway_bgp_wire::Context;

use crate::backoff::Jitter;
use crate::config::{Change, Config, RestartFlags};
use crate::event::{Action, ConnectionId, Event, Side};
use crate::negotiate::Negotiated;

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
}

impl Session {
    /// A session in Idle that waits for [`Event::Start`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Takes an event in and says what is to be done, in order.
    pub fn handle(&mut self, event: Event, now: Instant, jitter: Jitter) -> Vec<Action> {
        let _ = (event, now, jitter);
        Vec::new()
    }

    /// When [`Event::Timeout`] is due; `None` when no timer runs.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The owner wrote an UPDATE: the KEEPALIVE timer starts anew (RFC 4271 section 8.2.2).
    pub fn sent_update(&mut self, now: Instant) {
        let _ = now;
    }

    /// What the next OPENs say about this speaker's restart. The R bit is said until a session is established or the own
    /// restart time is over, the F bits until they are set anew.
    pub fn set_restart(&mut self, flags: RestartFlags, now: Instant) {
        let _ = (flags, now);
    }

    /// Takes new settings.
    pub fn set_config(&mut self, config: Config, now: Instant) -> Change {
        let _ = now;
        self.config = config;
        Change::Nothing
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How far the session is: the state of the side that is furthest.
    #[must_use]
    pub fn state(&self) -> State {
        State::Idle
    }

    /// How far one side is.
    #[must_use]
    pub fn side_state(&self, side: Side) -> State {
        let _ = side;
        State::Idle
    }

    /// The connection that carries the session, while it is established.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionId> {
        None
    }

    /// What was agreed on, while the session is established.
    #[must_use]
    pub fn negotiated(&self) -> Option<&Negotiated> {
        None
    }

    /// How bytes of a connection are to be read and written now.
    #[must_use]
    pub fn context(&self, connection: ConnectionId) -> Context {
        let _ = connection;
        Context::default()
    }

    /// When the next attempt to connect is due, while the session waits for it.
    #[must_use]
    pub fn next_attempt(&self) -> Option<Instant> {
        None
    }
}
