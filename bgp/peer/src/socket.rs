//! Sockets for BGP: signatures, TTL, type of service, addresses.

pub(crate) mod ao;
pub(crate) mod md5;
mod storage;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use guideway_bgp_config::{Authentication, PeerConfig, Ttl};
use ipnet::IpNet;
use nix::sys::socket::setsockopt;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use ao::Stage;

/// An external peer is one hop away unless something else is set.
const EXTERNAL_TTL: u8 = 1;
const INTERNAL_TTL: u8 = 64;
/// Internetwork control, the precedence of routing protocols (RFC 4271 appendix E).
const TOS: u32 = 0xc0;
/// What a listener answers a SYN with: a peer with TTL security takes nothing else, and others do not mind.
const LISTENER_TTL: u8 = 255;
const BACKLOG: i32 = 128;
/// Acknowledgements are waited for so long when there is no hold time.
const USER_TIMEOUT: Duration = Duration::from_secs(480);
/// With one they are waited for twice as long, but not shorter than this: the session's own timers tell better reasons.
const SHORTEST_USER_TIMEOUT: Duration = Duration::from_secs(20);
/// The kernel takes no more while so many octets are not sent: what a slow peer is to be told changes in its update group
/// rather than piles up here.
const UNSENT: u32 = 64 * 1024;
/// A segment is sent again after this time at the latest, so that a session whose path was cut for some seconds goes on soon
/// after it heals (TCP_RTO_MAX_MS of Linux 6.15, in milliseconds; earlier kernels wait up to two minutes).
const LONGEST_RETRANSMISSION: u32 = 1000;
const TCP_RTO_MAX_MS: libc::c_int = 44;

mod options {
    // The options' types must be as public as those that nix makes for them; they stay inside this module.
    #![allow(unreachable_pub, missing_docs)]
    use nix::{setsockopt_impl, sockopt_impl};

    sockopt_impl!(IpMinTtl, SetOnly, libc::IPPROTO_IP, libc::IP_MINTTL, libc::c_int);
    sockopt_impl!(Ipv6MinHopCount, SetOnly, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, libc::c_int);
    sockopt_impl!(RtoMax, SetOnly, libc::IPPROTO_TCP, super::TCP_RTO_MAX_MS, u32);
}

/// How far packets of a peer may go, and must have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TtlRule {
    pub(crate) send: u8,
    /// What arrives with less is dropped by the kernel; 0 takes everything.
    pub(crate) minimum: u8,
}

impl TtlRule {
    pub(crate) fn of(config: &PeerConfig) -> Self {
        match config.ttl {
            Ttl::Default if config.session.is_external() => Self { send: EXTERNAL_TTL, minimum: 0 },
            Ttl::Default => Self { send: INTERNAL_TTL, minimum: 0 },
            Ttl::Multihop(hops) => Self { send: hops.max(1), minimum: 0 },
            // RFC 5082 section 3: sent with 255, and each hop takes one off.
            Ttl::Security { hops } => Self { send: 255, minimum: 255 - (hops.max(1) - 1) },
        }
    }

    fn set(self, socket: &Socket, family: Domain) -> io::Result<()> {
        set_ttl(socket, family, self.send)?;
        set_minimum_ttl(socket, family, self.minimum)
    }
}

fn set_ttl(socket: &Socket, family: Domain, ttl: u8) -> io::Result<()> {
    if family == Domain::IPV4 {
        socket.set_ttl_v4(ttl.into())
    } else {
        socket.set_unicast_hops_v6(ttl.into())
    }
}

fn set_minimum_ttl(socket: &impl AsFd, family: Domain, minimum: u8) -> io::Result<()> {
    let minimum = libc::c_int::from(minimum);
    let done = if family == Domain::IPV4 {
        setsockopt(socket, options::IpMinTtl, &minimum)
    } else {
        setsockopt(socket, options::Ipv6MinHopCount, &minimum)
    };
    done.map_err(|errno| io::Error::other(format!("the kernel refuses TTL security: {}", errno.desc())))
}

