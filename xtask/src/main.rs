//! `cargo xtask`: every developer command.
//!
//! The commands install what they need (see [`setup`]) and then drive cargo, the eBPF toolchain and the lab. They use
//! processes and files only; what they build lies in cargo's target folder.
#![forbid(unsafe_code)]

mod bench;
mod crds;
mod demo;
mod ebpf;
mod fuzz;
mod process;
mod repo;
mod schema;
mod setup;
mod static_build;
mod steps;
mod test;
mod vmtest;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Developer commands of Guideway",
    after_help = "Start with `cargo xtask demo` to see a load balancer work and `cargo xtask test` to check all of it.\n\
                  Both want root, because they use network namespaces and load eBPF programs; on Debian 12 they \
                  install what is missing themselves and say what and why.\n\n\
                  Exit status: 0 done, 1 something failed, 2 wrong usage, 3 something must be installed or allowed \
                  first (the text says what to type)."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything and show it at work: router, forwarders, backends and load, then failures
    Demo(demo::DemoArgs),
    /// Check everything: format, lints, docs, eBPF objects, unit, packet and end-to-end tests
    Test(test::TestArgs),
    /// Measure time per packet, table builds and changes
    Bench(bench::BenchArgs),
    /// Rebuild the committed eBPF objects, or prove that they match the sources
    Ebpf(ebpf::EbpfArgs),
    /// Derive the committed tables of Kubernetes' API again, or prove that they match their sources
    Schema(schema::SchemaArgs),
    /// Write the definitions of custom resources again, or prove that they match the sources
    Crds(crds::CrdsArgs),
    /// Feed random bytes to the parsers of outside input (libFuzzer)
    Fuzz(fuzz::FuzzArgs),
    /// Run packet tests, an end-to-end test and real traffic on another kernel, in a virtual machine
    Vmtest(vmtest::VmtestArgs),
    /// Build programs that need no shared library (musl)
    Static(static_build::StaticArgs),
    /// Check what a command needs and install what is missing
    Setup(setup::SetupArgs),
}

fn main() -> ExitCode {
    if let Some(code) = ebpf::act_as_compiler() {
        return code;
    }
    let result = match Cli::parse().command {
        Command::Demo(args) => setup::ensure(setup::Purpose::Demo).and_then(|()| demo::run(args)),
        Command::Test(args) => test::run(&args),
        Command::Bench(args) => bench::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Ebpf(args) => ebpf::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Schema(args) => schema::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Crds(args) => crds::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Fuzz(args) => fuzz::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Vmtest(args) => vmtest::run(&args),
        Command::Static(args) => setup::ensure(setup::Purpose::Static).and_then(|()| {
            static_build::run(&args)?;
            Ok(ExitCode::SUCCESS)
        }),
        Command::Setup(args) => setup::run(&args).map(|()| ExitCode::SUCCESS),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            if error.is::<setup::Missing>() { ExitCode::from(3) } else { ExitCode::FAILURE }
        }
    }
}
