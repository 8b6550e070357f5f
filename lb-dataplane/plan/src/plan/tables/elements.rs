//! Places of the tables.
//!
//! Each set has one present table, and a change of health must always find room for the next one of every set beside
//! everything that is in use. So of `n` elements and `s` sets, earlier tables get `n - 2 s` at most.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use guideway_abi::TableMeta;

use super::due::{Due, Settled};
use super::{Inputs, Next, Tables, key_flags};
use crate::index::tables_of;
use crate::installed::InstalledSet;
use crate::layers::Slots;
use crate::memory::{LastSet, last_use};
use crate::plan::PlanError;
use crate::{BootTime, Installed, Op, TableElement, TableSize};

type Key = (TableSize, [u64; 2]);

pub(super) struct Elements<'a> {
    installed: &'a Installed,
    metas: Vec<TableMeta>,
    /// In use by the installed generation.
    held: BTreeSet<TableElement>,
    /// In use by the next one.
    next: BTreeSet<TableElement>,
    /// Of these, the earlier tables.
    previous: BTreeSet<TableElement>,
    /// Whole tables in the maps, by their content; filled when one is looked for.
    standing: HashMap<Key, TableElement>,
    /// Elements to be written, best ones last.
    free: [Vec<TableElement>; 2],
    /// Parts of sets with tables of each size.
    sets: [u32; 2],
    /// Of these, such as announce that their slots will be counted otherwise: for this they must find room again.
    recounted: [u32; 2],
    /// Elements of `free` that earlier tables may take.
    budget: [u32; 2],
    ops: Vec<Op>,
    written: usize,
}

/// Where a table goes.
enum Place {
    At(TableElement),
    New(TableSize),
}

impl Place {
    const fn size(&self) -> TableSize {
        match self {
            Self::At(table) => table.size,
            Self::New(size) => *size,
        }
    }
}

const SIZES: [TableSize; 2] = [TableSize::Large, TableSize::Small];

const fn at(size: TableSize) -> usize {
    match size {
        TableSize::Large => 0,
        TableSize::Small => 1,
    }
}

