//! What need not be worked out again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use guideway_maglev::{Member as Named, Seed, Table, TableError, TableSize};
use rayon::prelude::*;

use crate::Member;
use crate::digest::Digest;
use crate::installed::InstalledSet;
use crate::memory::LastPlan;
use crate::plan::Valid;
use crate::resolved::{ResolvedSet, VipPart};

/// Tables and digests of the last plan, so that a change of one set or of its health does not rebuild the others. A new one
/// is only slower. It holds 128 KiB for each large table, twice that while not all of its backends are healthy. A clone
/// shares the tables.
#[derive(Clone, Debug, Default)]
pub struct TableCache {
    full: HashMap<[u64; 2], Option<Arc<Table>>>,
    filled: HashMap<[u64; 2], Arc<Filled>>,
    used: HashSet<[u64; 2]>,
    /// In the order of the last desired state.
    pub(crate) sets: Vec<Option<Arc<ResolvedSet>>>,
    pub(crate) vips: Option<Arc<VipPart>>,
    pub(crate) valid: Option<Arc<Valid>>,
    /// What the last plan was made from, if nothing was to be done.
    pub(crate) unchanged: Option<Unchanged>,
}

/// A plan that was none.
#[derive(Clone, Debug)]
pub(crate) struct Unchanged {
    /// Of the installed state, which it was for and for no other.
    pub(crate) sets: Arc<Vec<Option<InstalledSet>>>,
    pub(crate) last: Arc<LastPlan>,
}

/// A table with the slots of unhealthy members refilled.
#[derive(Debug)]
pub(crate) struct Filled {
    /// By which the cache finds it.
    keys: [[u64; 2]; 2],
    /// Indexes of the members, sorted by name.
    pub(crate) order: Vec<usize>,
    /// Positions in that order, unless they are those of `full`, as all are healthy; `None` when no member can serve.
    refilled: Option<Vec<u16>>,
    is_full: bool,
    /// The member that has each slot while all are healthy, likewise.
    pub(crate) full: Option<Arc<Table>>,
}

/// A table that is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) seed: &'a Seed,
    pub(crate) set: &'a str,
    pub(crate) size: TableSize,
    pub(crate) members: &'a [Member],
}

/// A wanted table with its keys.
struct Keyed<'a> {
    wanted: Wanted<'a>,
    order: Vec<usize>,
    full: [u64; 2],
    filled: [u64; 2],
}

impl TableCache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Knows the tables of `other`, too, for the next plan.
    pub fn learn(&mut self, other: &Self) {
        self.full.extend(other.full.iter().map(|(key, table)| (*key, table.clone())));
        self.filled.extend(other.filled.iter().map(|(key, filled)| (*key, Arc::clone(filled))));
    }

    /// The tables of `wanted`, in its order; those that are missing are built on all CPUs.
    ///
    /// # Errors
    /// The name of the set that has no table, and why.
    pub(crate) fn filled(
        &mut self,
        wanted: Vec<Wanted<'_>>,
    ) -> Result<Vec<Arc<Filled>>, (String, TableError)> {
        let keyed: Vec<Keyed<'_>> = wanted.into_iter().map(Keyed::new).collect();
        self.used.extend(keyed.iter().flat_map(|keyed| [keyed.full, keyed.filled]));
        let mut asked = HashSet::new();
        let missing: Vec<&Keyed<'_>> = keyed
            .iter()
            .filter(|keyed| !self.full.contains_key(&keyed.full) && asked.insert(keyed.full))
            .collect();
        let tables: Vec<_> = missing.par_iter().map(|keyed| build(&keyed.wanted)).collect();
        for (keyed, table) in missing.iter().zip(tables) {
            let table = table.map_err(|source| (keyed.wanted.set.to_owned(), source))?;
            self.full.insert(keyed.full, table.map(Arc::new));
        }
        let missing: Vec<(&Keyed<'_>, Option<Arc<Table>>)> = keyed
            .iter()
            .filter(|keyed| !self.filled.contains_key(&keyed.filled) && asked.insert(keyed.filled))
            .map(|keyed| (keyed, self.full.get(&keyed.full).cloned().flatten()))
            .collect();
        let filled = missing.par_iter().map(|(keyed, full)| {
            let members = keyed.wanted.members;
            let healthy: Vec<bool> = keyed.order.iter().map(|&index| members[index].healthy).collect();
            let is_full = !healthy.contains(&false);
            let refilled = full.as_ref().filter(|_| !is_full).and_then(|table| table.with_health(&healthy));
            Arc::new(Filled {
                keys: [keyed.full, keyed.filled],
                order: keyed.order.clone(),
                refilled,
                is_full,
                full: full.clone(),
            })
        });
        let filled: Vec<_> = filled.collect();
        for ((keyed, _), filled) in missing.iter().zip(filled) {
            self.filled.insert(keyed.filled, filled);
        }
        Ok(keyed.iter().map(|keyed| Arc::clone(&self.filled[&keyed.filled])).collect())
    }

    /// Forgets the tables that were not asked for since the last time.
    pub(crate) fn trim(&mut self) {
        self.full.retain(|key, _| self.used.contains(key));
        self.filled.retain(|key, _| self.used.contains(key));
        self.used.clear();
    }

    /// Keeps the tables of a set that was not asked for because it is as it was.
    pub(crate) fn keep(&mut self, filled: &Filled) {
        self.used.extend(filled.keys);
    }
}

impl<'a> Keyed<'a> {
    fn new(wanted: Wanted<'a>) -> Self {
        let members = wanted.members;
        let order = sorted(members);
        let mut digest = Digest::new(wanted.seed, "cache");
        digest.size(wanted.size);
        for &index in &order {
            digest.bytes(members[index].name.as_bytes());
            digest.number(members[index].weight.0);
        }
        let full = digest.finish();
        digest.bytes(b"health");
        for (at, &index) in order.iter().enumerate() {
            // The order of input is part of the answer.
            digest.number(index as u64);
            digest.number(u64::from(members[index].healthy) << 32 | at as u64);
        }
        Self { wanted, order, full, filled: digest.finish() }
    }
}

/// Indexes of the members, sorted by name as the Maglev table sorts them.
pub(crate) fn sorted(members: &[Member]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_unstable_by(|&a, &b| members[a].name.cmp(&members[b].name));
    order
}

/// The table of all members with a weight; `None` when there is none.
fn build(wanted: &Wanted<'_>) -> Result<Option<Table>, TableError> {
    let members: Vec<Named> = wanted
        .members
        .iter()
        .map(|member| Named { name: member.name.clone(), weight: member.weight })
        .collect();
    match Table::new(*wanted.seed, wanted.size, &members) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::NoWeight) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Filled {
    /// The table in terms of the backends' indexes, which are given in the order of the members.
    pub(crate) fn target(&self, backends: &[crate::BackendIndex]) -> Option<Arc<[u16]>> {
        let owners: Vec<u16> = self.order.iter().map(|&member| backends[member].0).collect();
        Some(self.slots()?.iter().map(|&position| owners[usize::from(position)]).collect())
    }

    /// Positions in the order of the names; `None` when no member can serve.
    pub(crate) fn slots(&self) -> Option<&[u16]> {
        if self.is_full { self.full.as_ref().map(|table| table.slots()) } else { self.refilled.as_deref() }
    }

    /// The member that has `slot` while all are healthy.
    pub(crate) fn preferred(&self, slot: u32) -> Option<usize> {
        let position = *self.full.as_ref()?.slots().get(slot as usize)?;
        self.order.get(usize::from(position)).copied()
    }
}
