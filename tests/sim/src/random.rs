//! Numbers that follow from a seed alone, so that a history can be played again.

use std::time::Duration;

/// A generator with the step and the finalisation of SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator of `seed`; neighbouring seeds have nothing in common.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x5bd1_e995_9d1b_54a5))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`, which is not zero.
    #[allow(clippy::cast_possible_truncation)] // less than `bound`
    pub fn below(&mut self, bound: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// Whether an event with this chance in a hundred happens.
    pub fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }

    /// A time of whole milliseconds below `bound`, which is at least one.
    pub fn time(&mut self, bound: Duration) -> Duration {
        let bound = u32::try_from(bound.as_millis()).unwrap_or(u32::MAX).max(1);
        Duration::from_millis(u64::from(self.below(bound)))
    }
}

/// A bijection of the 64-bit numbers without visible pattern.
#[must_use]
pub const fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_in_range() {
        let (mut a, mut b) = (Random::new(7), Random::new(7));
        let mut seen = [0_u32; 6];
        for _ in 0..6_000 {
            let number = a.between(2, 5);
            assert_eq!(number, b.between(2, 5));
            seen[number as usize] += 1;
        }
        assert_eq!(seen[..2], [0, 0]);
        assert!(seen[2..].iter().all(|&count| count > 1_300), "{seen:?}");
        assert_ne!(Random::new(7).bits(), Random::new(8).bits());
    }
}
