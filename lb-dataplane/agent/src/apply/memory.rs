//! The maps as arrays in memory, with faults on demand.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

use guideway_abi::{
    ActiveWord, BANKS, BackendRecord, Capacities, GenerationHeader, TableMeta, VipBucket, VipRecord,
};
use guideway_dataplane_plan::{Installed, MapContents, Op, TableElement};

use super::{INVALID, MapStore, ReadError, StoreError, describe};

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
    buckets: Vec<VipBucket>,
    vips: Vec<VipRecord>,
    backends: Vec<BackendRecord>,
    table_meta: Vec<TableMeta>,
    tables: BTreeMap<TableElement, Vec<u16>>,
    /// Writes from now until one fails.
    fail_in: Option<usize>,
    fail_grace: bool,
    activations: u64,
}

/// What a packet can see: everything that the active word leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visible {
    active: ActiveWord,
    header: GenerationHeader,
    buckets: Vec<VipBucket>,
    vips: Vec<VipRecord>,
    /// Of each table in use, the backends' records slot by slot.
    tables: BTreeMap<TableElement, Vec<BackendRecord>>,
}

impl Memory {
    pub(crate) fn new(capacities: Capacities) -> Self {
        let banks = BANKS as usize;
        let tables = (capacities.tables_large + capacities.tables_small) as usize;
        let state = State {
            active: ActiveWord::NONE,
            headers: vec![GenerationHeader::default(); banks],
            buckets: vec![VipBucket::default(); banks * capacities.buckets() as usize],
            vips: vec![VipRecord::default(); banks * capacities.vips as usize],
            backends: vec![BackendRecord::default(); capacities.backends as usize],
            table_meta: vec![TableMeta::default(); tables],
            tables: BTreeMap::new(),
            fail_in: None,
            fail_grace: false,
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
        (state.fail_in, state.fail_grace) = (None, false);
    }

    /// Generations activated so far.
    pub(crate) fn activations(&self) -> u64 {
        self.state.lock().unwrap().activations
    }

    fn contents(&self, state: &State) -> MapContents {
        let part = |size: u32| {
            let first = (state.active.bank() * size) as usize;
            first..first + size as usize
        };
        MapContents {
            capacities: self.capacities,
            active: state.active,
            header: state.headers[state.active.bank() as usize],
            buckets: state.buckets[part(self.capacities.buckets())].to_vec(),
            vips: state.vips[part(self.capacities.vips)].to_vec(),
            backends: state.backends.clone(),
            table_meta: state.table_meta.clone(),
        }
    }

    pub(crate) fn visible(&self) -> Visible {
        let state = self.state.lock().unwrap();
        let contents = self.contents(&state);
        let tables = contents.referenced_tables().into_iter().map(|table| {
            let slots = state.tables[&table].iter().map(|slot| state.backends[usize::from(*slot)]).collect();
            (table, slots)
        });
        Visible {
            active: contents.active,
            header: contents.header,
            tables: tables.collect(),
            buckets: contents.buckets,
            vips: contents.vips,
        }
    }
}

impl MapStore for Memory {
    fn capacities(&self) -> Capacities {
        self.capacities
    }

    fn perform(&self, op: &Op) -> Result<(), StoreError> {
        let mut state = self.state.lock().unwrap();
        if state.fail_in == Some(0) {
            return Err(StoreError { what: describe(op), source: io::Error::other("injected").into() });
        }
        state.fail_in = state.fail_in.map(|left| left - 1);
        let capacities = &self.capacities;
        match op {
            Op::ZeroBackendStats { .. } | Op::ZeroVipStats { .. } => {}
            Op::WriteBackend { index, record } => state.backends[usize::from(index.0)] = *record,
            Op::InvalidateTable { table } => {
                state.table_meta[table.meta_index(capacities) as usize] = INVALID;
            }
            Op::WriteTable { table, slots } => {
                assert_eq!(slots.len(), table.size.get() as usize);
                state.tables.insert(*table, slots.clone());
            }
            Op::WriteTableMeta { table, meta } => {
                state.table_meta[table.meta_index(capacities) as usize] = *meta;
            }
            Op::WriteVips { first, records } => {
                state.vips[*first as usize..][..records.len()].copy_from_slice(records);
            }
            Op::WriteBuckets { first, buckets } => {
                state.buckets[*first as usize..][..buckets.len()].copy_from_slice(buckets);
            }
            Op::WriteHeader { bank, header } => state.headers[*bank as usize] = *header,
            Op::Activate(word) => {
                state.active = *word;
                state.activations += 1;
            }
        }
        Ok(())
    }

    fn grace_period(&self) -> io::Result<()> {
        if self.state.lock().unwrap().fail_grace { Err(io::Error::other("injected")) } else { Ok(()) }
    }

    fn read(&self) -> Result<Installed, ReadError> {
        let state = self.state.lock().unwrap();
        let contents = self.contents(&state);
        let tables = contents
            .referenced_tables()
            .into_iter()
            .map(|table| (table, state.tables.get(&table).cloned().unwrap_or_default()))
            .collect();
        Installed::from_maps(contents, &tables).map_err(ReadError::Contradiction)
    }
}
