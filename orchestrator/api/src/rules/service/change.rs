//! Addresses and ports of a service: which it needs, which it keeps over a change, which it gives up.

use serde_json::Value;

use super::{Allocation, Claim};
use crate::json::{Fill, View};
use crate::rules::Family;

/// What a service of a type needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// A ClusterIP (that may be `None`).
    pub(crate) address: bool,
    /// Ports on every node.
    pub(crate) node_ports: bool,
    /// A port on every node that tells load balancers where endpoints are.
    pub(crate) health_port: bool,
}

impl Needs {
    pub(crate) fn of(spec: &Value) -> Self {
        let kind = spec.text("type");
        Self {
            address: matches!(kind, "ClusterIP" | "NodePort" | "LoadBalancer" | ""),
            node_ports: matches!(kind, "NodePort" | "LoadBalancer"),
            health_port: kind == "LoadBalancer" && spec.text("externalTrafficPolicy") == "Local",
        }
    }
}

/// `clusterIP` is the first of `clusterIPs`, and both are there or none; families follow from what is given.
pub(super) fn agree_on_addresses(spec: &mut Value) {
    if !Needs::of(spec).address {
        return;
    }
    let first = spec.list("clusterIPs").first().and_then(Value::as_str).unwrap_or_default().to_owned();
    let single = spec.text("clusterIP").to_owned();
    if first.is_empty() && !single.is_empty() {
        spec.set("clusterIPs", vec![single]);
    } else if single.is_empty() && !first.is_empty() {
        spec.set("clusterIP", first);
    }
    let family = |ip: &str| if ip.contains(':') { "IPv6" } else { "IPv4" };
    if spec.list("ipFamilies").is_empty() {
        let given =
            spec.list("clusterIPs").iter().filter_map(Value::as_str).filter(|ip| !matches!(*ip, "None" | ""));
        let families: Vec<&str> = given.map(family).collect();
        if !families.is_empty() {
            spec.set("ipFamilies", families);
        }
    }
}

/// The families that a service asks for, of those that the cluster has; its first one is the one of services that ask
/// for none.
pub(super) fn choose_families(spec: &mut Value, served: &[Family]) {
    if !Needs::of(spec).address {
        return;
    }
    let word = |family: &Family| match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    };
    if spec.list("ipFamilies").is_empty() {
        spec.set("ipFamilies", vec![served.first().map_or("IPv4", word)]);
    }
    if let [only] = spec.list("ipFamilies") {
        let other = if only == "IPv4" { "IPv6" } else { "IPv4" };
        let is_wanted = match spec.text("ipFamilyPolicy") {
            "RequireDualStack" => true,
            "PreferDualStack" => served.iter().any(|family| word(family) == other),
            _ => false,
        };
        if is_wanted {
            let both = vec![only.clone(), Value::from(other)];
            spec.set("ipFamilies", both);
        }
    }
    let policy = if spec.list("ipFamilies").len() > 1 { "RequireDualStack" } else { "SingleStack" };
    spec.or_set("ipFamilyPolicy", policy);
}

/// What the client left out of an update stays as it is.
pub(super) fn carry_over(spec: &mut Value, old: &Value) {
    let (now, before) = (Needs::of(spec), Needs::of(old));
    // A client that knows one address only changes that one.
    if spec.text("clusterIP") != old.text("clusterIP") && spec.at("clusterIPs") == old.at("clusterIPs") {
        spec.unset("clusterIPs");
    }
    if now.address
        && before.address
        && spec.text("clusterIP").is_empty()
        && spec.list("clusterIPs").is_empty()
    {
        for field in ["clusterIP", "clusterIPs"] {
            crate::rules::ordinary::keep(spec, old, field);
        }
    }
    // Who asks for one family only, and says nothing of which, keeps the first.
    if spec.text("ipFamilyPolicy") == "SingleStack" && old.text("ipFamilyPolicy") != "SingleStack" {
        for field in ["clusterIPs", "ipFamilies"] {
            if spec.at(field) == old.at(field)
                && let [first, _] = spec.list(field)
            {
                let first = vec![first.clone()];
                spec.set(field, first);
            }
        }
    }
    if now.address && before.address {
        for field in ["ipFamilies", "ipFamilyPolicy"] {
            if let Some(value) = old.get(field) {
                spec.or_set(field, value.clone());
            }
        }
    }
    if now.node_ports && before.node_ports {
        let taken: Vec<i64> = spec.list("ports").iter().map(|port| port.int("nodePort")).collect();
        for port in spec.each("ports").filter(|port| port.int("nodePort") == 0) {
            let same = |other: &&Value| {
                other.int("port") == port.int("port") && other.at("protocol") == port.at("protocol")
            };
            let node = old.list("ports").iter().find(same).map_or(0, |other| other.int("nodePort"));
            if node > 0 && !taken.contains(&node) {
                port.set("nodePort", node);
            }
        }
    }
    if now.health_port && before.health_port && spec.int("healthCheckNodePort") == 0 {
        crate::rules::ordinary::keep(spec, old, "healthCheckNodePort");
    }
}

