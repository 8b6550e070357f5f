//! Keeps the neighbour entries of the next hops towards the backends resolved.
//!
//! The forwarder program asks the kernel's FIB for the next hop of each packet. It cannot wait for an ARP or ND answer:
//! while the MAC address of the next hop is unknown it drops. Packets that leave from XDP do not refresh the entry
//! either, so that the kernel would let it go stale and collect it. So the agent uses the entries on the program's
//! behalf: it asks the kernel for the route to every backend and marks each next hop as used, at once after a change of
//! the backends and every [`PERIOD`] from then on.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use netlink_packet_route::neighbour::{NeighbourFlags, NeighbourState};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteNextHopFlags, RouteType, RouteVia,
};
use rtnetlink::{Handle, RouteMessageBuilder};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Routes are looked up and entries refreshed this often. The kernel gives up on a neighbour that does not answer after
/// three seconds by default, so that one that comes up late is found within two periods.
pub const PERIOD: Duration = Duration::from_secs(3);

/// A neighbour entry that traffic depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextHop {
    /// The interface by which packets leave.
    pub ifindex: u32,
    /// The router, or the backend itself on a directly connected network.
    pub address: IpAddr,
}

/// What the last round found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reachability {
    /// Next hops that are kept resolved.
    pub next_hops: BTreeSet<NextHop>,
    /// Backends without a usable route: their packets are dropped as `drop_no_route`.
    pub unroutable: BTreeSet<IpAddr>,
}

/// Where the control loop puts the addresses of the backends.
pub type Backends = watch::Sender<Arc<BTreeSet<IpAddr>>>;

/// Runs until `backends` closes. Each round's result goes to `found`.
///
/// # Errors
///
/// When no netlink socket can be opened. Errors of single requests are logged and tried again in the next round.
pub async fn keep_resolved(
    mut backends: watch::Receiver<Arc<BTreeSet<IpAddr>>>,
    found: watch::Sender<Reachability>,
) -> std::io::Result<()> {
    let (connection, handle, _) = rtnetlink::new_connection()?;
    let connection = tokio::spawn(connection);
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = period.tick() => {}
            changed = backends.changed() => if changed.is_err() { break },
        }
        let wanted = backends.borrow_and_update().clone();
        let now = round(&handle, &wanted).await;
        for backend in now.unroutable.difference(&found.borrow().unroutable) {
            tracing::warn!(%backend, "no route to the backend, its packets are dropped");
        }
        found.send_if_modified(|before| std::mem::replace(before, now.clone()) != now);
    }
    connection.abort();
    Ok(())
}

async fn round(handle: &Handle, backends: &BTreeSet<IpAddr>) -> Reachability {
    let mut found = Reachability::default();
    for backend in backends {
        let next_hops = match route_to(handle, *backend).await {
            Ok(Some(route)) => next_hops(*backend, &route),
            Ok(None) => Vec::new(),
            Err(error) => {
                tracing::debug!(%backend, %error, "the route lookup failed");
                Vec::new()
            }
        };
        if next_hops.is_empty() {
            found.unroutable.insert(*backend);
        }
        found.next_hops.extend(next_hops);
    }
    for next_hop in &found.next_hops {
        if let Err(error) = refresh(handle, *next_hop).await {
            tracing::warn!(?next_hop, %error, "the neighbour entry cannot be refreshed");
        }
    }
    found
}

/// The FIB entry for `destination` with all its next hops, not only the one that the kernel would choose for one flow.
async fn route_to(handle: &Handle, destination: IpAddr) -> Result<Option<RouteMessage>, rtnetlink::Error> {
    let mut message = match destination {
        IpAddr::V4(v4) => RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(v4, 32).build(),
        IpAddr::V6(v6) => RouteMessageBuilder::<Ipv6Addr>::new().destination_prefix(v6, 128).build(),
    };
    message.header.flags |= RouteFlags::FibMatch;
    let mut answers = std::pin::pin!(handle.route().get(message).execute());
    answers.next().await.transpose()
}

