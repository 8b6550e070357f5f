//! What the eBPF programs and userspace agree on: map names, keys, values and limits.
//!
//! Every value is plain data with a fixed layout: `#[repr(C)]`, no padding that is not a named field, every bit pattern
//! valid. Numbers are in host byte order, except addresses and the fields that say otherwise. `docs/forwarding.md` says
//! what the programs do with them.
//!
//! # How a packet meets exactly one generation
//!
//! The forwarder reads [`ACTIVE`] once per packet. Its word names a [bank](BANKS) of [`HEADERS`]; the header names the
//! parts of [`VIP4_BUCKETS`], [`VIP6_BUCKETS`], [`INTERVALS`], [`PREFIXES4`], [`PREFIXES6`], [`SOURCES`], [`VIPS`],
//! [`SETS`] and [`BACKEND_STATES`] that belong to it; a set names elements of [`TABLES_LARGE`] and [`TABLES_SMALL`], and the slots of
//! a table name elements of [`BACKENDS`]. All of these are written before the word and none is written again while a
//! packet can still reach it, so that one 8-byte store changes everything at once.
//!
//! Some maps follow the node and not the generation: [`ROUTES`], one atomic word for each way to a backend, [`NODE`], and
//! [`FLOWS`] and [`FLOW_MARKS_MAP`], which the programs write themselves.
#![no_std]
#![forbid(unsafe_code)]

mod capacities;
mod counter;
mod decap;
mod flow;
mod generation;
mod route;
mod set;
mod shared;
mod vip;

pub use capacities::Capacities;
pub use counter::{Counter, DecapCounter, TrafficStats};
pub use decap::{
    DECAP_FLOWS_MAX, DECAP_HALF_OPEN_MAX, DECAP_TCP_IDLE_TICKS, DECAP_TICK_SHIFT, DECAP_UDP_IDLE_TICKS,
    DecapFlow, DecapFlowKey, DecapGlobal, DecapService, DecapServiceKey, DecapTarget, decap_flow_flags,
    decap_service_kind, decap_specific,
};
pub use flow::{FLOW_WAYS, FlowBucket, FlowEntry, FlowWord};
pub use generation::{
    ActiveWord, BackendRecord, BackendStates, FlowKey, GenerationHeader, MetaRecord, STATES_PER_ELEMENT,
    TableMeta, backend_state,
};
pub use route::{LEGS, Leg, LinkRecord, NodeRecord, RouteRecord};
pub use set::{PREVIOUS_TABLES, SetRecord, TableRef, encapsulation, set_flags};
pub use shared::{SHARED, elements_placeholder};
pub use vip::{
    AddressRef, IPPROTO_TCP, IPPROTO_UDP, NO_REGION, PortInterval, Prefix4, Prefix6, SourceBorder, VIP_NONE,
    VIP4_WAYS, VIP6_WAYS, Vip4Bucket, Vip4Entry, Vip6Bucket, Vip6Entry, VipRecord, VipRef, entry_kind,
    vip_flags, vip_key, vip_mode,
};

/// Grows with every change of this crate that an older or newer program or agent would misread.
pub const ABI_VERSION: u32 = 6;

/// Name of the forwarder program, an XDP program.
pub const FORWARDER_PROGRAM: &str = "forwarder";
/// Name of the program that tells the kernel's clock: it writes the 64-bit `jiffies` into the first eight bytes of its
/// packet. It is only ever run by `BPF_PROG_TEST_RUN`.
pub const CLOCK_PROGRAM: &str = "clock";

