//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use guideway_dataplane_config::ControllerAddress;

use crate::log::LogFormat;

/// Node agent of a Guideway forwarder.
///
/// It loads the XDP forwarder program, keeps its tables equal to the configuration and to the health of the backends,
/// and tells the BGP speaker which addresses to announce. The program, its maps and its links are pinned in a BPF file
/// system, so that packets flow on while the agent is stopped, restarted or upgraded.
#[derive(Debug, Parser)]
#[command(name = "lb-dataplane", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  lb-dataplane check --config /etc/guideway/dataplane.yaml   tell every error of a configuration
  lb-dataplane run --config /etc/guideway/dataplane.yaml     run the agent; stop it with Ctrl-C or SIGTERM
  kill -HUP PID                                              read the configuration again (also done when it changes)
  lb-dataplane detach                                        take the program off the interfaces: traffic stops
  lbctl status                                               ask a running agent how it is";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the agent until SIGTERM or SIGINT. Packets flow on afterwards; see `detach`.
    ///
    /// Exit status: 0 after a signal, 1 on an error, 3 when the pinned maps or program do not fit this agent or this
    /// configuration.
    Run(RunArgs),
    /// Read a configuration and tell every error, one a line as FILE:LINE:COLUMN: FIELD: REASON.
    ///
    /// Needs no privileges and changes nothing. Exit status: 0 when the file is good, 1 when it is not.
    Check(CheckArgs),
    /// Detach the forwarder program from its interfaces, remove all pins and the VIPs' null routes. Its traffic stops.
    ///
    /// Refused while an agent runs on these pins. Withdraw the addresses first (stop bgp-speaker), so that the routers
    /// use other forwarders.
    Detach(DetachArgs),
    /// Get the first certificate of this forwarder from its controller, for a token that counts once.
    ///
    /// The key is made here and stays here. Key, certificate and authority are put where the section `controller` of the
    /// configuration says. Exit status: 0 with a certificate, 1 without.
    Join(JoinArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// See [`Command::Run`].
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Configuration file, read again on SIGHUP and when it changes.
    #[arg(long, value_name = "FILE", default_value = "/etc/guideway/dataplane.yaml")]
    pub config: PathBuf,
    /// Directory on a BPF file system where program, maps and links are pinned.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_PIN_ROOT)]
    pub pin_root: PathBuf,
    /// Directory where the last ten configurations are kept, for `lbctl dataplane history` and `lbctl dataplane rollback`.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/guideway/dataplane")]
    pub state_dir: PathBuf,
    /// How log lines look, on standard error.
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// What is logged: a level (error, warn, info, debug, trace), or a list of TARGET=LEVEL.
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "info")]
    pub log: String,
}

/// See [`Command::Check`].
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/guideway/dataplane.yaml")]
    pub config: PathBuf,
}

/// See [`Command::Join`].
#[derive(Debug, Args)]
pub struct JoinArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/guideway/dataplane.yaml")]
    pub config: PathBuf,
    /// Where a controller gives first certificates (its `enrolment` address).
    #[arg(long, value_name = "HOST:PORT")]
    pub controller: ControllerAddress,
    /// File with what `lb-controller ca token` printed; `-` is standard input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub token_file: PathBuf,
}

/// See [`Command::Detach`].
#[derive(Debug, Args)]
pub struct DetachArgs {
    /// Directory where the agent pinned.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_PIN_ROOT)]
    pub pin_root: PathBuf,
}

const DEFAULT_PIN_ROOT: &str = "/sys/fs/bpf/guideway";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn defaults() {
        let cli = Cli::parse_from(["lb-dataplane", "run", "--config", "x.yaml", "--log-format", "json"]);
        let Command::Run(run) = cli.command else { panic!("not run") };
        assert_eq!(run.log_format, LogFormat::Json);
        assert_eq!(run.pin_root.to_str(), Some(DEFAULT_PIN_ROOT));
    }
}
