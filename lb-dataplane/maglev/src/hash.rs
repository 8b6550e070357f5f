//! Keyed hashes of names and slots.

use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher24 as SipHasher24x128};
use std::hash::Hasher;

use crate::Seed;

/// Offset and skip of a member's permutation of `m` slots: 0..m and 1..m.
pub(crate) fn permutation(seed: &Seed, name: &str, m: u32) -> (u32, u32) {
    let mut hasher = SipHasher24x128::new_with_key(&seed.0);
    hasher.write(name.as_bytes());
    let hash = hasher.finish128();
    (remainder(hash.h1, m), 1 + remainder(hash.h2, m - 1))
}

/// Step of the walk that finds another owner for `slot`: 1..m.
pub(crate) fn refill_step(seed: &Seed, slot: u32, m: u32) -> u32 {
    let mut hasher = SipHasher24::new_with_key(&seed.0);
    hasher.write(&slot.to_le_bytes());
    1 + remainder(hasher.finish(), m - 1)
}

#[allow(clippy::cast_possible_truncation)] // less than `divisor`
fn remainder(value: u64, divisor: u32) -> u32 {
    (value % u64::from(divisor)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first vectors that the reference implementation of SipHash publishes: key 00..0f, no input.
    #[test]
    fn hashes_are_the_reference_ones() {
        let key: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let wide = SipHasher24x128::new_with_key(&key).finish128();
        assert_eq!(
            (wide.h1.to_le_bytes(), wide.h2.to_le_bytes()),
            (
                [0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6],
                [0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93]
            )
        );
        assert_eq!(SipHasher24::new_with_key(&key).finish(), 0x726f_db47_dd0e_0e31);
    }

    #[test]
    fn offset_and_skip_are_in_range() {
        for index in 0..2_000 {
            let (offset, skip) = permutation(&Seed([7; 16]), &format!("be{index}"), 5);
            assert!(offset < 5 && (1..5).contains(&skip));
            assert!((1..5).contains(&refill_step(&Seed([7; 16]), index, 5)));
        }
    }
}
