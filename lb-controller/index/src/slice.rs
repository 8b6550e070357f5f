//! An EndpointSlice as the index keeps it.

use std::net::IpAddr;
use std::sync::Arc;

use guideway_controller_ipam::Family;
use guideway_dataplane_config::Protocol;
use k8s_openapi::api::discovery::v1::{self, EndpointSlice};

use crate::annotations;

/// The label of a slice that names its Service.
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// What matters of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    /// `None`: FQDN, which cannot be balanced.
    pub(crate) family: Option<Family>,
    /// Name, protocol and port; `None` is every port.
    pub(crate) ports: Vec<(Arc<str>, Protocol, Option<u16>)>,
    pub(crate) endpoints: Vec<Endpoint>,
    /// What all endpoints weigh.
    pub(crate) weight: Option<u16>,
    /// What is wrong with it.
    pub(crate) problem: Option<String>,
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) address: IpAddr,
    pub(crate) conditions: Conditions,
    pub(crate) node: Option<Arc<str>>,
    /// Zones that should use it.
    pub(crate) zones: Vec<Arc<str>>,
    /// Namespace and name of its Pod.
    pub(crate) pod: Option<Arc<str>>,
}

/// What is known of an endpoint. What is not said counts as Kubernetes counts it: ready, serving as far as ready, not
/// terminating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conditions {
    pub(crate) ready: bool,
    pub(crate) serving: bool,
    pub(crate) terminating: bool,
}

impl Slice {
    /// The Service that it belongs to, by its name.
    pub(crate) fn service(slice: &EndpointSlice) -> Option<&str> {
        slice.metadata.labels.as_ref()?.get(SERVICE_NAME).map(String::as_str)
    }

    pub(crate) fn read(slice: &EndpointSlice) -> Self {
        let name = slice.metadata.name.as_deref().unwrap_or_default();
        let mut problem = None;
        let mut report = |text: String| {
            problem.get_or_insert(format!("EndpointSlice {name}: {text}"));
        };
        let family = match slice.address_type.as_str() {
            "IPv4" => Some(Family::V4),
            "IPv6" => Some(Family::V6),
            other => {
                report(format!("addresses of type {other} cannot be balanced: write IPv4 or IPv6"));
                None
            }
        };
        let weight = match annotations::slice_weight(
            slice.metadata.annotations.as_ref().unwrap_or(&Default::default()),
        ) {
            Ok(weight) => weight,
            Err(problem) => {
                report(format!("{}: {}", problem.annotation, problem.reason));
                None
            }
        };
        let mut endpoints = Vec::with_capacity(slice.endpoints.len());
        for endpoint in &slice.endpoints {
            // Consumers look at the first address only.
            let Some(text) = endpoint.addresses.first() else { continue };
            match text.parse::<IpAddr>() {
                Ok(address) if Some(Family::of(address)) == family && is_reachable(address) => {
                    endpoints.push(read_endpoint(endpoint, address));
                }
                _ if family.is_none() => {}
                _ => report(format!("{text:?} is no unicast {} address: it is left out", slice.address_type)),
            }
        }
        let ports = slice.ports.iter().flatten().filter_map(|port| {
            let protocol = match port.protocol.as_deref() {
                None | Some("TCP") => Protocol::Tcp,
                Some("UDP") => Protocol::Udp,
                Some(_) => return None,
            };
            let number = port.port.map(u16::try_from).transpose().ok()?;
            Some((port.name.as_deref().unwrap_or_default().into(), protocol, number))
        });
        Self { family, ports: ports.collect(), endpoints, weight, problem }
    }
}

fn read_endpoint(endpoint: &v1::Endpoint, address: IpAddr) -> Endpoint {
    let conditions = endpoint.conditions.as_ref();
    let ready = conditions.and_then(|c| c.ready).unwrap_or(true);
    let target = endpoint.target_ref.as_ref();
    let pod = target.filter(|target| target.kind.as_deref() == Some("Pod")).and_then(|target| {
        let namespace = target.namespace.as_deref().unwrap_or_default();
        Some(format!("{namespace}/{}", target.name.as_deref()?).into())
    });
    let hints = endpoint.hints.as_ref().and_then(|hints| hints.for_zones.as_deref());
    Endpoint {
        address,
        conditions: Conditions {
            ready,
            serving: conditions.and_then(|c| c.serving).unwrap_or(ready),
            terminating: conditions.and_then(|c| c.terminating).unwrap_or(false),
        },
        node: endpoint.node_name.as_deref().map(Into::into),
        zones: hints.unwrap_or_default().iter().map(|zone| zone.name.as_str().into()).collect(),
        pod,
    }
}

/// Whether another host can have the address.
pub(crate) fn is_reachable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.octets()[0] == 0
                || v4.is_loopback()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_link_local())
        }
        IpAddr::V6(v6) => {
            !(v6.is_unspecified()
                || v6.is_loopback()
                || v6.is_multicast()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some())
        }
    }
}
