//! The maps, as guideway-abi describes them.

use aya_ebpf::{
    btf_maps::{Array, HashMap, LruHashMap, PerCpuArray},
    macros::btf_map,
};
use guideway_abi::{
    DECAP_FLOWS_MAX, DECAP_HALF_OPEN_MAX, DECAP_SERVICES_MAX, DecapCounter, DecapFlow, DecapFlowKey,
    DecapGlobal, DecapService, DecapServiceKey,
};

use crate::packet::Packet;

#[btf_map]
static DECAP_GLOBAL: Array<DecapGlobal, 1> = Array::new();
#[btf_map]
pub static DECAP_SERVICES: HashMap<DecapServiceKey, DecapService, { DECAP_SERVICES_MAX as usize }> =
    HashMap::new();
#[btf_map]
pub static DECAP_FLOWS: LruHashMap<DecapFlowKey, DecapFlow, { DECAP_FLOWS_MAX as usize }> = LruHashMap::new();
#[btf_map]
pub static DECAP_HALF_OPEN: LruHashMap<DecapFlowKey, DecapFlow, { DECAP_HALF_OPEN_MAX as usize }> =
    LruHashMap::new();
#[btf_map]
static DECAP_COUNTERS: PerCpuArray<u64, { DecapCounter::COUNT as usize }> = PerCpuArray::new();
/// One packet of each CPU. What is read from here is a number of unknown value to the verifier, so that it does not follow
/// every combination of headers to the end of the program.
#[btf_map]
static DECAP_PACKET: PerCpuArray<[u64; PACKET_WORDS], 1> = PerCpuArray::new();

/// Room for a [`Packet`].
const PACKET_WORDS: usize = 48;
const _: () = assert!(size_of::<Packet>() <= PACKET_WORDS * 8 && align_of::<Packet>() <= 8);

/// Where the packet of this CPU is kept.
#[inline(always)]
pub fn packet() -> Option<*mut Packet> {
    DECAP_PACKET.get_ptr_mut(0).map(|words| words.cast())
}

/// What holds for all packets. Userspace writes it whole, and each field is only looked at by itself.
#[inline(always)]
pub fn global() -> Option<&'static DecapGlobal> {
    // SAFETY: elements of an array are never freed.
    DECAP_GLOBAL.get_ptr(0).map(|global| unsafe { &*global })
}

#[inline(always)]
pub fn count(counter: DecapCounter) {
    if let Some(packets) = DECAP_COUNTERS.get_ptr_mut(counter.index()) {
        // SAFETY: the element belongs to this CPU. A packet that comes in while one that goes out is counted may take
        // that count away; the two programs have counters of their own, so that this does not happen.
        unsafe { *packets += 1 };
    }
}
