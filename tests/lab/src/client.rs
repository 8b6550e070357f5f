//! The client: runs `guideway-load` and wrk in its namespace.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use serde::de::DeserializeOwned;

use crate::binaries::binary;
use crate::load::{FlowReport, FlowSpec, HoldReport, HoldRound, HoldSpec};
use crate::netns::Netns;
use crate::process::Process;

/// How long a load may take to end after SIGTERM: the requests that are under way run into their timeout first.
const END: Duration = Duration::from_secs(30);

/// The client node.
#[derive(Debug)]
pub struct Client {
    netns: Netns,
    folder: PathBuf,
}

/// A load that runs beside the test; `R` is its report.
#[derive(Debug)]
pub struct Running<R> {
    process: Process,
    report: std::marker::PhantomData<R>,
}

/// What wrk measured.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct WrkReport {
    /// Requests answered.
    pub requests: u64,
    /// Connections that failed, timed out or were reset, and answers that were no 2xx or 3xx.
    pub errors: u64,
    /// Requests a second.
    pub requests_per_second: f64,
    /// wrk's own words for bytes a second.
    pub transfer_per_second: String,
}

impl Client {
    /// A client in this namespace.
    #[must_use]
    pub fn new(netns: Netns, folder: PathBuf) -> Self {
        Self { netns, folder }
    }

    /// The namespace.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Runs one load of flows to its end.
    ///
    /// # Errors
    /// When `guideway-load` fails.
    pub fn flows(&self, target: SocketAddr, spec: &FlowSpec) -> Result<FlowReport> {
        self.start_flows("flows", target, spec)?.join(Duration::from_secs(300))
    }

    /// Starts a load of flows that runs beside the test and waits for its first round.
    ///
    /// # Errors
    /// When it does not get through the first round.
    pub fn start_flows(
        &self,
        name: &str,
        target: SocketAddr,
        spec: &FlowSpec,
    ) -> Result<Running<FlowReport>> {
        self.start(name, spec.args(target), "round 1:", Duration::from_secs(120))
    }

    /// Starts long-lived connections and waits until all are established.
    ///
    /// # Errors
    /// When they are not.
    pub fn start_hold(&self, name: &str, target: SocketAddr, spec: &HoldSpec) -> Result<Running<HoldReport>> {
        self.start(name, spec.args(target), "established", Duration::from_secs(180))
    }

    fn start<R>(&self, name: &str, args: Vec<String>, ready: &str, deadline: Duration) -> Result<Running<R>> {
        let mut command = self.netns.command(binary("guideway-load")?);
        command.args(args);
        // A log of its own for each run: the line that says "ready" must be this run's.
        let _ = std::fs::remove_file(self.folder.join(format!("{name}.log")));
        let mut process = Process::spawn_with_output(name, command, &self.folder)?;
        crate::wait::until_true(&format!("{name}: `{ready}`"), deadline, || {
            Ok(process.log_text().contains(ready) || !process.is_running())
        })?;
        Ok(Running { process, report: std::marker::PhantomData })
    }

    /// Requests one path with a new connection from this source port; returns the name of the backend that answered.
    ///
    /// # Errors
    /// When the request fails.
    pub fn request(&self, target: SocketAddr, source_port: u16) -> Result<String> {
        let spec = FlowSpec { flows: 1, first_port: source_port, ..FlowSpec::default() };
        let report = self.flows(target, &spec)?;
        match report.failures.first() {
            Some(failure) => anyhow::bail!("request to {target} failed: {}", failure.error),
            None => report.assignments.into_values().next().context("no answer was recorded"),
        }
    }

    /// Runs wrk.
    ///
    /// # Errors
    /// When wrk fails.
    pub fn wrk(&self, target: SocketAddr, path: &str, connections: u32, time: Duration) -> Result<WrkReport> {
        let seconds = time.as_secs().max(1);
        let url = format!("http://{target}{path}");
        let text = self.netns.run(
            "wrk",
            &["-t2", &format!("-c{connections}"), &format!("-d{seconds}s"), "--timeout", "5s", &url],
        )?;
        wrk_report(&text).with_context(|| format!("cannot read what wrk wrote:\n{text}"))
    }

