//! What comes out of the index.

use std::net::IpAddr;

use guideway_controller_core::Content;
use guideway_controller_crds::guideway::EndpointMode;
use guideway_controller_ipam::ServiceKey;

/// The content as it should be, and what Services should be told.
#[derive(Clone, Debug)]
pub struct Projection {
    /// For all forwarders.
    pub content: Content,
    /// Services whose status, finalizer or events are to be written, in the order of their keys.
    pub services: Vec<ServiceStatus>,
}

/// What is to be written to a Service.
///
/// Finalizer first, then status: a Service that has an address must not go without notice. The other way round when the
/// finalizer is taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceStatus {
    /// Which Service.
    pub service: ServiceKey,
    /// What `metadata.resourceVersion` was when this was decided: a write to another one is to be refused.
    pub resource_version: Option<String>,
    /// `None`: it is as it should be; otherwise all of `status.loadBalancer.ingress`.
    pub ingress: Option<Vec<Ingress>>,
    /// `None`: it is as it should be.
    pub finalizer: Option<FinalizerChange>,
    /// Those of ours which differ from what the status has.
    pub conditions: Vec<Condition>,
    /// Those of ours which the status has and which nobody can tell any more.
    pub void: Vec<ConditionKind>,
    /// What people should see.
    pub events: Vec<ServiceEvent>,
}

/// An element of `status.loadBalancer.ingress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// The address.
    pub ip: IpAddr,
    /// `ipMode`.
    pub ip_mode: IpMode,
}

/// What the nodes of a cluster make of packets of their own to a VIP (`ipMode`, Kubernetes 1.32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpMode {
    /// kube-proxy sends them to endpoints by itself. Node mode needs this, because there the VIP is still the
    /// destination when a packet comes to a node.
    #[default]
    Vip,
    /// They go to the load balancer.
    Proxy,
}

impl IpMode {
    /// As Kubernetes writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vip => "VIP",
            Self::Proxy => "Proxy",
        }
    }
}

/// What to do with [`FINALIZER`](crate::FINALIZER).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalizerChange {
    /// The Service needs it.
    Add,
    /// Nothing of the Service is left in the forwarders.
    Remove,
}

/// One of `status.conditions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its type.
    pub kind: ConditionKind,
    /// `True` or `False`.
    pub holds: bool,
    /// A word in CamelCase.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// The types of conditions that Guideway writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionKind {
    /// The Service has all addresses that it asks for.
    Addresses,
    /// Everything that the Service asks for is understood.
    Accepted,
    /// Every port has a backend that takes packets.
    Backends,
}

impl ConditionKind {
    pub(crate) const ALL: [Self; 3] = [Self::Addresses, Self::Accepted, Self::Backends];

    /// As the status has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Addresses => "guideway.dev/Addresses",
            Self::Accepted => "guideway.dev/Accepted",
            Self::Backends => "guideway.dev/Backends",
        }
    }
}

/// An Event about a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceEvent {
    /// How bad it is.
    pub severity: Severity,
    /// A word in CamelCase.
    pub reason: &'static str,
    /// What, where, and what to do.
    pub message: String,
}

/// The type of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// `Normal`
    Normal,
    /// `Warning`
    Warning,
}

impl Severity {
    /// As Kubernetes writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// A Service for people (`lbctl services`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceView {
    /// Which one.
    pub service: ServiceKey,
    /// Where its packets go.
    pub mode: EndpointMode,
    /// Addresses that it has, or will have when they are recorded.
    pub addresses: Vec<IpAddr>,
    /// The pool that they are from.
    pub pool: Option<String>,
    /// Its shard.
    pub shard: Option<String>,
    /// VIPs in the content.
    pub vips: usize,
    /// What is wrong with it.
    pub problems: Vec<String>,
}
