//! What a runner counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Named {
    pub(crate) controller: &'static str,
}

/// Counters of a runner; clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) depth: Family<Named, Gauge>,
    pub(crate) reconcile: Family<Named, Histogram, fn() -> Histogram>,
    pub(crate) errors: Family<Named, Counter>,
    pub(crate) actions: Family<Named, Counter>,
    pub(crate) leading: Gauge,
}

fn times() -> Histogram {
    Histogram::new([0.000_05, 0.000_2, 0.001, 0.004, 0.016, 0.064, 0.25, 1.0, 4.0])
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            depth: Family::default(),
            reconcile: Family::new_with_constructor(times),
            errors: Family::default(),
            actions: Family::default(),
            leading: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Whether the runner is the one that acts.
    pub fn is_leading(&self) -> bool {
        self.leading.get() == 1
    }

    /// Makes the counters visible in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("controller_queue_depth", "Keys that wait for a look", self.depth.clone());
        registry.register_with_unit(
            "controller_reconcile",
            "Time of a look at a key, with what it led to",
            Unit::Seconds,
            self.reconcile.clone(),
        );
        registry.register("controller_errors", "Looks that have to be repeated", self.errors.clone());
        registry.register("controller_actions", "Writes", self.actions.clone());
        registry.register(
            "controller_leading",
            "1 while this runner is the one that acts",
            self.leading.clone(),
        );
    }
}
