//! Priority: the name of a class becomes a number.

use serde_json::{Value, json};

use super::{Operation, Request};
use crate::Status;
use crate::json::{set, text};

const GROUP: &str = "scheduling.k8s.io";
const RESOURCE: &str = "priorityclasses";
/// Classes that every cluster knows, whether or not they are written down.
const SYSTEM: [(&str, i64); 2] =
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

/// What a pod gets.
struct Class {
    name: String,
    value: i64,
    preemption: String,
}

pub(super) fn mutate(request: &Request<'_>, pod: &mut Value) -> Result<(), Status> {
    if !request.is("", "pods") || !pod["spec"].is_object() {
        return Ok(());
    }
    match (request.operation, request.old) {
        (Operation::Create, _) => {}
        (_, Some(old)) => {
            // Whoever replaces a pod with what they once wrote does not take its priority away.
            if pod["spec"]["priority"].is_null() && !old["spec"]["priority"].is_null() {
                set(pod, &["spec", "priority"], old["spec"]["priority"].clone());
            }
            if pod["spec"]["preemptionPolicy"].is_null() && !old["spec"]["preemptionPolicy"].is_null() {
                set(pod, &["spec", "preemptionPolicy"], old["spec"]["preemptionPolicy"].clone());
            }
            return Ok(());
        }
        _ => return Ok(()),
    }
    let class = class_of(request, pod)?;
    let given = &pod["spec"]["priority"];
    if !given.is_null() && given.as_i64() != Some(class.value) {
        let why = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
             computed {} from the given PriorityClass name",
            class.value
        );
        return Err(request.forbid(pod, why));
    }
    let policy = text(&pod["spec"], "preemptionPolicy");
    if !policy.is_empty() && policy != class.preemption {
        let why = format!(
            "the string value of PreemptionPolicy ({policy}) must not be provided in pod spec; priority admission \
             controller computed {} from the given PriorityClass name",
            class.preemption
        );
        return Err(request.forbid(pod, why));
    }
    if !class.name.is_empty() {
        set(pod, &["spec", "priorityClassName"], json!(class.name));
    }
    set(pod, &["spec", "priority"], json!(class.value));
    set(pod, &["spec", "preemptionPolicy"], json!(class.preemption));
    Ok(())
}

/// Only one class can be the default.
pub(super) fn validate(request: &Request<'_>, class: &Value) -> Result<(), Status> {
    if !request.is(GROUP, RESOURCE) || class["globalDefault"] != true {
        return Ok(());
    }
    let own = text(&class["metadata"], "name");
    let other = request
        .objects
        .list(GROUP, RESOURCE, "")
        .into_iter()
        .find(|other| other["globalDefault"] == true && text(&other["metadata"], "name") != own);
    match other {
        Some(other) => {
            let name = text(&other["metadata"], "name");
            let why =
                format!("PriorityClass {name} is already marked as default. Only one default can exist");
            Err(request.forbid(class, why))
        }
        None => Ok(()),
    }
}

fn class_of(request: &Request<'_>, pod: &Value) -> Result<Class, Status> {
    let name = text(&pod["spec"], "priorityClassName");
    if name.is_empty() {
        // Should there be several defaults, the lowest one counts.
        let classes = request.objects.list(GROUP, RESOURCE, "");
        let default = classes
            .iter()
            .filter(|class| class["globalDefault"] == true)
            .min_by_key(|class| class["value"].as_i64());
        let none = Class { name: String::new(), value: 0, preemption: "PreemptLowerPriority".to_owned() };
        return Ok(default.map_or(none, |class| Class::from_object(class)));
    }
    if let Some(class) = request.objects.get(GROUP, RESOURCE, "", name) {
        return Ok(Class::from_object(&class));
    }
    let system = SYSTEM.iter().find(|(known, _)| *known == name).map(|(name, value)| Class {
        name: (*name).to_owned(),
        value: *value,
        preemption: "PreemptLowerPriority".to_owned(),
    });
    system.ok_or_else(|| request.forbid(pod, format!("no PriorityClass with name {name} was found")))
}

impl Class {
    fn from_object(class: &Value) -> Self {
        let preemption = match text(class, "preemptionPolicy") {
            "" => "PreemptLowerPriority",
            policy => policy,
        };
        Self {
            name: text(&class["metadata"], "name").to_owned(),
            value: class["value"].as_i64().unwrap_or_default(),
            preemption: preemption.to_owned(),
        }
    }
}
