//! Definitions of custom resources: names are accepted or not, and instances go before their definition does.

mod names;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::action::{Action, Outcome, Propagation};
use crate::conditions::{Condition, merged};
use crate::controller::{Answer, Controller, Interest, Observed, Question};
use crate::kinds;
use crate::object::{Object, ObjectRef};
use crate::resource::{Resource, Scope, Verbs};
use crate::world::{Change, Detail, World};

/// Keeps a definition until its instances are gone.
pub const CLEANUP: &str = guideway_api::CLEANUP_FINALIZER;
const APPROVED: &str = "api-approved.kubernetes.io";

/// When what remains of a kind is looked at again.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Establishes definitions and clears up behind them. Its keys are definitions.
///
/// A definition gets its finalizer before it is established: from then on there may be instances.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefinitionController;

impl Controller for DefinitionController {
    fn name(&self) -> &'static str {
        "crd"
    }

    fn interests(&self) -> Vec<Interest> {
        vec![Interest::Kind(kinds::custom_resource_definitions()), Interest::Everything]
    }

    fn concerns(&self, world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        let Some(object) = change.object() else { return };
        let definitions = kinds::custom_resource_definitions().id;
        if object.resource == definitions {
            // Names are taken and set free within a group.
            for other in world.all(&definitions).filter(|other| group(other) == group(object)) {
                enqueue(other.reference());
            }
        } else if change.new.is_none() && !object.resource.group.is_empty() {
            let name = format!("{}.{}", object.resource.plural, object.resource.group);
            if let Some(definition) = world.get(&definitions, "", &name)
                && definition.deleting.is_some()
            {
                enqueue(definition.reference());
            }
        }
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        match observed.world.object(key) {
            None => Outcome::done(),
            Some(definition) if definition.deleting.is_some() => clear(observed, definition),
            Some(definition) => establish(observed, definition),
        }
    }
}

fn group(definition: &Object) -> &str {
    definition.text(&["spec", "group"]).unwrap_or_default()
}

fn identity(definition: &Object) -> Value {
    json!({ "uid": &*definition.uid, "resourceVersion": definition.revision.to_string() })
}

fn establish(observed: &Observed<'_>, definition: &Arc<Object>) -> Outcome {
    if !definition.has_finalizer(CLEANUP) {
        let mut finalizers: Vec<&str> = definition.finalizers.iter().map(|name| &**name).collect();
        finalizers.push(CLEANUP);
        let mut patch = json!({ "metadata": identity(definition) });
        patch["metadata"]["finalizers"] = json!(finalizers);
        return Outcome::act(vec![Action::Patch {
            target: definition.reference(),
            subresource: None,
            patch,
        }]);
    }
    let status = &definition.body["status"];
    let others = observed
        .world
        .all(&definition.resource)
        .filter(|other| other.uid != definition.uid && group(other) == group(definition));
    let verdict = names::judge(definition, others);
    let mut conditions = vec![verdict.condition()];
    let was_established = has_condition(status, "Established");
    if was_established || verdict.conflict.is_none() {
        conditions.push(condition(
            "Established",
            "True",
            "InitialNamesAccepted",
            "the initial names have been accepted",
        ));
    } else {
        conditions.push(condition("Established", "False", "NotAccepted", "not all names are accepted"));
    }
    conditions.extend(approval(definition));
    let mut changed = serde_json::Map::new();
    if status["acceptedNames"] != verdict.accepted {
        // A merge would leave names in that were accepted once.
        let mut accepted = verdict.accepted;
        for name in status["acceptedNames"].as_object().into_iter().flat_map(|names| names.keys()) {
            if accepted.get(name).is_none() {
                accepted[name] = Value::Null;
            }
        }
        changed.insert("acceptedNames".to_owned(), accepted);
    }
    if let Some(conditions) = merged(&status["conditions"], &conditions, observed.now) {
        changed.insert("conditions".to_owned(), conditions.into());
    }
    write_status(definition, changed)
}

fn write_status(definition: &Object, changed: serde_json::Map<String, Value>) -> Outcome {
    if changed.is_empty() {
        return Outcome::done();
    }
    let patch = json!({ "metadata": identity(definition), "status": changed });
    Outcome::act(vec![Action::Patch { target: definition.reference(), subresource: Some("status"), patch }])
}

fn condition(
    condition: &'static str,
    status: &'static str,
    reason: &'static str,
    message: &str,
) -> Condition {
    Condition { condition, status, reason, message: message.to_owned(), generation: None }
}

