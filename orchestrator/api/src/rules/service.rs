//! Services, their endpoints, and the addresses and ports that they alone have.

use std::collections::BTreeSet;

use guideway_schema::Cause;
use serde_json::{Map, Value, json};

use super::field::{Causes, Field};
use super::{Allocation, Claim, Family, Rules};
use crate::json::{Fill, View};
use crate::meta::NameRule;

mod change;
mod validate;

pub(super) use change::{Needs, allocations, claims};

/// Ports of an EndpointSlice. Its documentation says 100; so many are taken since 1.22.
const SLICE_PORTS: u64 = 20_000;

/// Services.
pub(crate) struct Service;

impl Rules for Service {
    fn name_rule(&self) -> NameRule {
        NameRule::Label1035
    }

    fn has_generation(&self) -> bool {
        false
    }

    fn default(&self, _version: &str, object: &mut Value) {
        let Some(spec) = object.made("spec") else { return };
        spec.or_set("sessionAffinity", "None");
        match spec.text("sessionAffinity") {
            "None" => {
                spec.unset("sessionAffinityConfig");
            }
            "ClientIP" => {
                if let Some(client) =
                    spec.made("sessionAffinityConfig").and_then(|config| config.made("clientIP"))
                {
                    client.or_set("timeoutSeconds", 10800);
                }
            }
            _ => (),
        }
        spec.or_set("type", "ClusterIP");
        let needs = Needs::of(spec);
        for port in spec.each("ports") {
            port.or_set("protocol", "TCP");
            let number = port.at("port").clone();
            if matches!(port.at("targetPort"), Value::Null)
                || port.at("targetPort") == 0
                || port.at("targetPort") == ""
            {
                port.set("targetPort", number);
            }
        }
        if needs.address {
            spec.or_set("internalTrafficPolicy", "Cluster");
        }
        if needs.node_ports || needs.address && !spec.list("externalIPs").is_empty() {
            spec.or_set("externalTrafficPolicy", "Cluster");
        }
        if spec.text("type") != "LoadBalancer" {
            return;
        }
        spec.or_set("allocateLoadBalancerNodePorts", true);
        if let Some(balancer) = object.inner("status").and_then(|status| status.inner("loadBalancer")) {
            for entry in balancer.each("ingress") {
                if !entry.text("ip").is_empty() {
                    entry.or_set("ipMode", "VIP");
                }
            }
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object.set("status", json!({"loadBalancer": {}}));
        if let Some(spec) = object.inner("spec") {
            change::agree_on_addresses(spec);
        }
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        super::ordinary::keep(new, old, "status");
        if new.text("spec.type") != "LoadBalancer"
            && let Some(status) = new.inner("status")
        {
            // Nobody has to wait for a load balancer that the service has no more.
            status.set("loadBalancer", Map::new());
        }
        if let Some(spec) = new.inner("spec") {
            change::carry_over(spec, old.at("spec"));
            change::drop_what_is_over(spec, old.at("spec"));
            change::agree_on_addresses(spec);
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        validate::service(object)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = validate::update(new, old);
        causes.extend(validate::service(new));
        causes
    }

    fn validate_status(&self, new: &Value, _old: &Value) -> Vec<Cause> {
        validate::status(new)
    }

    fn choose_families(&self, object: &mut Value, served: &[Family]) {
        if let Some(spec) = object.inner("spec") {
            change::choose_families(spec, served);
        }
    }

    fn claims(&self, object: &Value) -> Vec<Claim> {
        claims(object)
    }

    fn allocations(&self, object: &Value, _old: Option<&Value>) -> Vec<Allocation> {
        allocations(object)
    }
}

/// Endpoints.
pub(crate) struct Endpoints;

impl Rules for Endpoints {
    fn has_status(&self) -> bool {
        false
    }

    fn default(&self, _version: &str, object: &mut Value) {
        for subset in object.each("subsets") {
            for port in subset.each("ports") {
                port.or_set("protocol", "TCP");
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        for subset in Field::root(object).at("subsets").items() {
            if subset.at("addresses").is_empty() && subset.at("notReadyAddresses").is_empty() {
                causes.push(subset.required("must specify `addresses` or `notReadyAddresses`"));
            }
            for list in ["addresses", "notReadyAddresses"] {
                for address in subset.at(list).items() {
                    reachable_address(&address.at("ip"), &mut causes);
                }
            }
            let several = subset.at("ports").len() > 1;
            for port in subset.at("ports").items() {
                if several {
                    port.at("name").needs(&mut causes);
                }
                port.at("name").dns_label(&mut causes);
                let number = port.at("port");
                if number.needs(&mut causes) {
                    number.port(&mut causes);
                }
                port.at("protocol").needs_one_of(&["SCTP", "TCP", "UDP"], &mut causes);
            }
        }
        causes
    }
}

/// EndpointSlices.
pub(crate) struct EndpointSlice;

impl Rules for EndpointSlice {
    fn has_status(&self) -> bool {
        false
    }

    fn has_generation(&self) -> bool {
        true
    }

    fn default(&self, _version: &str, object: &mut Value) {
        for port in object.each("ports") {
            port.or_set("name", "");
            port.or_set("protocol", "TCP");
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let slice = Field::root(object);
        let kind = slice.at("addressType");
        if kind.needs(&mut causes) {
            kind.one_of(&["FQDN", "IPv4", "IPv6"], &mut causes);
        }
        let endpoints = slice.at("endpoints");
        if endpoints.len() > 1000 {
            causes.push(Cause::too_many(endpoints.path(), endpoints.len(), 1000));
        }
        for endpoint in endpoints.items() {
            let addresses = endpoint.at("addresses");
            if addresses.is_empty() {
                causes.push(addresses.required("must contain at least 1 address"));
            }
            if addresses.len() > 100 {
                causes.push(Cause::too_many(addresses.path(), addresses.len(), 100));
            }
            for address in addresses.items() {
                match kind.text() {
                    "FQDN" => address.dns_subdomain(&mut causes),
                    "IPv4" if address.text().parse::<std::net::Ipv4Addr>().is_err() => {
                        causes.push(address.invalid("must be an IPv4 address"));
                    }
                    "IPv6" if address.text().parse::<std::net::Ipv6Addr>().is_err() => {
                        causes.push(address.invalid("must be an IPv6 address"));
                    }
                    _ => reachable_address(&address, &mut causes),
                }
            }
            endpoint.at("hostname").dns_label(&mut causes);
        }
        let ports = slice.at("ports");
        if ports.len() as u64 > SLICE_PORTS {
            causes.push(Cause::too_many(ports.path(), ports.len(), SLICE_PORTS));
        }
        let mut names = BTreeSet::new();
        for port in ports.items() {
            let name = port.at("name");
            if !names.insert(name.text()) {
                causes.push(name.duplicate());
            }
            name.dns_label(&mut causes);
            port.at("port").port(&mut causes);
            port.at("protocol").one_of(&["SCTP", "TCP", "UDP"], &mut causes);
        }
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        Field::root(new).at("addressType").immutable(&Field::root(old).at("addressType"), &mut causes);
        causes
    }
}

/// Multicast that no router forwards.
const LOCAL_GROUP: &str = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";

/// An address that packets can be sent to from elsewhere.
fn reachable_address(field: &Field<'_>, causes: &mut Causes) {
    let Ok(address) = field.text().parse::<std::net::IpAddr>() else {
        field.ip(causes);
        return;
    };
    let why = match address {
        _ if address.is_unspecified() => "may not be unspecified (0.0.0.0 or ::)",
        _ if address.is_loopback() => "may not be in the loopback range (127.0.0.0/8, ::1/128)",
        std::net::IpAddr::V4(address) if address.is_link_local() => {
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
        }
        std::net::IpAddr::V6(address) if address.is_unicast_link_local() => {
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
        }
        std::net::IpAddr::V4(address) if address.octets().starts_with(&[224, 0, 0]) => LOCAL_GROUP,
        std::net::IpAddr::V6(address) if address.segments()[0] & 0xff0f == 0xff02 => LOCAL_GROUP,
        _ => return,
    };
    causes.push(field.invalid(why));
}