/// What every connection needs, dialled or accepted.
fn prepare(socket: &Socket, family: Domain, config: &PeerConfig) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(UNSENT)?;
    let hold_time = Duration::from_secs(config.session.hold_time.secs().into());
    let longest = if hold_time.is_zero() { USER_TIMEOUT } else { hold_time * 2 };
    socket.set_tcp_user_timeout(Some(longest.max(SHORTEST_USER_TIMEOUT)))?;
    // Not on kernels before 6.15; they are only slower after a cut.
    let _ = setsockopt(socket, options::RtoMax, &LONGEST_RETRANSMISSION);
    if family == Domain::IPV4 {
        socket.set_tos_v4(TOS)?;
    } else {
        socket.set_tclass_v6(TOS)?;
    }
    TtlRule::of(config).set(socket, family)
}

/// Connects to `remote`, which has the scope of its link when it is a link-local address, through `device` if there is one.
/// How long this may take is the caller's business.
pub(crate) async fn connect(
    config: &PeerConfig,
    remote: SocketAddr,
    device: Option<&str>,
) -> io::Result<TcpStream> {
    let family = Domain::for_address(remote);
    let socket = Socket::new(family, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    prepare(&socket, family, config)?;
    set_keys(&socket, remote.ip().into(), &config.authentication, Stage::Dialling)?;
    if let Some(device) = device {
        socket.bind_device(Some(device.as_bytes())).map_err(|error| context(error, device))?;
    }
    if let Some(local) = config.local_address {
        socket
            .bind(&SocketAddr::new(local, 0).into())
            .map_err(|error| context(error, &format!("local address {local}")))?;
    }
    TcpSocket::from_std_stream(socket.into()).connect(remote).await
}

/// Listens on `address`.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let family = Domain::for_address(address);
    let socket = Socket::new(family, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // A daemon that starts again does not wait for connections of the one before to time out.
    socket.set_reuse_address(true)?;
    if family == Domain::IPV6 {
        socket.set_only_v6(true)?;
        socket.set_tclass_v6(TOS)?;
    } else {
        socket.set_tos_v4(TOS)?;
    }
    set_ttl(&socket, family, LISTENER_TTL)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Segments that come with less are dropped before anybody is asked.
pub(crate) fn set_listener_minimum(listener: &TcpListener, minimum: u8) -> io::Result<()> {
    let family = listener.local_addr().map_or(Domain::IPV4, Domain::for_address);
    set_minimum_ttl(listener, family, minimum)
}

/// Makes an accepted connection one of `config`'s peer. Its keys came from the listener.
pub(crate) fn adopt(stream: &TcpStream, config: &PeerConfig) -> io::Result<()> {
    let family = Domain::for_address(stream.peer_addr()?);
    prepare(&SockRef::from(stream), family, config)
}

/// Sets the keys of `authentication` for segments from and to `peers`.
pub(crate) fn set_keys(
    socket: &impl AsFd,
    peers: IpNet,
    authentication: &Authentication,
    stage: Stage,
) -> io::Result<()> {
    match authentication {
        Authentication::None => Ok(()),
        Authentication::Md5(password) => md5::set_key(socket, peers, Some(password)),
        Authentication::Ao(keys) => {
            ao::supported(socket)?;
            ao::add_keys(socket, peers, keys, stage)
        }
    }
}

/// Takes the keys of `authentication` away again.
pub(crate) fn remove_keys(
    socket: &impl AsFd,
    peers: IpNet,
    authentication: &Authentication,
) -> io::Result<()> {
    match authentication {
        Authentication::None => Ok(()),
        Authentication::Md5(_) => md5::set_key(socket, peers, None),
        Authentication::Ao(keys) => ao::remove_keys(socket, peers, keys),
    }
}

/// The connection goes on with other keys of the same kind.
pub(crate) fn rotate(
    stream: &TcpStream,
    peer: IpAddr,
    from: &Authentication,
    to: &Authentication,
) -> io::Result<()> {
    set_keys(stream, peer.into(), to, Stage::Live)?;
    if let (Authentication::Ao(old), Authentication::Ao(new)) = (from, to) {
        let gone: Vec<_> = old.iter().filter(|key| !new.contains(key)).cloned().collect();
        ao::remove_keys(stream, peer.into(), &gone)?;
    }
    Ok(())
}

fn context(error: io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
