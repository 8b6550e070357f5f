//! What is wrong with a service.

use guideway_schema::Cause;
use serde_json::Value;

use super::change::Needs;
use crate::json::View;
use crate::rules::field::{Causes, Field};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

pub(super) fn service(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = Field::root(object).at("spec");
    let kind = spec.at("type");
    let needs = Needs::of(spec.value());
    let address = spec.at("clusterIP");
    let headless = address.text() == "None";
    kind.needs_one_of(&TYPES, &mut causes);
    if spec.at("ports").is_empty() && !headless && kind.text() != "ExternalName" {
        causes.push(spec.at("ports").required(""));
    }
    if headless && needs.node_ports {
        let words = format!("may not be set to 'None' for {} services", kind.text());
        let list = spec.at("clusterIPs");
        causes.push(Cause::invalid(
            "spec.clusterIPs[0]",
            list.value().get(0).unwrap_or(&"None".into()),
            &words,
        ));
    }
    if kind.text() == "ExternalName" {
        let name = spec.at("externalName");
        if name.needs(&mut causes) {
            let text = name.text().trim_end_matches('.');
            name.all(&crate::meta::dns_subdomain_errors(text), &mut causes);
        }
        if !address.is_empty() {
            causes.push(spec.at("clusterIPs").forbidden("may not be set for ExternalName services"));
        }
    }
    for ip in spec.at("clusterIPs").items().filter(|ip| !matches!(ip.text(), "None" | "")) {
        ip.ip(&mut causes);
    }
    ports(&spec, needs, &mut causes);
    spec.at("selector").labels(&mut causes);
    spec.at("sessionAffinity").needs_one_of(&["ClientIP", "None"], &mut causes);
    if spec.at("sessionAffinity").text() == "ClientIP" {
        spec.at("sessionAffinityConfig.clientIP.timeoutSeconds").between(1, 86400, &mut causes);
    }
    for ip in spec.at("externalIPs").items() {
        super::reachable_address(&ip, &mut causes);
    }
    policies(&spec, needs, &mut causes);
    balancer(&spec, &mut causes);
    causes
}

fn ports(spec: &Field<'_>, needs: Needs, causes: &mut Causes) {
    let several = spec.at("ports").len() > 1;
    let mut names: Vec<&str> = Vec::new();
    let mut numbers: Vec<(i64, &str)> = Vec::new();
    let mut nodes: Vec<(i64, &str)> = Vec::new();
    for port in spec.at("ports").items() {
        let (name, number, protocol) = (port.at("name"), port.at("port"), port.at("protocol"));
        if several && name.is_empty() {
            causes.push(name.required(""));
        }
        if !name.is_empty() {
            name.dns_label(causes);
            if names.contains(&name.text()) {
                causes.push(name.duplicate());
            }
            names.push(name.text());
        }
        match number.int() {
            Some(_) => number.port(causes),
            None => causes.push(number.required("")),
        }
        protocol.needs_one_of(&["SCTP", "TCP", "UDP"], causes);
        if port.at("appProtocol").is_set() {
            port.at("appProtocol").qualified(causes);
        }
        if port.at("targetPort").is_set() {
            port.at("targetPort").port_or_name(causes);
        }
        let pair = (number.int().unwrap_or_default(), protocol.text());
        if numbers.contains(&pair) {
            causes.push(port.duplicate());
        }
        numbers.push(pair);
        let node = port.at("nodePort");
        let Some(value @ 1..) = node.int() else {
            node.not_negative(causes);
            continue;
        };
        node.port(causes);
        if !needs.node_ports {
            let words = format!("may not be used when `type` is '{}'", spec.at("type").text());
            causes.push(node.forbidden(&words));
        }
        let pair = (value, protocol.text());
        if nodes.contains(&pair) {
            causes.push(node.duplicate());
        }
        nodes.push(pair);
    }
}

