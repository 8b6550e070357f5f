//! Maglev tables, built once for all forwarders.

use std::collections::HashMap;
use std::rc::Rc;

use guideway_maglev::{Member, Seed, Table, Weight};

use super::NO_BACKEND;
use crate::scenario::Scenario;
use crate::timeline::{Backend, Generation, View};

/// The table of a generation while all are healthy, none when nobody has a weight, and whom its numbers mean.
#[derive(Clone, Debug)]
struct Full {
    members: Rc<Vec<Backend>>,
    table: Option<Rc<Table>>,
}

/// Tables by generation and health.
#[derive(Debug, Default)]
pub struct Tables {
    full: HashMap<u32, Full>,
    filled: HashMap<(u32, Vec<Backend>), Rc<Vec<u16>>>,
}

/// The name of a backend, which its slots follow from.
pub(crate) fn name(backend: Backend) -> String {
    format!("backend-{}", backend.0)
}

/// The seed with this number.
pub(crate) fn seed(number: u32) -> Seed {
    let mut bytes = [0x5a; 16];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    Seed(bytes)
}

impl Tables {
    /// The backend of each slot for what `view` says; [`NO_BACKEND`] when none can serve.
    pub fn of(&mut self, scenario: &Scenario, view: &View) -> Rc<Vec<u16>> {
        self.table(scenario, &view.generation, &view.unhealthy)
    }

    /// The backend of each slot by a generation, when these backends cannot be reached.
    pub fn table(
        &mut self,
        scenario: &Scenario,
        generation: &Generation,
        unhealthy: &[Backend],
    ) -> Rc<Vec<u16>> {
        let unhealthy: Vec<Backend> = unhealthy
            .iter()
            .copied()
            .filter(|backend| generation.members.iter().any(|(member, _)| member == backend))
            .collect();
        if let Some(table) = self.filled.get(&(generation.number, unhealthy.clone())) {
            return Rc::clone(table);
        }
        let Full { members, table: full } = self.full(scenario, generation);
        let healthy: Vec<bool> = members.iter().map(|backend| !unhealthy.contains(backend)).collect();
        let slots = full.and_then(|full| full.with_health(&healthy));
        let table = match slots {
            Some(slots) => slots.iter().map(|&slot| members[usize::from(slot)].0).collect(),
            None => vec![NO_BACKEND; scenario.size().get() as usize],
        };
        let table = Rc::new(table);
        self.filled.insert((generation.number, unhealthy), Rc::clone(&table));
        table
    }

    fn full(&mut self, scenario: &Scenario, generation: &Generation) -> Full {
        let entry = self.full.entry(generation.number).or_insert_with(|| {
            let mut order: Vec<(String, Backend)> =
                generation.members.iter().map(|&(backend, _)| (name(backend), backend)).collect();
            order.sort_unstable();
            let members: Vec<Member> = generation
                .members
                .iter()
                .map(|&(backend, weight)| Member { name: name(backend), weight: Weight(weight) })
                .collect();
            let table = Table::new(seed(generation.seed), scenario.size(), &members).ok();
            Full {
                members: Rc::new(order.into_iter().map(|(_, backend)| backend).collect()),
                table: table.map(Rc::new),
            }
        });
        entry.clone()
    }
}
