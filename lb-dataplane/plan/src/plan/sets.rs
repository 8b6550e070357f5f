//! Places of the backend sets.
//!
//! A set keeps its place, and with it what is remembered of its slots, as long as its VIPs do not leave it. The maps do
//! not know the names of sets: which place is which set's is told by its name when the last plan knew it, else by the
//! backends in it and by the VIPs that use it.
//!
//! VIPs that come to a set from another one take what is remembered there along: until it is over they have a place of
//! their own, which goes on from a copy of the other set's. These are the further *parts* of a set. When the table of one is
//! the same as that of the set's first part and neither remembers anything, they are one again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::backends::Backends;
use super::resolve::Resolved;
use crate::index::tables_of;
use crate::installed::InstalledSet;
use crate::layers::{LayerKey, Layers};
use crate::memory::{LastPlan, LastSet};
use crate::{BootTime, Installed, SetIndex, TableElement, TableSize};

/// Where every part of every set stands.
pub(super) struct Sets<'a> {
    /// The first parts of the resolved sets, in their order, then the further ones.
    pub(super) parts: Vec<Part<'a>>,
    /// The part of each VIP, in the order of the VIPs; `None` when there are first parts only.
    of_vips: Option<Arc<[usize]>>,
}

/// VIPs of a set that have the same past.
pub(super) struct Part<'a> {
    /// Which of the resolved sets.
    pub(super) set: usize,
    pub(super) index: SetIndex,
    /// Place of the installed set that it goes on from.
    from: Option<SetIndex>,
    /// What the last plan left there, if it is known.
    pub(super) before: Option<&'a LastSet>,
    /// Places of other installed sets that VIPs of it come from, for whose past there is no room.
    lost: Vec<SetIndex>,
}

impl<'a> Part<'a> {
    /// The installed set that it goes on from.
    pub(super) fn installed<'i>(&self, installed: &'i Installed) -> Option<&'i InstalledSet> {
        at(installed, self.from?)
    }

    /// The same part, as the last plan left it.
    pub(super) fn last(&self, resolved: &Resolved) -> Option<&'a LastSet> {
        let name = &resolved.sets[self.set].set.name;
        self.before.filter(|before| before.index == self.index && before.resolved.set.name == *name)
    }

    pub(super) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    pub(super) fn lost<'i>(&self, installed: &'i Installed) -> impl Iterator<Item = &'i InstalledSet> {
        self.lost.iter().filter_map(|index| at(installed, *index))
    }
}

fn at(installed: &Installed, index: SetIndex) -> Option<&InstalledSet> {
    installed.sets.get(usize::from(index.0)).and_then(Option::as_ref)
}

impl<'a> Sets<'a> {
    /// The part of each VIP, for the next plan.
    pub(super) fn of_vips(&self) -> Option<&Arc<[usize]>> {
        self.of_vips.as_ref()
    }

    /// Which part a VIP is in.
    pub(super) fn of_vip(&self, resolved: &Resolved, vip: usize) -> usize {
        self.of_vips.as_ref().map_or_else(|| resolved.vips.sets[vip], |parts| parts[vip])
    }

    /// Whether anything is remembered by the earlier flow key, other than what was only announced.
    pub(super) fn need_key(&self, installed: &Installed, now: BootTime) -> bool {
        let layers = |part: &Part<'a>| {
            let unannounced = part.before.and_then(|before| before.unannounced.as_deref());
            unannounced.or_else(|| part.installed(installed)?.layers.as_ref())
        };
        let needs = |layers: &Layers| layers.alive(now).any(|layer| layer.key == LayerKey::Earlier);
        self.parts.iter().filter_map(layers).any(needs)
    }

    /// Puts the VIPs of parts that are over into the first part of their set.
    pub(super) fn merge(&mut self, is_over: &[bool]) {
        let Some(of_vips) = self.of_vips.as_ref().filter(|_| is_over.contains(&true)) else { return };
        let mut places = Vec::with_capacity(self.parts.len());
        let mut count = 0;
        for (part, is_over) in self.parts.iter().zip(is_over) {
            places.push(if *is_over { part.set } else { count });
            count += usize::from(!is_over);
        }
        let firsts = self.parts.iter().zip(&places).all(|(part, place)| part.set == *place);
        self.of_vips = (!firsts).then(|| of_vips.iter().map(|part| places[*part]).collect());
        let mut is_over = is_over.iter();
        self.parts.retain(|_| is_over.next() == Some(&false));
    }
}

