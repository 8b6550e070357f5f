//! What the maps hold.

use std::collections::{BTreeMap, BTreeSet};

use guideway_abi::{
    ActiveWord, BackendRecord, Capacities, GenerationHeader, TableMeta, VipBucket, VipRecord,
};

use crate::desired::RawKey;
use crate::index::tables_of;
use crate::{TableElement, TableSize, VipIndex};

mod check;

pub use check::InstalledError;

/// The maps as they were read, once a grace period has passed since the last write to
/// [`ACTIVE`](guideway_abi::ACTIVE).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapContents {
    /// How many elements the maps have.
    pub capacities: Capacities,
    /// [`ACTIVE`](guideway_abi::ACTIVE). When it is [`ActiveWord::NONE`], the next three fields are not looked at.
    pub active: ActiveWord,
    /// The active bank's [header](guideway_abi::HEADERS).
    pub header: GenerationHeader,
    /// The active bank's [`VIP_BUCKETS`](guideway_abi::VIP_BUCKETS): [`Capacities::buckets`] elements.
    pub buckets: Vec<VipBucket>,
    /// The active bank's [`VIPS`](guideway_abi::VIPS): [`Capacities::vips`] elements.
    pub vips: Vec<VipRecord>,
    /// All [`BACKENDS`](guideway_abi::BACKENDS).
    pub backends: Vec<BackendRecord>,
    /// All [`TABLE_META`](guideway_abi::TABLE_META).
    pub table_meta: Vec<TableMeta>,
}

/// What the maps hold, checked: the installed generation, what it refers to, and what else can be used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub(crate) capacities: Capacities,
    pub(crate) active: ActiveWord,
    pub(crate) header: GenerationHeader,
    /// VIPs of the installed generation.
    pub(crate) vips: BTreeMap<RawKey, VipIndex>,
    /// Lookup tables of the installed generation.
    pub(crate) tables: BTreeSet<TableElement>,
    /// Backends in their slots, by index.
    pub(crate) backends_referenced: Vec<bool>,
    pub(crate) backends: Vec<BackendRecord>,
    pub(crate) table_meta: Vec<TableMeta>,
    pub(crate) last_use: LastUse,
}

/// The generation that last used an element, by index; zero when not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastUse {
    pub(crate) vips: Vec<u64>,
    pub(crate) backends: Vec<u64>,
    /// Indexed as [`TABLE_META`](guideway_abi::TABLE_META).
    pub(crate) tables: Vec<u64>,
}

impl Installed {
    /// New maps, with all elements zero.
    #[must_use]
    pub fn empty(capacities: Capacities) -> Self {
        let tables = capacities.tables_large as usize + capacities.tables_small as usize;
        let (vips, backends) = (capacities.vips as usize, capacities.backends as usize);
        Self {
            capacities,
            active: ActiveWord::NONE,
            header: GenerationHeader::default(),
            vips: BTreeMap::new(),
            tables: BTreeSet::new(),
            backends_referenced: vec![false; backends],
            backends: vec![BackendRecord::default(); backends],
            table_meta: vec![TableMeta::default(); tables],
            last_use: LastUse { vips: vec![0; vips], backends: vec![0; backends], tables: vec![0; tables] },
        }
    }

    /// The state of maps that were read, with the slots of [`MapContents::referenced_tables`].
    ///
    /// # Errors
    /// See [`InstalledError`]. None of them can come about by crashes of the agent.
    pub fn from_maps(
        maps: MapContents,
        tables: &BTreeMap<TableElement, Vec<u16>>,
    ) -> Result<Self, InstalledError> {
        check::from_maps(maps, tables)
    }

    /// Elements of the maps.
    #[must_use]
    pub fn capacities(&self) -> &Capacities {
        &self.capacities
    }

    /// The word of the installed generation, or [`ActiveWord::NONE`].
    #[must_use]
    pub fn active(&self) -> ActiveWord {
        self.active
    }

    /// Digest of the installed generation; zero when there is none.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.header.digest
    }

    pub(crate) fn meta(&self, table: TableElement) -> TableMeta {
        self.table_meta.get(table.meta_index(&self.capacities) as usize).copied().unwrap_or_default()
    }

    /// All tables of `size`.
    pub(crate) fn tables_of(&self, size: TableSize) -> impl Iterator<Item = TableElement> + use<> {
        (0..tables_of(&self.capacities, size)).map(move |index| TableElement { size, index })
    }
}

impl MapContents {
    /// The tables that VIPs of the active generation refer to, whose slots [`Installed::from_maps`] needs.
    #[must_use]
    pub fn referenced_tables(&self) -> BTreeSet<TableElement> {
        let entries = check::vip_entries(self.active, &self.header, &self.buckets);
        entries
            .filter_map(|entry| self.vips.get(entry.vip as usize))
            .filter_map(|vip| TableElement::from_kind(vip.table_kind, vip.table))
            .filter(|table| table.index < tables_of(&self.capacities, table.size))
            .collect()
    }
}

#[cfg(test)]
mod tests;
