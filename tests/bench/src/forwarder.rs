//! The forwarder program with its maps, filled as the agent fills them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use aya::programs::ProgramInfo;
use guideway_abi::{Capacities, Counter, LEGS, Leg, LinkRecord};
use guideway_bpf::Dataplane;
use guideway_dataplane::apply::{Kernel, MapStore, apply};
use guideway_dataplane_plan::{BootTime, Desired, Layout, Outcome, TableCache, plan};

use crate::driver::Driver;
use crate::world::{FORWARDER_MAC, ROUTER_MAC, World};

/// The element of `LINKS` that all legs lead by.
const LINK: u16 = 1;

/// Where the next hop comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextHops {
    /// The legs that the agent keeps up to date.
    Legs,
    /// The legs are out of date: the kernel's FIB, asked for each packet.
    Fib,
}

/// A forwarder and the driver in front of it.
pub(crate) struct Forwarder {
    store: Kernel,
    pub(crate) driver: Driver,
    now: BootTime,
}

impl Forwarder {
    /// Loads the program with maps of these capacities. The pins are gone when this returns.
    pub(crate) fn new(world: &World, capacities: Capacities) -> Result<Self> {
        let pins = world.pins("forwarder");
        let forwarder = Self::pinned(world, &pins, capacities)?;
        std::fs::remove_dir_all(&pins).with_context(|| format!("remove {}", pins.display()))?;
        Ok(forwarder)
    }

    /// Loads the program with maps of these capacities and leaves both pinned.
    pub(crate) fn pinned(world: &World, pins: &Path, capacities: Capacities) -> Result<Self> {
        let dataplane = Dataplane::open(pins, capacities).context("load the forwarder")?;
        let program = ProgramInfo::from_pin(pins.join("forwarder"))?;
        let pin: PathBuf = world.pins("driver");
        let driver = Driver::new(&program.fd()?, &pin, world.ifindex)?;
        let forwarder =
            Self { store: Kernel::new(dataplane).context("the maps")?, driver, now: BootTime(1_000_000) };
        forwarder.lead_by(world.ifindex)?;
        Ok(forwarder)
    }

    /// The maps.
    pub(crate) fn dataplane(&self) -> &Dataplane {
        self.store.dataplane()
    }

    /// Installs generations one after the other, and ways to all backends.
    pub(crate) fn install(&mut self, history: &[Desired], next_hops: NextHops) -> Result<Layout> {
        let mut cache = TableCache::default();
        let mut last = None;
        for desired in history {
            let mut desired = desired.clone();
            desired.tick_shift = self.store.tick_shift();
            let installed = self.store.read()?;
            let Outcome::Plan(plan) = plan(&desired, &installed, self.now, &mut cache)? else {
                bail!("there is nothing to plan");
            };
            apply(&self.store, &plan.ops).context("apply the plan")?;
            self.store.grace_period()?;
            last = Some(plan.layout);
        }
        let dataplane = self.dataplane();
        let leg = Leg::new(ROUTER_MAC, LINK);
        for index in 1..dataplane.capacities().backends {
            (0..LEGS).try_for_each(|number| dataplane.store_leg(index, number, leg))?;
        }
        dataplane.set_routes_valid_until(match next_hops {
            NextHops::Legs => u64::MAX,
            NextHops::Fib => 0,
        });
        last.context("no generation")
    }

    /// Sends what follows out of this interface.
    pub(crate) fn lead_by(&self, ifindex: u32) -> Result<()> {
        let link = LinkRecord { ifindex, mtu: 1500, mac: FORWARDER_MAC, reserved: [0; 2] };
        Ok(self.dataplane().write_links(LINK.into(), &[link])?)
    }

    /// Everything counted so far, in the order of [`Counter::ALL`].
    pub(crate) fn counted(&self) -> Result<Vec<(Counter, u64)>> {
        Ok(self.dataplane().counters()?)
    }
}
