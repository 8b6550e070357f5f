//! Places of the backends.

use std::collections::{BTreeMap, HashMap};

use guideway_abi::BackendRecord;
use guideway_packet::Address;

use super::PlanError;
use super::resolve::Resolved;
use super::tables::Tables;
use crate::digest::identity;
use crate::{BackendIndex, Desired, Installed, Member, Op};

pub(super) struct Backends {
    /// In the order of [`Desired::sets`] and their members; empty for a set that no VIP uses.
    pub(super) of_sets: Vec<Vec<BackendIndex>>,
    /// The map after the plan.
    pub(super) records: Vec<BackendRecord>,
    pub(super) ops: Vec<Op>,
    /// Backends that were not in the map before.
    pub(super) added: usize,
    /// Different backends.
    pub(super) count: u32,
}

/// Name and address.
type Key<'a> = (&'a str, [u8; 16]);

pub(super) fn place(
    desired: &Desired,
    resolved: &Resolved,
    installed: &Installed,
) -> Result<Backends, PlanError> {
    let used = || desired.sets.iter().zip(&resolved.sets).filter(|(_, resolved)| resolved.is_some());
    let members: BTreeMap<Key, &Member> =
        used().flat_map(|(set, _)| &set.members).map(|member| (key(member), member)).collect();
    let standing = standing(installed);
    let mut places: BTreeMap<Key, BackendIndex> = BTreeMap::new();
    let mut new = Vec::new();
    for (&key, &member) in &members {
        let record = record(member);
        match standing.get(&(record.identity, record.address)) {
            Some(&index) => drop(places.insert(key, index)),
            None => new.push((key, record)),
        }
    }
    let mut taken = installed.backends_referenced.clone();
    for index in places.values() {
        taken[usize::from(index.0)] = true;
    }
    let free = free(installed, &taken);
    if new.len() > free.len() {
        return Err(PlanError::BackendsHeld { needed: new.len() as u64, free: free.len() as u64 });
    }
    let mut records = installed.backends.clone();
    let mut ops = Vec::new();
    let added = new.len();
    for ((key, record), index) in new.into_iter().zip(free) {
        places.insert(key, index);
        records[usize::from(index.0)] = record;
        // In this order, for a record that stands there says that its counters are its own.
        ops.push(Op::ZeroBackendStats { index });
        ops.push(Op::WriteBackend { index, record });
    }
    let of_sets = desired.sets.iter().zip(&resolved.sets).map(|(set, resolved)| match resolved {
        Some(_) => set.members.iter().map(|member| places[&key(member)]).collect(),
        None => Vec::new(),
    });
    let of_sets = of_sets.collect();
    Ok(Backends { of_sets, records, ops, added, count: u32::try_from(places.len()).unwrap_or(u32::MAX) })
}

impl Backends {
    /// The backends in the slots of `tables`, by index.
    pub(super) fn referenced(&self, tables: &Tables, capacity: u32) -> Vec<bool> {
        let mut referenced = vec![false; capacity as usize];
        for (backends, slots) in self.of_sets.iter().zip(&tables.slots_of_sets) {
            for (index, &slots) in backends.iter().zip(slots) {
                referenced[usize::from(index.0)] |= slots > 0;
            }
        }
        referenced
    }
}

/// Backends that stand in the map, whether in use or not, by identity and address.
fn standing(installed: &Installed) -> HashMap<(u64, [u8; 16]), BackendIndex> {
    let mut standing: HashMap<(u64, [u8; 16]), BackendIndex> = HashMap::new();
    for (index, record) in (0..=u16::MAX).zip(&installed.backends).skip(1) {
        if record.family == 0 {
            continue;
        }
        let key = (record.identity, record.address);
        if installed.backends_referenced[usize::from(index)] || !standing.contains_key(&key) {
            standing.insert(key, BackendIndex(index));
        }
    }
    standing
}

/// Elements that may be written, never used ones first, then those that went out of use the longest ago.
fn free(installed: &Installed, taken: &[bool]) -> Vec<BackendIndex> {
    let mut free: Vec<BackendIndex> = (0..=u16::MAX)
        .zip(taken)
        .skip(1)
        .filter(|&(_, &taken)| !taken)
        .map(|(index, _)| BackendIndex(index))
        .collect();
    free.sort_by_key(|index| {
        let at = usize::from(index.0);
        (installed.backends[at].family != 0, installed.last_use.backends[at], at)
    });
    free
}

fn key(member: &Member) -> Key<'_> {
    (&member.name, Address::from(member.address).to_bytes())
}

fn record(member: &Member) -> BackendRecord {
    let address = Address::from(member.address);
    BackendRecord {
        address: address.to_bytes(),
        identity: identity(&member.name, member.address),
        family: if address.is_v4() { 4 } else { 6 },
        reserved: [0; 7],
    }
}
