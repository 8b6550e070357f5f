//! All maps that an apply writes, to go back to.

use guideway_abi::{
    ActiveWord, BackendRecord, BackendStates, FlowBucket, FlowWord, GenerationHeader, PortInterval, Prefix4,
    Prefix6, SetRecord, SourceBorder, TableMeta, Vip4Bucket, Vip6Bucket, VipRecord,
};
use guideway_bpf::{Dataplane, TableKind};

use super::agent::write_routes;

const KINDS: [TableKind; 2] = [TableKind::Large, TableKind::Small];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    active: ActiveWord,
    headers: [GenerationHeader; 2],
    vip4_buckets: Vec<Vip4Bucket>,
    vip6_buckets: Vec<Vip6Bucket>,
    intervals: Vec<PortInterval>,
    prefixes4: Vec<Prefix4>,
    prefixes6: Vec<Prefix6>,
    sources: Vec<SourceBorder>,
    vips: Vec<VipRecord>,
    sets: Vec<SetRecord>,
    backend_states: Vec<BackendStates>,
    backends: Vec<BackendRecord>,
    flows: Vec<FlowBucket>,
    metas: [Vec<TableMeta>; 2],
    tables: [Vec<Vec<u16>>; 2],
}

impl Snapshot {
    pub fn take(dataplane: &Dataplane) -> Self {
        let of = dataplane.capacities();
        let count = |kind| if kind == TableKind::Large { of.tables_large } else { of.tables_small };
        Self {
            active: dataplane.active(),
            headers: [0, 1].map(|bank| dataplane.header(bank).unwrap()),
            vip4_buckets: dataplane.vip4_buckets(0, 2 * of.buckets4()).unwrap(),
            vip6_buckets: dataplane.vip6_buckets(0, 2 * of.buckets6()).unwrap(),
            intervals: dataplane.intervals(0, 2 * of.intervals()).unwrap(),
            prefixes4: dataplane.prefixes4(0, 2 * of.prefixes()).unwrap(),
            prefixes6: dataplane.prefixes6(0, 2 * of.prefixes()).unwrap(),
            sources: dataplane.sources(0, 2 * of.sources()).unwrap(),
            vips: dataplane.vips(0, 2 * of.vips).unwrap(),
            sets: dataplane.sets(0, 2 * of.sets()).unwrap(),
            backend_states: dataplane.backend_states(0, 2 * of.state_elements()).unwrap(),
            backends: dataplane.backends().unwrap(),
            flows: dataplane.flows(0, of.flow_buckets).unwrap(),
            metas: KINDS.map(|kind| dataplane.table_metas(kind).unwrap()),
            tables: KINDS
                .map(|kind| (0..count(kind)).map(|index| dataplane.table(kind, index).unwrap()).collect()),
        }
    }

    pub fn restore(&self, dataplane: &Dataplane) {
        // Nothing is served while the maps are a mix.
        dataplane.activate(ActiveWord::NONE);
        dataplane.grace_period().unwrap();
        for (bank, header) in (0..).zip(&self.headers) {
            dataplane.write_header(bank, header).unwrap();
        }
        dataplane.write_vip4_buckets(0, &self.vip4_buckets).unwrap();
        dataplane.write_vip6_buckets(0, &self.vip6_buckets).unwrap();
        dataplane.write_intervals(0, &self.intervals).unwrap();
        dataplane.write_prefixes4(0, &self.prefixes4).unwrap();
        dataplane.write_prefixes6(0, &self.prefixes6).unwrap();
        dataplane.write_sources(0, &self.sources).unwrap();
        dataplane.write_vips(0, &self.vips).unwrap();
        dataplane.write_sets(0, &self.sets).unwrap();
        dataplane.write_backend_states(0, &self.backend_states).unwrap();
        for (index, backend) in (0..).zip(&self.backends) {
            dataplane.write_backend(index, backend).unwrap();
        }
        dataplane.write_flows(0, &used_now(&self.flows, dataplane)).unwrap();
        for (kind, (metas, tables)) in KINDS.iter().zip(self.metas.iter().zip(&self.tables)) {
            for (index, (meta, table)) in (0..).zip(metas.iter().zip(tables)) {
                dataplane.write_table_meta(*kind, index, meta).unwrap();
                dataplane.write_table(*kind, index, table).unwrap();
            }
        }
        write_routes(dataplane);
        dataplane.activate(self.active);
    }
}

/// The flows as if they had all been used just now: a long test must not make them too old.
fn used_now(flows: &[FlowBucket], dataplane: &Dataplane) -> Vec<FlowBucket> {
    let now = dataplane.jiffies().unwrap() >> dataplane.tick_shift();
    let mut flows = flows.to_vec();
    for entry in flows.iter_mut().flat_map(|bucket| &mut bucket.entries) {
        let FlowWord(word) = entry.word;
        if entry.word.backend() != 0 {
            entry.word = FlowWord(word & !0xffff_ffff | now & 0xffff_ffff);
        }
    }
    flows
}
