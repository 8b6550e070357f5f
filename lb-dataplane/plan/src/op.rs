//! Writes to the maps.

use std::sync::Arc;

use guideway_abi::{
    ActiveWord, BackendRecord, BackendStates, GenerationHeader, PortInterval, Prefix4, Prefix6, SetRecord,
    SourceBorder, TableMeta, Vip4Bucket, Vip6Bucket, VipRecord,
};

use crate::{BackendIndex, TableElement, VipIndex};

/// One write to the maps. Indexes count from the start of the map, not of a bank.
#[allow(clippy::large_enum_variant)] // the header, once in each plan
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Set all CPUs' [`BACKEND_STATS`](guideway_abi::BACKEND_STATS) to zero: the index gets a new backend.
    ZeroBackendStats {
        /// The element.
        index: BackendIndex,
    },
    /// Write an element of [`BACKENDS`](guideway_abi::BACKENDS). Its [`ROUTES`](guideway_abi::ROUTES) are another
    /// backend's until the agent writes them.
    WriteBackend {
        /// The element.
        index: BackendIndex,
        /// Its value.
        record: BackendRecord,
    },
    /// Set all CPUs' [`VIP_STATS`](guideway_abi::VIP_STATS) to zero: the index gets a new VIP.
    ///
    /// When every other index is taken, this one may belong to a VIP that the installed generation still serves and the
    /// new one does not; a few packets of it may then be counted for its successor.
    ZeroVipStats {
        /// The element.
        index: VipIndex,
    },
    /// Zero an element of [`TABLE_META`](guideway_abi::TABLE_META), because its table is about to be overwritten.
    InvalidateTable {
        /// The table; see [`TableElement::meta_index`].
        table: TableElement,
    },
    /// Write a whole lookup table.
    WriteTable {
        /// The table.
        table: TableElement,
        /// As many as the table's size, each a [`BackendIndex`], perhaps with [`UNSETTLED`](guideway_abi::UNSETTLED).
        slots: Arc<[u16]>,
    },
    /// Write an element of [`TABLE_META`](guideway_abi::TABLE_META): its table is whole now, or counts for another time.
    WriteTableMeta {
        /// The table; see [`TableElement::meta_index`].
        table: TableElement,
        /// The element's value.
        meta: TableMeta,
    },
    /// Write consecutive elements of [`VIPS`](guideway_abi::VIPS).
    WriteVips {
        /// The first element.
        first: u32,
        /// Their values.
        records: Vec<VipRecord>,
    },
    /// Write consecutive elements of [`VIP4_BUCKETS`](guideway_abi::VIP4_BUCKETS).
    WriteVip4Buckets {
        /// The first element.
        first: u32,
        /// Their values.
        buckets: Vec<Vip4Bucket>,
    },
    /// Write consecutive elements of [`VIP6_BUCKETS`](guideway_abi::VIP6_BUCKETS).
    WriteVip6Buckets {
        /// The first element.
        first: u32,
        /// Their values.
        buckets: Vec<Vip6Bucket>,
    },
    /// Write consecutive elements of [`INTERVALS`](guideway_abi::INTERVALS).
    WriteIntervals {
        /// The first element.
        first: u32,
        /// Their values.
        intervals: Vec<PortInterval>,
    },
    /// Write consecutive elements of [`PREFIXES4`](guideway_abi::PREFIXES4).
    WritePrefixes4 {
        /// The first element.
        first: u32,
        /// Their values.
        prefixes: Vec<Prefix4>,
    },
    /// Write consecutive elements of [`PREFIXES6`](guideway_abi::PREFIXES6).
    WritePrefixes6 {
        /// The first element.
        first: u32,
        /// Their values.
        prefixes: Vec<Prefix6>,
    },
    /// Write consecutive elements of [`SOURCES`](guideway_abi::SOURCES).
    WriteSources {
        /// The first element.
        first: u32,
        /// Their values.
        borders: Vec<SourceBorder>,
    },
    /// Write consecutive elements of [`SETS`](guideway_abi::SETS).
    WriteSets {
        /// The first element.
        first: u32,
        /// Their values.
        records: Vec<SetRecord>,
    },
    /// Write consecutive elements of [`BACKEND_STATES`](guideway_abi::BACKEND_STATES).
    WriteBackendStates {
        /// The first element.
        first: u32,
        /// Their values.
        states: Vec<BackendStates>,
    },
    /// Zero consecutive elements of [`FLOWS`](guideway_abi::FLOWS), which get a new owner.
    ZeroFlows {
        /// The first element.
        first: u32,
        /// How many.
        count: u32,
    },
    /// Write an element of [`HEADERS`](guideway_abi::HEADERS).
    WriteHeader {
        /// The element.
        bank: u32,
        /// Its value.
        header: GenerationHeader,
    },
    /// Store the word of [`ACTIVE`](guideway_abi::ACTIVE), atomically. From the next packet on the new generation
    /// forwards; packets that have read the word before may see the old one until a grace period has passed.
    Activate(ActiveWord),
}
