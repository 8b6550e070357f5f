//! Metrics in the text format of Prometheus, and whether the agent is ready.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use guideway_abi::DecapCounter;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::admin::Agent;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves `/metrics` and `/ready` until `stop`.
pub(crate) async fn serve(listener: TcpListener, agent: Agent, stop: CancellationToken) {
    let router = Router::new().route("/metrics", get(metrics)).route("/ready", get(ready)).with_state(agent);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "the metrics server ended");
    }
}

async fn metrics(State(agent): State<Agent>) -> Response {
    match snapshot(&agent) {
        Ok(snapshot) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text(&snapshot)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n")).into_response(),
    }
}

async fn ready(State(agent): State<Agent>) -> Response {
    let problems = agent.problems();
    if problems.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, problems.join("\n") + "\n").into_response()
}

struct Snapshot {
    counters: Vec<(DecapCounter, u64)>,
    services: usize,
    problems: usize,
    /// Name, and whether both programs are attached.
    interfaces: Vec<(String, bool)>,
}

fn snapshot(agent: &Agent) -> anyhow::Result<Snapshot> {
    let egress = agent.decap.egress_attachments()?;
    Ok(Snapshot {
        counters: agent.decap.counters()?,
        services: agent.decap.services()?.services.len(),
        problems: agent.problems().len(),
        interfaces: agent
            .decap
            .attachments()?
            .into_iter()
            .map(|found| (found.interface.clone(), found.attached() && egress.contains(&found.interface)))
            .collect(),
    })
}

fn text(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, lines: Vec<(String, u64)>| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in lines {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let counters = |verdicts: bool, label: &str| {
        let of_kind =
            |counter: &&(DecapCounter, u64)| (counter.0.index() < DecapCounter::VERDICTS) == verdicts;
        let line =
            |(counter, value): &(DecapCounter, u64)| (format!("{{{label}=\"{}\"}}", counter.name()), *value);
        snapshot.counters.iter().filter(of_kind).map(line).collect()
    };
    family(
        "guideway_decap_packets_total",
        "counter",
        "Packets that came in, by what became of them.",
        counters(true, "verdict"),
    );
    family(
        "guideway_decap_events_total",
        "counter",
        "What happened to packets on their way in, and replies translated.",
        counters(false, "event"),
    );
    family(
        "guideway_decap_services",
        "gauge",
        "Services, with those that refuse the other ports of a VIP.",
        vec![(String::new(), snapshot.services as u64)],
    );
    family(
        "guideway_decap_problems",
        "gauge",
        "What is out of order; `lbctl decap status` says it in words.",
        vec![(String::new(), snapshot.problems as u64)],
    );
    let line =
        |(name, attached): &(String, bool)| (format!("{{interface=\"{name}\"}}"), u64::from(*attached));
    family(
        "guideway_decap_interface_attached",
        "gauge",
        "Whether both programs are attached to the interface.",
        snapshot.interfaces.iter().map(line).collect(),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_in_one_metric_and_the_documentation_names_them_all() {
        let counters = DecapCounter::ALL.iter().map(|counter| (*counter, 7)).collect();
        let interfaces = vec![("eth0".to_owned(), true)];
        let text = text(&Snapshot { counters, services: 1, problems: 0, interfaces });
        for counter in DecapCounter::ALL {
            assert_eq!(text.matches(&format!("\"{}\"}} 7", counter.name())).count(), 1, "{text}");
        }
        assert!(text.contains("guideway_decap_packets_total{verdict=\"drop_malformed\"} 7\n"), "{text}");
        assert!(text.contains("guideway_decap_events_total{event=\"replied\"} 7\n"), "{text}");
        let page = include_str!("../../../docs/decap.md");
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let name = line.split(' ').next().unwrap();
            assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/decap.md");
        }
        for counter in DecapCounter::ALL {
            assert!(
                page.contains(&format!("`{}`", counter.name())),
                "{} is not in docs/decap.md",
                counter.name()
            );
        }
    }
}
