//! The sockets (RFC 5881 sections 4 and 5, RFC 5883 section 5).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use guideway_bfd::endpoint::{Endpoint, SOURCE_PORTS};
use nix::sys::socket::{setsockopt, sockopt};
use rand::RngExt;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::echo::Wire;

/// Network control: routers queue it before everything else (RFC 2474; CS6).
const TRAFFIC_CLASS: u32 = 0xc0;
/// The kernel's own queues do too (TC_PRIO_CONTROL).
const SOCKET_PRIORITY: u32 = 7;
/// The sender's TTL in both modes: on a link the receiver insists on it.
const TTL: u32 = 255;
/// How many source ports are tried.
const PORT_TRIES: usize = 64;

/// A socket that receives all control packets of one family and port.
///
/// Without SO_REUSEADDR: a second BFD daemon on the machine would take this one's packets away and nobody would know why.
pub(crate) fn receiver(domain: Domain, port: u16) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    let address: IpAddr = if domain == Domain::IPV4 {
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        setsockopt(&socket, sockopt::Ipv4RecvTtl, &true)?;
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        socket.set_only_v6(true)?;
        setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
        Ipv6Addr::UNSPECIFIED.into()
    };
    // Packets wait here while the thread cannot run; they prove then that the peer was alive.
    socket.set_recv_buffer_size(1 << 20)?;
    socket.bind(&SocketAddr::new(address, port).into())?;
    Ok(socket)
}

/// The socket that a session sends from, and where to.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) socket: Socket,
    pub(crate) destination: SockAddr,
    /// For echo packets, when the session has them.
    pub(crate) wire: Option<Wire>,
}

/// Makes a session's own socket: RFC 5881 section 4 wants one source port for each session, from 49152 on.
pub(crate) fn sender(endpoint: &Endpoint, interface: Option<&str>) -> io::Result<Sender> {
    let domain = if endpoint.remote.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    if let Some(name) = interface {
        socket.bind_device(Some(name.as_bytes()))?;
    }
    if domain == Domain::IPV4 {
        socket.set_ttl_v4(TTL)?;
        socket.set_tos_v4(TRAFFIC_CLASS)?;
    } else {
        socket.set_only_v6(true)?;
        socket.set_unicast_hops_v6(TTL)?;
        socket.set_tclass_v6(TRAFFIC_CLASS)?;
    }
    socket.set_priority(SOCKET_PRIORITY)?;
    let any: IpAddr =
        if domain == Domain::IPV4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let scope = endpoint.interface.unwrap_or(0);
    let mut tries = 0;
    loop {
        tries += 1;
        let port = rand::rng().random_range(SOURCE_PORTS);
        match socket.bind(&scoped(endpoint.local.unwrap_or(any), port, scope).into()) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < PORT_TRIES => {}
            bound => break bound?,
        }
    }
    let destination = scoped(endpoint.remote, endpoint.hops.port(), scope).into();
    Ok(Sender { socket, destination, wire: None })
}

fn scoped(address: IpAddr, port: u16, interface: u32) -> SocketAddr {
    match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            SocketAddrV6::new(address, port, 0, interface).into()
        }
        address => SocketAddr::new(address, port),
    }
}