/// The sets of the last plan, in the order of the resolved sets: their first parts.
pub(super) fn last_sets<'a>(resolved: &Resolved, last: Option<&'a LastPlan>) -> Vec<Option<&'a LastSet>> {
    let Some(last) = last else { return vec![None; resolved.sets.len()] };
    if Arc::ptr_eq(&last.vips, &resolved.vips) {
        return last.sets.iter().take(resolved.sets.len()).map(Some).collect();
    }
    let by_name: HashMap<&str, &LastSet> =
        last.vips.set_names.iter().map(String::as_str).zip(&last.sets).collect();
    resolved.vips.set_names.iter().map(|name| by_name.get(name.as_str()).copied()).collect()
}

/// `backends` are there already, for they do not depend on it; `named` gives the sets of the last plan.
pub(super) fn place<'a>(
    resolved: &Resolved,
    last: Option<&'a LastPlan>,
    named: &[Option<&'a LastSet>],
    backends: &Backends,
    installed: &Installed,
) -> Sets<'a> {
    as_before(resolved, last, installed)
        .unwrap_or_else(|| Places::new(resolved, named, backends, installed).parts(last))
}

/// The places of the last plan, when it had the same VIPs.
fn as_before<'a>(resolved: &Resolved, last: Option<&'a LastPlan>, installed: &Installed) -> Option<Sets<'a>> {
    let last = last.filter(|last| Arc::ptr_eq(&last.vips, &resolved.vips))?;
    let mut room = Room::new(resolved, installed);
    let mut further = last.part_sets.iter().skip(resolved.sets.len());
    let fits = further.all(|set| room.take(resolved, *set, Kept::There));
    let parts = last.sets.iter().zip(&last.part_sets).map(|(before, &set)| Part {
        set,
        index: before.index,
        from: Some(before.index),
        before: Some(before),
        lost: Vec::new(),
    });
    fits.then(|| Sets { parts: parts.collect(), of_vips: last.of_vips.clone() })
}

/// How many more parts there may be: as for sets, a change of health must find room for the next table of each beside all
/// that are in use.
struct Room {
    parts: u32,
    tables: [(TableSize, u32); 2],
}

/// Whether a part stood there before, so that what it remembers is in the maps already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    There,
    New,
}

impl Room {
    fn new(resolved: &Resolved, installed: &Installed) -> Self {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let capacities = &installed.capacities;
        let earlier: BTreeSet<TableElement> = installed
            .sets
            .iter()
            .flatten()
            .flat_map(|set| set.record.previous.into_iter().filter_map(TableElement::of))
            .collect();
        let of = |size| {
            let sets = resolved.sets.iter().filter(|set| set.set.table_size == size).count();
            let earlier = earlier.iter().filter(|table| table.size == size).count();
            let used = number(2 * sets + earlier);
            (size, tables_of(capacities, size).saturating_sub(used))
        };
        let parts = capacities.sets().min(u16::MAX.into()).saturating_sub(number(resolved.sets.len()));
        Self { parts, tables: [of(TableSize::Large), of(TableSize::Small)] }
    }

    /// Whether there is room for one more part of a set.
    fn take(&mut self, resolved: &Resolved, set: usize, kept: Kept) -> bool {
        let size = resolved.sets[set].set.table_size;
        let needed = if kept == Kept::There { 2 } else { 3 };
        let tables = self.tables.iter_mut().find(|(of, _)| *of == size);
        let Some((_, tables)) = tables.filter(|(_, tables)| *tables >= needed && self.parts > 0) else {
            return false;
        };
        *tables -= needed;
        self.parts -= 1;
        true
    }
}

/// The search for places when VIPs have changed, or nothing is known of the last plan.
struct Places<'r> {
    resolved: &'r Resolved,
    installed: &'r Installed,
    /// Where each VIP is installed.
    origins: Vec<Option<SetIndex>>,
    /// How many VIPs of each set are installed where.
    groups: Vec<BTreeMap<SetIndex, usize>>,
    /// Of each set's first part, when it is that of an installed set.
    firsts: Vec<Option<SetIndex>>,
    taken: BTreeSet<SetIndex>,
}

