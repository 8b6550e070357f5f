//! What a load found, as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many failures and moves are listed one by one; all are counted.
pub(super) const LISTED: usize = 50;

/// One request that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Unix time in milliseconds at which it was given up.
    pub at_unix_ms: u64,
    /// Source port of the flow.
    pub port: u16,
    /// The backend that the flow had before, if any.
    pub backend: Option<String>,
    /// What happened.
    pub error: String,
}

/// One flow that another backend answered than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Unix time in milliseconds of the answer.
    pub at_unix_ms: u64,
    /// Source port of the flow.
    pub port: u16,
    /// The backend before.
    pub from: String,
    /// The backend now.
    pub to: String,
}

/// Times of answered requests in microseconds, from the first SYN to the last byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Median.
    pub p50_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// The slowest.
    pub max_us: u64,
}

impl Latency {
    pub(super) fn of(mut times: Vec<u64>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied();
        Self {
            p50_us: at(50).unwrap_or(0),
            p99_us: at(99).unwrap_or(0),
            max_us: times.last().copied().unwrap_or(0),
        }
    }
}

/// The report of a load of flows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowReport {
    /// Unix time in milliseconds.
    pub started_unix_ms: u64,
    /// Unix time in milliseconds.
    pub finished_unix_ms: u64,
    /// Flows.
    pub flows: u64,
    /// Complete rounds.
    pub rounds: u64,
    /// Requests, answered or failed.
    pub requests: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Flows that changed their backend at least once.
    pub moved_flows: u64,
    /// Changes of backend by the backend that the flow had before.
    pub moves_from: BTreeMap<String, u64>,
    /// Failed requests by the backend that the flow had before.
    pub failed_of: BTreeMap<String, u64>,
    /// Answered requests by backend.
    pub requests_by_backend: BTreeMap<String, u64>,
    /// Flows by the backend that answered last.
    pub flows_by_backend: BTreeMap<String, u64>,
    /// Source port of each flow and the backend that answered last.
    pub assignments: BTreeMap<u16, String>,
    /// The first failures.
    pub failures: Vec<Failure>,
    /// The first moves.
    pub moves: Vec<Move>,
    /// Times of answered requests.
    pub latency: Latency,
    /// SYNs that the client's kernel had to send again: packets were lost or late.
    pub syn_retransmits: u64,
    /// All segments that the client's kernel sent again.
    pub retransmits: u64,
}

/// The report of long-lived connections.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldReport {
    /// Unix time in milliseconds.
    pub started_unix_ms: u64,
    /// Unix time in milliseconds.
    pub finished_unix_ms: u64,
    /// Connections that were established.
    pub connections: u64,
    /// Connections that broke; a broken one is not opened again.
    pub broken: u64,
    /// Requests, answered or failed.
    pub requests: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Bytes of all answers.
    pub bytes: u64,
    /// Established connections by backend.
    pub connections_by_backend: BTreeMap<String, u64>,
    /// Broken connections by backend.
    pub broken_by_backend: BTreeMap<String, u64>,
    /// The first failures.
    pub failures: Vec<Failure>,
    /// Times of answered requests.
    pub latency: Latency,
    /// All segments that the client's kernel sent again.
    pub retransmits: u64,
}

#[cfg(test)]
mod tests {
    use super::Latency;

    #[test]
    fn latencies_of_none_and_of_many() {
        assert_eq!(Latency::of(vec![]), Latency::default());
        let many = Latency::of((1..=100).rev().collect());
        assert_eq!((many.p50_us, many.p99_us, many.max_us), (50, 99, 100));
    }
}
