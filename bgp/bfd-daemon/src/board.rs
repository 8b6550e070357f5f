//! What the timing thread tells the others about a session.
//!
//! The timing thread never waits for a reader: when one looks just then, it writes a moment later.

use std::sync::{Mutex, PoisonError, TryLockError};

use guideway_bfd::{Diagnostic, Discard, Remote, Session, State};

/// A copy of a session's variables, with counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    pub(crate) state: State,
    pub(crate) diagnostic: Diagnostic,
    pub(crate) remote: Remote,
    pub(crate) transmit_interval_us: u32,
    pub(crate) detection_time_us: u32,
    pub(crate) echo_interval_us: u32,
    pub(crate) since_unix_ms: u64,
    pub(crate) counts: Counts,
}

/// Counts of a session since it was made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// How often it left Up for Down.
    pub(crate) downs: u64,
    /// When it did last, in milliseconds of Unix time, and why.
    pub(crate) last_down: Option<(u64, Diagnostic)>,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) discarded: u64,
    pub(crate) last_discard: Option<Discard>,
    pub(crate) send_errors: u64,
    pub(crate) echoes_sent: u64,
    pub(crate) echoes_received: u64,
    /// The peer's, sent back to it.
    pub(crate) echoes_returned: u64,
}

impl Report {
    pub(crate) fn of(session: &Session, counts: Counts, since_unix_ms: u64) -> Self {
        let micros = |time: std::time::Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        Self {
            state: session.state(),
            diagnostic: session.diagnostic(),
            remote: *session.remote(),
            transmit_interval_us: session.transmit_interval().map_or(0, micros),
            detection_time_us: micros(session.detection_time()),
            echo_interval_us: session.echo_interval().map_or(0, micros),
            since_unix_ms,
            counts,
        }
    }

    /// The state that a client acts on: what one of the sides does on purpose says nothing of the path (RFC 5882 section
    /// 3.2).
    pub(crate) fn told_state(&self) -> State {
        if self.state != State::Up && self.remote.state == State::AdminDown {
            State::AdminDown
        } else {
            self.state
        }
    }
}

/// Where the latest report of a session hangs.
#[derive(Debug)]
pub(crate) struct Board(Mutex<Report>);

impl Board {
    pub(crate) fn new(report: Report) -> Self {
        Self(Mutex::new(report))
    }

    /// The latest report.
    pub(crate) fn read(&self) -> Report {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the report unless somebody reads it just now; says whether it did.
    pub(crate) fn try_write(&self, report: Report) -> bool {
        match self.0.try_lock() {
            Ok(mut place) => *place = report,
            Err(TryLockError::Poisoned(place)) => *place.into_inner() = report,
            Err(TryLockError::WouldBlock) => return false,
        }
        true
    }
}
