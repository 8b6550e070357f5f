//! Ways to the backends, and until when they count.

use std::io;

use guideway_abi as abi;
use guideway_abi::{LEGS, Leg, RouteRecord};

use super::Dataplane;
use crate::install::{Installed, OpenError};
use crate::map::MapError;
use crate::words::Words;

/// Where [`abi::NodeRecord`] has its fields, in words.
const VALID_UNTIL: usize = 0;
pub(super) const MARK_FLOWS: usize = 1;

/// The maps of this node, in shared memory.
#[derive(Debug)]
pub(super) struct Routes {
    legs: Words,
    pub(super) node: Words,
    pub(super) marks: Words,
}

impl Routes {
    pub(super) fn take(installed: &mut Installed) -> Result<Self, OpenError> {
        let mut words = |name, operation| {
            let map = installed.take(name)?;
            Words::new(&map).map_err(OpenError::system(operation, &installed.layout.root))
        };
        Ok(Self {
            legs: words(abi::ROUTES, "map ROUTES of")?,
            node: words(abi::NODE, "map NODE of")?,
            marks: words(abi::FLOW_MARKS_MAP, "map FLOW_MARKS of")?,
        })
    }
}

/// Ways to the backends. They belong to no generation; each store counts for the next packet, without a system call.
impl Dataplane {
    /// The ways to a backend, each read by itself.
    ///
    /// # Errors
    ///
    /// There is no such backend element.
    pub fn route(&self, backend: u32) -> Result<RouteRecord, MapError> {
        let mut route = RouteRecord::default();
        for (index, leg) in route.legs.iter_mut().enumerate() {
            let word = word(backend, index).and_then(|word| self.routes.legs.load(word));
            *leg = Leg(word.ok_or_else(|| no_leg("read", backend, index))?);
        }
        Ok(route)
    }

    /// Stores one of the ways to a backend, in one piece.
    ///
    /// # Errors
    ///
    /// There is no such backend element, or `leg` is not below [`LEGS`].
    pub fn store_leg(&self, backend: u32, leg: usize, way: Leg) -> Result<(), MapError> {
        match word(backend, leg) {
            Some(word) if self.routes.legs.store(word, way.0) => Ok(()),
            _ => Err(no_leg("write", backend, leg)),
        }
    }

    /// Until when the ways are to be believed, in [`jiffies`](Self::jiffies).
    #[must_use]
    pub fn routes_valid_until(&self) -> u64 {
        self.routes.node.load(VALID_UNTIL).unwrap_or_default()
    }

    /// Has the ways be believed until `jiffies`; `u64::MAX` is for ever, 0 not at all.
    pub fn set_routes_valid_until(&self, jiffies: u64) {
        let stored = self.routes.node.store(VALID_UNTIL, jiffies);
        debug_assert!(stored, "a mapping has a word at least");
    }

    /// The kernel's 64-bit `jiffies`.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn jiffies(&self) -> io::Result<u64> {
        self.clock.jiffies()
    }

    /// How many [`jiffies`](Self::jiffies) go by in a second: the kernel's `HZ`.
    #[must_use]
    pub fn ticks_per_second(&self) -> u32 {
        self.clock.ticks_per_second()
    }

    /// [`GenerationHeader::tick_shift`](guideway_abi::GenerationHeader::tick_shift) of this machine.
    #[must_use]
    pub fn tick_shift(&self) -> u32 {
        self.clock.tick_shift()
    }
}

/// Where a leg stands among the words of the map.
fn word(backend: u32, leg: usize) -> Option<usize> {
    if leg >= LEGS {
        return None;
    }
    (backend as usize).checked_mul(LEGS)?.checked_add(leg)
}

fn no_leg(operation: &'static str, backend: u32, leg: usize) -> MapError {
    let source = io::Error::new(io::ErrorKind::InvalidInput, format!("no leg {leg} of backend {backend}"));
    MapError { operation, map: abi::ROUTES, source }
}