fn has_condition(status: &Value, wanted: &str) -> bool {
    let conditions = status["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == wanted && condition["status"] == "True")
}

/// Groups of the Kubernetes project say by an annotation who has agreed to them.
fn approval(definition: &Object) -> Option<Condition> {
    let group = group(definition);
    let protected = ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|domain| group == *domain || group.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')));
    if !protected {
        return None;
    }
    let condition = |status, reason, message: String| Condition {
        condition: "KubernetesAPIApprovalPolicyConformant",
        status,
        reason,
        message,
        generation: None,
    };
    Some(match definition.annotation(APPROVED) {
        Some(why) if why.starts_with("unapproved") => {
            condition("False", "UnapprovedAnnotation", format!("not approved: {why:?}"))
        }
        Some(link) => condition("True", "ApprovedAnnotation", format!("approved in {link}")),
        None => condition(
            "False",
            "MissingAnnotation",
            format!("protected groups must have the annotation {APPROVED:?} with a link to their approval"),
        ),
    })
}

/// Deletes all instances, then lets the definition go.
fn clear(observed: &Observed<'_>, definition: &Arc<Object>) -> Outcome {
    if !definition.has_finalizer(CLEANUP) {
        return Outcome::done();
    }
    let instances = match instances(definition) {
        Some(resource) if has_condition(&definition.body["status"], "Established") => {
            let question = Question::List(resource.clone(), "".into(), Detail::Metadata);
            match observed.answers.get(&question) {
                None => return Outcome::ask(vec![question]),
                Some(Answer::List(items)) => Ok((resource, items.as_slice())),
                Some(Answer::Absent) => Ok((resource, &[][..])),
                Some(Answer::Failed(why)) => Err(why.clone()),
                Some(_) => Err("no list was answered".to_owned()),
            }
        }
        // Without a version that is served, or names, nobody can have made any.
        Some(resource) => Ok((resource, &[][..])),
        None => Err("no version is served, so that instances cannot be deleted".to_owned()),
    };
    let mut actions = Vec::new();
    let terminating = match instances {
        Ok((_, [])) => {
            let kept: Vec<&str> =
                definition.finalizers.iter().map(|name| &**name).filter(|name| *name != CLEANUP).collect();
            let mut patch = json!({ "metadata": identity(definition) });
            patch["metadata"]["finalizers"] = if kept.is_empty() { Value::Null } else { json!(kept) };
            return Outcome::act(vec![Action::Patch {
                target: definition.reference(),
                subresource: None,
                patch,
            }]);
        }
        Ok((resource, items)) => {
            actions.extend(deletions(&resource, items));
            let mut message = format!("{} of its objects remain", items.len());
            for failure in observed.failures.iter().take(3) {
                message.push_str("; ");
                message.push_str(&failure.message);
            }
            condition("Terminating", "True", "InstanceDeletionInProgress", &message)
        }
        Err(why) => condition(
            "Terminating",
            "True",
            "InstanceDeletionFailed",
            &format!("cannot list its objects: {why}"),
        ),
    };
    let mut changed = serde_json::Map::new();
    if let Some(conditions) = merged(&definition.body["status"]["conditions"], &[terminating], observed.now) {
        changed.insert("conditions".to_owned(), conditions.into());
    }
    actions.extend(write_status(definition, changed).actions);
    Outcome::act(actions).again(PATIENCE)
}

/// The kind that a definition defines, in a version that is served.
fn instances(definition: &Object) -> Option<Resource> {
    let spec = &definition.body["spec"];
    let served = spec["versions"].as_array()?.iter().find(|version| version["served"] == true)?;
    let scope = if spec["scope"] == "Cluster" { Scope::Cluster } else { Scope::Namespaced };
    let names = &spec["names"];
    let mut resource = Resource::new(
        group(definition),
        served["name"].as_str()?,
        names["kind"].as_str()?,
        names["plural"].as_str()?,
        scope,
    );
    resource.verbs = Verbs::ALL;
    Some(resource)
}

fn deletions(resource: &Resource, items: &[Value]) -> Vec<Action> {
    let alive = items.iter().filter(|item| item["metadata"]["deletionTimestamp"].is_null());
    if resource.scope == Scope::Namespaced {
        let namespaces: BTreeSet<&str> =
            alive.filter_map(|item| item["metadata"]["namespace"].as_str()).collect();
        return namespaces
            .into_iter()
            .map(|namespace| Action::DeleteCollection {
                resource: resource.clone(),
                namespace: namespace.into(),
            })
            .collect();
    }
    alive
        .filter_map(|item| {
            Some(Action::Delete {
                target: ObjectRef::new(&resource.id, "", item["metadata"]["name"].as_str()?),
                uid: item["metadata"]["uid"].as_str()?.into(),
                revision: None,
                propagation: Propagation::Background,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
