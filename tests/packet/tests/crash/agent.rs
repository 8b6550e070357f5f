//! The agent's way from the maps to a plan and back, without its loop.

use std::net::IpAddr;
use std::path::Path;

use guideway_abi::{LEGS, Leg, LinkRecord};
use guideway_bpf::Dataplane;
use guideway_dataplane::apply::{ApplyError, Kernel, MapStore as _, apply};
use guideway_dataplane::route::{Hop, Way};
use guideway_dataplane_plan::{Op, Outcome, TableCache, plan};

use super::history::{CAPACITIES, Step};

/// The loopback interface, in the first element of its map.
const LINK: LinkRecord = LinkRecord { ifindex: 1, mtu: 1500, mac: [0; 6], reserved: [0; 2] };
const NEIGHBOUR: [u8; 6] = [2, 0, 0, 0, 0, 9];

pub struct Agent {
    kernel: Kernel,
}

impl Agent {
    /// Takes over what is pinned.
    pub fn open(root: &Path) -> Self {
        let kernel = Kernel::new(Dataplane::open(root, CAPACITIES).unwrap()).unwrap();
        let way = Way { legs: [Some(Hop { link: LINK, mac: NEIGHBOUR }); LEGS], problem: None };
        for address in (1..10).map(|last| IpAddr::from([10, 0, 0, last])).chain(["fd00::7".parse().unwrap()])
        {
            kernel.ways().set(address, Some(&way)).unwrap();
        }
        Self { kernel }
    }

    pub fn dataplane(&self) -> &Dataplane {
        self.kernel.dataplane()
    }

    /// What a start does: reads back what is installed, after a grace period, and plans from it. Empty when there is
    /// nothing to do.
    pub fn plan(&self, step: Step) -> Vec<Op> {
        self.kernel.grace_period().unwrap();
        let installed = self.kernel.read().unwrap();
        let desired = step.desired(self.dataplane().tick_shift());
        match plan(&desired, &installed, step.now(), &mut TableCache::new()).unwrap() {
            Outcome::Unchanged(_) => Vec::new(),
            Outcome::Plan(plan) => plan.ops,
        }
    }

    /// Carries a plan out; the grace period after it may fail, too, and changes nothing.
    pub fn apply(&self, ops: &[Op]) -> Result<(), ApplyError> {
        apply(&self.kernel, ops)?;
        let _ = self.kernel.grace_period();
        Ok(())
    }

    /// Plans and applies until nothing is left to do.
    pub fn complete(&self, step: Step) {
        for _ in 0..5 {
            let ops = self.plan(step);
            if ops.is_empty() {
                return;
            }
            self.apply(&ops).unwrap();
        }
        panic!("{step:?} never comes to an end");
    }
}

/// Every backend by the same next hop, for ever.
pub fn write_routes(dataplane: &Dataplane) {
    dataplane.write_links(1, &[LINK]).unwrap();
    for backend in 1..CAPACITIES.backends {
        for leg in 0..LEGS {
            dataplane.store_leg(backend, leg, Leg::new(NEIGHBOUR, 1)).unwrap();
        }
    }
    dataplane.set_routes_valid_until(u64::MAX);
}
