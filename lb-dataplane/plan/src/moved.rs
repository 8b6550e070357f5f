//! How far two installed states are apart, slot by slot.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use guideway_abi::{UNSETTLED, VipRecord, backend_state};

use crate::Installed;
use crate::installed::{InstalledSet, InstalledVips};
use crate::plan::state_of;

/// Slots of lookup tables that have another backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// All of them.
    pub slots: u64,
    /// Those whose backend from before lives: established flows depend on being looked after.
    pub live: u64,
    /// Slots of all tables before, those of sets that are gone not counted.
    pub of: u64,
}

impl Installed {
    /// What has another backend in `next`, a state that was planned from this one. VIPs that are only in one of them do not
    /// count; those of a set count once, unless they come from several. Where tables have another size, all of their slots do.
    #[must_use]
    pub fn moved_to(&self, next: &Self) -> Moved {
        let mut moved = Moved::default();
        for (before, after) in self.pairs(next) {
            let Some((before, after)) = before.layers.as_ref().zip(after.layers.as_ref()) else { continue };
            moved.of += before.current.len() as u64;
            if Arc::ptr_eq(&before.current, &after.current) {
                continue;
            }
            let is_resized = before.current.len() != after.current.len();
            for (slot, before) in before.current.iter().enumerate() {
                let before = before & !UNSETTLED;
                if is_resized || before != after.current[slot] & !UNSETTLED {
                    moved.slots += 1;
                    moved.live += u64::from(state_of(&next.states, before) != backend_state::DEAD);
                }
            }
        }
        moved
    }

    /// The places of each VIP that is in both, each pair once.
    fn pairs<'i>(&'i self, next: &'i Self) -> impl Iterator<Item = (&'i InstalledSet, &'i InstalledSet)> {
        let used = |vips: &'i InstalledVips| vips.records.iter().filter(|record| record.identity != 0);
        let pairs: BTreeSet<(u16, u16)> = if Arc::ptr_eq(&self.vips, &next.vips) {
            used(&self.vips).map(|record| (record.set, record.set)).collect()
        } else {
            let after: HashMap<u64, u16> =
                used(&next.vips).map(|record| (record.identity, record.set)).collect();
            let pair = |record: &VipRecord| Some((record.set, *after.get(&record.identity)?));
            used(&self.vips).filter_map(pair).collect()
        };
        let at = |sets: &'i [Option<InstalledSet>], index: u16| sets.get(usize::from(index))?.as_ref();
        pairs.into_iter().filter_map(move |(before, after)| at(&self.sets, before).zip(at(&next.sets, after)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NOW, SMALL_MAPS, web_and_dns};
    use crate::{Desired, Outcome, TableCache, TableSize, plan};

    fn installed(desired: &Desired, before: &Installed) -> Installed {
        match plan(desired, before, NOW, &mut TableCache::new()).unwrap() {
            Outcome::Plan(plan) => plan.installed,
            Outcome::Unchanged(_) => before.clone(),
        }
    }

    #[test]
    fn slots_that_have_another_backend_are_counted() {
        let desired = web_and_dns();
        let empty = Installed::empty(SMALL_MAPS);
        let first = installed(&desired, &empty);
        assert_eq!(empty.moved_to(&first), Moved::default(), "sets that are new move nothing");
        let same = first.moved_to(&first);
        assert_eq!((same.slots, same.live), (0, 0));
        assert_eq!(same.of % 16_381, 0);

        // One of three fails: its slots move, and those of the others hardly do.
        let mut failed = desired.clone();
        failed.sets[0].members[0].healthy = false;
        let moved = first.moved_to(&installed(&failed, &first));
        assert!(moved.slots >= 5460 && moved.live < 1000, "{moved:?}");

        // One of three is gone from the configuration and lives: its flows are looked after.
        let mut gone = desired.clone();
        gone.sets[0].members.remove(0);
        let moved = first.moved_to(&installed(&gone, &first));
        assert!(moved.live >= 5460 && moved.live <= moved.slots, "{moved:?}");

        // In a table of another size any flow may have another backend.
        let mut resized = desired.clone();
        resized.sets[0].table_size = TableSize::Large;
        let moved = first.moved_to(&installed(&resized, &first));
        assert_eq!((moved.slots, moved.live), (16_381, 16_381));

        // A VIP that is given another set, and the others of neither.
        let mut other = desired.clone();
        let mut vips = other.vips.to_vec();
        vips[2].set = "web".to_owned();
        other.vips = vips.into();
        let moved = first.moved_to(&installed(&other, &first));
        // One of its two backends is in both sets.
        assert!((8_000..14_000).contains(&moved.slots) && moved.live == moved.slots, "{moved:?}");
        assert_eq!(moved.of, 2 * 16_381);

        // VIPs count and not places.
        let mut swapped = desired.clone();
        swapped.sets.reverse();
        let moved = first.moved_to(&installed(&swapped, &first));
        assert_eq!((moved.slots, moved.live), (0, 0));
    }
}
