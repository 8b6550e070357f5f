//! Ingresses and network policies.

use guideway_schema::Cause;
use serde_json::{Value, json};

use super::Rules;
use super::field::{Causes, Field};
use crate::json::{Fill, View};

/// Ingresses.
pub(crate) struct Ingress;

impl Rules for Ingress {
    fn prepare_create(&self, object: &mut Value) {
        super::ordinary::prepare_create(true, true, object);
        object.set("status", json!({"loadBalancer": {}}));
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        let backend = spec.at("defaultBackend");
        if !backend.is_set() && spec.at("rules").is_empty() {
            causes.push(spec.invalid("either `defaultBackend` or `rules` must be specified"));
        }
        check_backend(&backend, &mut causes);
        spec.at("ingressClassName").dns_subdomain(&mut causes);
        for rule in spec.at("rules").items() {
            check_host(&rule.at("host"), &mut causes);
            let http = rule.at("http");
            if http.is_set() && http.at("paths").is_empty() {
                causes.push(http.at("paths").required(""));
            }
            for path in http.at("paths").items() {
                let (kind, text) = (path.at("pathType"), path.at("path"));
                if kind.is_empty() {
                    causes.push(kind.required("pathType must be specified"));
                } else {
                    kind.one_of(&["Exact", "ImplementationSpecific", "Prefix"], &mut causes);
                }
                let absolute = matches!(kind.text(), "Exact" | "Prefix");
                if !text.text().starts_with('/') && (absolute || !text.is_empty()) {
                    causes.push(Cause::invalid(text.path(), &text.text().into(), "must be an absolute path"));
                }
                if absolute {
                    for bad in ["//", "/./", "/../", "%2f", "%2F"] {
                        if text.text().contains(bad) {
                            causes.push(text.invalid(&format!("must not contain '{bad}'")));
                        }
                    }
                }
                if !path.at("backend").is_set() {
                    causes.push(path.at("backend").required(""));
                }
                check_backend(&path.at("backend"), &mut causes);
            }
        }
        for tls in spec.at("tls").items() {
            for host in tls.at("hosts").items() {
                check_host(&host, &mut causes);
            }
        }
        causes
    }

    fn validate_update(&self, new: &Value, _old: &Value) -> Vec<Cause> {
        self.validate(new)
    }
}

fn check_host(host: &Field<'_>, causes: &mut Causes) {
    if host.is_empty() {
        return;
    }
    if host.text().parse::<std::net::IpAddr>().is_ok() {
        causes.push(host.invalid("must be a DNS name, not an IP address"));
        return;
    }
    let name = host.text().strip_prefix("*.").unwrap_or(host.text());
    host.all(&crate::meta::dns_subdomain_errors(name), causes);
}

fn check_backend(backend: &Field<'_>, causes: &mut Causes) {
    if !backend.is_set() {
        return;
    }
    let (service, resource) = (backend.at("service"), backend.at("resource"));
    match (service.is_set(), resource.is_set()) {
        (true, true) => causes.push(backend.invalid("cannot set both resource and service backends")),
        (false, false) => causes.push(backend.required("resource or service backend is required")),
        _ => (),
    }
    if service.is_set() {
        let name = service.at("name");
        if name.needs(causes) {
            name.all(&crate::meta::NameRule::Label1035.errors(name.text()), causes);
        }
        let port = service.at("port");
        match (port.at("name").is_empty(), port.at("number").int().unwrap_or(0)) {
            (true, 0) => causes.push(port.required("port name or number is required")),
            (false, 1..) => causes.push(port.invalid("cannot set both port name & port number")),
            (true, _) => port.at("number").port(causes),
            (false, _) => {
                port.at("name").all(&super::field::port_name_errors(port.at("name").text()), causes);
            }
        }
    }
}

/// IngressClasses.
pub(crate) struct IngressClass;

impl Rules for IngressClass {
    fn has_status(&self) -> bool {
        false
    }

