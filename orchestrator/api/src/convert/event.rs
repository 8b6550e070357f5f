//! Events: `v1` and `events.k8s.io/v1` are one thing under two sets of names.

use serde_json::Value;

use super::rename;
use crate::json::Fill;

/// Names of `v1`, and of `events.k8s.io/v1`.
const NAMES: [(&str, &str); 6] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];
const CONTROLLER: (&str, &str) = ("reportingComponent", "reportingController");

/// The form of `v1`. An object that has it already stays as it is.
pub fn event_to_core(event: &Value) -> Value {
    let mut core = event.clone();
    for (to, from) in NAMES.into_iter().chain([CONTROLLER]) {
        rename(&mut core, from, to);
    }
    core.set("apiVersion", "v1");
    core
}

/// The form of `events.k8s.io/v1`.
pub fn event_from_core(event: &Value) -> Value {
    let mut new = event.clone();
    for (from, to) in NAMES.into_iter().chain([CONTROLLER]) {
        rename(&mut new, from, to);
    }
    new.set("apiVersion", "events.k8s.io/v1");
    new
}
