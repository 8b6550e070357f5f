//! Which resources a quota can count, and of which pods.

use guideway_schema::Cause;

use super::super::field::{Causes, Field};

/// Resources without a domain that a quota knows.
const COUNTED: [&str; 19] = [
    "configmaps",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];
/// Those that pods alone have, so that scopes, which choose pods, can apply.
const OF_PODS: [&str; 7] =
    ["cpu", "limits.cpu", "limits.memory", "memory", "pods", "requests.cpu", "requests.memory"];
const SCOPES: [&str; 6] = [
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
];

/// The name of a resource in `spec.hard`.
pub(super) fn resource(name: &str, amount: &Field<'_>, causes: &mut Causes) {
    let is_huge_page = ["hugepages-", "requests.hugepages-"].iter().any(|prefix| name.starts_with(prefix));
    if name.contains('/') || COUNTED.contains(&name) || is_huge_page {
        return;
    }
    if name != "storage" {
        let words = "must be a standard resource type or fully qualified";
        causes.push(Cause::invalid(amount.path(), &name.into(), words));
    }
    causes.push(Cause::invalid(amount.path(), &name.into(), "must be a standard resource for quota"));
}

/// `spec.scopes`, together with what is counted.
pub(super) fn scopes(spec: &Field<'_>, causes: &mut Causes) {
    let scopes = spec.at("scopes");
    let names: Vec<&str> = scopes.items().map(|scope| scope.text()).collect();
    for name in &names {
        if !SCOPES.contains(name) {
            causes.push(scopes.invalid("unsupported scope"));
        }
        for (counted, _) in spec.at("hard").entries() {
            let fits = match *name {
                "BestEffort" => counted == "pods",
                _ => OF_PODS.contains(&counted),
            };
            if COUNTED.contains(&counted) && !fits {
                causes.push(scopes.invalid("unsupported scope applied to resource"));
            }
        }
    }
    for (one, other) in [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")] {
        if names.contains(&one) && names.contains(&other) {
            causes.push(scopes.invalid("conflicting scopes"));
        }
    }
}
