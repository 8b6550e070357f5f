//! Attributes of bpf(2) as in the kernel's `include/uapi/linux/bpf.h`, one structure for each command instead of a union.
//! None has padding: the kernel refuses attributes whose unused bytes are not zero.

pub(super) const BPF_MAP_CREATE: u32 = 0;
pub(super) const BPF_MAP_LOOKUP_ELEM: u32 = 1;
pub(super) const BPF_MAP_UPDATE_ELEM: u32 = 2;
pub(super) const BPF_MAP_DELETE_ELEM: u32 = 3;
pub(super) const BPF_MAP_GET_NEXT_KEY: u32 = 4;
pub(super) const BPF_PROG_LOAD: u32 = 5;
pub(super) const BPF_OBJ_PIN: u32 = 6;
pub(super) const BPF_OBJ_GET: u32 = 7;
pub(super) const BPF_PROG_TEST_RUN: u32 = 10;
pub(super) const BPF_MAP_GET_FD_BY_ID: u32 = 14;
pub(super) const BPF_OBJ_GET_INFO_BY_FD: u32 = 15;
pub(super) const BPF_MAP_LOOKUP_BATCH: u32 = 24;
pub(super) const BPF_MAP_UPDATE_BATCH: u32 = 26;
pub(super) const BPF_LINK_CREATE: u32 = 28;
pub(super) const BPF_LINK_UPDATE: u32 = 29;
pub(super) const BPF_LINK_DETACH: u32 = 34;

/// Flag of `BPF_PROG_TEST_RUN`.
pub(super) const BPF_F_TEST_XDP_LIVE_FRAMES: u32 = 1 << 1;

/// `enum bpf_attach_type`.
pub(super) const BPF_XDP: u32 = 37;

/// `enum bpf_prog_type`.
pub(super) const BPF_PROG_TYPE_SCHED_CLS: u32 = 3;
/// Likewise.
pub(super) const BPF_PROG_TYPE_XDP: u32 = 6;

/// Flag of `BPF_PROG_LOAD`: the program knows packets in several buffers.
pub(super) const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;

#[repr(C)]
#[derive(Default)]
pub(super) struct ProgramLoad {
    pub(super) prog_type: u32,
    pub(super) insn_cnt: u32,
    pub(super) insns: u64,
    pub(super) license: u64,
    pub(super) log_level: u32,
    pub(super) log_size: u32,
    pub(super) log_buf: u64,
    pub(super) kern_version: u32,
    pub(super) prog_flags: u32,
    pub(super) prog_name: [u8; 16],
    pub(super) prog_ifindex: u32,
    pub(super) expected_attach_type: u32,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct MapCreate {
    pub(super) map_type: u32,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) max_entries: u32,
    pub(super) map_flags: u32,
    pub(super) inner_map_fd: u32,
    pub(super) numa_node: u32,
    pub(super) map_name: [u8; 16],
}

#[repr(C)]
#[derive(Default)]
pub(super) struct MapElement {
    pub(super) map_fd: u32,
    pub(super) reserved: u32,
    pub(super) key: u64,
    /// The value, or the buffer for the next key.
    pub(super) value: u64,
    pub(super) flags: u64,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct MapBatch {
    pub(super) in_batch: u64,
    pub(super) out_batch: u64,
    pub(super) keys: u64,
    pub(super) values: u64,
    pub(super) count: u32,
    pub(super) map_fd: u32,
    pub(super) elem_flags: u64,
    pub(super) flags: u64,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct Object {
    pub(super) pathname: u64,
    pub(super) bpf_fd: u32,
    pub(super) file_flags: u32,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct ById {
    pub(super) id: u32,
    pub(super) next_id: u32,
    pub(super) open_flags: u32,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct Info {
    pub(super) bpf_fd: u32,
    pub(super) info_len: u32,
    pub(super) info: u64,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct LinkCreate {
    pub(super) prog_fd: u32,
    pub(super) target_ifindex: u32,
    pub(super) attach_type: u32,
    pub(super) flags: u32,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct LinkUpdate {
    pub(super) link_fd: u32,
    pub(super) new_prog_fd: u32,
    pub(super) flags: u32,
    pub(super) old_prog_fd: u32,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct LinkDetach {
    pub(super) link_fd: u32,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct TestRun {
    pub(super) prog_fd: u32,
    pub(super) retval: u32,
    pub(super) data_size_in: u32,
    pub(super) data_size_out: u32,
    pub(super) data_in: u64,
    pub(super) data_out: u64,
    pub(super) repeat: u32,
    pub(super) duration: u32,
    pub(super) ctx_size_in: u32,
    pub(super) ctx_size_out: u32,
    pub(super) ctx_in: u64,
    pub(super) ctx_out: u64,
    pub(super) flags: u32,
    pub(super) cpu: u32,
    pub(super) batch_size: u32,
    pub(super) reserved: u32,
}

/// `struct bpf_map_info`, as far as it is read.
#[repr(C)]
#[derive(Default)]
pub(super) struct MapInfo {
    pub(super) map_type: u32,
    pub(super) id: u32,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) max_entries: u32,
    pub(super) map_flags: u32,
    pub(super) name: [u8; 16],
}

/// `struct bpf_prog_info`, as far as it is read.
#[repr(C)]
#[derive(Default)]
pub(super) struct ProgramInfo {
    pub(super) program_type: u32,
    pub(super) id: u32,
    pub(super) tag: [u8; 8],
    pub(super) jited_prog_len: u32,
    pub(super) xlated_prog_len: u32,
    pub(super) jited_prog_insns: u64,
    pub(super) xlated_prog_insns: u64,
    pub(super) load_time: u64,
    pub(super) created_by_uid: u32,
    pub(super) nr_map_ids: u32,
    pub(super) map_ids: u64,
    pub(super) name: [u8; 16],
}

/// `struct bpf_link_info` of an XDP link.
#[repr(C)]
#[derive(Default)]
pub(super) struct LinkInfo {
    pub(super) link_type: u32,
    pub(super) id: u32,
    pub(super) prog_id: u32,
    pub(super) reserved: u32,
    pub(super) ifindex: u32,
    pub(super) reserved_too: u32,
}
