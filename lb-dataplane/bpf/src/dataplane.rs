//! The forwarder program and its maps.

use std::io;
use std::path::Path;

use guideway_abi as abi;
use guideway_abi::{
    ActiveWord, BackendRecord, Capacities, Counter, GenerationHeader, MetaRecord, TableMeta, TrafficStats,
    VipBucket, VipRecord, table_kind,
};

use crate::active::Active;
use crate::grace::Grace;
use crate::install::{self, Difference, Installed, OpenError, Origin};
use crate::map::{Array, MapError, PerCpuArray, Tables};
use crate::object::Object;
use crate::plain::{bytes, bytes_mut};
use crate::test_run::{self, TestRun, TestRunOptions};
use crate::xdp::{self, AttachError, Attachment, XdpMode};

/// Which lookup tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableKind {
    /// Of 65,537 slots.
    Large,
    /// Of 16,381 slots.
    Small,
}

impl TableKind {
    /// As in [`VipRecord::table_kind`]; `None` for a number that stands for no kind.
    #[must_use]
    pub const fn from_abi(number: u8) -> Option<Self> {
        match number {
            table_kind::LARGE => Some(Self::Large),
            table_kind::SMALL => Some(Self::Small),
            _ => None,
        }
    }

    /// As in [`VipRecord::table_kind`].
    #[must_use]
    pub const fn to_abi(self) -> u8 {
        match self {
            Self::Large => table_kind::LARGE,
            Self::Small => table_kind::SMALL,
        }
    }

    /// Slots of a table.
    #[must_use]
    pub const fn slots(self) -> u32 {
        match self {
            Self::Large => abi::TABLE_SIZE_LARGE,
            Self::Small => abi::TABLE_SIZE_SMALL,
        }
    }
}

/// The pinned forwarder: everything that an agent reads and writes. Calls may come from any thread.
///
/// Nothing here knows which element is in use; the order of writes that keeps a packet within one generation is the
/// caller's (see [`guideway_abi`]).
#[derive(Debug)]
pub struct Dataplane {
    installed: Installed,
    capacities: Capacities,
    active: Active,
    grace: Grace,
    headers: Array<GenerationHeader>,
    vip_buckets: Array<VipBucket>,
    vips: Array<VipRecord>,
    tables_large: Tables,
    tables_small: Tables,
    table_meta: Array<TableMeta>,
    backends: Array<BackendRecord>,
    vip_stats: PerCpuArray<TrafficStats>,
    backend_stats: PerCpuArray<TrafficStats>,
    counters: PerCpuArray<u64>,
}

/// VIPs in one generation, at most: a limit of this crate, far above what the maps' memory allows for.
const VIPS_MAX: u32 = 1 << 20;
/// Lookup tables of one kind, at most.
const TABLES_MAX: u32 = 1 << 16;

impl Dataplane {
    /// Sets the forwarder up under `pin_root`, or comes back to what an earlier process set up there. A newer program
    /// replaces the pinned one in place, on every interface, and no packet is lost. Another process is kept out until
    /// the drop. The pins stay after the drop, and packets are forwarded on.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; in particular pins that do not fit `capacities` or this version.
    pub fn open(pin_root: &Path, capacities: Capacities) -> Result<Self, OpenError> {
        check_capacities(capacities)?;
        let wanted = meta(capacities);
        let object = Object::forwarder(capacities);
        let mut installed = install::install(
            pin_root,
            &object,
            |maps| {
                maps.get(abi::META).map_or(Ok(()), |map| map.update(&0_u32.to_ne_bytes(), bytes(&[wanted])))
            },
            |maps| {
                let mut found = [MetaRecord::default()];
                if let Some(map) = maps.get(abi::META) {
                    map.lookup(&0_u32.to_ne_bytes(), bytes_mut(&mut found))?;
                }
                Ok(compare_meta(pin_root, &found[0], &wanted))
            },
        )?;
        let active_map = installed.take(abi::ACTIVE)?;
        let active = Active::new(&active_map).map_err(OpenError::system("map ACTIVE of", pin_root))?;
        let grace = Grace::new().map_err(OpenError::system("make a map of maps for", pin_root))?;
        Ok(Self {
            capacities,
            active,
            grace,
            headers: Array::new(abi::HEADERS, installed.take(abi::HEADERS)?),
            vip_buckets: Array::new(abi::VIP_BUCKETS, installed.take(abi::VIP_BUCKETS)?),
            vips: Array::new(abi::VIPS, installed.take(abi::VIPS)?),
            tables_large: Tables::new(abi::TABLES_LARGE, installed.take(abi::TABLES_LARGE)?),
            tables_small: Tables::new(abi::TABLES_SMALL, installed.take(abi::TABLES_SMALL)?),
            table_meta: Array::new(abi::TABLE_META, installed.take(abi::TABLE_META)?),
            backends: Array::new(abi::BACKENDS, installed.take(abi::BACKENDS)?),
            vip_stats: PerCpuArray::new(abi::VIP_STATS, installed.take(abi::VIP_STATS)?),
            backend_stats: PerCpuArray::new(abi::BACKEND_STATS, installed.take(abi::BACKEND_STATS)?),
            counters: PerCpuArray::new(abi::COUNTERS, installed.take(abi::COUNTERS)?),
            installed,
        })
    }

