//! The maps in the kernel.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use guideway_abi::{
    BackendRecord, Capacities, Counter, FlowBucket, LINKS_MAX, Leg, LinkRecord, RouteRecord, TableMeta,
    TrafficStats,
};
use guideway_bpf::{Dataplane, MapError, TableKind};
use guideway_dataplane_plan::{Installed, MapContents, MapParts, Op, TableElement, TableSize};

use super::{MapStore, ReadError, StoreError, describe};
use crate::route::{LegStore, Ways};
use crate::view::Counts;

/// Buckets of the flow table that are zeroed by one system call.
const FLOWS_AT_ONCE: u32 = 4096;

/// The forwarder in the kernel.
#[derive(Clone, Debug)]
pub struct Kernel {
    dataplane: Arc<Dataplane>,
    ways: Ways,
}

impl Kernel {
    /// Takes the maps over.
    ///
    /// # Errors
    ///
    /// When the ways to the backends cannot be read from them.
    pub fn new(dataplane: Dataplane) -> io::Result<Self> {
        let dataplane = Arc::new(dataplane);
        let ways = Ways::open(dataplane.clone())?;
        Ok(Self { dataplane, ways })
    }

    /// The maps.
    #[must_use]
    pub fn dataplane(&self) -> &Dataplane {
        &self.dataplane
    }

    /// The ways to the backends.
    #[must_use]
    pub fn ways(&self) -> Ways {
        self.ways.clone()
    }

    fn write(&self, op: &Op) -> Result<(), MapError> {
        let maps = &self.dataplane;
        match op {
            Op::ZeroBackendStats { index } => maps.zero_backend_stats(index.0.into()),
            Op::WriteBackend { index, record } => {
                self.ways.assign(index.0.into(), address(record));
                maps.write_backend(index.0.into(), record)
            }
            Op::ZeroVipStats { index } => maps.zero_vip_stats(index.0),
            Op::InvalidateTable { table } => {
                maps.write_table_meta(kind(*table), table.index, &TableMeta::default())
            }
            Op::WriteTable { table, slots } => maps.write_table(kind(*table), table.index, slots),
            Op::WriteTableMeta { table, meta } => maps.write_table_meta(kind(*table), table.index, meta),
            Op::WriteVips { first, records } => maps.write_vips(*first, records),
            Op::WriteVip4Buckets { first, buckets } => maps.write_vip4_buckets(*first, buckets),
            Op::WriteVip6Buckets { first, buckets } => maps.write_vip6_buckets(*first, buckets),
            Op::WriteIntervals { first, intervals } => maps.write_intervals(*first, intervals),
            Op::WriteSources { first, borders } => maps.write_sources(*first, borders),
            Op::WritePrefixes4 { first, prefixes } => maps.write_prefixes4(*first, prefixes),
            Op::WritePrefixes6 { first, prefixes } => maps.write_prefixes6(*first, prefixes),
            Op::WriteSets { first, records } => maps.write_sets(*first, records),
            Op::WriteBackendStates { first, states } => maps.write_backend_states(*first, states),
            Op::ZeroFlows { first, count } => zero_flows(maps, *first, *count),
            Op::WriteHeader { bank, header } => maps.write_header(*bank, header),
            Op::Activate(word) => {
                maps.activate(*word);
                Ok(())
            }
        }
    }
}

impl MapStore for Kernel {
    fn capacities(&self) -> Capacities {
        self.dataplane.capacities()
    }

    fn tick_shift(&self) -> u32 {
        self.dataplane.tick_shift()
    }

    fn perform(&self, op: &Op) -> Result<(), StoreError> {
        self.write(op).map_err(|source| StoreError { what: describe(op), source: boxed(source) })
    }

    fn grace_period(&self) -> io::Result<()> {
        self.dataplane.grace_period()
    }

    fn read(&self) -> Result<Installed, ReadError> {
        let unreadable = |error| ReadError::Map(boxed(error));
        let contents = contents(&self.dataplane)?;
        // A write that failed has left the ways of a backend that its element does not have.
        self.ways.assign_all(contents.backends.iter().map(address));
        let mut tables = BTreeMap::new();
        for element in contents.referenced_tables() {
            let slots = self.dataplane.table(kind(element), element.index).map_err(unreadable)?;
            tables.insert(element, slots);
        }
        Installed::from_maps(contents, &tables).map_err(ReadError::Contradiction)
    }
}

