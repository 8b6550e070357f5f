//! Metrics for Prometheus. `docs/metrics.md` lists them all; a test compares it with what is served.

mod collect;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::health::{ProbeOutcome, state::ProbeResult};
use crate::route::Found;
use crate::view::{Counts, Shared};

/// Upper bounds of the buckets of durations, in seconds.
const SECONDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types)] // these are the label's values
enum Outcome {
    accepted,
    prepared,
    refused,
    installed,
    failed,
    passed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Result {
    result: Outcome,
}

/// What the agent counts itself.
#[derive(Clone, Debug)]
pub struct Metrics {
    reloads: Family<Result, Counter>,
    applies: Family<Result, Counter>,
    apply_duration: Histogram,
    change_duration: Histogram,
    probes: Family<Result, Counter>,
    probe_duration: Histogram,
    prepares: Family<Result, Counter>,
    prepare_duration: Histogram,
    fences: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            reloads: Family::default(),
            applies: Family::default(),
            apply_duration: Histogram::new(SECONDS),
            change_duration: Histogram::new(SECONDS),
            probes: Family::default(),
            probe_duration: Histogram::new(SECONDS),
            prepares: Family::default(),
            prepare_duration: Histogram::new(SECONDS),
            fences: Counter::default(),
        };
        // A rate needs the zero before the first event.
        for (family, outcomes) in [
            (&metrics.reloads, [Outcome::accepted, Outcome::refused]),
            (&metrics.applies, [Outcome::installed, Outcome::failed]),
            (&metrics.probes, [Outcome::passed, Outcome::failed]),
            (&metrics.prepares, [Outcome::prepared, Outcome::refused]),
        ] {
            for result in outcomes {
                let _zero = family.get_or_create(&Result { result });
            }
        }
        metrics
    }
}

impl Metrics {
    /// A configuration was accepted.
    pub fn reload_accepted(&self) {
        self.reloads.get_or_create(&Result { result: Outcome::accepted }).inc();
    }

    /// A configuration was refused.
    pub fn reload_refused(&self) {
        self.reloads.get_or_create(&Result { result: Outcome::refused }).inc();
    }

    /// A new generation was installed. `took` is planning and writing, up to the moment from which packets follow it;
    /// `since_asked` begins when the change was asked for or a verdict came. Nobody asked for what time has settled.
    pub fn installed(&self, took: Duration, since_asked: Option<Duration>) {
        self.applies.get_or_create(&Result { result: Outcome::installed }).inc();
        self.apply_duration.observe(took.as_secs_f64());
        if let Some(since_asked) = since_asked {
            self.change_duration.observe(since_asked.as_secs_f64());
        }
    }

    /// A generation could not be installed.
    pub fn install_failed(&self) {
        self.applies.get_or_create(&Result { result: Outcome::failed }).inc();
    }

    /// A generation of the controller was built beside the one in force, and is kept, or was refused.
    pub fn prepared(&self, took: Duration, is_good: bool) {
        let result = if is_good { Outcome::prepared } else { Outcome::refused };
        self.prepares.get_or_create(&Result { result }).inc();
        self.prepare_duration.observe(took.as_secs_f64());
    }

    /// The VIPs were withdrawn for the controller's sake.
    pub fn fenced(&self) {
        self.fences.inc();
    }

    /// A probe ended.
    pub fn probed(&self, outcome: ProbeOutcome) {
        let result = match outcome.result {
            ProbeResult::Passed => Outcome::passed,
            ProbeResult::Failed => Outcome::failed,
        };
        self.probes.get_or_create(&Result { result }).inc();
        self.probe_duration.observe(outcome.took.as_secs_f64());
    }
}

/// Everything that is served under `/metrics`.
#[must_use]
pub fn registry(
    metrics: &Metrics,
    view: Shared,
    counts: Arc<dyn Counts>,
    ways: watch::Receiver<Found>,
    links: watch::Receiver<guideway_l2::Status>,
) -> Registry {
    let mut registry = Registry::with_prefix("guideway_dataplane");
    let start: Gauge<f64, AtomicU64> = Gauge::default();
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    start.set(since_epoch.as_secs_f64());
    registry.register("start_time_seconds", "When the agent started, in Unix time", start);
    registry.register("reloads", "Configurations read, by result", metrics.reloads.clone());
    registry.register("applies", "Attempts to install a generation, by result", metrics.applies.clone());
    registry.register(
        "apply_duration_seconds",
        "Time to plan and write a generation, until packets follow it",
        metrics.apply_duration.clone(),
    );
    registry.register(
        "change_duration_seconds",
        "Time from a request or a change of health until packets follow the generation with it",
        metrics.change_duration.clone(),
    );
    registry.register("health_probes", "Health probes, by result", metrics.probes.clone());
    registry.register(
        "health_probe_duration_seconds",
        "Time that probes took",
        metrics.probe_duration.clone(),
    );
    registry.register(
        "controller_prepares",
        "Generations of the controller that were to be prepared, by result",
        metrics.prepares.clone(),
    );
    registry.register(
        "controller_prepare_duration_seconds",
        "Time until such a generation was built, looked at and kept, or refused",
        metrics.prepare_duration.clone(),
    );
    registry.register(
        "controller_fences",
        "Times that the VIPs were withdrawn because this forwarder does not have what is committed",
        metrics.fences.clone(),
    );
    registry.register_collector(Box::new(collect::Collected { view, counts, ways, links }));
    registry
}

#[cfg(test)]
mod tests;
