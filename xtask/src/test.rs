//! `cargo xtask test`: everything that must hold, in the order of how fast it fails.

mod purity;
mod unsafety;

use std::io::Write as _;
use std::num::NonZero;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::process::{cargo, run as run_command};
use crate::setup::Purpose;
use crate::steps::{self, Step};
use crate::{crds, ebpf, fuzz, schema, setup};

/// Options of `cargo xtask test`.
#[derive(Args, Debug)]
#[command(
    after_help = "Wants root for the packet tests (programs are loaded into the kernel) and the end-to-end tests \
                        (network namespaces). Without root:\n    cargo xtask test --no-root\n\
                        One step alone (--list names them):\n    cargo xtask test --only lints\n\
                        One test alone:\n    cargo nextest run -p guideway-packet-tests NAME"
)]
pub(crate) struct TestArgs {
    /// Run only what needs no root, and say what is left out
    #[arg(long, visible_alias = "unit")]
    no_root: bool,
    /// Run this step alone; can be given more than once
    #[arg(long, value_name = "STEP", value_parser = step_name)]
    only: Vec<String>,
    /// Name the steps and stop
    #[arg(long)]
    list: bool,
}

/// The packages whose tests want root, and what they check.
const ROOT_PACKAGES: &[(&str, &str)] = &[
    ("guideway-e2e", "end-to-end tests in network namespaces"),
    ("guideway-interop", "BGP with real daemons in network namespaces"),
    ("guideway-packet-tests", "packets through the programs in the kernel"),
];

/// In any package, tests in a module of this name want root.
const ROOT_MODULE: &str = "needs_root";

/// Packages outside the main workspace, which its commands do not reach.
const OTHER_WORKSPACES: &[&str] =
    &["ebpf/decap", "ebpf/forwarder", "ebpf/xdp", "orchestrator/generate", "tests/fuzz"];

const STEPS: &[Step] = &[
    Step { name: "format", about: "rustfmt would change nothing", needs: None, run: format },
    Step {
        name: "purity",
        about: "pure crates do no input or output and read no clock",
        needs: None,
        run: |_| purity::check(),
    },
    Step {
        name: "unsafe",
        about: "unsafe code in one userspace crate only",
        needs: None,
        run: |_| unsafety::check(),
    },
    Step { name: "lints", about: "rustc and clippy have nothing to say", needs: None, run: lints },
    Step {
        name: "docs",
        about: "the documentation builds and its links lead somewhere",
        needs: None,
        run: docs,
    },
    Step {
        name: "ebpf",
        about: "the committed eBPF objects are what their sources give",
        needs: Some(Purpose::Ebpf),
        run: objects,
    },
    Step {
        name: "schema",
        about: "the committed tables of Kubernetes' API are what their sources give",
        needs: None,
        run: |_| schema::check(),
    },
    Step {
        name: "crds",
        about: "the committed definitions of custom resources are what their sources give",
        needs: None,
        run: |_| crds::check(),
    },
    Step { name: "fuzz", about: "the fuzz targets compile", needs: Some(Purpose::Fuzz), run: fuzz_targets },
    Step { name: "build", about: "all binaries, as the end-to-end tests run them", needs: None, run: build },
    Step { name: "doctests", about: "the examples in the documentation run", needs: None, run: doctests },
    Step {
        name: "tests",
        about: "unit, packet and end-to-end tests",
        needs: Some(Purpose::Test),
        run: tests,
    },
];

fn step_name(text: &str) -> Result<String, String> {
    if STEPS.iter().any(|step| step.name == text) {
        return Ok(text.to_owned());
    }
    let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
    Err(format!("there is no such step; the steps are {}", names.join(", ")))
}

