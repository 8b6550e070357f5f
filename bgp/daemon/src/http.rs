//! Prometheus metrics and health over HTTP.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What a daemon has to say.
pub trait Pages: Send + Sync + 'static {
    /// Turns the state at this moment into metrics.
    fn collector(&self) -> Box<dyn Collector>;
    /// Why the daemon is not of use at the moment; empty when it is.
    fn not_ready(&self) -> Vec<String>;
    /// What all names of metrics begin with.
    fn prefix(&self) -> &'static str {
        "guideway_bgp"
    }
}

/// Serves `/metrics`, `/healthz` and `/readyz` until `stop`.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    pages: Arc<dyn Pages>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(pages);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// The text of `/metrics`.
///
/// # Errors
/// When a metric cannot be written.
pub fn exposition(pages: &dyn Pages) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix(pages.prefix());
    registry.register_collector(pages.collector());
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

async fn ready(State(pages): State<Arc<dyn Pages>>) -> impl IntoResponse {
    let reasons = pages.not_ready();
    if reasons.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", reasons.join("\n")))
    }
}

async fn metrics(State(pages): State<Arc<dyn Pages>>) -> impl IntoResponse {
    match exposition(&*pages) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text)
        }
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/plain")], error.to_string())
        }
    }
}
