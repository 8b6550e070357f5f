//! How long to wait before the next attempt.

use std::time::Duration;

/// A random number from outside that spreads timers (RFC 4271 section 10): 0 shortens a time to three quarters,
/// [`u32::MAX`] leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter(pub u32);

impl Jitter {
    /// No shortening.
    pub const NONE: Self = Self(u32::MAX);

    pub(crate) fn apply(self, time: Duration) -> Duration {
        let quarter = time / 4;
        let part = quarter.as_nanos() * u128::from(self.0) / u128::from(u32::MAX);
        time - quarter + Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX))
    }
}

/// Doubles from a base to eight times the base.
#[derive(Debug)]
pub(crate) struct Backoff {
    base: Duration,
    failures: u32,
}

const MAX_DOUBLINGS: u32 = 3;

impl Backoff {
    pub(crate) fn new(base: Duration) -> Self {
        Self { base, failures: 0 }
    }

    /// The longest wait.
    pub(crate) fn longest(&self) -> Duration {
        self.base * (1 << MAX_DOUBLINGS)
    }

    /// The wait after one more failure.
    pub(crate) fn next(&mut self, jitter: Jitter) -> Duration {
        let wait = self.base * (1 << self.failures.min(MAX_DOUBLINGS));
        self.failures = self.failures.saturating_add(1);
        jitter.apply(wait)
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_eight_times_and_starts_again() {
        let mut backoff = Backoff::new(Duration::from_secs(5));
        let waits: Vec<u64> = (0..6).map(|_| backoff.next(Jitter::NONE).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 40, 40]);
        assert_eq!(backoff.longest().as_secs(), 40);
        backoff.reset();
        assert_eq!(backoff.next(Jitter(0)), Duration::from_millis(3750));
    }
}
