//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use guideway_bgp_daemon::command::LogFormat;

/// Turns the Services of many clusters into one configuration of all forwarders.
///
/// Several controllers may run: one leads, the others keep up and take over when it is gone. Forwarders go on with what they
/// have while there is none.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  lb-controller check --config /etc/guideway/controller.yaml   every problem of the file, with its line
  lb-controller run --config /etc/guideway/controller.yaml     as the systemd unit and the Deployment do
  lbctl services                                               what it has made of the Services"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run until SIGTERM. SIGHUP reads the configuration again.
    Run {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn definitions_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