async fn refresh(handle: &Handle, next_hop: NextHop) -> Result<(), rtnetlink::Error> {
    handle
        .neighbours()
        .add(next_hop.ifindex, next_hop.address)
        .replace()
        .state(NeighbourState::None)
        .flags(NeighbourFlags::Use)
        .execute()
        .await
}

/// The next hops of `route`, which leads to `backend`; none when the route does not lead out of this host.
fn next_hops(backend: IpAddr, route: &RouteMessage) -> Vec<NextHop> {
    if route.header.kind != RouteType::Unicast {
        return Vec::new();
    }
    let multipath = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::MultiPath(hops) => Some(hops),
        _ => None,
    });
    match multipath {
        Some(hops) => hops
            .iter()
            .filter(|hop| !hop.flags.intersects(RouteNextHopFlags::Dead | RouteNextHopFlags::Linkdown))
            .map(|hop| NextHop {
                ifindex: hop.interface_index,
                address: gateway(&hop.attributes).unwrap_or(backend),
            })
            .collect(),
        None => {
            let ifindex = route.attributes.iter().find_map(|attribute| match attribute {
                RouteAttribute::Oif(index) => Some(*index),
                _ => None,
            });
            let address = gateway(&route.attributes).unwrap_or(backend);
            ifindex.map(|ifindex| NextHop { ifindex, address }).into_iter().collect()
        }
    }
}

fn gateway(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet(v4)) => Some((*v4).into()),
        RouteAttribute::Gateway(RouteAddress::Inet6(v6)) => Some((*v6).into()),
        RouteAttribute::Via(RouteVia::Inet(v4)) => Some((*v4).into()),
        RouteAttribute::Via(RouteVia::Inet6(v6)) => Some((*v6).into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use netlink_packet_route::route::RouteNextHop;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn route(kind: RouteType, attributes: Vec<RouteAttribute>) -> RouteMessage {
        let mut message = RouteMessage::default();
        message.header.kind = kind;
        message.attributes = attributes;
        message
    }

    fn path(ifindex: u32, gateway: &str, flags: RouteNextHopFlags) -> RouteNextHop {
        let mut hop = RouteNextHop::default();
        hop.interface_index = ifindex;
        hop.flags = flags;
        hop.attributes = vec![RouteAttribute::Gateway(address(gateway).into())];
        hop
    }

    #[test]
    fn next_hops_of_routes() {
        let via = |text: &str| RouteAttribute::Gateway(address(text).into());
        let paths = RouteAttribute::MultiPath(vec![
            path(2, "10.0.0.1", RouteNextHopFlags::empty()),
            path(3, "10.0.1.1", RouteNextHopFlags::Dead | RouteNextHopFlags::Linkdown),
            path(4, "10.0.2.1", RouteNextHopFlags::Onlink),
        ]);
        let via6 = RouteAttribute::Via(RouteVia::Inet6("fe80::1".parse().unwrap()));
        type Case = (&'static str, RouteMessage, Vec<(u32, &'static str)>);
        let cases: Vec<Case> = vec![
            (
                "gateway",
                route(RouteType::Unicast, vec![RouteAttribute::Oif(7), via("10.0.0.1")]),
                vec![(7, "10.0.0.1")],
            ),
            ("connected", route(RouteType::Unicast, vec![RouteAttribute::Oif(7)]), vec![(7, "10.9.9.9")]),
            (
                "IPv6 gateway",
                route(RouteType::Unicast, vec![via6, RouteAttribute::Oif(7)]),
                vec![(7, "fe80::1")],
            ),
            ("multipath", route(RouteType::Unicast, vec![paths]), vec![(2, "10.0.0.1"), (4, "10.0.2.1")]),
            ("local", route(RouteType::Local, vec![RouteAttribute::Oif(1)]), vec![]),
            ("unreachable", route(RouteType::Unreachable, vec![]), vec![]),
            ("nothing", route(RouteType::Unicast, vec![]), vec![]),
        ];
        for (name, route, expected) in cases {
            let expected: Vec<NextHop> = expected
                .iter()
                .map(|(ifindex, text)| NextHop { ifindex: *ifindex, address: address(text) })
                .collect();
            assert_eq!(next_hops(address("10.9.9.9"), &route), expected, "{name}");
        }
    }
}
