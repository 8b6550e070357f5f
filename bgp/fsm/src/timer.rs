//! Timers as data.

use std::time::{Duration, Instant};

/// The timers of a session (RFC 4271 section 8.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// In Connect: when the attempt to connect is given up. In Active: when the next one starts.
    ConnectRetry,
    /// In Idle: when the session starts again by itself. Not set after a Stop.
    IdleHold,
    /// When the peer has been silent for too long.
    Hold,
    /// When the next KEEPALIVE is due.
    Keepalive,
}

impl Timer {
    /// Every timer. When several are due at once they fire in this order.
    pub const ALL: [Self; 4] = [Self::ConnectRetry, Self::IdleHold, Self::Hold, Self::Keepalive];

    fn index(self) -> usize {
        match self {
            Self::ConnectRetry => 0,
            Self::IdleHold => 1,
            Self::Hold => 2,
            Self::Keepalive => 3,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Timers {
    deadlines: [Option<Instant>; Timer::ALL.len()],
}

impl Timers {
    /// Sets the timer; a zero time stops it (RFC 4271 section 4.2: a hold time of zero means no timer).
    pub(crate) fn set(&mut self, timer: Timer, now: Instant, time: Duration) {
        self.deadlines[timer.index()] = if time.is_zero() { None } else { now.checked_add(time) };
    }

    pub(crate) fn clear(&mut self) {
        self.deadlines = Default::default();
    }

    pub(crate) fn deadline(&self, timer: Timer) -> Option<Instant> {
        self.deadlines[timer.index()]
    }

    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.deadlines.iter().flatten().min().copied()
    }

    /// Takes one timer that is due.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Timer> {
        let due = |timer: &Timer| self.deadline(*timer).is_some_and(|deadline| deadline <= now);
        let timer = Timer::ALL.into_iter().find(due)?;
        self.deadlines[timer.index()] = None;
        Some(timer)
    }
}
