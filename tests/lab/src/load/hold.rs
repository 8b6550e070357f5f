//! Long-lived connections: established once, then a request from time to time.

mod progress;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::report::LISTED;
use super::{Failure, HoldReport, HoldSpec, Latency, http, kernel, unix_ms};
use progress::Progress;
pub use progress::{HoldRound, NoRound};

/// Connections that are being established at the same time.
const OPENING: usize = 32;

/// One established connection.
struct Connection {
    stream: TcpStream,
    port: u16,
    backend: String,
    bytes: u64,
}

/// What one connection did.
struct Outcome {
    requests: u64,
    bytes: u64,
    times_us: Vec<u64>,
    failure: Option<Failure>,
}

/// Establishes the connections, calls `established`, and keeps them busy until the time is over or `stop` becomes true.
/// `on_round` is called when each connection that is left has had another answer.
///
/// # Errors
/// When a connection cannot be established.
pub async fn run(
    target: SocketAddr,
    spec: HoldSpec,
    stop: watch::Receiver<bool>,
    established: impl FnOnce(),
    on_round: impl Fn(&HoldRound) + Send + Sync + 'static,
) -> Result<HoldReport> {
    ensure!(spec.connections > 0, "connections must be at least 1");
    let mut report = HoldReport { started_unix_ms: unix_ms(), ..HoldReport::default() };
    let before = kernel::retransmits();
    let connections = open_all(target, &spec).await?;
    for connection in &connections {
        *report.connections_by_backend.entry(connection.backend.clone()).or_default() += 1;
        report.bytes += connection.bytes;
    }
    report.connections = connections.len() as u64;
    report.requests = report.connections;
    established();

    let spec = Arc::new(spec);
    let end = (spec.seconds > 0).then(|| Instant::now() + Duration::from_secs(spec.seconds));
    let progress = Arc::new(Progress::new(report.connections, report.bytes, on_round));
    let mut tasks = JoinSet::new();
    for (position, connection) in (0..).zip(connections) {
        // Spread over the interval, so that the requests do not come all at once.
        let delay = Duration::from_millis(spec.interval_ms) * position / u32::from(spec.connections);
        let (spec, stop, progress) = (Arc::clone(&spec), stop.clone(), Arc::clone(&progress));
        tasks.spawn(async move {
            let outcome = keep_busy(connection, target, &spec, stop, end, delay, &progress).await;
            if outcome.failure.is_some() {
                progress.left();
            }
            outcome
        });
    }
    let mut times_us = Vec::new();
    while let Some(outcome) = tasks.join_next().await {
        let outcome = outcome.context("a connection's task panicked")?;
        report.requests += outcome.requests;
        report.bytes += outcome.bytes;
        times_us.extend(outcome.times_us);
        if let Some(failure) = outcome.failure {
            report.failed += 1;
            report.broken += 1;
            let backend = failure.backend.clone().unwrap_or_default();
            *report.broken_by_backend.entry(backend).or_default() += 1;
            if report.failures.len() < LISTED {
                report.failures.push(failure);
            }
        }
    }
    report.latency = Latency::of(times_us);
    report.retransmits = kernel::retransmits().0 - before.0;
    report.finished_unix_ms = unix_ms();
    Ok(report)
}

async fn open_all(target: SocketAddr, spec: &HoldSpec) -> Result<Vec<Connection>> {
    let limit = Duration::from_millis(spec.timeout_ms);
    let mut connections = Vec::with_capacity(usize::from(spec.connections));
    let mut tasks = JoinSet::new();
    for number in 0..spec.connections {
        let port = match spec.first_port {
            0 => None,
            first => Some(first.checked_add(number).context("the source ports go beyond 65535")?),
        };
        if tasks.len() == OPENING
            && let Some(opened) = tasks.join_next().await
        {
            connections.push(opened.context("a task panicked")??);
        }
        tasks
            .spawn(async move { timeout(limit, open(target, port)).await.context("no connection in time")? });
    }
    while let Some(opened) = tasks.join_next().await {
        connections.push(opened.context("a task panicked")??);
    }
    Ok(connections)
}

async fn open(target: SocketAddr, port: Option<u16>) -> Result<Connection> {
    let mut stream = http::connect(target, port).await?;
    let answer = http::get(&mut stream, target, "/").await?;
    let port = stream.local_addr()?.port();
    Ok(Connection { stream, port, backend: answer.backend, bytes: answer.bytes })
}

async fn keep_busy(
    mut connection: Connection,
    target: SocketAddr,
    spec: &HoldSpec,
    mut stop: watch::Receiver<bool>,
    end: Option<Instant>,
    delay: Duration,
    progress: &Progress,
) -> Outcome {
    let mut outcome = Outcome { requests: 0, bytes: 0, times_us: Vec::new(), failure: None };
    let limit = Duration::from_millis(spec.timeout_ms);
    let mut pause = delay;
    while !*stop.borrow() && end.is_none_or(|end| Instant::now() < end) {
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.changed() => break,
        }
        pause = Duration::from_millis(spec.interval_ms);
        outcome.requests += 1;
        let start = Instant::now();
        let error = match timeout(limit, http::get(&mut connection.stream, target, "/")).await {
            Ok(Ok(answer)) if answer.backend == connection.backend => {
                outcome.times_us.push(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
                outcome.bytes += answer.bytes;
                progress.answered(outcome.requests, answer.bytes);
                continue;
            }
            Ok(Ok(answer)) => {
                format!("answered by {}, established with {}", answer.backend, connection.backend)
            }
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("no answer in {limit:?}"),
        };
        outcome.failure = Some(Failure {
            at_unix_ms: unix_ms(),
            port: connection.port,
            backend: Some(connection.backend.clone()),
            error,
        });
        break;
    }
    outcome
}
