//! One session: packets and time in, packets and transitions out (RFC 5880 section 6.8).
//!
//! ```text
//!                            +--+
//!                            |  | AdminDown, timeout
//!                            |  V
//!                   Down  +------+  Init
//!            +------------|      |------------+
//!            |            | DOWN |            |
//!            |  +-------->|      |<--------+  |
//!            |  | timeout +------+ timeout |  |
//!            |  | AdminDown  AdminDown,Down|  |
//!            V  |                          |  V
//!          +------+                      +------+
//!     +----|      |                      |      |----+
//! Down|    | INIT |--------------------->|  UP  |    |Init, Up
//!     +--->|      |      Init, Up        |      |<---+
//!          +------+                      +------+
//! ```

mod echo;
mod receive;
mod timing;

use std::time::Instant;

use crate::auth::{Authentication, Window};
use crate::config::Config;
use crate::interval::{Interval, Jitter};
use crate::packet::HEADER_LEN;
use crate::state::{Diagnostic, State};
use echo::Echo;
pub use echo::{ECHO_LEN, EchoPayload};

/// A change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// Before.
    pub from: State,
    /// Now.
    pub to: State,
    /// Why.
    pub diagnostic: Diagnostic,
}

/// What the operator wants of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admin {
    /// It shall come up.
    Up,
    /// It shall be down, and the peer shall know that this says nothing of the path.
    Down,
}

/// What the peer said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote {
    /// Its state.
    pub state: State,
    /// Why it left its last state.
    pub diagnostic: Diagnostic,
    /// Its number of the session; zero: unknown.
    pub discriminator: u32,
    /// It would not send more often.
    pub desired_min_tx: Interval,
    /// It can take no more often.
    pub required_min_rx: Interval,
    /// It can return echoes no more often; zero: none.
    pub required_min_echo_rx: Interval,
    /// After how many missing packets it is taken for gone.
    pub detect_mult: u8,
    /// It wants no periodic packets while both sides are Up.
    pub demand: bool,
    /// Its BFD does not share the fate of its control plane.
    pub control_plane_independent: bool,
}

impl Remote {
    /// RFC 5880 section 6.8.1.
    const UNKNOWN: Self = Self {
        state: State::Down,
        diagnostic: Diagnostic::NONE,
        discriminator: 0,
        desired_min_tx: Interval::ZERO,
        required_min_rx: Interval::from_micros(1),
        required_min_echo_rx: Interval::ZERO,
        detect_mult: 1,
        demand: false,
        control_plane_independent: false,
    };
}

/// Numbers that the caller draws at random for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed {
    /// The first bfd.XmitAuthSeq (RFC 5880 section 6.8.1).
    pub sequence: u32,
    /// Tells own echoes from forged ones.
    pub nonce: u64,
}

/// Intervals that the peer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Intervals {
    desired_min_tx: Interval,
    required_min_rx: Interval,
}

/// A session.
#[derive(Debug)]
pub struct Session {
    config: Config,
    discriminator: u32,
    state: State,
    diagnostic: Diagnostic,
    remote: Remote,
    /// In the packets now.
    advertised: Intervals,
    /// What the peer has confirmed that it knows; other than `advertised` during a Poll Sequence.
    confirmed: Intervals,
    /// A Poll Sequence is under way.
    polling: bool,
    /// The peer waits for a Final.
    final_due: bool,
    /// The next packet says something new and does not wait for its time.
    expedite: bool,
    created: Instant,
    last_sent: Option<Instant>,
    jitter: Jitter,
    last_received: Option<Instant>,
    /// The peer has not been silent for a detection time.
    heard: bool,
    window: Window,
    /// bfd.XmitAuthSeq.
    sequence: u32,
    /// The last packet without its authentication.
    previous: [u8; HEADER_LEN],
    echo: Echo,
}

impl Session {
    /// A session in Down that starts to call the peer at once, unless it is passive. `discriminator` must be unique on this system and not zero;
    /// a zero counts as one.
    #[must_use]
    pub fn new(config: Config, discriminator: u32, seed: Seed, now: Instant) -> Self {
        let slow = Intervals {
            desired_min_tx: config.desired_min_tx.max(Interval::SLOW),
            required_min_rx: config.required_min_rx,
        };
        Self {
            config,
            discriminator: discriminator.max(1),
            state: State::Down,
            diagnostic: Diagnostic::NONE,
            remote: Remote::UNKNOWN,
            advertised: slow,
            confirmed: slow,
            polling: false,
            final_due: false,
            expedite: false,
            created: now,
            last_sent: None,
            jitter: Jitter::default(),
            last_received: None,
            heard: false,
            window: Window::default(),
            sequence: seed.sequence,
            previous: [0; HEADER_LEN],
            echo: Echo::new(seed.nonce),
        }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Why the last state was left.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        self.diagnostic
    }

    /// What the peer said last.
    #[must_use]
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Own number of the session.
    #[must_use]
    pub fn discriminator(&self) -> u32 {
        self.discriminator
    }

    /// Whether a Poll Sequence is under way.
    #[must_use]
    pub fn is_polling(&self) -> bool {
        self.polling
    }

    /// Takes another configuration over, without the session going down. Intervals are agreed on with the peer by a Poll
    /// Sequence (RFC 5880 section 6.8.3), one at a time.
    pub fn set_config(&mut self, config: Config) {
        let kind = |config: &Config| config.authentication.as_ref().map(Authentication::kind);
        if kind(&config) != kind(&self.config) {
            self.window.forget();
        }
        // The multiplier, the keys and the echo interval are not negotiated: the peer is told soon.
        self.expedite |= config != self.config;
        self.config = config;
        self.settle();
    }

    /// Takes the session down, or lets it come up again (RFC 5880 section 6.8.16).
    pub fn set_admin(&mut self, admin: Admin) -> Option<Transition> {
        match (admin, self.state) {
            (Admin::Down, State::AdminDown) => None,
            (Admin::Down, _) => self.enter(State::AdminDown, Diagnostic::ADMINISTRATIVELY_DOWN),
            (Admin::Up, State::AdminDown) => self.enter(State::Down, Diagnostic::NONE),
            (Admin::Up, _) => None,
        }
    }

    fn enter(&mut self, to: State, diagnostic: Diagnostic) -> Option<Transition> {
        if to == self.state {
            return None;
        }
        let from = std::mem::replace(&mut self.state, to);
        self.diagnostic = diagnostic;
        self.expedite = true;
        self.echo.stop();
        self.settle();
        Some(Transition { from, to, diagnostic })
    }
}

#[cfg(test)]
mod tests;
