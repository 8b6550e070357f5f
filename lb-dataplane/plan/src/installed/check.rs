//! Maps as they were read become [`Installed`], or an error when they contradict each other.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::sync::Arc;

use guideway_abi::{ActiveWord, TableRef};
use thiserror::Error;

use super::{Installed, InstalledVips, MapContents, MapParts};
use crate::index::tables_of;
use crate::plan::maps_digest;
use crate::{SetIndex, TableElement, VipIndex};

mod lookup;
mod sets;
mod vips;

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
    /// An element of one of the maps that the VIP lookup is made of cannot be right.
    #[error("element {index} of this bank of {map}: {what}")]
    Lookup {
        /// Name of the map.
        map: &'static str,
        /// Index in its bank.
        index: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A VIP's record cannot be right.
    #[error("VIP {}: {what}", vip.0)]
    Vip {
        /// The VIP.
        vip: VipIndex,
        /// What is wrong.
        what: &'static str,
    },
    /// A set refers to a table that does not exist or is not whole.
    #[error("set {} refers to {table}, which {what}", set.0)]
    SetTable {
        /// The set.
        set: SetIndex,
        /// The table.
        table: TableElement,
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
    let parts = MapParts::of(&maps.capacities, maps.active, &maps.header)?;
    check_lengths(&maps, &parts)?;
    let mut installed = Installed::empty(maps.capacities);
    if maps.active != ActiveWord::NONE {
        lookup::check(&maps)?;
        let records = vips::check(&maps)?;
        let used = lookup::intervals_in_use(&maps);
        let borders = vips::borders_in_use(&records);
        let digest = crate::lookup::digest(
            &maps.header.lookup_key,
            &maps.vip4_buckets,
            &maps.vip6_buckets,
            &maps.intervals[..used],
            (&maps.prefixes4, &maps.prefixes6),
        );
        let digest = maps_digest(digest, &records, &maps.sources[..borders]);
        installed.vips = Arc::new(InstalledVips { digest, records });
        installed.sets = Arc::new(sets::check(&maps, tables)?);
        installed.states = Arc::new(maps.backend_states);
        installed.active = maps.active;
        installed.header = maps.header;
    }
    installed.backends = Arc::new(maps.backends);
    installed.table_meta = Arc::new(maps.table_meta);
    Ok(installed)
}

pub(super) fn referenced_tables(maps: &MapContents) -> BTreeSet<TableElement> {
    if maps.active == ActiveWord::NONE {
        return BTreeSet::new();
    }
    maps.sets
        .iter()
        .filter(|set| set.table != TableRef::NONE)
        .flat_map(|set| iter::once(set.table).chain(set.previous))
        .filter_map(TableElement::of)
        .filter(|table| table.index < tables_of(&maps.capacities, table.size))
        .collect()
}

fn check_lengths(maps: &MapContents, parts: &MapParts) -> Result<(), InstalledError> {
    let capacities = &maps.capacities;
    let tables = capacities.tables_large as usize + capacities.tables_small as usize;
    let lengths = [
        (guideway_abi::BACKENDS, maps.backends.len(), capacities.backends as usize),
        (guideway_abi::TABLE_META, maps.table_meta.len(), tables),
        (guideway_abi::VIP4_BUCKETS, maps.vip4_buckets.len(), parts.vip4_buckets.len()),
        (guideway_abi::VIP6_BUCKETS, maps.vip6_buckets.len(), parts.vip6_buckets.len()),
        (guideway_abi::INTERVALS, maps.intervals.len(), parts.intervals.len()),
        (guideway_abi::PREFIXES4, maps.prefixes4.len(), parts.prefixes4.len()),
        (guideway_abi::PREFIXES6, maps.prefixes6.len(), parts.prefixes6.len()),
        (guideway_abi::SOURCES, maps.sources.len(), parts.sources.len()),
        (guideway_abi::VIPS, maps.vips.len(), parts.vips.len()),
        (guideway_abi::SETS, maps.sets.len(), parts.sets.len()),
        (guideway_abi::BACKEND_STATES, maps.backend_states.len(), parts.backend_states.len()),
    ];
    // Without a generation nothing of its parts is looked at.
    let count = if maps.active == ActiveWord::NONE { 2 } else { lengths.len() };
    match lengths.into_iter().take(count).find(|(_, found, expected)| found != expected) {
        Some((map, found, expected)) => Err(InstalledError::Length { map, found, expected }),
        None => Ok(()),
    }
}
