//! Other owners for the slots of members that cannot serve.

use crate::Seed;
use crate::hash::refill_step;

/// With fewer slots than this in healthy hands the walk from each orphaned slot gets long, and it is cheaper to compute
/// for each healthy slot when the walk would meet it.
const SCARCE: usize = 256;

/// See [`Table::with_health`](crate::Table::with_health).
pub(crate) fn refill(seed: &Seed, slots: &[u16], healthy: impl Fn(u16) -> bool) -> Option<Vec<u16>> {
    let served: Vec<bool> = slots.iter().map(|&owner| healthy(owner)).collect();
    match served.iter().filter(|&&served| served).count() {
        0 => None,
        count if count == slots.len() => Some(slots.to_vec()),
        count if count < SCARCE => Some(by_distance(seed, slots, &served)),
        _ => Some(by_walk(seed, slots, &served)),
    }
}

/// Walks from each orphaned slot until it meets a served one. `served` holds at least one.
fn by_walk(seed: &Seed, slots: &[u16], served: &[bool]) -> Vec<u16> {
    let m = size(slots);
    let mut refilled = slots.to_vec();
    for slot in orphans(served) {
        let step = refill_step(seed, slot, m);
        let mut at = slot;
        while !served[at as usize] {
            at += step;
            if at >= m {
                at -= m;
            }
        }
        refilled[slot as usize] = slots[at as usize];
    }
    refilled
}

/// Comes to the same result: the walk meets slot `at` after (at - slot) / step steps, modulo the prime M.
fn by_distance(seed: &Seed, slots: &[u16], served: &[bool]) -> Vec<u16> {
    let m = size(slots);
    let candidates: Vec<u32> = (0..m).filter(|&slot| served[slot as usize]).collect();
    let inverses = inverses(m);
    let mut refilled = slots.to_vec();
    for slot in orphans(served) {
        let inverse = u64::from(inverses[refill_step(seed, slot, m) as usize]);
        let steps = |&at: &u32| u64::from(at + m - slot) * inverse % u64::from(m);
        if let Some(&at) = candidates.iter().min_by_key(|at| steps(at)) {
            refilled[slot as usize] = slots[at as usize];
        }
    }
    refilled
}

/// Multiplicative inverses modulo the prime `m`, by the index; element 0 means nothing.
#[allow(clippy::cast_possible_truncation)] // remainders of division by a u32
fn inverses(m: u32) -> Vec<u32> {
    let mut inverses = vec![0, 1];
    for value in 2..m {
        let of_remainder = u64::from(inverses[(m % value) as usize]);
        inverses.push((u64::from(m - m / value) * of_remainder % u64::from(m)) as u32);
    }
    inverses
}

fn orphans(served: &[bool]) -> impl Iterator<Item = u32> {
    (0..).zip(served).filter(|&(_, &served)| !served).map(|(slot, _)| slot)
}

fn size(slots: &[u16]) -> u32 {
    u32::try_from(slots.len()).expect("a table has one of the sizes of TableSize")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverses_multiply_to_one() {
        for m in [5_u32, 16_381, 65_537] {
            for (value, inverse) in (1_u64..).zip(&inverses(m)[1..]) {
                assert_eq!(value * u64::from(*inverse) % u64::from(m), 1, "{value} mod {m}");
            }
        }
    }

    #[test]
    fn both_ways_agree() {
        let seed = Seed([9; 16]);
        for (m, every) in [(16_381_u16, 100), (16_381, 16_000), (65_521, 700)] {
            let slots: Vec<u16> = (0..m).collect();
            let served: Vec<bool> = slots.iter().map(|slot| slot % every == 3).collect();
            assert!(by_walk(&seed, &slots, &served) == by_distance(&seed, &slots, &served), "{m} {every}");
        }
    }
}
