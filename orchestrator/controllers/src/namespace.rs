//! Namespaces that are being deleted: everything in them goes, then they do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::action::{Action, Outcome};
use crate::conditions::{Condition, merged};
use crate::controller::{Answer, Controller, Interest, Observed, Question};
use crate::kinds;
use crate::object::{Object, ObjectRef};
use crate::resource::{GroupResource, Resource, Scope};
use crate::world::{Change, Detail, World};

/// The finalizer in `spec.finalizers` that this controller takes out.
const KUBERNETES: &str = "kubernetes";
/// When what remains is looked at again, if nothing tells of it: kinds that cannot be watched.
const PATIENCE: Duration = Duration::from_secs(5);

/// Empties and finalizes namespaces. Its keys are namespaces.
///
/// Whether something is left is asked of the API, kind by kind, not of a cache: a namespace never goes while it holds
/// anything that the API can list.
#[derive(Clone, Copy, Debug, Default)]
pub struct NamespaceController;

impl Controller for NamespaceController {
    fn name(&self) -> &'static str {
        "namespace"
    }

    fn interests(&self) -> Vec<Interest> {
        vec![Interest::Kind(kinds::namespaces()), Interest::Everything]
    }

    fn concerns(&self, world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        let Some(object) = change.object() else { return };
        let namespaces = kinds::namespaces().id;
        if object.resource == namespaces {
            if object.deleting.is_some() && change.new.is_some() {
                enqueue(object.reference());
            }
        } else if change.new.is_none()
            && !object.namespace.is_empty()
            && world.within(&object.resource, &object.namespace).next().is_none()
            && let Some(namespace) = world.get(&namespaces, "", &object.namespace)
            && namespace.deleting.is_some()
        {
            enqueue(namespace.reference());
        }
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        let Some(namespace) = observed.world.object(key).filter(|namespace| namespace.deleting.is_some())
        else {
            return Outcome::done();
        };
        let ours = |finalizers: &Value| {
            finalizers.as_array().is_some_and(|list| list.iter().any(|finalizer| finalizer == KUBERNETES))
        };
        if !ours(&namespace.body["spec"]["finalizers"]) {
            return Outcome::done();
        }
        let discovery = match observed.answers.get(&Question::Discover) {
            None => return Outcome::ask(vec![Question::Discover]),
            Some(Answer::Discovery(discovery)) => discovery.clone(),
            Some(Answer::Failed(why)) => {
                let mut discovery = observed.world.discovery().clone();
                discovery.failed.push(("all groups".to_owned(), why.clone()));
                discovery
            }
            Some(_) => return Outcome::done().again(PATIENCE),
        };
        let listed: Vec<&Resource> = discovery.resources.iter().filter(|resource| holds(resource)).collect();
        let questions: Vec<Question> = listed
            .iter()
            .map(|resource| Question::List((*resource).clone(), namespace.name.clone(), Detail::Metadata))
            .filter(|question| !observed.answers.contains_key(question))
            .collect();
        if !questions.is_empty() {
            return Outcome::ask(questions);
        }

        let mut remains = Remains::default();
        let mut actions = Vec::new();
        let mut pods_remain = false;
        for resource in listed {
            match observed.answers.get(&Question::List(
                (*resource).clone(),
                namespace.name.clone(),
                Detail::Metadata,
            )) {
                Some(Answer::List(items)) if !items.is_empty() => {
                    remains.count(resource, items);
                    pods_remain |= resource.id == kinds::pods().id;
                    if items.iter().any(|item| item["metadata"]["deletionTimestamp"].is_null()) {
                        actions.extend(deletions(resource, &namespace.name, items));
                    }
                }
                Some(Answer::Failed(why)) => remains.failed.push(format!("{}: {why}", resource.id)),
                _ => {}
            }
        }
        // Pods first, as what they use must not go before them.
        if pods_remain {
            actions.retain(concerns_pods);
        }
        for failure in observed.failures {
            remains.failed.push(format!("{}: {}", failure.resource, failure.message));
        }
        let failed_discovery: Vec<String> =
            discovery.failed.iter().map(|(group, why)| format!("{group}: {why}")).collect();
        let conditions = remains.conditions(&failed_discovery);
        let conditions = merged(&namespace.body["status"]["conditions"], &conditions, observed.now);
        let is_empty = failed_discovery.is_empty() && remains.is_nothing();
        // One that others hold is seen for some time yet: it says first that it is empty.
        let is_held = others_hold(namespace);
        if is_empty && !(is_held && conditions.is_some()) {
            let mut body = namespace.body.clone();
            if let Some(list) = body["spec"]["finalizers"].as_array_mut() {
                list.retain(|finalizer| finalizer != KUBERNETES);
            }
            return Outcome::act(vec![Action::Finalize { namespace: body }]);
        }
        if let Some(conditions) = conditions {
            actions.push(Action::Patch {
                target: key.clone(),
                subresource: Some("status"),
                patch: json!({
                    "metadata": {
                        "uid": &*namespace.uid,
                        "resourceVersion": namespace.revision.to_string(),
                    },
                    "status": { "conditions": conditions },
                }),
            });
        }
        Outcome::act(actions).again(PATIENCE)
    }
}

