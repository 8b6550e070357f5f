//! Certificates, networking, disruption budgets, RBAC, priorities, leases, runtime classes, endpoint slices.

use super::{Row, WRITE};
use crate::kind::Scope::{Cluster, Namespaced};
use crate::rules::{certificate, networking, policy, rbac, service};
use crate::table::policy as table;

const V1: &[&str] = &["v1"];
const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "certificates.k8s.io",
        V1,
        "certificatesigningrequests",
        "certificatesigningrequest",
        "CertificateSigningRequest",
        Cluster,
    )
    .short(&["csr"])
    .subs(&[("approval", "", WRITE), ("status", "", WRITE)])
    .fields(&[("spec.signerName", "", "")])
    .table(table::CERTIFICATE_REQUEST)
    .rules(&certificate::Request),
    Row::new("networking.k8s.io", V1, "ingressclasses", "ingressclass", "IngressClass", Cluster)
        .table(table::INGRESS_CLASS)
        .rules(&networking::IngressClass),
    Row::new("networking.k8s.io", V1, "ingresses", "ingress", "Ingress", Namespaced)
        .short(&["ing"])
        .subs(&[("status", "", WRITE)])
        .table(table::INGRESS)
        .rules(&networking::Ingress),
    Row::new("networking.k8s.io", V1, "networkpolicies", "networkpolicy", "NetworkPolicy", Namespaced)
        .short(&["netpol"])
        .table(table::NETWORK_POLICY)
        .rules(&networking::NetworkPolicy),
    Row::new("policy", V1, "poddisruptionbudgets", "poddisruptionbudget", "PodDisruptionBudget", Namespaced)
        .short(&["pdb"])
        .subs(&[("status", "", WRITE)])
        .table(table::DISRUPTION_BUDGET)
        .rules(&policy::DisruptionBudget),
    Row::new(RBAC, V1, "clusterrolebindings", "clusterrolebinding", "ClusterRoleBinding", Cluster)
        .table(table::ROLE_BINDING)
        .rules(&rbac::ClusterRoleBinding),
    Row::new(RBAC, V1, "clusterroles", "clusterrole", "ClusterRole", Cluster).rules(&rbac::ClusterRole),
    Row::new(RBAC, V1, "rolebindings", "rolebinding", "RoleBinding", Namespaced)
        .table(table::ROLE_BINDING)
        .rules(&rbac::RoleBinding),
    Row::new(RBAC, V1, "roles", "role", "Role", Namespaced).rules(&rbac::Role),
    Row::new("scheduling.k8s.io", V1, "priorityclasses", "priorityclass", "PriorityClass", Cluster)
        .short(&["pc"])
        .table(table::PRIORITY_CLASS)
        .rules(&policy::PriorityClass),
    Row::new("coordination.k8s.io", V1, "leases", "lease", "Lease", Namespaced)
        .table(table::LEASE)
        .rules(&policy::Lease),
    Row::new("node.k8s.io", V1, "runtimeclasses", "runtimeclass", "RuntimeClass", Cluster)
        .table(table::RUNTIME_CLASS)
        .rules(&policy::RuntimeClass),
    Row::new("discovery.k8s.io", V1, "endpointslices", "endpointslice", "EndpointSlice", Namespaced)
        .table(table::ENDPOINT_SLICE)
        .rules(&service::EndpointSlice),
];
