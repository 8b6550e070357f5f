//! The HTTP server of metrics and health.

pub(crate) mod bounded;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::view::Shared;
use bounded::{Bounded, CONNECTIONS_MAX, IDLE_MAX};

/// Of the text format that `prometheus-client` writes.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (metrics.listen)")]
pub struct ListenError {
    /// As configured.
    pub address: SocketAddr,
    /// Why not.
    #[source]
    pub source: std::io::Error,
}

/// Listens on `address`.
///
/// # Errors
///
/// When the address is in use or not one of this host.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, source })
}

/// Serves `/metrics`, `/healthz` (the process is alive) and `/readyz` (a generation is installed and every
/// interface can serve) until `stop`.
///
/// # Errors
///
/// When the listener breaks.
pub async fn serve(
    listener: TcpListener,
    registry: Registry,
    view: Shared,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = Bounded::new(listener, CONNECTIONS_MAX, IDLE_MAX);
    axum::serve(listener, router(registry, view)).with_graceful_shutdown(stop).await
}

fn router(registry: Registry, view: Shared) -> Router {
    Router::new()
        .route("/metrics", get(metrics).with_state(Arc::new(registry)))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready).with_state(view))
}

async fn metrics(State(registry): State<Arc<Registry>>) -> impl IntoResponse {
    // Reading the maps of a large configuration takes milliseconds of system calls.
    let text = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).map(|()| text)
    });
    match text.await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn ready(State(view): State<Shared>) -> (StatusCode, String) {
    let view = view.load();
    if view.is_ready() {
        return (StatusCode::OK, format!("ready, generation {}\n", view.generation));
    }
    let mut reasons = Vec::new();
    if let Some(fence) = &view.fence {
        reasons.push(format!("nothing is announced: {fence}"));
        if let Some(controller) = view.controller().filter(|controller| !controller.problem.is_empty()) {
            reasons.push(format!("no controller: {}", controller.problem));
        }
    } else if !view.started {
        reasons.push("the configuration is not installed yet".to_owned());
    }
    for interface in &view.interfaces {
        if let Some(problem) = &interface.problem {
            reasons.push(format!("interface {}: {problem}", interface.name));
        }
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", reasons.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::probe::{HttpProbe, Probe, run};
    use crate::view::{View, tests::sample};
    use arc_swap::ArcSwap;
    use std::time::Duration;

    #[tokio::test]
    async fn answers() {
        let view = Arc::new(ArcSwap::from_pointee(View::default()));
        let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, Registry::default(), view.clone(), std::future::pending()));
        let status = async |path: &str, code: u16| {
            let probe = Probe::Http(HttpProbe { path: path.to_owned(), host: None, expect: code..=code });
            run(&probe, address, Duration::from_secs(5)).await.unwrap();
        };
        status("/healthz", 200).await;
        status("/metrics", 200).await;
        status("/other", 404).await;
        status("/readyz", 503).await;
        view.store(Arc::new(sample()));
        status("/readyz", 200).await;
        assert!(listen(address).await.unwrap_err().to_string().contains("metrics.listen"));
        server.abort();
    }
}
