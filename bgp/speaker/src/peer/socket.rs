//! Sockets for BGP: TCP-MD5, TTL, type of service, source address.

use std::io;
use std::net::{IpAddr, SocketAddr};

use nix::sys::socket::setsockopt;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

use super::md5;
use crate::config::PeerConfig;

/// An external peer is one hop away (there is no multihop yet), so packets need not go further.
const EXTERNAL_TTL: u32 = 1;
/// Internetwork control, the precedence of routing protocols (RFC 4271 appendix E).
const TOS: u32 = 0xc0;

/// Connects to the peer. How long this may take is the caller's business.
pub(super) async fn connect(config: &PeerConfig) -> io::Result<TcpStream> {
    let peer = SocketAddr::new(config.address, config.port);
    let socket = Socket::new(Domain::for_address(peer), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    let external = config.session.is_external();
    match config.address {
        IpAddr::V4(_) => {
            socket.set_tos_v4(TOS)?;
            if external {
                socket.set_ttl_v4(EXTERNAL_TTL)?;
            }
        }
        IpAddr::V6(_) => {
            socket.set_tclass_v6(TOS)?;
            if external {
                socket.set_unicast_hops_v6(EXTERNAL_TTL)?;
            }
        }
    }
    if let Some(password) = &config.password {
        let key = md5::Signature::new(config.address, password);
        setsockopt(&socket, md5::Md5Signature, &key).map_err(|errno| {
            io::Error::other(format!("the kernel refuses the TCP-MD5 password: {}", errno.desc()))
        })?;
    }
    if let Some(local) = config.local_address {
        socket
            .bind(&SocketAddr::new(local, 0).into())
            .map_err(|error| io::Error::new(error.kind(), format!("local address {local}: {error}")))?;
    }
    TcpSocket::from_std_stream(socket.into()).connect(peer).await
}
