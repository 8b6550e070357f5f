//! From rtnetlink's messages to events and routes. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, LinkAttribute, LinkFlags, LinkLayerType, LinkMessage,
};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteNextHop, RouteNextHopFlags,
    RouteType, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::packet_core::{NetlinkBuffer, NetlinkMessage, NetlinkPayload};

use super::fib::{Interface, Neighbour, NextHop, Path, Route};
use super::table::Event;

/// `RTM_NEWNEXTHOP` and `RTM_DELNEXTHOP`, which the parser does not know.
const NEXT_HOP_OBJECTS: [u16; 2] = [104, 105];

/// `1 << RTAX_MTU`.
const LOCKED_MTU: u32 = 1 << 2;

/// What a datagram of notifications says.
#[derive(Clone, Debug)]
pub(super) enum Heard {
    /// This.
    Event(Event),
    /// Something that has to be found out by asking for everything.
    Unclear,
    /// The socket was full. Until it is empty the kernel drops what comes, without another word.
    Lost,
}

/// All messages of a datagram. What cannot be read is [`Heard::Unclear`], for something has changed.
pub(super) fn heard(datagram: &[u8]) -> Vec<Heard> {
    let mut found = Vec::new();
    let mut rest = datagram;
    while !rest.is_empty() {
        let Ok(buffer) = NetlinkBuffer::new_checked(rest) else {
            found.push(Heard::Unclear);
            break;
        };
        let length = buffer.length() as usize;
        match NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest.get(..length).unwrap_or(rest)) {
            Ok(message) => found.extend(message_heard(&message.payload)),
            Err(_) if NEXT_HOP_OBJECTS.contains(&buffer.message_type()) => {
                found.push(Heard::Event(Event::AllRoutes));
            }
            Err(_) => found.push(Heard::Unclear),
        }
        // Messages begin at multiples of four; a length of zero would never end.
        rest = rest.get(length.next_multiple_of(4).max(4)..).unwrap_or_default();
    }
    found
}

fn message_heard(payload: &NetlinkPayload<RouteNetlinkMessage>) -> Option<Heard> {
    let NetlinkPayload::InnerMessage(message) = payload else { return Some(Heard::Unclear) };
    let event = match message {
        RouteNetlinkMessage::NewLink(link) => {
            let (ifindex, interface) = interface(link)?;
            Event::Interface(ifindex, Some(interface))
        }
        RouteNetlinkMessage::DelLink(link) => Event::Interface(interface(link)?.0, None),
        RouteNetlinkMessage::NewNeighbour(message) => {
            let (hop, neighbour) = neighbour(message)?;
            Event::Neighbour(hop, neighbour)
        }
        RouteNetlinkMessage::DelNeighbour(message) => Event::Neighbour(neighbour(message)?.0, None),
        RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route) => {
            Event::Routes(prefix(route)?)
        }
        // The kernel drops routes in silence when an address goes.
        RouteNetlinkMessage::NewAddress(_)
        | RouteNetlinkMessage::DelAddress(_)
        | RouteNetlinkMessage::NewRule(_)
        | RouteNetlinkMessage::DelRule(_) => Event::AllRoutes,
        _ => return None,
    };
    Some(Heard::Event(event))
}

/// An interface with its index; none for a message about a bridge's port.
pub(super) fn interface(message: &LinkMessage) -> Option<(u32, Interface)> {
    if message.header.interface_family != AddressFamily::Unspec {
        return None;
    }
    let mut interface = Interface {
        name: String::new(),
        mac: None,
        mtu: 0,
        mtu_v6: None,
        up: message.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => interface.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => interface.mtu = *mtu,
            LinkAttribute::Address(address) if message.header.link_layer_type == LinkLayerType::Ether => {
                interface.mac = address.as_slice().try_into().ok();
            }
            LinkAttribute::AfSpecUnspec(families) => interface.mtu_v6 = mtu_v6(families),
            _ => {}
        }
    }
    Some((message.header.index, interface))
}

fn mtu_v6(families: &[AfSpecUnspec]) -> Option<u32> {
    families.iter().find_map(|family| {
        let AfSpecUnspec::Inet6(parts) = family else { return None };
        parts.iter().find_map(|part| match part {
            AfSpecInet6::DevConf(settings) => u32::try_from(settings.mtu6).ok().filter(|mtu| *mtu > 0),
            _ => None,
        })
    })
}

