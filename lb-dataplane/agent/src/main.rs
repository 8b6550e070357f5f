//! `lb-dataplane`: the node agent of a Guideway forwarder. See the library.
#![forbid(unsafe_code)]

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use guideway_dataplane::check::{self, Verdict};
use guideway_dataplane::cli::{Cli, Command, RunArgs};
use guideway_dataplane::error::chain;
use guideway_dataplane::run::RunError;
use guideway_dataplane::{log, null_route, run};

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(args) => run_agent(args),
        Command::Check(args) => {
            match check::check(&args.config, &mut io::stdout().lock(), &mut io::stderr().lock()) {
                Ok(Verdict::Good) => ExitCode::SUCCESS,
                Ok(Verdict::Bad) => ExitCode::FAILURE,
                Err(error) => failed(&error),
            }
        }
        Command::Detach(args) => detach(&args.pin_root),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "lb-dataplane", &mut io::stdout().lock());
            ExitCode::SUCCESS
        }
    }
}

fn run_agent(args: RunArgs) -> ExitCode {
    if let Err(error) = log::start(args.log_format, &args.log) {
        return failed(&error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run::run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let RunError::Config(errors) = &error {
                errors.iter().for_each(|error| eprintln!("{error}"));
            }
            failed(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn detach(pin_root: &Path) -> ExitCode {
    match guideway_bpf::Dataplane::remove(pin_root) {
        Ok(true) => println!("{}: the forwarder is detached and removed", pin_root.display()),
        Ok(false) => println!("{}: nothing is pinned here", pin_root.display()),
        Err(error) => return failed(&error),
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(null_route::remove_all()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("lb-dataplane: {}", chain(error));
    ExitCode::FAILURE
}
