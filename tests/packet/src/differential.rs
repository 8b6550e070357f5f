//! Random configurations, histories and packets, through program and model.
//!
//! What is made up are steps of a case file, so that what fails can be printed as a case, and is run by the same code.
//! The same seed gives the same steps. A run consists of episodes: each begins with a forwarder that was never used.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Error, Result, ensure};
use guideway_dataplane_plan::PlanError;

use crate::case_file::{Change, NextHop, Step};
use crate::history::Stage;

mod frames;
mod random;
mod raw;
mod worlds;

pub use raw::run as run_raw;

use random::Random;
use worlds::Worlds;

/// Packets after which a forwarder is replaced.
const EPISODE: u64 = 20_000;
/// Packets between two changes, at most.
const LONGEST_PAUSE: u64 = 400;
/// Replays that shrinking a history may take.
const REPLAYS: usize = 150;

/// Steps of a history that are printed; a longer one is written to a file.
const MOST_PRINTED: usize = 60;

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Packets that were sent.
    pub packets: u64,
    /// Changes that were installed.
    pub changes: u64,
    /// Changes that the planner refused, so that the world stayed.
    pub refused: u64,
    /// How often each counter was added to.
    pub counters: BTreeMap<&'static str, u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} packets, {} changes, {} refused", self.packets, self.changes, self.refused)?;
        self.counters.iter().try_for_each(|(name, n)| writeln!(f, "  {name} {n}"))
    }
}

/// Sends so many packets.
///
/// # Errors
///
/// Program and model differ: the text has the seed and a case that shows it.
pub fn run(seed: u64, packets: u64) -> Result<Report> {
    let mut report = Report::default();
    let mut episode = 0;
    while report.packets < packets {
        let most = EPISODE.min(packets - report.packets);
        let mut steps = Vec::new();
        if let Err(error) = run_episode(seed, episode, most, &mut report, &mut steps) {
            let whole = steps.len();
            shrink(&mut steps);
            let case = as_case(&steps)?;
            let what = format!(
                "seed {seed}, episode {episode}: {whole} steps, of which these {} suffice",
                steps.len()
            );
            if steps.len() > MOST_PRINTED {
                let path = std::env::temp_dir().join(format!("differential-{seed}-{episode}.yaml"));
                std::fs::write(&path, case)?;
                return Err(error.context(format!("{what}; they are in {}", path.display())));
            }
            return Err(error.context(format!("{what}\n{case}\n")));
        }
        episode += 1;
    }
    Ok(report)
}

fn run_episode(
    seed: u64,
    episode: u64,
    packets: u64,
    report: &mut Report,
    steps: &mut Vec<Step>,
) -> Result<()> {
    let mut random = Random::new(seed ^ episode.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut stage = fresh()?;
    let mut worlds = Worlds::default();
    let mut sent = 0;
    while sent < packets {
        for _ in 0..=random.below(2) {
            let before = stage.spec().clone();
            steps.push(worlds.change(&mut random, &before));
            match play(&mut stage, &steps[steps.len() - 1], report) {
                Err(error) if error.downcast_ref::<PlanError>().is_some() => {
                    steps.pop();
                    stage.forget(before);
                    report.refused += 1;
                }
                other => other?,
            }
            report.changes += 1;
        }
        for _ in 0..random.below(LONGEST_PAUSE).min(packets - sent) {
            steps.push(frames::step(&mut random, stage.spec()));
            play(&mut stage, &steps[steps.len() - 1], report)?;
            sent += 1;
        }
    }
    Ok(())
}

/// A forwarder with nothing installed but an empty generation.
fn fresh() -> Result<Stage> {
    Stage::new(NextHop::Fixed, Some(&Change::default()))
}

fn play(stage: &mut Stage, step: &Step, report: &mut Report) -> Result<()> {
    let sent = stage.step(step)?;
    report.packets += sent as u64;
    if sent > 0 {
        for (name, n) in stage.last_counters() {
            *report.counters.entry(name).or_default() += n;
        }
    }
    Ok(())
}

/// Whether these steps still show a difference.
fn differs(steps: &[Step]) -> bool {
    let Ok(mut stage) = fresh() else { return false };
    let mut report = Report::default();
    let result = steps.iter().try_for_each(|step| play(&mut stage, step, &mut report));
    result.is_err_and(|error: Error| error.downcast_ref::<PlanError>().is_none() && is_difference(&error))
}

/// Not a change that cannot be made any more because an earlier one is missing.
fn is_difference(error: &Error) -> bool {
    let text = format!("{error:#}");
    !["to take away", "no set ", "no backend"].iter().any(|missing| text.contains(missing))
}

/// Leaves out what is not needed, in ever smaller pieces.
fn shrink(steps: &mut Vec<Step>) {
    if !differs(steps) {
        return; // It depends on the time, or on what the map held before.
    }
    let mut replays = 1;
    let mut piece = steps.len() / 2;
    while piece > 0 && replays < REPLAYS {
        let mut at = 0;
        while at < steps.len() && replays < REPLAYS {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + piece).min(steps.len()));
            replays += 1;
            if differs(&fewer) {
                *steps = fewer;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
}

/// The steps as a file of cases; each line is JSON, which is YAML, too.
fn as_case(steps: &[Step]) -> Result<String> {
    ensure!(!steps.is_empty(), "nothing was done");
    let lines = steps.iter().map(|step| Ok(format!("      - {}\n", serde_json::to_string(step)?)));
    let history: String = lines.collect::<Result<_>>()?;
    Ok(format!(
        "about: found by the differential test\nworld: {{}}\ncases:\n  - name: differs\n    history:\n{history}"
    ))
}