/// Runs `cargo xtask test`.
///
/// After the last step nothing is written, so that the output ends with the test runner's own summary.
pub(crate) fn run(args: &TestArgs) -> Result<ExitCode> {
    if args.list {
        for step in STEPS {
            // The reader may have gone, as in `--list | head -1`.
            let _ = writeln!(std::io::stdout(), "{:<10}{}", step.name, step.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = |step: &&Step| args.only.is_empty() || args.only.iter().any(|name| name == step.name);
    if args.no_root {
        setup::ensure(Purpose::TestNoRoot)?;
    } else if args.only.is_empty() {
        // All at once, so that nobody waits ten minutes to learn that a package is missing.
        setup::ensure(Purpose::Test)?;
    } else {
        STEPS.iter().filter(chosen).filter_map(|step| step.needs).try_for_each(setup::ensure)?;
    }
    let mut steps = STEPS.iter().filter(chosen).peekable();
    while let Some(step) = steps.next() {
        let no_root = if args.no_root { " --no-root" } else { "" };
        let took = steps::run(step, args, &format!("cargo xtask test{no_root} --only {}", step.name))?;
        // The last word is the test runner's summary.
        if steps.peek().is_some() {
            eprintln!("    {} done in {}", step.name, steps::seconds(took));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn format(_: &TestArgs) -> Result<()> {
    run_command(&mut cargo(&["fmt", "--all", "--check"]))?;
    for folder in OTHER_WORKSPACES {
        run_command(&mut cargo(&["fmt", "--check", "--manifest-path", &format!("{folder}/Cargo.toml")]))?;
    }
    Ok(())
}

fn lints(_: &TestArgs) -> Result<()> {
    run_command(&mut cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn docs(_: &TestArgs) -> Result<()> {
    // There are no examples: with this word dependencies have the features that clippy has just looked at them with.
    let targets = ["--lib", "--bins", "--examples"];
    let mut command = cargo(&["doc", "--quiet", "--workspace", "--no-deps"]);
    run_command(command.args(targets).env("RUSTDOCFLAGS", "-D warnings"))
}

fn objects(args: &TestArgs) -> Result<()> {
    ebpf::check_hashes()?;
    if args.no_root && !setup::is_ready(Purpose::Ebpf) {
        eprintln!("    left out: building the objects again, because the eBPF toolchain is not installed");
        eprintln!("    (`cargo xtask setup ebpf` installs it)");
        return Ok(());
    }
    ebpf::check_by_building()
}

fn fuzz_targets(args: &TestArgs) -> Result<()> {
    if args.no_root && !setup::is_ready(Purpose::Fuzz) {
        eprintln!(
            "    left out: g++, which compiles libFuzzer, is not installed (`cargo xtask setup fuzz` does it)"
        );
        return Ok(());
    }
    fuzz::check()
}

fn build(_: &TestArgs) -> Result<()> {
    // There are no examples: with this word they get the features that tests want, too. The two steps after this one would
    // build nearly every dependency again otherwise.
    run_command(&mut cargo(&["build", "--quiet", "--workspace", "--bins", "--examples"]))
}

fn doctests(_: &TestArgs) -> Result<()> {
    run_command(&mut cargo(&["test", "--quiet", "--workspace", "--doc"]))
}

fn tests(args: &TestArgs) -> Result<()> {
    let mut command = cargo(&["nextest", "run", "--workspace"]);
    // Most tests wait for daemons and timers: those of three for each CPU leave room for those that do not.
    let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
    command.args(["--test-threads", &(3 * cpus).to_string()]);
    if args.no_root {
        for (package, what) in ROOT_PACKAGES {
            eprintln!("    left out: {package} ({what}), which needs root");
        }
        eprintln!("    left out: tests in modules named {ROOT_MODULE}");
        command.args(["-E", &without_root()]);
    }
    run_command(&mut command)
}

/// The tests that need no root, in nextest's filter language.
fn without_root() -> String {
    let packages = ROOT_PACKAGES.iter().map(|(package, _)| format!("package({package})"));
    let root: Vec<String> = packages.chain([format!("test({ROOT_MODULE}::)")]).collect();
    format!("not ({})", root.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_names_every_kind_of_test_that_needs_root() {
        assert_eq!(
            without_root(),
            "not (package(guideway-e2e) | package(guideway-interop) | package(guideway-packet-tests) | test(needs_root::))"
        );
    }

    #[test]
    fn the_test_runner_comes_last() {
        assert_eq!(STEPS.last().map(|step| step.name), Some("tests"));
        assert!(step_name("lints").is_ok());
        assert!(step_name("lint").is_err_and(|error| error.contains("lints, docs")));
    }
}
