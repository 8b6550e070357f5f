//! A Maglev table and nothing else.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::{Hops, NO_BACKEND, Row, RowKey, Scheme, Tables};
use crate::scenario::Scenario;
use crate::timeline::{Backend, View};

/// Every packet goes where the table says.
#[derive(Debug, Default)]
pub struct Stateless {
    tables: Tables,
    nodes: BTreeMap<usize, (u32, Rc<Vec<u16>>)>,
}

impl Stateless {
    /// Without forwarders.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the table of a forwarder sends a flow.
    pub(super) fn backend(&self, scenario: &Scenario, forwarder: usize, flow: usize) -> Option<Backend> {
        let (seed, table) = self.nodes.get(&forwarder)?;
        let backend = table[scenario.slot(flow, *seed)];
        (backend != NO_BACKEND).then_some(Backend(backend))
    }
}

impl Scheme for Stateless {
    fn configure(&mut self, scenario: &Scenario, forwarder: usize, view: &View, _now: Duration) {
        let table = self.tables.of(scenario, view);
        self.nodes.insert(forwarder, (view.generation.seed, table));
    }

    fn leave(&mut self, forwarder: usize) {
        self.nodes.remove(&forwarder);
    }

    fn rows(&self, forwarder: usize, rows: &mut Vec<Row>) -> RowKey {
        rows.clear();
        let Some((seed, table)) = self.nodes.get(&forwarder) else {
            return RowKey { seed: 0, partial: false };
        };
        rows.extend(table.iter().map(|&backend| [backend, NO_BACKEND, NO_BACKEND, NO_BACKEND]));
        RowKey { seed: *seed, partial: false }
    }

    fn open(
        &mut self,
        scenario: &Scenario,
        forwarder: usize,
        flow: usize,
        _now: Duration,
    ) -> Option<Backend> {
        self.backend(scenario, forwarder, flow)
    }

    fn packet(&mut self, scenario: &Scenario, forwarder: usize, flow: usize, _now: Duration) -> Hops {
        self.backend(scenario, forwarder, flow).map_or_else(Hops::default, Hops::one)
    }
}
