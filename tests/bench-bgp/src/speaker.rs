//! What the speaker costs by itself.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use guideway_interop::site::{Over, sides};
use guideway_interop::{Agent, Site, Speaker, SpeakerConfig};
use guideway_lab::addresses::Leg;
use guideway_lab::netns::add_address;
use guideway_lab::router::{Family, Remote};
use guideway_lab::wait;

use crate::report::Row;
use crate::sink::Sink;
use crate::{Args, vips};

const PEERS: u8 = 4;
const MANY: u32 = 10_000;
/// How often all come and go before memory is looked at: what a change leaves behind counts.
const CHANGES: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(60);
const NAMES: [&str; 4] = [
    "one VIP, from the agent's word to the last of 4 peers",
    "10,000 VIPs, from the agent's word to the last of 4 peers",
    "resident memory with 10,000 VIPs told to 4 peers",
    "resident memory with 10,000 VIPs told to 4 peers with policies of their own",
];

pub(crate) fn measure(args: &Args, take: &mut impl FnMut(Row) -> Result<()>) -> Result<()> {
    let all = vips(MANY);
    if NAMES[..2].iter().any(|name| args.wants(name)) {
        let stage = Stage::build(Policies::Same)?;
        for (name, vips, rounds) in [(NAMES[0], &all[..1], args.rounds), (NAMES[1], &all[..], args.few())] {
            let mut times = Vec::new();
            for _ in 0..rounds {
                let asked = Instant::now();
                times.push(stage.announce(vips)? - asked);
                stage.withdraw(vips.len())?;
            }
            if args.wants(name) {
                take(Row::of_times(name, "bgp-speaker", &times))?;
            }
        }
        stage.pass();
    }
    for (name, policies) in [(NAMES[2], Policies::Same), (NAMES[3], Policies::Own)] {
        if args.wants(name) {
            let stage = (0..args.few()).map(|_| {
                let stage = Stage::build(policies)?;
                for _ in 0..CHANGES {
                    stage.announce(&all)?;
                    stage.withdraw(all.len())?;
                }
                stage.announce(&all)?;
                let octets = resident(stage.speaker.process.pid())?;
                stage.pass();
                Ok(octets)
            });
            take(Row::new(name, "bgp-speaker", "MB", &stage.collect::<Result<Vec<_>>>()?))?;
        }
    }
    Ok(())
}

/// Whether the peers are told the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policies {
    /// One update group.
    Same,
    /// Each has a metric of its own, and is an update group.
    Own,
}

/// A speaker with sessions to all peers, and nothing to announce.
struct Stage {
    // Daemons go before their namespaces do.
    speaker: Speaker,
    agent: Agent,
    sinks: Vec<Sink>,
    site: Site,
}

impl Stage {
    fn build(policies: Policies) -> Result<Self> {
        let site = Site::build(1)?;
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
        let sinks: Vec<Sink> = addresses
            .iter()
            .map(|address| Sink::listen(&site.router, *address, 65000))
            .collect::<Result<_>>()?;
        let agent = Speaker::agent(&site, 1, &[])?;
        let mut config = SpeakerConfig::new(ours);
        if policies == Policies::Own {
            let med = |number| (format!("sink{number}"), format!("export: {{med: {number}}}"));
            config.single = (1..=PEERS).map(med).collect();
        }
        let speaker = Speaker::start(&site, 1, &config)?;
        wait::until_true("all sessions", PATIENCE, || {
            let peers = speaker.peers()?;
            Ok(peers.iter().filter(|peer| peer.state == "Established").count() == usize::from(PEERS))
        })?;
        Ok(Self { speaker, agent, sinks, site })
    }

    /// When the last peer has all of these.
    fn announce(&self, vips: &[String]) -> Result<Instant> {
        self.agent.set(vips);
        let ends = self.sinks.iter().map(|sink| sink.announced(vips.len(), PATIENCE));
        ends.collect::<Result<Vec<_>>>()?.into_iter().max().context("no sink")
    }

    /// Takes back what was announced last.
    fn withdraw(&self, count: usize) -> Result<()> {
        self.agent.set(&[]);
        self.sinks.iter().try_for_each(|sink| sink.withdrawn(count, PATIENCE).map(drop))
    }

    fn pass(mut self) {
        self.site.pass();
    }
}

/// Megabytes (10^6 octets) that a process has in memory.
fn resident(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}
