//! Prometheus metrics and health over HTTP.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry as metrics;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::registry::{Registry, Row};

/// Serves `/metrics` and `/healthz` until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    registry: Arc<Registry>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(|| async { "alive\n" }))
        .with_state(registry);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn scrape(State(registry): State<Arc<Registry>>) -> impl IntoResponse {
    let mut all = metrics::Registry::with_prefix("guideway_bfd");
    all.register_collector(Box::new(Snapshot(registry)));
    let mut out = String::new();
    match text::encode(&mut out, &all) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], out)
        }
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/plain")], error.to_string())
        }
    }
}

/// Turns the sessions into metrics at each scrape.
#[derive(Debug)]
struct Snapshot(Arc<Registry>);

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let rows = self.0.rows();
        let totals = &self.0.engine().totals;
        for (name, help, count) in [
            ("stray_packets", "Control packets that no session is for", &totals.stray),
            ("timing_late", "How often the timing thread got the CPU 10 ms too late or more", &totals.late),
        ] {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&count.load(Ordering::Relaxed), None)?;
        }
        let latest = i64::try_from(totals.latest_us.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        let help = "By how much the timing thread got the CPU too late at most";
        let name = "timing_latest_microseconds";
        encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&latest)?;
        let mut out = Out { encoder: &mut encoder, rows: &rows };
        out.gauge("session_up", "1 while the session is Up", |row| {
            i64::from(row.report.state == guideway_bfd::State::Up)
        })?;
        out.gauge(
            "session_detection_time_microseconds",
            "After how long a silence the peer is gone",
            |row| row.report.detection_time_us.into(),
        )?;
        out.counter("session_downs", "How often the session went from Up to Down", |row| {
            row.report.counts.downs
        })?;
        out.counter("session_packets_sent", "Control packets sent", |row| row.report.counts.sent)?;
        out.counter("session_packets_received", "Control packets received and accepted", |row| {
            row.report.counts.received
        })?;
        out.counter("session_packets_discarded", "Control packets discarded", |row| {
            row.report.counts.discarded
        })?;
        out.counter("session_send_errors", "Control packets that the kernel did not take", |row| {
            row.report.counts.send_errors
        })?;
        out.counter("session_echoes_sent", "Echo packets sent", |row| row.report.counts.echoes_sent)?;
        out.counter("session_echoes_received", "Own echo packets that came back", |row| {
            row.report.counts.echoes_received
        })
    }
}

struct Out<'a, 'e> {
    encoder: &'a mut DescriptorEncoder<'e>,
    rows: &'a [Row],
}

impl Out<'_, '_> {
    fn gauge(&mut self, name: &str, help: &str, value: impl Fn(&Row) -> i64) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for row in self.rows {
            metric.encode_family(&labels(row))?.encode_gauge(&value(row))?;
        }
        Ok(())
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Fn(&Row) -> u64) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for row in self.rows {
            metric.encode_family(&labels(row))?.encode_counter::<NoLabelSet, _, u64>(&value(row), None)?;
        }
        Ok(())
    }
}

fn labels(row: &Row) -> [(&'static str, String); 4] {
    let key = &row.wanted.key;
    [
        ("peer", key.remote.to_string()),
        ("local", key.local.map(|local| local.to_string()).unwrap_or_default()),
        ("interface", key.interface.clone().unwrap_or_default()),
        ("multihop", key.multihop.to_string()),
    ]
}
