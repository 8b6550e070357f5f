//! The compiled programs of a workload node.

use guideway_abi as abi;

use crate::object::Object;

impl Object {
    pub(crate) fn decap() -> Self {
        Self {
            bytes: aya::include_bytes_aligned!("../../../../ebpf/obj/decap.o"),
            program: abi::DECAP_PROGRAM,
            others: &[abi::DECAP_EGRESS_PROGRAM],
            maps: &[
                abi::DECAP_GLOBAL,
                abi::DECAP_SERVICES,
                abi::DECAP_FLOWS,
                abi::DECAP_HALF_OPEN,
                abi::DECAP_COUNTERS,
            ],
            max_entries: Vec::new(),
            meta: None,
        }
    }
}
