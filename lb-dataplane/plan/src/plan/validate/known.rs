//! Whether a configuration is right because the last one was, of which it changes little.

use std::collections::HashMap;
use std::sync::Arc;

use guideway_abi::Capacities;
use guideway_packet::Address;

use super::members_error;
use crate::digest::identity;
use crate::resolved::{VipPart, same_shape};
use crate::{BackendSet, Desired, Member};

/// A configuration in which no error was found.
#[derive(Debug)]
pub(crate) struct Valid {
    capacities: Capacities,
    vips: Arc<VipPart>,
    sets: Vec<ValidSet>,
}

#[derive(Debug)]
struct ValidSet {
    set: BackendSet,
    /// Of all its [`named`] backends.
    identities: Arc<[u64]>,
}

/// All backends that a set names.
fn named(set: &BackendSet) -> impl Iterator<Item = &Member> {
    let earlier = set.earlier.iter().flat_map(|earlier| earlier.members.iter());
    set.members.iter().chain(set.upcoming_members()).chain(earlier)
}

/// What must be the same when two backends have the same identity.
fn told_apart(member: &Member) -> (&str, Address) {
    (&member.name, Address::from(member.address))
}

impl Valid {
    /// `desired`, in which no error was found; `last` knows the identities of the sets that are as they were.
    pub(crate) fn new(
        desired: &Desired,
        capacities: &Capacities,
        vips: &Arc<VipPart>,
        last: Option<&Self>,
    ) -> Self {
        let known = |place: usize| last.and_then(|last| last.sets.get(place));
        let set = |(place, set): (usize, &BackendSet)| {
            let same = known(place).filter(|known| same_shape(&known.set, set));
            let identities = same.map_or_else(
                || named(set).map(|member| identity(&member.name, member.address)).collect(),
                |same| Arc::clone(&same.identities),
            );
            ValidSet { set: set.clone(), identities }
        };
        Self {
            capacities: *capacities,
            vips: Arc::clone(vips),
            sets: desired.sets.iter().enumerate().map(set).collect(),
        }
    }

    /// Whether these are the VIPs and the capacities for which no error was found.
    pub(crate) fn has_vips(&self, vips: &Arc<VipPart>, capacities: &Capacities) -> bool {
        Arc::ptr_eq(&self.vips, vips) && self.capacities == *capacities
    }

    /// The sets that may have errors. `None` when there are others than before.
    pub(crate) fn changed(&self, desired: &Desired) -> Option<Vec<usize>> {
        let is_same = |place: &usize| same_shape(&self.sets[*place].set, &desired.sets[*place]);
        (self.sets.len() == desired.sets.len())
            .then(|| (0..self.sets.len()).filter(|place| !is_same(place)).collect())
    }

    /// Whether there is certainly no error when only the `changed` sets are others, and the VIPs the same. No limit but that
    /// of the backends depends on who is in a set.
    pub(crate) fn fits(&self, desired: &Desired, changed: &[usize]) -> bool {
        let is_replaced = |&place: &usize| {
            let (old, new) = (&self.sets[place].set, &desired.sets[place]);
            let is_kept =
                old.name == new.name && old.table_size == new.table_size && old.second_hop == new.second_hop;
            let upcoming = new.upcoming.iter().map(|upcoming| &upcoming.members);
            let earlier = new.earlier.iter().map(|earlier| &earlier.members);
            let mut lists = std::iter::once(&new.members).chain(upcoming).chain(earlier);
            is_kept && lists.all(|members| members_error(new, members).is_none())
        };
        // Some may be counted twice here.
        let backends: usize = desired.sets.iter().map(|set| named(set).count()).sum();
        backends < self.capacities.backends as usize
            && changed.iter().all(is_replaced)
            && self.are_told_apart(desired, changed)
    }

    /// Whether no backend of the `changed` sets has the identity of another backend.
    fn are_told_apart(&self, desired: &Desired, changed: &[usize]) -> bool {
        let mut new = HashMap::new();
        for member in changed.iter().flat_map(|&place| named(&desired.sets[place])) {
            let what = told_apart(member);
            if new.insert(identity(&member.name, member.address), what).is_some_and(|other| other != what) {
                return false;
            }
        }
        let kept = self.sets.iter().enumerate().filter(|(place, _)| changed.binary_search(place).is_err());
        kept.flat_map(|(_, known)| known.identities.iter().enumerate().map(move |at| (&known.set, at))).all(
            |(set, (at, identity))| {
                new.get(identity)
                    .is_none_or(|what| named(set).nth(at).is_some_and(|member| told_apart(member) == *what))
            },
        )
    }
}
