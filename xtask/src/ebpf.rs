//! `cargo xtask ebpf`: the compiled programs of the kernel, which are committed under `ebpf/obj`.
//!
//! They are committed so that nobody needs an eBPF toolchain to build, test or run the rest. So that nobody has to
//! believe in them either, `ebpf/obj/SHA256SUMS` holds the hash of each object and of every source, and `--check`
//! rebuilds the objects from these sources and compares.

mod build;
mod compare;
mod compiler;
mod record;
mod stack;
mod toolchain;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

pub(crate) use compiler::act_as_compiler;
pub(crate) use toolchain::{linker_install_command, linker_is_there};

use crate::{repo, setup};
use record::Record;
use toolchain::Toolchain;

/// Options of `cargo xtask ebpf`.
#[derive(Args, Debug)]
#[command(
    after_help = "The programs are compiled by Debian's rustc-web with LLVM 22 and linked by bpf-linker; all of \
                        this is installed when missing.\n\
                        After a change below ebpf/ run `cargo xtask ebpf` and commit ebpf/obj with the change."
)]
pub(crate) struct EbpfArgs {
    /// Prove that the committed objects match the sources; change nothing
    #[arg(long)]
    check: bool,
    /// With --check: compare the recorded hashes only, which needs no eBPF toolchain
    #[arg(long, requires = "check")]
    hashes_only: bool,
}

/// A program of the kernel.
pub(crate) struct Program {
    /// Name of the folder below `ebpf/`, of its binary, and of the object.
    pub(crate) name: &'static str,
}

/// Every program.
pub(crate) const PROGRAMS: &[Program] =
    &[Program { name: "forwarder" }, Program { name: "decap" }, Program { name: "driver" }];

impl Program {
    fn folder(&self) -> PathBuf {
        repo::root().join("ebpf").join(self.name)
    }

    fn object(&self) -> PathBuf {
        object_dir().join(self.object_name())
    }

    fn object_name(&self) -> String {
        format!("{}.o", self.name)
    }
}

fn object_dir() -> PathBuf {
    repo::root().join("ebpf/obj")
}

/// Runs `cargo xtask ebpf`.
pub(crate) fn run(args: &EbpfArgs) -> Result<()> {
    if !args.check {
        setup::ensure(setup::Purpose::Ebpf)?;
        return rebuild();
    }
    check_hashes()?;
    if !args.hashes_only {
        setup::ensure(setup::Purpose::Ebpf)?;
        check_by_building()?;
    }
    Ok(())
}

fn rebuild() -> Result<()> {
    let toolchain = Toolchain::installed()?;
    fs::create_dir_all(object_dir())?;
    for program in PROGRAMS {
        let object = build::build(program, &toolchain)?;
        stack::check(&object).with_context(|| format!("{}: nothing is written", program.object_name()))?;
        fs::write(program.object(), &object)
            .with_context(|| format!("cannot write {}", program.object().display()))?;
        eprintln!("ebpf: {} ({} bytes)", program.object().display(), object.len());
    }
    Record::of_working_tree(toolchain.versions())?.write()
}

/// Compares the record with the objects and the sources that lie here.
pub(crate) fn check_hashes() -> Result<()> {
    let recorded = Record::read()?;
    let actual = Record::of_working_tree(recorded.toolchain.clone())?;
    let differences = recorded.differences(&actual);
    if !differences.is_empty() {
        bail!(
            "ebpf/obj does not belong to these sources:\n  {}\nrun `cargo xtask ebpf` and commit ebpf/obj with the change",
            differences.join("\n  ")
        );
    }
    for program in PROGRAMS {
        let object = fs::read(program.object())?;
        stack::check(&object).with_context(|| program.object_name())?;
    }
    eprintln!(
        "ebpf: {} objects and {} sources have the recorded hashes",
        PROGRAMS.len(),
        actual.source_count()
    );
    Ok(())
}

/// Builds the objects again and compares them with the committed ones.
pub(crate) fn check_by_building() -> Result<()> {
    let toolchain = Toolchain::installed()?;
    let recorded = Record::read()?.toolchain;
    let same_toolchain = recorded == toolchain.versions();
    for program in PROGRAMS {
        let committed = fs::read(program.object())?;
        let built = build::build(program, &toolchain)?;
        if committed == built {
            eprintln!("ebpf: {} is, byte for byte, what its sources give", program.object_name());
            continue;
        }
        let path = build::kept(program);
        fs::write(&path, &built)?;
        if same_toolchain {
            bail!(
                "{} is not what its sources give with the recorded toolchain ({recorded}); the fresh build is {}.\n\
                 Run `cargo xtask ebpf` and commit ebpf/obj",
                program.object_name(),
                path.display()
            );
        }
        compare::interfaces(&toolchain, &program.object(), &path).with_context(|| {
            format!("{} was built by {recorded}, here is {}", program.object_name(), toolchain.versions())
        })?;
        eprintln!(
            "ebpf: {}: this toolchain ({}) is not the recorded one ({recorded}), so instructions may differ; \
             programs, maps and licence are the same. `cargo xtask ebpf` renews the objects",
            program.object_name(),
            toolchain.versions()
        );
    }
    Ok(())
}
