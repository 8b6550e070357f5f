//! Packets that really leave: through the link to its far end, which drops them.

use anyhow::{Context as _, Result, bail};
use guideway_abi::{Capacities, Counter};

use crate::Effort;
use crate::driver::{Baselines, Driver, Flows, Traffic};
use crate::forwarder::{Forwarder, NextHops};
use crate::frame::{Kind, Template, Tunnel};
use crate::progress;
use crate::report::{self, Row};
use crate::state::{self, V4};
use crate::world::World;

/// Of a thousand packets at least so many have to arrive.
const ARRIVED: u64 = 999;

/// So many times the packets of the other measurements: a run ends with a tick of the kernel's timer (4 ms), which then counts
/// for 2 ns of a packet and not for 20.
const LONGER: u32 = 10;

/// Measures what has `only` in its name. The times are those of a whole packet, generator and sink included.
pub(crate) fn measure(
    world: &World,
    baselines: &mut Baselines,
    effort: Effort,
    only: &str,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, flows) in
        [("live, tcp4, 1 flow", Flows::Of(1)), ("live, tcp4, 1M flows", Flows::Of(1_000_000))]
    {
        if name.contains(only) {
            rows.extend(one(world, baselines, effort, name, flows)?);
        }
    }
    Ok(rows)
}

fn one(
    world: &World,
    baselines: &mut Baselines,
    effort: Effort,
    name: &str,
    flows: Flows,
) -> Result<[Row; 3]> {
    let capacities = Capacities { flow_buckets: 1024, ..Capacities::default() };
    let mut forwarder = Forwarder::new(world, capacities)?;
    forwarder.install(&[state::settled()], NextHops::Legs)?;
    let template = Template::new(V4.into(), Kind::Ack, 80, Tunnel::Bare);
    let traffic = Traffic { template, flows, vips: 1 };
    let packets = effort.packets * LONGER;
    let mut samples: [Vec<f64>; 3] = [const { Vec::new() }; 3];
    for round in 0..effort.rounds {
        progress(&format!("{name}, round {round}"));
        let mut parts: [Vec<f64>; 3] = [const { Vec::new() }; 3];
        for _ in 0..effort.parts {
            let before = sent(&forwarder)?;
            let drivers = [&mut baselines.empty, &mut baselines.encap_floor, &mut forwarder.driver];
            for (samples, driver) in parts.iter_mut().zip(drivers) {
                samples.push(one_part(world, driver, &traffic, packets)?);
            }
            if sent(&forwarder)? - before != u64::from(packets) {
                bail!("not every packet was sent to a backend");
            }
        }
        for (samples, parts) in samples.iter_mut().zip(parts) {
            samples.push(report::median_of(&parts));
        }
    }
    let [empty, floor, program] = samples;
    let floor = Row::new(name, "encap_floor", &floor);
    let rows = [
        Row::new(name, "bare_tx", &empty).over(&floor),
        floor.clone().over(&floor),
        Row::new(name, "forwarder", &program).over(&floor),
    ];
    Ok(rows)
}

fn one_part(world: &World, driver: &mut Driver, traffic: &Traffic, packets: u32) -> Result<f64> {
    let before = world.arrived()?;
    let ns = driver.run_live(traffic, packets)?;
    let arrived = world.arrived()? - before;
    if arrived * 1000 < u64::from(packets) * ARRIVED {
        bail!("of {packets} packets only {arrived} arrived");
    }
    Ok(ns)
}

/// Packets that the forwarder sent to backends so far.
fn sent(forwarder: &Forwarder) -> Result<u64> {
    let counted = forwarder.counted()?;
    Ok(counted.iter().find(|(counter, _)| *counter == Counter::Tx).map_or(0, |(_, n)| *n))
}

impl World {
    /// Packets that came to the far end of the link.
    fn arrived(&self) -> Result<u64> {
        let text = std::fs::read_to_string("/proc/thread-self/net/dev").context("read /proc/net/dev")?;
        let line = text.lines().find_map(|line| line.trim().strip_prefix("up1:"));
        let packets = line.and_then(|line| line.split_whitespace().nth(1));
        packets.context("no up1 in /proc/net/dev")?.parse().context("/proc/net/dev")
    }
}
