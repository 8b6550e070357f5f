//! What a command needs of the machine: Debian packages, cargo programs, a mounted bpffs and abilities of the kernel.
//!
//! Every other command calls [`ensure`] first. Nothing is installed silently: each missing thing is named with the
//! reason why it is needed. As root on Debian it is installed, otherwise the commands to type are printed and the exit
//! status is 3.

mod kernel;
mod packages;
mod tools;

use std::fmt;

use anyhow::Result;
use clap::{Args, ValueEnum};

pub(crate) use kernel::is_root;

/// Options of `cargo xtask setup`.
#[derive(Args, Debug)]
#[command(
    after_help = "The other commands do this themselves; use this one to prepare a machine or an image.\n\
                        Needs Debian 12 (other systems: install the named programs by hand)."
)]
pub(crate) struct SetupArgs {
    /// The command to prepare
    #[arg(value_enum, default_value = "all")]
    purpose: Purpose,
    /// Install nothing; only say what is missing
    #[arg(long)]
    dry_run: bool,
}

/// A command that has needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Purpose {
    /// `cargo xtask demo`
    Demo,
    /// `cargo xtask test`
    Test,
    /// `cargo xtask test --no-root`
    TestNoRoot,
    /// `cargo xtask bench dataplane`
    Bench,
    /// `cargo xtask bench bgp`
    BenchBgp,
    /// `cargo xtask ebpf`
    Ebpf,
    /// `cargo xtask fuzz`
    Fuzz,
    /// `cargo xtask static`
    Static,
    /// `cargo xtask vmtest`
    Vmtest,
    /// All of them
    All,
}

impl Purpose {
    /// Whether network namespaces are made and eBPF programs are loaded.
    const fn uses_the_kernel(self) -> bool {
        matches!(self, Self::Demo | Self::Test | Self::Bench | Self::Vmtest | Self::All)
    }
}

/// A thing that is not there.
#[derive(Debug, PartialEq, Eq)]
struct Need {
    /// What it is.
    name: String,
    /// Why it is needed.
    why: String,
    /// What to type to get it; none when the machine cannot give it.
    remedy: Option<String>,
}

/// Error: something is missing that we cannot or may not install.
#[derive(Debug)]
pub(crate) struct Missing {
    needs: Vec<Need>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "this machine lacks something:")?;
        for need in &self.needs {
            writeln!(f, "  - {}: {}", need.name, need.why)?;
        }
        let remedies: Vec<&str> = self.needs.iter().filter_map(|need| need.remedy.as_deref()).collect();
        if !remedies.is_empty() {
            writeln!(f, "type this as root, then try again:")?;
            for remedy in remedies {
                writeln!(f, "    {remedy}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Missing {}

/// Whether missing things are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// When we may.
    Install,
    /// Only reported.
    Report,
}

/// Runs `cargo xtask setup`.
pub(crate) fn run(args: &SetupArgs) -> Result<()> {
    satisfy(args.purpose, if args.dry_run { Mode::Report } else { Mode::Install })?;
    eprintln!("setup: everything is there");
    Ok(())
}

/// Makes sure that the machine has what `purpose` needs.
pub(crate) fn ensure(purpose: Purpose) -> Result<()> {
    satisfy(purpose, Mode::Install)
}

/// Whether the machine has what `purpose` needs; changes nothing.
pub(crate) fn is_ready(purpose: Purpose) -> bool {
    satisfy(purpose, Mode::Report).is_ok()
}

fn satisfy(purpose: Purpose, mode: Mode) -> Result<()> {
    let mut needs = Vec::new();
    // Packages first: the checks after them use their programs.
    needs.extend(packages::satisfy(purpose, mode)?);
    if needs.is_empty() {
        needs.extend(tools::satisfy(purpose, mode)?);
    }
    if purpose.uses_the_kernel() {
        needs.extend(kernel::satisfy(mode)?);
    }
    if needs.is_empty() { Ok(()) } else { Err(Missing { needs }.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_thing_comes_with_its_reason_and_what_to_type() {
        let missing = Missing {
            needs: vec![
                Need {
                    name: "package bird2".into(),
                    why: "the router".into(),
                    remedy: Some("apt-get install bird2".into()),
                },
                Need { name: "BTF".into(), why: "map definitions".into(), remedy: None },
            ],
        };
        assert_eq!(
            missing.to_string(),
            "this machine lacks something:\n  - package bird2: the router\n  - BTF: map definitions\n\
             type this as root, then try again:\n    apt-get install bird2\n"
        );
    }
}
