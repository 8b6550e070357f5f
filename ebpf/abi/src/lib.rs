//! What the eBPF programs and userspace agree on: map names, keys, values and limits.
//!
//! Every value is plain data with a fixed layout: `#[repr(C)]`, no padding that is not a named field, every bit pattern
//! valid. Numbers are in host byte order, except addresses and the fields that say otherwise.
//!
//! # How a packet meets exactly one generation
//!
//! The forwarder reads [`ACTIVE`] once per packet. Its word names a [bank](BANKS); the bank's [`GenerationHeader`] names
//! the ranges of [`VIP_BUCKETS`] and [`VIPS`] that belong to it, those name elements of [`TABLES_LARGE`] and
//! [`TABLES_SMALL`], and the slots of a table name elements of [`BACKENDS`]. All of these are written before the word
//! and none is written again while a packet can still reach it, so that one 8-byte store changes everything at once.
#![no_std]
#![forbid(unsafe_code)]

mod counter;
mod generation;
mod vip;

pub use counter::{Counter, TrafficStats};
pub use generation::{ActiveWord, BackendRecord, GenerationHeader, MetaRecord, TableMeta, next_hop_mode};
pub use vip::{
    BUCKET_WAYS, IPPROTO_TCP, IPPROTO_UDP, TABLE_NONE, VipBucket, VipEntry, VipRecord, entry_kind, table_kind,
};

/// Grows with every change of this crate that an older or newer program or agent would misread.
pub const ABI_VERSION: u32 = 1;

/// Name of the forwarder program, an XDP program.
pub const FORWARDER_PROGRAM: &str = "forwarder";
/// Name of the decap program, an XDP program.
pub const DECAP_PROGRAM: &str = "decap";

/// `ARRAY[1]` of `u64`, mmapable: the [`ActiveWord`]. Zero: nothing is installed and every packet passes.
pub const ACTIVE: &str = "ACTIVE";
/// `ARRAY[BANKS]` of [`GenerationHeader`].
pub const HEADERS: &str = "HEADERS";
/// `ARRAY[BANKS * buckets]` of [`VipBucket`].
pub const VIP_BUCKETS: &str = "VIP_BUCKETS";
/// `ARRAY[BANKS * vips]` of [`VipRecord`].
pub const VIPS: &str = "VIPS";
/// `ARRAY[tables_large]` of `[u16; TABLE_SIZE_LARGE]`, each slot an index into [`BACKENDS`].
pub const TABLES_LARGE: &str = "TABLES_LARGE";
/// `ARRAY[tables_small]` of `[u16; TABLE_SIZE_SMALL]`, each slot an index into [`BACKENDS`].
pub const TABLES_SMALL: &str = "TABLES_SMALL";
/// `ARRAY[tables_large + tables_small]` of [`TableMeta`], large ones first; read by the agent only.
pub const TABLE_META: &str = "TABLE_META";
/// `ARRAY[backends]` of [`BackendRecord`]. Element 0 is never used.
pub const BACKENDS: &str = "BACKENDS";
/// `PERCPU_ARRAY[vips]` of [`TrafficStats`], indexed as one bank of [`VIPS`].
pub const VIP_STATS: &str = "VIP_STATS";
/// `PERCPU_ARRAY[backends]` of [`TrafficStats`], indexed as [`BACKENDS`].
pub const BACKEND_STATS: &str = "BACKEND_STATS";
/// `PERCPU_ARRAY[Counter::COUNT]` of `u64`: packets by verdict and by drop reason.
pub const COUNTERS: &str = "COUNTERS";
/// `ARRAY[1]` of [`MetaRecord`]; written once by the agent that made the maps.
pub const META: &str = "META";

/// `HASH[DECAP_VIPS_MAX]` of `[u8; 16]` (IPv6, or IPv4-mapped) to `u8`: the inner destinations that the decap program
/// accepts.
pub const DECAP_VIPS: &str = "DECAP_VIPS";
/// `PERCPU_ARRAY[DecapCounter::COUNT]` of `u64`.
pub const DECAP_COUNTERS: &str = "DECAP_COUNTERS";
/// VIPs that one backend can serve.
pub const DECAP_VIPS_MAX: u32 = 65_536;

/// Copies of the per-generation maps: one active, one being prepared.
pub const BANKS: u32 = 2;

/// Lookup table size M of [`TABLES_LARGE`]; a prime.
pub const TABLE_SIZE_LARGE: u32 = 65_537;
/// Lookup table size M of [`TABLES_SMALL`]; a prime.
pub const TABLE_SIZE_SMALL: u32 = 16_381;

/// How many elements the maps have; fixed when the maps are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacities {
    /// VIPs in one generation, at most.
    pub vips: u32,
    /// Backends over all generations that are still in use, at most [`Capacities::MAX_BACKENDS`].
    pub backends: u32,
    /// Elements of [`TABLES_LARGE`].
    pub tables_large: u32,
    /// Elements of [`TABLES_SMALL`].
    pub tables_small: u32,
}

impl Capacities {
    /// A slot is a `u16`, so that no more backends can be told apart.
    pub const MAX_BACKENDS: u32 = 65_536;

    /// Buckets of one bank: as many as VIPs, rounded up to a power of two. A VIP takes one entry and its address
    /// another, so that a full bank fills half of its places.
    #[must_use]
    pub const fn buckets(&self) -> u32 {
        self.vips.next_power_of_two()
    }
}

impl Default for Capacities {
    fn default() -> Self {
        Self { vips: 4096, backends: 4096, tables_large: 256, tables_small: 256 }
    }
}

pub use counter::DecapCounter;
