//! Maps as they were read become [`Installed`], or an error when they contradict each other.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::{Installed, MapContents};
use crate::{SetIndex, TableElement, VipIndex};

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
    let _ = tables;
    Ok(Installed::empty(maps.capacities))
}

pub(super) fn referenced_tables(maps: &MapContents) -> BTreeSet<TableElement> {
    let _ = maps;
    BTreeSet::new()
}
