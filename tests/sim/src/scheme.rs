//! Ways to keep flows on their backends.

pub mod layered;
mod lru;
mod rendezvous;
mod stateless;
mod tables;

use std::time::Duration;

use guideway_abi::PREVIOUS_TABLES;

pub use layered::{Acting, Agents, Layered};
pub use lru::Lru;
pub use rendezvous::Rendezvous;
pub use stateless::Stateless;
pub use tables::Tables;

use crate::scenario::Scenario;
use crate::timeline::{Backend, View};

/// How many backends a packet is offered to at most.
const MOST_HOPS: usize = 1 + PREVIOUS_TABLES;

/// Backends that a packet is offered to, in order; the first that has the connection keeps it, the last one keeps it
/// whatever it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hops([Option<Backend>; MOST_HOPS]);

impl Hops {
    /// One backend.
    #[must_use]
    pub fn one(backend: Backend) -> Self {
        Self::of([Some(backend)])
    }

    /// These, without the missing ones, and without what is too many.
    #[must_use]
    pub fn of(hops: impl IntoIterator<Item = Option<Backend>>) -> Self {
        let mut present = hops.into_iter().flatten();
        Self(std::array::from_fn(|_| present.next()))
    }

    /// The backends.
    pub fn iter(&self) -> impl Iterator<Item = Backend> + '_ {
        self.0.iter().copied().flatten()
    }
}

/// What a forwarder would do with the flows of one slot. Equal rows: every flow of the slot that has no state of its own
/// is treated alike.
pub type Row = [u16; MOST_HOPS];
/// In [`Row`]: no backend.
pub const NO_BACKEND: u16 = 0x7fff;
/// Bit of a row's first element that is not part of the backend's number.
pub const ROW_FLAG: u16 = 0x8000;

/// By what rows are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowKey {
    /// The seed that gives a flow its slot.
    pub seed: u32,
    /// The rows do not tell all: flows of one slot can be treated differently.
    pub partial: bool,
}

/// A way to keep flows on their backends, on all forwarders of a cluster.
pub trait Scheme {
    /// A forwarder acts on what it knows, for the first time or again.
    fn configure(&mut self, scenario: &Scenario, forwarder: usize, view: &View, now: Duration);

    /// A forwarder is gone.
    fn leave(&mut self, forwarder: usize);

    /// The earliest time at which a forwarder changes something on its own.
    fn deadline(&self) -> Option<(Duration, usize)> {
        None
    }

    /// It does.
    fn expire(&mut self, _scenario: &Scenario, _forwarder: usize, _now: Duration) {}

    /// What a forwarder would do with each slot, the backend of new flows first. Equal answers before and after a step mean that nothing
    /// has changed for established flows.
    fn rows(&self, forwarder: usize, rows: &mut Vec<Row>) -> RowKey;

    /// The first packet of a flow comes to a forwarder: where it goes.
    fn open(&mut self, scenario: &Scenario, forwarder: usize, flow: usize, now: Duration) -> Option<Backend>;

    /// A later one comes.
    fn packet(&mut self, scenario: &Scenario, forwarder: usize, flow: usize, now: Duration) -> Hops;
}

/// The schemes that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SchemeKind {
    /// Settled and unsettled slots, with decap agents at the backends.
    WithAgents,
    /// The same, and everything but the death of a backend is announced to the slots for a while before it is acted on.
    Announcing,
    /// The first without agents: entries of the flow table.
    WithoutAgents,
    /// A flow table on each forwarder, over a Maglev table; the table of a forwarder never forgets.
    Lru,
    /// A Maglev table and nothing else.
    Stateless,
    /// Rows of a primary and a secondary backend by rendezvous hashing; the primary passes on what it does not know.
    Rendezvous,
}

impl SchemeKind {
    /// Every scheme.
    pub const ALL: &'static [Self] = &[
        Self::WithAgents,
        Self::Announcing,
        Self::WithoutAgents,
        Self::Lru,
        Self::Stateless,
        Self::Rendezvous,
    ];

    /// Name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WithAgents => "guideway",
            Self::Announcing => "guideway, announcing",
            Self::WithoutAgents => "guideway without agents",
            Self::Lru => "LRU per node",
            Self::Stateless => "stateless table",
            Self::Rendezvous => "rendezvous, second hop",
        }
    }

    /// The scheme, at the start of a history.
    #[must_use]
    pub fn start(self, scenario: &Scenario) -> Box<dyn Scheme> {
        match self {
            Self::WithAgents => Box::new(Layered::new(Agents::Present, Acting::AtOnce)),
            Self::Announcing => Box::new(Layered::new(Agents::Present, Acting::Announced)),
            Self::WithoutAgents => Box::new(Layered::new(Agents::Absent, Acting::AtOnce)),
            Self::Lru => Box::new(Lru::new()),
            Self::Stateless => Box::new(Stateless::new()),
            Self::Rendezvous => Box::new(Rendezvous::new(scenario)),
        }
    }
}
