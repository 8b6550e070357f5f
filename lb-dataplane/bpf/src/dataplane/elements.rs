//! Reading and writing the maps.

use guideway_abi as abi;
use guideway_abi::{
    BackendRecord, BackendStates, Capacities, Counter, FlowBucket, GenerationHeader, LinkRecord,
    PortInterval, Prefix4, Prefix6, SetRecord, SourceBorder, TableMeta, TrafficStats, Vip4Bucket, Vip6Bucket,
    VipRecord,
};

use super::Dataplane;
use crate::install::{Installed, OpenError};
use crate::map::{Array, MapError, PerCpuArray, Tables};
use crate::plain::Plain;
use crate::shared::SharedArray;

/// Which lookup tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableKind {
    /// Of 65,537 slots.
    Large,
    /// Of 16,381 slots.
    Small,
}

impl TableKind {
    /// Slots of a table.
    #[must_use]
    pub const fn slots(self) -> u32 {
        match self {
            Self::Large => abi::TABLE_SIZE_LARGE,
            Self::Small => abi::TABLE_SIZE_SMALL,
        }
    }
}

/// The maps that are read and written by bpf(2), and the arrays in shared memory.
#[derive(Debug)]
pub(super) struct Elements {
    headers: SharedArray<GenerationHeader>,
    vip4_buckets: SharedArray<Vip4Bucket>,
    vip6_buckets: SharedArray<Vip6Bucket>,
    intervals: Array<PortInterval>,
    prefixes4: Array<Prefix4>,
    prefixes6: Array<Prefix6>,
    sources: Array<SourceBorder>,
    vips: Array<VipRecord>,
    sets: SharedArray<SetRecord>,
    backend_states: Array<BackendStates>,
    tables_large: Tables,
    tables_small: Tables,
    table_meta: Array<TableMeta>,
    backends: SharedArray<BackendRecord>,
    links: SharedArray<LinkRecord>,
    flows: Array<FlowBucket>,
    vip_stats: PerCpuArray<TrafficStats>,
    backend_stats: PerCpuArray<TrafficStats>,
    counters: PerCpuArray<u64>,
    capacities: Capacities,
}

fn shared<T: Plain>(installed: &mut Installed, name: &'static str) -> Result<SharedArray<T>, OpenError> {
    let map = installed.take(name)?;
    SharedArray::new(name, &map).map_err(OpenError::system("map the memory of", &installed.layout.map(name)))
}

impl Elements {
    pub(super) fn take(installed: &mut Installed, capacities: Capacities) -> Result<Self, OpenError> {
        Ok(Self {
            headers: shared(installed, abi::HEADERS)?,
            vip4_buckets: shared(installed, abi::VIP4_BUCKETS)?,
            vip6_buckets: shared(installed, abi::VIP6_BUCKETS)?,
            intervals: Array::new(abi::INTERVALS, installed.take(abi::INTERVALS)?),
            prefixes4: Array::new(abi::PREFIXES4, installed.take(abi::PREFIXES4)?),
            prefixes6: Array::new(abi::PREFIXES6, installed.take(abi::PREFIXES6)?),
            sources: Array::new(abi::SOURCES, installed.take(abi::SOURCES)?),
            vips: Array::new(abi::VIPS, installed.take(abi::VIPS)?),
            sets: shared(installed, abi::SETS)?,
            backend_states: Array::new(abi::BACKEND_STATES, installed.take(abi::BACKEND_STATES)?),
            tables_large: Tables::new(abi::TABLES_LARGE, installed.take(abi::TABLES_LARGE)?),
            tables_small: Tables::new(abi::TABLES_SMALL, installed.take(abi::TABLES_SMALL)?),
            table_meta: Array::new(abi::TABLE_META, installed.take(abi::TABLE_META)?),
            backends: shared(installed, abi::BACKENDS)?,
            links: shared(installed, abi::LINKS)?,
            flows: Array::new(abi::FLOWS, installed.take(abi::FLOWS)?),
            vip_stats: PerCpuArray::new(abi::VIP_STATS, installed.take(abi::VIP_STATS)?),
            backend_stats: PerCpuArray::new(abi::BACKEND_STATS, installed.take(abi::BACKEND_STATS)?),
            counters: PerCpuArray::new(abi::COUNTERS, installed.take(abi::COUNTERS)?),
            capacities,
        })
    }

    fn tables(&self, kind: TableKind) -> &Tables {
        match kind {
            TableKind::Large => &self.tables_large,
            TableKind::Small => &self.tables_small,
        }
    }

    fn table_meta_range(&self, kind: TableKind) -> (u32, u32) {
        match kind {
            TableKind::Large => (0, self.capacities.tables_large),
            TableKind::Small => (self.capacities.tables_large, self.capacities.tables_small),
        }
    }
}