/// `ARRAY[1]` of `u64`, [shared](SHARED): the [`ActiveWord`]. Zero: nothing is installed and every packet passes.
pub const ACTIVE: &str = "ACTIVE";
/// `ARRAY[BANKS]` of [`GenerationHeader`], [shared](SHARED).
pub const HEADERS: &str = "HEADERS";
/// `ARRAY[BANKS * buckets4]` of [`Vip4Bucket`], [shared](SHARED).
pub const VIP4_BUCKETS: &str = "VIP4_BUCKETS";
/// `ARRAY[BANKS * buckets6]` of [`Vip6Bucket`], [shared](SHARED).
pub const VIP6_BUCKETS: &str = "VIP6_BUCKETS";
/// `ARRAY[BANKS * intervals]` of [`PortInterval`].
pub const INTERVALS: &str = "INTERVALS";
/// `ARRAY[BANKS * prefixes]` of [`Prefix4`].
pub const PREFIXES4: &str = "PREFIXES4";
/// `ARRAY[BANKS * prefixes]` of [`Prefix6`].
pub const PREFIXES6: &str = "PREFIXES6";
/// `ARRAY[BANKS * sources]` of [`SourceBorder`].
pub const SOURCES: &str = "SOURCES";
/// `ARRAY[BANKS * vips]` of [`VipRecord`].
pub const VIPS: &str = "VIPS";
/// `ARRAY[BANKS * sets]` of [`SetRecord`], [shared](SHARED).
pub const SETS: &str = "SETS";
/// `ARRAY[BANKS * ceil(backends / STATES_PER_ELEMENT)]` of [`BackendStates`].
pub const BACKEND_STATES: &str = "BACKEND_STATES";
/// `ARRAY[tables_large]` of `[u16; TABLE_SIZE_LARGE]`, each slot an index into [`BACKENDS`] with [`UNSETTLED`].
pub const TABLES_LARGE: &str = "TABLES_LARGE";
/// `ARRAY[tables_small]` of `[u16; TABLE_SIZE_SMALL]`, likewise.
pub const TABLES_SMALL: &str = "TABLES_SMALL";
/// `ARRAY[tables_large + tables_small]` of [`TableMeta`], large ones first; read by the agent only.
pub const TABLE_META: &str = "TABLE_META";
/// `ARRAY[backends]` of [`BackendRecord`], [shared](SHARED). Element 0 is never used.
pub const BACKENDS: &str = "BACKENDS";
/// `ARRAY[backends]` of [`RouteRecord`], [shared](SHARED), indexed as [`BACKENDS`].
pub const ROUTES: &str = "ROUTES";
/// `ARRAY[1]` of [`NodeRecord`], [shared](SHARED): what the program reads of this node for each packet, in one piece.
pub const NODE: &str = "NODE";
/// `ARRAY[FLOW_MARKS / 8]` of `u64`, mmapable: a byte for each value of the flow hash's low bits, which becomes 1 when a
/// packet of such a flow is sent to a backend while [`NodeRecord::mark_flows`] is not zero.
pub const FLOW_MARKS_MAP: &str = "FLOW_MARKS";
/// Bytes of [`FLOW_MARKS_MAP`], a power of two: some ten million flows can be told from more.
pub const FLOW_MARKS: u32 = 1 << 20;
/// `ARRAY[LINKS_MAX]` of [`LinkRecord`], [shared](SHARED). Element 0 is never used.
pub const LINKS: &str = "LINKS";
/// `ARRAY[flow_buckets]` of [`FlowBucket`].
pub const FLOWS: &str = "FLOWS";
/// `PERCPU_ARRAY[vips]` of [`TrafficStats`], indexed as one bank of [`VIPS`].
pub const VIP_STATS: &str = "VIP_STATS";
/// `PERCPU_ARRAY[backends]` of [`TrafficStats`], indexed as [`BACKENDS`].
pub const BACKEND_STATS: &str = "BACKEND_STATS";
/// `PERCPU_ARRAY[Counter::COUNT]` of `u64`: packets by verdict and by drop reason, and events.
pub const COUNTERS: &str = "COUNTERS";
/// `ARRAY[1]` of [`MetaRecord`]; written once by the agent that made the maps.
pub const META: &str = "META";

/// Name of the XDP program on the interfaces of a workload node.
pub const DECAP_PROGRAM: &str = "decap";
/// Name of the tc program on the egress side of the same interfaces.
pub const DECAP_EGRESS_PROGRAM: &str = "decap_egress";
/// `ARRAY[1]` of [`DecapGlobal`].
pub const DECAP_GLOBAL: &str = "DECAP_GLOBAL";
/// `HASH[DECAP_SERVICES_MAX]` of [`DecapServiceKey`] to [`DecapService`].
pub const DECAP_SERVICES: &str = "DECAP_SERVICES";
/// `LRU_HASH[DECAP_FLOWS_MAX]` of [`DecapFlowKey`] to [`DecapFlow`]: flows of which more than the first packet came in.
pub const DECAP_FLOWS: &str = "DECAP_FLOWS";
/// `LRU_HASH[DECAP_HALF_OPEN_MAX]` of [`DecapFlowKey`] to [`DecapFlow`]: flows of which only the first packet (of a TCP
/// connection: only SYNs) came in so far.
pub const DECAP_HALF_OPEN: &str = "DECAP_HALF_OPEN";
/// `PERCPU_ARRAY[DecapCounter::COUNT]` of `u64`.
pub const DECAP_COUNTERS: &str = "DECAP_COUNTERS";
/// Services that one node can serve.
pub const DECAP_SERVICES_MAX: u32 = 65_536;

/// Copies of the per-generation maps: one active, one being prepared.
pub const BANKS: u32 = 2;

/// Lookup table size M of [`TABLES_LARGE`]; a prime.
pub const TABLE_SIZE_LARGE: u32 = 65_537;
/// Lookup table size M of [`TABLES_SMALL`]; a prime.
pub const TABLE_SIZE_SMALL: u32 = 16_381;

/// Bit of a slot of a [`SetRecord::table`]: a live flow of this slot may belong to another backend than the one in the
/// slot. Slots of [`SetRecord::previous`] do not have it.
pub const UNSETTLED: u16 = 0x8000;

/// Interfaces and MAC addresses that [`LINKS`] can hold.
pub const LINKS_MAX: u32 = 256;
