//! Which slot was changed at which version.

use std::collections::VecDeque;

use super::table::{Slot, Version};

/// Fewer places than this are not worth the work of closing gaps.
const SMALL: usize = 64;

/// Changes in the order of their versions. Versions only grow, so that a change is added at the end and found by halving; one
/// that is taken out leaves a gap, and gaps are closed when they are more than half. This takes half of what a tree does.
#[derive(Debug, Default)]
pub(super) struct Log {
    versions: VecDeque<Version>,
    /// `None` for a gap.
    slots: VecDeque<Option<Slot>>,
    gaps: usize,
}

impl Log {
    /// Changes in it.
    pub(super) fn len(&self) -> usize {
        self.versions.len() - self.gaps
    }

    /// Makes room for so many changes, and for no more.
    pub(super) fn reserve(&mut self, total: usize) {
        let more = total.saturating_sub(self.versions.len());
        self.versions.reserve_exact(more);
        self.slots.reserve_exact(more);
    }

    /// Adds a change that is younger than all others.
    pub(super) fn push(&mut self, version: Version, slot: Slot) {
        debug_assert!(self.versions.back().is_none_or(|last| *last < version), "versions only grow");
        self.versions.push_back(version);
        self.slots.push_back(Some(slot));
    }

    /// Takes a change out.
    pub(super) fn remove(&mut self, version: Version) -> Option<Slot> {
        let place = self.versions.binary_search(&version).ok()?;
        let slot = self.slots.get_mut(place)?.take()?;
        self.gaps += 1;
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.versions.pop_front();
            self.gaps -= 1;
        }
        if self.versions.is_empty() && self.versions.capacity() > SMALL {
            // What had room for thousands of withdrawals may never see another one.
            *self = Self::default();
        }
        if self.versions.len() >= SMALL && self.gaps * 2 > self.versions.len() {
            self.close_gaps();
        }
        Some(slot)
    }

    /// The slots that changed behind `version`, in order.
    pub(super) fn since(&self, version: Version) -> impl Iterator<Item = Slot> {
        let from = self.versions.partition_point(|known| *known <= version);
        self.slots.range(from..).copied().flatten()
    }

    fn close_gaps(&mut self) {
        let mut slots = self.slots.iter();
        self.versions.retain(|_| slots.next().is_some_and(Option::is_some));
        self.slots.retain(Option::is_some);
        self.gaps = 0;
        self.versions.shrink_to(self.versions.len() * 2);
        self.slots.shrink_to(self.slots.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// It does what a map does that is ordered by version.
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((any::<bool>(), 0..400_u64), 1..400)) {
            let (mut log, mut map, mut version) = (Log::default(), BTreeMap::new(), 0);
            for (adds, number) in steps {
                if adds {
                    version += 1 + number % 3;
                    let slot = Slot::new(usize::try_from(number).unwrap());
                    log.push(version, slot);
                    map.insert(version, slot);
                } else {
                    prop_assert_eq!(log.remove(number), map.remove(&number));
                }
                prop_assert_eq!(log.len(), map.len());
                let behind: Vec<_> = map.range(number + 1..).map(|(_, slot)| *slot).collect();
                prop_assert_eq!(log.since(number).collect::<Vec<_>>(), behind);
                prop_assert!(log.versions.len() <= (2 * map.len() + 1).max(SMALL));
                prop_assert!(!map.is_empty() || log.versions.capacity() <= SMALL);
            }
        }
    }
}
