//! The compiled programs of a backend.

use guideway_abi as abi;

use super::DECAP_VIPS;
use crate::object::Object;

impl Object {
    pub(crate) fn decap() -> Self {
        Self {
            bytes: aya::include_bytes_aligned!("../../../../ebpf/obj/decap.o"),
            program: abi::DECAP_PROGRAM,
            others: &[],
            maps: &[DECAP_VIPS, abi::DECAP_COUNTERS],
            max_entries: Vec::new(),
            meta: None,
        }
    }
}
