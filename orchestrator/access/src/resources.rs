//! Amounts of resources: what containers and pods ask for.

use std::collections::BTreeMap;

use guideway_schema::Quantity;
use serde_json::Value;

use crate::json::{fields, list};

/// Quantities by the name of the resource.
pub(crate) type Amounts = BTreeMap<String, Quantity>;

/// `requests` or `limits`, or any other map of quantities. What is no quantity is left out: validation refuses it.
pub(crate) fn amounts(map: &Value) -> Amounts {
    fields(map).filter_map(|(name, value)| Some((name.to_owned(), quantity(value)?))).collect()
}

/// A quantity, which may be written as a number too.
pub(crate) fn quantity(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// Adds all of `more`.
pub(crate) fn add(to: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = to.get(name).map_or(*amount, |own| own.plus(*amount));
        to.insert(name.clone(), sum);
    }
}

/// Takes what is greater of both.
fn max(to: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        if to.get(name).is_none_or(|own| own < amount) {
            to.insert(name.clone(), *amount);
        }
    }
}

/// What a whole pod needs at once: its containers together with those init containers that keep running, or the most
/// that an init container needs beside the ones before it, and the overhead of its runtime. `field` is `requests` or
/// `limits`. Amounts that the pod names as a whole replace the sums.
pub(crate) fn of_pod(spec: &Value, field: &str) -> Amounts {
    let of = |container: &Value| amounts(&container["resources"][field]);
    let mut running = Amounts::new();
    for container in list(&spec["containers"]) {
        add(&mut running, &of(container));
    }
    let mut sidecars = Amounts::new();
    let mut starting = Amounts::new();
    for container in list(&spec["initContainers"]) {
        let mut needs = of(container);
        if container["restartPolicy"] == "Always" {
            add(&mut running, &needs);
            add(&mut sidecars, &needs);
            max(&mut starting, &sidecars);
        } else {
            add(&mut needs, &sidecars);
            max(&mut starting, &needs);
        }
    }
    max(&mut running, &starting);
    for (name, amount) in amounts(&spec["resources"][field]) {
        running.insert(name, amount);
    }
    let overhead = amounts(&spec["overhead"]);
    if field == "requests" {
        add(&mut running, &overhead);
    } else {
        // A limit that nobody set stays unset.
        let limited: Amounts = overhead.into_iter().filter(|(name, _)| running.contains_key(name)).collect();
        add(&mut running, &limited);
    }
    running
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(amounts: &Amounts) -> BTreeMap<String, String> {
        amounts.iter().map(|(name, amount)| (name.clone(), amount.to_string())).collect()
    }

    #[test]
    fn a_pod_needs_the_most_that_it_needs_at_once() {
        let cpu = |amount: &str| json!({"resources": {"requests": {"cpu": amount}}});
        let sidecar =
            |amount: &str| json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": amount}}});
        let cases = [
            (json!({"containers": [cpu("1"), cpu("500m")]}), "1500m"),
            (json!({"containers": [cpu("1")], "initContainers": [cpu("3"), cpu("2")]}), "3"),
            (json!({"containers": [cpu("1")], "initContainers": [sidecar("1"), cpu("3")]}), "4"),
            (json!({"containers": [cpu("1")], "initContainers": [cpu("1"), sidecar("1")]}), "2"),
            (json!({"containers": [cpu("1")], "overhead": {"cpu": "250m"}}), "1250m"),
            (json!({"containers": [cpu("1")], "resources": {"requests": {"cpu": "5"}}}), "5"),
        ];
        for (spec, expected) in cases {
            assert_eq!(shown(&of_pod(&spec, "requests"))["cpu"], expected, "{spec}");
        }
        assert!(of_pod(&json!({"containers": [{}], "overhead": {"cpu": "1"}}), "limits").is_empty());
        assert!(of_pod(&json!({"containers": 1}), "limits").is_empty());
    }
}
