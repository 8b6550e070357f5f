//! What the kernel answers when it is asked for the way to a backend.

use std::collections::BTreeMap;
use std::net::IpAddr;

use guideway_abi::Counter;
use ipnet::IpNet;

use crate::Leg;

/// Interfaces, routes and neighbours.
#[derive(Clone, Debug, Default)]
pub struct Fib {
    /// By index.
    pub interfaces: BTreeMap<u32, Interface>,
    /// The longest prefix counts.
    pub routes: Vec<Route>,
    /// Neighbours whose MAC address is known, by interface.
    pub neighbours: BTreeMap<(u32, IpAddr), [u8; 6]>,
}

/// An interface.
#[derive(Clone, Copy, Debug)]
pub struct Interface {
    /// Its MAC address.
    pub mac: [u8; 6],
    /// Longest IP packet.
    pub mtu: u32,
}

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Where to.
    pub destination: IpNet,
    /// The router; none for what is on the link.
    pub via: Option<IpAddr>,
    /// Interface to send on.
    pub ifindex: u32,
    /// Longest IP packet, when it is less than the interface's.
    pub mtu: Option<u32>,
}

/// A way, and whether it ends at the destination itself.
pub(crate) struct Way {
    pub(crate) leg: Leg,
    pub(crate) on_link: bool,
}

impl Fib {
    /// The way for a packet of `length` bytes to `destination`, or why there is none.
    pub(crate) fn way(&self, destination: IpAddr, length: usize) -> Result<Way, Counter> {
        let route = self.routes.iter().filter(|route| route.destination.contains(&destination));
        let route = route.max_by_key(|route| route.destination.prefix_len()).ok_or(Counter::DropNoRoute)?;
        let interface = self.interfaces[&route.ifindex];
        let mtu = route.mtu.unwrap_or(interface.mtu);
        if length > mtu as usize {
            return Err(Counter::DropTooBig);
        }
        let neighbour = self.neighbours.get(&(route.ifindex, route.via.unwrap_or(destination)));
        let leg = Leg {
            ifindex: route.ifindex,
            mtu,
            source: interface.mac,
            destination: *neighbour.ok_or(Counter::DropNoNeighbour)?,
        };
        Ok(Way { leg, on_link: route.via.is_none() })
    }
}
