//! The maps in the kernel.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;

use guideway_abi::{ActiveWord, Capacities, Counter, GenerationHeader, TrafficStats};
use guideway_bpf::{Dataplane, MapError, TableKind};
use guideway_dataplane_plan::{Installed, MapContents, Op, TableElement, TableSize};

use super::{INVALID, MapStore, ReadError, StoreError, describe};
use crate::view::Counts;

impl MapStore for Dataplane {
    fn capacities(&self) -> Capacities {
        self.capacities()
    }

    fn perform(&self, op: &Op) -> Result<(), StoreError> {
        perform(self, op).map_err(|source| StoreError { what: describe(op), source: boxed(source) })
    }

    fn grace_period(&self) -> io::Result<()> {
        self.grace_period()
    }

    fn read(&self) -> Result<Installed, ReadError> {
        let contents = contents(self).map_err(|error| ReadError::Map(boxed(error)))?;
        let mut tables = BTreeMap::new();
        for element in contents.referenced_tables() {
            let slots =
                self.table(kind(element), element.index).map_err(|error| ReadError::Map(boxed(error)))?;
            tables.insert(element, slots);
        }
        Installed::from_maps(contents, &tables).map_err(ReadError::Contradiction)
    }
}

fn perform(dataplane: &Dataplane, op: &Op) -> Result<(), MapError> {
    match op {
        Op::ZeroBackendStats { index } => dataplane.zero_backend_stats(index.0.into()),
        Op::WriteBackend { index, record } => dataplane.write_backend(index.0.into(), record),
        Op::ZeroVipStats { index } => dataplane.zero_vip_stats(index.0),
        Op::InvalidateTable { table } => dataplane.write_table_meta(kind(*table), table.index, &INVALID),
        Op::WriteTable { table, slots } => dataplane.write_table(kind(*table), table.index, slots),
        Op::WriteTableMeta { table, meta } => dataplane.write_table_meta(kind(*table), table.index, meta),
        Op::WriteVips { first, records } => dataplane.write_vips(*first, records),
        Op::WriteBuckets { first, buckets } => dataplane.write_buckets(*first, buckets),
        Op::WriteHeader { bank, header } => dataplane.write_header(*bank, header),
        Op::Activate(word) => {
            dataplane.activate(*word);
            Ok(())
        }
    }
}

fn contents(dataplane: &Dataplane) -> Result<MapContents, MapError> {
    let capacities = dataplane.capacities();
    let active = dataplane.active();
    let bank = active.bank();
    let mut table_meta = dataplane.table_metas(TableKind::Large)?;
    table_meta.extend(dataplane.table_metas(TableKind::Small)?);
    let (header, buckets, vips) = if active == ActiveWord::NONE {
        (GenerationHeader::default(), Vec::new(), Vec::new())
    } else {
        (
            dataplane.header(bank)?,
            dataplane.buckets(bank * capacities.buckets(), capacities.buckets())?,
            dataplane.vips(bank * capacities.vips, capacities.vips)?,
        )
    };
    Ok(MapContents { capacities, active, header, buckets, vips, backends: dataplane.backends()?, table_meta })
}

fn kind(table: TableElement) -> TableKind {
    match table.size {
        TableSize::Large => TableKind::Large,
        TableSize::Small => TableKind::Small,
    }
}

fn boxed(error: MapError) -> Box<dyn Error + Send + Sync> {
    Box::new(error)
}

impl Counts for Dataplane {
    fn vips(&self) -> io::Result<Vec<TrafficStats>> {
        self.vip_stats().map_err(io::Error::other)
    }

    fn backends(&self) -> io::Result<Vec<TrafficStats>> {
        self.backend_stats().map_err(io::Error::other)
    }

    fn packets(&self) -> io::Result<Vec<(Counter, u64)>> {
        self.counters().map_err(io::Error::other)
    }
}
