//! The command line of lb-bfd.
#![forbid(unsafe_code)]

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};
use guideway_bgp_daemon::command::{self, LogFormat};
use lb_bfd::daemon::{self, Settings};

/// Watches the paths to BGP peers with BFD (RFC 5880).
///
/// lb-bfd has no sessions of its own: bgp-speaker and bgp-aggregator ask for one for each peer whose configuration has
/// `bfd`, with its intervals and keys. It runs as a process of its own so that sessions live on while those are restarted.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  lb-bfd run                                    with defaults, as the systemd unit does
  lb-bfd run --hold 30s --socket /tmp/bfd.sock  for a try
  lbctl bfd sessions                            which sessions there are, and how they are

It needs CAP_NET_RAW to bind sessions to interfaces, CAP_SYS_NICE for its timing thread to come first, and CAP_IPC_LOCK to
stay in memory. Without the last two it says so in its log and runs nevertheless."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run until SIGTERM; the peers are then told that the sessions end on purpose.
    Run(Run),
    /// Print a completion script.
    #[command(after_help = "Example:\n  lb-bfd completions bash > /etc/bash_completion.d/lb-bfd")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
struct Run {
    /// The Unix socket for the BGP daemons and lbctl.
    #[arg(long, value_name = "SOCKET", default_value = guideway_bgp_admin::bfd::DEFAULT_SOCKET)]
    socket: PathBuf,
    /// Where /metrics and /healthz are served.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9473")]
    metrics_listen: SocketAddr,
    /// How long sessions live on when the daemon that wanted them is gone, for example 2m, 90s or 500ms.
    ///
    /// Longer than a restart of the daemon takes: a session that ends meanwhile would make the router act.
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = time)]
    hold: Duration,
    /// How many sessions there may be.
    #[arg(long, value_name = "COUNT", default_value_t = 1024)]
    max_sessions: usize,
    /// How log lines look. RUST_LOG sets what is logged.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => run(arguments),
        Command::Completions { shell } => {
            command::completions(shell, &mut Arguments::command(), "lb-bfd").map_err(Into::into)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading.
            let _unread = writeln!(std::io::stderr(), "lb-bfd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Run) -> anyhow::Result<()> {
    command::log(arguments.log_format, "info");
    let settings = Settings {
        socket: arguments.socket,
        metrics_listen: arguments.metrics_listen,
        hold: arguments.hold,
        max_sessions: arguments.max_sessions,
    };
    // Clients, lbctl and metrics share this thread; packets have one of their own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(daemon::run(settings))?;
    Ok(())
}

fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "write a time up to one day such as 2m, 90s or 500ms".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    let time = number.checked_mul(unit).map(Duration::from_millis).ok_or_else(wrong)?;
    if time <= Duration::from_secs(86_400) { Ok(time) } else { Err(wrong()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn times() {
        for (text, millis) in [("500ms", 500), ("90s", 90_000), ("2m", 120_000), ("24h", 86_400_000)] {
            assert_eq!(time(text), Ok(Duration::from_millis(millis)));
        }
        for bad in ["", "5", "s", "-1s", "25h", "1.5s", "99999999999999999999s", "9999999999999999h"] {
            time(bad).unwrap_err();
        }
    }
}
