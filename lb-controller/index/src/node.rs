//! A Node as the index keeps it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use guideway_controller_ipam::Family;
use k8s_openapi::api::core::v1;

use crate::slice::is_reachable;

/// Nodes with this label take no packets of load balancers.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// The autoscaler is about to remove the node.
const TO_BE_DELETED: &str = "ToBeDeletedByClusterAutoscaler";

/// What matters of a Node: two that are equal here are the same to every Service, so that heartbeats change nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) labels: BTreeMap<String, String>,
    v4: Option<IpAddr>,
    v6: Option<IpAddr>,
    pub(crate) state: State,
}

/// Whether a node takes packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It does.
    Serving,
    /// Its connections go on, new ones go elsewhere: it is not ready, or about to be removed.
    Draining,
    /// It never does.
    Excluded,
}

impl Node {
    pub(crate) fn read(node: &v1::Node) -> Self {
        let labels = node.metadata.labels.clone().unwrap_or_default();
        let status = node.status.as_ref();
        let addresses = status.and_then(|status| status.addresses.as_deref()).unwrap_or_default();
        let internal = |family| {
            let own = addresses.iter().filter(|address| address.type_ == "InternalIP");
            own.filter_map(|address| address.address.parse().ok())
                .find(|address| Family::of(*address) == family && is_reachable(*address))
        };
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let ready =
            conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
        let leaving = node.metadata.deletion_timestamp.is_some()
            || taints.iter().any(|taint| taint.key == TO_BE_DELETED);
        let state = match (labels.contains_key(EXCLUDED), ready && !leaving) {
            (true, _) => State::Excluded,
            (false, true) => State::Serving,
            (false, false) => State::Draining,
        };
        Self { v4: internal(Family::V4), v6: internal(Family::V6), labels, state }
    }

    /// Its address for VIPs of a family: one of the same, else of the other, which every encapsulation but L2 can carry.
    pub(crate) fn address(&self, family: Family, other: OtherFamily) -> Option<IpAddr> {
        let (own, foreign) = match family {
            Family::V4 => (self.v4, self.v6),
            Family::V6 => (self.v6, self.v4),
        };
        own.or(foreign.filter(|_| other == OtherFamily::Carried))
    }
}

/// Whether packets of one family can travel to an address of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OtherFamily {
    Carried,
    Impossible,
}

/// The Nodes of a cluster by name.
pub(crate) type Nodes = BTreeMap<Arc<str>, Node>;
