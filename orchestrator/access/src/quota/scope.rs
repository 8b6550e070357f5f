//! Which objects a quota is about.

use serde_json::Value;

use super::usage::compute;
use crate::json::{list, text};

/// Does the quota count objects like this one, as far as its scopes say? Only pods can be told apart by scopes.
pub(super) fn matches(quota: &Value, group: &str, resource: &str, object: &Value) -> bool {
    let scopes = list(&quota["spec"]["scopes"]);
    let expressions = list(&quota["spec"]["scopeSelector"]["matchExpressions"]);
    if scopes.is_empty() && expressions.is_empty() {
        return true;
    }
    if !group.is_empty() || resource != "pods" {
        return false;
    }
    scopes.iter().all(|scope| scope.as_str().is_some_and(|scope| selects(scope, "Exists", &[], object)))
        && expressions.iter().all(|expression| {
            let (scope, operator) = (text(expression, "scopeName"), text(expression, "operator"));
            selects(scope, operator, list(&expression["values"]), object)
        })
}

fn selects(scope: &str, operator: &str, values: &[Value], pod: &Value) -> bool {
    let spec = &pod["spec"];
    match scope {
        "Terminating" => is_terminating(spec),
        "NotTerminating" => !is_terminating(spec),
        "BestEffort" => is_best_effort(spec),
        "NotBestEffort" => !is_best_effort(spec),
        "CrossNamespacePodAffinity" => looks_at_other_namespaces(&spec["affinity"]),
        "PriorityClass" => {
            let class = text(spec, "priorityClassName");
            let named = values.iter().any(|value| value == class);
            match operator {
                "Exists" => !class.is_empty(),
                "DoesNotExist" => class.is_empty(),
                "In" => named,
                "NotIn" => !named,
                _ => false,
            }
        }
        _ => false,
    }
}

fn is_terminating(spec: &Value) -> bool {
    spec["activeDeadlineSeconds"].as_i64().is_some_and(|seconds| seconds >= 0)
}

fn is_best_effort(spec: &Value) -> bool {
    let asks = |resources: &Value| {
        compute(resources)
            .iter()
            .any(|(name, amount)| (name.ends_with("cpu") || name.ends_with("memory")) && !amount.is_zero())
    };
    let containers = ["containers", "initContainers"].iter().flat_map(|field| list(&spec[field]));
    !asks(&spec["resources"]) && !containers.into_iter().any(|container| asks(&container["resources"]))
}

fn looks_at_other_namespaces(affinity: &Value) -> bool {
    let looks = |term: &Value| !list(&term["namespaces"]).is_empty() || !term["namespaceSelector"].is_null();
    ["podAffinity", "podAntiAffinity"].iter().any(|kind| {
        let kind = &affinity[kind];
        list(&kind["requiredDuringSchedulingIgnoredDuringExecution"]).iter().any(looks)
            || list(&kind["preferredDuringSchedulingIgnoredDuringExecution"])
                .iter()
                .any(|preference| looks(&preference["podAffinityTerm"]))
    })
}
