//! The maps as arrays in memory, with faults on demand. They complain when something is written before a grace period has
//! passed.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Mutex;

use guideway_abi::{
    ActiveWord, BANKS, BackendRecord, BackendStates, Capacities, GenerationHeader, PortInterval, Prefix4,
    Prefix6, SetRecord, SourceBorder, TableMeta, Vip4Bucket, Vip6Bucket, VipRecord,
};
use guideway_dataplane_plan::{Installed, MapContents, MapParts, Op, TableElement};

use super::{MapStore, ReadError, StoreError, describe};

/// See the module.
#[derive(Debug)]
pub(crate) struct Memory {
    capacities: Capacities,
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
struct State {
    active: ActiveWord,
    headers: Vec<GenerationHeader>,
    vip4_buckets: Vec<Vip4Bucket>,
    vip6_buckets: Vec<Vip6Bucket>,
    intervals: Vec<PortInterval>,
    sources: Vec<SourceBorder>,
    prefixes4: Vec<Prefix4>,
    prefixes6: Vec<Prefix6>,
    vips: Vec<VipRecord>,
    sets: Vec<SetRecord>,
    backend_states: Vec<BackendStates>,
    backends: Vec<BackendRecord>,
    table_meta: Vec<TableMeta>,
    tables: BTreeMap<TableElement, Vec<u16>>,
    /// Writes from now until one fails.
    fail_in: Option<usize>,
    fail_grace: bool,
    /// Packets may still see what the last activation replaced.
    in_grace: bool,
    activations: u64,
}

/// What a packet can see: everything that the active word leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visible {
    contents: MapContents,
    /// Of each table in use, the backends' records slot by slot, with the slots.
    tables: BTreeMap<TableElement, Vec<(u16, BackendRecord)>>,
}

impl Memory {
    pub(crate) fn new(capacities: Capacities) -> Self {
        let banks = |count: u32| (BANKS * count) as usize;
        let tables = (capacities.tables_large + capacities.tables_small) as usize;
        let state = State {
            active: ActiveWord::NONE,
            headers: vec![GenerationHeader::default(); banks(1)],
            vip4_buckets: vec![Vip4Bucket::default(); banks(capacities.buckets4())],
            vip6_buckets: vec![Vip6Bucket::default(); banks(capacities.buckets6())],
            intervals: vec![PortInterval::default(); banks(capacities.intervals())],
            sources: vec![SourceBorder::default(); banks(capacities.sources())],
            prefixes4: vec![Prefix4::default(); banks(capacities.prefixes())],
            prefixes6: vec![Prefix6::default(); banks(capacities.prefixes())],
            vips: vec![VipRecord::default(); banks(capacities.vips)],
            sets: vec![SetRecord::default(); banks(capacities.sets())],
            backend_states: vec![BackendStates::default(); banks(capacities.state_elements())],
            backends: vec![BackendRecord::default(); capacities.backends as usize],
            table_meta: vec![TableMeta::default(); tables],
            tables: BTreeMap::new(),
            fail_in: None,
            fail_grace: false,
            in_grace: false,
            activations: 0,
        };
        Self { capacities, state: Mutex::new(state) }
    }

    /// Makes the write after `writes` more ones fail, and all that follow it.
    pub(crate) fn fail_after(&self, writes: usize) {
        self.state.lock().unwrap().fail_in = Some(writes);
    }

    /// Makes grace periods fail.
    pub(crate) fn fail_grace_periods(&self) {
        self.state.lock().unwrap().fail_grace = true;
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        let mut state = self.state.lock().unwrap();
        state.fail_in = None;
        state.fail_grace = false;
    }

    /// How often a generation was activated.
    pub(crate) fn activations(&self) -> u64 {
        self.state.lock().unwrap().activations
    }

    pub(crate) fn visible(&self) -> Visible {
        let state = self.state.lock().unwrap();
        let mut contents = state.contents(self.capacities);
        let tables = contents.referenced_tables().into_iter().map(|table| {
            let backend = |slot: &u16| state.backends[usize::from(slot & !guideway_abi::UNSETTLED)];
            (table, state.tables[&table].iter().map(|slot| (*slot, backend(slot))).collect())
        });
        let tables = tables.collect();
        // Packets see these by way of tables only.
        contents.backends.clear();
        contents.table_meta.clear();
        Visible { contents, tables }
    }
}

