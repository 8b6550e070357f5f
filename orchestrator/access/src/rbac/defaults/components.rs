//! Roles for the programs of a cluster: nodes, scheduler, controller manager, and servers that ask this one.

use super::Row::{In, Named, Paths};
use super::{BindingRow, READ, RoleRow, Rules, To};

const REPORT: &[&str] = &["create", "patch", "update"];
const REVIEWS: super::Row = In(&["authorization.k8s.io"], &["subjectaccessreviews"], &["create"]);
const TOKEN_REVIEWS: super::Row = In(&["authentication.k8s.io"], &["tokenreviews"], &["create"]);
const EVENTS: super::Row = In(&["", "events.k8s.io"], &["events"], REPORT);

pub(super) const ROLES: &[RoleRow] = &[
    cluster("system:auth-delegator", &[TOKEN_REVIEWS, REVIEWS]),
    cluster(
        "system:service-account-issuer-discovery",
        &[Paths(&[
            "/.well-known/openid-configuration",
            "/.well-known/openid-configuration/",
            "/openid/v1/jwks",
            "/openid/v1/jwks/",
        ])],
    ),
    cluster(
        "system:kube-controller-manager",
        &[
            EVENTS,
            In(&["coordination.k8s.io"], &["leases"], &["create"]),
            Named(&["coordination.k8s.io"], &["leases"], &["kube-controller-manager"], &["get", "update"]),
            In(&[""], &["secrets", "serviceaccounts"], &["create"]),
            In(&[""], &["secrets"], &["delete"]),
            In(&[""], &["configmaps", "namespaces", "secrets", "serviceaccounts"], &["get"]),
            In(&[""], &["secrets", "serviceaccounts"], &["update"]),
            TOKEN_REVIEWS,
            REVIEWS,
            In(&["*"], &["*"], &["list", "watch"]),
            In(&[""], &["serviceaccounts/token"], &["create"]),
        ],
    ),
    cluster(
        "system:kube-scheduler",
        &[
            EVENTS,
            In(&["coordination.k8s.io"], &["leases"], &["create"]),
            Named(&["coordination.k8s.io"], &["leases"], &["kube-scheduler"], &["get", "update"]),
            In(&[""], &["nodes"], READ),
            In(&[""], &["pods"], &["delete", "get", "list", "watch"]),
            In(&[""], &["bindings", "pods/binding"], &["create"]),
            In(&[""], &["pods/status"], &["patch", "update"]),
            In(&[""], &["replicationcontrollers", "services"], READ),
            In(&["apps"], &["replicasets", "statefulsets"], READ),
            In(&["policy"], &["poddisruptionbudgets"], READ),
            In(&[""], &["persistentvolumeclaims", "persistentvolumes"], READ),
            TOKEN_REVIEWS,
            REVIEWS,
            In(&["storage.k8s.io"], &["csidrivers", "csinodes", "csistoragecapacities"], READ),
            In(&[""], &["namespaces"], READ),
        ],
    ),
    cluster(
        "system:volume-scheduler",
        &[
            In(&[""], &["persistentvolumes"], &["get", "list", "patch", "update", "watch"]),
            In(&["storage.k8s.io"], &["storageclasses"], READ),
            In(&[""], &["persistentvolumeclaims"], &["get", "list", "patch", "update", "watch"]),
        ],
    ),
    cluster("system:node", NODE),
    cluster(
        "system:node-bootstrapper",
        &[In(&["certificates.k8s.io"], &["certificatesigningrequests"], &["create", "get", "list", "watch"])],
    ),
    cluster(
        "system:node-proxier",
        &[
            In(&[""], &["endpoints", "services"], &["list", "watch"]),
            In(&[""], &["nodes"], READ),
            EVENTS,
            In(&["discovery.k8s.io"], &["endpointslices"], &["list", "watch"]),
            In(&["networking.k8s.io"], &["servicecidrs"], &["list", "watch"]),
        ],
    ),
    cluster(
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        &[In(&["certificates.k8s.io"], &["certificatesigningrequests/nodeclient"], &["create"])],
    ),
    cluster(
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        &[In(&["certificates.k8s.io"], &["certificatesigningrequests/selfnodeclient"], &["create"])],
    ),
    RoleRow {
        namespace: "kube-system",
        name: "extension-apiserver-authentication-reader",
        gathered_by: None,
        rules: Rules::Own(&[Named(&[""], &["configmaps"], &["extension-apiserver-authentication"], READ)]),
    },
];

pub(super) const BINDINGS: &[BindingRow] = &[
    bind("system:kube-controller-manager", &[To::User("system:kube-controller-manager")]),
    bind("system:kube-scheduler", &[To::User("system:kube-scheduler")]),
    bind("system:volume-scheduler", &[To::User("system:kube-scheduler")]),
    bind("system:node-proxier", &[To::User("system:kube-proxy")]),
    bind("system:service-account-issuer-discovery", &[To::Group("system:serviceaccounts")]),
    BindingRow {
        namespace: "kube-system",
        name: "system::extension-apiserver-authentication-reader",
        role: "extension-apiserver-authentication-reader",
        to: &[To::User("system:kube-controller-manager"), To::User("system:kube-scheduler")],
    },
];

/// What a node does at most. No binding gives it: the node authorizer allows each node the part that is its own.
const NODE: &[super::Row] = &[
    TOKEN_REVIEWS,
    In(&["authorization.k8s.io"], &["localsubjectaccessreviews", "subjectaccessreviews"], &["create"]),
    In(&[""], &["services"], READ),
    In(&[""], &["nodes"], &["create", "get", "list", "watch"]),
    In(&[""], &["nodes/status"], &["patch", "update"]),
    In(&[""], &["nodes"], &["patch", "update"]),
    EVENTS,
    In(&[""], &["pods"], READ),
    In(&[""], &["pods"], &["create", "delete"]),
    In(&[""], &["pods/status"], &["patch", "update"]),
    In(&[""], &["pods/eviction"], &["create"]),
    In(&[""], &["configmaps", "secrets"], READ),
    In(&[""], &["persistentvolumeclaims", "persistentvolumes"], &["get"]),
    In(&[""], &["persistentvolumeclaims/status"], &["get", "patch", "update"]),
    In(&[""], &["endpoints"], &["get"]),
    In(&["certificates.k8s.io"], &["certificatesigningrequests"], &["create", "get", "list", "watch"]),
    In(&["coordination.k8s.io"], &["leases"], &["create", "delete", "get", "patch", "update"]),
    In(&["storage.k8s.io"], &["volumeattachments"], &["get"]),
    In(&[""], &["serviceaccounts"], &["get"]),
    In(&[""], &["serviceaccounts/token"], &["create"]),
    In(&["storage.k8s.io"], &["csidrivers"], READ),
    In(&["storage.k8s.io"], &["csinodes"], &["create", "delete", "get", "patch", "update"]),
    In(&["node.k8s.io"], &["runtimeclasses"], READ),
];

/// The rules of `system:node`, for the node authorizer.
pub(crate) fn node_rules() -> Vec<crate::rbac::Rule> {
    NODE.iter().map(super::rule).collect()
}

const fn cluster(name: &'static str, rules: &'static [super::Row]) -> RoleRow {
    RoleRow { namespace: "", name, gathered_by: None, rules: Rules::Own(rules) }
}

const fn bind(name: &'static str, to: &'static [To]) -> BindingRow {
    BindingRow { namespace: "", name, role: name, to }
}
