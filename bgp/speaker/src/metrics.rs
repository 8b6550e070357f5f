//! Prometheus metrics and health over HTTP.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::drain::{Phase, Target};
use crate::speaker::Speaker;

/// Serves `/metrics`, `/healthz` and `/readyz` until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    speaker: Arc<Speaker>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    axum::serve(listener, router(speaker)).with_graceful_shutdown(stop.cancelled_owned()).await
}

fn router(speaker: Arc<Speaker>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(speaker)
}

async fn ready(State(speaker): State<Arc<Speaker>>) -> impl IntoResponse {
    let reasons = speaker.not_ready();
    if reasons.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", reasons.join("\n")))
    }
}

async fn metrics(State(speaker): State<Arc<Speaker>>) -> impl IntoResponse {
    match exposition(speaker) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text)
        }
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/plain")], error.to_string())
        }
    }
}

fn exposition(speaker: Arc<Speaker>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("guideway_bgp");
    registry.register_collector(Box::new(Snapshot(speaker)));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

/// Turns the state into metrics at each scrape.
#[derive(Debug)]
struct Snapshot(Arc<Speaker>);

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let speaker = &self.0;
        let (agent, reloads) = (speaker.agent.lock().clone(), *speaker.reloads.lock());
        let (served, damped) = speaker.table.counts(Instant::now());
        let drains = speaker.drains.list();
        let of_node = |phase: Option<Phase>| {
            let node = drains.iter().find(|drain| drain.target == Target::Node);
            u64::from(node.is_some_and(|drain| phase.is_none_or(|phase| drain.phase == phase)))
        };
        let mut out = Out { encoder: &mut encoder };
        out.gauge("agent_connected", "1 while the stream of the agent is up", u64::from(agent.connected))?;
        out.gauge("served_prefixes", "Prefixes that the agent serves", served as u64)?;
        let announced = speaker.table.announced() as u64;
        out.gauge("announced_prefixes", "Prefixes that are to be announced, aggregates included", announced)?;
        out.gauge(
            "damped_prefixes",
            "Prefixes that are held back because they came and went too often",
            damped as u64,
        )?;
        out.gauge("draining", "1 while the whole node is drained or being drained", of_node(None))?;
        out.gauge("drained", "1 while the whole node is drained", of_node(Some(Phase::Drained)))?;
        let vips = drains.iter().filter(|drain| drain.target != Target::Node).count();
        out.gauge("drained_vips", "VIPs that are drained or being drained by themselves", vips as u64)?;
        out.gauge(
            "held",
            "1 while nothing is sent before the first word of the agent",
            u64::from(speaker.table.is_held()),
        )?;
        out.gauge("problems", "Things that do not work as configured", speaker.problems().len() as u64)?;
        out.counter(
            "agent_updates",
            "Sets of addresses and prefixes received from the agent",
            agent.updates,
        )?;
        out.counter(
            "agent_addresses_refused",
            "Addresses and prefixes from the agent that cannot be announced",
            agent.refused,
        )?;
        out.counter("reloads_accepted", "Configurations taken over on SIGHUP", reloads.accepted)?;
        out.counter("reloads_refused", "Configurations refused on SIGHUP", reloads.refused)?;
        guideway_bgp_peer::metrics::encode(out.encoder, &speaker.peers)
    }
}

struct Out<'a, 'e> {
    encoder: &'a mut DescriptorEncoder<'e>,
}

impl Out<'_, '_> {
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }
}
