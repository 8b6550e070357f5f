//! The program for replies, on the way out of the same interfaces.
//!
//! ```text
//! PIN_ROOT/decap_egress    the program
//! PIN_ROOT/egress/IFNAME   the tcx link; on kernels before 6.6 the program again, whose filter is in the clsact qdisc
//! ```

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use aya::programs::links::{FdLink, LinkOrder};
use aya::programs::tc::{
    NlOptions, SchedClassifierLink, TcAttachOptions, TcError, TcHandle, qdisc_add_clsact,
};
use aya::programs::{ProgramError, SchedClassifier, TcAttachType};
use aya::util::KernelVersion;
use guideway_abi::DECAP_EGRESS_PROGRAM;

use crate::install::OpenError;
use crate::pins;
use crate::sys::{self, ObjectKind};
use crate::xdp::AttachError;

/// Directory of the links.
const LINKS: &str = "egress";
/// The filter's place in the clsact qdisc, so that it can be found again.
const PRIORITY: u16 = 0x4757;
const HANDLE: TcHandle = TcHandle::new(0, 1);
/// The first kernel with tcx links.
const FIRST_WITH_LINKS: KernelVersion = KernelVersion::new(6, 6, 0);

/// The pinned program.
#[derive(Debug)]
pub(super) struct Egress {
    root: PathBuf,
}

impl Egress {
    /// Pins the program that was loaded, or keeps the pinned one if that is the same, and gives it to all links.
    pub(super) fn install(root: &Path, loaded: &OwnedFd) -> Result<Self, OpenError> {
        let egress = Self { root: root.to_owned() };
        let links = egress.links();
        pins::ensure_directory(&links).map_err(OpenError::system("make directory", &links))?;
        let path = egress.program();
        let replaced = egress.replace(loaded).map_err(OpenError::system("pin", &path))?;
        if replaced {
            for interface in egress.interfaces().map_err(OpenError::system("list", &links))? {
                let path = egress.link(&interface);
                egress.update(&interface).map_err(OpenError::system("update the program of", &path))?;
            }
        }
        Ok(egress)
    }

    /// Without touching anything.
    pub(super) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Attaches to an interface, unless it is.
    pub(super) fn attach(&self, interface: &str) -> Result<(), AttachError> {
        let system = |operation| AttachError::system(operation, interface);
        if self.is_attached(interface).map_err(system("examine the tc program of"))? {
            return self.update(interface).map_err(system("update the tc program of"));
        }
        let path = self.link(interface);
        pins::remove_file(&path).map_err(system("remove the old tc link of"))?;
        let mut program = SchedClassifier::from_pin(self.program())
            .map_err(other)
            .map_err(system("open the tc program of"))?;
        if KernelVersion::current().is_ok_and(|version| version >= FIRST_WITH_LINKS) {
            attach_link(&mut program, interface, &path).map_err(system("attach the tc program to"))
        } else {
            attach_filter(&mut program, interface).map_err(system("attach the tc program to"))?;
            let fd = open(&self.program()).map_err(system("open the tc program of"))?;
            sys::pin(fd.as_fd(), &path).map_err(system("pin the tc program of"))
        }
    }

    /// Detaches from all interfaces but `keep`.
    pub(super) fn detach_others(&self, keep: &[&str]) -> Result<(), AttachError> {
        let interfaces = self.interfaces().map_err(AttachError::system("list the tc links, first", "-"))?;
        for interface in interfaces.iter().filter(|interface| !keep.contains(&interface.as_str())) {
            self.detach(interface).map_err(AttachError::system("detach the tc program from", interface))?;
        }
        Ok(())
    }

    /// Interfaces that it was attached to and that still have it.
    pub(super) fn attached(&self) -> io::Result<Vec<String>> {
        let mut attached = Vec::new();
        for interface in self.interfaces()? {
            if self.is_attached(&interface)? {
                attached.push(interface);
            }
        }
        Ok(attached)
    }

    /// Detaches everywhere and removes the pins.
    pub(super) fn remove(&self) -> Result<(), OpenError> {
        let links = self.links();
        for interface in self.interfaces().map_err(OpenError::system("list", &links))? {
            self.detach(&interface).map_err(OpenError::system("detach", &self.link(&interface)))?;
        }
        pins::remove_directory(&links).map_err(OpenError::system("remove directory", &links))?;
        for path in [self.program(), self.program_next()] {
            pins::remove_file(&path).map_err(OpenError::system("remove", &path))?;
        }
        Ok(())
    }

    fn program(&self) -> PathBuf {
        self.root.join(DECAP_EGRESS_PROGRAM)
    }

    fn program_next(&self) -> PathBuf {
        self.root.join(format!("{DECAP_EGRESS_PROGRAM}-next"))
    }

    fn links(&self) -> PathBuf {
        self.root.join(LINKS)
    }

