//! Keeps what the program leaves to the kernel from circling between the router and this forwarder.
//!
//! The program forwards TCP and UDP. Anything else for a VIP's address, a ping say, goes to the kernel, whose route for it
//! is the one back to the router. With forwarding on, which `next_hop: {type: fib}` needs, the packet would circle until
//! its TTL ends. So the agent null-routes the VIPs' addresses: a blackhole route of the lowest preference for each, marked
//! with [`PROTOCOL`]. A VIP that the operator puts on `lo` is local and not concerned.
//!
//! The routes outlive the agent, as the dataplane does; `lb-dataplane detach` removes them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use rtnetlink::{Handle, RouteMessageBuilder};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// `rtm_protocol` of our routes, as `ip route show proto 87` takes it; not one of iproute2's `rt_protos`.
pub const PROTOCOL: u8 = 87;
/// Metric of our routes: any other route to the same prefix is preferred.
const METRIC: u32 = u32::MAX;
/// Routes that somebody removed are put back after this time at most.
const PERIOD: Duration = Duration::from_secs(10);

/// Addresses of the VIPs in force; `None` as long as they are not known.
pub type Addresses = watch::Sender<Option<Arc<BTreeSet<IpAddr>>>>;

/// Runs until `wanted` closes.
///
/// # Errors
///
/// When no netlink socket can be opened. Errors of single requests are logged and tried again.
pub async fn keep(mut wanted: watch::Receiver<Option<Arc<BTreeSet<IpAddr>>>>) -> std::io::Result<()> {
    let (connection, handle, _) = rtnetlink::new_connection()?;
    let connection = tokio::spawn(connection);
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = period.tick() => {}
            changed = wanted.changed() => if changed.is_err() { break },
        }
        let addresses = wanted.borrow_and_update().clone();
        if let Some(addresses) = addresses
            && let Err(error) = reconcile(&handle, &addresses).await
        {
            tracing::warn!(%error, "the VIPs cannot be null-routed; packets that are not TCP or UDP may circle");
        }
    }
    connection.abort();
    Ok(())
}

/// Removes all our routes.
///
/// # Errors
///
/// The kernel's.
pub async fn remove_all() -> Result<(), rtnetlink::Error> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(|_| rtnetlink::Error::RequestFailed)?;
    let connection = tokio::spawn(connection);
    let result = reconcile(&handle, &BTreeSet::new()).await;
    connection.abort();
    result
}

async fn reconcile(handle: &Handle, wanted: &BTreeSet<IpAddr>) -> Result<(), rtnetlink::Error> {
    let present = present(handle).await?;
    for address in wanted.difference(&present) {
        handle.route().add(route(*address)).replace().execute().await?;
    }
    for address in present.difference(wanted) {
        handle.route().del(route(*address)).execute().await?;
    }
    Ok(())
}

async fn present(handle: &Handle) -> Result<BTreeSet<IpAddr>, rtnetlink::Error> {
    let mut found = BTreeSet::new();
    for request in
        [RouteMessageBuilder::<Ipv4Addr>::new().build(), RouteMessageBuilder::<Ipv6Addr>::new().build()]
    {
        let mut routes = std::pin::pin!(handle.route().get(request).execute());
        while let Some(route) = routes.try_next().await? {
            found.extend(ours(&route));
        }
    }
    Ok(found)
}

/// The address that one of our routes is for.
fn ours(route: &RouteMessage) -> Option<IpAddr> {
    if route.header.protocol != RouteProtocol::Other(PROTOCOL) || route.header.kind != RouteType::BlackHole {
        return None;
    }
    route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(v4)) => Some((*v4).into()),
        RouteAttribute::Destination(RouteAddress::Inet6(v6)) => Some((*v6).into()),
        _ => None,
    })
}

fn route(address: IpAddr) -> RouteMessage {
    let protocol = RouteProtocol::Other(PROTOCOL);
    match address {
        IpAddr::V4(v4) => RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(v4, 32)
            .kind(RouteType::BlackHole)
            .scope(RouteScope::Universe)
            .protocol(protocol)
            .priority(METRIC)
            .build(),
        IpAddr::V6(v6) => RouteMessageBuilder::<Ipv6Addr>::new()
            .destination_prefix(v6, 128)
            .kind(RouteType::BlackHole)
            .scope(RouteScope::Universe)
            .protocol(protocol)
            .priority(METRIC)
            .build(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_routes_are_told_from_others() {
        let v4: IpAddr = "203.0.113.10".parse().unwrap();
        let v6: IpAddr = "2001:db8::10".parse().unwrap();
        assert_eq!([ours(&route(v4)), ours(&route(v6))], [Some(v4), Some(v6)]);

        let mut of_somebody_else = route(v4);
        of_somebody_else.header.protocol = RouteProtocol::Bird;
        assert_eq!(ours(&of_somebody_else), None);
        let mut unicast = route(v4);
        unicast.header.kind = RouteType::Unicast;
        assert_eq!(ours(&unicast), None);
    }
}
