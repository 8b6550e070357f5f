//! What may change in a pod that is there: little.

use guideway_schema::Cause;
use serde_json::Value;

use super::super::field::Field;
use super::validate_spec;
use crate::json::{Fill, View};

const WORDS: &str = "pod updates may not change fields other than \
    `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only \
    additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
    previously negative)\n";

pub(super) fn validate(new: &Value, old: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = Field::root(new).at("spec");
    validate_spec(&spec, &mut causes);
    if !causes.is_empty() {
        return causes;
    }
    for list in ["containers", "initContainers"] {
        if spec.at(list).len() != old.at("spec").list(list).len() {
            causes.push(spec.at(list).forbidden("pod updates may not add or remove containers"));
            return causes;
        }
    }
    deadline(&spec, old, &mut causes);
    let before = old.list("spec.tolerations");
    let after = new.list("spec.tolerations");
    if !before.iter().all(|one| after.contains(one)) {
        let words = "existing toleration can not be modified except its tolerationSeconds";
        let seconds_only = before.iter().all(|one| after.iter().any(|other| alike(one, other)));
        if !seconds_only {
            causes.push(spec.at("tolerations").forbidden(words));
        }
    }
    let gates = spec.at("schedulingGates");
    let old_gates = old.list("spec.schedulingGates");
    if gates.items().any(|gate| !old_gates.contains(gate.value())) {
        causes.push(gates.forbidden("only deletion is allowed, but found new scheduling gates"));
    }
    // What may change is made equal; the rest must be.
    let mut allowed = new.at("spec").clone();
    for list in ["containers", "initContainers"] {
        let images = old.at("spec").list(list).iter().map(|one| one.at("image").clone());
        for (container, image) in allowed.each(list).zip(images) {
            container.set("image", image);
        }
    }
    let was_gated = !old_gates.is_empty();
    let mut free = vec!["activeDeadlineSeconds", "tolerations", "schedulingGates"];
    if was_gated {
        // What a gate still holds back may be told more narrowly where to go.
        free.extend(["nodeSelector", "affinity"]);
    }
    if old.int("spec.terminationGracePeriodSeconds") < 0 && new.int("spec.terminationGracePeriodSeconds") == 1
    {
        free.push("terminationGracePeriodSeconds");
    }
    for field in free {
        super::super::ordinary::keep(&mut allowed, old.at("spec"), field);
    }
    let changed = changed(&allowed, old.at("spec"));
    if !changed.is_empty() {
        causes.push(spec.forbidden(&format!("{WORDS}changed: {}", changed.join(", "))));
    }
    causes
}

/// What is wrong with added ephemeral containers, or with resources that are to be others.
pub(super) fn validate_part(new: &Value, old: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = Field::root(new).at("spec");
    validate_spec(&spec, &mut causes);
    let all = spec.at("ephemeralContainers");
    let containers: Vec<&str> = spec.at("containers").items().map(|one| one.at("name").text()).collect();
    for container in all.items() {
        let target = container.at("targetContainerName");
        if !target.is_empty() && !containers.contains(&target.text()) {
            causes.push(target.not_found());
        }
        for name in ["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"] {
            let field = container.at(name);
            if !field.is_empty() {
                causes.push(field.forbidden("cannot be set for an Ephemeral Container"));
            }
        }
    }
    for before in old.list("spec.ephemeralContainers") {
        let name = before.text("name");
        match all.items().find(|one| one.at("name").text() == name) {
            None => {
                let words = format!("existing ephemeral containers {name:?} may not be removed\n");
                causes.push(all.forbidden(&words));
            }
            Some(after) if after.value() != before => {
                let words = format!("existing ephemeral containers {name:?} may not be changed\n");
                causes.push(all.forbidden(&words));
            }
            Some(_) => (),
        }
    }
    causes
}

/// Two tolerations that differ in their seconds at most.
fn alike(one: &Value, other: &Value) -> bool {
    ["key", "operator", "value", "effect"].iter().all(|field| one.at(field) == other.at(field))
}

/// A deadline may be set, and shortened.
fn deadline(spec: &Field<'_>, old: &Value, causes: &mut Vec<Cause>) {
    let field = spec.at("activeDeadlineSeconds");
    if let Some(before) = old.at("spec.activeDeadlineSeconds").as_i64() {
        match field.int() {
            None => {
                let words = format!("must not update from a positive integer to nil value {before}");
                causes.push(field.invalid(&words));
            }
            Some(after) if after > before => {
                causes.push(field.invalid("must be less than or equal to previous value"));
            }
            Some(_) => (),
        }
    }
}

/// Fields of two objects that differ.
fn changed(new: &Value, old: &Value) -> Vec<String> {
    let keys = |value: &Value| {
        value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    let mut all = keys(new);
    all.extend(keys(old));
    all.sort();
    all.dedup();
    all.retain(|key| new.get(key).unwrap_or(&Value::Null) != old.get(key).unwrap_or(&Value::Null));
    all.into_iter().map(|key| format!("spec.{key}")).collect()
}
