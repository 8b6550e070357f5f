//! What the maps hold, checked.

use std::collections::BTreeMap;
use std::iter;
use std::net::IpAddr;
use std::sync::Arc;

use guideway_abi::{
    ActiveWord, BackendRecord, BackendStates, Capacities, GenerationHeader, SetRecord, TableMeta, VipRecord,
};

use super::{InstalledError, MapContents, check};
use crate::index::tables_of;
use crate::layers::{Layers, Slots};
use crate::memory::Memory;
use crate::{TableElement, TableSize};

/// What the maps hold, checked: the installed generation, what it refers to, and what else can be used again. Cheap to
/// clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub(crate) capacities: Capacities,
    pub(crate) active: ActiveWord,
    /// Number of the next generation when there is none.
    pub(crate) first_generation: u64,
    pub(crate) header: GenerationHeader,
    pub(crate) vips: Arc<InstalledVips>,
    /// By index.
    pub(crate) sets: Arc<Vec<Option<InstalledSet>>>,
    pub(crate) states: Arc<Vec<BackendStates>>,
    pub(crate) backends: Arc<Vec<BackendRecord>>,
    pub(crate) table_meta: Arc<Vec<TableMeta>>,
    /// What is known besides when this comes from a plan.
    pub(crate) memory: Memory,
}

/// The VIPs of the installed generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct InstalledVips {
    /// By index, up to the last one.
    pub(crate) records: Vec<VipRecord>,
    /// Over the lookup and the records.
    pub(crate) digest: [u64; 2],
}

/// A backend set of the installed generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InstalledSet {
    pub(crate) record: SetRecord,
    /// `None` when no backend can serve.
    pub(crate) layers: Option<Layers>,
    /// The backends in the layers, sorted.
    pub(crate) backends: Arc<[u16]>,
}

impl Installed {
    /// New maps, with all elements zero.
    #[must_use]
    pub fn empty(capacities: Capacities) -> Self {
        let tables = capacities.tables_large as usize + capacities.tables_small as usize;
        Self {
            capacities,
            active: ActiveWord::NONE,
            first_generation: 1,
            header: GenerationHeader::default(),
            vips: Arc::default(),
            sets: Arc::default(),
            states: Arc::default(),
            backends: Arc::new(vec![BackendRecord::default(); capacities.backends as usize]),
            table_meta: Arc::new(vec![TableMeta::default(); tables]),
            memory: Memory::default(),
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

    /// The first generation gets this number instead of 1, if it can be one. No matter when there is a generation.
    #[must_use]
    pub const fn beginning_at(mut self, generation: u64) -> Self {
        // As many remain that nobody sees the end of them.
        if generation > 0 && generation < 1 << 62 {
            self.first_generation = generation;
        }
        self
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

    /// The [`backend_state`](guideway_abi::backend_state) of each backend in the installed generation, by its address. Those that no generation needs any
    /// more are among the dead ones, until others take their places.
    pub fn states(&self) -> impl Iterator<Item = (IpAddr, u8)> {
        let elements = (0..=u16::MAX).zip(self.backends.iter()).filter(|(_, record)| record.family != 0);
        elements.map(|(index, record)| {
            (crate::key::address(record.address), crate::plan::state_of(&self.states, index))
        })
    }

    pub(crate) fn meta(&self, table: TableElement) -> TableMeta {
        self.table_meta.get(table.meta_index(&self.capacities) as usize).copied().unwrap_or_default()
    }

    /// All tables of `size`.
    pub(crate) fn tables_of(&self, size: TableSize) -> impl Iterator<Item = TableElement> + use<> {
        (0..tables_of(&self.capacities, size)).map(move |index| TableElement { size, index })
    }

    /// Bank of the VIPs' maps, which can be another one than that of the rest.
    pub(crate) fn vip_bank(&self) -> u32 {
        u32::from(self.header.vip_base != 0)
    }
}

impl InstalledSet {
    /// The tables in use with their slots, present one first.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (TableElement, &Slots)> {
        let references = iter::once(self.record.table).chain(self.record.previous);
        let slots = self.layers.iter().flat_map(Layers::tables);
        references.zip(slots).filter_map(|(reference, slots)| Some((TableElement::of(reference)?, slots?)))
    }
}
