//! Places of the backends.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use guideway_abi::{BackendRecord, FlowWord};
use guideway_packet::Address;

use super::PlanError;
use super::resolve::Resolved;
use super::states::state_of;
use crate::digest::identity;
use crate::installed::InstalledSet;
use crate::memory::{LastSet, last_use};
use crate::{BackendIndex, Installed, Member, Op};

pub(super) struct Backends {
    /// In the order of the resolved sets and their members.
    pub(super) of_sets: Vec<Arc<[BackendIndex]>>,
    /// In the order of the resolved sets and their upcoming members.
    pub(super) upcoming: Vec<Arc<[BackendIndex]>>,
    /// The map after the plan.
    pub(super) records: Arc<Vec<BackendRecord>>,
    pub(super) ops: Vec<Op>,
    /// Backends that were not in the map before.
    pub(super) added: usize,
    /// Places that were found for backends of earlier tables, and what stood there. Nothing is written yet.
    found: Vec<(BackendIndex, BackendRecord)>,
}

/// Name and address.
pub(super) type Key<'a> = (&'a str, [u8; 16]);

pub(super) fn key(member: &Member) -> Key<'_> {
    (&member.name, Address::from(member.address).to_bytes())
}

/// `last` gives the sets of the last plan, in the order of the resolved sets.
pub(super) fn place(
    resolved: &Resolved,
    last: &[Option<&LastSet>],
    installed: &Installed,
) -> Result<Backends, PlanError> {
    let mut places = Places { installed, known: BTreeMap::new(), new: BTreeMap::new(), standing: None };
    for (set, last) in resolved.sets.iter().zip(last) {
        match last {
            Some(last) if Arc::ptr_eq(&last.resolved, set) => {}
            _ => places.find(set.set.members.iter().chain(set.set.upcoming_members()), *last),
        }
    }
    let Places { mut known, new, .. } = places;
    let mut records = Arc::clone(&installed.backends);
    let mut ops = Vec::new();
    let added = new.len();
    if !new.is_empty() {
        let unchanged = resolved
            .sets
            .iter()
            .zip(last)
            .filter_map(|(set, last)| last.filter(|last| Arc::ptr_eq(&last.resolved, set)));
        let kept = unchanged.flat_map(|last| last.backends.iter().chain(&*last.upcoming));
        let free = free(installed, kept.chain(known.values()).copied());
        if new.len() > free.len() {
            return Err(PlanError::BackendsHeld { needed: new.len() as u64, free: free.len() as u64 });
        }
        let records = Arc::make_mut(&mut records);
        for ((key, member), index) in new.into_iter().zip(free) {
            write(member, index, records, &mut ops);
            known.insert(key, index);
        }
    }
    let indexes = |members: &[Member]| members.iter().map(|member| known[&key(member)]).collect();
    let mut backends =
        Backends { of_sets: Vec::new(), upcoming: Vec::new(), records, ops, added, found: Vec::new() };
    for (set, last) in resolved.sets.iter().zip(last) {
        match last {
            Some(last) if Arc::ptr_eq(&last.resolved, set) => {
                backends.of_sets.push(Arc::clone(&last.backends));
                backends.upcoming.push(Arc::clone(&last.upcoming));
            }
            _ => {
                backends.of_sets.push(indexes(&set.set.members));
                backends.upcoming.push(indexes(set.set.upcoming_members()));
            }
        }
    }
    Ok(backends)
}

impl Backends {
    /// Finds places for members of lists that nothing is refused for: for all of a list, or for none when there is not
    /// enough room.
    pub(super) fn add<'a>(
        &mut self,
        lists: &[Vec<&'a Member>],
        installed: &Installed,
    ) -> Vec<Option<HashMap<Key<'a>, BackendIndex>>> {
        let records = (0..=u16::MAX).zip(self.records.iter()).skip(1);
        let standing: HashMap<u64, BackendIndex> = records
            .filter(|(_, record)| record.family != 0)
            .map(|(index, record)| (record.identity, BackendIndex(index)))
            .collect();
        let find = |member: &Member| standing.get(&identity(&member.name, member.address)).copied();
        let mut known: HashMap<Key<'a>, BackendIndex> =
            lists.iter().flatten().filter_map(|member| Some((key(member), find(member)?))).collect();
        let kept = self.of_sets.iter().chain(&self.upcoming).flat_map(|set| set.iter());
        let mut free = free(installed, kept.chain(known.values()).copied());
        // Best ones last.
        free.reverse();
        let mut add = |list: &Vec<&'a Member>| {
            let new: BTreeMap<Key<'a>, &Member> = list
                .iter()
                .map(|member| (key(member), *member))
                .filter(|(key, _)| !known.contains_key(key))
                .collect();
            if new.len() > free.len() {
                return None;
            }
            for (key, member) in new {
                let index = free.pop()?;
                let place = &mut Arc::make_mut(&mut self.records)[usize::from(index.0)];
                self.found.push((index, *place));
                *place = record(member, place);
                known.insert(key, index);
            }
            Some(list.iter().map(|member| (key(member), known[&key(member)])).collect())
        };
        lists.iter().map(&mut add).collect()
    }

    /// Of the backends that places were found for, those are written that are in the layers of a set.
    pub(super) fn keep_found(&mut self, sets: &[Option<InstalledSet>]) {
        if self.found.is_empty() {
            return;
        }
        let used: HashSet<u16> = sets.iter().flatten().flat_map(|set| set.backends.iter().copied()).collect();
        let records = Arc::make_mut(&mut self.records);
        for (index, former) in self.found.drain(..) {
            let place = &mut records[usize::from(index.0)];
            if used.contains(&index.0) {
                put(index, *place, &mut self.ops);
                self.added += 1;
            } else {
                *place = former;
            }
        }
    }
}

