//! The maps of the ways on paper, which complain when a link changes under a leg.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::sync::Mutex;

use guideway_abi::{LEGS, LINKS_MAX, Leg, LinkRecord, RouteRecord};

use super::LegStore;

/// See the module.
#[derive(Debug)]
pub(crate) struct Paper {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    routes: Vec<RouteRecord>,
    links: Vec<LinkRecord>,
    /// Links that a packet may still look at.
    seen: BTreeSet<u16>,
    addresses: Vec<Option<IpAddr>>,
    fail: bool,
}

impl Paper {
    pub(crate) fn new(addresses: Vec<Option<IpAddr>>) -> Self {
        let state = State {
            routes: vec![RouteRecord::default(); addresses.len()],
            links: vec![LinkRecord::default(); LINKS_MAX as usize],
            seen: BTreeSet::new(),
            addresses,
            fail: false,
        };
        Self { state: Mutex::new(state) }
    }

    /// MAC address, interface and MTU of each leg of an element; none where the kernel is asked.
    pub(crate) fn legs(&self, element: u32) -> [Option<([u8; 6], u32, u32)>; LEGS] {
        let state = self.state.lock().unwrap();
        state.routes[element as usize].legs.map(|leg| {
            let link = state.links[usize::from(leg.link())];
            (leg != Leg::UNKNOWN).then_some((leg.mac(), link.ifindex, link.mtu))
        })
    }

    /// Writes fail from now on, or no longer.
    pub(crate) fn fail(&self, fail: bool) {
        self.state.lock().unwrap().fail = fail;
    }
}

impl LegStore for Paper {
    fn store_leg(&self, backend: u32, leg: usize, value: Leg) {
        let mut state = self.state.lock().unwrap();
        assert!(
            value == Leg::UNKNOWN || state.links[usize::from(value.link())].ifindex != 0,
            "a leg to no link"
        );
        let old = std::mem::replace(&mut state.routes[backend as usize].legs[leg], value);
        state.seen.insert(old.link());
    }

    fn route(&self, backend: u32) -> RouteRecord {
        self.state.lock().unwrap().routes[backend as usize]
    }

    fn links(&self) -> io::Result<Vec<LinkRecord>> {
        Ok(self.state.lock().unwrap().links.clone())
    }

    fn write_link(&self, index: u16, link: &LinkRecord) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        if state.fail {
            return Err(io::Error::other("injected"));
        }
        assert!(!state.seen.contains(&index), "link {index} is written while a packet may look at it");
        let mut legs = state.routes.iter().flat_map(|route| route.legs);
        assert!(legs.all(|leg| leg.link() != index), "link {index} is written while a leg refers to it");
        state.links[usize::from(index)] = *link;
        Ok(())
    }

    fn addresses(&self) -> io::Result<Vec<Option<IpAddr>>> {
        Ok(self.state.lock().unwrap().addresses.clone())
    }

    fn valid_until(&self) -> u64 {
        0
    }

    fn set_valid_until(&self, _: u64) {}

    fn jiffies(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn ticks_per_second(&self) -> u32 {
        250
    }

    fn grace_period(&self) -> io::Result<()> {
        self.state.lock().unwrap().seen.clear();
        Ok(())
    }
}
