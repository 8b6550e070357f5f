//! Programs and links.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

use aya_obj::generated::bpf_insn;

use super::{address, address_mut, attr, bpf, bpf_fd, length, object_info, raw, text};

/// What the kernel says of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProgramInfo {
    pub(crate) program_type: u32,
    pub(crate) id: u32,
    /// Hash of the instructions.
    pub(crate) tag: [u8; 8],
    pub(crate) name: String,
    /// Maps that the program uses.
    pub(crate) map_ids: Vec<u32>,
}

impl ProgramInfo {
    /// `enum bpf_prog_type`.
    pub(crate) const XDP: u32 = 6;
}

/// What the kernel says of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkInfo {
    pub(crate) link_type: u32,
    pub(crate) program_id: u32,
    /// Zero when the interface is gone.
    pub(crate) ifindex: u32,
}

impl LinkInfo {
    /// `enum bpf_link_type`.
    pub(crate) const XDP: u32 = 6;
}

/// Maps of one program, at most (`MAX_USED_MAPS` of the kernel).
const MAPS_MAX: usize = 64;

/// `program` must be a program's descriptor.
pub(crate) fn program_info(program: BorrowedFd<'_>) -> io::Result<ProgramInfo> {
    let mut map_ids = [0_u32; MAPS_MAX];
    let mut info = attr::ProgramInfo {
        nr_map_ids: length(map_ids.len())?,
        map_ids: map_ids.as_mut_ptr() as u64,
        ..attr::ProgramInfo::default()
    };
    let mut attr = attr::Info {
        bpf_fd: raw(program),
        info_len: length(size_of::<attr::ProgramInfo>())?,
        info: std::ptr::from_mut(&mut info) as u64,
    };
    // SAFETY: the kernel writes at most `info_len` bytes to `info` and `nr_map_ids` numbers to `map_ids`; all other
    // addresses in `info` are zero and their lengths too, so that nothing is written there.
    unsafe { bpf(attr::BPF_OBJ_GET_INFO_BY_FD, &mut attr)? };
    let used = (info.nr_map_ids as usize).min(MAPS_MAX);
    Ok(ProgramInfo {
        program_type: info.program_type,
        id: info.id,
        tag: info.tag,
        name: text(&info.name),
        map_ids: map_ids[..used].to_vec(),
    })
}

/// What a program is loaded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgramType {
    Xdp { frags: bool },
    SchedClassifier,
}

/// Why the kernel takes no program, and the end of what the verifier says.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) source: io::Error,
    pub(crate) log: String,
}

/// The verifier gives up when a signal comes for the thread, and the next try may be lucky.
const LOAD_ATTEMPTS: u32 = 10;
/// Room for what the verifier says.
const LOG_BYTES: usize = 16 << 20;
/// Lines of it that are kept.
const LOG_LINES: usize = 24;

/// Loads a program. `name` is cut to what the kernel keeps.
pub(crate) fn load_program(
    name: &str,
    program_type: ProgramType,
    license: &CStr,
    instructions: &[bpf_insn],
) -> Result<OwnedFd, Refusal> {
    let mut result = try_load_program(name, program_type, license, instructions, &mut []);
    for _ in 1..LOAD_ATTEMPTS {
        match &result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                result = try_load_program(name, program_type, license, instructions, &mut []);
            }
            // `EPERM` is not the verifier's: its own is `EACCES`.
            Err(error) if error.raw_os_error() != Some(libc::EPERM) => {
                // Once more, to hear why: asked each time, the verifier would take much longer.
                let mut log = vec![0; LOG_BYTES];
                return match try_load_program(name, program_type, license, instructions, &mut log) {
                    Ok(program) => Ok(program),
                    Err(source) => Err(Refusal { source, log: last_lines(&text(&log)) }),
                };
            }
            _ => break,
        }
    }
    result.map_err(|source| Refusal { source, log: String::new() })
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

fn try_load_program(
    name: &str,
    program_type: ProgramType,
    license: &CStr,
    instructions: &[bpf_insn],
    log: &mut [u8],
) -> io::Result<OwnedFd> {
    let mut attr = attr::ProgramLoad {
        insn_cnt: length(instructions.len())?,
        insns: instructions.as_ptr() as u64,
        license: license.as_ptr() as u64,
        ..attr::ProgramLoad::default()
    };
    match program_type {
        ProgramType::Xdp { frags } => {
            attr.prog_type = attr::BPF_PROG_TYPE_XDP;
            // Without it, a link to this program could not be updated by a later kernel's.
            attr.expected_attach_type = attr::BPF_XDP;
            attr.prog_flags = if frags { attr::BPF_F_XDP_HAS_FRAGS } else { 0 };
        }
        ProgramType::SchedClassifier => attr.prog_type = attr::BPF_PROG_TYPE_SCHED_CLS,
    }
    // The last byte stays NUL.
    for (to, from) in attr.prog_name[..15].iter_mut().zip(name.bytes()) {
        *to = from;
    }
    if !log.is_empty() {
        (attr.log_level, attr.log_size, attr.log_buf) = (1, length(log.len())?, address_mut(log));
    }
    // SAFETY: there are `insn_cnt` instructions of 8 bytes, the license ends with NUL, and the kernel writes `log_size` bytes
    // to `log` at most; all outlive the call. The command returns a new descriptor.
    unsafe { bpf_fd(attr::BPF_PROG_LOAD, &mut attr) }
}

