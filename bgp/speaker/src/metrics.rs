//! Prometheus metrics and health over HTTP.

use std::fmt;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use guideway_bgp_fsm as fsm;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::status::{PeerStatus, SpeakerStatus};

/// Serves `/metrics`, `/healthz` and `/readyz` until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    status: SpeakerStatus,
    stop: CancellationToken,
) -> std::io::Result<()> {
    axum::serve(listener, router(status)).with_graceful_shutdown(stop.cancelled_owned()).await
}

fn router(status: SpeakerStatus) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(status)
}

async fn ready(State(status): State<SpeakerStatus>) -> impl IntoResponse {
    let reasons = status.not_ready();
    if reasons.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", reasons.join("\n")))
    }
}

async fn metrics(State(status): State<SpeakerStatus>) -> impl IntoResponse {
    let mut registry = Registry::with_prefix("guideway_bgp");
    registry.register_collector(Box::new(Snapshot(status)));
    let mut out = String::new();
    match text::encode(&mut out, &registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], out)
        }
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/plain")], error.to_string())
        }
    }
}

/// Turns the status into metrics at each scrape.
#[derive(Debug)]
struct Snapshot(SpeakerStatus);

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (view, peers) = (self.0.view(), self.0.peers());
        let agent = self.0.agent.lock().clone();
        let mut out = Out { encoder: &mut encoder, peers: &peers };
        out.gauge("agent_connected", "1 while the stream of the agent is up", u64::from(agent.connected))?;
        out.gauge("announced_prefixes", "Prefixes that are to be announced", agent.prefixes.len() as u64)?;
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
        out.counter("reloads_accepted", "Configurations taken over on SIGHUP", view.reloads_accepted)?;
        out.counter("reloads_refused", "Configurations refused on SIGHUP", view.reloads_refused)?;
        let established = |peer: &PeerStatus| u64::from(peer.state == fsm::State::Established);
        out.peer_gauge("peer_established", "1 while the session is established", established)?;
        let advertised = |peer: &PeerStatus| peer.advertised.len() as u64;
        out.peer_gauge("peer_prefixes_advertised", "Prefixes that the peer was told", advertised)?;
        out.peer_counter("peer_sessions", "Sessions established", |peer| peer.sessions)?;
        out.peer_counter("peer_messages_received", "BGP messages received", |peer| peer.messages_received)?;
        out.peer_counter("peer_messages_sent", "BGP messages sent", |peer| peer.messages_sent)?;
        out.peer_counter("peer_malformed_updates", "UPDATEs treated as withdrawn (RFC 7606)", |peer| {
            peer.malformed_updates
        })
    }
}

struct Out<'a, 'e> {
    encoder: &'a mut DescriptorEncoder<'e>,
    peers: &'a [PeerStatus],
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

    fn peer_gauge(&mut self, name: &str, help: &str, value: impl Fn(&PeerStatus) -> u64) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for peer in self.peers {
            let count = i64::try_from(value(peer)).unwrap_or(i64::MAX);
            metric.encode_family(&[("peer", peer.address.to_string())])?.encode_gauge(&count)?;
        }
        Ok(())
    }

    fn peer_counter(&mut self, name: &str, help: &str, value: impl Fn(&PeerStatus) -> u64) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for peer in self.peers {
            let labels = [("peer", peer.address.to_string())];
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value(peer), None)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

    use super::*;
    use crate::status::Shared;

    #[test]
    fn the_text_has_each_metric_once_and_a_line_for_each_peer() {
        let status = SpeakerStatus::new(65001, Ipv4Addr::new(10, 255, 1, 1));
        status.change(|view| {
            for address in ["10.1.1.1", "fd00:1::1"] {
                view.peers.push(Shared::new(PeerStatus::new(address.parse().unwrap(), 65000)));
            }
        });
        let mut registry = Registry::with_prefix("guideway_bgp");
        registry.register_collector(Box::new(Snapshot(status.clone())));
        let mut out = String::new();
        text::encode(&mut out, &registry).unwrap();
        assert!(out.contains("guideway_bgp_agent_connected 0\n"), "{out}");
        assert!(out.contains("guideway_bgp_peer_established{peer=\"fd00:1::1\"} 0\n"), "{out}");
        assert!(out.contains("guideway_bgp_peer_sessions_total{peer=\"10.1.1.1\"} 0\n"), "{out}");
        assert_eq!(out.matches("# TYPE guideway_bgp_peer_sessions counter").count(), 1);
        // The documentation names exactly these metrics.
        let page = include_str!("../../../docs/configuration-bgp.md");
        let documented: BTreeSet<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `guideway_bgp_"))
            .filter_map(|line| line.split(['`', '{']).next())
            .map(|name| name.trim_end_matches("_total"))
            .collect();
        let served: BTreeSet<&str> = out
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE guideway_bgp_")?.split(' ').next())
            .collect();
        assert_eq!(documented, served);
        assert_eq!(status.not_ready(), ["agent: not connected yet", "no session is established"]);
    }
}
