use std::num::{NonZeroU8, NonZeroU16};
use std::time::Duration;

use guideway_dataplane_config::{EncapsulationKind, HealthCheck, Probe, TableSize};

use super::{EndpointMode, ServiceMatch};
use crate::Selector;

/// How packets of some Services reach their backends. What is `None` is left to the next policy, and at last to the
/// defaults of the forwarders.
///
/// A Service's own annotations come first, then the policy that its annotation names, then that of its Cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendPolicy {
    /// Services that it is for without being named.
    pub services: Option<ServiceMatch>,
    /// Of several policies for one Service the lowest counts, and of equal ones the first by name.
    pub priority: u32,
    /// Where endpoints are.
    pub endpoints: Option<EndpointMode>,
    /// The outer header.
    pub encapsulation: Option<EncapsulationKind>,
    /// Whether backends run the decap agent.
    pub second_hop: Option<bool>,
    /// 1 s to 24 h.
    pub drain_window: Option<Duration>,
    /// Slots of the lookup table.
    pub table_size: Option<TableSize>,
    /// Whether and how backends are asked.
    pub health_check: Option<HealthCheckPolicy>,
    /// The first rule that matches a backend's node gives its weight.
    pub weights: Vec<WeightRule>,
    /// UDP: how long a flow that sends nothing is remembered, 1 s to 24 h; `None`: each packet follows the table.
    pub udp_flow_timeout: Option<Duration>,
    /// Entries of the flow table for each VIP, a power of two from 4 to 2^26.
    pub flow_entries: Option<u32>,
}

/// Weight of the backends on some nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightRule {
    /// By the labels of the Node.
    pub nodes: Selector,
    /// Share of the slots; 0 takes none.
    pub weight: u16,
}

/// A health check of the backends of a Service's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthCheckPolicy {
    /// Every backend that Kubernetes calls ready is healthy.
    Off,
    /// As [`HealthCheck`].
    On {
        /// What is asked.
        probe: Probe,
        /// `None`: the port to which packets go.
        port: Option<NonZeroU16>,
        /// 10 ms to 1 h.
        interval: Duration,
        /// 1 ms to `interval`.
        timeout: Duration,
        /// Successes in a row.
        rise: NonZeroU8,
        /// Failures in a row.
        fall: NonZeroU8,
    },
}

impl HealthCheckPolicy {
    /// The check of backends whose packets go to `target`.
    #[must_use]
    pub fn for_port(&self, target: NonZeroU16) -> Option<HealthCheck> {
        match self {
            Self::Off => None,
            Self::On { probe, port, interval, timeout, rise, fall } => Some(HealthCheck {
                probe: probe.clone(),
                port: port.unwrap_or(target),
                interval: *interval,
                timeout: *timeout,
                rise: *rise,
                fall: *fall,
            }),
        }
    }
}
