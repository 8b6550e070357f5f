//! Roles for people: what everyone may, and what can be given to those who use namespaces.

use super::Row::{AllPaths, In, Paths};
use super::{BindingRow, READ, READ_WRITE, RoleRow, Rules, To, WRITE};

pub(super) const ROLES: &[RoleRow] = &[
    cluster("cluster-admin", &[In(&["*"], &["*"], &["*"]), AllPaths]),
    cluster(
        "system:discovery",
        &[Paths(&[
            "/api",
            "/api/*",
            "/apis",
            "/apis/*",
            "/healthz",
            "/livez",
            "/openapi",
            "/openapi/*",
            "/readyz",
            "/version",
            "/version/",
        ])],
    ),
    cluster(
        "system:public-info-viewer",
        &[Paths(&["/healthz", "/livez", "/readyz", "/version", "/version/"])],
    ),
    cluster(
        "system:monitoring",
        &[Paths(&[
            "/healthz",
            "/healthz/*",
            "/livez",
            "/livez/*",
            "/metrics",
            "/metrics/slis",
            "/readyz",
            "/readyz/*",
        ])],
    ),
    cluster(
        "system:basic-user",
        &[
            In(
                &["authorization.k8s.io"],
                &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
                &["create"],
            ),
            In(&["authentication.k8s.io"], &["selfsubjectreviews"], &["create"]),
        ],
    ),
    RoleRow { namespace: "", name: "admin", gathered_by: None, rules: Rules::Gathered },
    RoleRow { namespace: "", name: "edit", gathered_by: Some("admin"), rules: Rules::Gathered },
    RoleRow { namespace: "", name: "view", gathered_by: Some("edit"), rules: Rules::Gathered },
    RoleRow {
        namespace: "",
        name: "system:aggregate-to-admin",
        gathered_by: Some("admin"),
        rules: Rules::Own(ADMIN),
    },
    RoleRow {
        namespace: "",
        name: "system:aggregate-to-edit",
        gathered_by: Some("edit"),
        rules: Rules::Own(EDIT),
    },
    RoleRow {
        namespace: "",
        name: "system:aggregate-to-view",
        gathered_by: Some("view"),
        rules: Rules::Own(VIEW),
    },
];

pub(super) const BINDINGS: &[BindingRow] = &[
    bind("cluster-admin", &[To::Group("system:masters")]),
    bind("system:discovery", &[To::Group("system:authenticated")]),
    bind("system:basic-user", &[To::Group("system:authenticated")]),
    bind(
        "system:public-info-viewer",
        &[To::Group("system:authenticated"), To::Group("system:unauthenticated")],
    ),
    bind("system:monitoring", &[To::Group("system:monitoring")]),
];

const ADMIN: &[super::Row] = &[
    In(&["authorization.k8s.io"], &["localsubjectaccessreviews"], &["create"]),
    In(&["rbac.authorization.k8s.io"], &["rolebindings", "roles"], READ_WRITE),
];

const EDIT: &[super::Row] = &[
    In(
        &[""],
        &["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"],
        READ,
    ),
    In(&[""], &["serviceaccounts"], &["impersonate"]),
    In(&[""], &["pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"], WRITE),
    In(&[""], &["pods/eviction"], &["create"]),
    In(
        &[""],
        &[
            "configmaps",
            "events",
            "persistentvolumeclaims",
            "replicationcontrollers",
            "replicationcontrollers/scale",
            "secrets",
            "serviceaccounts",
            "services",
            "services/proxy",
        ],
        WRITE,
    ),
    In(&[""], &["serviceaccounts/token"], &["create"]),
    In(
        &["apps"],
        &[
            "daemonsets",
            "deployments",
            "deployments/rollback",
            "deployments/scale",
            "replicasets",
            "replicasets/scale",
            "statefulsets",
            "statefulsets/scale",
        ],
        WRITE,
    ),
    In(&["autoscaling"], &["horizontalpodautoscalers"], WRITE),
    In(&["batch"], &["cronjobs", "jobs"], WRITE),
    In(&["policy"], &["poddisruptionbudgets"], WRITE),
    In(&["networking.k8s.io"], &["ingresses", "networkpolicies"], WRITE),
    In(&["coordination.k8s.io"], &["leases"], READ_WRITE),
];

const VIEW: &[super::Row] = &[
    In(
        &[""],
        &[
            "configmaps",
            "endpoints",
            "persistentvolumeclaims",
            "persistentvolumeclaims/status",
            "pods",
            "replicationcontrollers",
            "replicationcontrollers/scale",
            "serviceaccounts",
            "services",
            "services/status",
        ],
        READ,
    ),
    In(
        &[""],
        &[
            "bindings",
            "events",
            "limitranges",
            "namespaces/status",
            "pods/log",
            "pods/status",
            "replicationcontrollers/status",
            "resourcequotas",
            "resourcequotas/status",
        ],
        READ,
    ),
    In(&[""], &["namespaces"], READ),
    In(&["discovery.k8s.io"], &["endpointslices"], READ),
    In(
        &["apps"],
        &[
            "controllerrevisions",
            "daemonsets",
            "daemonsets/status",
            "deployments",
            "deployments/scale",
            "deployments/status",
            "replicasets",
            "replicasets/scale",
            "replicasets/status",
            "statefulsets",
            "statefulsets/scale",
            "statefulsets/status",
        ],
        READ,
    ),
    In(&["autoscaling"], &["horizontalpodautoscalers", "horizontalpodautoscalers/status"], READ),
    In(&["batch"], &["cronjobs", "cronjobs/status", "jobs", "jobs/status"], READ),
    In(&["policy"], &["poddisruptionbudgets", "poddisruptionbudgets/status"], READ),
    In(&["networking.k8s.io"], &["ingresses", "ingresses/status", "networkpolicies"], READ),
];

const fn cluster(name: &'static str, rules: &'static [super::Row]) -> RoleRow {
    RoleRow { namespace: "", name, gathered_by: None, rules: Rules::Own(rules) }
}

const fn bind(name: &'static str, to: &'static [To]) -> BindingRow {
    BindingRow { namespace: "", name, role: name, to }
}
