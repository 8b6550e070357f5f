use std::collections::BTreeSet;

/// A workload cluster, whose Services are served. The resource's name is the cluster's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// How its API is reached.
    pub access: ClusterAccess,
    /// The `loadBalancerClass` of Services that are served.
    pub load_balancer_class: Option<String>,
    /// Whether Services without a class are served.
    pub default_class: bool,
    /// Only these namespaces; empty: all.
    pub namespaces: BTreeSet<String>,
    /// Where endpoints are.
    pub endpoints: EndpointMode,
    /// The Shard of Services that nothing else puts elsewhere.
    pub shard: Option<String>,
    /// The BackendPolicy of Services that name none and that no policy's `services` claims.
    pub backend_policy: Option<String>,
}

/// How the API of a workload cluster is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterAccess {
    /// It is the cluster in which the controller's own objects lie.
    Home,
    /// By the kubeconfig in a Secret of the controller's namespace.
    Secret {
        /// The Secret.
        name: String,
        /// The key in it.
        key: String,
        /// The kubeconfig's context; `None`: its current one.
        context: Option<String>,
    },
}

/// Where packets of a Service go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointMode {
    /// To the Pods, in one hop.
    #[default]
    Pod,
    /// To nodes, through kube-proxy or what replaces it.
    Node,
}

impl EndpointMode {
    /// The word in resources and annotations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Node => "Node",
        }
    }
}
