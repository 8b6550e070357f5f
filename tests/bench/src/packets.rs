//! Time per packet.

use anyhow::{Context as _, Result, bail};
use guideway_abi::Counter;
use guideway_bpf::xdp_action;

use crate::Effort;
use crate::driver::{Baselines, Driver, Run, Traffic};
use crate::forwarder::Forwarder;
use crate::report::Row;
use crate::scenario::{self, Group, Scenario};
use crate::world::World;

/// Bytes that the encap floor adds.
const FLOOR_ADDS: usize = 20;

/// Nanoseconds of each round.
#[derive(Debug, Default)]
struct Samples {
    floor: Vec<f64>,
    forwarder: Vec<f64>,
}

/// Measures the scenarios whose names contain `only`.
pub(crate) fn measure(world: &World, effort: Effort, only: &str) -> Result<Vec<Row>> {
    let pin = world.pins("driver");
    std::fs::create_dir_all(world.pins("")).context("make a directory for pins")?;
    let mut baselines = Baselines::new(&pin, world.ifindex)?;
    let mut rows = Vec::new();
    for mut group in scenario::all(world) {
        group.scenarios.retain(|scenario| scenario.name.contains(only));
        if !group.scenarios.is_empty() {
            rows.extend(measure_group(world, &mut baselines, &group, effort)?);
        }
    }
    Ok(rows)
}

fn measure_group(
    world: &World,
    baselines: &mut Baselines,
    group: &Group,
    effort: Effort,
) -> Result<Vec<Row>> {
    let mut forwarder = Forwarder::new(world, group.capacities)?;
    forwarder.install(&group.desired)?;
    let mut samples: Vec<Samples> = group.scenarios.iter().map(|_| Samples::default()).collect();
    // One round of all scenarios after the other: a disturbance then meets one sample of several scenarios, not all
    // samples of one.
    for _ in 0..effort.rounds {
        for (scenario, samples) in group.scenarios.iter().zip(&mut samples) {
            one_round(baselines, &mut forwarder, scenario, samples, effort)
                .with_context(|| format!("scenario `{}`", scenario.name))?;
        }
    }
    let rows = group.scenarios.iter().zip(samples).flat_map(|(scenario, samples)| {
        let floor = Row::new(&scenario.name, "encap_floor", &samples.floor);
        let forwarder = Row::new(&scenario.name, "forwarder", &samples.forwarder).over(&floor);
        [floor.clone().over(&floor), forwarder]
    });
    Ok(rows.collect())
}

fn one_round(
    baselines: &mut Baselines,
    forwarder: &mut Forwarder,
    scenario: &Scenario,
    samples: &mut Samples,
    effort: Effort,
) -> Result<()> {
    let empty = timed(&mut baselines.empty, &scenario.traffic, effort)?;
    check("empty", &empty, xdp_action::TX, &scenario.traffic, 0)?;
    let floor = timed(&mut baselines.encap_floor, &scenario.traffic, effort)?;
    check("encap_floor", &floor, xdp_action::TX, &scenario.traffic, FLOOR_ADDS)?;

    let before = forwarder.counted(scenario.expect)?;
    let run = timed(&mut forwarder.driver, &scenario.traffic, effort)?;
    let after = forwarder.counted(scenario.expect)?;
    let verdict = match scenario.expect {
        Counter::Tx => xdp_action::TX,
        Counter::Pass => xdp_action::PASS,
        _ => xdp_action::DROP,
    };
    check("forwarder", &run, verdict, &scenario.traffic, scenario.added)?;
    let (as_expected, otherwise) = (after.0 - before.0, after.1 - before.1);
    let sent = u64::from(effort.packets) + u64::from(warm_up(effort));
    if (as_expected, otherwise) != (sent, 0) {
        let name = scenario.expect.name();
        bail!("of {sent} packets, {as_expected} were counted as `{name}` and {otherwise} as something else");
    }
    samples.floor.push(floor.ns - empty.ns);
    samples.forwarder.push(run.ns - empty.ns);
    Ok(())
}

/// Packets before those that are timed, which bring code and tables back into the caches.
const fn warm_up(effort: Effort) -> u32 {
    effort.packets / 20
}

fn timed(driver: &mut Driver, traffic: &Traffic, effort: Effort) -> Result<Run> {
    driver.run(traffic, warm_up(effort))?;
    driver.run(traffic, effort.packets)
}

fn check(program: &str, run: &Run, verdict: u32, traffic: &Traffic, added: usize) -> Result<()> {
    if run.verdict != verdict {
        bail!("the verdict of {program} is {} instead of {verdict}", run.verdict);
    }
    let expected = traffic.template.bytes.len() + added;
    if run.packet.len() != expected {
        bail!("the packet that leaves {program} has {} bytes instead of {expected}", run.packet.len());
    }
    Ok(())
}
