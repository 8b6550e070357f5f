//! Plays many scenarios.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;
use guideway_sim_controller::{Defect, Scenario, Score, Trace, play};

/// Simulates controllers, the record and forwarders under faults, and stops at the first thing that must not be.
#[derive(Debug, Parser)]
struct Args {
    /// Scenarios to play; each has a seed of its own.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// Seed of the first one.
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// Break this, to see that it is found.
    #[arg(long)]
    defect: Option<Defect>,
    /// Prints each step.
    #[arg(long)]
    trace: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let trace = if args.trace { Trace::Steps } else { Trace::Silent };
    let start = Instant::now();
    let mut sum = Score::default();
    for seed in args.first_seed..args.first_seed + args.seeds {
        let scenario = Scenario::new(seed, args.defect);
        match play(&scenario, start + Duration::from_secs(1), trace) {
            Ok(score) => sum += score,
            Err(violation) => bail!("seed {seed}: {violation}\n{scenario:#?}"),
        }
    }
    println!("{} scenarios in {:.1?}: {sum:?}", args.seeds, start.elapsed());
    Ok(())
}
