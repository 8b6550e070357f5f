//! A Service as the index keeps it: what matters of it, read once.

mod ports;
mod record;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use guideway_controller_ipam::{Families, Family, Labels};
use ipnet::IpNet;
use k8s_openapi::api::core::v1::{self, ServiceSpec};

use crate::annotations::{self, Annotations, CLIENT_TIMEOUT};
use crate::config::FINALIZER;
use crate::projection::{ServiceEvent, Severity};

pub(crate) use ports::Port;
pub(crate) use record::Record;

/// What is wrong with a field or an annotation.
const INVALID: &str = "InvalidService";
const BAD_ANNOTATION: &str = "InvalidAnnotation";

/// A Service, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Service {
    pub(crate) labels: Arc<Labels>,
    /// `None`: of another type, or without a specification.
    pub(crate) balanced: Option<Balanced>,
    pub(crate) deleting: bool,
    pub(crate) record: Record,
    /// What is wrong with what it says, in the order in which it was found.
    pub(crate) problems: Vec<ServiceEvent>,
}

/// What a Service of type `LoadBalancer` wants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Balanced {
    pub(crate) class: Option<String>,
    pub(crate) ports: Vec<Port>,
    pub(crate) families: Families,
    pub(crate) traffic: ExternalTraffic,
    /// `sessionAffinity: ClientIP`
    pub(crate) client_ip: Option<Duration>,
    pub(crate) sources: Sources,
    pub(crate) unready: Unready,
    pub(crate) selector: String,
    pub(crate) annotations: Annotations,
}

/// `externalTrafficPolicy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExternalTraffic {
    /// Every node passes packets on.
    Cluster,
    /// A node serves its own endpoints only, and tells at this port whether it has some.
    Local { health_check: Option<NonZeroU16> },
}

/// `publishNotReadyAddresses`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unready {
    LeftOut,
    Published,
}

/// Whose packets are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sources {
    Everybody,
    /// Theirs, and nobody else's: also when there is nobody of a family.
    Only(Vec<IpNet>),
}

impl Sources {
    /// The prefixes for a VIP of a family, none meaning everybody; `Err`: nobody may.
    pub(crate) fn of(&self, family: Family) -> Result<Vec<IpNet>, ()> {
        let Self::Only(all) = self else { return Ok(Vec::new()) };
        let of_family = |net: &&IpNet| Family::of(net.addr()) == family;
        let mut nets: Vec<IpNet> = all.iter().filter(of_family).copied().collect();
        if nets.is_empty() {
            return Err(());
        }
        if nets.iter().any(|net| net.prefix_len() == 0) {
            return Ok(Vec::new());
        }
        nets.sort_unstable();
        nets.dedup();
        Ok(nets)
    }
}

impl Service {
    pub(crate) fn read(service: &v1::Service) -> Self {
        let empty = std::collections::BTreeMap::new();
        let metadata = &service.metadata;
        let mut problems = Vec::new();
        let balanced =
            service.spec.as_ref().filter(|spec| spec.type_.as_deref() == Some("LoadBalancer")).map(|spec| {
                let (annotations, bad) = annotations::parse(metadata.annotations.as_ref().unwrap_or(&empty));
                for problem in bad {
                    let message = format!("{}: {}", problem.annotation, problem.reason);
                    problems.push(ServiceEvent {
                        severity: Severity::Warning,
                        reason: BAD_ANNOTATION,
                        message,
                    });
                }
                Balanced::read(spec, annotations, &mut Problems(&mut problems))
            });
        Self {
            labels: Arc::new(metadata.labels.clone().unwrap_or_default()),
            balanced,
            deleting: metadata.deletion_timestamp.is_some(),
            record: Record::read(service),
            problems,
        }
    }
}

struct Problems<'p>(&'p mut Vec<ServiceEvent>);

impl Problems<'_> {
    fn add(&mut self, message: impl Into<String>) {
        self.0.push(ServiceEvent { severity: Severity::Warning, reason: INVALID, message: message.into() });
    }
}

impl Balanced {
    fn read(spec: &ServiceSpec, mut annotations: Annotations, problems: &mut Problems<'_>) -> Self {
        let local = spec.external_traffic_policy.as_deref() == Some("Local");
        let health_check =
            spec.health_check_node_port.and_then(|port| u16::try_from(port).ok()).and_then(NonZeroU16::new);
        let client_ip = client_ip(spec, problems);
        if client_ip.is_some() && annotations.affinity.take().is_some() {
            problems.add(
                "guideway.dev/affinity: spec.sessionAffinity says ClientIP, which holds: remove one of them",
            );
        }
        requested_address(spec, &mut annotations, problems);
        let sources = sources(spec, &annotations, problems);
        let publish = spec.publish_not_ready_addresses == Some(true);
        Self {
            class: spec.load_balancer_class.clone(),
            ports: ports::read(spec, problems),
            families: families(spec),
            traffic: if local { ExternalTraffic::Local { health_check } } else { ExternalTraffic::Cluster },
            client_ip,
            sources,
            unready: if publish { Unready::Published } else { Unready::LeftOut },
            selector: spec
                .selector
                .iter()
                .flatten()
                .map(|(key, value)| format!("{key}={value}"))
                .collect::<Vec<_>>()
                .join(","),
            annotations,
        }
    }
}