impl<'r> Places<'r> {
    fn new(
        resolved: &'r Resolved,
        named: &[Option<&LastSet>],
        backends: &Backends,
        installed: &'r Installed,
    ) -> Self {
        let used = installed.vips.records.iter().filter(|record| record.identity != 0);
        let standing: HashMap<u64, SetIndex> =
            used.map(|record| (record.identity, SetIndex(record.set))).collect();
        let origins: Vec<Option<SetIndex>> =
            resolved.vips.identities.iter().map(|identity| standing.get(identity).copied()).collect();
        let mut groups = vec![BTreeMap::new(); resolved.sets.len()];
        for (origin, &set) in origins.iter().zip(&resolved.vips.sets) {
            if let Some(origin) = origin {
                *groups[set].entry(*origin).or_default() += 1;
            }
        }
        // A set that all VIPs have left goes on from where those come from that it has now.
        let is_left = |index: &SetIndex, groups: &BTreeMap<SetIndex, usize>| {
            !groups.is_empty() && !groups.contains_key(index)
        };
        let firsts: Vec<Option<SetIndex>> = named
            .iter()
            .zip(&groups)
            .map(|(last, groups)| last.map(|last| last.index).filter(|index| !is_left(index, groups)))
            .collect();
        let taken = firsts.iter().flatten().copied().collect();
        let mut places = Self { resolved, installed, origins, groups, firsts, taken };
        if places.firsts.iter().any(Option::is_none) {
            let mut claims = places.claims(backends);
            claims.sort_unstable();
            for (.., set, index) in claims {
                if places.firsts[set].is_none() && places.taken.insert(index) {
                    places.firsts[set] = Some(index);
                }
            }
        }
        places
    }

    fn claims(&self, backends: &Backends) -> Vec<Claim> {
        let there = || (0..).map(SetIndex).zip(self.installed.sets.iter()).filter(|(_, set)| set.is_some());
        let common = |set: usize, index: SetIndex| {
            let there = at(self.installed, index).map(|set| &*set.backends).unwrap_or_default();
            backends.of_sets[set].iter().filter(|backend| there.binary_search(&backend.0).is_ok()).count()
        };
        let nameless = (0..self.firsts.len()).filter(|&set| self.firsts[set].is_none());
        nameless
            .flat_map(|set| there().map(move |(index, _)| (set, index)))
            .map(|(set, index)| {
                let votes = self.groups[set].get(&index).copied().unwrap_or(0);
                (votes == 0, Reverse(common(set, index)), Reverse(votes), set, index)
            })
            // No part is without VIPs.
            .filter(|(is_stranger, common, _, set, _)| {
                !is_stranger || common.0 > 0 && self.groups[*set].is_empty()
            })
            .collect()
    }

    fn parts<'a>(mut self, last: Option<&'a LastPlan>) -> Sets<'a> {
        let before: HashMap<SetIndex, &LastSet> =
            last.iter().flat_map(|last| &last.sets).map(|set| (set.index, set)).collect();
        let part = |set, index: Option<SetIndex>, from: Option<SetIndex>| Part {
            set,
            // There are no more parts than places; those that need one get theirs at the end.
            index: index.unwrap_or(SetIndex(u16::MAX)),
            from,
            before: from.and_then(|from| before.get(&from).copied()),
            lost: Vec::new(),
        };
        let most = |groups: &BTreeMap<SetIndex, usize>| {
            groups.iter().max_by_key(|(index, vips)| (**vips, Reverse(**index))).map(|(index, _)| *index)
        };
        let mut parts: Vec<Part<'a>> = (0..self.firsts.len())
            .map(|set| part(set, self.firsts[set], self.firsts[set].or_else(|| most(&self.groups[set]))))
            .collect();
        let mut room = Room::new(self.resolved, self.installed);
        let mut of_groups: HashMap<(usize, SetIndex), usize> = HashMap::new();
        for (set, groups) in self.groups.iter().enumerate() {
            for &origin in groups.keys() {
                let has_past = at(self.installed, origin).is_some_and(|there| there.layers.is_some());
                if Some(origin) == parts[set].from || !has_past {
                    continue;
                }
                let kept = if self.taken.contains(&origin) { Kept::New } else { Kept::There };
                if !room.take(self.resolved, set, kept) {
                    parts[set].lost.push(origin);
                    continue;
                }
                of_groups.insert((set, origin), parts.len());
                let index = self.taken.insert(origin).then_some(origin);
                parts.push(part(set, index, Some(origin)));
            }
        }
        let mut free = (0..u16::MAX).map(SetIndex).filter(|index| !self.taken.contains(index));
        for part in parts.iter_mut().filter(|part| part.index == SetIndex(u16::MAX)) {
            part.index = free.next().unwrap_or(part.index);
        }
        let of_vip = |(&set, origin): (&usize, &Option<SetIndex>)| {
            origin.and_then(|origin| of_groups.get(&(set, origin)).copied()).unwrap_or(set)
        };
        let of_vips = (!of_groups.is_empty())
            .then(|| self.resolved.vips.sets.iter().zip(&self.origins).map(of_vip).collect());
        Sets { parts, of_vips }
    }
}

/// No VIP in common, backends in common and VIPs in common (more of them first), set, place.
type Claim = (bool, Reverse<usize>, Reverse<usize>, usize, SetIndex);
