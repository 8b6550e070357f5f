//! The command line of bgp-speaker.
#![forbid(unsafe_code)]

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bgp_speaker::config::Config;
use bgp_speaker::daemon;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

/// Announces the VIPs that this forwarder serves to its BGP peers.
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
        /// Where the time of the last sign of life and drains are kept for the next process.
        #[arg(long, value_name = "DIRECTORY", default_value = "/var/lib/guideway/bgp")]
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

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object for each line.
    Json,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run { config, state_dir, log_format } => run(&config, &state_dir, log_format),
        Command::Check { config } => check(&config),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "bgp-speaker", &mut script);
            std::io::stdout().write_all(&script).map_err(Into::into)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading.
            let _unread = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: &Path, state_dir: &Path, log_format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::INFO.into()).from_env_lossy();
    // A log that nobody reads any more must not end the speaker: without this the subscriber panics over it.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    match log_format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
    // Peers and the agent need little, and take turns. One thread keeps its memory together: each further one brings an arena
    // of the allocator's, which costs megabytes when tens of thousands of routes come and go. Nothing blocks it: files that
    // are written while it runs have threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(daemon::run(config, state_dir))?;
    Ok(())
}

fn check(config: &Path) -> anyhow::Result<()> {
    let parsed = Config::load(config)?;
    writeln!(std::io::stdout(), "{}: right; {} peers", config.display(), parsed.peers.len())?;
    Ok(())
}
