//! Times `lb-controller`: from a change in the API until all forwarders have installed it.
//!
//! `cargo xtask bench controller` builds and runs this. API server, controller and forwarders share the machine; the
//! forwarders' disks and dataplanes are memory.
#![forbid(unsafe_code)]

mod api;
mod process;
mod report;
mod scenarios;

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;

use report::Row;

/// What is to be measured, and how large.
#[derive(Parser, Debug)]
#[command(name = "guideway-bench-controller")]
struct Args {
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// Services, each with five endpoints; the cost of a change is measured at a tenth of them as well
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(10..=60_000))]
    services: u32,
    /// Forwarders
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=100))]
    forwarders: u32,
    /// Changes that are timed
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Folder of the binaries [default: that of this program]
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(folder) = &args.bin_dir {
        guideway_lab::binaries::use_folder(folder.clone());
    }
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
    scenarios::measure(&args, &mut take)?;
    if !args.json {
        writeln!(io::stdout(), "{}", report::table(&rows)).context("write the results")?;
    }
    Ok(())
}
