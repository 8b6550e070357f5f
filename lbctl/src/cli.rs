use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// See and ask what a Guideway forwarder does.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  lbctl status                                             is this forwarder in order?
  lbctl backends --vip web-v4                              who serves web-v4, and how healthy
  lbctl explain 198.51.100.7:40000 203.0.113.10:80 tcp     which backend takes this flow, and why
  lbctl -o json counters | jq '.counters[] | select(.packets > 0)'

Exit codes: 0 yes or done · 1 the answer is no (see the help of the command) · 2 wrong usage · 3 no answer
from the daemon"
)]
pub(crate) struct Cli {
    /// Unix socket of lb-dataplane, `admin.socket` in its configuration.
    #[arg(
        long,
        global = true,
        value_name = "SOCKET",
        env = "GUIDEWAY_DATAPLANE_SOCKET",
        default_value = guideway_dataplane_admin::DEFAULT_SOCKET
    )]
    pub(crate) dataplane_socket: PathBuf,

    /// Unix socket of bgp-speaker, `admin.socket` in its configuration.
    #[arg(
        long,
        global = true,
        value_name = "SOCKET",
        env = "GUIDEWAY_BGP_SOCKET",
        default_value = guideway_bgp_admin::DEFAULT_SOCKET
    )]
    pub(crate) bgp_socket: PathBuf,

    /// How the answer is printed: a table to read, or JSON with a stable shape.
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,

    /// Seconds to wait for the answer.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) timeout: Duration,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What the forwarder runs: generation, interfaces, last reload, fill of the maps.
    ///
    /// Exits with 1 when something is out of order: no generation is installed, an interface is not attached,
    /// what is desired could not be installed, or the last reload was refused.
    Status,
    /// Every VIP: served and announced or why not, healthy backends, traffic.
    Vips,
    /// Every backend of every VIP: health, slots, traffic.
    ///
    /// With --vip, exits with 1 when no VIP has that name.
    Backends {
        /// Only the backends of the VIP with this name.
        #[arg(long, value_name = "NAME")]
        vip: Option<String>,
    },
    /// Sessions and routes of bgp-speaker.
    Bgp {
        #[command(subcommand)]
        command: BgpCommand,
    },
    /// Packets by verdict and by reason of drop, since the maps were made.
    Counters,
    /// Where a packet of a flow would go, and why.
    ///
    /// The forwarder's own hash and tables answer; no packet is sent. Exits with 1 when no backend would get the
    /// packet: it would be dropped, or it is not for a VIP and would pass to the kernel.
    #[command(after_help = "Examples:
  lbctl explain 198.51.100.7:40000 203.0.113.10:80 tcp
  lbctl explain '[2001:db8:1::7]:40000' '[2001:db8::10]:443' udp")]
    Explain(Flow),
    /// Read the configuration file again, and wait until it is in force or refused.
    ///
    /// Exits with 1 when it is refused; every error of the file is printed, and the forwarder goes on as it was.
    Reload,
    /// Print completions for a shell.
    #[command(after_help = "Example:\n  lbctl completions bash > /etc/bash_completion.d/lbctl")]
    Completions { shell: Shell },
}

#[derive(Debug, Subcommand)]
pub(crate) enum BgpCommand {
    /// Every peer with the state of its session.
    Peers,
    /// The prefixes that the speaker announces, and to whom.
    Routes,
}

#[derive(Debug, Args)]
pub(crate) struct Flow {
    /// Source address and port of the client.
    #[arg(value_name = "SRC:PORT", value_parser = endpoint)]
    pub(crate) source: SocketAddr,
    /// Destination address and port, as the client dials them.
    #[arg(value_name = "DST:PORT", value_parser = endpoint)]
    pub(crate) destination: SocketAddr,
    /// Transport protocol.
    #[arg(value_enum, value_name = "PROTO")]
    pub(crate) protocol: Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

fn endpoint(text: &str) -> Result<SocketAddr, String> {
    let endpoint: SocketAddr = text
        .parse()
        .map_err(|_| "write address:port as in 203.0.113.10:80 or [2001:db8::10]:80".to_owned())?;
    match endpoint {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => {
            Err("an address with a zone crosses no forwarder".to_owned())
        }
        _ => Ok(endpoint),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
        _ => Err("write whole seconds from 1 to 3600".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    /// docs/lbctl.md is the reference: each command has a heading and each option is named.
    #[test]
    fn reference_is_complete() {
        fn walk(command: &clap::Command, path: &str, reference: &str) {
            for option in command.get_opts().filter_map(|option| option.get_long()) {
                assert!(reference.contains(&format!("`--{option}")), "--{option} of {path}");
            }
            for sub in command.get_subcommands() {
                let path = format!("{path} {}", sub.get_name());
                if sub.has_subcommands() {
                    walk(sub, &path, reference);
                } else {
                    assert!(reference.lines().any(|line| line.starts_with(&format!("## `{path}"))), "{path}");
                    walk(sub, &path, reference);
                }
            }
        }
        walk(&Cli::command(), "lbctl", include_str!("../../docs/lbctl.md"));
    }

    #[test]
    fn endpoints() {
        for good in ["203.0.113.10:80", "[2001:db8::10]:443"] {
            assert_eq!(endpoint(good).unwrap().to_string(), good);
        }
        for bad in ["", "203.0.113.10", "2001:db8::10:443", "203.0.113.10:65536", "host:80", "[fe80::1%1]:80"]
        {
            endpoint(bad).unwrap_err();
        }
    }

    #[test]
    fn global_options_stand_anywhere() {
        let cli = Cli::parse_from(["lbctl", "backends", "--vip", "web", "-o", "json", "--timeout", "3"]);
        assert_eq!((cli.output, cli.timeout), (Output::Json, Duration::from_secs(3)));
    }

    #[test]
    fn timeouts() {
        assert_eq!(seconds("30"), Ok(Duration::from_secs(30)));
        for bad in ["", "0", "-1", "1.5", "3601", "1s"] {
            seconds(bad).unwrap_err();
        }
    }
}
