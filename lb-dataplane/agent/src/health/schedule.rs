//! When probes start.
//!
//! Probes of many backends would all start in the same instant after a start or a reload. The first one of a target
//! starts within [`FIRST_SPREAD`], for a verdict is waited for; the second one anywhere within an interval, and the
//! rest at that phase, interval by interval, start to start.

use std::time::Duration;

/// First probes are spread over this long, or over a quarter of the interval if that is shorter.
pub(super) const FIRST_SPREAD: Duration = Duration::from_millis(200);

/// A fraction of the whole, from 0 up to but not including 1, in units of 2^-32.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fraction(pub(super) u32);

impl Fraction {
    fn of(self, whole: Duration) -> Duration {
        let nanos = (whole.as_nanos() * u128::from(self.0)) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// From now to the start of the first probe.
pub(super) fn first_delay(interval: Duration, jitter: Fraction) -> Duration {
    jitter.of(FIRST_SPREAD.min(interval / 4))
}

/// From the start of the first probe to the start of the second: more than half an interval, at most one and a half.
pub(super) fn phase(interval: Duration, jitter: Fraction) -> Duration {
    interval / 2 + jitter.of(interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn delays_stay_in_their_bounds(interval_ms in 1_u64..3_600_000, jitter: u32) {
            let interval = Duration::from_millis(interval_ms);
            let first = first_delay(interval, Fraction(jitter));
            prop_assert!(first <= interval / 4 && first < FIRST_SPREAD);
            let phase = phase(interval, Fraction(jitter));
            prop_assert!(phase >= interval / 2 && phase < interval + interval / 2);
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        let interval = Duration::from_secs(1);
        assert_eq!(first_delay(interval, Fraction(0)), Duration::ZERO);
        assert_eq!(phase(interval, Fraction(1 << 31)), interval);
    }
}
