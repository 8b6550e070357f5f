//! A peer that was there a short time ago is looked for more often: it is probably there again soon.

use std::time::{Duration, Instant};

use crate::config::Config;

/// How long it is looked for so. A peer that stays away longer is dialled as one that was never there.
const MISSED: Duration = Duration::from_secs(60);
/// So many attempts in the time of one.
const ATTEMPTS: u32 = 5;
/// So many waits in the time of one.
const WAITS: u32 = 4;
/// An attempt is given this many times the time that the peer took to answer an OPEN, so that one who is far away is met.
const PATIENCE: u32 = 3;

/// What is known of the peer from sessions that stood.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// How long it took to answer our last OPEN: at least a round trip.
    answered_in: Option<Duration>,
    until: Option<Instant>,
}

impl Missed {
    /// A session stands.
    pub(super) fn met(&mut self, answered_in: Duration) {
        self.answered_in = Some(answered_in);
    }

    /// The session is gone.
    pub(super) fn lost(&mut self, now: Instant) {
        self.until = now.checked_add(MISSED);
    }

    /// Somebody knows that the peer is there.
    pub(super) fn found(&mut self, now: Instant) {
        if self.until.is_some() {
            self.lost(now);
        }
    }

    pub(super) fn is_missed(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// How long an attempt may take.
    pub(super) fn attempt(&self, config: &Config, now: Instant) -> Duration {
        match self.answered_in {
            Some(time) if self.is_missed(now) => {
                let short = (config.connect_timeout / ATTEMPTS).max(time.saturating_mul(PATIENCE));
                short.min(config.connect_timeout)
            }
            _ => config.connect_timeout,
        }
    }

    /// The wait between attempts, whether nobody answers or the peer refuses; `None` when it is not missed.
    pub(super) fn wait(&self, config: &Config, now: Instant) -> Option<Duration> {
        self.is_missed(now).then(|| config.connect_retry / WAITS)
    }
}
