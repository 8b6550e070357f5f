//! What the index is told.

use std::collections::BTreeSet;

use guideway_controller_core::ForwarderName;
use guideway_controller_crds::guideway::Cluster;
use guideway_controller_crds::{Kind, Object, Resource};
use guideway_controller_ipam::AddressRange;
use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::names::{ClusterName, ObjectName};

/// Something that has changed. Each says how it is now, so that repeating one changes nothing.
#[derive(Clone, Debug)]
pub enum Change {
    /// A cluster is ours, and this is how. Until [`Change::Synced`] its objects count as unknown, not as absent.
    Cluster(ClusterName, Box<Cluster>),
    /// Everything that the cluster has was told.
    Synced(ClusterName),
    /// The cluster cannot be reached: what is known of it stays as it is, and nothing is written to it.
    Stale(ClusterName),
    /// What its Services held when somebody knew them last. Whoever does not know them now reserves it.
    Held(ClusterName, Vec<AddressRange>),
    /// The cluster has not answered for long: its Services are still unknown, but where it is known what they hold nobody waits
    /// for them any more.
    Overdue(ClusterName),
    /// Nobody ever wrote to the cluster, and it cannot be reached: its Services are still unknown, but as long as forwarders
    /// serve none of them nobody waits for the addresses that they may have.
    Unmet(ClusterName),
    /// The cluster is no longer ours: its Services leave.
    ClusterGone(ClusterName),
    /// A Service as it is.
    Service(ClusterName, Box<Service>),
    /// A Service that is no more.
    ServiceGone(ClusterName, ObjectName),
    /// An EndpointSlice as it is.
    Slice(ClusterName, Box<EndpointSlice>),
    /// An EndpointSlice that is no more.
    SliceGone(ClusterName, ObjectName),
    /// A Node as it is.
    Node(ClusterName, Box<Node>),
    /// A Node that is no more, by its name.
    NodeGone(ClusterName, String),
    /// A namespace as it is: pools select by its labels.
    Namespace(ClusterName, Box<Namespace>),
    /// A namespace that is no more, by its name.
    NamespaceGone(ClusterName, String),
    /// The cluster was listed again, and has exactly these objects of a kind; Nodes and namespaces with an empty
    /// namespace. What was missed while nobody watched is known by it.
    Listed(ClusterName, Watched, BTreeSet<ObjectName>),
    /// A custom resource as it is. Clusters come as [`Change::Cluster`], and the Rollout is not for the index.
    Resource(Object, Box<Resource>),
    /// A custom resource that is no more, or that cannot be read.
    ResourceGone(Kind, String),
    /// There are exactly these custom resources of a kind.
    ResourcesListed(Kind, BTreeSet<String>),
    /// The password of routers in a Secret of the controller's cluster; `None`: there is none.
    Password(ObjectName, Option<String>),
    /// A forwarder is connected, or no longer.
    Live(ForwarderName, bool),
}

impl Change {
    /// What it is about, for people: a kind, and a name.
    #[must_use]
    pub fn subject(&self) -> String {
        let of = |cluster: &ClusterName, kind: &str, metadata: &ObjectMeta| {
            let [namespace, name] = [&metadata.namespace, &metadata.name].map(|part| part.as_deref());
            let name = name.unwrap_or_default();
            match namespace {
                Some(namespace) => format!("{kind} {cluster}/{namespace}/{name}"),
                None => format!("{kind} {cluster}/{name}"),
            }
        };
        match self {
            Self::Cluster(cluster, _)
            | Self::Synced(cluster)
            | Self::Stale(cluster)
            | Self::Held(cluster, _)
            | Self::Overdue(cluster)
            | Self::Unmet(cluster)
            | Self::ClusterGone(cluster) => {
                format!("Cluster {cluster}")
            }
            Self::Service(cluster, service) => of(cluster, "Service", &service.metadata),
            Self::ServiceGone(cluster, name) => format!("Service {cluster}/{name}"),
            Self::Slice(cluster, slice) => of(cluster, "EndpointSlice", &slice.metadata),
            Self::SliceGone(cluster, name) => format!("EndpointSlice {cluster}/{name}"),
            Self::Node(cluster, node) => of(cluster, "Node", &node.metadata),
            Self::NodeGone(cluster, name) => format!("Node {cluster}/{name}"),
            Self::Namespace(cluster, namespace) => of(cluster, "Namespace", &namespace.metadata),
            Self::NamespaceGone(cluster, name) => format!("Namespace {cluster}/{name}"),
            Self::Listed(cluster, what, _) => format!("{what:?} of {cluster}"),
            Self::Resource(object, _) => format!("resource {}", object.name),
            Self::ResourceGone(kind, name) => format!("{} {name}", kind.as_str()),
            Self::ResourcesListed(kind, _) => format!("{} objects", kind.as_str()),
            Self::Password(name, _) => format!("Secret {name}"),
            Self::Live(forwarder, _) => format!("Forwarder {forwarder}"),
        }
    }
}

/// A kind of object of workload clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watched {
    /// Services.
    Services,
    /// EndpointSlices.
    Slices,
    /// Nodes.
    Nodes,
    /// Namespaces.
    Namespaces,
}
