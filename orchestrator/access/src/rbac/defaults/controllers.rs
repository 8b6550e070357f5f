//! Roles for the controllers that belong to the API, each a service account of `kube-system`.

use super::Row::{In, Named};
use super::{BindingRow, READ, RoleRow, Rules, To};

const EVENTS: super::Row = In(&["", "events.k8s.io"], &["events"], &["create", "patch", "update"]);

pub(super) const ROLES: &[RoleRow] = &[
    controller(
        "system:controller:clusterrole-aggregation-controller",
        &[In(
            &["rbac.authorization.k8s.io"],
            &["clusterroles"],
            &["escalate", "get", "list", "patch", "update", "watch"],
        )],
    ),
    controller(
        "system:controller:endpoint-controller",
        &[
            In(&[""], &["pods", "services"], READ),
            In(&[""], &["endpoints"], &["create", "delete", "get", "list", "update", "watch"]),
            In(&[""], &["endpoints/restricted"], &["create"]),
            EVENTS,
        ],
    ),
    controller(
        "system:controller:endpointslice-controller",
        &[
            In(&[""], &["nodes", "pods", "services"], READ),
            In(&[""], &["services/finalizers"], &["update"]),
            In(
                &["discovery.k8s.io"],
                &["endpointslices"],
                &["create", "delete", "get", "list", "update", "watch"],
            ),
            In(&["discovery.k8s.io"], &["endpointslices/restricted"], &["create"]),
            EVENTS,
        ],
    ),
    controller(
        "system:controller:generic-garbage-collector",
        &[In(&["*"], &["*"], &["delete", "get", "list", "patch", "update", "watch"]), EVENTS],
    ),
    controller(
        "system:controller:namespace-controller",
        &[
            In(&[""], &["namespaces"], &["delete", "get", "list", "watch"]),
            In(&[""], &["namespaces/finalize", "namespaces/status"], &["update"]),
            In(&["*"], &["*"], &["delete", "deletecollection", "get", "list"]),
        ],
    ),
    controller(
        "system:controller:resourcequota-controller",
        &[In(&["*"], &["*"], &["list", "watch"]), In(&[""], &["resourcequotas/status"], &["update"]), EVENTS],
    ),
    controller(
        "system:controller:root-ca-cert-publisher",
        &[In(&[""], &["configmaps"], &["create", "update"]), EVENTS],
    ),
    controller(
        "system:controller:service-account-controller",
        &[In(&[""], &["serviceaccounts"], &["create"]), EVENTS],
    ),
    RoleRow {
        namespace: "kube-system",
        name: "system:controller:token-cleaner",
        gathered_by: None,
        rules: Rules::Own(&[In(&[""], &["secrets"], &["delete", "get", "list", "watch"]), EVENTS]),
    },
    RoleRow {
        namespace: "kube-system",
        name: "system::leader-locking-kube-controller-manager",
        gathered_by: None,
        rules: Rules::Own(&[
            In(&["coordination.k8s.io"], &["leases"], &["create", "watch"]),
            Named(
                &["coordination.k8s.io"],
                &["leases"],
                &["kube-controller-manager"],
                &["get", "patch", "update", "watch"],
            ),
        ]),
    },
];

pub(super) const BINDINGS: &[BindingRow] = &[
    cluster(
        "system:controller:clusterrole-aggregation-controller",
        &[To::Account("clusterrole-aggregation-controller")],
    ),
    cluster("system:controller:endpoint-controller", &[To::Account("endpoint-controller")]),
    cluster("system:controller:endpointslice-controller", &[To::Account("endpointslice-controller")]),
    cluster("system:controller:generic-garbage-collector", &[To::Account("generic-garbage-collector")]),
    cluster("system:controller:namespace-controller", &[To::Account("namespace-controller")]),
    cluster("system:controller:resourcequota-controller", &[To::Account("resourcequota-controller")]),
    cluster("system:controller:root-ca-cert-publisher", &[To::Account("root-ca-cert-publisher")]),
    cluster("system:controller:service-account-controller", &[To::Account("service-account-controller")]),
    in_kube_system("system:controller:token-cleaner", &[To::Account("token-cleaner")]),
    in_kube_system(
        "system::leader-locking-kube-controller-manager",
        &[To::User("system:kube-controller-manager"), To::Account("kube-controller-manager")],
    ),
];

const fn controller(name: &'static str, rules: &'static [super::Row]) -> RoleRow {
    RoleRow { namespace: "", name, gathered_by: None, rules: Rules::Own(rules) }
}

const fn cluster(name: &'static str, to: &'static [To]) -> BindingRow {
    BindingRow { namespace: "", name, role: name, to }
}

const fn in_kube_system(name: &'static str, to: &'static [To]) -> BindingRow {
    BindingRow { namespace: "kube-system", name, role: name, to }
}