/// The search for backends that stand in the map.
struct Places<'a> {
    installed: &'a Installed,
    known: BTreeMap<Key<'a>, BackendIndex>,
    new: BTreeMap<Key<'a>, &'a Member>,
    /// By identity, once it is worth it.
    standing: Option<HashMap<u64, BackendIndex>>,
}

/// A search through the whole map costs as much as asking for a few.
const SEARCHES: usize = 8;

impl<'a> Places<'a> {
    fn find(&mut self, members: impl Iterator<Item = &'a Member>, last: Option<&'a LastSet>) {
        let before: HashMap<Key<'_>, BackendIndex> = last
            .map(|last| {
                let set = &last.resolved.set;
                let members = set.members.iter().zip(&*last.backends);
                let upcoming = set.upcoming_members().iter().zip(&*last.upcoming);
                members.chain(upcoming).map(|(member, index)| (key(member), *index)).collect()
            })
            .unwrap_or_default();
        let mut searched = 0;
        for member in members {
            let key = key(member);
            if self.known.contains_key(&key) || self.new.contains_key(&key) {
                continue;
            }
            let index = before.get(&key).copied().or_else(|| {
                searched += 1;
                self.search(identity(&member.name, member.address), searched > SEARCHES)
            });
            match index {
                Some(index) => drop(self.known.insert(key, index)),
                None => drop(self.new.insert(key, member)),
            }
        }
    }

    fn search(&mut self, identity: u64, is_long: bool) -> Option<BackendIndex> {
        let records = &self.installed.backends;
        let all = || (0..=u16::MAX).zip(records.iter()).skip(1).filter(|(_, record)| record.family != 0);
        if is_long && self.standing.is_none() {
            let standing = all().map(|(index, record)| (record.identity, BackendIndex(index)));
            self.standing = Some(standing.collect());
        }
        match &self.standing {
            Some(standing) => standing.get(&identity).copied(),
            None => {
                all().find(|(_, record)| record.identity == identity).map(|(index, _)| BackendIndex(index))
            }
        }
    }
}

/// Elements that may be written, never used ones first, then those that went out of use the longest ago.
fn free(installed: &Installed, kept: impl Iterator<Item = BackendIndex>) -> Vec<BackendIndex> {
    let mut taken = vec![false; installed.backends.len()];
    for index in installed.sets.iter().flatten().flat_map(|set| set.backends.iter()) {
        taken[usize::from(*index)] = true;
    }
    for index in kept {
        taken[usize::from(index.0)] = true;
    }
    // Entries of the flow table may still lead packets to those that are not dead.
    let is_free = |index: u16| {
        !taken[usize::from(index)] && state_of(&installed.states, index) == guideway_abi::backend_state::DEAD
    };
    let mut free: Vec<BackendIndex> =
        (0..=u16::MAX).take(taken.len()).skip(1).filter(|&index| is_free(index)).map(BackendIndex).collect();
    free.sort_by_key(|index| {
        let at = usize::from(index.0);
        (installed.backends[at].family != 0, last_use(&installed.memory.last_use.backends, at), at)
    });
    free
}

/// Puts a new backend at `index`.
fn write(member: &Member, index: BackendIndex, records: &mut [BackendRecord], ops: &mut Vec<Op>) {
    let place = &mut records[usize::from(index.0)];
    *place = record(member, place);
    put(index, *place, ops);
}

fn put(index: BackendIndex, record: BackendRecord, ops: &mut Vec<Op>) {
    // In this order, for a record that stands there says that its counters are its own.
    ops.push(Op::ZeroBackendStats { index });
    ops.push(Op::WriteBackend { index, record });
}

/// The record of a new backend in the place of `former`.
fn record(member: &Member, former: &BackendRecord) -> BackendRecord {
    let address = Address::from(member.address);
    let epoch = if former.family == 0 { former.epoch } else { (former.epoch + 1) % FlowWord::EPOCHS };
    BackendRecord {
        address: address.to_bytes(),
        identity: identity(&member.name, member.address),
        epoch,
        family: if address.is_v4() { 4 } else { 6 },
        reserved: [0; 5],
    }
}
