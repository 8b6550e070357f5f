//! How the packets of a Service travel: its annotations first, then policies, then the defaults.

use std::time::Duration;

use guideway_controller_crds::guideway::{
    BackendPolicy, Cluster, EndpointMode, HealthCheckPolicy, WeightRule,
};
use guideway_dataplane_config::{Affinity, EncapsulationKind, Protocol, TableSize};

use crate::annotations::{AffinityChoice, Weights};
use crate::config::Defaults;
use crate::projection::IpMode;
use crate::service::Balanced;

/// What holds for all ports of a Service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options<'a> {
    pub(crate) mode: EndpointMode,
    pub(crate) encapsulation: EncapsulationKind,
    pub(crate) second_hop: bool,
    pub(crate) drain_window: Duration,
    pub(crate) table_size: TableSize,
    /// `None`: nothing is said, so that the mode decides.
    pub(crate) health_check: Option<&'a HealthCheckPolicy>,
    pub(crate) weights: &'a Weights,
    pub(crate) weight_rules: Vec<&'a WeightRule>,
    pub(crate) flow_entries: Option<u32>,
    pub(crate) ip_mode: IpMode,
    affinity: Option<AffinityChoice>,
    udp_flow_timeout: Option<Duration>,
    client_ip: Option<Duration>,
}

impl<'a> Options<'a> {
    /// `policies`: those for the Service, the first one first. What cannot be so is said to `report`.
    pub(crate) fn of(
        service: &'a Balanced,
        policies: &[&'a BackendPolicy],
        cluster: &Cluster,
        defaults: &Defaults,
        mut report: impl FnMut(String),
    ) -> Self {
        let own = &service.annotations;
        let mode = own
            .endpoint_mode
            .or_else(|| policies.iter().find_map(|policy| policy.endpoints))
            .unwrap_or(cluster.endpoints);
        let said_second_hop = own.second_hop.or_else(|| policies.iter().find_map(|policy| policy.second_hop));
        if mode == EndpointMode::Node && own.second_hop == Some(true) {
            report(
                "guideway.dev/second-hop: nodes pass packets on without knowing connections, so that there is no second \
                 hop in Node mode: remove it"
                    .to_owned(),
            );
        }
        if mode == EndpointMode::Node && own.ip_mode == Some(IpMode::Proxy) {
            report("guideway.dev/ip-mode: nodes would not know the VIP: in Node mode it is VIP".to_owned());
        }
        let udp = service.ports.iter().any(|port| port.protocol == Protocol::Udp);
        if matches!(own.affinity, Some(AffinityChoice::Flow(_))) && !udp {
            report(
                "guideway.dev/affinity: flow is for ports of UDP, and the Service has none: remove it"
                    .to_owned(),
            );
        }
        Self {
            mode,
            encapsulation: own
                .encapsulation
                .or_else(|| policies.iter().find_map(|policy| policy.encapsulation))
                .unwrap_or(defaults.encapsulation),
            second_hop: mode == EndpointMode::Pod && said_second_hop.unwrap_or(defaults.second_hop),
            drain_window: own
                .drain_window
                .or_else(|| policies.iter().find_map(|policy| policy.drain_window))
                .unwrap_or(defaults.drain_window),
            table_size: own
                .table_size
                .or_else(|| policies.iter().find_map(|policy| policy.table_size))
                .unwrap_or(defaults.table_size),
            health_check: own
                .health_check
                .as_ref()
                .or_else(|| policies.iter().find_map(|policy| policy.health_check.as_ref())),
            weights: &own.weights,
            weight_rules: policies.iter().flat_map(|policy| &policy.weights).collect(),
            flow_entries: own.flow_entries.or_else(|| policies.iter().find_map(|policy| policy.flow_entries)),
            ip_mode: if mode == EndpointMode::Node { IpMode::Vip } else { own.ip_mode.unwrap_or_default() },
            affinity: own.affinity,
            udp_flow_timeout: policies.iter().find_map(|policy| policy.udp_flow_timeout),
            client_ip: service.client_ip,
        }
    }

    /// Who keeps a backend on a port of this protocol.
    pub(crate) fn affinity(&self, protocol: Protocol) -> Affinity {
        if let Some(timeout) = self.client_ip {
            return Affinity::ClientIp { timeout };
        }
        match (self.affinity, protocol) {
            (Some(AffinityChoice::ClientIp(timeout)), _) => Affinity::ClientIp { timeout },
            (Some(AffinityChoice::Flow(timeout)), Protocol::Udp) => Affinity::Flow { timeout },
            (None, Protocol::Udp) => {
                self.udp_flow_timeout.map_or(Affinity::None, |timeout| Affinity::Flow { timeout })
            }
            _ => Affinity::None,
        }
    }

    /// The VIP's part of the flow table. A VIP of UDP without affinity remembers nothing.
    pub(crate) fn flow_entries(&self, protocol: Protocol) -> Option<u32> {
        let remembers = protocol == Protocol::Tcp || self.affinity(protocol) != Affinity::None;
        self.flow_entries.filter(|_| remembers)
    }
}