    fn has_generation(&self) -> bool {
        true
    }

    fn default(&self, _version: &str, object: &mut Value) {
        if let Some(parameters) = object.inner("spec").and_then(|spec| spec.inner("parameters")) {
            parameters.or_set("scope", "Cluster");
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        let controller = spec.at("controller");
        controller.needs(&mut causes);
        if controller.text().len() > 250 {
            causes.push(Cause::too_long(controller.path(), 250));
        }
        if !controller.is_empty() && !controller.text().contains('/') {
            causes.push(controller.invalid("must be a domain-prefixed path (such as \"acme.io/foo\")"));
        }
        let parameters = spec.at("parameters");
        if parameters.is_set() {
            parameters.at("kind").needs(&mut causes);
            parameters.at("name").needs(&mut causes);
            parameters.at("scope").one_of(&["Cluster", "Namespace"], &mut causes);
        }
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        let path = "spec.controller";
        Field::root(new).at(path).immutable(&Field::root(old).at(path), &mut causes);
        causes
    }
}

/// NetworkPolicies.
pub(crate) struct NetworkPolicy;

impl Rules for NetworkPolicy {
    fn has_status(&self) -> bool {
        false
    }

    fn has_generation(&self) -> bool {
        true
    }

    fn default(&self, _version: &str, object: &mut Value) {
        let Some(spec) = object.made("spec") else { return };
        for list in ["ingress", "egress"] {
            for rule in spec.each(list) {
                for port in rule.each("ports") {
                    port.or_set("protocol", "TCP");
                }
            }
        }
        spec.or_set("podSelector", serde_json::Map::new());
        if spec.list("policyTypes").is_empty() {
            let mut types = vec!["Ingress"];
            if !spec.list("egress").is_empty() {
                types.push("Egress");
            }
            spec.set("policyTypes", types);
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        spec.at("podSelector").selector(&mut causes);
        for kind in spec.at("policyTypes").items() {
            kind.one_of(&["Egress", "Ingress"], &mut causes);
        }
        for (list, peers) in [("ingress", "from"), ("egress", "to")] {
            for rule in spec.at(list).items() {
                for port in rule.at("ports").items() {
                    port.at("protocol").one_of(&["SCTP", "TCP", "UDP"], &mut causes);
                    if port.at("port").is_set() {
                        port.at("port").port_or_name(&mut causes);
                    }
                    let (first, last) = (port.at("port").int(), port.at("endPort"));
                    if last.is_set() && first.is_none() {
                        let words = "may not be specified when `port` is not specified or non-numeric";
                        causes.push(last.invalid(words));
                    } else if last.int().zip(first).is_some_and(|(last, first)| last < first) {
                        causes.push(last.invalid("must be greater than or equal to `port`"));
                    }
                }
                for peer in rule.at(peers).items() {
                    check_peer(&peer, &mut causes);
                }
            }
        }
        causes
    }
}

fn check_peer(peer: &Field<'_>, causes: &mut Causes) {
    let (pods, namespaces, block) =
        (peer.at("podSelector"), peer.at("namespaceSelector"), peer.at("ipBlock"));
    pods.selector(causes);
    namespaces.selector(causes);
    if !pods.is_set() && !namespaces.is_set() && !block.is_set() {
        causes.push(peer.required("must specify a peer"));
    }
    if block.is_set() {
        if pods.is_set() || namespaces.is_set() {
            causes.push(peer.forbidden("may not specify both ipBlock and another peer"));
        }
        block.at("cidr").needs(causes);
        for range in std::iter::once(block.at("cidr")).chain(block.at("except").items()) {
            let fits = range.text().split_once('/').is_some_and(|(ip, bits)| {
                let most = if ip.contains(':') { 128 } else { 32 };
                ip.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
            });
            if !range.is_empty() && !fits {
                causes.push(range.invalid("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"));
            }
        }
    }
}
