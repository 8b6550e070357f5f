//! The maps; `guideway_abi` says what they mean. The sizes here are overridden when the object is loaded.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    btf_maps::{Array, PerCpuArray},
    macros::btf_map,
};
use core::arch::asm;

use guideway_abi::{
    ActiveWord, BANKS, BackendRecord, BackendStates, Capacities, Counter, FLOW_MARKS, FlowBucket,
    GenerationHeader, LINKS_MAX, LinkRecord, MetaRecord, NodeRecord, PortInterval, Prefix4, Prefix6,
    RouteRecord, STATES_PER_ELEMENT, SetRecord, SourceBorder, TABLE_SIZE_LARGE, TABLE_SIZE_SMALL, TableMeta,
    TableRef, TrafficStats, Vip4Bucket, Vip6Bucket, VipRecord, backend_state, elements_placeholder,
};
use guideway_packet::slot;
use guideway_xdp::opaque;

pub use crate::shared::Shared;
use crate::{Parcel, encap::PrivateHead, shared::shared};

const VIPS_MAX: usize = 4096;
const BUCKETS_MAX: usize = BANKS as usize * 8192;
const BACKENDS_MAX: usize = Capacities::MAX_BACKENDS as usize;
const TABLES_MAX: usize = 64;
const FLOW_BUCKETS_MAX: usize = 65_536;
const MMAPABLE: usize = BPF_F_MMAPABLE as usize;

shared! {
    ACTIVE: [u64; 1];
    HEADERS: [GenerationHeader; BANKS as usize];
    VIP4_BUCKETS: [Vip4Bucket; BUCKETS_MAX];
    VIP6_BUCKETS: [Vip6Bucket; BUCKETS_MAX];
    SETS: [SetRecord; BANKS as usize * 2 * TABLES_MAX];
    BACKENDS: [BackendRecord; BACKENDS_MAX];
    ROUTES: [RouteRecord; BACKENDS_MAX];
    NODE: [NodeRecord; 1];
    LINKS: [LinkRecord; LINKS_MAX as usize];
}

#[btf_map]
pub static INTERVALS: Array<PortInterval, { BANKS as usize * VIPS_MAX }> = Array::new();
#[btf_map]
pub static PREFIXES4: Array<Prefix4, { BANKS as usize * 1024 }> = Array::new();
#[btf_map]
pub static PREFIXES6: Array<Prefix6, { BANKS as usize * 1024 }> = Array::new();
#[btf_map]
pub static SOURCES: Array<SourceBorder, { BANKS as usize * VIPS_MAX }> = Array::new();
#[btf_map]
pub static VIPS: Array<VipRecord, { BANKS as usize * VIPS_MAX }> = Array::new();
#[btf_map]
pub static BACKEND_STATES: Array<BackendStates, { BANKS as usize * BACKENDS_MAX / 64 }> = Array::new();
#[btf_map]
pub static TABLES_LARGE: Array<[u16; TABLE_SIZE_LARGE as usize], TABLES_MAX> = Array::new();
#[btf_map]
pub static TABLES_SMALL: Array<[u16; TABLE_SIZE_SMALL as usize], TABLES_MAX> = Array::new();
#[btf_map]
pub static TABLE_META: Array<TableMeta, { 2 * TABLES_MAX }> = Array::new();
#[btf_map(name = "FLOW_MARKS")]
pub static MARKS: Array<u64, { FLOW_MARKS as usize / 8 }, MMAPABLE> = Array::new();
#[btf_map]
pub static FLOWS: Array<FlowBucket, FLOW_BUCKETS_MAX> = Array::new();
#[btf_map]
pub static VIP_STATS: PerCpuArray<TrafficStats, VIPS_MAX> = PerCpuArray::new();
#[btf_map]
pub static BACKEND_STATS: PerCpuArray<TrafficStats, BACKENDS_MAX> = PerCpuArray::new();
#[btf_map]
pub static COUNTERS: PerCpuArray<u64, { Counter::COUNT as usize }> = PerCpuArray::new();
#[btf_map]
pub static META: Array<MetaRecord, 1> = Array::new();
#[btf_map]
static FORWARDER_SCRATCH: PerCpuArray<[u64; SCRATCH_WORDS], 1> = PerCpuArray::new();

/// What is worked on, for which the stack is too small. What is read from here the verifier knows nothing of, so that it does
/// not follow every combination of what it knew to the end of the program.
pub struct Scratch {
    pub parcel: Parcel,
    pub bucket: FlowBucket,
    pub private: PrivateHead,
}

