//! Time of table builds and of changes.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use guideway_abi::Capacities;
use guideway_bpf::Dataplane;
use guideway_dataplane::apply::{Kernel, MapStore};
use guideway_dataplane_plan::{
    BackendSet, BootTime, Desired, Installed, Member, Outcome, Protocol, TableCache, TableSize, Weight, plan,
};
use guideway_maglev as maglev;

use crate::Effort;
use crate::progress;
use crate::report::Row;
use crate::state::{self, vip};
use crate::world::World;

/// The first installation.
const FIRST: Size = Size { vips: 10_000, sets: 500, members: 20 };
/// What is changed.
const SMALL: Size = Size { vips: 1_000, sets: 50, members: 20 };
const LARGE: Size = Size { vips: 100_000, sets: 500, members: 20 };
/// Of a drain window: the planner's clock goes on by more than this between changes, so that none is held back.
const DRAIN_WINDOW: Duration = Duration::from_secs(60);

/// VIPs spread over sets.
#[derive(Clone, Copy)]
struct Size {
    vips: u32,
    sets: u32,
    members: u32,
}

/// Measures what has `only` in its name.
pub(crate) fn measure(
    world: &World,
    effort: Effort,
    only: &str,
    mut take: impl FnMut(Vec<Row>) -> Result<()>,
) -> Result<()> {
    for (name, size, members) in [
        ("table of 16381 slots, 100 members", TableSize::Small, 100),
        ("table of 65537 slots, 100 members", TableSize::Large, 100),
        ("table of 65537 slots, 1000 members", TableSize::Large, 1_000),
    ] {
        if name.contains(only) {
            take(vec![builds(name, size, members, effort)?])?;
        }
    }
    let name = "first install, 10000 VIPs, 500 sets of 20";
    if name.contains(only) {
        take(installs(world, name, effort)?)?;
    }
    for (vips, size) in [("1000", SMALL), ("100000", LARGE)] {
        for (what, change) in [
            ("a backend fails or comes back", Change::Health),
            ("a backend is re-weighted", Change::Weight),
            ("a backend is replaced", Change::Member),
        ] {
            let name = format!("{what}, {vips} VIPs");
            if name.contains(only) {
                take(changes(world, &name, size, change, effort)?)?;
            }
        }
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // far below 2^53
fn ns(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

fn builds(name: &str, size: TableSize, members: u32, effort: Effort) -> Result<Row> {
    progress(name);
    let members: Vec<maglev::Member> =
        (0..members).map(|n| maglev::Member { name: format!("backend-{n}"), weight: Weight(1) }).collect();
    let seed = maglev::Seed(*b"seed for benches");
    // Several builds a round: one is as short as a disturbance.
    const BUILDS: u32 = 10;
    let mut samples = Vec::new();
    for _ in 0..effort.rounds {
        let start = Instant::now();
        for _ in 0..BUILDS {
            black_box(maglev::Table::new(seed, size, black_box(&members))?);
        }
        samples.push(ns(start.elapsed() / BUILDS));
    }
    Ok(Row::new(name, "table_build", &samples))
}

/// What an agent has that follows a configuration.
struct Agent {
    /// Of a thread for each CPU: the common one was made while the bench stayed on one CPU.
    planners: rayon::ThreadPool,
    store: Kernel,
    cache: TableCache,
    installed: Installed,
    now: BootTime,
}

impl Agent {
    fn new(world: &World, size: Size) -> Result<Self> {
        let pins = world.pins("changes");
        let tables_large = 4 * size.sets;
        let capacities = Capacities {
            vips: size.vips,
            backends: size.sets * size.members * 2 + 2,
            tables_large,
            tables_small: 1,
            flow_buckets: 65_536,
        };
        let dataplane = Dataplane::open(&pins, capacities).context("load the forwarder")?;
        std::fs::remove_dir_all(&pins).with_context(|| format!("remove {}", pins.display()))?;
        let store = Kernel::new(dataplane)?;
        let installed = store.read()?;
        let planners = rayon::ThreadPoolBuilder::new().build().context("start threads for plans")?;
        Ok(Self { planners, store, cache: TableCache::default(), installed, now: BootTime(1_000_000) })
    }

    fn plan(&mut self, desired: &Desired) -> Result<Outcome> {
        Ok(self.planners.install(|| plan(desired, &self.installed, self.now, &mut self.cache))?)
    }

    /// From a desired state to the first packet that follows it: plan, writes and activation; then the grace period, which
    /// only the next change waits for.
    fn apply(&mut self, desired: &Desired) -> Result<[Duration; 3]> {
        let start = Instant::now();
        let Outcome::Plan(plan) = self.plan(desired)? else {
            bail!("there is nothing to plan");
        };
        let planned = Instant::now();
        for op in &plan.ops {
            self.store.perform(op)?;
        }
        let written = Instant::now();
        self.store.grace_period()?;
        let grace = written.elapsed();
        if self.store.dataplane().active().generation() != plan.layout.generation {
            bail!("generation {} is not active", plan.layout.generation);
        }
        self.installed = plan.installed;
        Ok([planned - start, written - planned, grace])
    }

    /// Lets the drain windows end, and what is left of them be cleared away.
    fn settle(&mut self, desired: &Desired) -> Result<()> {
        self.now = self.now.after(2 * DRAIN_WINDOW);
        while let Outcome::Plan(plan) = self.plan(desired)? {
            for op in &plan.ops {
                self.store.perform(op)?;
            }
            self.store.grace_period()?;
            self.installed = plan.installed;
        }
        Ok(())
    }
}

fn installs(world: &World, name: &str, effort: Effort) -> Result<Vec<Row>> {
    let mut parts: [Vec<f64>; 3] = [const { Vec::new() }; 3];
    for round in 0..effort.rounds {
        progress(&format!("{name}, round {round}"));
        let mut agent = Agent::new(world, FIRST)?;
        let mut desired = many_sets(FIRST);
        desired.tick_shift = agent.store.tick_shift();
        let [plan, write, _] = agent.apply(&desired)?;
        for (samples, part) in parts.iter_mut().zip([plan + write, plan, write]) {
            samples.push(ns(part));
        }
    }
    let names = ["apply", "apply: plan", "apply: write and activate"];
    Ok(names.into_iter().zip(parts).map(|(part, samples)| Row::new(name, part, &samples)).collect())
}

/// What happens to one backend.
#[derive(Clone, Copy, Debug)]
enum Change {
    Health,
    Weight,
    Member,
}

/// One backend of one set is changed each round.
fn changes(world: &World, name: &str, size: Size, change: Change, effort: Effort) -> Result<Vec<Row>> {
    progress(name);
    let mut agent = Agent::new(world, size)?;
    let mut desired = many_sets(size);
    desired.tick_shift = agent.store.tick_shift();
    agent.apply(&desired)?;
    let mut parts: [Vec<f64>; 4] = [const { Vec::new() }; 4];
    for round in 0..effort.rounds {
        let set = (round % size.sets) as usize;
        let member = (round / size.sets % size.members) as usize;
        let member = &mut desired.sets[set].members[member];
        match change {
            Change::Health => member.healthy = !member.healthy,
            Change::Weight => member.weight.0 += 1,
            Change::Member => member.name = format!("replacement-{round}"),
        }
        let [plan, write, grace] = agent.apply(&desired)?;
        for (samples, part) in parts.iter_mut().zip([plan + write, plan, write, grace]) {
            samples.push(ns(part));
        }
        agent.settle(&desired)?;
    }
    let names = ["apply", "apply: plan", "apply: write and activate", "apply: grace period after it"];
    Ok(names.into_iter().zip(parts).map(|(part, samples)| Row::new(name, part, &samples)).collect())
}

/// VIPs of consecutive addresses over sets of backends of their own.
fn many_sets(size: Size) -> Desired {
    let address = |first: Ipv4Addr, n: u32| IpAddr::V4(Ipv4Addr::from(u32::from(first) + n));
    let set = |s: u32| BackendSet {
        name: format!("set-{s}"),
        members: (0..size.members)
            .map(|m| Member {
                name: format!("backend-{s}-{m}"),
                address: address(Ipv4Addr::new(10, 1, 0, 0), s * size.members + m),
                weight: Weight(1),
                healthy: true,
            })
            .collect(),
        drain_window: DRAIN_WINDOW,
        ..state::set("", 0, state::backend4)
    };
    let first = Ipv4Addr::new(20, 0, 0, 0);
    Desired {
        sets: (0..size.sets).map(set).collect(),
        vips: (0..size.vips)
            .map(|v| vip(address(first, v), Protocol::Tcp, 80, &format!("set-{}", v % size.sets)))
            .collect(),
        ..state::empty()
    }
}
