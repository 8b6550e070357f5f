//! The load of the lab: flows with fixed source ports, and long-lived connections. Runs in `guideway-load`.

mod flows;
mod hold;
mod http;
mod kernel;
mod report;

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

pub use flows::run as run_flows;
pub use hold::{HoldRound, NoRound, run as run_hold};
pub use kernel::counter_of;
pub use report::{Failure, FlowReport, HoldReport, Latency, Move};

/// A load of flows: each request is a new connection from the flow's own source port.
#[derive(Debug, Clone, Args)]
pub struct FlowSpec {
    /// Flows, each with its own source port.
    #[arg(long, default_value_t = 1000)]
    pub flows: u16,
    /// Source port of the first flow.
    #[arg(long, default_value_t = 10_000)]
    pub first_port: u16,
    /// Requests of each flow; 0 = until SIGTERM or the time is over.
    #[arg(long, default_value_t = 1)]
    pub rounds: u32,
    /// Seconds after which the load ends; 0 = no limit.
    #[arg(long, default_value_t = 0)]
    pub seconds: u64,
    /// Requests under way at the same time.
    #[arg(long, default_value_t = 32)]
    pub concurrency: u16,
    /// Requests a second; 0 = as many as go.
    #[arg(long, default_value_t = 0)]
    pub rate: u32,
    /// Milliseconds after which a request has failed.
    #[arg(long, default_value_t = 5000)]
    pub timeout_ms: u64,
    /// Path to request.
    #[arg(long, default_value = "/")]
    pub path: String,
}

impl Default for FlowSpec {
    fn default() -> Self {
        Self {
            flows: 1000,
            first_port: 10_000,
            rounds: 1,
            seconds: 0,
            concurrency: 32,
            rate: 0,
            timeout_ms: 5000,
            path: "/".to_owned(),
        }
    }
}

impl FlowSpec {
    /// A load that runs until it is told to end, at `rate` requests a second.
    #[must_use]
    pub fn until_stopped(flows: u16, rate: u32) -> Self {
        Self { flows, rate, rounds: 0, ..Self::default() }
    }

    /// The command line for this load.
    #[must_use]
    pub fn args(&self, target: SocketAddr) -> Vec<String> {
        words(&[
            ("flows", String::new()),
            ("--target", target.to_string()),
            ("--flows", self.flows.to_string()),
            ("--first-port", self.first_port.to_string()),
            ("--rounds", self.rounds.to_string()),
            ("--seconds", self.seconds.to_string()),
            ("--concurrency", self.concurrency.to_string()),
            ("--rate", self.rate.to_string()),
            ("--timeout-ms", self.timeout_ms.to_string()),
            ("--path", self.path.clone()),
        ])
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// Long-lived connections, each with a request from time to time.
#[derive(Debug, Clone, Args)]
pub struct HoldSpec {
    /// Connections.
    #[arg(long, default_value_t = 60)]
    pub connections: u16,
    /// Source port of the first connection; 0 = whatever ports the kernel chooses.
    #[arg(long, default_value_t = 0)]
    pub first_port: u16,
    /// Milliseconds between an answer and the next request of a connection.
    #[arg(long, default_value_t = 100)]
    pub interval_ms: u64,
    /// Seconds after which the load ends; 0 = at SIGTERM.
    #[arg(long, default_value_t = 0)]
    pub seconds: u64,
    /// Milliseconds after which a request has failed and its connection is given up.
    #[arg(long, default_value_t = 15_000)]
    pub timeout_ms: u64,
}

impl Default for HoldSpec {
    fn default() -> Self {
        Self { connections: 60, first_port: 0, interval_ms: 100, seconds: 0, timeout_ms: 15_000 }
    }
}

impl HoldSpec {
    /// The command line for this load.
    #[must_use]
    pub fn args(&self, target: SocketAddr) -> Vec<String> {
        words(&[
            ("hold", String::new()),
            ("--target", target.to_string()),
            ("--connections", self.connections.to_string()),
            ("--first-port", self.first_port.to_string()),
            ("--interval-ms", self.interval_ms.to_string()),
            ("--seconds", self.seconds.to_string()),
            ("--timeout-ms", self.timeout_ms.to_string()),
        ])
    }
}

fn words(pairs: &[(&str, String)]) -> Vec<String> {
    pairs
        .iter()
        .flat_map(|(name, value)| [(*name).to_owned(), value.clone()])
        .filter(|word| !word.is_empty())
        .collect()
}

fn unix_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
