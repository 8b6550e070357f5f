//! Makes neighbours known to each other: unnumbered peers have no other way to learn addresses.
//!
//! A router solicitation and an echo request to all routers (RFC 4861 section 6.3.7, RFC 4443 section 4.1) put the routers on
//! the link into the kernel's neighbour table. A router advertisement that offers nothing (lifetime 0, RFC 4861 section 6.2.5)
//! tells the own address to routers which wait for one before they connect.

use std::io;
use std::net::{Ipv6Addr, SocketAddrV6};

use socket2::{Domain, Protocol, Socket, Type};

use super::Interface;

const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const ECHO_REQUEST: u8 = 128;
/// Neighbour discovery takes no packet that a router could have passed on (RFC 4861 section 6.1).
const HOP_LIMIT: u32 = 255;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// Identifies our echo requests; nobody looks at the replies.
const IDENTIFIER: [u8; 2] = [0x67, 0x77];

/// A socket that packets of neighbour discovery go out by.
#[derive(Debug)]
pub(super) struct Solicitor(Socket);

impl Solicitor {
    /// Needs CAP_NET_RAW.
    pub(super) fn open() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
        socket.set_nonblocking(true)?;
        socket.set_multicast_hops_v6(HOP_LIMIT)?;
        socket.set_multicast_loop_v6(false)?;
        // Nothing is read: the kernel keeps what it needs in its neighbour table.
        socket.set_recv_buffer_size(1)?;
        Ok(Self(socket))
    }

    /// Asks who is there.
    pub(super) fn ask(&self, interface: &Interface) -> io::Result<()> {
        let mut solicitation = vec![ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
        solicitation.extend(link_layer_address(interface));
        self.send(&solicitation, ALL_ROUTERS, interface)?;
        let echo = [ECHO_REQUEST, 0, 0, 0, IDENTIFIER[0], IDENTIFIER[1], 0, 0];
        self.send(&echo, ALL_ROUTERS, interface)
    }

    /// Says who is here.
    pub(super) fn tell(&self, interface: &Interface) -> io::Result<()> {
        // Type, code, checksum (the kernel's), hop limit, flags, lifetime, reachable time, retransmission time: all
        // unspecified, and a lifetime of 0 says that nobody shall route by us.
        let mut advertisement = vec![0; 16];
        advertisement[0] = ROUTER_ADVERTISEMENT;
        advertisement.extend(link_layer_address(interface));
        self.send(&advertisement, ALL_NODES, interface)
    }

    fn send(&self, packet: &[u8], group: Ipv6Addr, interface: &Interface) -> io::Result<()> {
        self.0.send_to(packet, &SocketAddrV6::new(group, 0, 0, interface.index).into()).map(drop)
    }
}

/// The option of RFC 4861 section 4.6.1.
fn link_layer_address(interface: &Interface) -> Vec<u8> {
    interface.mac.map_or_else(Vec::new, |mac| [&[1, 1], &mac[..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_has_eight_octets_or_none() {
        let mut interface = Interface::default();
        assert!(link_layer_address(&interface).is_empty());
        interface.mac = Some([2, 0, 0, 0, 0, 9]);
        assert_eq!(link_layer_address(&interface), [1, 1, 2, 0, 0, 0, 0, 9]);
    }
}
