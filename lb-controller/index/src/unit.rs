//! A Service's part of the content: a VIP for each of its ports and addresses, and a set for each group of ports of a family
//! that have the same backends and the same health check.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use guideway_controller_core::{Advertise, NameError, SetName, ShardName, Vip, VipName};
use guideway_controller_crds::guideway::{EndpointMode, HealthCheckPolicy};
use guideway_controller_ipam::{Family, ServiceKey};
use guideway_dataplane_config::{Backend, BackendSet, HealthCheck, Ports, Probe};
use ipnet::IpNet;

use crate::annotations;
use crate::endpoints::{Chosen, Question, Slices};
use crate::node::Nodes;
use crate::options::Options;
use crate::service::{Balanced, ExternalTraffic, Port};

/// Where kube-proxy tells whether a node has endpoints of a Service.
const LOCAL_HEALTH: &str = "/healthz";

/// What a Service's part of the content follows from.
pub(crate) struct Plan<'a> {
    pub(crate) key: &'a ServiceKey,
    pub(crate) service: &'a Balanced,
    pub(crate) options: Options<'a>,
    pub(crate) slices: &'a Slices,
    pub(crate) nodes: &'a Nodes,
    /// Addresses that are recorded and held, each with how it is announced.
    pub(crate) addresses: &'a [(IpAddr, Advertise)],
    pub(crate) shard: ShardName,
    pub(crate) zone: Option<&'a str>,
    pub(crate) is_vip: &'a dyn Fn(IpAddr) -> bool,
}

/// A port and who serves it.
struct Served<'p> {
    port: &'p Port,
    backends: Vec<Backend>,
    health_check: Option<HealthCheck>,
}

/// A Service's part of the content.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Unit {
    pub(crate) sets: Vec<BackendSet>,
    pub(crate) vips: Vec<Vip>,
    pub(crate) problems: BTreeSet<String>,
    /// Ports, with their family, that nobody serves.
    pub(crate) unserved: Vec<String>,
}

