//! Counters of the server, for `/metrics`.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::http::StatusCode;
use guideway_api::path;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::server::ApiServer;

/// Upper bounds of the histogram of answers, in seconds.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// What is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<VerbLabels, Histogram, fn() -> Histogram>,
    pub(crate) panics: Counter,
    pub(crate) lagged_watches: Counter,
    pub(crate) refused_connections: Counter,
    in_flight: Gauge<u64, AtomicU64>,
    waiting: Gauge<u64, AtomicU64>,
    long_running: Gauge<u64, AtomicU64>,
    revision: Gauge<u64, AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    verb: &'static str,
    resource: String,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerbLabels {
    verb: &'static str,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("guideway_apiserver");
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            panics: Counter::default(),
            lagged_watches: Counter::default(),
            refused_connections: Counter::default(),
            in_flight: Gauge::default(),
            waiting: Gauge::default(),
            long_running: Gauge::default(),
            revision: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("requests", "Answers, by verb, resource and code", metrics.requests.clone());
        registry.register(
            "request_seconds",
            "Time to the head of an answer, by verb",
            metrics.seconds.clone(),
        );
        registry.register("panics", "Requests that a defect ended", metrics.panics.clone());
        registry.register(
            "watches_lagged",
            "Watches that were ended because their clients were slow",
            metrics.lagged_watches.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections that were closed at once because there were too many",
            metrics.refused_connections.clone(),
        );
        registry.register("requests_in_flight", "Requests at work", metrics.in_flight.clone());
        registry.register(
            "requests_waiting",
            "Requests that wait for others of their client",
            metrics.waiting.clone(),
        );
        registry.register("long_running", "Open watches and streams", metrics.long_running.clone());
        registry.register("revision", "Revision that the cache has come to", metrics.revision.clone());
        Self { registry, ..metrics }
    }

    /// The labels of a request. A path that leads nowhere has no resource: a client makes up as many as it likes.
    pub(crate) fn names(
        &self,
        parsed: &path::Request,
        registry: &guideway_api::Registry,
    ) -> (&'static str, String) {
        let path::Request::Resource(path) = parsed else { return ("other", String::new()) };
        let found = registry.find(&path.group, &path.version, &path.resource);
        let resource = match found {
            Some(_) if path.subresource.is_empty() => path.resource.clone(),
            Some(found) if found.version().subresource(&path.subresource).is_some() => {
                format!("{}/{}", path.resource, path.subresource)
            }
            _ => String::new(),
        };
        (path.verb.as_str(), resource)
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, verb: &'static str, resource: String, code: StatusCode, time: Duration) {
        self.requests.get_or_create(&RequestLabels { verb, resource, code: code.as_u16() }).inc();
        if verb != "watch" {
            self.seconds.get_or_create(&VerbLabels { verb }).observe(time.as_secs_f64());
        }
    }

    /// The text of `/metrics`.
    pub(crate) fn text(&self, server: &ApiServer) -> String {
        let counts = server.flow.counts();
        self.in_flight.set(counts.in_flight as u64);
        self.waiting.set(counts.waiting as u64);
        self.long_running.set(counts.long_running as u64);
        self.revision.set(server.cache.revision().0);
        let mut text = String::new();
        // It writes into memory.
        let _never_fails = encode(&mut text, &self.registry);
        text
    }
}
