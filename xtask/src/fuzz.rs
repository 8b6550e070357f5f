//! `cargo xtask fuzz`: libFuzzer on the parsers of outside input.
//!
//! The targets are built with the stable toolchain that builds the rest. Coverage comes from LLVM's sancov pass, which
//! `-Cpasses` switches on; no sanitizer is added, because all of the code under test forbids unsafe code. So neither a
//! nightly toolchain nor cargo-fuzz is needed.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::{process, repo, setup};

/// Options of `cargo xtask fuzz`.
#[derive(Args, Debug)]
#[command(after_help = "What is found lies in tests/fuzz/artifacts/TARGET; to run it again:\n    \
                        cargo xtask fuzz TARGET --input FILE\n\
                        New inputs are kept in cargo's target folder, tests/fuzz/seeds/TARGET is only read.")]
pub(crate) struct FuzzArgs {
    /// The target; all of them in turn when left out
    #[arg(value_parser = target_name)]
    target: Option<String>,
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Run this input once instead
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// The targets, which are the binaries of `tests/fuzz`.
const TARGETS: &[&str] = &[
    "bfd_packet",
    "bgp_message",
    "bgp_framing",
    "packet",
    "tunnel",
    "l2_frame",
    "dataplane_config",
    "bgp_config",
    "protobuf",
    "json_patch",
    "field_set",
    "strategic_merge",
    "jwt",
    "store_backup",
    "store_journal",
    "query_string",
    "selector",
    "continue_token",
    "cluster_objects",
    "controller_message",
    "kept_log",
    "crd_schema",
    "custom_resource",
];

/// What `cargo fuzz` passes, less the sanitizer.
const FLAGS: &[&str] = &[
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions",
    "-Coverflow-checks",
];

fn target_name(text: &str) -> Result<String, String> {
    if TARGETS.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("there is no such target; the targets are {}", TARGETS.join(", ")))
}

fn folder() -> PathBuf {
    repo::root().join("tests/fuzz")
}

fn target_dir() -> PathBuf {
    repo::target_dir().join("fuzz")
}

/// Runs `cargo xtask fuzz`.
pub(crate) fn run(args: &FuzzArgs) -> Result<()> {
    setup::ensure(setup::Purpose::Fuzz)?;
    build()?;
    match (&args.target, &args.input) {
        (Some(target), Some(input)) => process::run(Command::new(binary(target)?).arg(input)),
        (Some(target), None) => fuzz(target, args.seconds),
        (None, _) => {
            // What one finds keeps nobody from looking further.
            let found = TARGETS.iter().filter_map(|target| fuzz(target, args.seconds).err());
            let found: Vec<String> = found.map(|error| format!("{error:#}")).collect();
            ensure!(found.is_empty(), found.join("\n"));
            Ok(())
        }
    }
}

/// Compiles the targets without running them, so that they do not rot.
pub(crate) fn check() -> Result<()> {
    process::run(
        process::cargo(&["check", "--quiet", "--locked", "--bins"])
            .current_dir(folder())
            .env("CARGO_TARGET_DIR", repo::target_dir()),
    )
}

fn build() -> Result<()> {
    process::run(
        process::cargo(&["build", "--release", "--locked", "--bins"])
            // The target is given so that the flags do not reach build scripts.
            .args(["--target", &host()?])
            .current_dir(folder())
            .env("CARGO_TARGET_DIR", target_dir())
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f")),
    )
}

fn host() -> Result<String> {
    let version = process::output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

fn binary(target: &str) -> Result<PathBuf> {
    Ok(target_dir().join(host()?).join("release").join(target))
}

fn fuzz(target: &str, seconds: u64) -> Result<()> {
    let corpus = target_dir().join("corpus").join(target);
    let artifacts = folder().join("artifacts").join(target);
    for needed in [&corpus, &artifacts] {
        fs::create_dir_all(needed).with_context(|| format!("cannot make {}", needed.display()))?;
    }
    eprintln!("fuzz: {target} for {seconds} s");
    let status = Command::new(binary(target)?)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-print_final_stats=1", "-timeout=5", "-rss_limit_mb=2048"])
        .arg(&corpus)
        .arg(folder().join("seeds").join(target))
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {target}"))?;
    if !status.success() {
        bail!(
            "{target} failed; the input lies in {}; to run it again: cargo xtask fuzz {target} --input FILE",
            artifacts.display()
        );
    }
    Ok(())
}
