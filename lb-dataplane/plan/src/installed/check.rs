//! Maps as they were read become [`Installed`], or an error when they contradict each other.

use std::collections::{BTreeMap, BTreeSet};

use guideway_abi::{
    ActiveWord, BANKS, Capacities, GenerationHeader, TABLE_NONE, TableMeta, VipBucket, VipEntry, VipRecord,
    entry_kind,
};
use guideway_packet::{Address, lookup_hash};
use thiserror::Error;

use super::{Installed, MapContents};
use crate::desired::RawKey;
use crate::index::tables_of;
use crate::lookup::home_buckets;
use crate::{TableElement, VipIndex};

/// How the maps contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InstalledError {
    /// A map was not read as a whole, or is not of the capacity that was given.
    #[error("{map} has {found} elements instead of {expected}")]
    Length {
        /// Its name.
        map: &'static str,
        /// Elements read.
        found: usize,
        /// Elements that the capacities give.
        expected: usize,
    },
    /// The active word and the header that it names disagree.
    #[error("the header of bank {bank} is not that of generation {generation}: {what}")]
    Header {
        /// The word's generation.
        generation: u64,
        /// The word's bank.
        bank: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// An entry of the VIP lookup cannot be right.
    #[error("VIP bucket {bucket}: {what}")]
    Entry {
        /// Index of the bucket in its bank.
        bucket: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A VIP refers to a table that does not exist or is not whole.
    #[error("VIP {} refers to a lookup table that {what} (kind {table_kind}, index {table})", vip.0)]
    VipTable {
        /// The VIP.
        vip: VipIndex,
        /// As it stands in the record.
        table_kind: u8,
        /// As it stands in the record.
        table: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// A table in use was not given, or not with all of its slots.
    #[error("{table} is in use, but {found} of its slots were read")]
    Slots {
        /// The table.
        table: TableElement,
        /// Slots read.
        found: usize,
    },
    /// A slot refers to a backend that does not exist.
    #[error("slot {slot} of {table} refers to backend {backend}, which does not exist")]
    SlotBackend {
        /// The table.
        table: TableElement,
        /// The slot.
        slot: usize,
        /// The backend's index.
        backend: u16,
    },
}

pub(super) fn from_maps(
    maps: MapContents,
    tables: &BTreeMap<TableElement, Vec<u16>>,
) -> Result<Installed, InstalledError> {
    check_lengths(&maps)?;
    let mut installed = Installed::empty(maps.capacities);
    installed.active = maps.active;
    installed.backends = maps.backends;
    installed.table_meta = maps.table_meta;
    if maps.active == ActiveWord::NONE {
        return Ok(installed);
    }
    check_header(&maps.capacities, maps.active, &maps.header)?;
    installed.header = maps.header;
    installed.vips = read_vips(&maps.capacities, &maps.header, &maps.buckets)?;
    for &vip in installed.vips.values() {
        if let Some(table) = read_table(&installed, vip, maps.vips[vip.0 as usize])? {
            installed.tables.insert(table);
        }
        installed.last_use.vips[vip.0 as usize] = maps.active.generation();
    }
    mark_slots(&mut installed, tables)?;
    Ok(installed)
}

/// VIPs in the buckets that a header uses; nothing of it is checked.
pub(super) fn vip_entries<'a>(
    active: ActiveWord,
    header: &GenerationHeader,
    buckets: &'a [VipBucket],
) -> impl Iterator<Item = &'a VipEntry> + use<'a> {
    let used = if active == ActiveWord::NONE { 0 } else { header.bucket_mask as usize + 1 };
    buckets.iter().take(used).flat_map(|bucket| &bucket.entries).filter(|entry| entry.kind == entry_kind::VIP)
}

fn check_lengths(maps: &MapContents) -> Result<(), InstalledError> {
    let Capacities { vips, backends, tables_large, tables_small } = maps.capacities;
    let tables = tables_large as usize + tables_small as usize;
    let mut lengths = vec![
        (guideway_abi::BACKENDS, maps.backends.len(), backends as usize),
        (guideway_abi::TABLE_META, maps.table_meta.len(), tables),
    ];
    if maps.active != ActiveWord::NONE {
        lengths.push((guideway_abi::VIP_BUCKETS, maps.buckets.len(), maps.capacities.buckets() as usize));
        lengths.push((guideway_abi::VIPS, maps.vips.len(), vips as usize));
    }
    match lengths.into_iter().find(|(_, found, expected)| found != expected) {
        Some((map, found, expected)) => Err(InstalledError::Length { map, found, expected }),
        None => Ok(()),
    }
}

fn check_header(
    capacities: &Capacities,
    active: ActiveWord,
    header: &GenerationHeader,
) -> Result<(), InstalledError> {
    const _: () = assert!(BANKS == 2);
    let bank = active.bank();
    let used = u64::from(header.bucket_mask) + 1;
    let what = if header.generation != active.generation() {
        "it has another generation's number"
    } else if header.bucket_base != bank * capacities.buckets() || header.vip_base != bank * capacities.vips {
        "it points into another bank"
    } else if !used.is_power_of_two() || used > u64::from(capacities.buckets()) {
        "its bucket mask is impossible"
    } else {
        return Ok(());
    };
    Err(InstalledError::Header { generation: active.generation(), bank, what })
}

fn read_vips(
    capacities: &Capacities,
    header: &GenerationHeader,
    buckets: &[VipBucket],
) -> Result<BTreeMap<RawKey, VipIndex>, InstalledError> {
    let mut vips = BTreeMap::new();
    let mut indexes = BTreeSet::new();
    for (bucket, entries) in buckets.iter().take(header.bucket_mask as usize + 1).enumerate() {
        for entry in &entries.entries {
            let error = |what| Err(InstalledError::Entry { bucket, what });
            if entry.kind == entry_kind::EMPTY {
                continue;
            }
            let hash = lookup_hash(
                header.lookup_key,
                Address::from_bytes(entry.address),
                entry.port_be,
                entry.protocol,
            );
            if !home_buckets(hash, header.bucket_mask).map(|home| home as usize).contains(&bucket) {
                return error("an entry stands where no packet would look for it");
            }
            if entry.kind == entry_kind::ADDRESS {
                continue;
            }
            let key = RawKey { address: entry.address, protocol: entry.protocol, port_be: entry.port_be };
            if entry.kind != entry_kind::VIP {
                return error("an entry is of no known kind");
            }
            if entry.vip >= capacities.vips {
                return error("an entry's VIP index is out of range");
            }
            if vips.insert(key, VipIndex(entry.vip)).is_some() {
                return error("a VIP stands there twice");
            }
            if !indexes.insert(entry.vip) {
                return error("two VIPs have the same index");
            }
        }
    }
    Ok(vips)
}

fn read_table(
    installed: &Installed,
    vip: VipIndex,
    record: VipRecord,
) -> Result<Option<TableElement>, InstalledError> {
    let VipRecord { table, table_kind, .. } = record;
    if table == TABLE_NONE {
        return Ok(None);
    }
    let error = |what| Err(InstalledError::VipTable { vip, table_kind, table, what });
    match TableElement::from_kind(table_kind, table) {
        None => error("is of no known kind"),
        Some(element) if table >= tables_of(&installed.capacities, element.size) => error("does not exist"),
        Some(element) if installed.meta(element) == TableMeta::default() => error("is not whole"),
        Some(element) => Ok(Some(element)),
    }
}

fn mark_slots(
    installed: &mut Installed,
    tables: &BTreeMap<TableElement, Vec<u16>>,
) -> Result<(), InstalledError> {
    let generation = installed.active.generation();
    for &table in &installed.tables {
        let slots = tables.get(&table).map(Vec::as_slice).unwrap_or_default();
        if slots.len() != table.size.get() as usize {
            return Err(InstalledError::Slots { table, found: slots.len() });
        }
        for (slot, &backend) in slots.iter().enumerate() {
            match installed.backends.get(usize::from(backend)) {
                Some(record) if backend != 0 && matches!(record.family, 4 | 6) => {
                    installed.backends_referenced[usize::from(backend)] = true;
                    installed.last_use.backends[usize::from(backend)] = generation;
                }
                _ => return Err(InstalledError::SlotBackend { table, slot, backend }),
            }
        }
        let meta = table.meta_index(&installed.capacities) as usize;
        installed.last_use.tables[meta] = generation;
    }
    Ok(())
}
