//! Time per packet.

use anyhow::{Context as _, Result, bail};
use guideway_abi::Counter;
use guideway_bpf::xdp_action;

use crate::Effort;
use crate::driver::{Baselines, Flows, Run, Traffic};
use crate::forwarder::Forwarder;
use crate::progress;
use crate::report::{self, Row};
use crate::scenario::{self, Group, Scenario};
use crate::world::World;

/// Bytes that the encap floor adds.
const FLOOR_ADDS: usize = 20;
/// Each flow of a scenario was sent so many packets before it is said to be known.
const KNOWN: u32 = 4;
/// At least so many of a thousand packets are counted by the event of their scenario.
const EVENTS: u64 = 950;

/// Nanoseconds of each round.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    driver: Vec<f64>,
    floor: Vec<f64>,
    program: Vec<f64>,
    parts: [Vec<f64>; 3],
}

impl Samples {
    /// Adds a part of a round.
    pub(crate) fn add(&mut self, empty: &Run, floor: &Run, program: &Run) {
        for (samples, run) in self.parts.iter_mut().zip([empty, floor, program]) {
            samples.push(run.ns);
        }
    }

    /// Ends a round.
    pub(crate) fn end_round(&mut self) {
        let [empty, floor, program] = self.parts.each_mut().map(|samples| {
            let median = report::median_of(samples);
            samples.clear();
            median
        });
        self.driver.push(empty);
        self.floor.push(floor - empty);
        self.program.push(program - empty);
    }

    /// The rows of a scenario.
    pub(crate) fn rows(&self, scenario: &str, program: &'static str) -> [Row; 3] {
        let floor = Row::new(scenario, "encap_floor", &self.floor);
        let program = Row::new(scenario, program, &self.program).over(&floor);
        [Row::new(scenario, "driver", &self.driver), floor.clone().over(&floor), program]
    }
}

/// Measures the scenarios whose names contain `only`.
pub(crate) fn measure(
    world: &World,
    baselines: &mut Baselines,
    effort: Effort,
    only: &str,
    mut take: impl FnMut(Vec<Row>) -> Result<()>,
) -> Result<()> {
    for mut group in scenario::all() {
        group.scenarios.retain(|scenario| scenario.name.contains(only));
        if !group.scenarios.is_empty() {
            let mut forwarder = Forwarder::new(world, group.capacities)?;
            take(measure_group(baselines, &mut forwarder, &group, effort)?)?;
        }
    }
    Ok(())
}

/// Installs what a group wants and measures its scenarios.
pub(crate) fn measure_group(
    baselines: &mut Baselines,
    forwarder: &mut Forwarder,
    group: &Group,
    effort: Effort,
) -> Result<Vec<Row>> {
    forwarder.install(&group.history, group.next_hops)?;
    let mut samples: Vec<Samples> = group.scenarios.iter().map(|_| Samples::default()).collect();
    // One round of all scenarios after the other: a disturbance then meets one sample of several scenarios, not all
    // samples of one.
    for round in 0..effort.rounds {
        progress(&format!(
            "{} and {} more, round {round}",
            group.scenarios[0].name,
            group.scenarios.len() - 1
        ));
        for (scenario, samples) in group.scenarios.iter().zip(&mut samples) {
            one_round(baselines, forwarder, scenario, samples, effort)
                .with_context(|| format!("scenario `{}`", scenario.name))?;
        }
    }
    let rows = group.scenarios.iter().zip(samples);
    Ok(rows.flat_map(|(scenario, samples)| samples.rows(&scenario.name, "forwarder")).collect())
}

fn one_round(
    baselines: &mut Baselines,
    forwarder: &mut Forwarder,
    scenario: &Scenario,
    samples: &mut Samples,
    effort: Effort,
) -> Result<()> {
    if let Some(traffic) = &scenario.prepare {
        let Flows::Of(flows) = traffic.flows else {
            bail!("flows that are never seen again are not prepared")
        };
        forwarder.driver.run(traffic, KNOWN * flows)?;
    }
    // The caches and the flow table are warm after this.
    forwarder.driver.run(&scenario.traffic, effort.warm_up())?;
    for _ in 0..effort.parts {
        let (empty, floor) = floors(baselines, &scenario.traffic, effort)?;
        let run = forwarder_part(forwarder, scenario, effort)?;
        samples.add(&empty, &floor, &run);
    }
    samples.end_round();
    Ok(())
}

fn forwarder_part(forwarder: &mut Forwarder, scenario: &Scenario, effort: Effort) -> Result<Run> {
    let before = forwarder.counted()?;
    let run = forwarder.driver.run(&scenario.traffic, effort.packets)?;
    let after = forwarder.counted()?;
    let verdict = match scenario.verdict {
        Counter::Tx => xdp_action::TX,
        Counter::Pass => xdp_action::PASS,
        _ => xdp_action::DROP,
    };
    check("forwarder", &run, verdict, &scenario.traffic, scenario.added)?;
    for ((counter, before), (_, after)) in before.into_iter().zip(after) {
        check_count(scenario, counter, after - before, effort.packets.into())?;
    }
    Ok(run)
}

/// Every packet has the verdict and no other; the events are as they should.
fn check_count(scenario: &Scenario, counter: Counter, counted: u64, packets: u64) -> Result<()> {
    let (least, most) = if counter == scenario.verdict {
        (packets, packets)
    } else if scenario.events.contains(&counter) {
        (packets * EVENTS / 1000, packets)
    } else if counter.is_event() && !scenario.events.is_empty() {
        // A few flows had no place in the flow table.
        (0, packets - packets * EVENTS / 1000)
    } else {
        (0, 0)
    };
    if counted < least || counted > most {
        bail!("of {packets} packets {counted} were counted as `{}`, not {least} to {most}", counter.name());
    }
    Ok(())
}

/// A part of the driver alone and one of the encap floor.
pub(crate) fn floors(baselines: &mut Baselines, traffic: &Traffic, effort: Effort) -> Result<(Run, Run)> {
    let empty = baselines.empty.run(traffic, effort.packets)?;
    check("empty", &empty, xdp_action::TX, traffic, 0)?;
    let floor = baselines.encap_floor.run(traffic, effort.packets)?;
    check("encap_floor", &floor, xdp_action::TX, traffic, FLOOR_ADDS)?;
    Ok((empty, floor))
}

impl Effort {
    /// Packets before those that are timed, which bring code and tables back into the caches.
    pub(crate) const fn warm_up(self) -> u32 {
        self.packets / 4
    }
}

/// The last packet left as it should.
pub(crate) fn check(program: &str, run: &Run, verdict: u32, traffic: &Traffic, added: usize) -> Result<()> {
    if run.verdict != verdict {
        bail!("the verdict of {program} is {} instead of {verdict}", run.verdict);
    }
    let expected = traffic.template.bytes.len() + added;
    if run.packet.len() != expected {
        bail!("the packet that leaves {program} has {} bytes instead of {expected}", run.packet.len());
    }
    Ok(())
}
