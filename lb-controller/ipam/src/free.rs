//! Free addresses of a pool and family as intervals, so that a whole /64 is one of them.

use std::collections::BTreeMap;

use crate::pool::BuggyAddresses;
use crate::steps;

/// Disjoint intervals, first to last. With [`BuggyAddresses::Avoid`] both ends are addresses that may be given, so the first
/// one of any interval is free; avoided addresses within are stepped over when an interval is cut there.
#[derive(Clone, Debug)]
pub(crate) struct Free {
    buggy: BuggyAddresses,
    intervals: BTreeMap<u128, u128>,
}

impl Free {
    pub(crate) fn new(buggy: BuggyAddresses) -> Self {
        Self { buggy, intervals: BTreeMap::new() }
    }

    /// Whether it is one that the pool gives.
    pub(crate) fn gives(&self, number: u128) -> bool {
        gives(self.buggy, number)
    }

    /// The lowest free address.
    pub(crate) fn first(&self) -> Option<u128> {
        steps::count();
        self.intervals.first_key_value().map(|(&first, _)| first)
    }

    /// The addresses from the first to the last are free. They must not be so already.
    pub(crate) fn insert(&mut self, first: u128, last: u128) {
        steps::count();
        let Some((mut first, mut last)) = self.trimmed(first, last) else { return };
        if let Some((&before, &end)) = self.intervals.range(..first).next_back()
            && self.next(end) == Some(first)
        {
            self.intervals.remove(&before);
            first = before;
        }
        if let Some((&after, &end)) = self.intervals.range(last..).next()
            && self.next(last) == Some(after)
        {
            self.intervals.remove(&after);
            last = end;
        }
        self.intervals.insert(first, last);
    }

    /// The address is no longer free.
    pub(crate) fn take(&mut self, number: u128) {
        steps::count();
        let Some((&first, &last)) = self.intervals.range(..=number).next_back() else { return };
        if number > last {
            return;
        }
        self.intervals.remove(&first);
        if first < number
            && let Some((first, last)) = self.trimmed(first, number - 1)
        {
            self.intervals.insert(first, last);
        }
        if number < last
            && let Some((first, last)) = self.trimmed(number + 1, last)
        {
            self.intervals.insert(first, last);
        }
    }

    /// Without avoided addresses at the ends: of three in a row at least one is given.
    fn trimmed(&self, mut first: u128, mut last: u128) -> Option<(u128, u128)> {
        while !self.gives(first) {
            first = first.checked_add(1)?;
        }
        while !self.gives(last) {
            last = last.checked_sub(1)?;
        }
        (first <= last).then_some((first, last))
    }

    /// The next address that the pool would give.
    fn next(&self, number: u128) -> Option<u128> {
        let mut next = number.checked_add(1)?;
        while !self.gives(next) {
            next = next.checked_add(1)?;
        }
        Some(next)
    }
}

fn gives(buggy: BuggyAddresses, number: u128) -> bool {
    buggy == BuggyAddresses::Give || !matches!(number & 0xff, 0 | 0xff)
}

/// How many addresses a range has that a pool gives; [`u128::MAX`] when it is one more than that.
pub(crate) fn capacity(buggy: BuggyAddresses, first: u128, last: u128) -> u128 {
    let all = (last - first).saturating_add(1);
    if buggy == BuggyAddresses::Give {
        return all;
    }
    // Those ending in 0 and in 255 up to and with a number.
    let zeros = |number: u128| number / 256 + 1;
    let ones = |number: u128| number / 256 + u128::from(number % 256 == 255);
    let below = |count: fn(u128) -> u128, first: u128| first.checked_sub(1).map_or(0, count);
    let avoided = zeros(last) - below(zeros, first) + ones(last) - below(ones, first);
    all - avoided
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_families_have_room() {
        let mut all = Free::new(BuggyAddresses::Give);
        all.insert(0, u128::MAX);
        all.take(0);
        all.take(u128::MAX);
        assert_eq!(all.first(), Some(1));
        all.insert(0, 0);
        all.insert(u128::MAX, u128::MAX);
        assert_eq!(all.intervals, BTreeMap::from([(0, u128::MAX)]));
        assert_eq!(capacity(BuggyAddresses::Give, 0, u128::MAX), u128::MAX);
    }

    proptest! {
        /// Against a set of numbers.
        #[test]
        fn intervals_are_a_set(
            avoid: bool,
            start in 0_u128..600,
            length in 1_u128..1200,
            ops in proptest::collection::vec((any::<bool>(), 0_u128..1800), 0..200),
        ) {
            let buggy = if avoid { BuggyAddresses::Avoid } else { BuggyAddresses::Give };
            let mut free = Free::new(buggy);
            let range = start..start + length;
            free.insert(start, start + length - 1);
            let mut model: BTreeSet<u128> = range.clone().filter(|n| gives(buggy, *n)).collect();
            prop_assert_eq!(capacity(buggy, start, start + length - 1), model.len() as u128);
            for (release, number) in ops {
                if !range.contains(&number) {
                    continue;
                }
                if release {
                    if gives(buggy, number) && model.insert(number) {
                        free.insert(number, number);
                    }
                } else {
                    free.take(number);
                    model.remove(&number);
                }
                prop_assert_eq!(free.first(), model.first().copied());
                let total: u128 = free.intervals.iter().map(|(first, last)| capacity(buggy, *first, *last)).sum();
                prop_assert_eq!(total, model.len() as u128);
            }
        }
    }
}
