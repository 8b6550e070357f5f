//! Legs in the maps.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use guideway_abi::{LEGS, LINKS_MAX, Leg, LinkRecord, RouteRecord};

use super::fib::{Hop, Way};
use super::links::{Links, Place};

/// The maps of the ways.
pub trait LegStore: fmt::Debug + Send + Sync + 'static {
    /// Stores one leg of a backend, atomically. The element exists.
    fn store_leg(&self, backend: u32, leg: usize, value: Leg);

    /// The legs of a backend.
    fn route(&self, backend: u32) -> RouteRecord;

    /// All elements of the links.
    ///
    /// # Errors
    ///
    /// The kernel's.
    fn links(&self) -> io::Result<Vec<LinkRecord>>;

    /// Writes one of them.
    ///
    /// # Errors
    ///
    /// The kernel's.
    fn write_link(&self, index: u16, link: &LinkRecord) -> io::Result<()>;

    /// The address of each backend element, by index; none for a free one.
    ///
    /// # Errors
    ///
    /// The kernel's.
    fn addresses(&self) -> io::Result<Vec<Option<IpAddr>>>;

    /// Until when the legs are to be believed, in jiffies.
    fn valid_until(&self) -> u64;

    /// Has the legs be believed until then; `u64::MAX` is for ever.
    fn set_valid_until(&self, jiffies: u64);

    /// The kernel's jiffies.
    ///
    /// # Errors
    ///
    /// The kernel's.
    fn jiffies(&self) -> io::Result<u64>;

    /// Jiffies in a second.
    fn ticks_per_second(&self) -> u32;

    /// Blocks until no packet can still see what was replaced before the call.
    ///
    /// # Errors
    ///
    /// The kernel's.
    fn grace_period(&self) -> io::Result<()>;
}

/// Keeps the legs of every backend element as the way to its address says.
///
/// An element that gets another backend gets its legs in the same step, under one lock with the follower's writes:
/// otherwise packets for the new backend could leave by the old one's neighbour.
#[derive(Clone, Debug)]
pub struct Ways {
    store: Arc<dyn LegStore>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    links: Links,
    /// Address of each element.
    owners: Vec<Option<IpAddr>>,
    elements: BTreeMap<IpAddr, BTreeSet<u32>>,
    /// As they stand in the map, by element.
    stored: Vec<[Leg; LEGS]>,
    /// Of every address whose way is known.
    legs: BTreeMap<IpAddr, [Leg; LEGS]>,
}

impl Ways {
    /// Takes over what stands in the maps. It stays until [`set`](Self::set) says something else.
    ///
    /// # Errors
    ///
    /// When the maps cannot be read.
    pub fn open(store: Arc<dyn LegStore>) -> io::Result<Self> {
        let owners = store.addresses()?;
        let mut elements: BTreeMap<IpAddr, BTreeSet<u32>> = BTreeMap::new();
        for (element, address) in (0..).zip(&owners) {
            if let Some(address) = address {
                elements.entry(*address).or_default().insert(element);
            }
        }
        let stored = (0..).zip(&owners).map(|(element, _)| store.route(element).legs).collect();
        let links = Links::new(store.links()?);
        let state = State { links, owners, elements, stored, legs: BTreeMap::new() };
        Ok(Self { store, state: Arc::new(Mutex::new(state)) })
    }

    /// An element, which no packet reaches now, is for a backend at `address` from now on.
    pub fn assign(&self, element: u32, address: Option<IpAddr>) {
        self.lock().assign(&*self.store, element, address);
    }

    /// The addresses of all elements, as the map has them. Those whose address is known as such stay as they are.
    pub fn assign_all(&self, addresses: impl Iterator<Item = Option<IpAddr>>) {
        let mut state = self.lock();
        for (element, address) in (0..).zip(addresses) {
            if state.owners.get(element as usize).is_some_and(|owner| *owner != address) {
                state.assign(&*self.store, element, address);
            }
        }
    }

