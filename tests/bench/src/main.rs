//! Times the dataplane: the loaded forwarder program, table builds, and changes of the configuration.
//!
//! `cargo xtask bench dataplane` builds and runs this as root. docs/performance.md says how it measures and what the
//! figures mean.
#![forbid(unsafe_code)]

mod control;
mod driver;
mod forwarder;
mod frame;
mod packets;
mod report;
mod scenario;
mod world;

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use clap::Parser;

use report::Row;

/// What is to be measured, and how long.
#[derive(Parser, Debug)]
#[command(name = "guideway-bench")]
struct Args {
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// Rounds of each scenario; the figures are median, least and greatest of them
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Three rounds of few packets, to see that everything works; the figures are worth little
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
    /// Only scenarios whose name has this in it
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

/// How long a measurement is.
#[derive(Clone, Copy, Debug)]
struct Effort {
    rounds: u32,
    /// Packets of one round.
    packets: u32,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let effort = if args.quick {
        Effort { rounds: 3, packets: 50_000 }
    } else {
        Effort { rounds: args.rounds, packets: 1_000_000 }
    };
    let world = world::World::enter()?;
    let mut rows = packets::measure(&world, effort, &args.only)?;
    rows.extend(control::measure(&world, effort, &args.only)?);
    print(&rows, args.json).context("write the results")
}

fn print(rows: &[Row], json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if !json {
        return writeln!(out, "{}", report::table(rows));
    }
    for row in rows {
        serde_json::to_writer(&mut out, row)?;
        writeln!(out)?;
    }
    out.flush()
}
