//! `cargo xtask bench`: measurements. The measuring itself is done by an optimised program, `tests/bench`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::{process, repo, setup};

/// Options of `cargo xtask bench`.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

/// What is measured.
#[derive(Subcommand, Debug)]
enum What {
    /// Time per packet of the forwarder program, time of table builds and of changes
    Dataplane(DataplaneArgs),
    /// Time from a change of VIPs to the kernel's table of BIRD and FRR, beside BIRD as the speaker
    Bgp(BgpArgs),
    /// Durable writes, lists and watches of the orchestrator's API server, beside a plain append with fdatasync
    Apiserver(ApiserverArgs),
    /// Time from a change in the API until all forwarders have it, beside a write to the API server
    Controller(ControllerArgs),
}

/// Options of `cargo xtask bench controller`.
#[derive(Args, Debug)]
#[command(
    after_help = "With --json, each line of the output is an object with scenario, unit, median, p99, max, ratio_to_write \
                        and samples. API server, controller and forwarders share the machine; the forwarders' disks and \
                        dataplanes are memory."
)]
struct ControllerArgs {
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// Services, each with five endpoints
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(10..=60_000))]
    services: u32,
    /// Forwarders
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=100))]
    forwarders: u32,
    /// Changes that are timed
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
}

/// Options of `cargo xtask bench apiserver`.
#[derive(Args, Debug)]
#[command(
    after_help = "With --json, each line of the output is an object with scenario, unit, median, p99, max, rate (per \
                        second), ratio_to_fsync and samples. Client and server share the machine."
)]
struct ApiserverArgs {
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// Seconds of each load
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Only scenarios whose name has this in it, such as `create` or `watches`
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// Options of `cargo xtask bench bgp`.
#[derive(Args, Debug)]
#[command(
    after_help = "With --json, each line of the output is an object with scenario, speaker, unit, median, p99, min, max, \
                        ratio_to_bird and rounds. docs/performance.md says what is timed."
)]
struct BgpArgs {
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// Changes of a single VIP that are timed; the others are timed a tenth as often, three times at least
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Only scenarios whose name has this in it, such as `one VIP` or `FRR`
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// Options of `cargo xtask bench dataplane`.
#[derive(Args, Debug)]
#[command(
    after_help = "The table's times are those of one packet, table or change, without what the harness takes; \
                        docs/performance.md says how they are measured.\n\
                        With --json, each line of the output is an object with scenario, program, self_ns_median, \
                        self_ns_min, self_ns_max, ratio_to_encap_floor and rounds; the program `driver` is the time of the \
                        harness itself, which is subtracted from the others."
)]
struct DataplaneArgs {
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// Rounds of each scenario; the figures are median, least and greatest of them
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Three rounds of few packets, to see that everything works; the figures are worth little
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
    /// Only scenarios whose name has this in it, such as `tcp4` or `1000 VIPs`
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Pin the forwarder with its maps here, measure it there, leave it pinned and say how to time it
    ///
    /// The directory is in a BPF file system and does not exist yet, such as /sys/fs/bpf/timed.
    #[arg(long, value_name = "DIR")]
    pin_root: Option<PathBuf>,
    /// Draw what was measured into SVG files in this folder, such as docs/plots
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
}

/// Runs `cargo xtask bench`.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    match &args.what {
        What::Dataplane(args) => {
            setup::ensure(setup::Purpose::Bench)?;
            process::run(&mut process::cargo(&[
                "build",
                "--quiet",
                "--release",
                "--package",
                "guideway-bench",
            ]))?;
            process::run(&mut program(args))
        }
        What::Bgp(args) => {
            setup::ensure(setup::Purpose::BenchBgp)?;
            let packages =
                ["guideway-bench-bgp", "bgp-speaker", "lb-bfd"].iter().flat_map(|name| ["--package", name]);
            process::run(process::cargo(&["build", "--quiet", "--release"]).args(packages))?;
            process::run(&mut bgp_program(args))
        }
        What::Apiserver(args) => {
            let packages = ["guideway-bench-apiserver", "guideway-orchestrator"]
                .iter()
                .flat_map(|name| ["--package", name]);
            process::run(process::cargo(&["build", "--quiet", "--release"]).args(packages))?;
            process::run(&mut apiserver_program(args))
        }
        What::Controller(args) => {
            let packages = ["guideway-bench-controller", "guideway-orchestrator", "lb-controller"]
                .iter()
                .flat_map(|name| ["--package", name]);
            process::run(process::cargo(&["build", "--quiet", "--release"]).args(packages))?;
            process::run(&mut controller_program(args))
        }
    }
}

fn bgp_program(args: &BgpArgs) -> Command {
    let mut command = Command::new(repo::target_dir().join("release/guideway-bench-bgp"));
    command.args(args.json.then_some("--json")).args(["--rounds", &args.rounds.to_string()]);
    command.args(args.only.iter().flat_map(|text| ["--only", text]));
    command
}

fn apiserver_program(args: &ApiserverArgs) -> Command {
    let mut command = Command::new(repo::target_dir().join("release/guideway-bench-apiserver"));
    command.args(args.json.then_some("--json")).args(["--seconds", &args.seconds.to_string()]);
    command.args(args.only.iter().flat_map(|text| ["--only", text]));
    command
}

fn controller_program(args: &ControllerArgs) -> Command {
    let mut command = Command::new(repo::target_dir().join("release/guideway-bench-controller"));
    command.args(args.json.then_some("--json"));
    command.args(["--services", &args.services.to_string()]);
    command.args(["--forwarders", &args.forwarders.to_string()]);
    command.args(["--rounds", &args.rounds.to_string()]);
    command
}

fn program(args: &DataplaneArgs) -> Command {
    let mut command = Command::new(repo::target_dir().join("release/guideway-bench"));
    command.args(args.json.then_some("--json"));
    if args.quick {
        command.arg("--quick");
    } else {
        command.args(["--rounds", &args.rounds.to_string()]);
    }
    command.args(args.only.iter().flat_map(|text| ["--only", text]));
    for (option, path) in [("--pin-root", &args.pin_root), ("--plots", &args.plots)] {
        if let Some(path) = path {
            command.arg(option).arg(path);
        }
    }
    command
}
