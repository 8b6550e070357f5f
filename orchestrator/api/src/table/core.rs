//! The rest of the core group.

use std::collections::BTreeSet;

use serde_json::Value;

use super::text::{NONE, containers, few, field, labels, or};
use super::{BuiltIn, aged, name};
use crate::json::{View, plain};

pub(crate) const COMPONENT_STATUS: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Status", "string", 0),
        ("Message", "string", 0),
        ("Error", "string", 0),
    ],
    cells: |object, _| {
        let healthy = object.list("conditions").iter().find(|one| one.text("type") == "Healthy");
        let text = |path: &str| healthy.map_or("", |one| one.text(path));
        let status = match text("status") {
            "True" => "Healthy",
            "False" => "Unhealthy",
            _ => "Unknown",
        };
        vec![name(object), status.into(), text("message").into(), text("error").into()]
    },
};

pub(crate) const CONFIG_MAP: BuiltIn = BuiltIn {
    columns: &[("Name", "string", 0), ("Data", "string", 0), ("Age", "string", 0)],
    cells: |object, now| {
        let entries = object.entries("data").count() + object.entries("binaryData").count();
        vec![name(object), entries.into(), aged(object, now)]
    },
};

pub(crate) const SECRET: BuiltIn = BuiltIn {
    columns: &[("Name", "string", 0), ("Type", "string", 0), ("Data", "string", 0), ("Age", "string", 0)],
    cells: |object, now| {
        vec![
            name(object),
            object.text("type").into(),
            object.entries("data").count().into(),
            aged(object, now),
        ]
    },
};

pub(crate) const SERVICE_ACCOUNT: BuiltIn = BuiltIn {
    columns: &[("Name", "string", 0), ("Age", "string", 0)],
    cells: |object, now| vec![name(object), aged(object, now)],
};

pub(crate) const NAMESPACE: BuiltIn = BuiltIn {
    columns: &[("Name", "string", 0), ("Status", "string", 0), ("Age", "string", 0)],
    cells: |object, now| vec![name(object), object.text("status.phase").into(), aged(object, now)],
};

pub(crate) const ENDPOINTS: BuiltIn = BuiltIn {
    columns: &[("Name", "string", 0), ("Endpoints", "string", 0), ("Age", "string", 0)],
    cells: |object, now| vec![name(object), endpoints(object).into(), aged(object, now)],
};

pub(crate) const POD_TEMPLATE: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Containers", "string", 0),
        ("Images", "string", 0),
        ("Pod Labels", "string", 0),
    ],
    cells: |object, _| {
        let (names, images) = containers(object.at("template.spec"));
        vec![name(object), names, images, labels(object.at("template.metadata.labels")).into()]
    },
};

pub(crate) const RESOURCE_QUOTA: BuiltIn = BuiltIn {
    columns: &[("Name", "string", 0), ("Request", "string", 0), ("Limit", "string", 0), ("Age", "string", 0)],
    cells: |object, now| {
        let (mut requests, mut limits) = (Vec::new(), Vec::new());
        for (resource, hard) in object.entries("status.hard") {
            let used = object.at("status.used").get(resource).map_or_else(|| "0".to_owned(), plain);
            let words = format!("{resource}: {used}/{}", plain(hard));
            if resource.contains("limits") { limits.push(words) } else { requests.push(words) }
        }
        vec![name(object), requests.join(", ").into(), limits.join(", ").into(), aged(object, now)]
    },
};

pub(crate) const SERVICE: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Type", "string", 0),
        ("Cluster-IP", "string", 0),
        ("External-IP", "string", 0),
        ("Port(s)", "string", 0),
        ("Age", "string", 0),
        ("Selector", "string", 1),
    ],
    cells: |object, now| {
        let first = object.list("spec.clusterIPs").first().and_then(Value::as_str).unwrap_or_default();
        let address = or(first, object.text("spec.clusterIP"));
        vec![
            name(object),
            field(object, "spec.type", "ClusterIP"),
            or(address, NONE).into(),
            external(object).into(),
            ports(object).into(),
            aged(object, now),
            labels(object.at("spec.selector")).into(),
        ]
    },
};

/// Addresses at which clients outside reach a service.
fn external(service: &Value) -> String {
    let own: Vec<&str> = service.list("spec.externalIPs").iter().filter_map(Value::as_str).collect();
    match service.text("spec.type") {
        "ExternalName" => service.text("spec.externalName").to_owned(),
        "LoadBalancer" => {
            let ingress = service.list("status.loadBalancer.ingress").iter();
            let given: BTreeSet<&str> = ingress
                .map(|one| or(one.text("ip"), one.text("hostname")))
                .filter(|ip| !ip.is_empty())
                .collect();
            let all: Vec<&str> = given.into_iter().chain(own).collect();
            or(&all.join(","), "<pending>").to_owned()
        }
        _ => or(&own.join(","), NONE).to_owned(),
    }
}

/// `80:30080/TCP,53/UDP`.
fn ports(service: &Value) -> String {
    let port = |port: &Value| {
        let (number, protocol) = (port.int("port"), or(port.text("protocol"), "TCP").to_owned());
        match port.int("nodePort") {
            0 => format!("{number}/{protocol}"),
            node => format!("{number}:{node}/{protocol}"),
        }
    };
    let all: Vec<String> = service.list("spec.ports").iter().map(port).collect();
    or(&all.join(","), NONE).to_owned()
}

fn endpoints(object: &Value) -> String {
    let subsets = object.list("subsets");
    if subsets.is_empty() {
        return NONE.to_owned();
    }
    let mut all = Vec::new();
    for subset in subsets {
        let addresses = || subset.list("addresses").iter().map(|one| one.text("ip"));
        let ports = subset.list("ports");
        if ports.is_empty() {
            all.extend(addresses().map(str::to_owned));
        }
        for port in ports {
            let number = port.int("port");
            let joined = |ip: &str| match ip.contains(':') {
                true => format!("[{ip}]:{number}"),
                false => format!("{ip}:{number}"),
            };
            all.extend(addresses().map(joined));
        }
    }
    few(&all, 3)
}
