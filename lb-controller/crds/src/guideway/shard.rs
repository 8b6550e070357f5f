use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use crate::Selector;

/// Forwarders that announce the VIPs of some Services and of no others, so that a flood on one tenant leaves the rest
/// alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which forwarders.
    pub members: Members,
    /// Whether Services that no annotation and no shard's `services` claims belong here; of several such shards the one
    /// whose name comes first counts.
    pub default: bool,
    /// Services that belong here without an annotation.
    pub services: Option<ServiceMatch>,
}

/// The forwarders of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    /// Exactly these, by name.
    Pinned(BTreeSet<String>),
    /// Those that are selected.
    Selected {
        /// By the labels of Forwarder resources; `None`: all.
        selector: Option<Selector>,
        /// Only those of this zone.
        zone: Option<String>,
        /// How many of them each tenant gets, by shuffle sharding; `None`: all.
        size: Option<NonZeroU16>,
        /// Who counts as one tenant.
        tenant: Tenant,
    },
}

/// Who gets the same forwarders in shuffle sharding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tenant {
    /// The Services of one namespace of one cluster.
    #[default]
    Namespace,
    /// Each Service for itself.
    Service,
    /// The Services of one cluster.
    Cluster,
}

/// Which Services are meant; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceMatch {
    /// Names of Cluster resources; empty: all.
    pub clusters: BTreeSet<String>,
    /// Names of namespaces; empty: all.
    pub namespaces: BTreeSet<String>,
    /// Labels of the Services.
    pub selector: Selector,
}

impl ServiceMatch {
    /// Whether a Service of this cluster and namespace and with these labels is meant.
    #[must_use]
    pub fn matches(&self, cluster: &str, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        (self.clusters.is_empty() || self.clusters.contains(cluster))
            && (self.namespaces.is_empty() || self.namespaces.contains(namespace))
            && self.selector.matches(labels)
    }
}
