//! Intervals as packets carry them.

use std::time::Duration;

/// Microseconds in 32 bits: at most 71 minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Interval(u32);

impl Interval {
    /// Zero, which has a meaning of its own in each field.
    pub const ZERO: Self = Self(0);
    /// RFC 5880 section 6.8.3: the least interval of a session that is not Up.
    pub const SLOW: Self = Self(1_000_000);

    /// From microseconds.
    #[must_use]
    pub const fn from_micros(micros: u32) -> Self {
        Self(micros)
    }

    /// From a time; what is longer than the field can say becomes the longest.
    #[must_use]
    pub fn new(time: Duration) -> Self {
        Self(u32::try_from(time.as_micros()).unwrap_or(u32::MAX))
    }

    /// In microseconds.
    #[must_use]
    pub const fn micros(self) -> u32 {
        self.0
    }

    /// As a time.
    #[must_use]
    pub const fn time(self) -> Duration {
        Duration::from_micros(self.0 as u64)
    }

    /// Whether it is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// How much of the allowed jitter one gap between two packets takes: a random number that the caller draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Jitter(u16);

impl Jitter {
    /// The longest gap.
    pub const LEAST: Self = Self(0);
    /// The shortest gap.
    pub const MOST: Self = Self(u16::MAX);

    /// From a random number.
    #[must_use]
    pub const fn new(random: u16) -> Self {
        Self(random)
    }

    /// RFC 5880 section 6.8.7: each interval is shortened by 0 to 25 percent; when the peer waits for a single packet, by
    /// 10 to 25 percent, so that the next one leaves before it is missed.
    #[must_use]
    pub fn apply(self, interval: Duration, detect_mult: u8) -> Duration {
        let range = u64::from(u16::MAX);
        let random = u64::from(self.0);
        let (least, most) = if detect_mult == 1 { (10, 25) } else { (0, 25) };
        let percent_of_range = least * range + random * (most - least);
        let nanos = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        let cut = u128::from(nanos) * u128::from(percent_of_range) / u128::from(range * 100);
        Duration::from_nanos(nanos - u64::try_from(cut).unwrap_or(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_to_the_field() {
        assert_eq!(Interval::new(Duration::from_secs(1)), Interval::SLOW);
        assert_eq!(Interval::new(Duration::from_secs(10_000)).micros(), u32::MAX);
        assert_eq!(Interval::from_micros(50_000).time(), Duration::from_millis(50));
    }

    #[test]
    fn jitter_stays_in_its_bounds() {
        let second = Duration::from_secs(1);
        assert_eq!(Jitter::LEAST.apply(second, 3), second);
        assert_eq!(Jitter::MOST.apply(second, 3), Duration::from_millis(750));
        assert_eq!(Jitter::LEAST.apply(second, 1), Duration::from_millis(900));
        assert_eq!(Jitter::MOST.apply(second, 1), Duration::from_millis(750));
        let middle = Jitter::new(u16::MAX / 2).apply(second, 3);
        assert!(middle > Duration::from_millis(874) && middle < Duration::from_millis(876));
    }
}