    /// Detaches the forwarder under `pin_root` from all interfaces and removes its pins; false when there were none.
    ///
    /// # Errors
    ///
    /// Another process holds the pins, or a system call failed.
    pub fn remove(pin_root: &Path) -> Result<bool, OpenError> {
        install::remove(pin_root, &Object::forwarder(Capacities::default()), &[])
    }

    /// What [`open`](Self::open) found.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.installed.origin
    }

    /// The kernel's id of the program.
    #[must_use]
    pub fn program_id(&self) -> u32 {
        self.installed.program_id
    }

    /// Elements of the maps.
    #[must_use]
    pub fn capacities(&self) -> Capacities {
        self.capacities
    }

    /// Runs the program on `interface` from now on, until [`detach_others`](Self::detach_others) leaves it out. An
    /// interface that runs it in this mode already is not touched.
    ///
    /// # Errors
    ///
    /// See [`AttachError`]. Native mode never becomes generic mode by itself.
    pub fn attach(&self, interface: &str, mode: XdpMode) -> Result<Attachment, AttachError> {
        xdp::attach(
            &self.installed.layout,
            &self.installed.program,
            self.installed.program_id,
            interface,
            mode,
        )
    }

    /// Detaches from all interfaces but `keep`; gives those that it detached from.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn detach_others(&self, keep: &[&str]) -> Result<Vec<String>, AttachError> {
        xdp::detach_others(&self.installed.layout, keep)
    }

    /// The interfaces that [`attach`](Self::attach) was called for, whether or not they still exist.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attachments(&self) -> Result<Vec<Attachment>, AttachError> {
        xdp::attachments(&self.installed.layout)
    }

    /// The word that packets follow now.
    #[must_use]
    pub fn active(&self) -> ActiveWord {
        self.active.load()
    }

    /// Makes packets follow `word`: one atomic store after everything that was written before.
    pub fn activate(&self, word: ActiveWord) {
        self.active.store(word);
    }

    /// Waits until no packet can still follow a word that was replaced before the call. Blocks for some 10 ms.
    ///
    /// # Errors
    ///
    /// The kernel's; nothing may be overwritten then.
    pub fn grace_period(&self) -> io::Result<()> {
        self.grace.wait()
    }

    /// The header of a bank.
    ///
    /// # Errors
    ///
    /// There is no such bank, or the kernel's error; so for all reads and writes below.
    pub fn header(&self, bank: u32) -> Result<GenerationHeader, MapError> {
        self.headers.read(bank)
    }

    /// Writes the header of a bank.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn write_header(&self, bank: u32, header: &GenerationHeader) -> Result<(), MapError> {
        self.headers.write(bank, header)
    }

    /// The VIP buckets `first..first + count`.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn buckets(&self, first: u32, count: u32) -> Result<Vec<VipBucket>, MapError> {
        self.vip_buckets.read_many(first, count)
    }

    /// Writes VIP buckets from `first` on.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn write_buckets(&self, first: u32, buckets: &[VipBucket]) -> Result<(), MapError> {
        self.vip_buckets.write_many(first, buckets)
    }

    /// The VIP records `first..first + count`.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn vips(&self, first: u32, count: u32) -> Result<Vec<VipRecord>, MapError> {
        self.vips.read_many(first, count)
    }

    /// Writes VIP records from `first` on.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn write_vips(&self, first: u32, vips: &[VipRecord]) -> Result<(), MapError> {
        self.vips.write_many(first, vips)
    }

    /// All backend elements, free ones too.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn backends(&self) -> Result<Vec<BackendRecord>, MapError> {
        self.backends.read_many(0, self.backends.len())
    }

    /// Writes a backend element.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn write_backend(&self, index: u32, backend: &BackendRecord) -> Result<(), MapError> {
        self.backends.write(index, backend)
    }

    /// The slots of a lookup table.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn table(&self, kind: TableKind, index: u32) -> Result<Vec<u16>, MapError> {
        self.tables(kind).read(index)
    }

    /// Writes a whole lookup table.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header); `slots` are not as many as the kind has.
    pub fn write_table(&self, kind: TableKind, index: u32, slots: &[u16]) -> Result<(), MapError> {
        self.tables(kind).write(index, slots)
    }

    /// What the lookup tables of a kind were built from, by their index.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn table_metas(&self, kind: TableKind) -> Result<Vec<TableMeta>, MapError> {
        let (first, count) = self.table_meta_range(kind);
        self.table_meta.read_many(first, count)
    }

    /// Writes what a lookup table was built from.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn write_table_meta(&self, kind: TableKind, index: u32, meta: &TableMeta) -> Result<(), MapError> {
        let (first, count) = self.table_meta_range(kind);
        // An index beyond this kind's would hit the other kind's; far beyond the end, the write fails.
        let element = if index < count { first + index } else { u32::MAX };
        self.table_meta.write(element, meta)
    }

    /// Traffic of each VIP, summed over the CPUs, by index in a bank.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn vip_stats(&self) -> Result<Vec<TrafficStats>, MapError> {
        self.vip_stats.read_all(add)
    }

    /// Traffic to each backend, summed over the CPUs, by index.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn backend_stats(&self) -> Result<Vec<TrafficStats>, MapError> {
        self.backend_stats.read_all(add)
    }

    /// Starts a VIP's counters from zero. Packets that run meanwhile may put an old count back: only for indexes that no
    /// packet reaches.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn zero_vip_stats(&self, index: u32) -> Result<(), MapError> {
        self.vip_stats.zero(index)
    }

    /// Starts a backend's counters from zero, as [`zero_vip_stats`](Self::zero_vip_stats).
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn zero_backend_stats(&self, index: u32) -> Result<(), MapError> {
        self.backend_stats.zero(index)
    }

    /// Packets by verdict and drop reason, summed over the CPUs.
    ///
    /// # Errors
    ///
    /// See [`header`](Self::header).
    pub fn counters(&self) -> Result<Vec<(Counter, u64)>, MapError> {
        let values = self.counters.read_all(u64::wrapping_add)?;
        Ok(Counter::ALL.iter().copied().zip(values).collect())
    }

    /// Runs the program on a packet, without an interface; it counts as any other.
    ///
    /// # Errors
    ///
    /// See [`TestProgram::run`](crate::TestProgram::run).
    pub fn test_run(&self, packet: &[u8], options: &TestRunOptions) -> io::Result<TestRun> {
        test_run::run(&self.installed.program, packet, options)
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

fn add(left: TrafficStats, right: TrafficStats) -> TrafficStats {
    TrafficStats {
        packets: left.packets.wrapping_add(right.packets),
        bytes: left.bytes.wrapping_add(right.bytes),
    }
}

fn meta(capacities: Capacities) -> MetaRecord {
    MetaRecord {
        abi_version: abi::ABI_VERSION,
        vips: capacities.vips,
        backends: capacities.backends,
        tables_large: capacities.tables_large,
        tables_small: capacities.tables_small,
        reserved: 0,
    }
}

fn compare_meta(pin_root: &Path, found: &MetaRecord, wanted: &MetaRecord) -> Vec<Difference> {
    [
        ("ABI version", found.abi_version, wanted.abi_version),
        ("capacity for VIPs", found.vips, wanted.vips),
        ("capacity for backends", found.backends, wanted.backends),
        ("capacity for tables of 65537", found.tables_large, wanted.tables_large),
        ("capacity for tables of 16381", found.tables_small, wanted.tables_small),
    ]
    .into_iter()
    .filter(|(_, found, wanted)| found != wanted)
    .map(|(property, found, wanted)| Difference {
        path: pin_root.join("maps").join(abi::META),
        property,
        found: found.to_string(),
        wanted: wanted.to_string(),
    })
    .collect()
}

fn check_capacities(capacities: Capacities) -> Result<(), OpenError> {
    let Capacities { vips, backends, tables_large, tables_small } = capacities;
    for (what, found, minimum, maximum) in [
        ("VIPs", vips, 1, VIPS_MAX),
        ("backends", backends, 2, Capacities::MAX_BACKENDS),
        ("tables of 65537", tables_large, 1, TABLES_MAX),
        ("tables of 16381", tables_small, 1, TABLES_MAX),
    ] {
        if !(minimum..=maximum).contains(&found) {
            return Err(OpenError::Capacity { what, found, minimum, maximum });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_capacities, compare_meta, meta};
    use guideway_abi::{ABI_VERSION, Capacities, MetaRecord};
    use std::path::Path;

    #[test]
    fn every_capacity_has_a_range() {
        let good = Capacities::default();
        check_capacities(good).unwrap();
        for bad in [
            Capacities { vips: 0, ..good },
            Capacities { vips: u32::MAX, ..good },
            Capacities { backends: 65_537, ..good },
            Capacities { tables_large: 0, ..good },
            Capacities { tables_small: u32::MAX, ..good },
        ] {
            check_capacities(bad).unwrap_err();
        }
    }

    #[test]
    fn every_field_of_the_metadata_is_compared() {
        let wanted = meta(Capacities::default());
        assert_eq!(compare_meta(Path::new("/x"), &wanted, &wanted), []);
        let found = MetaRecord { abi_version: ABI_VERSION + 1, ..MetaRecord::default() };
        let differences = compare_meta(Path::new("/x"), &found, &wanted);
        assert_eq!(differences.len(), 5);
        assert_eq!(differences[0].to_string(), "/x/maps/META: ABI version is 2, wanted 1");
    }
}