/// The families that are wanted. With one in `ipFamilies` the cluster has no other, whatever is preferred.
fn families(spec: &ServiceSpec) -> Families {
    let named = |name: &String| match name.as_str() {
        "IPv4" => Some(Family::V4),
        "IPv6" => Some(Family::V6),
        _ => None,
    };
    let mut listed: Vec<Family> = spec.ip_families.iter().flatten().filter_map(named).collect();
    if listed.is_empty() {
        let addresses = spec.cluster_ips.iter().flatten().chain(&spec.cluster_ip);
        listed = addresses.filter_map(|ip| ip.parse::<IpAddr>().ok()).map(Family::of).collect();
        listed.dedup();
    }
    let first = listed.first().copied().unwrap_or(Family::V4);
    match spec.ip_family_policy.as_deref() {
        Some("RequireDualStack") => Families::Require(first),
        Some("PreferDualStack") if listed.len() != 1 => Families::Prefer(first),
        _ => Families::Single(first),
    }
}

fn client_ip(spec: &ServiceSpec, problems: &mut Problems<'_>) -> Option<Duration> {
    if spec.session_affinity.as_deref() != Some("ClientIP") {
        return None;
    }
    let config = spec.session_affinity_config.as_ref().and_then(|config| config.client_ip.as_ref());
    let Some(seconds) = config.and_then(|config| config.timeout_seconds) else { return Some(CLIENT_TIMEOUT) };
    match u64::try_from(seconds) {
        Ok(seconds @ 1..=86_400) => Some(Duration::from_secs(seconds)),
        _ => {
            problems.add(format!(
                "spec.sessionAffinityConfig.clientIP.timeoutSeconds: {seconds} is not from 1 to 86400: 10800 is used"
            ));
            Some(CLIENT_TIMEOUT)
        }
    }
}

/// `spec.loadBalancerIP` counts when MetalLB's annotation does not say it.
fn requested_address(spec: &ServiceSpec, annotations: &mut Annotations, problems: &mut Problems<'_>) {
    let Some(text) = spec.load_balancer_ip.as_deref().filter(|text| !text.is_empty()) else { return };
    let request = &mut annotations.addresses;
    match text.parse() {
        _ if !request.addresses.is_empty() => {
            if request.addresses.iter().all(|address| address.to_string() != text) {
                problems.add(format!(
                    "spec.loadBalancerIP: {text} is not what the annotation asks for, which holds"
                ));
            }
        }
        Ok(address) => request.addresses = vec![address],
        Err(_) => {
            request.broken = true;
            problems
                .add(format!("spec.loadBalancerIP: {text:?} is no IP address: write one as in 203.0.113.10"));
        }
    }
}

/// The most prefixes of clients.
const MAX_SOURCES: usize = 1024;

fn sources(spec: &ServiceSpec, annotations: &Annotations, problems: &mut Problems<'_>) -> Sources {
    let field = spec.load_balancer_source_ranges.as_ref().filter(|ranges| !ranges.is_empty());
    let annotated = annotations.source_ranges.as_ref().filter(|ranges| !ranges.is_empty());
    let Some(texts) = field.or(annotated) else { return Sources::Everybody };
    let mut nets: Vec<IpNet> = Vec::new();
    for text in texts {
        match text.trim().parse::<IpNet>() {
            Ok(net) if is_mapped(&net) => {
                problems.add(format!("loadBalancerSourceRanges: {text} is IPv4 in IPv6, write it as IPv4: it is left out"));
            }
            Ok(net) => nets.push(net.trunc()),
            Err(_) => problems.add(format!(
                "loadBalancerSourceRanges: {text:?} is no prefix as in 192.0.2.0/24: it is left out, the others hold"
            )),
        }
    }
    nets.sort_unstable();
    nets.dedup();
    if nets.len() > MAX_SOURCES {
        problems.add(format!(
            "loadBalancerSourceRanges: {} prefixes, at most {MAX_SOURCES} are possible: nobody is let in",
            nets.len()
        ));
        nets.clear();
    }
    Sources::Only(nets)
}

fn is_mapped(net: &IpNet) -> bool {
    matches!(net, IpNet::V6(v6) if v6.prefix_len() >= 96 && v6.addr().to_ipv4_mapped().is_some())
}

/// Whether the controller's finalizer is there.
fn has_finalizer(service: &v1::Service) -> bool {
    service.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
}
