//! `lb-decap`: makes a workload node take encapsulated traffic for VIPs.
//!
//! ```text
//! run      the daemon: applies a configuration file, follows it, answers `lbctl decap` and metrics
//! up       applies whole VIPs given as arguments, and ends
//! status   reads back what is pinned
//! detach   undoes what run or up did, and nothing else
//! ```
//!
//! What was found before a change is kept beside the pinned programs, so that there is no state file that could disagree
//! with them.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod admin;
mod apply;
mod cli;
mod config;
mod daemon;
mod detach;
mod kubernetes;
mod loopback;
mod metrics;
mod say;
mod socket;
mod status;
mod sysctl;
mod up;
mod vip;
mod wanted;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use cli::{Cli, Command};
use config::Config;
use say::say;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(arguments) => daemon::run(&arguments).await.map(|()| ExitCode::SUCCESS),
        Command::Check(arguments) => check(&arguments.path),
        Command::Up(arguments) => up::up(&arguments).await.map(|()| ExitCode::SUCCESS),
        Command::Detach(arguments) => detach::detach(&arguments.pin_root).await.map(|()| ExitCode::SUCCESS),
        Command::Status(arguments) => status::status(&arguments).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "lb-decap", &mut script);
            say::answer(&script).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
    };
    result.unwrap_or_else(|error| {
        let _nobody_listens = writeln!(std::io::stderr(), "lb-decap: {error:#}");
        ExitCode::from(cli::EXIT_FAILED)
    })
}

fn check(path: &std::path::Path) -> anyhow::Result<ExitCode> {
    match Config::load(path) {
        Ok(config) => {
            say!("{}: right; {} services", path.display(), config.wanted.services.len());
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ config::ConfigError::Wrong { .. }) => {
            // One mistake a line, each with its place, as editors read them.
            let _nobody_listens = writeln!(std::io::stderr(), "{error}");
            Ok(ExitCode::from(cli::EXIT_FAILED))
        }
        Err(error) => Err(error.into()),
    }
}
