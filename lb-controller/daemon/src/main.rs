//! The command line of lb-controller.
#![forbid(unsafe_code)]

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use guideway_bgp_daemon::command::{self, LogFormat};
use lb_controller::cli::{Arguments, Command};
use lb_controller::config::Config;
use lb_controller::run;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run { config, log_format } => start(&config, log_format),
        Command::Check { config } => check(&config),
        Command::Ca(ca) => run::ca(ca),
        Command::Completions { shell } => {
            command::completions(shell, &mut Arguments::command(), "lb-controller").map_err(Into::into)
        }
    };
    command::end(outcome)
}

/// What goes wrong with a cluster is told once, and not by the library for each attempt.
const LOG: &str = "info,kube_client::client::builder=off";

fn start(config: &Path, log_format: LogFormat) -> anyhow::Result<()> {
    command::log(log_format, LOG);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(run::run(config));
    // What still writes to somebody who does not read does not hold the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    result
}

fn check(path: &Path) -> anyhow::Result<()> {
    let config = Config::load(path)?;
    config.check_services()?;
    writeln!(std::io::stdout(), "{}: right; {}", path.display(), config.summary())?;
    Ok(())
}
