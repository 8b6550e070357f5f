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

/// The longest wait, unless the base is longer. It is also how long a session has to last to count as a success.
pub(crate) const CEILING: Duration = Duration::from_secs(10);

/// Counts how often the peer answered and refused: the wait doubles from a base up to [`CEILING`].
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    refusals: u32,
}

impl Backoff {
    /// The wait after one more refusal.
    pub(crate) fn next(&mut self, base: Duration, jitter: Jitter) -> Duration {
        let factor = 1u32.checked_shl(self.refusals).unwrap_or(u32::MAX);
        let wait = base.saturating_mul(factor).min(base.max(CEILING));
        self.refusals = self.refusals.saturating_add(1);
        jitter.apply(wait)
    }

    pub(crate) fn reset(&mut self) {
        self.refusals = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(base: u64) -> Vec<u64> {
        let mut backoff = Backoff::default();
        (0..6).map(|_| backoff.next(Duration::from_secs(base), Jitter::NONE).as_secs()).collect()
    }

    #[test]
    fn doubles_up_to_ten_seconds_and_starts_again() {
        assert_eq!(waits(1), [1, 2, 4, 8, 10, 10]);
        assert_eq!(waits(5), [5, 10, 10, 10, 10, 10]);
        assert_eq!(waits(60), [60, 60, 60, 60, 60, 60]);
        let base = Duration::from_secs(1);
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            assert!(backoff.next(base, Jitter::NONE) <= CEILING);
        }
        backoff.reset();
        assert_eq!(backoff.next(base, Jitter(0)), Duration::from_millis(750));
    }
}
