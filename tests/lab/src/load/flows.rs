//! Flows: the same source ports again and again, each request a new connection.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::report::LISTED;
use super::{Failure, FlowReport, FlowSpec, Latency, Move, http, kernel, unix_ms};

/// What came of one request.
struct Outcome {
    port: u16,
    at_unix_ms: u64,
    result: Result<(String, Duration), String>,
}

/// Runs rounds of requests until the specification is fulfilled or `stop` becomes true; `round` is called after each
/// complete round.
///
/// # Errors
/// When the specification cannot be carried out, not when requests fail: those are in the report.
pub async fn run(
    target: SocketAddr,
    spec: FlowSpec,
    stop: watch::Receiver<bool>,
    mut round: impl FnMut(&FlowReport),
) -> Result<FlowReport> {
    ensure!(spec.flows > 0 && spec.concurrency > 0, "flows and concurrency must be at least 1");
    spec.first_port.checked_add(spec.flows - 1).context("the source ports go beyond 65535")?;
    let start = Instant::now();
    let before = kernel::retransmits();
    let mut book = Book::default();
    book.report.started_unix_ms = unix_ms();
    book.report.flows = spec.flows.into();
    let spec = Arc::new(spec);
    let over = || *stop.borrow() || (spec.seconds > 0 && start.elapsed().as_secs() >= spec.seconds);
    while !over() && (spec.rounds == 0 || book.report.rounds < u64::from(spec.rounds)) {
        let outcomes = one_round(target, &spec, &stop).await?;
        let complete = outcomes.len() == usize::from(spec.flows);
        outcomes.into_iter().for_each(|outcome| book.enter(outcome));
        if complete {
            book.report.rounds += 1;
            round(&book.report);
        }
    }
    let after = kernel::retransmits();
    book.report.retransmits = after.0 - before.0;
    book.report.syn_retransmits = after.1 - before.1;
    Ok(book.close())
}

async fn one_round(
    target: SocketAddr,
    spec: &Arc<FlowSpec>,
    stop: &watch::Receiver<bool>,
) -> Result<Vec<Outcome>> {
    let next = Arc::new(AtomicU16::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..spec.concurrency.min(spec.flows) {
        let (spec, next, stop) = (Arc::clone(spec), Arc::clone(&next), stop.clone());
        workers.spawn(async move {
            let mut pace = pace(&spec);
            let mut outcomes = Vec::new();
            while !*stop.borrow() {
                let taken = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |flow| {
                    (flow < spec.flows).then_some(flow + 1)
                });
                let Ok(flow) = taken else { break };
                if let Some(pace) = &mut pace {
                    pace.tick().await;
                }
                outcomes.push(request(target, &spec, spec.first_port + flow).await);
            }
            outcomes
        });
    }
    let mut all = Vec::new();
    while let Some(outcomes) = workers.join_next().await {
        all.extend(outcomes.context("a worker of the load panicked")?);
    }
    Ok(all)
}

/// Each worker does its share of the rate.
fn pace(spec: &FlowSpec) -> Option<tokio::time::Interval> {
    let rate = f64::from(spec.rate);
    (spec.rate > 0).then(|| {
        let mut pace = interval(Duration::from_secs_f64(f64::from(spec.concurrency.min(spec.flows)) / rate));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pace
    })
}

async fn request(target: SocketAddr, spec: &FlowSpec, port: u16) -> Outcome {
    let start = Instant::now();
    let exchange = async {
        let mut stream = http::connect(target, Some(port)).await?;
        http::get(&mut stream, target, &spec.path).await.map(|answer| answer.backend)
    };
    let result = match timeout(spec.timeout(), exchange).await {
        Ok(Ok(backend)) => Ok((backend, start.elapsed())),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(_) => Err(format!("no answer in {:?}", spec.timeout())),
    };
    Outcome { port, at_unix_ms: unix_ms(), result }
}

/// Keeps the account of all rounds.
#[derive(Default)]
struct Book {
    report: FlowReport,
    moved: BTreeSet<u16>,
    times_us: Vec<u64>,
}

impl Book {
    fn enter(&mut self, Outcome { port, at_unix_ms, result }: Outcome) {
        let report = &mut self.report;
        report.requests += 1;
        let before = report.assignments.get(&port).cloned();
        match result {
            Ok((backend, time)) => {
                self.times_us.push(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
                *report.requests_by_backend.entry(backend.clone()).or_default() += 1;
                if let Some(from) = before.filter(|from| *from != backend) {
                    self.moved.insert(port);
                    *report.moves_from.entry(from.clone()).or_default() += 1;
                    if report.moves.len() < LISTED {
                        report.moves.push(Move { at_unix_ms, port, from, to: backend.clone() });
                    }
                }
                report.assignments.insert(port, backend);
            }
            Err(error) => {
                report.failed += 1;
                let owner = before.clone().unwrap_or_else(|| "none yet".to_owned());
                *report.failed_of.entry(owner).or_default() += 1;
                if report.failures.len() < LISTED {
                    report.failures.push(Failure { at_unix_ms, port, backend: before, error });
                }
            }
        }
    }

    fn close(mut self) -> FlowReport {
        let report = &mut self.report;
        report.finished_unix_ms = unix_ms();
        report.moved_flows = self.moved.len() as u64;
        report.latency = Latency::of(self.times_us);
        for backend in report.assignments.values() {
            *report.flows_by_backend.entry(backend.clone()).or_default() += 1;
        }
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::{Book, Outcome};
    use std::time::Duration;

    fn outcome(port: u16, backend: Option<&str>) -> Outcome {
        let result = match backend {
            Some(name) => Ok((name.to_owned(), Duration::from_micros(100))),
            None => Err("connect: refused".to_owned()),
        };
        Outcome { port, at_unix_ms: 0, result }
    }

    #[test]
    fn a_flow_that_moves_there_and_back_is_one_moved_flow_and_two_moves() {
        let mut book = Book::default();
        for backend in [Some("be1"), None, Some("be2"), Some("be1")] {
            book.enter(outcome(7, backend));
        }
        book.enter(outcome(8, Some("be2")));
        let report = book.close();
        assert_eq!((report.requests, report.failed, report.moved_flows), (5, 1, 1));
        assert_eq!(report.moves_from.values().sum::<u64>(), 2);
        assert_eq!(report.failed_of["be1"], 1);
        assert_eq!(report.flows_by_backend["be1"], 1);
        assert_eq!(report.assignments[&8], "be2");
    }
}
