use axum::http::uri::Scheme;
use guideway_access::Objects as _;
use guideway_api::Status;
use serde_json::Value;

use super::node::Node;
use super::{proxied_path, with_query};
use crate::call::Call;
use crate::value::text;

/// Where a request goes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// For errors.
    pub(super) what: String,
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) path: String,
    pub(super) scheme: Scheme,
    /// Whether we show who we are: to agents, not to pods.
    pub(super) is_agent: bool,
}

impl Target {
    pub(super) fn agent(node: Node, path: String) -> Self {
        Self {
            what: format!("the agent of the node {:?}", node.name),
            address: node.address,
            port: node.port,
            path,
            scheme: Scheme::HTTPS,
            is_agent: true,
        }
    }
}

/// What the name in a path of `proxy` says besides the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxied {
    scheme: Scheme,
    port: String,
}

impl Proxied {
    /// Takes `[SCHEME:]NAME[:PORT]` apart; the name stays.
    pub(super) fn of(name: &mut String) -> Self {
        let whole = std::mem::take(name);
        let parts: Vec<&str> = whole.split(':').collect();
        let (scheme, own, port) = match parts.as_slice() {
            [scheme, own, port] => (*scheme, *own, *port),
            ["https", own] => ("https", *own, ""),
            [own, port] => ("", *own, *port),
            _ => ("", whole.as_str(), ""),
        };
        own.clone_into(name);
        let scheme = if scheme == "https" { Scheme::HTTPS } else { Scheme::HTTP };
        Self { scheme, port: port.to_owned() }
    }
}

/// A pod or a Service as `[SCHEME:]NAME[:PORT]`, at the address of the pod or of one of the Service's endpoints.
pub(super) fn proxied(call: &Call, object: &Value, wanted: &Proxied) -> Result<Target, Status> {
    let (scheme, port) = (wanted.scheme.clone(), wanted.port.as_str());
    let path = proxied_path(&call.path.rest, call.uri.query());
    let (address, port) = if call.kind().plural == "pods" {
        let address = text(object, &["status", "podIP"]);
        if address.is_empty() {
            return Err(Status::unavailable(format!("pod {:?} has no address yet", call.path.name)));
        }
        let named = port_of_pod(object, port);
        (address.to_owned(), named.unwrap_or(if scheme == Scheme::HTTPS { 443 } else { 80 }))
    } else {
        endpoint(call, object, port)?
    };
    let what = format!("{} {:?}", call.kind().singular, call.path.name);
    Ok(Target { what, address, port, path: with_query(&path, ""), scheme, is_agent: false })
}

/// A port by its number or its name; the first one of the pod without either.
fn port_of_pod(pod: &Value, wanted: &str) -> Option<u16> {
    if let Ok(port) = wanted.parse() {
        return Some(port);
    }
    let containers = pod["spec"]["containers"].as_array()?;
    let mut ports =
        containers.iter().flat_map(|container| container["ports"].as_array().into_iter().flatten());
    let found = ports.find(|port| wanted.is_empty() || port["name"] == wanted)?;
    found["containerPort"].as_u64().and_then(|port| u16::try_from(port).ok())
}

/// A ready endpoint of a Service.
fn endpoint(call: &Call, service: &Value, wanted: &str) -> Result<(String, u16), Status> {
    let none = || Status::unavailable(format!("no endpoints available for service {:?}", call.path.name));
    let ports = service["spec"]["ports"].as_array().map_or(&[][..], Vec::as_slice);
    let port = ports.iter().find(|port| {
        wanted.is_empty()
            || port["name"] == wanted
            || port["port"].as_u64().is_some_and(|number| number.to_string() == wanted)
    });
    let Some(port) = port else {
        return Err(Status::bad_request(format!("service {:?} has no port {wanted:?}", call.path.name)));
    };
    let name = text(port, &["name"]);
    let slices = call.objects().list("discovery.k8s.io", "endpointslices", &call.path.namespace);
    let own = slices
        .iter()
        .filter(|slice| text(slice, &["metadata", "labels", "kubernetes.io/service-name"]) == call.path.name);
    for slice in own {
        let number = slice["ports"].as_array().into_iter().flatten().find(|one| text(one, &["name"]) == name);
        let Some(number) =
            number.and_then(|one| one["port"].as_u64()).and_then(|port| u16::try_from(port).ok())
        else {
            continue;
        };
        let mut endpoints = slice["endpoints"].as_array().into_iter().flatten();
        let ready = endpoints.find(|endpoint| endpoint["conditions"]["ready"] != false);
        if let Some(address) = ready.and_then(|endpoint| endpoint["addresses"][0].as_str()) {
            return Ok((address.to_owned(), number));
        }
    }
    Err(none())
}

/// The value of a parameter of a query, decoded.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_ports() {
        for (text, name, scheme, port) in [
            ("web", "web", Scheme::HTTP, ""),
            ("web:80", "web", Scheme::HTTP, "80"),
            ("https:web:admin", "web", Scheme::HTTPS, "admin"),
            ("https:web", "web", Scheme::HTTPS, ""),
        ] {
            let mut found = text.to_owned();
            let proxied = Proxied::of(&mut found);
            assert_eq!((found.as_str(), proxied), (name, Proxied { scheme, port: port.to_owned() }));
        }
    }
}