/// What the service had for its old type, and the client sent back unchanged, goes with the type.
pub(super) fn drop_what_is_over(spec: &mut Value, old: &Value) {
    let (now, before) = (Needs::of(spec), Needs::of(old));
    let forget = |spec: &mut Value, fields: &[&str]| {
        for field in fields {
            if spec.get(field) == old.get(field) {
                spec.unset(field);
            }
        }
    };
    if before.address && !now.address {
        forget(spec, &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]);
    }
    if before.health_port && !now.health_port {
        forget(spec, &["healthCheckNodePort"]);
    }
    if before.node_ports && !now.node_ports {
        forget(spec, &["externalTrafficPolicy"]);
        for port in spec.each("ports") {
            let node = port.int("nodePort");
            if old.list("ports").iter().any(|other| other.int("nodePort") == node) {
                port.unset("nodePort");
            }
        }
    }
    if old.text("type") == "LoadBalancer" && spec.text("type") != "LoadBalancer" {
        forget(spec, &["allocateLoadBalancerNodePorts", "loadBalancerClass"]);
    }
}

/// Addresses and ports that the service has.
pub(crate) fn claims(object: &Value) -> Vec<Claim> {
    let spec = object.at("spec");
    let needs = Needs::of(spec);
    let mut claims: Vec<Claim> = Vec::new();
    if needs.address {
        let given = spec.list("clusterIPs").iter().enumerate();
        for (index, ip) in given.filter_map(|(index, ip)| Some((index, ip.as_str()?))) {
            if let Ok(ip) = ip.parse::<std::net::IpAddr>() {
                let field = format!("spec.clusterIPs[{index}]");
                claims.push(Claim { what: "clusterips", value: ip.to_string(), field });
            }
        }
    }
    let mut claim = |port: i64, protocol: &str, field: String| {
        if port > 0 {
            claims.push(Claim { what: "nodeports", value: format!("{port}-{protocol}"), field });
        }
    };
    if needs.node_ports {
        for (index, port) in spec.list("ports").iter().enumerate() {
            claim(port.int("nodePort"), protocol(port), format!("spec.ports[{index}].nodePort"));
        }
    }
    if needs.health_port {
        claim(spec.int("healthCheckNodePort"), "TCP", "spec.healthCheckNodePort".to_owned());
    }
    claims
}

/// Addresses and ports that it is to be given.
pub(crate) fn allocations(object: &Value) -> Vec<Allocation> {
    let spec = object.at("spec");
    let needs = Needs::of(spec);
    let mut wanted = Vec::new();
    let given = spec.list("clusterIPs");
    if needs.address && given.first().is_none_or(|ip| ip != "None") {
        for (index, family) in spec.list("ipFamilies").iter().enumerate() {
            let family = if family == "IPv6" { Family::V6 } else { Family::V4 };
            if given.get(index).and_then(Value::as_str).unwrap_or_default().is_empty() {
                wanted.push(Allocation::ClusterIp { index, family });
            }
        }
    }
    let ports = spec.text("type") == "NodePort"
        || spec.text("type") == "LoadBalancer" && spec.at("allocateLoadBalancerNodePorts") != false;
    if ports {
        for (index, port) in spec.list("ports").iter().enumerate() {
            if port.int("nodePort") == 0 {
                wanted.push(Allocation::NodePort { index, protocol: protocol(port).to_owned() });
            }
        }
    }
    if needs.health_port && spec.int("healthCheckNodePort") == 0 {
        wanted.push(Allocation::HealthCheckNodePort);
    }
    wanted
}

fn protocol(port: &Value) -> &str {
    match port.text("protocol") {
        "" => "TCP",
        protocol => protocol,
    }
}
