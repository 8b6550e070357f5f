//! From the tree to the objects that Kubernetes would have.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use guideway_bgp_config::Problem;
use guideway_bgp_config::fields::{Section, duration, parsed, text};
use guideway_bgp_config::yaml::{self, Node, Value};
use guideway_controller_crds::{self as crds, Kind};
use guideway_controller_index::{FINALIZER, IpMode};
use k8s_openapi::api::core::v1::{
    ClientIPConfig, LoadBalancerIngress, LoadBalancerStatus, Service, ServicePort, ServiceSpec,
    ServiceStatus, SessionAffinityConfig,
};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use kube::api::ObjectMeta;
use serde_json::Value as Json;

use super::Document;

/// What a slice is told to belong to a Service by.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// MetalLB's way to request addresses.
const ADDRESSES: &str = "metallb.io/loadBalancerIPs";
const MAX_SERVICES: usize = 10_000;
const MAX_PORTS: usize = 1_000;
const MAX_BACKENDS: usize = 4_096;

type Problems = Vec<Problem>;

pub(super) fn document(source: &str, has_home: bool) -> Result<Document, Problems> {
    let node =
        yaml::parse(source).map_err(|(line, reason)| vec![Problem { line, field: String::new(), reason }])?;
    let mut problems = Vec::new();
    let mut document = Document::default();
    let mut section = Section::open("", &node, &mut problems);
    let (services, resources) = (section.node("services"), section.node("resources"));
    section.close(&mut problems);
    let mut names = BTreeSet::new();
    for (path, node) in list("services", services, MAX_SERVICES, &mut problems) {
        let Some((service, slices)) = service(&path, node, &mut problems) else { continue };
        let name = (service.metadata.namespace.clone(), service.metadata.name.clone());
        if !names.insert(name) {
            problems.push(problem(node, format!("{path}.name"), "stands here twice"));
        }
        document.services.push(service);
        document.slices.extend(slices);
    }
    if let (Some(node), true) = (resources, has_home) {
        let reason = "belong into the home cluster, remove them here";
        problems.push(problem(node, "resources".to_owned(), reason));
    }
    for (path, node) in list("resources", resources, MAX_SERVICES, &mut problems) {
        document.resources.extend(resource(&path, node, &mut problems));
    }
    problems.sort_by_key(|problem| problem.line);
    if problems.is_empty() { Ok(document) } else { Err(problems) }
}

fn problem(node: &Node, field: String, reason: &str) -> Problem {
    Problem { line: node.line, field, reason: reason.to_owned() }
}

fn list<'n>(
    path: &str,
    node: Option<&'n Node>,
    most: usize,
    problems: &mut Problems,
) -> Vec<(String, &'n Node)> {
    let Some(node) = node else { return Vec::new() };
    match &node.value {
        Value::List(list) if list.len() <= most => {
            list.iter().enumerate().map(|(at, node)| (format!("{path}[{at}]"), node)).collect()
        }
        Value::List(list) => {
            let reason = format!("has {} elements: at most {most} are possible", list.len());
            problems.push(problem(node, path.to_owned(), &reason));
            Vec::new()
        }
        other => {
            problems.push(problem(node, path.to_owned(), &format!("must be a list, not {}", other.kind())));
            Vec::new()
        }
    }
}

/// A custom resource as Kubernetes would have it.
fn resource(
    path: &str,
    node: &Node,
    problems: &mut Problems,
) -> Option<(Kind, crds::Object, crds::Resource)> {
    let wrong = |field: String, reason: String| Problem { line: node.line, field, reason };
    let parsed = match crds::parse(&json(&node.value)) {
        Ok(parsed) => parsed,
        Err(error) => {
            problems.push(wrong(path.to_owned(), error.to_string()));
            return None;
        }
    };
    if matches!(parsed.kind, Kind::Cluster | Kind::Rollout) {
        let reason = "is for a home cluster: write it into the configuration file (`clusters`, `rollout`)";
        problems.push(wrong(path.to_owned(), format!("{} {reason}", parsed.kind.as_str())));
        return None;
    }
    match parsed.resource {
        Ok(resource) => Some((parsed.kind, parsed.object, resource)),
        Err(errors) => {
            problems.extend(errors.iter().map(|error| wrong(path.to_owned(), error.to_string())));
            None
        }
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Integer(number) => {
            i64::try_from(*number).map_or_else(|_| number.to_string().into(), Json::from)
        }
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.clone().into(),
        Value::List(list) => list.iter().map(|node| json(&node.value)).collect(),
        Value::Map(map) => {
            Json::Object(map.iter().map(|entry| (entry.key.clone(), json(&entry.node.value))).collect())
        }
    }
}

