//! A picture of the kernel's tables as far as backends are concerned, kept by events: what to ask the FIB again, and which
//! ways may have become others. Pure: whoever calls it does the asking and tells the time.
//!
//! The kernel does not tell of every change of a route: when an interface goes down it drops IPv4 routes in silence. So
//! what is known is kept in parts. A change of a neighbour or an interface is worked into the ways at once; in the
//! cases in which routes may change with it, the FIB is asked again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::Bound;
use std::time::{Duration, Instant};

use guideway_abi::LinkRecord;
use ipnet::IpNet;

use super::Wanted;
use super::fib::{Interface, Interfaces, Need, Neighbour, Neighbours, NextHop, Route, Way, fixed_way, way};

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// An interface is like this now; none when it is gone.
    Interface(u32, Option<Interface>),
    /// These are all interfaces.
    Interfaces(HashMap<u32, Interface>),
    /// A neighbour is like this now; none when it cannot be sent to.
    Neighbour(NextHop, Option<Neighbour>),
    /// These are all neighbours that can be sent to.
    Neighbours(HashMap<NextHop, Neighbour>),
    /// A route to this prefix came, went or changed.
    Routes(IpNet),
    /// Any route may be another.
    AllRoutes,
    /// The FIB's answer.
    Answer(IpAddr, Route),
    /// The FIB gave no answer that makes sense; to be asked again.
    NoAnswer(IpAddr),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Table {
    wanted: Wanted,
    routes: BTreeMap<IpAddr, Route>,
    /// Backends by the neighbour entries of their routes.
    users: BTreeMap<NextHop, BTreeSet<IpAddr>>,
    interfaces: Interfaces,
    neighbours: Neighbours,
    /// To be asked, since when.
    asks: BTreeMap<IpAddr, Instant>,
    /// Asked and not answered, with the time since when the answer was needed.
    asked: BTreeMap<IpAddr, Instant>,
    /// The last one that was asked: the next ones come first, so that all have their turn.
    last_asked: Option<IpAddr>,
    touched: BTreeSet<IpAddr>,
}

impl Table {
    /// From now on these backends are wanted.
    pub(super) fn want(&mut self, wanted: Wanted, now: Instant) {
        let before = std::mem::replace(&mut self.wanted, wanted);
        let gone: Vec<IpAddr> = before
            .backends
            .keys()
            .filter(|address| !self.wanted.backends.contains_key(*address))
            .copied()
            .collect();
        for address in gone {
            self.forget_route(address);
            self.asks.remove(&address);
            self.touched.insert(address);
        }
        let fixed_changed = before.fixed != self.wanted.fixed;
        let news: Vec<(IpAddr, bool)> = self
            .wanted
            .backends
            .iter()
            .filter(|(address, need)| fixed_changed || before.backends.get(*address) != Some(*need))
            .map(|(address, _)| (*address, self.routes.contains_key(address)))
            .collect();
        for (address, is_known) in news {
            self.touched.insert(address);
            if self.is_asked_for(address) && !is_known {
                self.asks.entry(address).or_insert(now);
            }
        }
        if fixed_changed {
            let off: Vec<IpAddr> =
                self.routes.keys().filter(|address| !self.is_asked_for(**address)).copied().collect();
            for address in off {
                self.forget_route(address);
            }
            let Self { asks, wanted, .. } = self;
            asks.retain(|address, _| is_routed(wanted, *address));
        }
    }

    /// Takes in what happened at `now`.
    pub(super) fn take(&mut self, event: Event, now: Instant) {
        match event {
            Event::Interface(ifindex, interface) => self.interface(ifindex, interface, now),
            Event::Interfaces(interfaces) => {
                let gone: Vec<u32> = self
                    .interfaces
                    .keys()
                    .filter(|index| !interfaces.contains_key(*index))
                    .copied()
                    .collect();
                for ifindex in gone {
                    self.interface(ifindex, None, now);
                }
                for (ifindex, interface) in interfaces {
                    self.interface(ifindex, Some(interface), now);
                }
            }
            Event::Neighbour(hop, neighbour) => self.neighbour(hop, neighbour),
            Event::Neighbours(neighbours) => {
                let gone: Vec<NextHop> =
                    self.neighbours.keys().filter(|hop| !neighbours.contains_key(*hop)).copied().collect();
                for hop in gone {
                    self.neighbour(hop, None);
                }
                for (hop, neighbour) in neighbours {
                    self.neighbour(hop, Some(neighbour));
                }
            }
            Event::Routes(prefix) => {
                let range = self.wanted.backends.range(prefix.network()..=prefix.broadcast());
                let affected: Vec<IpAddr> = range.map(|(address, _)| *address).collect();
                self.ask(affected, now);
            }
            Event::AllRoutes => self.ask_all(now),
            Event::Answer(address, route) => self.answer(address, route),
            Event::NoAnswer(address) => {
                let since = self.asked.remove(&address).unwrap_or(now);
                if self.is_asked_for(address) {
                    self.asks.insert(address, since);
                }
            }
        }
    }