/// `link` must be a link's descriptor. The interface is only meaningful for XDP links.
pub(crate) fn link_info(link: BorrowedFd<'_>) -> io::Result<LinkInfo> {
    // SAFETY: `attr::LinkInfo` is the start of `struct bpf_link_info`; for links of other types the kernel may read two
    // numbers as an address, which are zero and stand for none.
    let info: attr::LinkInfo = unsafe { object_info(link)? };
    Ok(LinkInfo { link_type: info.link_type, program_id: info.prog_id, ifindex: info.ifindex })
}

/// Attaches an XDP program; `flags` are the `XDP_FLAGS_*` of the mode. The program stays attached as long as the link is
/// open or pinned.
pub(crate) fn link_create_xdp(program: BorrowedFd<'_>, ifindex: u32, flags: u32) -> io::Result<OwnedFd> {
    let mut attr = attr::LinkCreate {
        prog_fd: raw(program),
        target_ifindex: ifindex,
        attach_type: attr::BPF_XDP,
        flags,
    };
    // SAFETY: the attributes hold no address; the command returns a new descriptor.
    unsafe { bpf_fd(attr::BPF_LINK_CREATE, &mut attr) }
}

/// Replaces the program of a link; no packet meets neither.
pub(crate) fn link_update(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr =
        attr::LinkUpdate { link_fd: raw(link), new_prog_fd: raw(program), ..attr::LinkUpdate::default() };
    // SAFETY: the attributes hold no address.
    unsafe { bpf(attr::BPF_LINK_UPDATE, &mut attr) }.map(drop)
}

/// Detaches a link at once, whoever else holds it.
pub(crate) fn link_detach(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = attr::LinkDetach { link_fd: raw(link) };
    // SAFETY: the attributes hold no address.
    unsafe { bpf(attr::BPF_LINK_DETACH, &mut attr) }.map(drop)
}

/// Opens a map by its id. Needs CAP_SYS_ADMIN.
pub(crate) fn map_fd_by_id(id: u32) -> io::Result<OwnedFd> {
    let mut attr = attr::ById { id, ..attr::ById::default() };
    // SAFETY: the attributes hold no address; the command returns a new descriptor.
    unsafe { bpf_fd(attr::BPF_MAP_GET_FD_BY_ID, &mut attr) }
}

/// What BPF_PROG_TEST_RUN starts from.
#[derive(Default)]
pub(crate) struct TestRunInput<'a> {
    pub(crate) packet: &'a [u8],
    /// `struct xdp_md`, or nothing.
    pub(crate) context: &'a [u8],
    pub(crate) repeat: u32,
    /// Room for the packet that comes out; none with live frames.
    pub(crate) room: usize,
    /// Packets go where the program sends them, in batches of this many (0: the kernel's choice).
    pub(crate) live_frames: Option<u32>,
}

/// What BPF_PROG_TEST_RUN leaves.
pub(crate) struct TestRunOutput {
    pub(crate) retval: u32,
    pub(crate) packet: Vec<u8>,
    /// As long as the context of the input.
    pub(crate) context: Vec<u8>,
    /// Of one run, on average.
    pub(crate) duration: Duration,
}

/// Runs a program on a packet.
pub(crate) fn test_run(program: &OwnedFd, input: &TestRunInput<'_>) -> io::Result<TestRunOutput> {
    let mut packet = vec![0; input.room];
    let mut context = vec![0; input.context.len()];
    let mut attr = attr::TestRun {
        prog_fd: raw(program.as_fd()),
        data_size_in: length(input.packet.len())?,
        data_size_out: length(packet.len())?,
        data_in: address(input.packet),
        data_out: address_mut(&mut packet),
        repeat: input.repeat,
        ..attr::TestRun::default()
    };
    if !context.is_empty() {
        attr.ctx_size_in = length(input.context.len())?;
        attr.ctx_in = address(input.context);
    }
    if let Some(batch) = input.live_frames {
        attr.flags = attr::BPF_F_TEST_XDP_LIVE_FRAMES;
        attr.batch_size = batch;
        // Many packets leave, and the kernel gives none of them back.
        (attr.data_size_out, attr.data_out) = (0, 0);
    } else if !context.is_empty() {
        attr.ctx_size_out = length(context.len())?;
        attr.ctx_out = address_mut(&mut context);
    }
    // SAFETY: each address is that of a buffer of the length beside it; the kernel writes to the two that we own alone.
    unsafe { bpf(attr::BPF_PROG_TEST_RUN, &mut attr)? };
    packet.truncate(if attr.data_out == 0 { 0 } else { attr.data_size_out as usize });
    Ok(TestRunOutput {
        retval: attr.retval,
        packet,
        context,
        duration: Duration::from_nanos(attr.duration.into()),
    })
}