/// Room for it.
const SCRATCH_WORDS: usize = size_of::<Scratch>() / 8;
const _: () = assert!(size_of::<Scratch>() % 8 == 0 && align_of::<Scratch>() == 8);

/// That of this CPU, on which XDP programs do not interrupt each other.
#[inline(always)]
pub fn scratch() -> Option<*mut Scratch> {
    FORWARDER_SCRATCH.get_ptr_mut(0).map(|words| words.cast())
}

/// A copy of a bucket of the flow table, to which other CPUs write meanwhile.
#[inline(always)]
pub fn copy_of_bucket(index: u32) -> Option<&'static FlowBucket> {
    const WORDS: usize = size_of::<FlowBucket>() / 8;
    let from = FLOWS.get_ptr(index)?.cast::<u64>();
    // SAFETY: both have so many words, and live as long as the maps. Word by word, as the compiler would copy by way of the
    // stack; and without knowing that the copy is what was written, or it would keep it there.
    unsafe {
        let to = &raw mut (*scratch()?).bucket;
        for at in 0..WORDS {
            to.cast::<u64>().add(at).write_volatile(from.add(at).read_volatile());
        }
        Some(&*(opaque(to as u64) as *const FlowBucket))
    }
}

/// The header of the active generation; `None` when nothing is installed.
///
/// The word is read once. Everything that a packet meets follows from it.
#[inline(always)]
pub fn active_header() -> Option<&'static GenerationHeader> {
    // SAFETY: userspace stores to it, hence the volatile read, once.
    let word = ActiveWord(unsafe { ACTIVE.first().read_volatile() });
    if word == ActiveWord::NONE {
        return None;
    }
    HEADERS.get(word.bank())
}

/// The slot of a flow hash in a table. Zero is no backend and no whole table has it.
#[inline(always)]
pub fn slot_of(table: TableRef, hash: u32) -> Option<u16> {
    if table.is_small() {
        at(TABLES_SMALL.get(table.index())?, slot(hash, TABLE_SIZE_SMALL))
    } else {
        at(TABLES_LARGE.get(table.index())?, slot(hash, TABLE_SIZE_LARGE))
    }
}

#[inline(always)]
fn at<const M: usize>(table: &[u16; M], slot: u32) -> Option<u16> {
    // A slot is less than M, which the compiler knows and the verifier cannot follow: hide it from the one, show it to
    // the other.
    let slot = opaque(slot.into()) as usize;
    if slot < M { Some(table[slot]) } else { None }
}

/// Marks a flow, for those who count flows.
#[inline(never)]
pub fn mark(hash: u32) -> u64 {
    let mark = hash % FLOW_MARKS;
    if let Some(word) = MARKS.get_ptr_mut(mark / 8) {
        // SAFETY: the byte is one of the element's eight. Whoever stores to it at the same time stores the same.
        unsafe { word.cast::<u8>().add(mark as usize % 8).write_volatile(1) };
    }
    0
}

/// The state of a backend in a generation.
#[inline(always)]
pub fn state(header: &GenerationHeader, backend: u16) -> u8 {
    let element = header.state_base + u32::from(backend) / STATES_PER_ELEMENT;
    match BACKEND_STATES.get(element) {
        Some(states) => states.states[usize::from(backend) % STATES_PER_ELEMENT as usize],
        None => backend_state::DEAD,
    }
}

/// Counts what became of a packet, or what happened on its way.
#[inline(always)]
pub fn count(counter: Counter) {
    if let Some(packets) = COUNTERS.get_ptr_mut(counter.index()) {
        // SAFETY: the element belongs to this CPU and XDP programs of one CPU do not interrupt each other.
        unsafe { *packets += 1 };
    }
}

/// Counts a packet of `bytes` for its VIP and its backend.
#[inline(always)]
pub fn count_traffic(vip: u32, backend: u32, bytes: usize) {
    add(VIP_STATS.get_ptr_mut(vip), bytes);
    add(BACKEND_STATS.get_ptr_mut(backend), bytes);
}

#[inline(always)]
fn add(stats: Option<*mut TrafficStats>, bytes: usize) {
    if let Some(stats) = stats {
        // SAFETY: as in `count`.
        unsafe {
            (*stats).packets += 1;
            (*stats).bytes += bytes as u64;
        }
    }
}
