//! Places of the lookup tables.

use std::collections::{BTreeSet, HashMap};

use guideway_abi::TableMeta;
use guideway_maglev::Seed;

use super::backends::Backends;
use super::resolve::{Resolved, ResolvedSet};
use super::{Limit, PlanError};
use crate::digest::Digest;
use crate::index::tables_of;
use crate::{BackendIndex, Desired, Installed, Op, TableElement, TableSize};

pub(super) struct Tables {
    /// In the order of [`Desired::sets`]; `None` where no member can serve and where no VIP uses the set.
    pub(super) of_sets: Vec<Option<TableElement>>,
    /// Slots of each member, in the order of the sets and their members; empty for a set that no VIP uses.
    pub(super) slots_of_sets: Vec<Vec<u32>>,
    /// [`TABLE_META`](guideway_abi::TABLE_META) after the plan.
    pub(super) metas: Vec<TableMeta>,
    pub(super) in_use: BTreeSet<TableElement>,
    pub(super) written: usize,
    pub(super) ops: Vec<Op>,
}

/// A table that some set needs.
struct Wanted<'a> {
    meta: TableMeta,
    size: TableSize,
    set: &'a ResolvedSet,
    backends: &'a [BackendIndex],
    sets: Vec<usize>,
}

pub(super) fn place(
    desired: &Desired,
    resolved: &Resolved,
    backends: &Backends,
    installed: &Installed,
) -> Result<Tables, PlanError> {
    let capacities = installed.capacities;
    let mut tables = Tables {
        of_sets: vec![None; desired.sets.len()],
        slots_of_sets: slots_of_sets(desired, resolved),
        metas: installed.table_meta.clone(),
        in_use: BTreeSet::new(),
        written: 0,
        ops: Vec::new(),
    };
    let standing = standing(installed);
    let mut missing = Vec::new();
    for wanted in wanted(desired, resolved, backends) {
        match standing.get(&(wanted.size, wanted.meta.digest)) {
            Some(&table) => tables.assign(&wanted.sets, table),
            None => missing.push(wanted),
        }
    }
    let mut free = HashMap::new();
    for size in [TableSize::Large, TableSize::Small] {
        free.insert(size, free_tables(installed, &tables.in_use, size));
    }
    for wanted in missing {
        let table = free.get_mut(&wanted.size).and_then(Iterator::next).ok_or_else(|| PlanError::Limit {
            limit: Limit::Tables(wanted.size),
            needed: u64::from(tables_of(&capacities, wanted.size)) + 1,
            capacity: tables_of(&capacities, wanted.size).into(),
        })?;
        tables.assign(&wanted.sets, table);
        tables.written += 1;
        if installed.meta(table) != TableMeta::default() {
            tables.ops.push(Op::InvalidateTable { table });
        }
        tables.ops.push(Op::WriteTable { table, slots: wanted.slots() });
        tables.ops.push(Op::WriteTableMeta { table, meta: wanted.meta });
        tables.metas[table.meta_index(&capacities) as usize] = wanted.meta;
    }
    Ok(tables)
}

impl Tables {
    fn assign(&mut self, sets: &[usize], table: TableElement) {
        for &set in sets {
            self.of_sets[set] = Some(table);
        }
        self.in_use.insert(table);
    }
}

impl Wanted<'_> {
    /// The slots as they stand in the map.
    fn slots(&self) -> Vec<u16> {
        let owners: Vec<u16> = self.set.order.iter().map(|&member| self.backends[member].0).collect();
        let positions = self.set.filled.slots.as_deref().unwrap_or_default();
        positions.iter().map(|&position| owners[usize::from(position)]).collect()
    }
}

/// The different tables that are needed, in the order of the first set that needs them.
fn wanted<'a>(desired: &Desired, resolved: &'a Resolved, backends: &'a Backends) -> Vec<Wanted<'a>> {
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut by_digest = HashMap::new();
    for (index, set) in resolved.sets.iter().enumerate() {
        let Some(set) = set.as_ref().filter(|set| set.filled.slots.is_some()) else { continue };
        let backends = &backends.of_sets[index];
        let meta = element_digest(&desired.seed, set, backends);
        let at = *by_digest.entry(meta.digest).or_insert(wanted.len());
        if at == wanted.len() {
            let size = desired.sets[index].table_size;
            wanted.push(Wanted { meta, size, set, backends, sets: Vec::new() });
        }
        wanted[at].sets.push(index);
    }
    wanted
}

/// Covers the places of the backends too, so that an element with this digest has the right slots whenever it was
/// written, provided that the backends stand where they stood then.
fn element_digest(seed: &Seed, set: &ResolvedSet, backends: &[BackendIndex]) -> TableMeta {
    let mut digest = Digest::new(seed, "table element");
    digest.number(set.digest[0]);
    digest.number(set.digest[1]);
    for &member in &set.order {
        digest.number(backends[member].0);
    }
    match digest.finish() {
        [0, 0] => TableMeta { digest: [1, 0] },
        digest => TableMeta { digest },
    }
}

/// Whole tables in the maps, whether in use or not.
fn standing(installed: &Installed) -> HashMap<(TableSize, [u64; 2]), TableElement> {
    let all = installed.tables_of(TableSize::Large).chain(installed.tables_of(TableSize::Small));
    let mut standing: HashMap<(TableSize, [u64; 2]), TableElement> = HashMap::new();
    for table in all {
        let meta = installed.meta(table);
        let key = (table.size, meta.digest);
        if meta != TableMeta::default() && (installed.tables.contains(&table) || !standing.contains_key(&key))
        {
            standing.insert(key, table);
        }
    }
    standing
}

/// Elements that may be written, never used ones first, then those that went out of use the longest ago.
fn free_tables(
    installed: &Installed,
    reused: &BTreeSet<TableElement>,
    size: TableSize,
) -> std::vec::IntoIter<TableElement> {
    let mut free: Vec<TableElement> = installed
        .tables_of(size)
        .filter(|table| !installed.tables.contains(table) && !reused.contains(table))
        .collect();
    free.sort_by_key(|&table| {
        let last_use = installed.last_use.tables[table.meta_index(&installed.capacities) as usize];
        (installed.meta(table) != TableMeta::default(), last_use, table)
    });
    free.into_iter()
}

fn slots_of_sets(desired: &Desired, resolved: &Resolved) -> Vec<Vec<u32>> {
    let slots = desired.sets.iter().zip(&resolved.sets).map(|(set, resolved)| {
        let Some(resolved) = resolved else { return Vec::new() };
        let mut slots = vec![0; set.members.len()];
        for (&member, &count) in resolved.order.iter().zip(&resolved.filled.counts) {
            slots[member] = count;
        }
        slots
    });
    slots.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SMALL_MAPS;

    /// The limit on backend sets makes that there is always room without them, but nothing may hang on that.
    #[test]
    fn tables_in_use_are_never_free() {
        let mut installed = Installed::empty(SMALL_MAPS);
        installed.tables = installed.tables_of(TableSize::Small).filter(|table| table.index != 5).collect();
        let free = free_tables(&installed, &BTreeSet::new(), TableSize::Small);
        assert_eq!(free.collect::<Vec<_>>(), [TableElement { size: TableSize::Small, index: 5 }]);
    }
}