impl<'a> Elements<'a> {
    pub(super) fn new(inputs: &Inputs<'a>, dues: &[Due<'_>], nexts: &[Next]) -> Self {
        let installed = inputs.installed;
        let held: BTreeSet<TableElement> =
            installed.sets.iter().flatten().flat_map(InstalledSet::tables).map(|(table, _)| table).collect();
        let (mut sets, mut recounted) = ([0; 2], [0; 2]);
        for due in dues {
            sets[at(due.size())] += 1;
            recounted[at(due.size())] += u32::from(due.will_be_recounted());
        }
        let mut elements = Self {
            installed,
            metas: installed.table_meta.to_vec(),
            held,
            next: BTreeSet::new(),
            previous: BTreeSet::new(),
            standing: HashMap::new(),
            free: [Vec::new(), Vec::new()],
            sets,
            recounted,
            budget: [0; 2],
            ops: Vec::new(),
            written: 0,
        };
        let wanted: BTreeSet<[u64; 2]> = nexts
            .iter()
            .filter_map(|next| match next {
                Next::Same(..) => None,
                Next::New(settled) => Some(settled.digests.iter().flatten().copied()),
            })
            .flatten()
            .collect();
        if !wanted.is_empty() {
            for size in SIZES {
                elements.look(size, &wanted);
            }
        }
        elements
    }

    /// Finds what stands in the map and what may be written.
    fn look(&mut self, size: TableSize, wanted: &BTreeSet<[u64; 2]>) {
        let capacities = &self.installed.capacities;
        let mut free = Vec::new();
        for table in self.installed.tables_of(size) {
            let meta = self.installed.meta(table);
            let is_whole = meta.digest != [0; 2];
            let is_held = self.held.contains(&table);
            if is_whole && (is_held || !self.standing.contains_key(&(size, meta.digest))) {
                self.standing.insert((size, meta.digest), table);
            }
            if !is_held {
                let last_use =
                    last_use(&self.installed.memory.last_use.tables, table.meta_index(capacities) as usize);
                free.push((is_whole && wanted.contains(&meta.digest), is_whole, last_use, table));
            }
        }
        free.sort_unstable_by(|a, b| b.cmp(a));
        let count = u32::try_from(free.len()).unwrap_or(u32::MAX);
        self.budget[at(size)] = count.saturating_sub(self.sets[at(size)]);
        self.free[at(size)] = free.into_iter().map(|(.., table)| table).collect();
    }

    /// The tables of a set that stays as it is.
    pub(super) fn keep(&mut self, set: &InstalledSet) {
        for (place, (table, _)) in set.tables().enumerate() {
            self.next.insert(table);
            if place > 0 {
                self.previous.insert(table);
            }
        }
    }

    /// Finds places for the earlier tables of a set, fewer of them if there are not enough.
    pub(super) fn previous(&mut self, due: &Due<'_>, settled: &mut Settled) -> Result<(), PlanError> {
        for way in due.ways() {
            if way != settled.way {
                *settled = due.settle(way)?;
            }
            let places = self.places(due, settled);
            let leave = if way.announces && due.will_be_recounted() { self.recounted } else { [0; 2] };
            let short = SIZES.into_iter().find(|&size| !self.has_room(&places, size, leave[at(size)]));
            let Some(size) = short else {
                for size in SIZES {
                    self.budget[at(size)] -= u32::try_from(self.news(&places, size)).unwrap_or(0);
                }
                for (position, _) in places {
                    self.take(due, settled, position)?;
                }
                return Ok(());
            };
            if due.rotates() {
                return Err(PlanError::TablesHeld {
                    size,
                    needed: self.news(&places, size) as u64,
                    free: self.budget[at(size)].into(),
                });
            }
        }
        if let Some(forgotten) = due.forget() {
            *settled = forgotten;
        }
        Ok(())
    }

    /// Whether there is. When new ones are taken, so many have to be left.
    fn has_room(&self, places: &[(usize, Place)], size: TableSize, leave: u32) -> bool {
        let news = self.news(places, size);
        let needed = if news > 0 { news + leave as usize } else { 0 };
        if !places.iter().any(|(_, place)| place.size() == size) {
            return true;
        }
        let most = tables_of(&self.installed.capacities, size).saturating_sub(2 * self.sets[at(size)]);
        let there = self.previous.iter().filter(|table| table.size == size).count();
        needed <= self.budget[at(size)] as usize && there + self.adds(places, size) <= most as usize
    }

    /// Earlier tables that would be more than there are. Two of a set can be the same one.
    fn adds(&self, places: &[(usize, Place)], size: TableSize) -> usize {
        let mut known = BTreeSet::new();
        let mut new = 0;
        for (_, place) in places {
            match *place {
                Place::At(table) if table.size == size && !self.previous.contains(&table) => {
                    known.insert(table);
                }
                Place::New(of) if of == size => new += 1,
                Place::At(_) | Place::New(_) => {}
            }
        }
        known.len() + new
    }

    /// Elements that the earlier tables of `settled` need and that are not in use.
    pub(super) fn needs(&self, due: &Due<'_>, settled: &Settled) -> usize {
        let places = self.places(due, settled);
        SIZES.into_iter().map(|size| self.news(&places, size)).sum()
    }

    /// Those of one size.
    fn news(&self, places: &[(usize, Place)], size: TableSize) -> usize {
        let is_new = |place: &Place| match *place {
            Place::At(table) => {
                table.size == size && !self.held.contains(&table) && !self.next.contains(&table)
            }
            Place::New(of) => of == size,
        };
        places.iter().filter(|(_, place)| is_new(place)).count()
    }

    /// Positions of the earlier tables of `settled`, and whether they stand in the maps.
    fn places(&self, due: &Due<'_>, settled: &Settled) -> Vec<(usize, Place)> {
        let layers = settled.layers.iter();
        let previous = layers.flat_map(|layers| layers.previous.iter().enumerate());
        previous
            .filter_map(|(position, layer)| {
                let slots = &layer.as_ref()?.slots;
                Some((position + 1, self.place(due, slots, settled.digests[position + 1])))
            })
            .collect()
    }

    fn place(&self, due: &Due<'_>, slots: &Slots, digest: Option<[u64; 2]>) -> Place {
        let known = due.old_tables().find(|(_, known)| Arc::ptr_eq(known, slots)).map(|(table, _)| table);
        let size = size_of(slots);
        let standing = || self.standing.get(&(size, digest?)).copied();
        known.or_else(standing).map_or(Place::New(size), Place::At)
    }

    /// Takes a place for the table at `position` of `settled` and writes the table if it does not stand there.
    fn take(&mut self, due: &Due<'_>, settled: &Settled, position: usize) -> Result<TableElement, PlanError> {
        let Some((slots, until)) = table_at(settled, position) else {
            return Err(self.full(due.size()));
        };
        let table = match self.place(due, slots, settled.digests[position]) {
            Place::At(table) => table,
            Place::New(size) => {
                let table = self.free(size)?;
                let digest = settled.digests[position].unwrap_or_default();
                self.write(table, slots, digest);
                table
            }
        };
        self.next.insert(table);
        if let Some(until) = until {
            self.count(table, until);
        }
        Ok(table)
    }

    fn free(&mut self, size: TableSize) -> Result<TableElement, PlanError> {
        while let Some(table) = self.free[at(size)].pop() {
            if !self.next.contains(&table) {
                return Ok(table);
            }
        }
        Err(self.full(size))
    }

    fn full(&self, size: TableSize) -> PlanError {
        let held = self.held.iter().filter(|table| table.size == size).count() as u64;
        let capacity = u64::from(tables_of(&self.installed.capacities, size));
        PlanError::TablesHeld {
            size,
            needed: self.sets[at(size)].into(),
            free: capacity.saturating_sub(held),
        }
    }

    fn write(&mut self, table: TableElement, slots: &Slots, digest: [u64; 2]) {
        let capacities = &self.installed.capacities;
        let meta = &mut self.metas[table.meta_index(capacities) as usize];
        if *meta != TableMeta::default() {
            self.ops.push(Op::InvalidateTable { table });
            self.standing.remove(&(table.size, meta.digest));
        }
        *meta = TableMeta { digest, until: 0 };
        self.ops.push(Op::WriteTable { table, slots: Arc::clone(slots) });
        self.ops.push(Op::WriteTableMeta { table, meta: *meta });
        self.standing.insert((table.size, digest), table);
        self.written += 1;
    }

    /// Sees to it that an earlier table counts until `until`.
    fn count(&mut self, table: TableElement, until: BootTime) {
        let is_first = self.previous.insert(table);
        let was_previous = !is_first || self.is_previous(table);
        let meta = &mut self.metas[table.meta_index(&self.installed.capacities) as usize];
        let until = if was_previous { until.0.max(meta.until) } else { until.0 };
        if meta.until != until {
            meta.until = until;
            self.ops.push(Op::WriteTableMeta { table, meta: *meta });
        }
    }

    /// Whether some installed set follows the table as an earlier one.
    fn is_previous(&self, table: TableElement) -> bool {
        let sets = self.installed.sets.iter().flatten();
        sets.flat_map(|set| set.tables().skip(1)).any(|(previous, _)| previous == table)
    }

    /// The set's record, once its present table has a place too.
    pub(super) fn finish(
        &mut self,
        due: &Due<'_>,
        settled: Settled,
    ) -> Result<(InstalledSet, LastSet), PlanError> {
        let mut record = due.record();
        if let Some(layers) = &settled.layers {
            record.flags |= key_flags(layers);
            record.table = self.take(due, &settled, 0)?.reference();
            for (position, layer) in layers.previous.iter().enumerate() {
                if layer.is_some() {
                    record.previous[position] = self.take(due, &settled, position + 1)?.reference();
                }
            }
        }
        Ok(due.installed(settled, record))
    }

    /// What came of it all.
    pub(super) fn close(self, tables: &mut Tables) {
        let capacities = self.installed.capacities;
        for set in tables.sets.iter_mut().flatten() {
            let Some(layers) = &mut set.layers else { continue };
            for (layer, reference) in layers.previous.iter_mut().zip(set.record.previous) {
                // Another set may need the same table for longer.
                if let (Some(layer), Some(table)) = (layer, TableElement::of(reference)) {
                    layer.until = BootTime(self.metas[table.meta_index(&capacities) as usize].until);
                }
            }
        }
        for table in &self.next {
            tables.in_use[at(table.size)] += 1;
        }
        tables.retired = self.held.difference(&self.next).copied().collect();
        tables.metas = Arc::new(self.metas);
        tables.ops = self.ops;
        tables.written = self.written;
    }
}

fn size_of(slots: &Slots) -> TableSize {
    match slots.len() == TableSize::Large.get() as usize {
        true => TableSize::Large,
        false => TableSize::Small,
    }
}

/// The table at a position, and until when it counts if it is an earlier one.
fn table_at(settled: &Settled, position: usize) -> Option<(&Slots, Option<BootTime>)> {
    let layers = settled.layers.as_ref()?;
    match position {
        0 => Some((&layers.current, None)),
        _ => layers.previous[position - 1].as_ref().map(|layer| (&layer.slots, Some(layer.until))),
    }
}