#[derive(Clone)]
struct Port {
    name: Option<String>,
    port: u16,
    target: u16,
    protocol: &'static str,
}

fn service(path: &str, node: &Node, problems: &mut Problems) -> Option<(Service, Vec<EndpointSlice>)> {
    let mut section = Section::open(path, node, problems);
    let name = section.required("name", problems, full_name);
    let addresses = section.required("addresses", problems, addresses);
    let ports = section.node("ports");
    let backends = section.node("backends");
    let affinity = section.optional("affinity", problems, duration).map(|found| found.value);
    let sources = section.optional("sources", problems, texts).map(|found| found.value);
    let labels = section.optional("labels", problems, map).map(|found| found.value);
    let annotations = section.optional("annotations", problems, map).map(|found| found.value);
    section.close(problems);
    if ports.is_none() {
        problems.push(problem(node, format!("{path}.ports"), "is required and missing"));
    }
    let listed = list(&format!("{path}.ports"), ports, MAX_PORTS, problems);
    let needs_names = listed.len() > 1;
    let ports: Vec<Port> =
        listed.into_iter().filter_map(|(path, node)| port(&path, node, needs_names, problems)).collect();
    let backends: Vec<(IpAddr, bool)> = list(&format!("{path}.backends"), backends, MAX_BACKENDS, problems)
        .into_iter()
        .filter_map(|(path, node)| backend(&path, node, problems))
        .collect();
    let (namespace, name) = name?.value;
    let addresses = addresses?.value;
    let mut annotations = annotations.unwrap_or_default();
    let requested: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    annotations.insert(ADDRESSES.to_owned(), requested.join(","));
    let service = Service {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: Some(namespace.clone()),
            labels,
            annotations: Some(annotations),
            finalizers: Some(vec![FINALIZER.to_owned()]),
            ..ObjectMeta::default()
        },
        spec: Some(spec(&addresses, &ports, affinity, sources)),
        status: Some(recorded(&addresses)),
    };
    Some((service, slices(&namespace, &name, &ports, &backends)))
}

/// The file is the record, too: nobody else writes one.
fn recorded(addresses: &[IpAddr]) -> ServiceStatus {
    let ingress = |address: &IpAddr| LoadBalancerIngress {
        ip: Some(address.to_string()),
        ip_mode: Some(IpMode::Vip.as_str().to_owned()),
        ..LoadBalancerIngress::default()
    };
    let load_balancer = LoadBalancerStatus { ingress: Some(addresses.iter().map(ingress).collect()) };
    ServiceStatus { load_balancer: Some(load_balancer), ..ServiceStatus::default() }
}

