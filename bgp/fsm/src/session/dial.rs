//! When to dial.

use std::time::{Duration, Instant};

use super::{COLLISION_WAIT, Link, Mode, Phase, Session, Step};
use crate::event::{Action, Cause, Side};

/// The shortest attempt and the shortest wait, whatever is configured: nothing spins.
const SHORTEST: Duration = Duration::from_millis(10);

/// What goes on about the outgoing connection while there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dial {
    /// Nothing: it stands, or nobody wants it.
    Rest,
    /// The next attempt starts then.
    Waiting(Instant),
    /// An attempt is under way and is given up then.
    Attempt(Instant),
}

/// How soon to dial again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// After the plain wait: nobody answers, or the operator wants it so.
    Plain,
    /// Less and less often: the peer answers and refuses.
    BackOff,
}

impl Dial {
    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Self::Rest => None,
            Self::Waiting(at) | Self::Attempt(at) => Some(at),
        }
    }
}

impl Session {
    /// A connection that is ahead makes another one pointless; one that has only sent its OPEN may be half dead.
    pub(super) fn wants_to_dial(&self) -> bool {
        let enough = |link: &Link| link.side == Side::Outgoing || link.is_committed();
        self.mode == Mode::Running && !self.config.passive && !self.links.iter().any(enough)
    }
}

impl Step<'_> {
    pub(super) fn connect(&mut self) {
        if self.session.wants_to_dial() {
            let timeout = self.session.missed.attempt(&self.session.config, self.now);
            let timeout = self.jitter.apply(timeout).max(SHORTEST);
            self.session.dial = self.now.checked_add(timeout).map_or(Dial::Rest, Dial::Attempt);
            self.act(Action::Connect);
        }
    }

    /// The timer of [`Dial`] fired.
    pub(super) fn dial_due(&mut self) {
        if let Dial::Attempt(_) = std::mem::replace(&mut self.session.dial, Dial::Rest) {
            self.act(Action::CancelConnect);
            self.act(Action::Failed(Cause::ConnectTimedOut));
        }
        self.connect();
    }

    pub(super) fn connect_failed(&mut self, why: String) {
        if let Dial::Attempt(_) = self.session.dial {
            self.session.dial = Dial::Rest;
            self.act(Action::Failed(Cause::ConnectFailed(why)));
            self.redial(Pace::Plain);
        }
    }

    /// Sets the wait for the next attempt, unless one is on its way.
    pub(super) fn redial(&mut self, pace: Pace) {
        if self.session.dial != Dial::Rest || !self.session.wants_to_dial() {
            return;
        }
        let session = &mut *self.session;
        let base = session.config.connect_retry.max(SHORTEST);
        let wait = match (session.missed.wait(&session.config, self.now), pace) {
            (Some(wait), _) => self.jitter.apply(wait.max(SHORTEST)),
            (None, Pace::Plain) => self.jitter.apply(base),
            (None, Pace::BackOff) => session.backoff.next(base, self.jitter),
        };
        session.dial = self.now.checked_add(wait).map_or(Dial::Rest, Dial::Waiting);
    }

    /// Somebody knows that the peer is there: what was begun before is not waited for.
    pub(super) fn connect_now(&mut self) {
        self.session.backoff.reset();
        let now = self.now;
        self.session.missed.found(now);
        let stuck = |link: &Link| {
            let old = now.saturating_duration_since(link.since) >= COLLISION_WAIT;
            link.side == Side::Outgoing && matches!(link.phase, Phase::OpenSent(_)) && old
        };
        if self.session.leader().is_none()
            && let Some(index) = self.session.links.iter().position(stuck)
        {
            let connection = self.session.links.remove(index).id;
            self.act(Action::Disconnect { connection });
        }
        if self.session.wants_to_dial() {
            if let Dial::Attempt(_) = self.session.dial {
                self.act(Action::CancelConnect);
            }
            self.connect();
        }
    }

    /// After each event: dials when nothing else is on its way, and gives up what is not needed any more.
    pub(super) fn settle_dial(&mut self) {
        let needed = self.session.wants_to_dial();
        match self.session.dial {
            Dial::Rest => self.redial(Pace::Plain),
            Dial::Waiting(_) if !needed => self.session.dial = Dial::Rest,
            Dial::Attempt(_) if self.session.mode != Mode::Running || self.session.leader().is_some() => {
                self.session.dial = Dial::Rest;
                self.act(Action::CancelConnect);
            }
            Dial::Waiting(_) | Dial::Attempt(_) => {}
        }
    }
}
