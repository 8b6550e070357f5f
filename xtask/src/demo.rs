//! `cargo xtask demo`: the load balancer at work in network namespaces, and what changes and failures do to open
//! connections.

mod change;
mod clean;
mod failure;
mod keep;
mod load;
mod path;
mod report;
mod screen;
mod spread;
mod stage;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use guideway_lab::{Lab, interrupt};

use crate::process::{cargo, run as run_command};
use crate::repo;
use report::Report;
use screen::Screen;

/// Options of `cargo xtask demo`.
#[derive(Args, Debug)]
#[command(
    after_help = "Takes about half a minute after the build. Ctrl-C ends it and takes everything down."
)]
pub(crate) struct DemoArgs {
    /// Write one JSON document to stdout; progress goes to stderr
    #[arg(long)]
    json: bool,
    /// Leave the lab up at the end and say how to get in
    #[arg(long)]
    keep: bool,
    /// Take down a lab that was kept, and whatever dead runs left behind, and do nothing else
    #[arg(long, conflicts_with_all = ["json", "keep"])]
    clean: bool,
}

/// What the lab runs.
const BINARIES: [&str; 5] = ["lb-dataplane", "bgp-speaker", "lb-decap", "lbctl", "guideway-lab"];

/// Shows the load balancer at work.
pub(crate) fn run(args: DemoArgs) -> Result<ExitCode> {
    if args.clean {
        clean::run();
        return Ok(ExitCode::SUCCESS);
    }
    build()?;
    interrupt::take_labs_down_on_signal()?;
    let mut screen = Screen::new(args.json);
    let report = show(&mut screen, args.keep);
    interrupt::wait_if_interrupted();
    let report = report?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    Ok(if report.unexpected.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build() -> Result<()> {
    let mut words = vec!["build", "--quiet", "--release", "--bins"];
    words.extend(BINARIES.iter().flat_map(|package| ["-p", package]));
    eprintln!("Building the daemons (release profile) ...");
    run_command(&mut cargo(&words))?;
    guideway_lab::binaries::use_folder(repo::target_dir().join("release"));
    Ok(())
}

fn show(screen: &mut Screen, keep: bool) -> Result<Report> {
    let start = Instant::now();
    let mut lab = stage::build(screen)?;
    let report = match scenes(screen, &mut lab, start) {
        Ok(report) => report,
        Err(error) => {
            interrupt::wait_if_interrupted();
            eprint!("{}", lab.diagnose());
            return Err(error);
        }
    };
    report.print(screen);
    if keep {
        keep::leave(screen, lab)?;
    }
    Ok(report)
}

fn scenes(screen: &mut Screen, lab: &mut Lab, start: Instant) -> Result<Report> {
    let spread = spread::show(screen, lab)?;
    let path = path::show(screen, lab)?;
    let mut events = vec![failure::agent(screen, lab)?];
    events.extend(failure::backend(screen, lab)?);
    events.extend(change::show(screen, lab)?);
    Ok(Report::new(start.elapsed(), spread, path, events))
}