fn zero_flows(maps: &Dataplane, first: u32, count: u32) -> Result<(), MapError> {
    let zeros = vec![FlowBucket::default(); FLOWS_AT_ONCE.min(count) as usize];
    let end = first.saturating_add(count);
    (first..end).step_by(FLOWS_AT_ONCE as usize).try_for_each(|start| {
        let length = FLOWS_AT_ONCE.min(end - start) as usize;
        maps.write_flows(start, zeros.get(..length).unwrap_or_default())
    })
}

fn contents(maps: &Dataplane) -> Result<MapContents, ReadError> {
    let capacities = maps.capacities();
    let active = maps.active();
    let header = maps.header(active.bank()).map_err(|error| ReadError::Map(boxed(error)))?;
    let parts = MapParts::of(&capacities, active, &header).map_err(ReadError::Contradiction)?;
    let read = || {
        let mut table_meta = maps.table_metas(TableKind::Large)?;
        table_meta.extend(maps.table_metas(TableKind::Small)?);
        let count = |part: &std::ops::Range<u32>| part.end - part.start;
        Ok::<_, MapError>(MapContents {
            capacities,
            active,
            header,
            vip4_buckets: maps.vip4_buckets(parts.vip4_buckets.start, count(&parts.vip4_buckets))?,
            vip6_buckets: maps.vip6_buckets(parts.vip6_buckets.start, count(&parts.vip6_buckets))?,
            sources: maps.sources(parts.sources.start, count(&parts.sources))?,
            intervals: maps.intervals(parts.intervals.start, count(&parts.intervals))?,
            prefixes4: maps.prefixes4(parts.prefixes4.start, count(&parts.prefixes4))?,
            prefixes6: maps.prefixes6(parts.prefixes6.start, count(&parts.prefixes6))?,
            vips: maps.vips(parts.vips.start, count(&parts.vips))?,
            sets: maps.sets(parts.sets.start, count(&parts.sets))?,
            backend_states: maps.backend_states(parts.backend_states.start, count(&parts.backend_states))?,
            backends: maps.backends()?,
            table_meta,
        })
    };
    read().map_err(|error| ReadError::Map(boxed(error)))
}

const fn kind(table: TableElement) -> TableKind {
    match table.size {
        TableSize::Large => TableKind::Large,
        TableSize::Small => TableKind::Small,
    }
}

/// Address of a backend; none of a free element.
fn address(record: &BackendRecord) -> Option<IpAddr> {
    let address = Ipv6Addr::from(record.address);
    (record.family != 0).then(|| address.to_canonical())
}

fn boxed(error: MapError) -> Box<dyn Error + Send + Sync> {
    Box::new(error)
}

impl LegStore for Dataplane {
    fn store_leg(&self, backend: u32, leg: usize, value: Leg) {
        if let Err(error) = self.store_leg(backend, leg, value) {
            tracing::error!(%error, "a way cannot be stored");
        }
    }

    fn route(&self, backend: u32) -> RouteRecord {
        self.route(backend).unwrap_or_default()
    }

    fn links(&self) -> io::Result<Vec<LinkRecord>> {
        self.links(0, LINKS_MAX).map_err(io::Error::other)
    }

    fn write_link(&self, index: u16, link: &LinkRecord) -> io::Result<()> {
        self.write_links(index.into(), std::slice::from_ref(link)).map_err(io::Error::other)
    }

    fn addresses(&self) -> io::Result<Vec<Option<IpAddr>>> {
        Ok(self.backends().map_err(io::Error::other)?.iter().map(address).collect())
    }

    fn valid_until(&self) -> u64 {
        self.routes_valid_until()
    }

    fn set_valid_until(&self, jiffies: u64) {
        self.set_routes_valid_until(jiffies);
    }

    fn jiffies(&self) -> io::Result<u64> {
        self.jiffies()
    }

    fn ticks_per_second(&self) -> u32 {
        self.ticks_per_second()
    }

    fn grace_period(&self) -> io::Result<()> {
        self.grace_period()
    }
}

impl Counts for Kernel {
    fn vips(&self) -> io::Result<Vec<TrafficStats>> {
        self.dataplane.vip_stats().map_err(io::Error::other)
    }

    fn backends(&self) -> io::Result<Vec<TrafficStats>> {
        self.dataplane.backend_stats().map_err(io::Error::other)
    }

    fn packets(&self) -> io::Result<Vec<(Counter, u64)>> {
        self.dataplane.counters().map_err(io::Error::other)
    }

    fn mark_flows(&self, on: bool) {
        if on {
            self.dataplane.start_marking();
        } else {
            self.dataplane.stop_marking();
        }
    }

    fn flow_marks(&self) -> u32 {
        self.dataplane.flow_marks()
    }
}
