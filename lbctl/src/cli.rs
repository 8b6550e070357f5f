//! The command line.

mod bgp;
mod controller;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use bgp::{BgpCommand, DrainArgs};
pub(crate) use controller::{ApplyArgs, DataplaneCommand, DiffArgs, ImportCommand};

/// See and ask what a Guideway forwarder does, and what the controller of all forwarders does.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  lbctl status                                             is this forwarder in order?
  lbctl backends --vip web-v4                              who serves web-v4, and how healthy
  lbctl explain 198.51.100.7:40000 203.0.113.10:80 tcp     which backend takes this flow, and why
  lbctl sets                                               do flows of an earlier change still need care?
  lbctl dataplane history                                  earlier configurations of this forwarder
  lbctl services                                           what the controller has made of the Services
  lbctl diff && lbctl apply --yes                          what waits for a decision, and take it
  lbctl history && lbctl rollback 12                       back to generation 12 on all forwarders
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

    /// Unix socket of lb-bfd, its `--socket`.
    #[arg(
        long,
        global = true,
        value_name = "SOCKET",
        env = "GUIDEWAY_BFD_SOCKET",
        default_value = guideway_bgp_admin::bfd::DEFAULT_SOCKET
    )]
    pub(crate) bfd_socket: PathBuf,

    /// Unix socket of lb-decap, on a workload node.
    #[arg(
        long,
        global = true,
        value_name = "SOCKET",
        env = "GUIDEWAY_DECAP_SOCKET",
        default_value = guideway_dataplane_admin::decap::DEFAULT_SOCKET
    )]
    pub(crate) decap_socket: PathBuf,

    /// Unix socket of lb-controller, `admin.socket` in its configuration.
    #[arg(
        long,
        global = true,
        value_name = "SOCKET",
        env = "GUIDEWAY_CONTROLLER_SOCKET",
        default_value = guideway_controller_admin::DEFAULT_SOCKET
    )]
    pub(crate) controller_socket: PathBuf,

    /// How the answer is printed: a table to read, or JSON with a stable shape.
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,

    /// How long to wait for the answer: seconds, or with units as in 1m30s [default: 10s]. Of `bgp drain`: how long
    /// flows may take to end [default: what the speaker's configuration says].
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub(crate) timeout: Option<Duration>,

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
    /// Every VIP: served and announced or why not, affinity, healthy backends, traffic.
    Vips,
    /// Every backend of every VIP: health, state, slots, traffic.
    ///
    /// The state says what a backend is sent: everything (serving), only the flows that it has (draining), or nothing
    /// (dead). A backend that the configuration no longer has is listed as draining, left, until its set has
    /// settled; then it can be switched off. With --vip, exits with 1 when no VIP has that name.
    Backends {
        /// Only the backends of the VIP with this name.
        #[arg(long, value_name = "NAME")]
        vip: Option<String>,
    },
    /// Every backend set: encapsulation, and how far its flows have settled after the last changes.
    ///
    /// A slot of the lookup table is unsettled while a live flow of it may be on an earlier backend: after a change
    /// for the set's drain window. A held slot changes later, because its flows may be on three backends already.
    /// Established flows of slots at risk were moved by the last change: no table was free to remember where they were.
    Sets,
    /// The way to every backend: interface, neighbour and MTU of its next hops.
    ///
    /// Where the source is `kernel`, lb-dataplane has no current answer and the program asks the kernel for each
    /// packet, which works and is slower; the problem says why.
    Routes,
    /// lb-dataplane's own history: configurations of this forwarder's file.
    Dataplane {
        #[command(subcommand)]
        command: DataplaneCommand,
    },
    /// lb-controller: every Service of every cluster: addresses, shard, backends, who announces it, what is wrong.
    ///
    /// Below the table: clusters that do not answer or cannot be read, and what is wrong with Services and custom resources.
    #[command(after_help = "Examples:
  lbctl services
  lbctl services -o json | jq '.services[] | select(.problems != [])'      what is wrong with whom
  lbctl services -o json | jq '.clusters[] | select(.reachable | not)'     clusters that are stale")]
    Services,
    /// lb-controller: every pool of addresses, and how full it is.
    #[command(after_help = "Examples:
  lbctl pools
  lbctl pools -o json | jq '.pools[] | select(.free == 0) | .name'     which are full")]
    Pools,
    /// lb-controller: every forwarder: whether it serves what is committed, and what it announces.
    ///
    /// Below the table: who dialled and was refused, and why. To let a forwarder in, make a Forwarder object of its name; to shut
    /// it out, delete the object.
    #[command(after_help = "Examples:
  lbctl forwarders
  lbctl forwarders -o json | jq '.forwarders[] | select(.current | not)'   who is behind, fenced or away")]
    Forwarders,
    /// lb-controller: every shard: its forwarders, those that leave it, and its VIPs.
    #[command(after_help = "Examples:
  lbctl shards
  lbctl shards -o json | jq '.shards[] | select(.leaving != [])'           which move now")]
    Shards,
    /// lb-controller: who leads, what is committed, what is under way, and what each forwarder serves.
    #[command(after_help = "Examples:
  lbctl generations
  lbctl generations -o json | jq .committed      what forwarders are to serve")]
    Generations,
    /// lb-controller: what the next generation would change, and what flows it would disturb.
    #[command(after_help = "Examples:
  lbctl diff           what is under way or wanted, against what is committed
  lbctl diff 12        what going back to generation 12 would change")]
    Diff(DiffArgs),
    /// lb-controller: take the disruption of a generation that waits, and wait until it is committed.
    ///
    /// Without --yes it tells what waits, and exits with 1 when something does. The consent holds for what takes the place
    /// of that generation meanwhile, as long as it disturbs no more. Exits with 1 when it is refused.
    #[command(after_help = "Examples:
  lbctl apply                  does something wait?
  lbctl diff                   what it would change, and disturb
  lbctl apply --yes            take that
  lbctl apply --yes --timeout 5m   when forwarders need long to prepare")]
    Apply(ApplyArgs),
    /// lb-controller: generations that were committed or given up, latest first.
    #[command(after_help = "Examples:
  lbctl history
  lbctl history -o json | jq '.generations[] | select(.at_hand)'     which `lbctl rollback` can go back to")]
    History,
    /// lb-controller: put the content of an earlier generation in force again on all forwarders.
    ///
    /// It becomes a new generation; what Kubernetes says is not rolled out until `lbctl resume`. Exits with 1 when nobody
    /// has the content any more, when it is refused, and when it waits for `lbctl apply --yes`.
    #[command(after_help = "Example:\n  lbctl history && lbctl diff 12 && lbctl rollback 12")]
    Rollback {
        /// A generation that `lbctl history` shows as at hand.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        generation: u64,
    },
    /// lb-controller: end a rollback, so that what Kubernetes says is rolled out again.
    ///
    /// Exits with 0 as well when nothing was rolled back. What comes then is a change like any other: above the budget it waits.
    #[command(after_help = "Example:\n  lbctl resume && lbctl diff")]
    Resume,
    /// What of another load balancer's configuration carries over.
    Import {
        #[command(subcommand)]
        command: ImportCommand,
    },
    /// Sessions, routes and drain of bgp-speaker (with another --bgp-socket, of bgp-aggregator).
    Bgp {
        #[command(subcommand)]
        command: BgpCommand,
    },
    /// lb-bfd: the paths to the peers.
    Bfd {
        #[command(subcommand)]
        command: BfdCommand,
    },
    /// lb-decap, on a workload node.
    Decap {
        #[command(subcommand)]
        command: DecapCommand,
    },
    /// Packets by verdict and by reason of drop, and events on their way, since the maps were made.
    Counters,
    /// Where a packet of a flow would go, and why.
    ///
    /// The forwarder's own hash and tables answer, for the first packet of the flow; no packet is sent. The candidates
    /// are where a flow that lives already may be. Exits with 1 when no backend would get the
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
pub(crate) enum BfdCommand {
    /// Every BFD session: state, agreed intervals, who wants it, and why it is not Up.
    Sessions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DecapCommand {
    /// What this workload node does with packets for VIPs: interfaces, services, flows, counters.
    ///
    /// Exits with 1 when something is out of order: a program is not attached, or lb-decap says what is wrong.
    Status,
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

/// Whole seconds, or numbers with units from large to small.
fn time(text: &str) -> Result<Duration, String> {
    let wrong =
        || "write whole seconds from 1 to 86400, or a time with units such as 90s, 5m or 1h30m".to_owned();
    let (mut rest, mut total, mut last) = (text, 0_u64, u64::MAX);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let unit = match tail.chars().next() {
            None if last == u64::MAX => 1,
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let part = number.checked_mul(unit).filter(|_| unit < last).ok_or_else(wrong)?;
        (total, last, rest) = (total.saturating_add(part), unit, tail.get(1..).unwrap_or_default());
    }
    if (1..=86_400).contains(&total) { Ok(Duration::from_secs(total)) } else { Err(wrong()) }
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
    fn completions_have_every_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "lbctl", &mut script);
            let script = String::from_utf8(script).unwrap();
            for command in Cli::command().get_subcommands() {
                let name = command.get_name();
                assert!(script.contains(name), "{name} for {shell}");
            }
        }
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
        assert_eq!((cli.output, cli.timeout), (Output::Json, Some(Duration::from_secs(3))));
    }

    #[test]
    fn timeouts() {
        for (text, expected) in [("30", 30), ("1s", 1), ("5m", 300), ("1h30m", 5400), ("86400", 86_400)] {
            assert_eq!(time(text), Ok(Duration::from_secs(expected)), "{text}");
        }
        for bad in ["", "0", "-1", "1.5", "86401", "25h", "1m30", "5d", "s", "1s1m", "99999999999999999999"] {
            time(bad).unwrap_err();
        }
    }
}
