//! Times `orchestrator server`: durable writes, lists, and the way from a write to those who watch.
//!
//! `cargo xtask bench apiserver` builds and runs this. Client and server share the machine.
#![forbid(unsafe_code)]

mod client;
mod report;
mod scenarios;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;

use report::Row;

/// What is to be measured, and for how long.
#[derive(Parser, Debug)]
#[command(name = "guideway-bench-apiserver")]
struct Args {
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// Seconds of each load
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Only scenarios whose name has this in it
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Folder of the orchestrator binary [default: that of this program]
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
}

impl Args {
    fn wants(&self, scenario: &str) -> bool {
        scenario.contains(&self.only)
    }

    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(folder) = &args.bin_dir {
        guideway_lab::binaries::use_folder(folder.clone());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
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
    runtime.block_on(scenarios::measure(&args, &mut take))?;
    if !args.json {
        writeln!(io::stdout(), "{}", report::table(&rows)).context("write the results")?;
    }
    Ok(())
}
