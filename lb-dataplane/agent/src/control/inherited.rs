//! What sets were before this forwarder came: flows may still be on their earlier backends, and nothing here remembers them.

use std::collections::HashMap;
use std::time::Duration;

use guideway_controller_core::message::PastSet;
use guideway_dataplane_plan::{BootTime, Desired, Earlier, Member, Seed, Shared, Weight};

use tokio::time::Instant;

use super::{Clock, Control, Interfaces};
use crate::apply::MapStore;
use crate::desired::table_size;

/// Why nothing is announced meanwhile.
pub(super) const UNAWARE: &str = "the controller has not said yet what the backend sets were before";
/// Without a controller for so long it is announced what there is: it may be all that there is.
const PATIENCE: Duration = Duration::from_secs(5);

/// The maps were new when the agent started, as after a reboot, and the controller has not said yet what was before.
#[derive(Debug)]
pub(super) struct Unaware {
    until: Instant,
    is_told: bool,
}

impl Unaware {
    pub(super) fn new() -> Self {
        Self { until: Instant::now() + PATIENCE, is_told: false }
    }
}

/// By the names of the sets.
#[derive(Clone, Debug, Default)]
pub(super) struct Inherited {
    sets: HashMap<String, Shared<Earlier>>,
}

impl Inherited {
    /// From what the controller says at `now`.
    fn new(sets: &[PastSet], now: BootTime) -> Self {
        let mut inherited = Self::default();
        for PastSet { set, unhealthy, seed, ago } in sets {
            let members = (0..).zip(&*set.backends).map(|(place, backend)| Member {
                name: backend.name.clone(),
                address: backend.address,
                weight: Weight(backend.weight),
                healthy: unhealthy.binary_search(&place).is_err(),
            });
            // A node that started later than that looks after it for longer than others do.
            let replaced = BootTime(now.0.saturating_sub(ago.as_secs()));
            let seed = Seed(seed.bytes());
            let earlier = Earlier {
                members: members.collect(),
                seed,
                table_size: table_size(set.table_size),
                replaced,
            };
            inherited.sets.entry(set.name.clone()).or_default().push(earlier);
        }
        inherited
    }

    /// Tells the sets of `desired` what they were before.
    pub(super) fn give(&self, desired: &mut Desired) {
        for set in &mut desired.sets {
            if let Some(earlier) = self.sets.get(&set.name) {
                set.earlier = earlier.clone();
            }
        }
    }
}

impl<F: MapStore + Interfaces + Clock> Control<F> {
    /// Takes in what sets were before, for the next plan.
    pub(super) fn inherit(&mut self, sets: &[PastSet]) {
        self.inherited = Inherited::new(sets, self.now());
        // So that their health is known, and the ways to them.
        for past in sets {
            self.departed.learn_set(&past.set);
        }
        if let Some(unaware) = &mut self.unaware {
            unaware.is_told = true;
        }
        self.look_in(Duration::ZERO);
    }

    /// Announces what there is once what was before is installed, or nobody says it.
    pub(super) fn end_unawareness(&mut self) {
        let knows = |unaware: &Unaware| unaware.is_told && self.inherited.sets.is_empty();
        if self.unaware.as_ref().is_some_and(|unaware| knows(unaware) || Instant::now() >= unaware.until) {
            self.unaware = None;
            self.publish();
        }
    }
}
