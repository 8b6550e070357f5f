//! What one object uses.

use guideway_schema::Quantity;
use serde_json::Value;

use crate::json::{list, text};
use crate::resources::{Amounts, amounts, of_pod};

/// Resources of the core group that are also counted under their own names.
const PLAIN: [&str; 4] = ["configmaps", "replicationcontrollers", "resourcequotas", "secrets"];
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";

/// Everything that a quota could count of the object.
pub(super) fn of(group: &str, resource: &str, object: &Value) -> Amounts {
    // Events come and go on their own: nobody can be held to a number of them.
    if resource == "events" {
        return Amounts::new();
    }
    let mut used = Amounts::new();
    used.insert(count_name(group, resource), Quantity::whole(1));
    match (group, resource) {
        ("", "pods") => pod(object, &mut used),
        ("", "services") => service(object, &mut used),
        ("", "persistentvolumeclaims") => claim(object, &mut used),
        ("", plain) if PLAIN.contains(&plain) => {
            used.insert(plain.to_owned(), Quantity::whole(1));
        }
        _ => {}
    }
    used
}

/// Group and resource of the objects that count under a name of `spec.hard`.
pub(super) fn source(name: &str) -> Option<(String, String)> {
    let core = |resource: &str| Some((String::new(), resource.to_owned()));
    if let Some(counted) = name.strip_prefix("count/") {
        return match counted.split_once('.') {
            Some((resource, group)) => Some((group.to_owned(), resource.to_owned())),
            None => core(counted),
        }
        .filter(|(_, resource)| resource != "events");
    }
    if name.contains(OF_CLASS) {
        return core("persistentvolumeclaims");
    }
    match name {
        "persistentvolumeclaims" | "requests.storage" => core("persistentvolumeclaims"),
        "services" | "services.loadbalancers" | "services.nodeports" => core("services"),
        "pods" | "cpu" | "memory" | "ephemeral-storage" => core("pods"),
        plain if PLAIN.contains(&plain) => core(plain),
        other if other.starts_with("requests.") || other.starts_with("limits.") => core("pods"),
        other if other.starts_with("hugepages-") => core("pods"),
        _ => None,
    }
}

/// The names under which the requests and limits of a container or pod count.
pub(super) fn compute(resources: &Value) -> Amounts {
    named(&amounts(&resources["requests"]), &amounts(&resources["limits"]))
}

fn named(requests: &Amounts, limits: &Amounts) -> Amounts {
    let mut used = Amounts::new();
    for (name, amount) in requests {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-") {
            used.insert(name.clone(), *amount);
            used.insert(format!("requests.{name}"), *amount);
        } else if name.contains('/') {
            used.insert(format!("requests.{name}"), *amount);
        }
    }
    for (name, amount) in limits {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") {
            used.insert(format!("limits.{name}"), *amount);
        }
    }
    used
}

fn pod(pod: &Value, used: &mut Amounts) {
    // A pod that ended is still there to be counted, but needs nothing.
    if matches!(text(&pod["status"], "phase"), "Failed" | "Succeeded") {
        return;
    }
    used.insert("pods".to_owned(), Quantity::whole(1));
    let spec = &pod["spec"];
    used.extend(named(&of_pod(spec, "requests"), &of_pod(spec, "limits")));
}

fn service(service: &Value, used: &mut Amounts) {
    let mut count = |name: &str, number: usize| {
        used.insert(name.to_owned(), Quantity::whole(i64::try_from(number).unwrap_or(i64::MAX)));
    };
    let spec = &service["spec"];
    let ports = list(&spec["ports"]);
    count("services", 1);
    match text(spec, "type") {
        "NodePort" => count("services.nodeports", ports.len()),
        "LoadBalancer" => {
            count("services.loadbalancers", 1);
            let asked =
                ports.iter().filter(|port| port["nodePort"].as_i64().unwrap_or_default() != 0).count();
            let each = spec["allocateLoadBalancerNodePorts"] != false;
            count("services.nodeports", if each { ports.len() } else { asked });
        }
        _ => {}
    }
}

fn claim(claim: &Value, used: &mut Amounts) {
    let spec = &claim["spec"];
    let annotation = text(&claim["metadata"]["annotations"], "volume.beta.kubernetes.io/storage-class");
    let class = if annotation.is_empty() { text(spec, "storageClassName") } else { annotation };
    let storage = amounts(&spec["resources"]["requests"]).get("storage").copied();
    let mut count = |name: &str, amount: Quantity| {
        used.insert(name.to_owned(), amount);
        if !class.is_empty() {
            used.insert(format!("{class}{OF_CLASS}{name}"), amount);
        }
    };
    count("persistentvolumeclaims", Quantity::whole(1));
    if let Some(storage) = storage {
        count("requests.storage", storage);
    }
}

fn count_name(group: &str, resource: &str) -> String {
    if group.is_empty() { format!("count/{resource}") } else { format!("count/{resource}.{group}") }
}
