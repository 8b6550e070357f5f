//! Long-lived connections: established once, then a request from time to time.

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

/// One established connection.
struct Connection {
    stream: TcpStream,
    port: u16,
    backend: String,
}

/// What one connection did.
struct Outcome {
    requests: u64,
    times_us: Vec<u64>,
    failure: Option<Failure>,
}

/// Establishes the connections, calls `established`, and keeps them busy until the time is over or `stop` becomes true.
///
/// # Errors
/// When a connection cannot be established.
pub async fn run(
    target: SocketAddr,
    spec: HoldSpec,
    stop: watch::Receiver<bool>,
    established: impl FnOnce(),
) -> Result<HoldReport> {
    ensure!(spec.connections > 0, "connections must be at least 1");
    let mut report = HoldReport { started_unix_ms: unix_ms(), ..HoldReport::default() };
    let before = kernel::retransmits();
    let limit = Duration::from_millis(spec.timeout_ms);
    let mut connections = Vec::new();
    for _ in 0..spec.connections {
        let connection = timeout(limit, open(target)).await.context("no connection in time")??;
        *report.connections_by_backend.entry(connection.backend.clone()).or_default() += 1;
        connections.push(connection);
    }
    report.connections = connections.len() as u64;
    report.requests = report.connections;
    established();

    let spec = Arc::new(spec);
    let end = (spec.seconds > 0).then(|| Instant::now() + Duration::from_secs(spec.seconds));
    let mut tasks = JoinSet::new();
    for connection in connections {
        tasks.spawn(keep_busy(connection, target, Arc::clone(&spec), stop.clone(), end));
    }
    let mut times_us = Vec::new();
    while let Some(outcome) = tasks.join_next().await {
        let outcome = outcome.context("a connection's task panicked")?;
        report.requests += outcome.requests;
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

async fn open(target: SocketAddr) -> Result<Connection> {
    let mut stream = http::connect(target, None).await?;
    let backend = http::get(&mut stream, target, "/").await?;
    let port = stream.local_addr()?.port();
    Ok(Connection { stream, port, backend })
}

async fn keep_busy(
    mut connection: Connection,
    target: SocketAddr,
    spec: Arc<HoldSpec>,
    mut stop: watch::Receiver<bool>,
    end: Option<Instant>,
) -> Outcome {
    let mut outcome = Outcome { requests: 0, times_us: Vec::new(), failure: None };
    let limit = Duration::from_millis(spec.timeout_ms);
    while !*stop.borrow() && end.is_none_or(|end| Instant::now() < end) {
        tokio::select! {
            () = sleep(Duration::from_millis(spec.interval_ms)) => {}
            _ = stop.changed() => break,
        }
        outcome.requests += 1;
        let start = Instant::now();
        let error = match timeout(limit, http::get(&mut connection.stream, target, "/")).await {
            Ok(Ok(backend)) if backend == connection.backend => {
                outcome.times_us.push(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
                continue;
            }
            Ok(Ok(backend)) => format!("answered by {backend}, established with {}", connection.backend),
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
