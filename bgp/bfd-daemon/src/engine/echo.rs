//! Echo packets (RFC 5881 section 4): own ones out and in again, and the peer's back.
//!
//! They need the link layer: an own one is addressed to ourselves and leaves by the peer's MAC address, and what comes back
//! the kernel would drop, because its source is our own. The MAC address is learnt from the peer's control packets.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::time::Instant;

use guideway_bfd::endpoint::{ECHO_PORT, SINGLE_HOP_PORT};
use guideway_bfd::frame::{ECHO_FRAME_LEN, ECHO_TTL, Frame, MAX_FRAME_LEN, Mac, turn_round, write_echo};
use guideway_bfd::{ECHO_LEN, EchoPayload};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{SockaddrStorage, bind};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

/// How many frames are read at one turn.
const MOST_AT_ONCE: usize = 256;

/// A packet socket on the session's interface.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) socket: Socket,
    own_mac: Mac,
    /// The peer's MAC address and our own address on the link, once a control packet has come.
    learnt: Option<(Mac, IpAddr)>,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// An own echo packet, back again.
    Own(EchoPayload),
    /// A peer's echo packet, which has been sent back.
    TurnedRound,
}

impl Wire {
    /// Opens it, for the family of `remote` only: the protocol keeps our own transmissions out.
    pub(crate) fn open(interface: &str, remote: IpAddr) -> io::Result<Self> {
        let ether_type: u16 = if remote.is_ipv4() { 0x0800 } else { 0x86dd };
        let protocol = Protocol::from(i32::from(ether_type.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking().cloexec(), Some(protocol))?;
        socket.attach_filter(&filter(remote))?;
        // The kernel lists each interface's link-layer address in just the form that binds to it.
        let missing = || io::Error::new(io::ErrorKind::NotFound, "the interface has no Ethernet address");
        let addresses = getifaddrs()?.filter(|entry| entry.interface_name == interface);
        let mut addresses = addresses.filter_map(|entry| entry.address);
        let own = addresses.find(|address| address.as_link_addr().is_some()).ok_or_else(missing)?;
        let own_mac = own.as_link_addr().and_then(nix::sys::socket::LinkAddr::addr).ok_or_else(missing)?;
        bind(socket.as_raw_fd(), &own)?;
        Ok(Self { socket, own_mac, learnt: None })
    }

    /// Sends an own echo packet; says whether it could.
    pub(crate) fn send(&mut self, payload: &[u8; ECHO_LEN]) -> bool {
        let Some((peer, own)) = self.learnt else { return false };
        let mut buffer = [0; ECHO_FRAME_LEN];
        let length = write_echo(&mut buffer, self.own_mac, peer, own, payload);
        (&self.socket).write(&buffer[..length]).is_ok()
    }

    /// Looks at what has come from the session's peer. `reflect` says whether the peer was promised its echoes back.
    pub(crate) fn read(&mut self, remote: IpAddr, reflect: bool, mut came: impl FnMut(Came)) {
        for _ in 0..MOST_AT_ONCE {
            let mut buffer = [0; MAX_FRAME_LEN];
            let Ok(length) = (&self.socket).read(&mut buffer) else { return };
            let Some(frame) = Frame::parse(&buffer[..length]) else { continue };
            if frame.destination_mac != self.own_mac {
                continue;
            }
            let own = self.learnt.map(|(_, own)| own);
            if frame.port == SINGLE_HOP_PORT && frame.source == remote && frame.ttl == u8::MAX {
                self.learnt = Some((frame.source_mac, frame.destination));
            } else if frame.port != ECHO_PORT {
            } else if own == Some(frame.source) && own == Some(frame.destination) {
                if let Some(payload) = EchoPayload::decode(frame.payload) {
                    came(Came::Own(payload));
                }
            } else if reflect
                && frame.source == remote
                && frame.destination == remote
                && frame.ttl == ECHO_TTL
            {
                turn_round(&mut buffer[..length]);
                if (&self.socket).write(&buffer[..length]).is_ok() {
                    came(Came::TurnedRound);
                }
            }
        }
    }
}

/// The interface with an address in the same subnet as `remote`: there it is on a link of ours.
pub(crate) fn interface_towards(remote: IpAddr) -> Option<String> {
    let ip = |address: &SockaddrStorage| -> Option<IpAddr> {
        let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
        v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
    };
    let mut entries = getifaddrs().ok()?;
    let entry = entries.find(|entry| {
        let [address, mask] = [entry.address.as_ref().and_then(ip), entry.netmask.as_ref().and_then(ip)];
        address.zip(mask).is_some_and(|(address, mask)| same_subnet(remote, address, mask))
    })?;
    Some(entry.interface_name)
}

fn same_subnet(one: IpAddr, other: IpAddr, mask: IpAddr) -> bool {
    match (one, other, mask) {
        (IpAddr::V4(one), IpAddr::V4(other), IpAddr::V4(mask)) => one & mask == other & mask,
        (IpAddr::V6(one), IpAddr::V6(other), IpAddr::V6(mask)) => one & mask == other & mask,
        _ => false,
    }
}

/// Lets only UDP to the two ports through, so that the traffic of the interface costs nothing more.
fn filter(remote: IpAddr) -> Vec<SockFilter> {
    // Classic BPF: load half word and byte at a place, load the length of the IPv4 header, half word at an index, jump if
    // equal, jump if any bit is set, return.
    const BYTE: u16 = 0x30;
    const HALF_AT_INDEX: u16 = 0x48;
    const HALF: u16 = 0x28;
    const HEADER_LENGTH: u16 = 0xb1;
    const EQUAL: u16 = 0x15;
    const ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    let [control, echo] = [u32::from(SINGLE_HOP_PORT), u32::from(ECHO_PORT)];
    let (take, leave) = (SockFilter::new(RETURN, 0, 0, u32::MAX), SockFilter::new(RETURN, 0, 0, 0));
    if remote.is_ipv4() {
        vec![
            SockFilter::new(BYTE, 0, 0, 23),
            SockFilter::new(EQUAL, 0, 7, 17),
            SockFilter::new(HALF, 0, 0, 20),
            SockFilter::new(ANY_BIT, 5, 0, 0x1fff),
            SockFilter::new(HEADER_LENGTH, 0, 0, 14),
            SockFilter::new(HALF_AT_INDEX, 0, 0, 16),
            SockFilter::new(EQUAL, 1, 0, control),
            SockFilter::new(EQUAL, 0, 1, echo),
            take,
            leave,
        ]
    } else {
        vec![
            SockFilter::new(BYTE, 0, 0, 20),
            SockFilter::new(EQUAL, 0, 4, 17),
            SockFilter::new(HALF, 0, 0, 56),
            SockFilter::new(EQUAL, 1, 0, control),
            SockFilter::new(EQUAL, 0, 1, echo),
            take,
            leave,
        ]
    }
}

/// Sends the echo packet of a session that is due.
pub(crate) fn transmit(
    wire: &mut Wire,
    session: &mut guideway_bfd::Session,
    now: Instant,
    jitter: guideway_bfd::Jitter,
) -> bool {
    session.transmit_echo(now, jitter).is_some_and(|payload| wire.send(&payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets() {
        let same = |one: &str, other: &str, mask: &str| {
            same_subnet(one.parse().unwrap(), other.parse().unwrap(), mask.parse().unwrap())
        };
        assert!(same("10.1.1.1", "10.1.1.2", "255.255.255.0"));
        assert!(!same("10.1.2.1", "10.1.1.2", "255.255.255.0"));
        assert!(same("fd00:1::1", "fd00:1::2", "ffff:ffff:ffff:ffff::"));
        assert!(!same("fd00:2::1", "fd00:1::2", "ffff:ffff:ffff:ffff::"));
        assert!(!same("10.1.1.1", "fd00:1::2", "::"));
        // The loopback is on a link that always is there.
        assert_eq!(interface_towards("127.0.0.1".parse().unwrap()).as_deref(), Some("lo"));
    }
}