/// A reader and a writer of runs of elements, for each map.
macro_rules! runs {
    ($($map:ident: $element:ty, $read:ident, $write:ident;)*) => {
        /// Runs of elements. A run that does not lie within the map is refused as a whole; other errors are the kernel's,
        /// and may leave a run written in part.
        impl Dataplane {
            $(
                #[doc = concat!("The elements `first..first + count` of [`", stringify!($map), "`](guideway_abi::", stringify!($map), ").")]
                ///
                /// # Errors
                ///
                /// The run does not lie within the map, or the kernel's error.
                pub fn $read(&self, first: u32, count: u32) -> Result<Vec<$element>, MapError> {
                    self.elements.$read.read_many(first, count)
                }

                #[doc = concat!("Writes elements of [`", stringify!($map), "`](guideway_abi::", stringify!($map), ") from `first` on.")]
                ///
                /// # Errors
                ///
                /// The run does not lie within the map, or the kernel's error.
                pub fn $write(&self, first: u32, elements: &[$element]) -> Result<(), MapError> {
                    self.elements.$read.write_many(first, elements)
                }
            )*
        }
    };
}

runs! {
    VIP4_BUCKETS: Vip4Bucket, vip4_buckets, write_vip4_buckets;
    VIP6_BUCKETS: Vip6Bucket, vip6_buckets, write_vip6_buckets;
    INTERVALS: PortInterval, intervals, write_intervals;
    PREFIXES4: Prefix4, prefixes4, write_prefixes4;
    PREFIXES6: Prefix6, prefixes6, write_prefixes6;
    SOURCES: SourceBorder, sources, write_sources;
    VIPS: VipRecord, vips, write_vips;
    SETS: SetRecord, sets, write_sets;
    BACKEND_STATES: BackendStates, backend_states, write_backend_states;
    LINKS: LinkRecord, links, write_links;
    FLOWS: FlowBucket, flows, write_flows;
}

/// Single elements and whole maps.
impl Dataplane {
    /// The header of a bank.
    ///
    /// # Errors
    ///
    /// There is no such bank, or the kernel's error; so for all reads and writes below.
    pub fn header(&self, bank: u32) -> Result<GenerationHeader, MapError> {
        self.elements.headers.read(bank)
    }

    /// Writes the header of a bank.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn write_header(&self, bank: u32, header: &GenerationHeader) -> Result<(), MapError> {
        self.elements.headers.write(bank, header)
    }

    /// All backend elements, free ones too.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn backends(&self) -> Result<Vec<BackendRecord>, MapError> {
        self.elements.backends.read_many(0, self.elements.backends.len())
    }

    /// Writes a backend element.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn write_backend(&self, index: u32, backend: &BackendRecord) -> Result<(), MapError> {
        self.elements.backends.write(index, backend)
    }

    /// The slots of a lookup table.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn table(&self, kind: TableKind, index: u32) -> Result<Vec<u16>, MapError> {
        self.elements.tables(kind).read(index)
    }

    /// Writes a whole lookup table.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header); `slots` are not as many as the kind has.
    pub fn write_table(&self, kind: TableKind, index: u32, slots: &[u16]) -> Result<(), MapError> {
        self.elements.tables(kind).write(index, slots)
    }

    /// What the lookup tables of a kind were built from, by their index.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn table_metas(&self, kind: TableKind) -> Result<Vec<TableMeta>, MapError> {
        let (first, count) = self.elements.table_meta_range(kind);
        self.elements.table_meta.read_many(first, count)
    }

    /// Writes what a lookup table was built from.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn write_table_meta(&self, kind: TableKind, index: u32, meta: &TableMeta) -> Result<(), MapError> {
        let (first, count) = self.elements.table_meta_range(kind);
        // An index beyond this kind's would hit the other kind's; far beyond the end, the write fails.
        let element = if index < count { first + index } else { u32::MAX };
        self.elements.table_meta.write(element, meta)
    }

    /// Traffic of each VIP, summed over the CPUs, by index in a bank.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn vip_stats(&self) -> Result<Vec<TrafficStats>, MapError> {
        self.elements.vip_stats.read_all(add)
    }

    /// Traffic to each backend, summed over the CPUs, by index.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn backend_stats(&self) -> Result<Vec<TrafficStats>, MapError> {
        self.elements.backend_stats.read_all(add)
    }

    /// Starts a VIP's counters from zero. Packets that run meanwhile may put an old count back: only for indexes that no
    /// packet reaches.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn zero_vip_stats(&self, index: u32) -> Result<(), MapError> {
        self.elements.vip_stats.zero(index)
    }

    /// Starts a backend's counters from zero, as [`zero_vip_stats`](Self::zero_vip_stats).
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn zero_backend_stats(&self, index: u32) -> Result<(), MapError> {
        self.elements.backend_stats.zero(index)
    }

    /// Packets by verdict and drop reason, and events, summed over the CPUs.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn counters(&self) -> Result<Vec<(Counter, u64)>, MapError> {
        let values = self.elements.counters.read_all(u64::wrapping_add)?;
        Ok(Counter::ALL.iter().copied().zip(values).collect())
    }
}

fn add(left: TrafficStats, right: TrafficStats) -> TrafficStats {
    TrafficStats {
        packets: left.packets.wrapping_add(right.packets),
        bytes: left.bytes.wrapping_add(right.bytes),
    }
}
