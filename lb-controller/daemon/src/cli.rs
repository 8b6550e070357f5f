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
    /// Tell every problem of a configuration file, or of the file of Services that it names, and exit with 1 if there is one.
    Check {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Make certificates of forwarders, or what they get one with.
    #[command(subcommand)]
    Ca(Ca),
    /// Print a completion script.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// What to do with certificates. All are in the folder of the configuration file, which all controllers share.
#[derive(Debug, Subcommand)]
pub enum Ca {
    /// Make the authority that signs certificates. To be done once, before the first start.
    Init {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Print a token by which a forwarder gets its first certificate, once.
    Token {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The name of the forwarder.
        #[arg(value_name = "FORWARDER")]
        name: String,
        /// For how many minutes it is good.
        #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_080))]
        minutes: u32,
    },
    /// Write FORWARDER.crt and FORWARDER.key, for a forwarder that cannot ask for a certificate by itself.
    Forwarder {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The name of the forwarder.
        #[arg(value_name = "FORWARDER")]
        name: String,
        /// The folder to write to.
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        out: PathBuf,
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
