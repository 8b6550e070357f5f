//! From Kubernetes' objects to services of this node. Pure.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use guideway_bpf::{Service, ServiceKey, ServicePort, Transport};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::EndpointSlice;

use crate::vip::Vip;

/// On Services that a controller of Guideway serves, until their VIPs are out of all forwarders.
const FINALIZER: &str = "guideway.dev/vip";
/// Says [`Mode`] for a Service.
const MODE: &str = "guideway.dev/endpoint-mode";
/// How long flows on endpoints that left are looked after.
const DRAIN_WINDOW: &str = "guideway.dev/drain-window";
/// Without the annotation, or with one that makes no sense.
const DEFAULT_DRAIN_WINDOW: Duration = Duration::from_secs(600);
/// Longer ones make no sense.
const LONGEST_DRAIN_WINDOW: Duration = Duration::from_secs(86_400);
/// Which Service a slice belongs to.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// What forwarders send to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// To Pods by their addresses: packets are translated to the Pod and its port.
    #[default]
    Pod,
    /// To nodes: packets are delivered to the VIP, for kube-proxy or what stands in its place.
    Node,
}

impl Mode {
    /// As annotations have it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "Pod" => Some(Self::Pod),
            "Node" => Some(Self::Node),
            _ => None,
        }
    }
}

/// What Kubernetes has for a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Projection {
    /// The services of its endpoints.
    pub(crate) services: BTreeMap<ServiceKey, Service>,
    /// How long endpoints that left are looked after, of each port that has endpoints of its own, here or elsewhere.
    pub(crate) windows: BTreeMap<(IpAddr, Transport, u16), Duration>,
}

/// The maps have no room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("kubernetes: {wanted} services for this node's endpoints, {max} at most; those before stay")]
pub(crate) struct TooMany {
    wanted: usize,
    max: usize,
}

/// What there is for node `node`. Endpoints count whatever their condition is: those that are not ready get no new connections,
/// and may have old ones.
pub(crate) fn project(
    services: &[Arc<core::Service>],
    slices: &[Arc<EndpointSlice>],
    node: &str,
    default: Mode,
) -> Result<Projection, TooMany> {
    let mut by_service: HashMap<(&str, &str), Vec<&EndpointSlice>> = HashMap::new();
    for slice in slices {
        let labels = slice.metadata.labels.as_ref();
        if let Some(name) = labels.and_then(|labels| labels.get(SERVICE_NAME)) {
            let namespace = slice.metadata.namespace.as_deref().unwrap_or_default();
            by_service.entry((namespace, name)).or_default().push(slice);
        }
    }
    let mut found = Projection::default();
    for service in services {
        let finalizers = service.metadata.finalizers.iter().flatten();
        if !finalizers.into_iter().any(|name| name == FINALIZER) {
            continue;
        }
        let annotations = service.metadata.annotations.as_ref();
        let said = annotations.and_then(|all| all.get(MODE)).and_then(|name| Mode::named(name));
        match said.unwrap_or(default) {
            Mode::Node => {
                let whole = |vip| (ServiceKey { vip, port: ServicePort::Any }, Service::AsIs);
                found.services.extend(vips(service).map(whole));
            }
            Mode::Pod => {
                windows(service, &mut found);
                let name = service.metadata.name.as_deref().unwrap_or_default();
                let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
                for slice in by_service.get(&(namespace, name)).into_iter().flatten() {
                    pods(service, slice, node, &mut found);
                }
            }
        }
    }
    let max = guideway_abi::DECAP_SERVICES_MAX as usize / 2;
    let wanted = found.services.len();
    if wanted > max { Err(TooMany { wanted, max }) } else { Ok(found) }
}

/// The addresses that the controller has written down.
fn vips(service: &core::Service) -> impl Iterator<Item = IpAddr> {
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let ingress = status.and_then(|status| status.ingress.as_ref()).into_iter().flatten();
    ingress.filter_map(|ingress| Some(ingress.ip.as_deref()?.parse::<Vip>().ok()?.address()))
}

fn windows(service: &core::Service, found: &mut Projection) {
    let annotations = service.metadata.annotations.as_ref();
    let said = annotations.and_then(|all| humantime::parse_duration(all.get(DRAIN_WINDOW)?).ok());
    let window = said.filter(|window| *window <= LONGEST_DRAIN_WINDOW).unwrap_or(DEFAULT_DRAIN_WINDOW);
    for port in service.spec.iter().flat_map(|spec| spec.ports.iter().flatten()) {
        if let Some((transport, number)) = transport(port.protocol.as_deref()).zip(number(port.port)) {
            found.windows.extend(vips(service).map(|vip| ((vip, transport, number), window)));
        }
    }
}

fn pods(service: &core::Service, slice: &EndpointSlice, node: &str, found: &mut Projection) {
    let endpoints = slice.endpoints.iter().filter(|endpoint| endpoint.node_name.as_deref() == Some(node));
    let addresses: Vec<IpAddr> = endpoints
        .flat_map(|endpoint| &endpoint.addresses)
        .filter_map(|address| Some(address.parse::<Vip>().ok()?.address()))
        .collect();
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    for port in ports {
        let Some((transport, number)) = transport(port.protocol.as_deref()).zip(number(port.port)) else {
            continue;
        };
        let Some(target) = target(slice, port) else { continue };
        for vip in vips(service) {
            for outer in addresses.iter().filter(|address| address.is_ipv4() == vip.is_ipv4()) {
                let key = ServiceKey { vip, port: ServicePort::PortBy(transport, number, *outer) };
                found.services.insert(key, Service::Translate(SocketAddr::new(*outer, target)));
            }
        }
    }
}

/// The port of the slice's endpoints that a Service's port leads to.
fn target(slice: &EndpointSlice, port: &core::ServicePort) -> Option<u16> {
    let name = port.name.as_deref().unwrap_or_default();
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    let ports = slice.ports.iter().flatten();
    let mut same = ports.filter(|candidate| {
        candidate.name.as_deref().unwrap_or_default() == name
            && candidate.protocol.as_deref().unwrap_or("TCP") == protocol
    });
    // Without a number: every port as it is.
    number(same.next()?.port.unwrap_or(port.port))
}

fn transport(protocol: Option<&str>) -> Option<Transport> {
    match protocol.unwrap_or("TCP") {
        "TCP" => Some(Transport::Tcp),
        "UDP" => Some(Transport::Udp),
        _ => None,
    }
}

fn number(port: i32) -> Option<u16> {
    u16::try_from(port).ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests;