fn policies(spec: &Field<'_>, needs: Needs, causes: &mut Causes) {
    let external = spec.at("externalTrafficPolicy");
    if !external.is_empty() {
        if needs.node_ports || needs.address && !spec.at("externalIPs").is_empty() {
            external.one_of(&["Cluster", "Local"], causes);
        } else {
            causes.push(external.invalid("may only be set for externally-accessible services"));
        }
    } else if needs.node_ports {
        causes.push(external.required(""));
    }
    let internal = spec.at("internalTrafficPolicy");
    if internal.is_set() {
        internal.one_of(&["Cluster", "Local"], causes);
    }
    spec.at("trafficDistribution").one_of(&["PreferClose"], causes);
    let health = spec.at("healthCheckNodePort");
    health.not_negative(causes);
    if health.int().is_some_and(|port| port > 0) && !needs.health_port {
        let words = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        causes.push(health.invalid(words));
    }
    let policy = spec.at("ipFamilyPolicy");
    policy.one_of(&["SingleStack", "PreferDualStack", "RequireDualStack"], causes);
    for family in spec.at("ipFamilies").items() {
        family.one_of(&["IPv4", "IPv6"], causes);
    }
    if spec.at("ipFamilies").len() > 2 {
        causes.push(spec.at("ipFamilies").invalid("may only hold up to 2 values"));
    }
}

fn balancer(spec: &Field<'_>, causes: &mut Causes) {
    let is_balancer = spec.at("type").text() == "LoadBalancer";
    let class = spec.at("loadBalancerClass");
    if class.is_set() {
        if is_balancer {
            class.all(&crate::meta::label_key_errors(class.text()), causes);
        } else {
            causes.push(class.forbidden("may only be used when `type` is 'LoadBalancer'"));
        }
    }
    let allocates = spec.at("allocateLoadBalancerNodePorts");
    if allocates.is_set() && !is_balancer {
        causes.push(allocates.forbidden("may only be used when `type` is 'LoadBalancer'"));
    }
    let ranges = spec.at("loadBalancerSourceRanges");
    if !ranges.is_empty() && !is_balancer {
        causes.push(ranges.forbidden("may only be used when `type` is 'LoadBalancer'"));
    }
    for range in ranges.items() {
        let fits = range.text().trim().split_once('/').is_some_and(|(ip, bits)| {
            let most = if ip.contains(':') { 128 } else { 32 };
            ip.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
        });
        if !fits {
            causes.push(range.invalid("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"));
        }
    }
}

/// What a load balancer says of itself.
pub(super) fn status(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let service = Field::root(object);
    let ingress = service.at("status.loadBalancer.ingress");
    if service.at("spec.type").text() != "LoadBalancer" {
        if !ingress.is_empty() {
            causes.push(ingress.forbidden("may only be used when `spec.type` is \"LoadBalancer\""));
        }
        return causes;
    }
    for entry in ingress.items() {
        let (ip, mode, name) = (entry.at("ip"), entry.at("ipMode"), entry.at("hostname"));
        ip.ip(&mut causes);
        if ip.is_empty() && mode.is_set() {
            causes.push(mode.forbidden("may not be specified when `ip` is not set"));
        } else {
            mode.one_of(&["Proxy", "VIP"], &mut causes);
        }
        if name.is_empty() {
            continue;
        }
        name.dns_subdomain(&mut causes);
        if name.text().parse::<std::net::IpAddr>().is_ok() {
            causes.push(name.invalid("must be a DNS name, not an IP address"));
        }
    }
    causes
}

/// What may not change.
pub(super) fn update(new: &Value, old: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (after, before) = (Field::root(new).at("spec"), Field::root(old).at("spec"));
    let stays = Needs::of(after.value()).address && Needs::of(before.value()).address;
    let first = |spec: &Field<'_>| spec.value().list("clusterIPs").first().cloned().unwrap_or_default();
    let had = first(&before);
    if stays && had.as_str().is_some_and(|ip| !ip.is_empty()) {
        if first(&after) != had {
            let list = after.at("clusterIPs");
            causes.push(Cause::invalid("spec.clusterIPs[0]", list.value(), "may not change once set"));
        }
        if after.at("clusterIP").value() != &first(&after) {
            causes.push(after.at("clusterIP").invalid("must match `clusterIPs[0]`"));
        }
    }
    let (class, old_class) = (after.at("loadBalancerClass"), before.at("loadBalancerClass"));
    let both = after.at("type").text() == "LoadBalancer" && before.at("type").text() == "LoadBalancer";
    if both && class.value() != old_class.value() {
        causes.push(class.invalid("may not change once set"));
    }
    causes
}
