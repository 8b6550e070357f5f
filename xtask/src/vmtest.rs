//! `cargo xtask vmtest`: the tests and real traffic on another kernel, in a virtual machine that needs no hardware's help.
//!
//! Everything that the machine runs goes into its initramfs: our programs and tests, the few commands that they call,
//! and the modules of its kernel. `guideway-vm` (`tests/vm`) is what runs in it.

mod archive;
mod binaries;
mod initramfs;
mod kernel;
mod libraries;
mod machine;
mod modules;
mod report;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use guideway_vm::plan::{Plan, Suite, Traffic};

use crate::steps::seconds;
use crate::{repo, setup};
use binaries::Binaries;
use report::{Report, Run};

/// Options of `cargo xtask vmtest`.
#[derive(Args, Debug)]
#[command(
    after_help = "Downloads Debian's kernel package once (26 MB, kept in target/vmtest) and needs no virtualisation by \
                  the hardware: the machine is emulated, which is slow, so that its rates mean something only as ratios \
                  to each other.\n\
                  Exit status: 0 when every test passed on both kernels and every traffic came through."
)]
pub(crate) struct VmtestArgs {
    /// Write one JSON document to stdout; progress goes to stderr
    #[arg(long)]
    json: bool,
    /// Do only this part; can be given more than once
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// The end-to-end tests to run: those with this in their names
    #[arg(long, value_name = "NAME", default_value = "replies_do_not_cross_a_forwarder")]
    e2e: String,
    /// Only packet tests with this in their names
    #[arg(long, value_name = "NAME")]
    packets: Option<String>,
    /// How long each kind of traffic is measured in a round, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=600))]
    time: u64,
    /// Rounds of each kind of traffic; the rates are medians of them
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// When the machine is stopped, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    limit: u64,
}

/// A part of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Packets through the programs, on the kernel of this host
    Host,
    /// The same on the other kernel
    Packets,
    /// An end-to-end test on the other kernel
    E2e,
    /// pktgen's packets through the forwarder, and through IPVS for comparison, on the other kernel
    Traffic,
}

/// How long one test may take: the emulated machine is some ten to thirty times slower than its host.
const TEST_LIMIT: Duration = Duration::from_secs(600);

/// Test binaries of thousands of system calls or packets each, which only the host runs unless they are asked for.
const LONG: [&str; 2] = ["crash", "differential"];

/// Runs `cargo xtask vmtest`.
pub(crate) fn run(args: &VmtestArgs) -> Result<ExitCode> {
    setup::ensure(setup::Purpose::Vmtest)?;
    let has = |part: Part| args.only.is_empty() || args.only.contains(&part);
    let in_machine = [Part::Packets, Part::E2e, Part::Traffic].into_iter().any(has);
    let folder = repo::target_dir().join("vmtest");
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;

    let kernel = if in_machine { Some(kernel::fetch(&folder)?) } else { None };
    let with_packet = has(Part::Host) || has(Part::Packets);
    let binaries = step("build the programs and the tests", || binaries::build(with_packet, has(Part::E2e)))?;

    let mut report = Report::default();
    if has(Part::Host) {
        let plan = Plan { suites: packet_suites(args, &binaries), traffic: None };
        report.host = Some(on_host(&folder, &binaries, &plan)?);
    }
    if let Some(kernel) = kernel {
        let mut plan = Plan::default();
        if has(Part::Packets) {
            let is_left_out = |suite: &Suite| args.packets.is_none() && LONG.contains(&suite.name.as_str());
            plan.suites
                .extend(packet_suites(args, &binaries).into_iter().filter(|suite| !is_left_out(suite)));
            eprintln!(
                "    left out in the machine, because they take hours there: {} (--packets NAME)",
                LONG.join(", ")
            );
        }
        if has(Part::E2e) {
            plan.suites.extend(binaries.e2e.iter().map(|test| suite(test, vec![args.e2e.clone()], 1)));
        }
        if has(Part::Traffic) {
            plan.traffic = Some(traffic(args, &binaries));
        }
        let image = folder.join("initramfs.cpio");
        step("make the initramfs", || initramfs::build(&image, &kernel, &binaries, &plan))?;
        let limit = Duration::from_secs(args.limit * 60);
        report.machine = Some(machine::run(&folder, &kernel, &image, limit)?);
    }
    report.print(args.json)?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn packet_suites(args: &VmtestArgs, binaries: &Binaries) -> Vec<Suite> {
    let only: Vec<String> = args.packets.iter().cloned().collect();
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    // A name may be in some binaries and not in others.
    binaries.packet.iter().map(|test| suite(test, only.clone(), jobs)).collect()
}

fn suite(test: &binaries::Test, only: Vec<String>, jobs: usize) -> Suite {
    Suite {
        name: test.name.clone(),
        binary: test.binary.clone(),
        directory: test.directory.clone(),
        only,
        jobs,
        limit: TEST_LIMIT,
    }
}

fn traffic(args: &VmtestArgs, binaries: &Binaries) -> Traffic {
    Traffic {
        scripts: repo::root().join("deploy/pktgen"),
        programs: binaries.folder.clone(),
        driver: repo::root().join("ebpf/obj/driver.o"),
        time: Duration::from_secs(args.time),
        rounds: args.rounds,
    }
}

/// Runs the plan on this kernel.
fn on_host(folder: &Path, binaries: &Binaries, plan: &Plan) -> Result<Run> {
    eprintln!("==> on this host");
    let path: PathBuf = folder.join("host.json");
    std::fs::write(&path, serde_json::to_vec(plan)?).with_context(|| format!("write {}", path.display()))?;
    let mut child = Command::new(binaries.folder.join("guideway-vm"))
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("start guideway-vm")?;
    let out = child.stdout.take().context("guideway-vm has no output")?;
    let mut run = Run::default();
    for line in std::io::BufRead::lines(std::io::BufReader::new(out)) {
        run.take(&line.context("output of guideway-vm")?);
    }
    let status = child.wait().context("guideway-vm")?;
    if !status.success() {
        anyhow::bail!("guideway-vm ended with {status}");
    }
    Ok(run)
}

/// Does something that takes a while, and says so.
fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("==> {what}");
    let start = Instant::now();
    let result = work().with_context(|| what.to_owned())?;
    eprintln!("    done in {}", seconds(start.elapsed()));
    Ok(result)
}
