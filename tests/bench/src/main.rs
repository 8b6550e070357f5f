//! Times the dataplane: the loaded programs, table builds, and changes of the configuration.
//!
//! `cargo xtask bench dataplane` builds and runs this as root. docs/performance.md says how it measures and what the
//! figures mean.
#![forbid(unsafe_code)]

mod control;
mod decap;
mod driver;
mod forwarder;
mod frame;
mod live;
mod packets;
mod pinned;
mod plot;
mod report;
mod scenario;
mod state;
mod world;

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;

use driver::Baselines;
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
    /// Pin the forwarder with its maps here, measure it there, leave it pinned and say how to time it
    #[arg(long, value_name = "DIR")]
    pin_root: Option<PathBuf>,
    /// Draw what was measured into SVG files in this folder
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Draw the figures of this file, which --json wrote, and measure nothing
    #[arg(long, value_name = "FILE", requires = "plots")]
    from: Option<PathBuf>,
}

/// How long a measurement is.
#[derive(Clone, Copy, Debug)]
struct Effort {
    rounds: u32,
    /// Parts of a round. The programs take turns part by part, and the median of its parts is a program's round.
    parts: u32,
    /// Packets of one part.
    packets: u32,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let effort = if args.quick {
        Effort { rounds: 3, parts: 1, packets: 50_000 }
    } else {
        Effort { rounds: args.rounds, parts: 5, packets: 200_000 }
    };
    let mut rows = Vec::new();
    match &args.from {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
            rows = report::read(&text)?;
        }
        None => measure(&args, effort, |more| {
            if args.json {
                print(&more)?;
            }
            rows.extend(more);
            Ok(())
        })?,
    }
    if let Some(folder) = &args.plots {
        plot::draw(&rows, folder).with_context(|| format!("draw into {}", folder.display()))?;
    }
    progress("");
    if !args.json {
        writeln!(io::stdout(), "{}", report::table(&rows)).context("write the results")?;
    }
    if let Some(root) = &args.pin_root {
        // Not between the rows, which another program may read.
        eprintln!("{}", pinned::about(root));
    }
    Ok(())
}

/// Measures everything, and hands over what it has after each part.
fn measure(args: &Args, effort: Effort, mut take: impl FnMut(Vec<Row>) -> Result<()>) -> Result<()> {
    let world = world::World::enter()?;
    std::fs::create_dir_all(world.pins("")).context("make a directory for pins")?;
    let mut baselines = Baselines::new(&world.pins("driver"), world.ifindex)?;
    let only = args.only.as_str();
    if let Some(root) = &args.pin_root {
        return take(pinned::measure(&world, &mut baselines, effort, only, root)?);
    }
    packets::measure(&world, &mut baselines, effort, only, &mut take)?;
    take(live::measure(&world, &mut baselines, effort, only)?)?;
    take(decap::measure(&world, &mut baselines, effort, only)?)?;
    world.use_all_cpus()?;
    control::measure(&world, effort, only, &mut take)
}

/// Says what is being measured, where somebody looks on.
fn progress(what: &str) {
    if io::IsTerminal::is_terminal(&io::stderr()) {
        let _ = write!(io::stderr(), "\r\x1b[K{what}");
    }
}

/// Writes rows as JSON.
fn print(rows: &[Row]) -> Result<()> {
    let mut out = io::stdout().lock();
    for row in rows {
        serde_json::to_writer(&mut out, row)?;
        writeln!(out)?;
    }
    out.flush().context("write the results")
}