    /// The way to `address` is this one now; none when it is nobody's concern any more. May block for a grace period.
    ///
    /// # Errors
    ///
    /// When a link cannot be written: the legs that need it are zero then, so that the program asks the kernel.
    pub fn set(&self, address: IpAddr, way: Option<&Way>) -> Result<(), SetError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut result = Ok(());
        let mut legs = [Leg::UNKNOWN; LEGS];
        for (number, hop) in way.map_or([None; LEGS], |way| way.legs).into_iter().enumerate() {
            let Some(Hop { link, mac }) = hop else { continue };
            match state.link(&*self.store, link, &legs) {
                Ok(index) => legs[number] = Leg::new(mac, index),
                Err(error) => result = Err(error),
            }
        }
        match way {
            Some(_) => state.legs.insert(address, legs),
            None => state.legs.remove(&address),
        };
        for element in state.elements.get(&address).cloned().unwrap_or_default() {
            state.store(&*self.store, element, legs);
        }
        result
    }

    /// Zeroes the legs of all elements whose backends are not `wanted`.
    pub fn drop_others(&self, wanted: impl Fn(IpAddr) -> bool) {
        let mut guard = self.lock();
        let state = &mut *guard;
        for element in 0..u32::try_from(state.owners.len()).unwrap_or(u32::MAX) {
            let owner = state.owners.get(element as usize).copied().flatten();
            if !owner.is_some_and(&wanted) {
                state.store(&*self.store, element, [Leg::UNKNOWN; LEGS]);
            }
        }
        state.legs.retain(|address, _| wanted(*address));
    }

    /// The addresses of all elements.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.lock().elements.keys().copied().collect()
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn LegStore {
        &*self.store
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What is behind the lock is whole after each step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A way was not stored as a whole.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// Every element is in use.
    #[error("there are more interfaces, MTUs and MAC addresses than the {LINKS_MAX} elements of the map")]
    Full,
    /// The kernel refused.
    #[error("an interface cannot be written to the map")]
    Write(#[source] io::Error),
}

impl State {
    fn assign(&mut self, store: &dyn LegStore, element: u32, address: Option<IpAddr>) {
        let Some(owner) = self.owners.get_mut(element as usize) else { return };
        let before = std::mem::replace(owner, address);
        if let Some(before) = before
            && let Some(elements) = self.elements.get_mut(&before)
        {
            elements.remove(&element);
            if elements.is_empty() {
                self.elements.remove(&before);
            }
        }
        if let Some(address) = address {
            self.elements.entry(address).or_default().insert(element);
        }
        let legs = address.and_then(|address| self.legs.get(&address)).copied().unwrap_or_default();
        self.store(store, element, legs);
    }

    fn store(&mut self, store: &dyn LegStore, element: u32, legs: [Leg; LEGS]) {
        let Some(stored) = self.stored.get_mut(element as usize) else { return };
        for (number, (before, leg)) in stored.iter_mut().zip(legs).enumerate() {
            if *before != leg {
                store.store_leg(element, number, leg);
                *before = leg;
            }
        }
    }

    /// The element that holds `link`, written if need be. `next` are legs that are about to be stored.
    fn link(&mut self, store: &dyn LegStore, link: LinkRecord, next: &[Leg; LEGS]) -> Result<u16, SetError> {
        let known = self.links.place(&link, |_| true);
        let place = match known {
            Some(Place::Stands(index)) => return Ok(index),
            _ => {
                let legs = self.stored.iter().chain(self.legs.values()).chain([next]).flatten();
                let used: BTreeSet<u16> = legs.map(|leg| leg.link()).collect();
                self.links.place(&link, |index| used.contains(&index)).ok_or(SetError::Full)?
            }
        };
        let index = match place {
            Place::Stands(index) => return Ok(index),
            Place::Free(index) => index,
            Place::Left(index) => {
                store.grace_period().map_err(SetError::Write)?;
                index
            }
        };
        store.write_link(index, &link).map_err(SetError::Write)?;
        self.links.written(index, link);
        Ok(index)
    }
}

#[cfg(test)]
mod tests;
