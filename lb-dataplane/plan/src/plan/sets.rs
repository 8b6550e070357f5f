//! Places of the backend sets.
//!
//! A set keeps its place, and with it what is remembered of its slots, as long as its VIPs do not leave it. The maps do
//! not know the names of sets: which place is which set's is told by its name when the last plan knew it, else by the
//! backends in it and by the VIPs that use it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::backends::Backends;
use super::resolve::Resolved;
use crate::installed::InstalledSet;
use crate::memory::{LastPlan, LastSet};
use crate::{Installed, SetIndex};

pub(super) struct Sets {
    /// In the order of the resolved sets.
    pub(super) indexes: Vec<SetIndex>,
    /// Whether the installed set at this place is the same one.
    pub(super) stays: Vec<bool>,
}

impl Sets {
    /// The installed set that the resolved set at `set` goes on from.
    pub(super) fn installed<'i>(&self, set: usize, installed: &'i Installed) -> Option<&'i InstalledSet> {
        let there = installed.sets.get(usize::from(self.indexes[set].0)).and_then(Option::as_ref);
        there.filter(|_| self.stays[set])
    }
}

/// The sets of the last plan, in the order of the resolved sets.
pub(super) fn last_sets<'a>(resolved: &Resolved, last: Option<&'a LastPlan>) -> Vec<Option<&'a LastSet>> {
    let Some(last) = last else { return vec![None; resolved.sets.len()] };
    if std::sync::Arc::ptr_eq(&last.vips, &resolved.vips) {
        return last.sets.iter().map(Some).collect();
    }
    let by_name: HashMap<&str, &LastSet> =
        last.vips.set_names.iter().map(String::as_str).zip(&last.sets).collect();
    resolved.vips.set_names.iter().map(|name| by_name.get(name.as_str()).copied()).collect()
}

/// `backends` are there already, for they do not depend on it.
pub(super) fn place(
    resolved: &Resolved,
    last: &[Option<&LastSet>],
    backends: &Backends,
    installed: &Installed,
) -> Sets {
    let mut places: Vec<Option<SetIndex>> = last.iter().map(|last| last.map(|last| last.index)).collect();
    let mut taken: BTreeSet<SetIndex> = places.iter().flatten().copied().collect();
    if places.iter().any(Option::is_none) {
        let mut claims = claims(resolved, &places, backends, installed);
        claims.sort_unstable();
        for (.., set, index) in claims {
            if places[set].is_none() && taken.insert(index) {
                places[set] = Some(index);
            }
        }
    }
    let stays = places.iter().map(Option::is_some).collect();
    let mut free = (0..u16::MAX).map(SetIndex).filter(|index| !taken.contains(index));
    // There are no more sets than indexes.
    let indexes =
        places.into_iter().map(|place| place.or_else(|| free.next()).unwrap_or(SetIndex(u16::MAX))).collect();
    Sets { indexes, stays }
}

/// No VIP in common, backends in common and VIPs in common (more of them first), set, place.
type Claim = (bool, Reverse<usize>, Reverse<usize>, usize, SetIndex);

fn claims(
    resolved: &Resolved,
    places: &[Option<SetIndex>],
    backends: &Backends,
    installed: &Installed,
) -> Vec<Claim> {
    let installed_at: HashMap<u64, SetIndex> = installed
        .vips
        .records
        .iter()
        .filter(|record| record.identity != 0)
        .map(|record| (record.identity, SetIndex(record.set)))
        .collect();
    let mut votes: BTreeMap<(usize, SetIndex), usize> = BTreeMap::new();
    for (identity, &set) in resolved.vips.identities.iter().zip(&resolved.vips.sets) {
        if let (None, Some(&index)) = (places[set], installed_at.get(identity)) {
            *votes.entry((set, index)).or_default() += 1;
        }
    }
    let nameless = (0..places.len()).filter(|&set| places[set].is_none());
    let there = || (0..).zip(installed.sets.iter()).filter(|(_, set)| set.is_some());
    for set in nameless {
        for (index, _) in there() {
            votes.entry((set, SetIndex(index))).or_default();
        }
    }
    let common = |set: usize, index: SetIndex| {
        let there = installed.sets.get(usize::from(index.0)).and_then(Option::as_ref);
        let there = there.map(|set| &*set.backends).unwrap_or_default();
        backends.of_sets[set].iter().filter(|backend| there.binary_search(&backend.0).is_ok()).count()
    };
    votes
        .into_iter()
        .map(|((set, index), votes)| (votes == 0, Reverse(common(set, index)), Reverse(votes), set, index))
        .filter(|(is_stranger, common, ..)| !is_stranger || common.0 > 0)
        .collect()
}
