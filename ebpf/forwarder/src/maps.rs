//! The maps; `guideway_abi` says what they mean. The sizes here are overridden when the object is loaded.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    btf_maps::{Array, PerCpuArray},
    macros::btf_map,
};
use guideway_abi::{
    ActiveWord, BANKS, BackendRecord, Capacities, Counter, GenerationHeader, MetaRecord, TABLE_SIZE_LARGE,
    TABLE_SIZE_SMALL, TableMeta, TrafficStats, VipBucket, VipRecord,
};

const VIPS_MAX: usize = 4096;
const BACKENDS_MAX: usize = Capacities::MAX_BACKENDS as usize;
const TABLES_MAX: usize = 64;

#[btf_map]
pub static ACTIVE: Array<u64, 1, { BPF_F_MMAPABLE as usize }> = Array::new();
#[btf_map]
pub static HEADERS: Array<GenerationHeader, { BANKS as usize }> = Array::new();
#[btf_map]
pub static VIP_BUCKETS: Array<VipBucket, { BANKS as usize * VIPS_MAX }> = Array::new();
#[btf_map]
pub static VIPS: Array<VipRecord, { BANKS as usize * VIPS_MAX }> = Array::new();
#[btf_map]
pub static TABLES_LARGE: Array<[u16; TABLE_SIZE_LARGE as usize], TABLES_MAX> = Array::new();
#[btf_map]
pub static TABLES_SMALL: Array<[u16; TABLE_SIZE_SMALL as usize], TABLES_MAX> = Array::new();
#[btf_map]
pub static TABLE_META: Array<TableMeta, { 2 * TABLES_MAX }> = Array::new();
#[btf_map]
pub static BACKENDS: Array<BackendRecord, BACKENDS_MAX> = Array::new();
#[btf_map]
pub static VIP_STATS: PerCpuArray<TrafficStats, VIPS_MAX> = PerCpuArray::new();
#[btf_map]
pub static BACKEND_STATS: PerCpuArray<TrafficStats, BACKENDS_MAX> = PerCpuArray::new();
#[btf_map]
pub static COUNTERS: PerCpuArray<u64, { Counter::COUNT as usize }> = PerCpuArray::new();
#[btf_map]
pub static META: Array<MetaRecord, 1> = Array::new();

/// The header of the active generation; `None` when nothing is installed.
///
/// The word is read once. Everything that a packet meets follows from it.
#[inline(always)]
pub fn active_header() -> Option<&'static GenerationHeader> {
    let word = ACTIVE.get_ptr(0)?;
    // SAFETY: the element is live as long as the map; userspace stores to it, hence the volatile read, once.
    let word = ActiveWord(unsafe { word.read_volatile() });
    if word == ActiveWord::NONE {
        return None;
    }
    HEADERS.get(word.bank())
}

/// Counts what became of a packet.
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