/// A neighbour entry, with what it holds when it can be sent to.
pub(super) fn neighbour(message: &NeighbourMessage) -> Option<(NextHop, Option<Neighbour>)> {
    if message.header.flags.contains(NeighbourFlags::Proxy) {
        return None;
    }
    let address: IpAddr = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => Some((*v4).into()),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => Some((*v6).into()),
        _ => None,
    })?;
    // As the kernel's NUD_VALID.
    let is_usable = matches!(
        message.header.state,
        NeighbourState::Reachable
            | NeighbourState::Stale
            | NeighbourState::Delay
            | NeighbourState::Probe
            | NeighbourState::Permanent
            | NeighbourState::Noarp
    );
    let mac = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(bytes) => bytes.as_slice().try_into().ok(),
        _ => None,
    });
    let is_static = matches!(message.header.state, NeighbourState::Permanent | NeighbourState::Noarp);
    let neighbour = mac.filter(|_| is_usable).map(|mac| Neighbour { mac, is_static });
    Some((NextHop { ifindex: message.header.ifindex, address }, neighbour))
}

/// The prefix that a route is for; none for entries of a cache.
fn prefix(message: &RouteMessage) -> Option<IpNet> {
    if message.header.flags.contains(RouteFlags::Cloned) {
        return None;
    }
    let destination = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(address) => ip(address),
        _ => None,
    });
    let address = match message.header.address_family {
        AddressFamily::Inet => destination.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
        AddressFamily::Inet6 => destination.unwrap_or(Ipv6Addr::UNSPECIFIED.into()),
        _ => return None,
    };
    IpNet::new(address, message.header.destination_prefix_length).ok()
}

/// The FIB's answer. A route that is only a name of a next hop object tells nothing: none.
pub(super) fn route(message: &RouteMessage) -> Option<Route> {
    match message.header.kind {
        RouteType::Unicast => {}
        RouteType::Local | RouteType::Broadcast | RouteType::Anycast | RouteType::Multicast => {
            return Some(Route::Local);
        }
        _ => return Some(Route::Nowhere),
    }
    let attributes = &message.attributes;
    let several = attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::MultiPath(hops) => Some(hops),
        _ => None,
    });
    let is_tunnel = |attributes: &[RouteAttribute]| {
        attributes.iter().any(|attribute| {
            matches!(attribute, RouteAttribute::Encap(_) | RouteAttribute::NewDestination(_))
        })
    };
    if is_tunnel(attributes) || several.into_iter().flatten().any(|hop| is_tunnel(&hop.attributes)) {
        return Some(Route::Unsupported);
    }
    let paths: Vec<Path> = match several {
        Some(hops) => hops.iter().filter(|hop| !is_dead(hop)).map(path).collect(),
        None => {
            let oif = attributes.iter().find_map(|attribute| match attribute {
                RouteAttribute::Oif(index) => Some(*index),
                _ => None,
            });
            oif.map(|ifindex| Path { ifindex, gateway: gateway(attributes), weight: 1 }).into_iter().collect()
        }
    };
    if !paths.is_empty() {
        return Some(Route::Out { paths, mtu: mtu(attributes) });
    }
    let is_object = attributes.iter().any(|attribute| matches!(attribute, RouteAttribute::NhId(_)));
    if is_object && several.is_none() { None } else { Some(Route::Nowhere) }
}

fn is_dead(hop: &RouteNextHop) -> bool {
    hop.flags.intersects(RouteNextHopFlags::Dead | RouteNextHopFlags::Linkdown)
}

fn path(hop: &RouteNextHop) -> Path {
    // The kernel's number is the weight less one.
    let weight = u32::from(hop.hops) + 1;
    Path { ifindex: hop.interface_index, gateway: gateway(&hop.attributes), weight }
}

fn gateway(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(address) => ip(address),
        RouteAttribute::Via(RouteVia::Inet(v4)) => Some((*v4).into()),
        RouteAttribute::Via(RouteVia::Inet6(v6)) => Some((*v6).into()),
        _ => None,
    })
}

/// The MTU of a route. The kernel heeds it for forwarded packets only when it is locked, and so do we.
fn mtu(attributes: &[RouteAttribute]) -> Option<u32> {
    let metrics = || {
        attributes.iter().flat_map(|attribute| match attribute {
            RouteAttribute::Metrics(metrics) => metrics.as_slice(),
            _ => &[],
        })
    };
    let is_locked =
        metrics().any(|metric| matches!(metric, RouteMetric::Lock(bits) if bits & LOCKED_MTU != 0));
    metrics().filter(|_| is_locked).find_map(|metric| match metric {
        RouteMetric::Mtu(mtu) => Some(*mtu),
        _ => None,
    })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some((*v4).into()),
        RouteAddress::Inet6(v6) => Some((*v6).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
