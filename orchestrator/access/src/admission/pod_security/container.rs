//! Which containers break a rule, in the words that tell it.

use serde_json::Value;

use super::{containers, quoted};
use crate::json::text;

/// `container "a" must …`, `containers "a", "b" must …` for those that break a rule; nothing if none does.
pub(super) fn must(spec: &Value, breaks: impl Fn(&Value) -> bool, rule: &str) -> Option<String> {
    let names = names(spec, breaks);
    (!names.is_empty()).then(|| format!("{} {rule}", named(&names)))
}

/// The same as a part of a sentence that also speaks of the pod.
pub(super) fn pod_or(spec: &Value, breaks: impl Fn(&Value) -> bool, rule: &str) -> Option<String> {
    let names = names(spec, breaks);
    (!names.is_empty()).then(|| format!("pod or {} {rule}", named(&names)))
}

/// Names of the containers that break a rule.
pub(super) fn names(spec: &Value, breaks: impl Fn(&Value) -> bool) -> Vec<&str> {
    containers(spec).filter(|container| breaks(container)).map(|container| text(container, "name")).collect()
}

/// `container "a"`, `containers "a", "b"`.
pub(super) fn named(names: &[&str]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("container{plural} {}", quoted(names.iter().copied()))
}
