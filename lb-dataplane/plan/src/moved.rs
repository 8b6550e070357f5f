//! How far two installed states are apart, slot by slot.

use std::collections::HashMap;

use guideway_abi::{UNSETTLED, backend_state};

use crate::installed::InstalledSet;
use crate::plan::state_of;
use crate::{Installed, SetIndex};

/// Slots of lookup tables that have another backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// All of them.
    pub slots: u64,
    /// Those whose backend from before lives: established flows depend on being looked after.
    pub live: u64,
    /// Slots of all tables before, those of new sets not counted.
    pub of: u64,
}

impl Installed {
    /// What has another backend in `next`, a state that was planned from this one. Sets that are only in one of them do not
    /// count; where tables have another size, all of their slots do.
    #[must_use]
    pub fn moved_to(&self, next: &Self) -> Moved {
        let mut moved = Moved::default();
        for (before, after) in self.pairs(next) {
            let Some((before, after)) = before.layers.as_ref().zip(after.layers.as_ref()) else { continue };
            moved.of += before.current.len() as u64;
            if std::sync::Arc::ptr_eq(&before.current, &after.current) {
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

    /// The sets of both, by name where names are known and else by place.
    fn pairs<'i>(&'i self, next: &'i Self) -> Vec<(&'i InstalledSet, &'i InstalledSet)> {
        let set =
            |sets: &'i [Option<InstalledSet>], index: SetIndex| sets.get(usize::from(index.0))?.as_ref();
        let (Some(before), Some(after)) = (self.names(), next.names()) else {
            return self
                .sets
                .iter()
                .zip(next.sets.iter())
                .filter_map(|(a, b)| a.as_ref().zip(b.as_ref()))
                .collect();
        };
        let pair = |(name, index): (&&str, &SetIndex)| {
            set(&self.sets, *index).zip(set(&next.sets, *after.get(name)?))
        };
        before.iter().filter_map(pair).collect()
    }

    fn names(&self) -> Option<HashMap<&str, SetIndex>> {
        let last = self.memory.last.as_ref()?;
        let names = last.vips.set_names.iter().map(AsRef::as_ref);
        Some(names.zip(last.sets.iter().map(|set| set.index)).collect())
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

        // Names count and not places, as far as they are known.
        let mut swapped = desired.clone();
        swapped.sets.reverse();
        let moved = first.moved_to(&installed(&swapped, &first));
        assert_eq!((moved.slots, moved.live), (0, 0));
    }
}
