//! A flow table on each forwarder, over a Maglev table.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Hops, NO_BACKEND, Row, RowKey, Scheme, Stateless};
use crate::scenario::Scenario;
use crate::timeline::{Backend, View};

/// Each forwarder remembers the backend of every flow that it has seen. Better than the real thing: it forgets none, and
/// follows no entry to a backend that is down.
#[derive(Debug, Default)]
pub struct Lru {
    table: Stateless,
    nodes: BTreeMap<usize, Node>,
}

#[derive(Debug)]
struct Node {
    entries: Vec<u16>,
    unhealthy: Vec<Backend>,
}

impl Lru {
    /// Without forwarders.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Scheme for Lru {
    fn configure(&mut self, scenario: &Scenario, forwarder: usize, view: &View, now: Duration) {
        self.table.configure(scenario, forwarder, view, now);
        let node = self.nodes.entry(forwarder).or_insert_with(|| Node {
            entries: vec![NO_BACKEND; scenario.flows().len()],
            unhealthy: Vec::new(),
        });
        node.unhealthy.clone_from(&view.unhealthy);
    }

    fn leave(&mut self, forwarder: usize) {
        self.table.leave(forwarder);
        self.nodes.remove(&forwarder);
    }

    fn rows(&self, forwarder: usize, rows: &mut Vec<Row>) -> RowKey {
        self.table.rows(forwarder, rows)
    }

    fn open(
        &mut self,
        scenario: &Scenario,
        forwarder: usize,
        flow: usize,
        _now: Duration,
    ) -> Option<Backend> {
        let backend = self.table.backend(scenario, forwarder, flow)?;
        self.nodes.get_mut(&forwarder)?.entries[flow] = backend.0;
        Some(backend)
    }

    fn packet(&mut self, scenario: &Scenario, forwarder: usize, flow: usize, now: Duration) -> Hops {
        if let Some(node) = self.nodes.get(&forwarder) {
            let entry = Backend(node.entries[flow]);
            if entry.0 != NO_BACKEND && !node.unhealthy.contains(&entry) {
                return Hops::one(entry);
            }
        }
        self.open(scenario, forwarder, flow, now).map_or_else(Hops::default, Hops::one)
    }
}