/// Whether somebody else has to let go of the namespace, too.
fn others_hold(namespace: &Object) -> bool {
    let own = namespace.body["spec"]["finalizers"].as_array();
    !namespace.finalizers.is_empty() || own.into_iter().flatten().any(|finalizer| finalizer != KUBERNETES)
}

/// Whether a namespace can hold objects of this kind that would have to go.
fn holds(resource: &Resource) -> bool {
    resource.scope == Scope::Namespaced && resource.verbs.list && resource.verbs.delete
}

fn concerns_pods(action: &Action) -> bool {
    let pods = kinds::pods().id;
    match action {
        Action::DeleteCollection { resource, .. } => resource.id == pods,
        Action::Delete { target, .. } => target.resource == pods,
        _ => true,
    }
}

fn deletions(resource: &Resource, namespace: &std::sync::Arc<str>, items: &[Value]) -> Vec<Action> {
    if resource.verbs.delete_collection {
        return vec![Action::DeleteCollection { resource: resource.clone(), namespace: namespace.clone() }];
    }
    items
        .iter()
        .filter(|item| item["metadata"]["deletionTimestamp"].is_null())
        .filter_map(|item| {
            Some(Action::Delete {
                target: ObjectRef::new(&resource.id, namespace, item["metadata"]["name"].as_str()?),
                uid: item["metadata"]["uid"].as_str()?.into(),
                revision: None,
                propagation: crate::Propagation::Background,
            })
        })
        .collect()
}

#[derive(Default)]
struct Remains {
    resources: BTreeMap<GroupResource, usize>,
    finalizers: BTreeMap<String, BTreeSet<(GroupResource, String)>>,
    failed: Vec<String>,
}

impl Remains {
    fn count(&mut self, resource: &Resource, items: &[Value]) {
        self.resources.insert(resource.id.clone(), items.len());
        for item in items {
            for finalizer in item["metadata"]["finalizers"].as_array().into_iter().flatten() {
                if let (Some(finalizer), Some(name)) = (finalizer.as_str(), item["metadata"]["name"].as_str())
                {
                    let who = (resource.id.clone(), name.to_owned());
                    self.finalizers.entry(finalizer.to_owned()).or_default().insert(who);
                }
            }
        }
    }

    fn is_nothing(&self) -> bool {
        self.resources.is_empty() && self.failed.is_empty()
    }

    fn conditions(&self, failed_discovery: &[String]) -> Vec<Condition> {
        let condition =
            |condition, (bad, good): (&'static str, &'static str), trouble: Option<String>, fine: &str| {
                let status = if trouble.is_some() { "True" } else { "False" };
                Condition {
                    condition,
                    status,
                    reason: if trouble.is_some() { bad } else { good },
                    message: trouble.unwrap_or_else(|| fine.to_owned()),
                    generation: None,
                }
            };
        let some = |list: Vec<String>, before: &str, between: &str| {
            (!list.is_empty()).then(|| format!("{before}{}", list.join(between)))
        };
        let resources = self
            .resources
            .iter()
            .map(|(id, count)| format!("{}.{} has {count} resource instances", id.plural, id.group));
        let finalizers =
            self.finalizers.iter().map(|(name, who)| format!("{name} in {} resource instances", who.len()));
        vec![
            condition(
                "NamespaceDeletionDiscoveryFailure",
                ("DiscoveryFailed", "ResourcesDiscovered"),
                some(
                    failed_discovery.to_vec(),
                    &format!("Discovery failed for some groups, {} failing: ", failed_discovery.len()),
                    "; ",
                ),
                "All resources successfully discovered",
            ),
            condition(
                "NamespaceDeletionGroupVersionParsingFailure",
                ("GroupVersionParsingFailed", "ParsedGroupVersions"),
                None,
                "All legacy kube types successfully parsed",
            ),
            condition(
                "NamespaceDeletionContentFailure",
                ("ContentDeletionFailed", "ContentDeleted"),
                some(
                    self.failed.clone(),
                    &format!("Failed to delete all resource types, {} remaining: ", self.failed.len()),
                    "; ",
                ),
                "All content successfully deleted, may be waiting on finalization",
            ),
            condition(
                "NamespaceContentRemaining",
                ("SomeResourcesRemain", "ContentRemoved"),
                some(resources.collect(), "Some resources are remaining: ", ", "),
                "All content successfully removed",
            ),
            condition(
                "NamespaceFinalizersRemaining",
                ("SomeFinalizersRemain", "ContentHasNoFinalizers"),
                some(finalizers.collect(), "Some content in the namespace has finalizers remaining: ", ", "),
                "All content-preserving finalizers finished",
            ),
        ]
    }
}

#[cfg(test)]
mod tests;