fn spec(
    addresses: &[IpAddr],
    ports: &[Port],
    affinity: Option<std::time::Duration>,
    sources: Option<Vec<String>>,
) -> ServiceSpec {
    let mut families: Vec<String> = Vec::new();
    for address in addresses {
        let family = family(*address).to_owned();
        if !families.contains(&family) {
            families.push(family);
        }
    }
    let policy = if families.len() == 2 { "RequireDualStack" } else { "SingleStack" };
    let port = |port: &Port| ServicePort {
        name: port.name.clone(),
        port: port.port.into(),
        protocol: Some(port.protocol.to_owned()),
        ..ServicePort::default()
    };
    let timeout = affinity.map(|timeout| SessionAffinityConfig {
        client_ip: Some(ClientIPConfig { timeout_seconds: i32::try_from(timeout.as_secs()).ok() }),
    });
    ServiceSpec {
        type_: Some("LoadBalancer".to_owned()),
        ports: Some(ports.iter().map(port).collect()),
        ip_families: Some(families),
        ip_family_policy: Some(policy.to_owned()),
        session_affinity: affinity.map(|_| "ClientIP".to_owned()),
        session_affinity_config: timeout,
        load_balancer_source_ranges: sources,
        ..ServiceSpec::default()
    }
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// One for each family.
fn slices(namespace: &str, service: &str, ports: &[Port], backends: &[(IpAddr, bool)]) -> Vec<EndpointSlice> {
    let mut slices = Vec::new();
    for kind in ["IPv4", "IPv6"] {
        let endpoints: Vec<Endpoint> = backends
            .iter()
            .filter(|(address, _)| family(*address) == kind)
            .map(|(address, ready)| Endpoint {
                addresses: vec![address.to_string()],
                conditions: Some(EndpointConditions { ready: Some(*ready), ..EndpointConditions::default() }),
                ..Endpoint::default()
            })
            .collect();
        if endpoints.is_empty() {
            continue;
        }
        let port = |port: &Port| EndpointPort {
            name: Some(port.name.clone().unwrap_or_default()),
            port: Some(port.target.into()),
            protocol: Some(port.protocol.to_owned()),
            ..EndpointPort::default()
        };
        slices.push(EndpointSlice {
            address_type: kind.to_owned(),
            endpoints,
            metadata: ObjectMeta {
                name: Some(format!("{service}-{}", kind.to_lowercase())),
                namespace: Some(namespace.to_owned()),
                labels: Some(BTreeMap::from([(SERVICE_NAME.to_owned(), service.to_owned())])),
                ..ObjectMeta::default()
            },
            ports: Some(ports.iter().map(port).collect()),
        });
    }
    slices
}

/// Where there are several, what stands behind them is found by their names.
fn port(path: &str, node: &Node, needs_name: bool, problems: &mut Problems) -> Option<Port> {
    let mut section = Section::open(path, node, problems);
    let name = match needs_name {
        true => section.required("name", problems, label),
        false => section.optional("name", problems, label),
    };
    let name = name.map(|found| found.value);
    let port = section.required("port", problems, number);
    let target = section.optional("target", problems, number).map(|found| found.value);
    let protocol = section.optional("protocol", problems, protocol).map(|found| found.value);
    section.close(problems);
    let port = port?.value;
    Some(Port { name, port, target: target.unwrap_or(port), protocol: protocol.unwrap_or("TCP") })
}

fn backend(path: &str, node: &Node, problems: &mut Problems) -> Option<(IpAddr, bool)> {
    let mut section = Section::open(path, node, problems);
    let address = section.required("address", problems, parsed::<IpAddr>("an address"));
    let ready = section.optional("ready", problems, |value| match value {
        Value::Bool(ready) => Ok(*ready),
        other => Err(format!("must be true or false, not {}", other.kind())),
    });
    section.close(problems);
    Some((address?.value, ready.is_none_or(|found| found.value)))
}

fn number(value: &Value) -> Result<u16, String> {
    let number: u16 = guideway_bgp_config::fields::number("1 to 65535")(value)?;
    if number == 0 { Err("0 is not in 1 to 65535".to_owned()) } else { Ok(number) }
}

fn protocol(value: &Value) -> Result<&'static str, String> {
    match text(value)?.as_str() {
        "TCP" => Ok("TCP"),
        "UDP" => Ok("UDP"),
        other => Err(format!("`{}` must be TCP or UDP", other.escape_debug())),
    }
}

fn label(value: &Value) -> Result<String, String> {
    let label = text(value)?;
    let letters = label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if letters && label.len() <= 63 { Ok(label) } else { Err("must be 1 to 63 of a-z, 0-9 and -".to_owned()) }
}

/// `namespace/name`.
fn full_name(value: &Value) -> Result<(String, String), String> {
    let wrong = || "must be namespace/name, such as shop/web".to_owned();
    let name = text(value)?;
    let (namespace, name) = name.split_once('/').ok_or_else(wrong)?;
    let part = |part: &str| label(&Value::Text(part.to_owned())).map_err(|_| wrong());
    Ok((part(namespace)?, part(name)?))
}

fn addresses(value: &Value) -> Result<Vec<IpAddr>, String> {
    let wrong = || "must be a list of one address, or of one of each family".to_owned();
    let Value::List(list) = value else { return Err(wrong()) };
    let address = |node: &Node| parsed::<IpAddr>("an address")(&node.value);
    let addresses: Vec<IpAddr> = list.iter().take(3).map(address).collect::<Result<_, _>>()?;
    let families: BTreeSet<bool> = addresses.iter().map(IpAddr::is_ipv4).collect();
    // As with Services of Kubernetes.
    if addresses.is_empty() || families.len() < addresses.len() { Err(wrong()) } else { Ok(addresses) }
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::List(list) => list.iter().map(|node| text(&node.value)).collect(),
        other => Err(format!("must be a list of texts, not {}", other.kind())),
    }
}

fn map(value: &Value) -> Result<BTreeMap<String, String>, String> {
    match value {
        Value::Map(map) => {
            map.iter().map(|entry| Ok((entry.key.clone(), text(&entry.node.value)?))).collect()
        }
        other => Err(format!("must be a map of texts, not {}", other.kind())),
    }
}
