//! Times `bgp-speaker`: from the word of its agent to the kernel's table of a real router, with BIRD as a speaker beside it.
//!
//! `cargo xtask bench bgp` builds and runs this as root. docs/performance.md says what the figures mean.
#![forbid(unsafe_code)]

mod cuts;
mod monitor;
mod report;
mod routers;
mod sender;
mod sink;
mod speaker;

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use clap::Parser;

use report::Row;

/// What is to be measured, and how often.
#[derive(Parser, Debug)]
#[command(name = "guideway-bench-bgp")]
struct Args {
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// Changes of a single VIP that are timed; the others are timed a tenth as often, three times at least
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Only scenarios whose name has this in it
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

impl Args {
    /// Rounds of what takes longer.
    fn few(&self) -> u32 {
        (self.rounds / 10).max(3)
    }

    fn wants(&self, scenario: &str) -> bool {
        scenario.contains(&self.only)
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut rows = Vec::new();
    let mut take = |row: Row| -> Result<()> {
        if args.json {
            let mut out = io::stdout().lock();
            serde_json::to_writer(&mut out, &row)?;
            writeln!(out)?;
        } else {
            eprintln!("{}", row.line());
        }
        rows.push(row);
        Ok(())
    };
    speaker::measure(&args, &mut take)?;
    routers::measure(&args, &mut take)?;
    cuts::measure(&args, &mut take)?;
    if !args.json {
        writeln!(io::stdout(), "{}", report::table(&rows)).context("write the results")?;
    }
    Ok(())
}

/// Addresses that stand for VIPs, of the block for benchmarks (RFC 2544).
fn vips(count: u32) -> Vec<String> {
    let first = u32::from(std::net::Ipv4Addr::new(198, 18, 0, 0));
    (0..count).map(|n| std::net::Ipv4Addr::from(first + n).to_string()).collect()
}
