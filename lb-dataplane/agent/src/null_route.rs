//! Keeps what the program leaves to the kernel from circling between the router and this forwarder.
//!
//! The program forwards TCP and UDP. Anything else for a VIP's address, a ping say, goes to the kernel, whose route for it
//! is the one back to the router. With forwarding on, which `next_hop: {type: fib}` needs, the packet would circle until
//! its TTL ends. So the agent null-routes the VIPs' addresses and prefixes, and the pools: a blackhole route of the lowest preference for
//! each, marked with [`PROTOCOL`]. A VIP that the operator puts on `lo` is local and not concerned.
//!
//! The routes outlive the agent, as the dataplane does; `lb-dataplane detach` removes them.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use rtnetlink::{Handle, RouteMessageBuilder};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::error::chain;

/// `rtm_protocol` of our routes, as `ip route show proto 87` takes it; not one of iproute2's `rt_protos`.
pub const PROTOCOL: u8 = 87;
/// Metric of our routes: any other route to the same prefix is preferred.
const METRIC: u32 = u32::MAX;
/// Routes that somebody removed are put back after this time at most.
const PERIOD: Duration = Duration::from_secs(10);

/// Addresses and prefixes of the VIPs and pools in force; `None` as long as they are not known.
pub type Prefixes = watch::Sender<Option<Arc<BTreeSet<IpNet>>>>;

/// Runs until `wanted` closes.
///
/// # Errors
///
/// When no netlink socket can be opened. Errors of single requests are logged and tried again.
pub async fn keep(mut wanted: watch::Receiver<Option<Arc<BTreeSet<IpNet>>>>) -> std::io::Result<()> {
    let (connection, handle, _) = rtnetlink::new_connection()?;
    let connection = tokio::spawn(connection);
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = period.tick() => {}
            changed = wanted.changed() => if changed.is_err() { break },
        }
        let prefixes = wanted.borrow_and_update().clone();
        if let Some(prefixes) = prefixes
            && let Err(error) = reconcile(&handle, &prefixes).await
        {
            let error = chain(&error);
            tracing::warn!(error, "VIPs cannot be null-routed; packets that are not TCP or UDP may circle");
        }
    }
    connection.abort();
    Ok(())
}

/// Null routes are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum NullRouteError {
    /// There is no way to ask the kernel.
    #[error("no netlink socket can be opened")]
    Socket(#[source] std::io::Error),
    /// It is not known which there are.
    #[error("null routes cannot be listed")]
    List(#[source] rtnetlink::Error),
    /// The kernel refused these; all others are as they should be.
    #[error("the kernel refuses {} null routes: {}", .0.len(), .0.join(", "))]
    Refused(Vec<String>),
}

/// Removes all our routes.
///
/// # Errors
///
/// See [`NullRouteError`].
pub async fn remove_all() -> Result<(), NullRouteError> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(NullRouteError::Socket)?;
    let connection = tokio::spawn(connection);
    let result = reconcile(&handle, &BTreeSet::new()).await;
    connection.abort();
    result
}

async fn reconcile(handle: &Handle, wanted: &BTreeSet<IpNet>) -> Result<(), NullRouteError> {
    let present = present(handle).await.map_err(NullRouteError::List)?;
    let mut refused = Vec::new();
    // Each by itself. First those that may hold an address that is in use elsewhere now.
    for prefix in present.difference(wanted) {
        let done = handle.route().del(route(*prefix)).execute().await;
        refused.extend(done.err().map(|error| format!("{prefix} to be removed: {error}")));
    }
    for prefix in wanted.difference(&present) {
        let done = handle.route().add(route(*prefix)).replace().execute().await;
        refused.extend(done.err().map(|error| format!("{prefix}: {error}")));
    }
    if refused.is_empty() { Ok(()) } else { Err(NullRouteError::Refused(refused)) }
}

async fn present(handle: &Handle) -> Result<BTreeSet<IpNet>, rtnetlink::Error> {
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

/// The prefix that one of our routes is for.
fn ours(route: &RouteMessage) -> Option<IpNet> {
    if route.header.protocol != RouteProtocol::Other(PROTOCOL) || route.header.kind != RouteType::BlackHole {
        return None;
    }
    let length = route.header.destination_prefix_length;
    route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(v4)) => Ipv4Net::new(*v4, length).ok().map(IpNet::V4),
        RouteAttribute::Destination(RouteAddress::Inet6(v6)) => Ipv6Net::new(*v6, length).ok().map(IpNet::V6),
        _ => None,
    })
}

fn route(prefix: IpNet) -> RouteMessage {
    let protocol = RouteProtocol::Other(PROTOCOL);
    match prefix {
        IpNet::V4(v4) => RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(v4.network(), v4.prefix_len())
            .kind(RouteType::BlackHole)
            .scope(RouteScope::Universe)
            .protocol(protocol)
            .priority(METRIC)
            .build(),
        IpNet::V6(v6) => RouteMessageBuilder::<Ipv6Addr>::new()
            .destination_prefix(v6.network(), v6.prefix_len())
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
        let prefixes = ["203.0.113.10/32", "203.0.113.128/25", "2001:db8::10/128", "2001:db8::/48"];
        let [v4, net4, v6, net6] = prefixes.map(|text| text.parse::<IpNet>().unwrap());
        for prefix in [v4, net4, v6, net6] {
            assert_eq!(ours(&route(prefix)), Some(prefix));
        }

        let mut of_somebody_else = route(v4);
        of_somebody_else.header.protocol = RouteProtocol::Bird;
        assert_eq!(ours(&of_somebody_else), None);
        let mut unicast = route(v4);
        unicast.header.kind = RouteType::Unicast;
        assert_eq!(ours(&unicast), None);
    }
}
