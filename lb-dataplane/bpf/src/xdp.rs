//! Attaching to interfaces by pinned links.

mod netlink;

use std::fmt;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::install::OpenError;
use crate::pins::{self, Layout};
use crate::sys::{self, LinkInfo, ObjectKind};

/// Where in the receive path of an interface the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum XdpMode {
    /// In the driver.
    Native,
    /// In the network stack, after the kernel made its packet buffer: slower, with any driver.
    Generic,
}

impl XdpMode {
    /// `XDP_FLAGS_DRV_MODE` or `XDP_FLAGS_SKB_MODE`: the kernel may not choose.
    const fn flags(self) -> u32 {
        match self {
            Self::Native => 1 << 2,
            Self::Generic => 1 << 1,
        }
    }
}

impl fmt::Display for XdpMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Native => "native",
            Self::Generic => "generic",
        })
    }
}

/// The longest IP packet that an interface takes, in bytes.
///
/// # Errors
///
/// The kernel's, for an index without an interface.
pub fn mtu(ifindex: u32) -> io::Result<u32> {
    netlink::link(ifindex).map(|link| link.mtu)
}

/// A pinned link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Name of the interface when it was attached to.
    pub interface: String,
    /// Its index, when it still exists.
    pub ifindex: Option<u32>,
    /// The mode, when attached.
    pub mode: Option<XdpMode>,
    /// When the link was made: since then the interface has had a forwarder program without a break.
    pub since: Option<SystemTime>,
}

impl Attachment {
    /// Whether packets of the interface reach the program.
    #[must_use]
    pub fn attached(&self) -> bool {
        self.mode.is_some()
    }
}

/// The program could not be attached or detached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// There is no such interface.
    #[error("there is no interface {interface}")]
    UnknownInterface {
        /// Its name.
        interface: String,
        /// Why.
        source: io::Error,
    },
    /// The driver cannot do it.
    #[error(
        "the driver of interface {interface} has no native XDP, or not with the present settings; \
         generic mode does without, at a fraction of the speed"
    )]
    NativeUnsupported {
        /// Its name.
        interface: String,
        /// Why.
        source: io::Error,
    },
    /// The MTU is above what the driver takes with native XDP.
    #[error(
        "the MTU of interface {interface} (or of its peer) is above what its driver takes with native XDP; lower the \
         MTU, or choose generic mode"
    )]
    MtuTooLarge {
        /// Its name.
        interface: String,
        /// Why.
        source: io::Error,
    },
    /// Another XDP program is there.
    #[error(
        "interface {interface} already runs another XDP program ({program}); detach that one first \
         (`ip link set dev {interface} xdp off`, or stop the program that holds its link)"
    )]
    Occupied {
        /// Its name.
        interface: String,
        /// What is known of the program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// Something else is pinned where the link belongs.
    #[error("{path} is no pinned XDP link; remove it", path = .0.display())]
    ForeignPin(PathBuf),
    /// A system call failed.
    #[error("cannot {operation} interface {interface}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// On which interface.
        interface: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl AttachError {
    pub(crate) fn system(operation: &'static str, interface: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { operation, interface: interface.to_owned(), source }
    }
}

/// Attaches `program` to `interface` and pins the link. What is attached in this mode stays untouched.
pub(crate) fn attach(
    layout: &Layout,
    program: &OwnedFd,
    program_id: u32,
    interface: &str,
    mode: XdpMode,
) -> Result<Attachment, AttachError> {
    let ifindex = nix::net::if_::if_nametoindex(interface).map_err(|errno| {
        AttachError::UnknownInterface { interface: interface.to_owned(), source: errno.into() }
    })?;
    let path = layout.link(interface);
    let attachment = || Attachment {
        interface: interface.to_owned(),
        ifindex: Some(ifindex),
        mode: Some(mode),
        since: pinned_at(&path),
    };
    let mut previous = None;
    if let Some((link, info)) = open_link(&path, interface)? {
        let attached =
            if info.ifindex == ifindex { attached_mode(ifindex, info.program_id, interface)? } else { None };
        if attached == Some(mode) {
            if info.program_id != program_id {
                sys::link_update(link.as_fd(), program.as_fd())
                    .map_err(AttachError::system("update the program of", interface))?;
            }
            return Ok(attachment());
        }
        // The interface is gone, or was made anew, or the mode was changed: the link is of no use any more.
        drop(link);
        remove_link(&path).map_err(AttachError::system("detach from", interface))?;
        previous = attached;
    }
    match create_link(&path, program, interface, ifindex, mode) {
        Ok(()) => Ok(attachment()),
        Err(error) => {
            // Better the old mode than nothing, when the new one is impossible.
            if let Some(previous) = previous
                && let Err(again) = create_link(&path, program, interface, ifindex, previous)
            {
                tracing::error!(interface, %again, "cannot go back to the previous mode");
            }
            Err(error)
        }
    }
}

/// Detaches from all interfaces but `keep`; gives those that it detached from.
pub(crate) fn detach_others(layout: &Layout, keep: &[&str]) -> Result<Vec<String>, AttachError> {
    let mut detached = Vec::new();
    for interface in layout.linked_interfaces().map_err(AttachError::system("list the links, first", "-"))? {
        if keep.contains(&interface.as_str()) {
            continue;
        }
        let path = layout.link(&interface);
        if open_link(&path, &interface)?.is_some() {
            remove_link(&path).map_err(AttachError::system("detach from", &interface))?;
            detached.push(interface);
        }
    }
    Ok(detached)
}

/// The pinned links, in order of name.
pub(crate) fn attachments(layout: &Layout) -> Result<Vec<Attachment>, AttachError> {
    let mut attachments = Vec::new();
    for interface in layout.linked_interfaces().map_err(AttachError::system("list the links, first", "-"))? {
        let Some((_, info)) = open_link(&layout.link(&interface), &interface)? else { continue };
        let present = nix::net::if_::if_nametoindex(interface.as_str()).ok();
        let ifindex = (info.ifindex != 0).then_some(info.ifindex);
        let mode = match ifindex {
            Some(ifindex) if present == Some(ifindex) => attached_mode(ifindex, info.program_id, &interface)?,
            _ => None,
        };
        let since = pinned_at(&layout.link(&interface));
        attachments.push(Attachment { interface, ifindex, mode, since });
    }
    Ok(attachments)
}

/// A bpffs gives a pin the time at which it was made, and a link keeps its pin when its program is replaced.
fn pinned_at(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|pin| pin.modified()).ok()
}

