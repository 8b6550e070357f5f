//! Many random packets through the loaded forwarder and the model, as root.
#![forbid(unsafe_code)]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use clap::Parser;
use guideway_packet_tests::differential::{run, run_raw};

/// Sends random packets through the loaded forwarder and the model, and stops at the first difference
#[derive(Parser)]
#[command(after_help = "It needs root, for the kernel's BPF_PROG_TEST_RUN, and leaves nothing behind.\n\
    What differs is printed as a file of cases (tests/packet/cases/README.md), without the steps that it does not take.")]
struct Options {
    /// How many: half of them into worlds that no planner made, half into histories of changes
    #[arg(long, default_value_t = 1_000_000)]
    packets: u64,
    /// The same seed makes the same worlds, histories and packets; the time, unless it is given
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> Result<()> {
    let Options { packets, seed } = Options::parse();
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let seed = seed.unwrap_or_else(clock);
    println!("seed {seed}");
    let start = Instant::now();
    let half = packets / 2;
    println!("worlds that no planner made: {}", run_raw(seed, half)?);
    println!("histories: {}", run(seed, packets - half)?);
    println!("no difference, {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
