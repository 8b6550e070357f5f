//! The built-in kinds that controllers read or write.

use std::sync::LazyLock;

use crate::resource::{Resource, Scope};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $group:literal, $version:literal, $kind:literal, $plural:literal, $scope:ident;)*) => {
        $($(#[$doc])* pub fn $name() -> Resource {
            static KIND: LazyLock<Resource> =
                LazyLock::new(|| Resource::new($group, $version, $kind, $plural, Scope::$scope));
            KIND.clone()
        })*
    };
}

kinds! {
    /// Namespaces.
    namespaces = "", "v1", "Namespace", "namespaces", Cluster;
    /// Nodes.
    nodes = "", "v1", "Node", "nodes", Cluster;
    /// Pods.
    pods = "", "v1", "Pod", "pods", Namespaced;
    /// Services.
    services = "", "v1", "Service", "services", Namespaced;
    /// Endpoints, for clients that do not know slices.
    endpoints = "", "v1", "Endpoints", "endpoints", Namespaced;
    /// Service accounts.
    service_accounts = "", "v1", "ServiceAccount", "serviceaccounts", Namespaced;
    /// Secrets.
    secrets = "", "v1", "Secret", "secrets", Namespaced;
    /// Config maps.
    config_maps = "", "v1", "ConfigMap", "configmaps", Namespaced;
    /// Events.
    events = "", "v1", "Event", "events", Namespaced;
    /// Resource quotas.
    resource_quotas = "", "v1", "ResourceQuota", "resourcequotas", Namespaced;
    /// Endpoint slices.
    endpoint_slices = "discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", Namespaced;
    /// Leases.
    leases = "coordination.k8s.io", "v1", "Lease", "leases", Namespaced;
    /// Requests for certificates.
    certificate_signing_requests = "certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", Cluster;
    /// Definitions of custom resources.
    custom_resource_definitions = "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", Cluster;
    /// Which server serves a group and version.
    api_services = "apiregistration.k8s.io", "v1", "APIService", "apiservices", Cluster;
    /// Cluster roles.
    cluster_roles = "rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", Cluster;
    /// Disruption budgets.
    pod_disruption_budgets = "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", Namespaced;
    /// Deployments, whose scale a budget in per cent needs.
    deployments = "apps", "v1", "Deployment", "deployments", Namespaced;
    /// Replica sets, likewise.
    replica_sets = "apps", "v1", "ReplicaSet", "replicasets", Namespaced;
    /// Stateful sets, likewise.
    stateful_sets = "apps", "v1", "StatefulSet", "statefulsets", Namespaced;
    /// Replication controllers, likewise.
    replication_controllers = "", "v1", "ReplicationController", "replicationcontrollers", Namespaced;
}
