//! Which resources a quota can count, and of which pods.

use guideway_schema::Cause;
use serde_json::Value;

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

/// `spec.scopes` and `spec.scopeSelector`, together with what is counted.
pub(super) fn scopes(spec: &Field<'_>, causes: &mut Causes) {
    let scopes = spec.at("scopes");
    let named: Vec<Field<'_>> = scopes.items().collect();
    chosen(spec, &scopes, &named, &scopes, causes);

    let selector = spec.at("scopeSelector.matchExpressions");
    let requirements: Vec<Field<'_>> = selector.items().collect();
    let named: Vec<Field<'_>> = requirements.iter().map(|one| one.at("scopeName")).collect();
    chosen(spec, &selector, &named, &selector.at("scopeName"), causes);
    for one in &requirements {
        requirement(one, &selector, causes);
    }
}

/// Scopes that stand at `place`. One that is none is blamed at `of_names`.
fn chosen(
    spec: &Field<'_>,
    place: &Field<'_>,
    named: &[Field<'_>],
    of_names: &Field<'_>,
    causes: &mut Causes,
) {
    let names: Vec<&str> = named.iter().map(Field::text).collect();
    for name in &names {
        if !SCOPES.contains(name) {
            // Kubernetes shows all scopes, or the name of one in a selector.
            let name = Value::from(*name);
            let shown = if of_names.is_set() { of_names.value() } else { &name };
            causes.push(Cause::invalid(of_names.path(), shown, "unsupported scope"));
        }
        for (counted, _) in spec.at("hard").entries() {
            let fits = match *name {
                "BestEffort" => counted == "pods",
                _ => OF_PODS.contains(&counted),
            };
            if COUNTED.contains(&counted) && !fits {
                causes.push(place.invalid("unsupported scope applied to resource"));
            }
        }
    }
    for (one, other) in [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")] {
        if names.contains(&one) && names.contains(&other) {
            causes.push(place.invalid("conflicting scopes"));
        }
    }
}

/// A line of a selector. Kubernetes blames the list of lines, not the line.
fn requirement(one: &Field<'_>, selector: &Field<'_>, causes: &mut Causes) {
    let (operator, values) = (one.at("operator"), one.at("values"));
    let mut blame = |field: &str, value: &Field<'_>, why: &str| {
        causes.push(Cause::invalid(selector.at(field).path(), value.value(), why));
    };
    if one.at("scopeName").text() != "PriorityClass" && operator.text() != "Exists" {
        blame("operator", &operator, "must be 'Exists' for any scope but PriorityClass");
    }
    match operator.text() {
        "In" | "NotIn" if values.is_empty() => {
            let why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
            causes.push(selector.at("values").required(why));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
            blame("values", &values, why);
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        _ => blame("operator", &operator, "not a valid selector operator"),
    }
}
