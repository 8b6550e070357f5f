//! The system calls that aya does not offer, or not in the form needed here: a thin and safe layer over bpf(2).
//!
//! This module knows nothing of Guideway. Every function checks the lengths of the buffers that it hands to the kernel.

mod attr;
mod clock;
mod map;
mod program;

pub(crate) use clock::tick;
pub(crate) use map::{MapInfo, array_of_maps_with_one, map_types};
pub(crate) use map::{MapRef, create_map};
pub(crate) use program::{
    LinkInfo, ProgramInfo, ProgramType, Refusal, TestRunInput, link_create_xdp, link_detach, link_info,
    link_update, load_program, map_fd_by_id, program_info, test_run,
};

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Kinds of objects that a bpffs holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    Map,
    Program,
    Link,
}

/// Calls bpf(2).
///
/// # Safety
///
/// Every address in `attr` must point to memory that the command may read or write for as long as `attr` says, and `A`
/// must be laid out as the kernel's attributes of `command`, without padding.
unsafe fn bpf<A>(command: u32, attr: &mut A) -> io::Result<i32> {
    #[cfg(feature = "fault-points")]
    let ending = crate::fault::call()?;
    // SAFETY: the pointer and the size describe `attr`, which is borrowed for the whole call; the caller vouches for
    // what it holds.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<A>()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    #[cfg(feature = "fault-points")]
    if ending == crate::fault::Ending::Failed {
        return Err(crate::fault::error());
    }
    i32::try_from(result).map_err(|_| io::Error::other("bpf(2) returned a number that is no descriptor"))
}

/// Calls bpf(2) with a command that returns a new file descriptor.
///
/// # Safety
///
/// As for [`bpf`]; and `command` must return a descriptor that belongs to the caller.
unsafe fn bpf_fd<A>(command: u32, attr: &mut A) -> io::Result<OwnedFd> {
    // SAFETY: the caller vouches for `attr`.
    let raw = unsafe { bpf(command, attr)? };
    // SAFETY: the kernel has just made this descriptor for us; nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// The number that attributes want for a descriptor.
fn raw(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// An address for an attribute.
fn address(bytes: &[u8]) -> u64 {
    bytes.as_ptr() as u64
}

/// An address that the kernel writes to, for an attribute.
fn address_mut(bytes: &mut [u8]) -> u64 {
    bytes.as_mut_ptr() as u64
}

/// A length for an attribute.
fn length(bytes: usize) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "buffer above 4 GiB"))
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Pins an object at `path`, which must be on a bpffs and not exist.
pub(crate) fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    let mut attr = attr::Object { pathname: path.as_ptr() as u64, bpf_fd: raw(object), file_flags: 0 };
    // SAFETY: `pathname` is a NUL-terminated string that lives until the end of this function.
    unsafe { bpf(attr::BPF_OBJ_PIN, &mut attr) }.map(drop)
}

/// Opens the object that is pinned at `path`.
pub(crate) fn open_pin(path: &Path) -> io::Result<(OwnedFd, ObjectKind)> {
    let path = c_path(path)?;
    let mut attr = attr::Object { pathname: path.as_ptr() as u64, ..attr::Object::default() };
    // SAFETY: `pathname` is a NUL-terminated string that lives until the end of this function.
    let fd = unsafe { bpf_fd(attr::BPF_OBJ_GET, &mut attr)? };
    let kind = object_kind(&fd)?;
    Ok((fd, kind))
}

/// The kind of a bpf descriptor. The kernel tells it nowhere but in the name of the anonymous inode.
fn object_kind(fd: &OwnedFd) -> io::Result<ObjectKind> {
    let name = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))?;
    match name.as_os_str().as_bytes() {
        b"anon_inode:bpf-map" => Ok(ObjectKind::Map),
        b"anon_inode:bpf-prog" => Ok(ObjectKind::Program),
        b"anon_inode:bpf-link" | b"anon_inode:bpf_link" => Ok(ObjectKind::Link),
        other => {
            Err(io::Error::other(format!("unknown kind of bpf object: {}", String::from_utf8_lossy(other))))
        }
    }
}

/// Fills `info` with what the kernel knows of an object.
///
/// # Safety
///
/// Every bit pattern must be a valid `I`, and `I` must be laid out as the start of the kernel's information for this
/// kind of object, holding no address.
unsafe fn object_info<I: Default>(object: BorrowedFd<'_>) -> io::Result<I> {
    let mut info = I::default();
    let mut attr = attr::Info {
        bpf_fd: raw(object),
        info_len: length(size_of::<I>())?,
        info: std::ptr::from_mut(&mut info) as u64,
    };
    // SAFETY: the kernel writes at most `info_len` bytes to `info`, which lives until the end of this function.
    unsafe { bpf(attr::BPF_OBJ_GET_INFO_BY_FD, &mut attr)? };
    Ok(info)
}

/// The text before the first NUL.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
