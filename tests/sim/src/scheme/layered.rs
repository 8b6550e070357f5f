//! Guideway itself: layers of tables, and the decision of the program.

mod node;

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

/// All forwarders.
#[derive(Debug)]
pub struct Layered {
    agents: Agents,
    drain_window: Duration,
    tables: Tables,
    nodes: BTreeMap<usize, Node>,
}

impl Layered {
    /// Without forwarders.
    #[must_use]
    pub fn new(scenario: &Scenario, agents: Agents) -> Self {
        let drain_window = scenario.history().drain_window;
        Self { agents, drain_window, tables: Tables::default(), nodes: BTreeMap::new() }
    }

    fn push(&mut self, scenario: &Scenario, forwarder: usize, now: Duration) {
        let Some(node) = self.nodes.get_mut(&forwarder) else { return };
        let target = self.tables.of(scenario, node.view());
        let upcoming = match (&node.view().upcoming, self.agents) {
            (Some(generation), Agents::Present) => {
                let view = View {
                    generation: std::rc::Rc::clone(generation),
                    upcoming: None,
                    unhealthy: node.view().unhealthy.clone(),
                };
                Some(self.tables.of(scenario, &view))
            }
            _ => None,
        };
        node.push(&target, upcoming.as_deref().map(Vec::as_slice), self.drain_window, now);
    }
}

impl Scheme for Layered {
    fn configure(&mut self, scenario: &Scenario, forwarder: usize, view: &View, now: Duration) {
        if let Some(node) = self.nodes.get_mut(&forwarder) {
            node.learn(view);
        } else {
            self.nodes.insert(forwarder, Node::new(view, self.agents, scenario.timeline().backends));
        }
        self.push(scenario, forwarder, now);
    }

    fn join(
        &mut self,
        scenario: &Scenario,
        forwarder: usize,
        from: Option<usize>,
        view: &View,
        now: Duration,
    ) {
        if let Some(node) = from.and_then(|from| self.nodes.get(&from)) {
            let copy = node.without_entries();
            self.nodes.insert(forwarder, copy);
        }
        self.configure(scenario, forwarder, view, now);
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
