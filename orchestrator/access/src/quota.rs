//! Quotas of namespaces: what objects use, and what is left.
//!
//! `status.used` of a quota only grows together with what uses it: [`charge`] says which quotas an object belongs to and
//! how they look afterwards, and the server writes them in the transaction of the object. What deleted objects gave back
//! is found by [`recount`], which a controller calls. Both follow `spec.hard`; the hard limits in the status are there to
//! be seen.

mod scope;
mod usage;

use std::collections::BTreeSet;
use std::sync::Arc;

use guideway_schema::Quantity;
use serde_json::{Map, Value, json};

use crate::admission::{Operation, Request};
use crate::json::{list, text};
use crate::resources::{Amounts, add, amounts};
use crate::{Objects, Status};

/// What a pod of a namespace must say when a quota counts it.
const REQUIRED: [&str; 6] =
    ["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];

/// Charges a new or changed object to the quotas of its namespace.
///
/// The result holds each quota whose `status.used` grows, whole, with the `metadata.resourceVersion` that it was read at:
/// the server writes them in the transaction of the object, on the condition that they are still the same, and charges
/// anew when they are not. A quota that was never counted is counted now.
///
/// # Errors
///
/// 403: a quota would be exceeded, or the object does not say what a quota counts.
pub fn charge(request: &Request<'_>, object: &Value) -> Result<Vec<Value>, Status> {
    let growth = growth(request, object);
    if growth.is_empty() {
        return Ok(Vec::new());
    }
    let quotas: Vec<Arc<Value>> = request
        .objects
        .list("", "resourcequotas", request.namespace)
        .into_iter()
        .filter(|quota| scope::matches(quota, request.group, request.resource, object))
        .collect();
    if request.operation == Operation::Create && request.is_pod() {
        for quota in &quotas {
            must_specify(quota, object).map_err(|why| {
                request.forbid(object, format!("failed quota: {}: {why}", text(&quota["metadata"], "name")))
            })?;
        }
    }
    let mut changed = Vec::new();
    for quota in quotas {
        let hard = amounts(&quota["spec"]["hard"]);
        let requested: Amounts = growth
            .iter()
            .filter(|(name, _)| hard.contains_key(*name))
            .map(|(name, amount)| (name.clone(), *amount))
            .collect();
        if requested.is_empty() {
            continue;
        }
        let mut used = amounts(&quota["status"]["used"]);
        if hard.keys().any(|name| !used.contains_key(name)) {
            used = count(&quota, &hard, request.objects);
        }
        let before = used.clone();
        add(&mut used, &requested);
        let exceeded: BTreeSet<&String> = requested.keys().filter(|name| used[*name] > hard[*name]).collect();
        if !exceeded.is_empty() {
            let why = format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                text(&quota["metadata"], "name"),
                words(&requested, &exceeded),
                words(&before, &exceeded),
                words(&hard, &exceeded)
            );
            return Err(request.forbid(object, why));
        }
        changed.push(with_status(&quota, &hard, &used));
    }
    Ok(changed)
}

/// The quota with its status counted anew, `None` if the status is right.
///
/// `objects` must be at least as new as the quota: whoever creates something writes the quota too, so a count that is
/// written on the condition that the quota is still the same misses nothing.
#[must_use]
pub fn recount(quota: &Value, objects: &dyn Objects) -> Option<Value> {
    let hard = amounts(&quota["spec"]["hard"]);
    let used = count(quota, &hard, objects);
    let counted = with_status(quota, &hard, &used);
    let same = counted["status"]["hard"] == quota["status"]["hard"]
        && amounts(&quota["status"]["used"]) == used
        && quota["status"]["used"].as_object().is_some_and(|map| map.len() == used.len());
    (!same).then_some(counted)
}

/// The resources whose objects a quota counts, as group and resource: when one of them goes, its quotas are to be counted
/// anew.
#[must_use]
pub fn counted_resources(quota: &Value) -> BTreeSet<(String, String)> {
    amounts(&quota["spec"]["hard"]).keys().filter_map(|name| usage::source(name)).collect()
}

/// What the request adds; nothing that it takes away.
fn growth(request: &Request<'_>, object: &Value) -> Amounts {
    let after = || usage::of(request.group, request.resource, object);
    match (request.operation, request.subresource) {
        (Operation::Create, "") => after(),
        (Operation::Update, part) if part == if request.is_pod() { "resize" } else { "" } => {
            let Some(old) = request.old else { return Amounts::new() };
            let before = usage::of(request.group, request.resource, old);
            let grown = after().into_iter().filter_map(|(name, amount)| {
                let grown = amount.minus(before.get(&name).copied().unwrap_or(Quantity::ZERO));
                (!grown.is_negative() && !grown.is_zero()).then_some((name, grown))
            });
            grown.collect()
        }
        _ => Amounts::new(),
    }
}

fn count(quota: &Value, hard: &Amounts, objects: &dyn Objects) -> Amounts {
    let namespace = text(&quota["metadata"], "namespace");
    let mut used: Amounts = hard.keys().map(|name| (name.clone(), Quantity::ZERO)).collect();
    let sources: BTreeSet<(String, String)> = hard.keys().filter_map(|name| usage::source(name)).collect();
    for (group, resource) in sources {
        for object in objects.list(&group, &resource, namespace) {
            if scope::matches(quota, &group, &resource, &object) {
                let usage = usage::of(&group, &resource, &object);
                add(&mut used, &usage.into_iter().filter(|(name, _)| hard.contains_key(name)).collect());
            }
        }
    }
    used
}

fn with_status(quota: &Value, hard: &Amounts, used: &Amounts) -> Value {
    let shown = |of: &Amounts| -> Map<String, Value> {
        hard.keys().filter_map(|name| Some((name.clone(), json!(of.get(name)?.to_string())))).collect()
    };
    let mut quota = quota.clone();
    if quota["status"].is_null() || quota["status"].is_object() {
        quota["status"]["hard"] = quota["spec"]["hard"].clone();
        quota["status"]["used"] = Value::Object(shown(used));
    }
    quota
}

/// Every container must say what the quota counts.
fn must_specify(quota: &Value, pod: &Value) -> Result<(), String> {
    let hard = amounts(&quota["spec"]["hard"]);
    let spec = &pod["spec"];
    let of_the_pod = usage::compute(&spec["resources"]);
    let mut missing: Vec<String> = Vec::new();
    for name in REQUIRED {
        if !hard.contains_key(name) || of_the_pod.contains_key(name) {
            continue;
        }
        let without: BTreeSet<&str> = ["containers", "initContainers"]
            .iter()
            .flat_map(|field| list(&spec[field]))
            .filter(|container| !usage::compute(&container["resources"]).contains_key(name))
            .map(|container| text(container, "name"))
            .collect();
        if !without.is_empty() {
            missing.push(format!("{name} for: {}", without.into_iter().collect::<Vec<_>>().join(",")));
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("must specify {}", missing.join("; "))) }
}

/// `pods=1,requests.cpu=2`.
fn words(amounts: &Amounts, of: &BTreeSet<&String>) -> String {
    let parts: Vec<String> =
        of.iter().filter_map(|name| Some(format!("{name}={}", amounts.get(*name)?))).collect();
    parts.join(",")
}

impl Request<'_> {
    fn is_pod(&self) -> bool {
        self.group.is_empty() && self.resource == "pods"
    }
}

#[cfg(test)]
mod tests;