impl Plan<'_> {
    /// A port without a backend that takes packets has no VIP: its address is announced by other ports only.
    pub(crate) fn unit(&self) -> Unit {
        let mut unit = Unit::default();
        let families: BTreeSet<Family> =
            self.addresses.iter().map(|(address, _)| Family::of(*address)).collect();
        for family in families {
            let Ok(sources) = self.service.sources.of(family) else {
                let reason = format!(
                    "loadBalancerSourceRanges: no {family} prefix, so that nobody may use the {family} address: add one"
                );
                unit.problems.insert(reason);
                continue;
            };
            let mut served: Vec<Served<'_>> =
                self.service.ports.iter().filter_map(|port| self.serve(port, family, &mut unit)).collect();
            // A set is called by the lowest of its ports, whatever order they are written in.
            served.sort_by_key(|served| (served.port.number, served.port.protocol));
            let first = unit.sets.len();
            for served in served {
                let port = served.port;
                if let Err(error) = self.put(served, family, &sources, first, &mut unit) {
                    unit.problems.insert(format!("port {}: its name {error}", port.label));
                }
            }
        }
        unit
    }

    /// Who serves a port; `None` when nobody does.
    fn serve<'p>(&self, port: &'p Port, family: Family, unit: &mut Unit) -> Option<Served<'p>> {
        let question = Question {
            slices: self.slices,
            nodes: self.nodes,
            options: &self.options,
            family,
            traffic: self.service.traffic,
            unready: self.service.unready,
            zone: self.zone,
            is_vip: self.is_vip,
        };
        let mut chosen = question.answer(port);
        let health_check = self.health_check(port, &mut chosen);
        unit.problems.extend(chosen.problems);
        if chosen.backends.iter().all(|backend| backend.weight == 0) {
            unit.unserved.push(format!("{} ({family})", port.label));
            return None;
        }
        Some(Served { port, backends: chosen.backends, health_check })
    }

    /// Puts a port's VIPs in, and a set if none of the family, which are those from `first` on, will do.
    fn put(
        &self,
        served: Served<'_>,
        family: Family,
        sources: &[IpNet],
        first: usize,
        unit: &mut Unit,
    ) -> Result<(), NameError> {
        let Served { port, backends, health_check } = served;
        let short = match family {
            Family::V4 => "v4",
            Family::V6 => "v6",
        };
        let name = format!("{}/{}/{short}", self.key, port.label);
        let alike = |set: &&BackendSet| set.health_check == health_check && *set.backends == *backends;
        let set = match unit.sets[first..].iter().find(alike) {
            Some(set) => SetName::new(&set.name)?,
            None => {
                let set = SetName::new(&name)?;
                // Ports that are checked in different ways have the same backends nevertheless.
                let shared = unit.sets[first..].last().map(|set| &set.backends);
                let shared = shared.filter(|shared| ***shared == *backends).map(Arc::clone);
                unit.sets.push(BackendSet {
                    name: name.clone(),
                    table_size: self.options.table_size,
                    encapsulation: self.options.encapsulation,
                    second_hop: self.options.second_hop,
                    drain_window: self.options.drain_window,
                    health_check,
                    backends: shared.unwrap_or_else(|| backends.into()),
                });
                set
            }
        };
        let of_family = self.addresses.iter().filter(|(address, _)| Family::of(*address) == family);
        for (index, (address, advertise)) in of_family.enumerate() {
            let vip = if index == 0 { name.clone() } else { format!("{name}/{}", index + 1) };
            unit.vips.push(Vip {
                name: VipName::new(&vip)?,
                address: IpNet::from(*address),
                ports: Ports::One(port.number),
                protocol: port.protocol,
                set: set.clone(),
                affinity: self.options.affinity(port.protocol),
                flow_entries: self.options.flow_entries(port.protocol),
                sources: sources.to_vec(),
                shard: self.shard.clone(),
                advertise: advertise.clone(),
                owner: self.key.to_string(),
            });
        }
        Ok(())
    }

    /// What is asked for. When nothing is, Kubernetes is believed, but for nodes that serve their own endpoints only.
    fn health_check(&self, port: &Port, chosen: &mut Chosen) -> Option<HealthCheck> {
        let local = match self.service.traffic {
            ExternalTraffic::Local { health_check } if self.options.mode == EndpointMode::Node => {
                Some(health_check)
            }
            _ => None,
        };
        let Some(policy) = self.options.health_check else {
            let Some(node_port) = local? else {
                chosen.problems.insert(
                    "spec.healthCheckNodePort: has no port, so that nodes are not asked whether they have endpoints".into(),
                );
                return None;
            };
            let probe = Probe::Http { path: LOCAL_HEALTH.to_owned(), host: None, expect: 200..=200 };
            return annotations::health_check(probe, Some(node_port)).for_port(node_port);
        };
        // A check is often there before the first endpoint is.
        if self.options.mode == EndpointMode::Pod && chosen.targets.is_empty() {
            return None;
        }
        let target = match self.options.mode {
            // kube-proxy listens nowhere for a VIP's own port, but takes connections to the node port, if there is one.
            EndpointMode::Node => None,
            EndpointMode::Pod => one(&chosen.targets),
        };
        match (policy, target) {
            (HealthCheckPolicy::On { port: None, .. }, None) => {
                let why = match self.options.mode {
                    EndpointMode::Node => "nodes are no endpoints",
                    EndpointMode::Pod => "slices have several target ports",
                };
                chosen.problems.insert(format!(
                    "health check of port {}: {why}: write guideway.dev/health-check-port; nobody is asked",
                    port.label
                ));
                None
            }
            (policy, target) => policy.for_port(target.unwrap_or(NonZeroU16::MIN)),
        }
    }
}

/// The only one of them.
fn one(ports: &BTreeSet<u16>) -> Option<NonZeroU16> {
    let mut ports = ports.iter();
    let first = ports.next().copied().and_then(NonZeroU16::new);
    first.filter(|_| ports.next().is_none())
}
