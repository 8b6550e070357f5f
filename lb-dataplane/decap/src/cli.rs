//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use guideway_bpf::XdpMode;

use crate::vip::Vip;

/// Something went wrong; what, is on standard error.
pub(crate) const EXIT_FAILED: u8 = 1;
/// `status` only: this backend does not receive what it should.
pub(crate) const EXIT_NOT_READY: u8 = 3;

const EXIT_CODES: &str = "\
Exit codes:
  0  done; for `status`: set up and attached, all VIPs on lo
  1  failed, with the reason on standard error; for `check`: the file has mistakes
  2  wrong usage
  3  `status` only: not set up, not attached, or a VIP is missing on lo";

/// Makes a workload node take the traffic of a load balancer with direct server return.
///
/// The forwarders send a client's packets to this machine in IP-in-IP, GUE or GRE. A program on the receiving interface
/// takes the outer header off, translates the destination to a process or Pod where a service has a target, and the answer
/// leaves straight to the client, with the VIP as its source. The programs stay when this command ends, and until `detach`
/// or the next boot.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Do what a configuration file says until SIGTERM; follow the file when it changes, or at SIGHUP.
    ///
    /// Traffic does not stop when the daemon does.
    #[command(after_help = "Example:\n  lb-decap run --config /etc/guideway/decap.yaml")]
    Run(RunArguments),
    /// Tell the mistakes of a configuration file.
    Check(ConfigArguments),
    /// Receive traffic for exactly these VIPs, or change to them: `run` without a daemon, for whole VIPs.
    ///
    /// May be run again at any time, with other VIPs or after a change of the interface: VIPs that stay are not
    /// interrupted.
    #[command(after_help = "Example:\n  lb-decap up --interface eth0 --vip 203.0.113.10 --vip 2001:db8::10")]
    Up(UpArguments),
    /// Undo what `run` or `up` did: VIPs that were put on lo, settings that were changed, the programs.
    Detach(DetachArguments),
    /// Show interfaces, VIPs, services and packet counters.
    Status(StatusArguments),
    /// Print the completions of a shell.
    #[command(
        after_help = "Example:\n  lb-decap completions bash > /usr/share/bash-completion/completions/lb-decap"
    )]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// How log lines look. RUST_LOG sets what is logged.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    #[command(flatten)]
    pub(crate) pins: PinArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    /// The configuration file.
    #[arg(long = "config", value_name = "FILE")]
    pub(crate) path: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object for each line.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct UpArguments {
    /// Interface that the forwarders' packets come in by. Its MTU should be 88 above that of the clients' packets.
    #[arg(long, value_name = "IF")]
    pub(crate) interface: String,
    /// A VIP that this backend serves, IPv4 or IPv6, without a port. Give it again, or a list, for more.
    #[arg(long = "vip", value_name = "ADDR", required = true, num_args = 1.., value_delimiter = ',')]
    pub(crate) vips: Vec<Vip>,
    /// Where in the receive path the program runs.
    #[arg(long, value_enum, default_value_t = Mode::Native)]
    pub(crate) mode: Mode,
    #[command(flatten)]
    pub(crate) pins: PinArguments,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Form of the output.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) pins: PinArguments,
}

pub(crate) type DetachArguments = PinArguments;

#[derive(Debug, Args)]
pub(crate) struct PinArguments {
    /// Directory that holds the programs; on a BPF file system.
    #[arg(long, value_name = "DIR", default_value = "/sys/fs/bpf/guideway-decap")]
    pub(crate) pin_root: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// In the driver.
    Native,
    /// In the network stack: slower, with any driver.
    Generic,
}

impl From<Mode> for XdpMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Native => Self::Native,
            Mode::Generic => Self::Generic,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command, Mode};
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn vips_come_one_by_one_or_as_a_list() {
        for line in [
            "lb-decap up --interface eth0 --vip 192.0.2.1 --vip 2001:db8::1",
            "lb-decap up --interface eth0 --vip 192.0.2.1 2001:db8::1",
            "lb-decap up --interface eth0 --vip 192.0.2.1,2001:db8::1 --mode native",
        ] {
            let Command::Up(arguments) = Cli::try_parse_from(line.split(' ')).unwrap().command else {
                panic!()
            };
            assert_eq!(arguments.vips.len(), 2);
            assert_eq!(arguments.mode, Mode::Native);
            assert_eq!(arguments.pins.pin_root.to_str(), Some("/sys/fs/bpf/guideway-decap"));
        }
        Cli::try_parse_from(["lb-decap", "up", "--interface", "eth0"]).unwrap_err();
    }
}
