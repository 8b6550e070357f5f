//! Builds an object whose bytes depend on the sources and the toolchain alone.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Program;
use super::compiler::{SWITCH, TARGET};
use super::toolchain::Toolchain;
use crate::{process, repo};

/// Separates the words of `CARGO_ENCODED_RUSTFLAGS`.
const SEPARATOR: &str = "\x1f";

fn target_dir() -> PathBuf {
    repo::target_dir().join("ebpf")
}

/// Where a fresh build is put that differs from the committed object.
pub(super) fn kept(program: &Program) -> PathBuf {
    target_dir().join(format!("{}.rebuilt.o", program.name))
}

/// Compiles and links `program` and returns the object.
pub(super) fn build(program: &Program, toolchain: &Toolchain) -> Result<Vec<u8>> {
    let manifest = program.folder().join("Cargo.toml");
    // The folders of the sources are known only when they are there.
    process::run(toolchain.cargo().args(["fetch", "--quiet", "--locked", "--manifest-path"]).arg(&manifest))
        .with_context(|| format!("cannot fetch the dependencies of {}", manifest.display()))?;
    process::run(
        toolchain
            .cargo()
            .current_dir(program.folder())
            .args(["build", "--quiet", "--locked", "--release", "-Z", "build-std=core", "--target", TARGET])
            .arg("--manifest-path")
            .arg(&manifest)
            .env("CARGO_TARGET_DIR", target_dir())
            .env("CARGO_ENCODED_RUSTFLAGS", flags()?.join(SEPARATOR))
            .env("RUSTC_WRAPPER", std::env::current_exe()?)
            .env(SWITCH, "1"),
    )?;
    let linked = target_dir().join(TARGET).join("release").join(program.name);
    let stripped = target_dir().join(program.object_name());
    // DWARF is of no use to the kernel, is most of the bytes, and is not BTF, which stays.
    process::run(toolchain.llvm("llvm-strip").arg("-g").arg("-o").arg(&stripped).arg(&linked))?;
    fs::read(&stripped).with_context(|| format!("cannot read {}", stripped.display()))
}

fn flags() -> Result<Vec<String>> {
    // BTF is made from debug information; `--btf` asks bpf-linker for it.
    let mut flags = vec!["-Cdebuginfo=2".to_owned(), "-Clink-arg=--btf".to_owned()];
    // An IP header stands at an odd multiple of two bytes. x86-64 and arm64 read words there at no cost; without this,
    // LLVM puts each of them together from bytes.
    flags.push("-Ctarget-feature=+allows-misaligned-mem-access".to_owned());
    // With 32-bit operations and jumps, which kernels know since 5.1: fewer shifts.
    flags.push("-Ctarget-cpu=v3".to_owned());
    flags.push(format!("--remap-path-prefix={}=/guideway", repo::root().display()));
    for folder in registry_folders()? {
        flags.push(format!("--remap-path-prefix={}=/registry", folder.display()));
    }
    Ok(flags)
}

/// Cargo names the folder of a registry's sources after the registry, which may be a mirror.
fn registry_folders() -> Result<Vec<PathBuf>> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set")?;
    let sources = home.join("registry/src");
    let mut folders = Vec::new();
    for entry in fs::read_dir(&sources).with_context(|| format!("cannot read {}", sources.display()))? {
        folders.push(entry?.path());
    }
    folders.sort();
    Ok(folders)
}