    /// The client's address of the family of `other`.
    #[must_use]
    pub fn address(&self, other: IpAddr) -> IpAddr {
        let leg = crate::addresses::Leg::CLIENT;
        if other.is_ipv4() { leg.node_v4().into() } else { leg.node_v6().into() }
    }
}

impl<R: DeserializeOwned> Running<R> {
    /// Asks the load to end and reads its report.
    ///
    /// # Errors
    /// When it failed.
    pub fn finish(self) -> Result<R> {
        self.process.signal(Signal::SIGTERM).ok();
        self.join(END)
    }

    /// Waits for the load's own end and reads its report.
    ///
    /// # Errors
    /// When it failed or the deadline passed.
    pub fn join(mut self, deadline: Duration) -> Result<R> {
        let status = self.process.wait(deadline)?;
        let text = self.process.stdout();
        serde_json::from_str(&text).with_context(|| {
            format!("guideway-load ended with {status} and no report: {}", self.process.log_text())
        })
    }

    /// How many rounds are complete.
    #[must_use]
    pub fn rounds(&self) -> usize {
        rounds(&self.process.log_text()).count()
    }

    /// Waits until `more` further rounds have begun and ended after this moment.
    ///
    /// # Errors
    /// When the load ends or the deadline passes first.
    pub fn wait_rounds(&mut self, more: usize, deadline: Duration) -> Result<()> {
        let goal = self.round_after(more);
        self.wait_round(goal, deadline)
    }

    /// The round that `more` rounds which begin after this moment are over with. The one that is under way began before.
    #[must_use]
    pub fn round_after(&self, more: usize) -> usize {
        self.rounds() + 1 + more
    }

    /// Waits until so many rounds are over.
    ///
    /// # Errors
    /// When the load ends or the deadline passes first.
    pub fn wait_round(&mut self, goal: usize, deadline: Duration) -> Result<()> {
        crate::wait::until_true("rounds of requests", deadline, || {
            self.process.check_running()?;
            Ok(self.rounds() >= goal)
        })
        .map(drop)
    }
}

impl Running<HoldReport> {
    /// How things stood at the end of the last round.
    ///
    /// # Errors
    /// When there was none.
    pub fn last_round(&self) -> Result<HoldRound> {
        let text = self.process.log_text();
        let line = rounds(&text).last().context("no round is over")?;
        Ok(line.parse()?)
    }
}

/// The lines about rounds. They are written word by word: the last one counts when its end is there.
fn rounds(text: &str) -> impl Iterator<Item = &str> {
    let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    whole.filter(|line| line.starts_with("round "))
}

fn wrk_report(text: &str) -> Option<WrkReport> {
    let value = |label: &str| {
        text.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim).map(str::to_owned)
    };
    let requests =
        text.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse::<u64>().ok())?;
    // "Socket errors: connect 0, read 0, write 0, timeout 0" appears only when one is not zero.
    let socket: u64 = value("Socket errors:").map_or(0, |line| {
        line.split(',').filter_map(|part| part.split_whitespace().last()?.parse::<u64>().ok()).sum()
    });
    let status: u64 = value("Non-2xx or 3xx responses:").and_then(|line| line.parse().ok()).unwrap_or(0);
    Some(WrkReport {
        requests,
        errors: socket + status,
        requests_per_second: value("Requests/sec:")?.parse().ok()?,
        transfer_per_second: value("Transfer/sec:")?,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_that_is_still_written_is_none() {
        let text =
            "established 3 connections\nround 1: 3 of 3 connections alive, 9 bytes answered\nround 2: 3 of";
        let rounds: Vec<_> = super::rounds(text).collect();
        assert_eq!(rounds, ["round 1: 3 of 3 connections alive, 9 bytes answered"]);
    }

    #[test]
    fn wrk_output_is_read() {
        let text = "Running 1s test @ http://203.0.113.10/\n  2 threads and 10 connections\n  Thread Stats   Avg\n\
            \x20 12345 requests in 1.10s, 2.00MB read\n  Socket errors: connect 1, read 2, write 0, timeout 3\n\
            \x20 Non-2xx or 3xx responses: 4\nRequests/sec:  11222.70\nTransfer/sec:      1.81MB\n";
        let report = super::wrk_report(text).unwrap();
        assert_eq!((report.requests, report.errors), (12345, 10));
        assert_eq!(report.transfer_per_second, "1.81MB");
        assert!(super::wrk_report("unable to connect").is_none());
    }
}
