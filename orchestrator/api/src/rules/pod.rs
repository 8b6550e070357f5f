//! Pods and templates of pods.

use guideway_schema::Cause;
use serde_json::{Value, json};

use super::Rules;
use super::field::{Causes, Field};
use crate::json::{Fill, View};

mod container;
mod defaults;
mod probe;
mod scheduling;
mod security;
mod update;
mod validate;
mod volume;

pub(super) use defaults::{default_spec, default_template};
pub(super) use validate::{validate_spec, validate_template};

/// Pods.
pub(crate) struct Pod;

impl Rules for Pod {
    fn default(&self, _version: &str, object: &mut Value) {
        if let Some(spec) = object.made("spec") {
            default_spec(spec);
            spec.or_set("enableServiceLinks", true);
            requests_from_limits(spec);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        let class = quality_of_service(object);
        object.set("status", json!({"phase": "Pending", "qosClass": class}));
        if let Some(metadata) = object.made("metadata") {
            metadata.set("generation", 1);
        }
        if !object.list("spec.schedulingGates").is_empty()
            && let Some(status) = object.inner("status")
        {
            let condition = json!({
                "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
            });
            status.set("conditions", vec![condition]);
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        validate_spec(&spec, &mut causes);
        let ephemeral = spec.at("ephemeralContainers");
        if !ephemeral.is_empty() {
            causes.push(ephemeral.forbidden("cannot be set on create"));
        }
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        update::validate(new, old)
    }

    fn validate_status(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let (new, old) = (Field::root(new), Field::root(old));
        let node = new.at("status.nominatedNodeName");
        node.dns_subdomain(&mut causes);
        if new.at("spec.nodeName").value() != old.at("spec.nodeName").value() {
            causes.push(new.at("status.nodeName").forbidden("may not be changed directly"));
        }
        let phase = new.at("status.phase");
        phase.one_of(&["Failed", "Pending", "Running", "Succeeded", "Unknown"], &mut causes);
        causes
    }

    fn validate_part(&self, new: &Value, old: &Value) -> Vec<Cause> {
        update::validate_part(new, old)
    }

    fn status_keeps(&self) -> &'static [&'static str] {
        &["ownerReferences"]
    }

    fn grace_seconds(&self, object: &Value, asked: Option<i64>) -> Option<i64> {
        // What runs nowhere, or has ended, has nothing to finish.
        let ended = matches!(object.text("status.phase"), "Failed" | "Succeeded");
        let waits = object.text("spec.nodeName").is_empty() || ended;
        let own = object.at("spec.terminationGracePeriodSeconds").as_i64().unwrap_or(30);
        Some(if waits { 0 } else { asked.unwrap_or(own) })
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        warnings(&Field::root(object).at("spec"))
    }
}

/// Templates that are objects of their own.
pub(crate) struct PodTemplate;

impl Rules for PodTemplate {
    fn has_status(&self) -> bool {
        false
    }

    fn default(&self, _version: &str, object: &mut Value) {
        if let Some(template) = object.made("template") {
            default_template(template);
        }
    }

    fn has_generation(&self) -> bool {
        true
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        validate_template(&Field::root(object).at("template"), &mut causes);
        causes
    }
}

/// What nobody has promised to refuse, but that is rarely meant.
pub(super) fn warnings(spec: &Field<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for list in ["initContainers", "containers"] {
        for container in spec.at(list).items() {
            let mut names = std::collections::BTreeSet::new();
            for entry in container.at("env").items() {
                let name = entry.at("name").text();
                if !names.insert(name) {
                    all.push(format!(
                        "{}: hides previous definition of {name:?}, which may be dropped when using apply",
                        entry.path()
                    ));
                }
            }
        }
    }
    all
}

/// Limits are requests too, where nothing else is said.
fn requests_from_limits(spec: &mut Value) {
    for list in ["initContainers", "containers"] {
        for container in spec.each(list) {
            let Some(resources) = container.inner("resources") else { continue };
            let limits = resources.at("limits").as_object().cloned().unwrap_or_default();
            if limits.is_empty() {
                continue;
            }
            if let Some(requests) = resources.made("requests") {
                for (name, amount) in limits {
                    requests.or_set(&name, amount);
                }
            }
        }
    }
}

/// Guaranteed: every container limits cpu and memory to what it requests. `BestEffort`: none asks for anything.
fn quality_of_service(pod: &Value) -> &'static str {
    let containers = || pod.list("spec.containers").iter().chain(pod.list("spec.initContainers"));
    let asks = |container: &Value, list: &str| {
        ["cpu", "memory"].map(|name| {
            let amount = container.at("resources").at(list).get(name)?.as_str()?.parse().ok()?;
            Some::<guideway_schema::Quantity>(amount).filter(|amount| !amount.is_zero())
        })
    };
    let any =
        containers().any(|one| asks(one, "requests").iter().chain(&asks(one, "limits")).any(Option::is_some));
    let equal = containers().all(|one| {
        let (requests, limits) = (asks(one, "requests"), asks(one, "limits"));
        limits.iter().all(Option::is_some) && requests == limits
    });
    match (any, equal) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// A name that must be unique in its list.
fn unique<'a>(names: &mut Vec<&'a str>, field: &Field<'a>, causes: &mut Causes) {
    let name = field.text();
    if name.is_empty() {
        return;
    }
    if names.contains(&name) {
        causes.push(field.duplicate());
    } else {
        names.push(name);
    }
}
