//! What forwarders themselves say of what is in force: one generation at a time, and one content of each.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use guideway_lab::process::Process;
use guideway_lab::{Lab, wait};

use super::PATIENCE;

/// What it has seen.
#[derive(Default)]
pub struct Witness {
    /// The controller's generations and their digests.
    contents: BTreeMap<u64, String>,
    /// Of each forwarder.
    last: BTreeMap<usize, u64>,
    /// Digests of the dataplanes' own maps, whenever looked at.
    tables: BTreeSet<String>,
    /// The same, when all forwarders were at one generation.
    settled: BTreeSet<String>,
}

/// What a forwarder says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The controller's generation in force.
    pub generation: u64,
    /// Its digest.
    pub digest: String,
    /// That of what packets meet.
    pub tables: String,
    /// Why nothing is announced.
    pub fence: Option<String>,
    /// Whom it follows.
    pub leader: Option<String>,
    /// What waits beside what is in force.
    pub prepared: Option<u64>,
}

impl Witness {
    /// Looks at one forwarder, whose agent runs.
    pub fn look_at(&mut self, lab: &Lab, at: usize) -> Result<Sight> {
        let status = lab.forwarders[at].lbctl(&["status"])?;
        let name = lab.forwarders[at].name();
        let controller = &status["controller"];
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let sight = Sight {
            generation: controller["generation"].as_u64().unwrap_or(0),
            digest: text(&controller["digest"]).unwrap_or_default(),
            tables: text(&status["digest"]).with_context(|| format!("{name} has no digest: {status}"))?,
            fence: text(&controller["fence"]),
            leader: text(&controller["leader"]),
            prepared: controller["prepared"].as_u64(),
        };
        let last = self.last.insert(at, sight.generation).unwrap_or(0);
        ensure!(last <= sight.generation, "{name} went back from generation {last} to {}", sight.generation);
        let known = self.contents.entry(sight.generation).or_insert_with(|| sight.digest.clone());
        ensure!(
            *known == sight.digest,
            "generation {} is {known}, and {} on {name}",
            sight.generation,
            sight.digest
        );
        self.tables.insert(sight.tables.clone());
        Ok(sight)
    }

    /// Looks at all of them.
    pub fn look(&mut self, lab: &Lab) -> Result<Vec<Sight>> {
        (0..lab.forwarders.len()).map(|at| self.look_at(lab, at)).collect()
    }

    /// Waits until all announce one generation later than `after`, from equal tables. It.
    pub fn settle(&mut self, lab: &Lab, after: u64) -> Result<u64> {
        let what = format!("all forwarders to serve one generation after {after}");
        let (generation, _) = wait::until(&what, PATIENCE, || {
            let sights = self.look(lab)?;
            let Some(first) = sights.first() else { return Ok(None) };
            let is_same = |sight: &Sight| {
                (sight.generation, &sight.tables) == (first.generation, &first.tables)
                    && sight.fence.is_none()
            };
            let is_settled = first.generation > after && sights.iter().all(is_same);
            Ok(is_settled.then(|| (first.generation, first.tables.clone())))
        })
        .map(|((generation, tables), took)| {
            self.settled.insert(tables);
            (generation, took)
        })?;
        Ok(generation)
    }

    /// No forwarder has ever had anything else than what all had at another time.
    pub fn expect_nothing_else(&self) -> Result<()> {
        let strange: Vec<&String> = self.tables.difference(&self.settled).collect();
        ensure!(strange.is_empty(), "tables that belong to no generation: {strange:?}; {:?}", self.contents);
        Ok(())
    }
}

/// `ip monitor route` at the router.
pub struct RouteMonitor {
    process: Process,
}

impl RouteMonitor {
    /// A route that nobody else has tells when it listens.
    const PROBE: &str = "192.0.2.1";

    pub fn start(lab: &Lab) -> Result<Self> {
        let tor = lab.tor.netns();
        let mut command = tor.command("ip");
        command.args(["-o", "monitor", "route", "nexthop"]);
        let process = Process::spawn_with_output("monitor", command, &lab.folder().node("tor")?)?;
        wait::until_true("ip monitor to listen", PATIENCE, || {
            // A route that is there already would be no event.
            tor.ip(&format!("route add {}/32 dev lo", Self::PROBE))?;
            tor.ip(&format!("route del {}/32 dev lo", Self::PROBE))?;
            Ok(process.stdout().contains(Self::PROBE))
        })?;
        Ok(Self { process })
    }

    /// No route to this address came or went since it listens.
    pub fn expect_nothing_of(&self, address: &str) -> Result<()> {
        let text = self.process.stdout();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(address)).collect();
        ensure!(lines.is_empty(), "routes have changed: {lines:#?}");
        Ok(())
    }
}