impl State {
    fn contents(&self, capacities: Capacities) -> MapContents {
        let header = self.headers[self.active.bank() as usize];
        let parts = MapParts::of(&capacities, self.active, &header).unwrap();
        MapContents {
            capacities,
            active: self.active,
            header,
            vip4_buckets: part(&self.vip4_buckets, &parts.vip4_buckets),
            vip6_buckets: part(&self.vip6_buckets, &parts.vip6_buckets),
            intervals: part(&self.intervals, &parts.intervals),
            sources: part(&self.sources, &parts.sources),
            prefixes4: part(&self.prefixes4, &parts.prefixes4),
            prefixes6: part(&self.prefixes6, &parts.prefixes6),
            vips: part(&self.vips, &parts.vips),
            sets: part(&self.sets, &parts.sets),
            backend_states: part(&self.backend_states, &parts.backend_states),
            backends: self.backends.clone(),
            table_meta: self.table_meta.clone(),
        }
    }
}

fn part<T: Clone>(map: &[T], part: &Range<u32>) -> Vec<T> {
    map[part.start as usize..part.end as usize].to_vec()
}

fn put<T: Copy>(map: &mut [T], first: u32, elements: &[T]) {
    map[first as usize..][..elements.len()].copy_from_slice(elements);
}

impl MapStore for Memory {
    fn capacities(&self) -> Capacities {
        self.capacities
    }

    fn tick_shift(&self) -> u32 {
        8
    }

    fn perform(&self, op: &Op) -> Result<(), StoreError> {
        let mut guard = self.state.lock().unwrap();
        let state = &mut *guard;
        assert!(!state.in_grace, "{} is written before a grace period has passed", describe(op));
        if state.fail_in == Some(0) {
            return Err(StoreError { what: describe(op), source: io::Error::other("injected").into() });
        }
        state.fail_in = state.fail_in.map(|left| left - 1);
        let capacities = &self.capacities;
        match op {
            Op::ZeroBackendStats { .. } | Op::ZeroVipStats { .. } | Op::ZeroFlows { .. } => {}
            Op::WriteBackend { index, record } => state.backends[usize::from(index.0)] = *record,
            Op::InvalidateTable { table } => {
                state.table_meta[table.meta_index(capacities) as usize] = TableMeta::default();
            }
            Op::WriteTable { table, slots } => {
                assert_eq!(slots.len(), table.size.get() as usize);
                state.tables.insert(*table, slots.to_vec());
            }
            Op::WriteTableMeta { table, meta } => {
                state.table_meta[table.meta_index(capacities) as usize] = *meta;
            }
            Op::WriteVips { first, records } => put(&mut state.vips, *first, records),
            Op::WriteVip4Buckets { first, buckets } => put(&mut state.vip4_buckets, *first, buckets),
            Op::WriteVip6Buckets { first, buckets } => put(&mut state.vip6_buckets, *first, buckets),
            Op::WriteIntervals { first, intervals } => put(&mut state.intervals, *first, intervals),
            Op::WriteSources { first, borders } => put(&mut state.sources, *first, borders),
            Op::WritePrefixes4 { first, prefixes } => put(&mut state.prefixes4, *first, prefixes),
            Op::WritePrefixes6 { first, prefixes } => put(&mut state.prefixes6, *first, prefixes),
            Op::WriteSets { first, records } => put(&mut state.sets, *first, records),
            Op::WriteBackendStates { first, states } => put(&mut state.backend_states, *first, states),
            Op::WriteHeader { bank, header } => state.headers[*bank as usize] = *header,
            Op::Activate(word) => {
                state.active = *word;
                state.activations += 1;
                state.in_grace = true;
            }
        }
        Ok(())
    }

    fn grace_period(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        if state.fail_grace {
            return Err(io::Error::other("injected"));
        }
        state.in_grace = false;
        Ok(())
    }

    fn read(&self) -> Result<Installed, ReadError> {
        let state = self.state.lock().unwrap();
        let contents = state.contents(self.capacities);
        let tables = contents
            .referenced_tables()
            .into_iter()
            .map(|table| (table, state.tables.get(&table).cloned().unwrap_or_default()))
            .collect();
        Installed::from_maps(contents, &tables).map_err(ReadError::Contradiction)
    }
}