    /// A bpffs refuses names with a dot.
    fn link(&self, interface: &str) -> PathBuf {
        self.links().join(interface.replace('.', ":"))
    }

    fn interfaces(&self) -> io::Result<Vec<String>> {
        Ok(pins::entries(&self.links())?.iter().map(|name| name.replace(':', ".")).collect())
    }

    /// Whether the pinned program was another one, or none.
    fn replace(&self, loaded: &OwnedFd) -> io::Result<bool> {
        let (path, next) = (self.program(), self.program_next());
        pins::remove_file(&next)?;
        if path.try_exists()? {
            let pinned = sys::program_info(open(&path)?.as_fd())?;
            if pinned.tag == sys::program_info(loaded.as_fd())?.tag {
                return Ok(false);
            }
        }
        sys::pin(loaded.as_fd(), &next)?;
        fs::rename(&next, &path)?;
        Ok(true)
    }

    /// Gives a link the pinned program; one whose interface is gone is left for [`Self::attach`].
    fn update(&self, interface: &str) -> io::Result<()> {
        let path = self.link(interface);
        match sys::open_pin(&path)? {
            (link, ObjectKind::Link) => {
                match sys::link_update(link.as_fd(), open(&self.program())?.as_fd()) {
                    Err(error) if error.raw_os_error() == Some(libc::ENOLINK) => Ok(()),
                    other => other,
                }
            }
            _ if nix::net::if_::if_nametoindex(interface).is_err() => Ok(()),
            _ => {
                let mut program = SchedClassifier::from_pin(self.program()).map_err(other)?;
                let id = program.attach_to_link(filter(interface)?).map_err(other)?;
                std::mem::forget(program.take_link(id).map_err(other)?);
                Ok(())
            }
        }
    }

    fn is_attached(&self, interface: &str) -> io::Result<bool> {
        let Ok(ifindex) = nix::net::if_::if_nametoindex(interface) else { return Ok(false) };
        match sys::open_pin(&self.link(interface)) {
            Ok((link, ObjectKind::Link)) => Ok(sys::link_info(link.as_fd())?.ifindex == ifindex),
            // Giving the filter its program again fails when it is gone with its qdisc.
            Ok((_, ObjectKind::Program)) => Ok(self.update(interface).is_ok()),
            Ok((_, ObjectKind::Map)) => Err(io::Error::other("a map is pinned in place of a link")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn detach(&self, interface: &str) -> io::Result<()> {
        let path = self.link(interface);
        match sys::open_pin(&path) {
            Ok((link, ObjectKind::Link)) => match sys::link_detach(link.as_fd()) {
                Err(error) if error.raw_os_error() != Some(libc::ENOLINK) => return Err(error),
                _ => {}
            },
            Ok((_, ObjectKind::Program)) if nix::net::if_::if_nametoindex(interface).is_ok() => {
                // Dropping the link detaches it; a filter that is gone already is as well.
                drop(filter(interface)?);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        pins::remove_file(&path)
    }
}

fn attach_link(program: &mut SchedClassifier, interface: &str, path: &Path) -> io::Result<()> {
    // The first: one that lets a packet pass ends the chain, and programs of CNIs do.
    let options = TcAttachOptions::TcxOrder(LinkOrder::first());
    let id = program.attach_with_options(interface, TcAttachType::Egress, options).map_err(other)?;
    let link = FdLink::try_from(program.take_link(id).map_err(other)?).map_err(io::Error::other)?;
    link.pin(path).map(drop).map_err(io::Error::other)
}

fn attach_filter(program: &mut SchedClassifier, interface: &str) -> io::Result<()> {
    match qdisc_add_clsact(interface) {
        Ok(()) | Err(TcError::AlreadyAttached) => {}
        Err(TcError::NetlinkError(error)) if error.raw_os_error() == Some(libc::EEXIST) => {}
        Err(error) => return Err(io::Error::other(error)),
    }
    let options = NlOptions { priority: PRIORITY, handle: HANDLE, classid: None };
    let id = program
        .attach_with_options(interface, TcAttachType::Egress, TcAttachOptions::Netlink(options))
        .map_err(other)?;
    // The filter lives without the process; dropped, the link would detach it.
    std::mem::forget(program.take_link(id).map_err(other)?);
    Ok(())
}

fn filter(interface: &str) -> io::Result<SchedClassifierLink> {
    SchedClassifierLink::attached(interface, TcAttachType::Egress, PRIORITY, HANDLE, None)
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    match sys::open_pin(path)? {
        (program, ObjectKind::Program) => Ok(program),
        _ => Err(io::Error::other("not a program")),
    }
}

/// The kernel's error, if there is one below.
fn other(error: ProgramError) -> io::Error {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(cause) = source {
        if let Some(code) = cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return io::Error::from_raw_os_error(code);
        }
        source = cause.source();
    }
    io::Error::other(error)
}

#[cfg(test)]
mod tests;