    /// An address to ask the FIB about now. It will not be given again before its [`Event::Answer`] or
    /// [`Event::NoAnswer`].
    pub(super) fn next_ask(&mut self) -> Option<IpAddr> {
        let after = (self.last_asked.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let free = |address: &&IpAddr| !self.asked.contains_key(*address);
        let next = self.asks.range(after).map(|(address, _)| address).find(free);
        let next = *next.or_else(|| self.asks.keys().find(free))?;
        let since = self.asks.remove(&next)?;
        self.asked.insert(next, since);
        self.last_asked = Some(next);
        Some(next)
    }

    /// Whether every answer is in.
    pub(super) fn is_settled(&self) -> bool {
        self.asks.is_empty() && self.asked.is_empty()
    }

    /// Whether a known way may have been wrong for longer than `patience`.
    pub(super) fn is_overdue(&self, now: Instant, patience: Duration) -> bool {
        self.asks.iter().chain(&self.asked).any(|(address, since)| {
            self.routes.contains_key(address) && now.duration_since(*since) > patience
        })
    }

    /// Makes a backend one of those whose ways may have changed.
    pub(super) fn touch(&mut self, address: IpAddr) {
        self.touched.insert(address);
    }

    /// Backends whose ways may have changed since the last call, wanted or not.
    pub(super) fn touched(&mut self) -> BTreeSet<IpAddr> {
        std::mem::take(&mut self.touched)
    }

    /// The way to a backend; none when it is not wanted.
    pub(super) fn way(&self, address: IpAddr) -> Option<Way> {
        let need = *self.wanted.backends.get(&address)?;
        if let Some(fixed) = &self.wanted.fixed {
            // Of two with the name, until the kernel has told what became of the one, it is the later one.
            let named = self.interfaces.iter().filter(|(_, interface)| interface.name == fixed.interface);
            let named = named.max_by_key(|(ifindex, _)| **ifindex);
            let link: Option<LinkRecord> =
                named.and_then(|(ifindex, interface)| interface.link(*ifindex, address, None));
            return Some(fixed_way(need, link, fixed.mac));
        }
        Some(way(address, need, self.routes.get(&address), &self.interfaces, &self.neighbours))
    }

    /// Name of an interface.
    pub(super) fn name(&self, ifindex: u32) -> Option<&str> {
        self.interfaces.get(&ifindex).map(|interface| interface.name.as_str())
    }

    pub(super) const fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The neighbour entries to keep resolved. Not those that somebody has set: to mark one as used would end its being
    /// set, and the kernel would begin to ask for it.
    pub(super) fn next_hops(&self) -> impl Iterator<Item = NextHop> + '_ {
        let is_up = |hop: &&NextHop| self.interfaces.get(&hop.ifindex).is_some_and(|one| one.up);
        let is_set = |hop: &NextHop| self.neighbours.get(hop).is_some_and(|neighbour| neighbour.is_static);
        self.users.keys().filter(is_up).filter(move |hop| !is_set(hop)).copied()
    }

    /// How many neighbour entries there are that ways lead by.
    pub(super) fn next_hop_count(&self) -> usize {
        self.users.len()
    }

    /// Whether the neighbour can be sent to.
    pub(super) fn is_resolved(&self, hop: &NextHop) -> bool {
        self.neighbours.contains_key(hop)
    }

    fn interface(&mut self, ifindex: u32, interface: Option<Interface>, now: Instant) {
        let before = match interface.clone() {
            Some(interface) => self.interfaces.insert(ifindex, interface),
            None => self.interfaces.remove(&ifindex),
        };
        if before == interface {
            return;
        }
        let is_up = |interface: &Option<Interface>| interface.as_ref().is_some_and(|interface| interface.up);
        let (was_up, up) = (is_up(&before), is_up(&interface));
        if self.wanted.fixed.is_some() {
            self.touched.extend(self.wanted.backends.keys());
        }
        let first = NextHop { ifindex, address: IpAddr::from([0; 4]) };
        let users = self.users.range(first..).take_while(|(hop, _)| hop.ifindex == ifindex);
        self.touched.extend(users.flat_map(|(_, users)| users));
        if was_up != up {
            self.ask_all(now);
        }
    }

    fn neighbour(&mut self, hop: NextHop, neighbour: Option<Neighbour>) {
        let before = match neighbour {
            Some(neighbour) => self.neighbours.insert(hop, neighbour),
            None => self.neighbours.remove(&hop),
        };
        if before.map(|before| before.mac) != neighbour.map(|neighbour| neighbour.mac) {
            self.touched.extend(self.users.get(&hop).into_iter().flatten());
        }
    }

    fn answer(&mut self, address: IpAddr, route: Route) {
        self.asked.remove(&address);
        if !self.is_asked_for(address) || self.routes.get(&address) == Some(&route) {
            return;
        }
        self.forget_route(address);
        for hop in route.next_hops(address) {
            self.users.entry(hop).or_default().insert(address);
        }
        self.routes.insert(address, route);
        self.touched.insert(address);
    }

    fn forget_route(&mut self, address: IpAddr) {
        let Some(route) = self.routes.remove(&address) else { return };
        for hop in route.next_hops(address) {
            if let Some(users) = self.users.get_mut(&hop) {
                users.remove(&address);
                if users.is_empty() {
                    self.users.remove(&hop);
                }
            }
        }
    }

    /// Whether the FIB decides about a backend's packets, be it in the program: then its next hops are kept resolved.
    fn is_asked_for(&self, address: IpAddr) -> bool {
        is_routed(&self.wanted, address)
    }

    fn ask(&mut self, addresses: Vec<IpAddr>, now: Instant) {
        for address in addresses {
            if self.is_asked_for(address) {
                self.asks.entry(address).or_insert(now);
            }
        }
    }

    fn ask_all(&mut self, now: Instant) {
        self.ask(self.wanted.backends.keys().copied().collect(), now);
    }
}

fn is_routed(wanted: &Wanted, address: IpAddr) -> bool {
    let need = wanted.backends.get(&address);
    need.is_some_and(|need| wanted.fixed.is_none() || *need == Need::OnLink)
}

#[cfg(test)]
mod tests;
