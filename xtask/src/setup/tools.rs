//! Programs that cargo installs, and a target of rustup. They need no root.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Mode, Need, Purpose};
use crate::ebpf;
use crate::{process, static_build};

/// The version that is known to build with the oldest Rust that we support.
const NEXTEST_VERSION: &str = "0.9.143";

/// Installs what is missing, or returns it.
pub(super) fn satisfy(purpose: Purpose, mode: Mode) -> Result<Vec<Need>> {
    let mut needs = Vec::new();
    if matches!(purpose, Purpose::Test | Purpose::TestNoRoot | Purpose::All) && !nextest_is_there() {
        needs.extend(nextest(mode)?);
    }
    if matches!(purpose, Purpose::Test | Purpose::Ebpf | Purpose::All) && !ebpf::linker_is_there() {
        needs.extend(bpf_linker(mode)?);
    }
    if matches!(purpose, Purpose::Static | Purpose::All) && !musl_is_there() {
        let mut command = Command::new("rustup");
        command.args(["target", "add", static_build::TARGET]);
        needs.extend(install("the target of musl", "is Rust's library for static programs", command, mode)?);
    }
    Ok(needs)
}

fn musl_is_there() -> bool {
    let folder = process::output(Command::new("rustc").args([
        "--print",
        "target-libdir",
        "--target",
        static_build::TARGET,
    ]));
    folder.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

fn nextest_is_there() -> bool {
    process::succeeds(Command::new("cargo").args(["nextest", "--version"]))
}

fn nextest(mode: Mode) -> Result<Option<Need>> {
    let mut command = Command::new("cargo");
    command.args(["install", "cargo-nextest", "--version", NEXTEST_VERSION, "--locked"]);
    // Its own folder would otherwise be our target folder.
    command.env_remove("CARGO_TARGET_DIR");
    install("cargo-nextest", "runs the tests (some minutes to build)", command, mode)
}

fn bpf_linker(mode: Mode) -> Result<Option<Need>> {
    install(
        "bpf-linker",
        "links the eBPF programs (about a minute to build)",
        ebpf::linker_install_command(),
        mode,
    )
}

fn install(name: &str, why: &str, mut command: Command, mode: Mode) -> Result<Option<Need>> {
    if mode == Mode::Report {
        let remedy = Some(process::command_line(&command));
        return Ok(Some(Need { name: name.into(), why: format!("it {why}"), remedy }));
    }
    eprintln!("setup: installing {name}: it {why}");
    process::run(&mut command).with_context(|| format!("cannot install {name}"))?;
    Ok(None)
}
