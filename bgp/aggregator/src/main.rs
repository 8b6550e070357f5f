//! The command line of bgp-aggregator.
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bgp_aggregator::config::Config;
use bgp_aggregator::daemon;
use clap::{CommandFactory, Parser, Subcommand};
use guideway_bgp_daemon::command::{self, LogFormat};

/// Gathers the routes of many speakers and tells them to routers, with the speakers' next hops.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run until SIGTERM. SIGHUP reads the configuration again.
    Run {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Where the speakers are remembered for the next process.
        #[arg(long, value_name = "DIRECTORY", default_value = "/var/lib/guideway/aggregator")]
        state_dir: PathBuf,
        /// How log lines look. RUST_LOG sets what is logged.
        #[arg(long, value_enum, default_value_t = LogFormat::Text)]
        log_format: LogFormat,
    },
    /// Tell every problem of a configuration file, and exit with 1 if there is one.
    Check {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Print a completion script.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run { config, state_dir, log_format } => run(&config, &state_dir, log_format),
        Command::Check { config } => check(&config),
        Command::Completions { shell } => {
            command::completions(shell, &mut Arguments::command(), "bgp-aggregator").map_err(Into::into)
        }
    };
    command::end(outcome)
}

fn run(config: &Path, state_dir: &Path, log_format: LogFormat) -> anyhow::Result<()> {
    command::log(log_format, "info");
    // Two threads keep one busy peer from delaying the others' KEEPALIVEs.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(daemon::run(config, state_dir))?;
    Ok(())
}

fn check(config: &Path) -> anyhow::Result<()> {
    let parsed = Config::load(config)?;
    writeln!(std::io::stdout(), "{}: right; {} peers", config.display(), parsed.peers.len())?;
    Ok(())
}
