//! Follows the kernel's interfaces, addresses and neighbours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::packet_core::NetlinkPayload;
use rtnetlink::{Handle, MulticastGroup};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tracing::warn;

use super::solicit::Solicitor;
use super::{Interface, Links};

/// An answer that does not come in this time is asked for again.
const PATIENCE: Duration = Duration::from_secs(2);
/// Who is not known yet is asked so often.
const ASK: Duration = Duration::from_secs(1);
/// Own address is told again after so many rounds of `ASK`, so that a router which starts later learns it soon.
const TELL_ROUNDS: u32 = 4;
/// Notifications come in bursts; the kernel is asked once for each.
const BURST: Duration = Duration::from_millis(20);
/// After an error.
const RETRY: Duration = Duration::from_secs(1);

/// Keeps `links` up to date about the interfaces in `wanted`, as long as anybody wants any. Runs until it is aborted.
pub(crate) async fn follow(wanted: watch::Receiver<BTreeSet<String>>, links: watch::Sender<Links>) {
    loop {
        let mut waiting = wanted.clone();
        if waiting.wait_for(|wanted| !wanted.is_empty()).await.is_err() {
            return;
        }
        let why = match watch_kernel(wanted.clone(), &links).await {
            Ok(()) => continue,
            Err(why) => format!("the kernel cannot be asked for interfaces: {why}"),
        };
        links.send_if_modified(|links| {
            if links.error == why {
                return false;
            }
            warn!("{why}");
            links.error.clone_from(&why);
            true
        });
        tokio::time::sleep(RETRY).await;
    }
}

/// Follows until nobody wants any interface or something fails.
async fn watch_kernel(
    mut wanted: watch::Receiver<BTreeSet<String>>,
    links: &watch::Sender<Links>,
) -> Result<(), String> {
    let groups = [MulticastGroup::Link, MulticastGroup::Neigh, MulticastGroup::Ipv6Ifaddr];
    let (connection, handle, mut messages) =
        rtnetlink::new_multicast_connection(&groups).map_err(|error| error.to_string())?;
    let mut connection = tokio::task::JoinSet::from_iter([connection]);
    let solicitor = Solicitor::open();
    if let Err(error) = &solicitor {
        warn!(%error, "neighbours of unnumbered peers cannot be asked for their addresses (CAP_NET_RAW is needed)");
    }
    let mut rounds = interval(ASK);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = 0u32;
    let mut due = Some(Instant::now());
    loop {
        let asks = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = wanted.changed() => {
                if changed.is_err() || wanted.borrow().is_empty() {
                    return Ok(());
                }
                due = Some(Instant::now());
            }
            message = messages.next() => match message {
                Some((message, _)) if matters(&message.payload) => {
                    due.get_or_insert_with(|| Instant::now() + BURST);
                }
                Some(_) => {}
                None => return Err("the notifications ended".to_owned()),
            },
            _ = connection.join_next() => return Err("the connection to the kernel ended".to_owned()),
            _ = rounds.tick() => {
                if let Ok(solicitor) = &solicitor {
                    solicit(solicitor, &links.borrow(), round);
                }
                round = round.wrapping_add(1);
                // A notification may have been lost: the kernel drops them when the socket is full.
                due.get_or_insert_with(Instant::now);
            }
            () = asks => {
                due = None;
                let names = wanted.borrow().clone();
                let interfaces = ask(&handle, &names).await?;
                let now = Links { asked: true, interfaces, error: String::new() };
                let appeared = now.interfaces.iter().any(|(name, interface)| {
                    interface.link_local.is_some()
                        && links.borrow().interfaces.get(name).is_none_or(|before| before.link_local.is_none())
                });
                links.send_if_modified(|links| if *links == now { false } else { *links = now; true });
                if appeared && let Ok(solicitor) = &solicitor {
                    solicit(solicitor, &links.borrow(), 0);
                }
            }
        }
    }
}

/// Errors mean that the interface has just gone, which the kernel tells by itself.
fn solicit(solicitor: &Solicitor, links: &Links, round: u32) {
    for (name, interface) in &links.interfaces {
        if !interface.up || interface.link_local.is_none() {
            continue;
        }
        if interface.neighbour(name).is_err() {
            let _ = solicitor.ask(interface);
        }
        if round.is_multiple_of(TELL_ROUNDS) {
            let _ = solicitor.tell(interface);
        }
    }
}

fn matters(payload: &NetlinkPayload<RouteNetlinkMessage>) -> bool {
    match payload {
        NetlinkPayload::InnerMessage(
            RouteNetlinkMessage::NewNeighbour(message) | RouteNetlinkMessage::DelNeighbour(message),
        ) => message.header.family == AddressFamily::Inet6,
        _ => true,
    }
}

async fn ask(handle: &Handle, names: &BTreeSet<String>) -> Result<BTreeMap<String, Interface>, String> {
    let whole = async {
        let links = handle.link().get().execute().try_collect::<Vec<_>>().await?;
        let addresses = handle.address().get().execute().try_collect::<Vec<_>>().await?;
        let neighbours = handle.neighbours().get().set_address_family(AddressFamily::Inet6);
        let neighbours = neighbours.execute().try_collect::<Vec<_>>().await?;
        Ok::<_, rtnetlink::Error>(collect(names, &links, &addresses, &neighbours))
    };
    match timeout(PATIENCE, whole).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer in {PATIENCE:?}")),
    }
}

/// The answers, as far as they are of interest.
fn collect(
    names: &BTreeSet<String>,
    links: &[LinkMessage],
    addresses: &[AddressMessage],
    neighbours: &[NeighbourMessage],
) -> BTreeMap<String, Interface> {
    let mut found = BTreeMap::new();
    for link in links {
        let mut interface = Interface {
            index: link.header.index,
            up: link.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
            ..Interface::default()
        };
        let mut name = None;
        for attribute in &link.attributes {
            match attribute {
                LinkAttribute::IfName(text) => name = Some(text.clone()),
                LinkAttribute::Address(mac) => interface.mac = mac.as_slice().try_into().ok(),
                _ => {}
            }
        }
        let Some(name) = name.filter(|name| names.contains(name)) else { continue };
        let index = interface.index;
        interface.link_local = addresses.iter().find_map(|message| own_link_local(message, index));
        let of_link = neighbours.iter().filter(|message| message.header.ifindex == index);
        interface.neighbours = of_link.filter_map(neighbour).collect();
        found.insert(name, interface);
    }
    found
}

fn own_link_local(message: &AddressMessage, index: u32) -> Option<Ipv6Addr> {
    if message.header.index != index {
        return None;
    }
    let mut flags = AddressFlags::empty();
    let mut found = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Flags(value) => flags = *value,
            AddressAttribute::Address(IpAddr::V6(address)) if address.is_unicast_link_local() => {
                found = Some(*address);
            }
            _ => {}
        }
    }
    // Not to be used while duplicates are looked for, or when one was found.
    found.filter(|_| !flags.intersects(AddressFlags::Tentative | AddressFlags::Dadfailed))
}

/// A neighbour that answered at some time.
fn neighbour(message: &NeighbourMessage) -> Option<(Ipv6Addr, bool)> {
    if matches!(
        message.header.state,
        NeighbourState::Incomplete | NeighbourState::Failed | NeighbourState::Noarp | NeighbourState::None
    ) {
        return None;
    }
    message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(address))
            if address.is_unicast_link_local() =>
        {
            Some((*address, message.header.flags.contains(NeighbourFlags::Router)))
        }
        _ => None,
    })
}
