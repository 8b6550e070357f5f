//! What the maps hold.

use std::collections::BTreeSet;

use guideway_abi::{
    ActiveWord, BackendRecord, BackendStates, Capacities, GenerationHeader, PortInterval, Prefix4, Prefix6,
    SetRecord, SourceBorder, TableMeta, Vip4Bucket, Vip6Bucket, VipRecord,
};

use crate::TableElement;

mod check;
mod parts;
mod state;

pub use check::InstalledError;
pub use parts::MapParts;
pub use state::Installed;
pub(crate) use state::{InstalledSet, InstalledVips};

/// The maps as they were read, once a grace period has passed since the last write to
/// [`ACTIVE`](guideway_abi::ACTIVE).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapContents {
    /// How many elements the maps have.
    pub capacities: Capacities,
    /// [`ACTIVE`](guideway_abi::ACTIVE). When it is [`ActiveWord::NONE`], nothing of the rest but `backends` and
    /// `table_meta` is looked at.
    pub active: ActiveWord,
    /// The active bank's [header](guideway_abi::HEADERS).
    pub header: GenerationHeader,
    /// [`MapParts::vip4_buckets`].
    pub vip4_buckets: Vec<Vip4Bucket>,
    /// [`MapParts::vip6_buckets`].
    pub vip6_buckets: Vec<Vip6Bucket>,
    /// [`MapParts::intervals`].
    pub intervals: Vec<PortInterval>,
    /// [`MapParts::prefixes4`].
    pub prefixes4: Vec<Prefix4>,
    /// [`MapParts::prefixes6`].
    pub prefixes6: Vec<Prefix6>,
    /// [`MapParts::sources`].
    pub sources: Vec<SourceBorder>,
    /// [`MapParts::vips`].
    pub vips: Vec<VipRecord>,
    /// [`MapParts::sets`].
    pub sets: Vec<SetRecord>,
    /// [`MapParts::backend_states`].
    pub backend_states: Vec<BackendStates>,
    /// All [`BACKENDS`](guideway_abi::BACKENDS).
    pub backends: Vec<BackendRecord>,
    /// All [`TABLE_META`](guideway_abi::TABLE_META).
    pub table_meta: Vec<TableMeta>,
}

impl MapContents {
    /// The tables that sets of the active generation refer to, present and earlier ones, whose slots
    /// [`Installed::from_maps`] needs.
    #[must_use]
    pub fn referenced_tables(&self) -> BTreeSet<TableElement> {
        check::referenced_tables(self)
    }
}

#[cfg(test)]
mod tests;