/// Gives every pinned link the program; links of interfaces that are gone are left for [`attach`].
pub(crate) fn update_links(layout: &Layout, program: &OwnedFd, program_id: u32) -> Result<(), OpenError> {
    let list = layout.linked_interfaces().map_err(OpenError::system("list", &layout.links()))?;
    for interface in list {
        let path = layout.link(&interface);
        let (link, _) = sys::open_pin(&path).map_err(OpenError::system("open", &path))?;
        let info = sys::link_info(link.as_fd()).map_err(OpenError::system("examine", &path))?;
        if info.ifindex == 0 || info.program_id == program_id {
            continue;
        }
        match sys::link_update(link.as_fd(), program.as_fd()) {
            // The interface went away in this very moment.
            Err(error) if error.raw_os_error() == Some(libc::ENOLINK) => {}
            other => other.map_err(OpenError::system("update the program of", &path))?,
        }
    }
    Ok(())
}

/// Detaches at once, rather than when the last descriptor is closed, and removes the pin.
pub(crate) fn remove_link(path: &Path) -> io::Result<()> {
    match sys::open_pin(path) {
        Ok((link, ObjectKind::Link)) => match sys::link_detach(link.as_fd()) {
            Err(error) if error.raw_os_error() != Some(libc::ENOLINK) => return Err(error),
            _ => {}
        },
        Ok(_) => return Err(io::Error::other("not a link")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    pins::remove_file(path)
}

fn open_link(path: &Path, interface: &str) -> Result<Option<(OwnedFd, LinkInfo)>, AttachError> {
    let link = match sys::open_pin(path) {
        Ok((link, ObjectKind::Link)) => link,
        Ok(_) => return Err(AttachError::ForeignPin(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(AttachError::system("open the link of", interface)(error)),
    };
    let info = sys::link_info(link.as_fd()).map_err(AttachError::system("examine the link of", interface))?;
    if info.link_type != LinkInfo::XDP {
        return Err(AttachError::ForeignPin(path.to_owned()));
    }
    Ok(Some((link, info)))
}

fn create_link(
    path: &Path,
    program: &OwnedFd,
    interface: &str,
    ifindex: u32,
    mode: XdpMode,
) -> Result<(), AttachError> {
    let link = sys::link_create_xdp(program.as_fd(), ifindex, mode.flags())
        .map_err(|error| explain(error, interface, ifindex, mode))?;
    sys::pin(link.as_fd(), path).map_err(AttachError::system("pin the link of", interface))
}

fn explain(source: io::Error, interface: &str, ifindex: u32, mode: XdpMode) -> AttachError {
    let interface = interface.to_owned();
    match (source.raw_os_error(), mode) {
        (Some(libc::EBUSY | libc::EEXIST), _) => {
            let program = netlink::link(ifindex)
                .ok()
                .and_then(|link| link.programs.describe())
                .unwrap_or_else(|| "which one is unknown".to_owned());
            AttachError::Occupied { interface, program, source }
        }
        (Some(libc::EOPNOTSUPP | libc::EINVAL), XdpMode::Native) => {
            AttachError::NativeUnsupported { interface, source }
        }
        (Some(libc::ERANGE), XdpMode::Native) => AttachError::MtuTooLarge { interface, source },
        _ => AttachError::System { operation: "attach to", interface, source },
    }
}

/// The mode in which a program runs on an interface of this network namespace.
fn attached_mode(ifindex: u32, program_id: u32, interface: &str) -> Result<Option<XdpMode>, AttachError> {
    let programs =
        netlink::link(ifindex).map_err(AttachError::system("ask for the programs of", interface))?.programs;
    Ok(programs.mode_of(program_id))
}
