//! Which XDP programs an interface runs, and its MTU: the kernel tells a link's mode by rtnetlink only.

use std::io;
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::XdpMode;

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const IFLA_MTU: u16 = 4;
const IFLA_XDP: u16 = 43;
const IFLA_XDP_ATTACHED: u16 = 2;
const IFLA_XDP_PROG_ID: u16 = 4;
const IFLA_XDP_DRV_PROG_ID: u16 = 5;
const IFLA_XDP_SKB_PROG_ID: u16 = 6;
const XDP_ATTACHED_DRV: u8 = 1;
const XDP_ATTACHED_SKB: u8 = 2;
/// `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER` are no part of an attribute's type.
const TYPE_MASK: u16 = 0x3fff;
/// Sizes of `nlmsghdr`, `ifinfomsg` and `rtattr`.
const MESSAGE_HEADER: usize = 16;
const LINK_HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;
/// The description of an interface with many queues or virtual functions is long; an answer that does not fit is cut.
const ANSWER_BYTES: usize = 256 << 10;

/// The programs of an interface, by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct XdpPrograms {
    native: Option<u32>,
    generic: Option<u32>,
}

impl XdpPrograms {
    /// The mode in which a program runs here.
    pub(super) fn mode_of(self, program_id: u32) -> Option<XdpMode> {
        if self.native == Some(program_id) {
            Some(XdpMode::Native)
        } else if self.generic == Some(program_id) {
            Some(XdpMode::Generic)
        } else {
            None
        }
    }

    /// In words.
    pub(super) fn describe(self) -> Option<String> {
        match self {
            Self { native: Some(id), .. } => Some(format!("id {id}, native mode")),
            Self { generic: Some(id), .. } => Some(format!("id {id}, generic mode")),
            Self { native: None, generic: None } => None,
        }
    }
}

/// An interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) mtu: u32,
    pub(super) programs: XdpPrograms,
}

/// Asks the kernel, in the caller's network namespace.
pub(super) fn link(ifindex: u32) -> io::Result<Link> {
    let socket =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
    send(socket.as_raw_fd(), &request(ifindex), MsgFlags::empty())?;
    let mut answer = vec![0; ANSWER_BYTES];
    let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    parse(&answer[..length])
}

fn request(ifindex: u32) -> [u8; MESSAGE_HEADER + LINK_HEADER] {
    let mut message = [0; MESSAGE_HEADER + LINK_HEADER];
    message[0..4].copy_from_slice(&32_u32.to_ne_bytes());
    message[4..6].copy_from_slice(&RTM_GETLINK.to_ne_bytes());
    message[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    message[20..24].copy_from_slice(&ifindex.to_ne_bytes());
    message
}

fn parse(answer: &[u8]) -> io::Result<Link> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "malformed rtnetlink answer");
    let kind = answer.get(4..6).and_then(u16_of).ok_or_else(malformed)?;
    if kind == NLMSG_ERROR {
        let errno = answer.get(16..20).and_then(u32_of).ok_or_else(malformed)?.cast_signed();
        return Err(io::Error::from_raw_os_error(errno.checked_neg().unwrap_or(libc::EIO)));
    }
    if kind != RTM_NEWLINK {
        return Err(malformed());
    }
    let attributes = answer.get(MESSAGE_HEADER + LINK_HEADER..).ok_or_else(malformed)?;
    let mut link = Link::default();
    for (kind, value) in Attributes(attributes) {
        match kind {
            IFLA_MTU => link.mtu = u32_of(value).ok_or_else(malformed)?,
            IFLA_XDP => link.programs = parse_xdp(value),
            _ => {}
        }
    }
    Ok(link)
}

fn parse_xdp(nested: &[u8]) -> XdpPrograms {
    let mut programs = XdpPrograms::default();
    let mut attached = 0;
    let mut only = None;
    for (kind, value) in Attributes(nested) {
        match kind {
            IFLA_XDP_ATTACHED => attached = value.first().copied().unwrap_or(0),
            IFLA_XDP_PROG_ID => only = u32_of(value),
            IFLA_XDP_DRV_PROG_ID => programs.native = u32_of(value),
            IFLA_XDP_SKB_PROG_ID => programs.generic = u32_of(value),
            _ => {}
        }
    }
    // Older kernels name the mode and one program.
    match attached {
        XDP_ATTACHED_DRV => programs.native = programs.native.or(only),
        XDP_ATTACHED_SKB => programs.generic = programs.generic.or(only),
        _ => {}
    }
    programs
}

/// The attributes in a buffer; ends at the first that does not fit.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16_of(self.0.get(0..2)?)?);
        let kind = u16_of(self.0.get(2..4)?)? & TYPE_MASK;
        let value = self.0.get(ATTRIBUTE_HEADER..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

fn u16_of(bytes: &[u8]) -> Option<u16> {
    bytes.try_into().ok().map(u16::from_ne_bytes)
}

fn u32_of(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(ATTRIBUTE_HEADER + value.len()).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn answer(xdp: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; MESSAGE_HEADER + LINK_HEADER];
        bytes[4..6].copy_from_slice(&RTM_NEWLINK.to_ne_bytes());
        bytes.extend(attribute(3, b"eth0\0"));
        bytes.extend(attribute(IFLA_XDP, xdp));
        bytes
    }

    #[test]
    fn modes_are_told_apart() {
        let native =
            [attribute(IFLA_XDP_ATTACHED, &[1]), attribute(IFLA_XDP_DRV_PROG_ID, &7_u32.to_ne_bytes())];
        let programs = parse(&answer(&native.concat())).unwrap().programs;
        assert_eq!(programs.mode_of(7), Some(XdpMode::Native));
        assert_eq!(programs.mode_of(8), None);
        let generic = [attribute(IFLA_XDP_ATTACHED, &[2]), attribute(IFLA_XDP_PROG_ID, &9_u32.to_ne_bytes())];
        let programs = parse(&answer(&generic.concat())).unwrap().programs;
        assert_eq!(programs.mode_of(9), Some(XdpMode::Generic));
        assert_eq!(programs.describe().unwrap(), "id 9, generic mode");
        assert_eq!(parse(&answer(&attribute(IFLA_XDP_ATTACHED, &[0]))).unwrap().programs.describe(), None);
    }

    #[test]
    fn the_kernels_error_is_passed_on() {
        let mut bytes = vec![0; 36];
        bytes[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        bytes[16..20].copy_from_slice(&(-libc::ENODEV).to_ne_bytes());
        assert_eq!(parse(&bytes).unwrap_err().raw_os_error(), Some(libc::ENODEV));
    }

    #[test]
    fn the_loopback_interface_runs_nothing() {
        let lo = link(nix::net::if_::if_nametoindex("lo").unwrap()).unwrap();
        assert_eq!((lo.mtu, lo.programs.describe()), (65_536, None));
    }

    proptest! {
        #[test]
        fn no_answer_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
            let _ = parse(&answer(&bytes));
        }
    }
}
