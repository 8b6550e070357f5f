//! What holds for all Services.

use std::time::Duration;

use guideway_dataplane_config::{EncapsulationKind, Seed, TableSize};

/// The class of Services that are Guideway's unless configured otherwise.
pub const DEFAULT_CLASS: &str = "guideway.dev/load-balancer";

/// The finalizer that keeps a Service until its VIPs are out of all forwarders.
pub const FINALIZER: &str = "guideway.dev/vip";

/// What the index is made with.
#[derive(Clone, Debug)]
pub struct IndexConfig {
    /// The key of all hashes.
    pub seed: Seed,
    /// What Services have that do not say otherwise.
    pub defaults: Defaults,
}

/// What Services have that do not say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// How they travel.
    pub encapsulation: EncapsulationKind,
    /// Whether Pods' nodes run the decap agent, so that packets may carry further hops. Never so in Node mode.
    pub second_hop: bool,
    /// Slots of the lookup tables.
    pub table_size: TableSize,
    /// How long flows on backends of earlier tables are looked after.
    pub drain_window: Duration,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            encapsulation: EncapsulationKind::Gue,
            second_hop: true,
            table_size: TableSize::Small,
            drain_window: Duration::from_secs(600),
        }
    }
}
