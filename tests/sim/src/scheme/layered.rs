//! Guideway itself: layers of tables, and the decision of the program.

mod node;
mod pacing;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Hops, Row, RowKey, Scheme, Tables};
use crate::scenario::Scenario;
use crate::timeline::{Backend, View};
use node::Node;

/// Whether the backends run the decap agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agents {
    /// They do: a packet of a slot in doubt carries the other backends that it may be for.
    Present,
    /// They do not: flows of slots in doubt get entries of the flow table.
    Absent,
}

/// When the agent acts on what it learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acting {
    /// When it learns of it.
    AtOnce,
    /// Once it has been announced for longer than forwarders are apart; the death of a backend at once.
    Announced,
}

/// All forwarders.
#[derive(Debug)]
pub struct Layered {
    agents: Agents,
    acting: Acting,
    tables: Tables,
    nodes: BTreeMap<usize, Node>,
}

impl Layered {
    /// Without forwarders.
    #[must_use]
    pub fn new(agents: Agents, acting: Acting) -> Self {
        Self { agents, acting, tables: Tables::default(), nodes: BTreeMap::new() }
    }

    fn push(&mut self, scenario: &Scenario, forwarder: usize, now: Duration) {
        if let Some(node) = self.nodes.get_mut(&forwarder) {
            node.push(scenario, &mut self.tables, now);
        }
    }
}

impl Scheme for Layered {
    fn configure(&mut self, scenario: &Scenario, forwarder: usize, view: &View, now: Duration) {
        if let Some(node) = self.nodes.get_mut(&forwarder) {
            node.learn(view, now);
        } else {
            self.nodes.insert(forwarder, Node::new(scenario, view, self.agents, self.acting, now));
        }
        self.push(scenario, forwarder, now);
    }

    fn leave(&mut self, forwarder: usize) {
        self.nodes.remove(&forwarder);
    }

    fn deadline(&self) -> Option<(Duration, usize)> {
        self.nodes.iter().filter_map(|(&forwarder, node)| Some((node.deadline()?, forwarder))).min()
    }

    fn expire(&mut self, scenario: &Scenario, forwarder: usize, now: Duration) {
        self.push(scenario, forwarder, now);
    }

    fn rows(&self, forwarder: usize, rows: &mut Vec<Row>) -> RowKey {
        rows.clear();
        match self.nodes.get(&forwarder) {
            Some(node) => node.rows(rows),
            None => RowKey { seed: 0, partial: false },
        }
    }

    fn open(&mut self, scenario: &Scenario, forwarder: usize, flow: usize, now: Duration) -> Option<Backend> {
        self.nodes.get_mut(&forwarder)?.open(scenario, flow, now)
    }

    fn packet(&mut self, scenario: &Scenario, forwarder: usize, flow: usize, now: Duration) -> Hops {
        match self.nodes.get_mut(&forwarder) {
            Some(node) => node.packet(scenario, flow, now),
            None => Hops::default(),
        }
    }
}
