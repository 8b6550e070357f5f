//! How a table is filled.
//!
//! Most of the work is at the end, when a member's walk has to pass nearly all of the table to meet one of the last free
//! slots. So walks look at some slots at once, and the last free slots are searched instead of walked to. Neither changes
//! which slot a member claims.

use crate::hash::permutation;
use crate::quota::quotas;
use crate::{Member, Seed, TableSize};

/// Stands for a free slot.
const FREE: u16 = u16::MAX;

/// Slots that a walk looks at at once: whether one of them is free can be told without a branch for each, and a branch that
/// is taken by chance costs more than a look at a slot.
const AT_ONCE: usize = 4;

/// With as few free slots as this it is cheaper to compute for each of them when the walk would meet it.
const FEW: u32 = 128;

/// The slots, each with the position of its owner in `members`, which are sorted by name. At least one has a weight, and
/// there are not more than slots.
pub(crate) fn fill(seed: &Seed, size: TableSize, members: &[Member]) -> Vec<u16> {
    let weights: Vec<u32> = members.iter().map(|member| u32::from(member.weight.0)).collect();
    let unit = weights.iter().copied().max().unwrap_or(0);
    let m = size.get();
    let walkers = (0..FREE).zip(members).zip(quotas(&weights, m)).filter(|&(_, quota)| quota > 0);
    let walkers = walkers.map(|((owner, member), left)| {
        let (next, skip) = permutation(seed, &member.name, m);
        let weight = u32::from(member.weight.0);
        Walker { owner, next, skip, inverse: 0, weight, credit: unit - weight, left }
    });
    // As a constant M makes remainders cheap.
    match size {
        TableSize::Large => take_turns::<{ TableSize::Large.get() }>(walkers.collect(), unit),
        TableSize::Small => take_turns::<{ TableSize::Small.get() }>(walkers.collect(), unit),
    }
}

/// A member's place in the walk over its permutation.
struct Walker {
    owner: u16,
    next: u32,
    skip: u32,
    /// Of `skip`, modulo M; zero until it is needed.
    inverse: u32,
    weight: u32,
    credit: u32,
    left: u32,
}

/// A slot costs the credit `unit`.
fn take_turns<const M: u32>(mut walkers: Vec<Walker>, unit: u32) -> Vec<u16> {
    let mut slots = vec![FREE; M as usize];
    let mut left = M;
    let mut last = Vec::new();
    // The quotas add up to the slots and a permutation visits every slot, so each claim finds a free one.
    while !walkers.is_empty() {
        walkers.retain_mut(|walker| {
            walker.credit += walker.weight;
            if walker.credit >= unit {
                walker.credit -= unit;
                if left == FEW {
                    last = (0..M).filter(|&slot| slots[slot as usize] == FREE).collect();
                }
                let slot = if left > FEW { walker.walk::<M>(&slots) } else { walker.search::<M>(&mut last) };
                slots[slot as usize] = walker.owner;
                walker.left -= 1;
                left -= 1;
            }
            walker.left > 0
        });
    }
    slots
}

impl Walker {
    /// The first free slot from the present one on. There is one.
    fn walk<const M: u32>(&mut self, slots: &[u16]) -> u32 {
        let skip2 = sum::<M>(self.skip, self.skip);
        let skip4 = sum::<M>(skip2, skip2);
        let second = sum::<M>(self.next, self.skip);
        let mut at: [u32; AT_ONCE] = [self.next, second, sum::<M>(self.next, skip2), sum::<M>(second, skip2)];
        loop {
            let mut free = 0_u32;
            for (bit, slot) in at.iter().enumerate() {
                free |= u32::from(slots[*slot as usize] == FREE) << bit;
            }
            if free != 0 {
                let slot = at[free.trailing_zeros() as usize % AT_ONCE];
                self.next = sum::<M>(slot, self.skip);
                return slot;
            }
            at = at.map(|slot| sum::<M>(slot, skip4));
        }
    }

    /// Takes the slot of `free` that the walk would meet first: it meets slot `at` after (at - next) / skip steps, modulo
    /// the prime M. The walk itself stays where it is, since the slots that it would pass are taken. `free` holds at least
    /// one.
    fn search<const M: u32>(&mut self, free: &mut Vec<u32>) -> u32 {
        if self.inverse == 0 {
            self.inverse = inverse::<M>(self.skip);
        }
        let steps = |at: u32| product::<M>(at + M - self.next, self.inverse);
        let (mut first, mut least) = (0, u32::MAX);
        for (index, &at) in free.iter().enumerate() {
            let steps = steps(at);
            if steps < least {
                (first, least) = (index, steps);
            }
        }
        free.swap_remove(first)
    }
}

/// Modulo M, of numbers below it.
fn sum<const M: u32>(a: u32, b: u32) -> u32 {
    let sum = a + b;
    // Below zero it wraps round to a large number.
    sum.min(sum.wrapping_sub(M))
}

#[allow(clippy::cast_possible_truncation)] // less than M
fn product<const M: u32>(a: u32, b: u32) -> u32 {
    (u64::from(a) * u64::from(b) % u64::from(M)) as u32
}

/// Modulo the prime M, of a number that is not zero: by Fermat's little theorem.
fn inverse<const M: u32>(value: u32) -> u32 {
    let (mut inverse, mut power, mut exponent) = (1, value, M - 2);
    while exponent > 0 {
        if exponent % 2 == 1 {
            inverse = product::<M>(inverse, power);
        }
        power = product::<M>(power, power);
        exponent /= 2;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<const M: u32>() {
        for value in (1..M).step_by(7) {
            assert_eq!(product::<M>(value, inverse::<M>(value)), 1, "{value} mod {M}");
            assert_eq!(sum::<M>(value, M - 1), value - 1, "{value} mod {M}");
            assert_eq!(sum::<M>(value, M - 1 - value), M - 1, "{value} mod {M}");
        }
    }

    #[test]
    fn numbers_modulo_m() {
        check::<65_537>();
        check::<16_381>();
    }
}
