//! What the speaker costs by itself.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use guideway_interop::site::{Over, sides};
use guideway_interop::{Site, Speaker, SpeakerConfig};
use guideway_lab::addresses::Leg;
use guideway_lab::netns::add_address;
use guideway_lab::router::{Family, Remote};
use guideway_lab::wait;

use crate::report::Row;
use crate::sink::Sink;
use crate::{Args, vips};

const PEERS: u8 = 4;
const MANY: u32 = 10_000;
const PATIENCE: Duration = Duration::from_secs(60);
const NAMES: [&str; 3] = [
    "one VIP, from the agent's word to the last of 4 peers",
    "10,000 VIPs, from the agent's word to the last of 4 peers",
    "resident memory with 10,000 VIPs told to 4 peers",
];

pub(crate) fn measure(args: &Args, take: &mut impl FnMut(Row) -> Result<()>) -> Result<()> {
    if !NAMES.iter().any(|name| args.wants(name)) {
        return Ok(());
    }
    let all = vips(MANY);
    let mut site = Site::build(1)?;
    let addresses: Vec<IpAddr> =
        (0..PEERS).map(|n| format!("10.1.1.{}", 101 + n).parse()).collect::<Result<_, _>>()?;
    for address in &addresses {
        add_address(&site.router, "fw1", &format!("{address}/24"))?;
    }
    let (mut ours, _) = sides(1, Over::V4);
    let first = ours.neighbours.pop().context("a side without neighbour")?;
    for (address, number) in addresses.iter().zip(1..) {
        let mut neighbour = first.clone();
        (neighbour.name, neighbour.remote) = (format!("sink{number}"), Remote::Address(*address));
        (neighbour.families, neighbour.local) = (vec![Family::V4], Leg::forwarder(1).node_v4().into());
        ours.neighbours.push(neighbour);
    }
    let sinks: Vec<Sink> =
        addresses.iter().map(|address| Sink::listen(&site.router, *address, 65000)).collect::<Result<_>>()?;
    let agent = Speaker::agent(&site, 1, &[])?;
    let speaker = Speaker::start(&site, 1, &SpeakerConfig::new(ours))?;
    wait::until_true("all sessions", PATIENCE, || {
        Ok(speaker.peers()?.iter().filter(|peer| peer.state == "Established").count() == usize::from(PEERS))
    })?;

    for (name, vips, rounds) in [(NAMES[0], &all[..1], args.rounds), (NAMES[1], &all[..], args.few())] {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let asked = std::time::Instant::now();
            agent.set(vips);
            let ends = sinks.iter().map(|sink| sink.announced(vips.len(), PATIENCE));
            let last = ends.collect::<Result<Vec<_>>>()?.into_iter().max().context("no sink")?;
            times.push(last - asked);
            agent.set(&[]);
            for sink in &sinks {
                sink.withdrawn(vips.len(), PATIENCE)?;
            }
        }
        if args.wants(name) {
            take(Row::of_times(name, "bgp-speaker", &times))?;
        }
    }
    agent.set(&all);
    for sink in &sinks {
        sink.announced(all.len(), PATIENCE)?;
    }
    if args.wants(NAMES[2]) {
        take(Row::new(NAMES[2], "bgp-speaker", "MB", &[resident(speaker.process.pid())?]))?;
    }
    site.pass();
    Ok(())
}

/// Megabytes (10^6 octets) that a process has in memory.
fn resident(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}
