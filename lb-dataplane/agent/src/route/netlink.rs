//! The kernel's side: requests and notifications by rtnetlink.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::neighbour::{NeighbourFlags, NeighbourState};
use netlink_packet_route::route::{RouteFlags, RouteMessage};
use rtnetlink::sys::protocols::NETLINK_ROUTE;
use rtnetlink::sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket};
use rtnetlink::{Handle, MulticastGroup, RouteMessageBuilder};
use tokio::task::JoinHandle;

use super::fib::{Interface, Neighbour, NextHop, Route};
use super::message::{self, Heard};

/// An answer that does not come in this time is asked for again.
const PATIENCE: Duration = Duration::from_secs(1);
/// For notifications that come while the follower is busy, in bytes; the kernel may grant less.
const RECEIVE_BUFFER: u32 = 4 << 20;
/// Larger than any datagram of notifications.
const DATAGRAM: usize = 64 << 10;

/// Requests. Ends its task when it is dropped.
#[derive(Debug)]
pub(super) struct Kernel {
    handle: Handle,
    connection: JoinHandle<()>,
}

/// A request was not answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("the kernel refused")]
    Refused(#[source] rtnetlink::Error),
    #[error("the kernel gave no answer in {PATIENCE:?}")]
    Timeout,
    #[error("the kernel's notifications cannot be heard")]
    Notifications(#[source] io::Error),
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Kernel {
    pub(super) fn open() -> io::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        Ok(Self { handle, connection: tokio::spawn(connection) })
    }

    /// To make requests from another task.
    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    pub(super) async fn interfaces(&self) -> Result<HashMap<u32, Interface>, AskError> {
        let all = patiently(self.handle.link().get().execute().try_collect::<Vec<_>>()).await?;
        Ok(all.iter().filter_map(message::interface).collect())
    }

    pub(super) async fn neighbours(&self) -> Result<HashMap<NextHop, Neighbour>, AskError> {
        let mut found = HashMap::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let request = self.handle.neighbours().get().set_address_family(family);
            let all = patiently(request.execute().try_collect::<Vec<_>>()).await?;
            let usable = all.iter().filter_map(message::neighbour);
            found.extend(usable.filter_map(|(hop, neighbour)| Some((hop, neighbour?))));
        }
        Ok(found)
    }
}

/// Marks a neighbour entry as used, so that the kernel resolves it and keeps it.
pub(super) async fn refresh(handle: &Handle, next_hop: NextHop) -> Result<(), AskError> {
    let entry = handle.neighbours().add(next_hop.ifindex, next_hop.address).replace();
    patiently(entry.state(NeighbourState::None).flags(NeighbourFlags::Use).execute()).await
}

/// The route to `destination` with all its paths, not only the one that the kernel would choose for one flow.
pub(super) async fn route(handle: Handle, destination: IpAddr) -> Result<Route, AskError> {
    let whole = ask_fib(&handle, destination, RouteFlags::FibMatch).await?;
    let route = match &whole {
        None => Some(Route::Nowhere),
        Some(message) => message::route(message),
    };
    match route {
        Some(route) => Ok(route),
        // `net.ipv4.nexthop_compat_mode` is off: the kernel names the next hop object only. Without the flag it
        // gives one path.
        None => {
            let chosen = ask_fib(&handle, destination, RouteFlags::empty()).await?;
            Ok(chosen.and_then(|message| message::route(&message)).unwrap_or(Route::Nowhere))
        }
    }
}

async fn ask_fib(
    handle: &Handle,
    destination: IpAddr,
    flags: RouteFlags,
) -> Result<Option<RouteMessage>, AskError> {
    let mut message = match destination {
        IpAddr::V4(v4) => RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(v4, 32).build(),
        IpAddr::V6(v6) => RouteMessageBuilder::<Ipv6Addr>::new().destination_prefix(v6, 128).build(),
    };
    message.header.flags |= flags;
    let mut answers = std::pin::pin!(handle.route().get(message).execute());
    let answer = patiently(async { answers.next().await.transpose() }).await;
    match answer {
        // As the kernel says that there is no route.
        Err(AskError::Refused(rtnetlink::Error::NetlinkError(error)))
            if matches!(
                -error.raw_code(),
                libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EACCES | libc::EINVAL | libc::ESRCH
            ) =>
        {
            Ok(None)
        }
        other => other,
    }
}

async fn patiently<T>(request: impl Future<Output = Result<T, rtnetlink::Error>>) -> Result<T, AskError> {
    let answer = tokio::time::timeout(PATIENCE, request).await;
    answer.map_err(|_| AskError::Timeout)?.map_err(AskError::Refused)
}

/// What changes, as the kernel tells it.
pub(super) struct Notifications {
    socket: TokioSocket,
    buffer: Vec<u8>,
}

impl Notifications {
    /// From now on.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
        let groups = [
            MulticastGroup::Link,
            MulticastGroup::Neigh,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv6Ifaddr,
            MulticastGroup::Ipv4Route,
            MulticastGroup::Ipv6Route,
            MulticastGroup::Ipv4Rule,
            MulticastGroup::Ipv6Rule,
            MulticastGroup::Nexthop,
        ];
        socket.socket_mut().bind(&SocketAddr::new(0, 0))?;
        for group in groups {
            socket.socket_mut().add_membership(group as u32)?;
        }
        socket.socket_ref().set_rx_buf_sz(RECEIVE_BUFFER)?;
        Ok(Self { socket, buffer: Vec::with_capacity(DATAGRAM) })
    }

    /// Waits for the next ones. May be dropped while it waits.
    ///
    /// # Errors
    ///
    /// When the socket broke. That notifications were lost is no error but [`Heard::Lost`].
    pub(super) async fn next(&mut self) -> io::Result<Vec<Heard>> {
        self.buffer.clear();
        match self.socket.recv_from(&mut self.buffer).await {
            Ok(_) => Ok(message::heard(&self.buffer)),
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(vec![Heard::Lost]),
            Err(error) => Err(error),
        }
    }
}
