//! `cargo xtask static`: programs that run on any x86-64 Linux, because they need no shared library.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{process, repo};

/// Rust's target for musl, a C library that is made to be linked statically. With glibc, names would be resolved by shared
/// libraries after all.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-musl";

/// Options of `cargo xtask static`.
#[derive(Args, Debug)]
#[command(
    after_help = "The programs lie in target/x86_64-unknown-linux-musl/release; their paths are printed."
)]
pub(crate) struct StaticArgs {
    /// A program to build; may be given more than once
    #[arg(long = "bin", value_name = "NAME", default_values_t = ["orchestrator".to_owned(), "lbctl".to_owned()])]
    bins: Vec<String>,
}

/// Runs `cargo xtask static`.
pub(crate) fn run(args: &StaticArgs) -> Result<()> {
    let mut command = process::cargo(&["build", "--release", "--target", TARGET]);
    for bin in &args.bins {
        command.args(["--bin", bin]);
    }
    process::run(&mut command)?;
    for bin in &args.bins {
        let path = place(bin);
        let headers = process::output(Command::new("readelf").arg("--program-headers").arg(&path))?;
        if headers.contains("INTERP") {
            bail!("{} asks for a dynamic loader: it is not static", path.display());
        }
        process::output(Command::new(&path).arg("--version"))
            .with_context(|| format!("{} does not run", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

fn place(bin: &str) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repo::root().join("target"), PathBuf::from);
    target.join(TARGET).join("release").join(bin)
}
