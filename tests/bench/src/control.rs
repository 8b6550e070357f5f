//! Time of table builds and of changes.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use guideway_abi::Capacities;
use guideway_bpf::Dataplane;
use guideway_dataplane::apply::MapStore;
use guideway_dataplane_plan::{
    BackendSet, Desired, Installed, Member, Outcome, Protocol, TableCache, TableSize, Vip, VipKey, Weight,
    plan,
};
use guideway_maglev as maglev;

use crate::Effort;
use crate::forwarder::{desired, fixed_next_hop};
use crate::report::Row;
use crate::world::World;

const VIPS: u32 = 1_000;
const SETS: u32 = 50;
const MEMBERS: u8 = 20;

/// Measures what has `only` in its name.
pub(crate) fn measure(world: &World, effort: Effort, only: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, size) in [
        ("table of 65537 slots, 100 members", TableSize::Large),
        ("table of 16381 slots, 100 members", TableSize::Small),
    ] {
        if name.contains(only) {
            rows.push(builds(name, size, effort)?);
        }
    }
    for (name, change) in [
        ("a backend fails, 1000 VIPs", Change::Fails),
        ("a backend is re-weighted, 1000 VIPs", Change::Weight),
    ] {
        if name.contains(only) {
            rows.extend(changes(world, name, change, effort)?);
        }
    }
    Ok(rows)
}

#[allow(clippy::cast_precision_loss)] // far below 2^53
fn ns(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

fn builds(name: &str, size: TableSize, effort: Effort) -> Result<Row> {
    let members: Vec<maglev::Member> =
        (0..100).map(|n| maglev::Member { name: format!("backend-{n}"), weight: Weight(1) }).collect();
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

/// What happens to one backend.
#[derive(Clone, Copy, Debug)]
enum Change {
    Fails,
    Weight,
}

/// From a new desired state to the first packet that follows it, as the agent does it, and in parts.
fn changes(world: &World, name: &str, change: Change, effort: Effort) -> Result<Vec<Row>> {
    let pins = world.pins("changes");
    let dataplane = Dataplane::open(&pins, Capacities::default()).context("load the forwarder")?;
    std::fs::remove_dir_all(&pins).with_context(|| format!("remove {}", pins.display()))?;
    let mut desired = many_sets(world);
    let mut cache = TableCache::default();
    let installed = MapStore::read(&dataplane)?;
    let mut installed = apply(&dataplane, &desired, &installed, &mut cache)?.installed;
    let mut parts: [Vec<f64>; 4] = [const { Vec::new() }; 4];
    for round in 0..effort.rounds {
        let set = (round % SETS) as usize;
        let member = (round / SETS % u32::from(MEMBERS)) as usize;
        let member = &mut desired.sets[set].members[member];
        match change {
            Change::Fails => member.healthy = !member.healthy,
            Change::Weight => member.weight.0 += 1,
        }
        let applied = apply(&dataplane, &desired, &installed, &mut cache)?;
        let Applied { plan, write, grace, .. } = applied;
        for (samples, part) in parts.iter_mut().zip([plan + write, plan, write, grace]) {
            samples.push(ns(part));
        }
        installed = applied.installed;
    }
    let names = ["apply", "apply: plan", "apply: write and activate", "apply: grace period after it"];
    Ok(names.into_iter().zip(parts).map(|(part, samples)| Row::new(name, part, &samples)).collect())
}

struct Applied {
    installed: Installed,
    plan: Duration,
    write: Duration,
    grace: Duration,
}

fn apply(
    dataplane: &Dataplane,
    desired: &Desired,
    installed: &Installed,
    cache: &mut TableCache,
) -> Result<Applied> {
    let start = Instant::now();
    let Outcome::Plan(plan) = plan(desired, installed, cache)? else { bail!("there is nothing to plan") };
    let planned = Instant::now();
    for op in &plan.ops {
        dataplane.perform(op)?;
    }
    let written = Instant::now();
    MapStore::grace_period(dataplane)?;
    if dataplane.active().generation() != plan.layout.generation {
        bail!("generation {} is not active", plan.layout.generation);
    }
    Ok(Applied {
        installed: plan.installed,
        plan: planned - start,
        write: written - planned,
        grace: written.elapsed(),
    })
}

/// 1,000 VIPs over 50 sets of 20 backends.
fn many_sets(world: &World) -> Desired {
    let octet = |n: u32| u8::try_from(n % 256).unwrap_or_default();
    let set = |s: u32| BackendSet {
        name: format!("set-{s}"),
        table_size: TableSize::Large,
        members: (0..MEMBERS)
            .map(|m| Member {
                name: format!("backend-{s}-{m}"),
                address: Ipv4Addr::new(10, 1, octet(s), m).into(),
                weight: Weight(1),
                healthy: true,
            })
            .collect(),
    };
    let vip = |v: u32| Vip {
        name: format!("vip-{v}"),
        key: VipKey {
            address: Ipv4Addr::new(20, 0, octet(v / 256), octet(v)).into(),
            protocol: Protocol::Tcp,
            port: 80,
        },
        set: format!("set-{}", v % SETS),
    };
    Desired {
        sets: (0..SETS).map(set).collect(),
        vips: (0..VIPS).map(vip).collect(),
        ..desired(fixed_next_hop(world), std::iter::empty())
    }
}
