//! Certificates, networking, budgets, RBAC, priorities, leases, runtime classes, endpoint slices.

use serde_json::Value;

use super::text::{NONE, UNSET, condition, few, field, or, selector};
use super::{BuiltIn, aged, name};
use crate::age;
use crate::json::{View, plain};

pub(crate) const CERTIFICATE_REQUEST: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Age", "string", 0),
        ("SignerName", "string", 0),
        ("Requestor", "string", 0),
        ("RequestedDuration", "string", 0),
        ("Condition", "string", 0),
    ],
    cells: |request, now| {
        let duration = request.at("spec.expirationSeconds").as_i64();
        vec![
            name(request),
            aged(request, now),
            field(request, "spec.signerName", NONE),
            request.text("spec.username").into(),
            duration.map_or_else(|| NONE.to_owned(), age::span).into(),
            request_state(request).into(),
        ]
    },
};

pub(crate) const INGRESS_CLASS: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Controller", "string", 0),
        ("Parameters", "string", 0),
        ("Age", "string", 0),
    ],
    cells: |class, now| {
        let parameters = class.at("spec.parameters");
        let group = parameters.text("apiGroup");
        let words = match (parameters.is_object(), group) {
            (false, _) => NONE.to_owned(),
            (true, "") => format!("{}/{}", parameters.text("kind"), parameters.text("name")),
            (true, _) => format!("{}.{group}/{}", parameters.text("kind"), parameters.text("name")),
        };
        vec![name(class), class.text("spec.controller").into(), words.into(), aged(class, now)]
    },
};

pub(crate) const INGRESS: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Class", "string", 0),
        ("Hosts", "string", 0),
        ("Address", "string", 0),
        ("Ports", "string", 0),
        ("Age", "string", 0),
    ],
    cells: |ingress, now| {
        let annotations = ingress.at("metadata.annotations");
        let old = annotations.get("kubernetes.io/ingress.class").and_then(Value::as_str).unwrap_or(NONE);
        let hosts = ingress.list("spec.rules").iter().map(|rule| rule.text("host"));
        let hosts: Vec<String> = hosts.filter(|host| !host.is_empty()).map(str::to_owned).collect();
        let given = ingress.list("status.loadBalancer.ingress").iter();
        let addresses: std::collections::BTreeSet<&str> =
            given.map(|one| or(one.text("ip"), one.text("hostname"))).filter(|one| !one.is_empty()).collect();
        let ports = if ingress.list("spec.tls").is_empty() { "80" } else { "80, 443" };
        vec![
            name(ingress),
            field(ingress, "spec.ingressClassName", old),
            or(&few(&hosts, 3), "*").into(),
            addresses.into_iter().collect::<Vec<_>>().join(",").into(),
            ports.into(),
            aged(ingress, now),
        ]
    },
};

pub(crate) const NETWORK_POLICY: BuiltIn = BuiltIn {
    columns: &[("Name", "string", 0), ("Pod-Selector", "string", 0), ("Age", "string", 0)],
    cells: |policy, now| {
        vec![name(policy), selector(policy.at("spec.podSelector")).into(), aged(policy, now)]
    },
};

pub(crate) const DISRUPTION_BUDGET: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Min Available", "string", 0),
        ("Max Unavailable", "string", 0),
        ("Allowed Disruptions", "integer", 0),
        ("Age", "string", 0),
    ],
    cells: |budget, now| {
        vec![
            name(budget),
            field(budget, "spec.minAvailable", "N/A"),
            field(budget, "spec.maxUnavailable", "N/A"),
            budget.int("status.disruptionsAllowed").into(),
            aged(budget, now),
        ]
    },
};

pub(crate) const ROLE_BINDING: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Role", "string", 0),
        ("Age", "string", 0),
        ("Users", "string", 1),
        ("Groups", "string", 1),
        ("ServiceAccounts", "string", 1),
    ],
    cells: |binding, now| {
        let subjects = |kind: &str| -> Value {
            let found = binding.list("subjects").iter().filter(|one| one.text("kind") == kind);
            let names = found.map(|one| match kind {
                "ServiceAccount" => format!("{}/{}", one.text("namespace"), one.text("name")),
                _ => one.text("name").to_owned(),
            });
            names.collect::<Vec<_>>().join(", ").into()
        };
        vec![
            name(binding),
            format!("{}/{}", binding.text("roleRef.kind"), binding.text("roleRef.name")).into(),
            aged(binding, now),
            subjects("User"),
            subjects("Group"),
            subjects("ServiceAccount"),
        ]
    },
};

pub(crate) const PRIORITY_CLASS: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Value", "integer", 0),
        ("Global-Default", "boolean", 0),
        ("Age", "string", 0),
        ("PreemptionPolicy", "string", 0),
    ],
    cells: |class, now| {
        vec![
            name(class),
            class.int("value").into(),
            class.flag("globalDefault").into(),
            aged(class, now),
            field(class, "preemptionPolicy", UNSET),
        ]
    },
};

pub(crate) const LEASE: BuiltIn = BuiltIn {
    columns: &[("Name", "string", 0), ("Holder", "string", 0), ("Age", "string", 0)],
    cells: |lease, now| vec![name(lease), lease.text("spec.holderIdentity").into(), aged(lease, now)],
};

pub(crate) const RUNTIME_CLASS: BuiltIn = BuiltIn {
    columns: &[("Name", "string", 0), ("Handler", "string", 0), ("Age", "string", 0)],
    cells: |class, now| vec![name(class), class.text("handler").into(), aged(class, now)],
};

pub(crate) const ENDPOINT_SLICE: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("AddressType", "string", 0),
        ("Ports", "string", 0),
        ("Endpoints", "string", 0),
        ("Age", "string", 0),
    ],
    cells: |slice, now| {
        let port = |port: &Value| match port.at("port") {
            Value::Null => or(port.text("name"), "*").to_owned(),
            number => plain(number),
        };
        let ports: Vec<String> = slice.list("ports").iter().map(port).collect();
        let endpoints = slice.list("endpoints").iter().flat_map(|endpoint| endpoint.list("addresses"));
        let endpoints: Vec<String> = endpoints.map(plain).collect();
        vec![
            name(slice),
            slice.text("addressType").into(),
            or(&few(&ports, 3), UNSET).into(),
            or(&few(&endpoints, 3), UNSET).into(),
            aged(slice, now),
        ]
    },
};

/// `Approved,Issued` and the like.
fn request_state(request: &Value) -> String {
    let is = |kind: &str| condition(request, kind).is_some();
    let mut words = vec![match () {
        () if is("Denied") => "Denied",
        () if is("Approved") => "Approved",
        () => "Pending",
    }];
    if is("Failed") {
        words.push("Failed");
    }
    if !request.text("status.certificate").is_empty() {
        words.push("Issued");
    }
    words.join(",")
}
