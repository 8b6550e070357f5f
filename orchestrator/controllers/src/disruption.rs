//! How many pods of a budget may be evicted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use guideway_api::selector::LabelSelector;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::action::{Action, Outcome};
use crate::conditions::{Condition, merged};
use crate::controller::{Controller, Interest, Observed};
use crate::kinds;
use crate::object::{Object, ObjectRef};
use crate::world::{Change, World};

/// How long a pod may be on its way out after its eviction was granted.
const EVICTION: Duration = Duration::from_secs(120);

/// Keeps the status of PodDisruptionBudgets. Its keys are budgets.
#[derive(Clone, Copy, Debug, Default)]
pub struct DisruptionController;

impl Controller for DisruptionController {
    fn name(&self) -> &'static str {
        "disruption"
    }

    fn interests(&self) -> Vec<Interest> {
        [
            kinds::pod_disruption_budgets(),
            kinds::pods(),
            kinds::deployments(),
            kinds::replica_sets(),
            kinds::stateful_sets(),
            kinds::replication_controllers(),
        ]
        .map(Interest::Kind)
        .into()
    }

    fn concerns(&self, world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        let Some(object) = change.object() else { return };
        let budgets = kinds::pod_disruption_budgets().id;
        if object.resource == budgets {
            enqueue(object.reference());
        } else if object.resource == kinds::pods().id {
            for budget in world.within(&budgets, &object.namespace) {
                if let Some(selector) = selector(budget)
                    && change.states().any(|pod| selector.matches(&pod.body["metadata"]["labels"]))
                {
                    enqueue(budget.reference());
                }
            }
        } else if self.interests().contains(&Interest::Kind(kind_of(object))) {
            // The scale of what pods belong to.
            for budget in world.within(&budgets, &object.namespace) {
                enqueue(budget.reference());
            }
        }
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        let Some(budget) = observed.world.object(key).filter(|budget| budget.deleting.is_none()) else {
            return Outcome::done();
        };
        let pods: Vec<&Arc<Object>> = match selector(budget) {
            None => Vec::new(),
            Some(selector) => observed
                .world
                .within(&kinds::pods().id, &key.namespace)
                .filter(|pod| selector.matches(&pod.body["metadata"]["labels"]))
                .filter(|pod| !matches!(pod.text(&["status", "phase"]), Some("Succeeded" | "Failed")))
                .collect(),
        };
        let status = &budget.body["status"];
        let (disrupted, again) = disrupted(&status["disruptedPods"], &pods, observed.now);
        let expectation = expectation(observed.world, budget, &pods);
        let generation = budget.body["metadata"]["generation"].as_i64().unwrap_or_default();
        let (mut wanted, condition) = match expectation {
            Err(why) => (json!({ "disruptionsAllowed": 0 }), ("False", "SyncFailed", why)),
            Ok((expected, desired)) => {
                let healthy = pods
                    .iter()
                    .filter(|pod| {
                        pod.deleting.is_none() && !disrupted.contains_key(&*pod.name) && is_ready(pod)
                    })
                    .count();
                let healthy = i64::try_from(healthy).unwrap_or(i64::MAX);
                let allowed = if expected > 0 { (healthy - desired).max(0) } else { 0 };
                let condition = if allowed > 0 {
                    ("True", "SufficientPods", String::new())
                } else {
                    ("False", "InsufficientPods", String::new())
                };
                let counts = json!({
                    "currentHealthy": healthy,
                    "desiredHealthy": desired,
                    "expectedPods": expected,
                    "disruptionsAllowed": allowed,
                });
                (counts, condition)
            }
        };
        wanted["observedGeneration"] = generation.into();
        let (state, reason, message) = condition;
        let condition = Condition {
            condition: "DisruptionAllowed",
            status: state,
            reason,
            message,
            generation: Some(generation),
        };
        let conditions = merged(&status["conditions"], &[condition], observed.now);
        let mut changed = Map::new();
        if let Value::Object(wanted) = wanted {
            changed.extend(wanted.into_iter().filter(|(field, value)| status.get(field) != Some(value)));
        }
        if let Some(conditions) = conditions {
            changed.insert("conditions".to_owned(), conditions.into());
        }
        let before = status["disruptedPods"].as_object();
        let gone: Map<String, Value> = before
            .into_iter()
            .flat_map(Map::keys)
            .filter(|name| !disrupted.contains_key(name.as_str()))
            .map(|name| (name.clone(), Value::Null))
            .collect();
        if !gone.is_empty() {
            changed.insert("disruptedPods".to_owned(), gone.into());
        }
        let mut outcome = Outcome { again, ..Outcome::default() };
        if !changed.is_empty() {
            outcome.actions.push(Action::Patch {
                target: key.clone(),
                subresource: Some("status"),
                patch: json!({
                    "metadata": { "uid": &*budget.uid, "resourceVersion": budget.revision.to_string() },
                    "status": changed,
                }),
            });
        }
        outcome
    }
}

fn kind_of(object: &Object) -> crate::Resource {
    [kinds::deployments(), kinds::replica_sets(), kinds::stateful_sets(), kinds::replication_controllers()]
        .into_iter()
        .find(|kind| kind.id == object.resource)
        .unwrap_or_else(kinds::namespaces)
}

/// The selector of a budget. Without one it selects nothing.
fn selector(budget: &Object) -> Option<LabelSelector> {
    let selector = budget.body["spec"].get("selector").filter(|selector| selector.is_object())?;
    LabelSelector::from_object(selector).ok()
}

fn is_ready(pod: &Object) -> bool {
    let conditions = pod.body["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Pods whose eviction was granted and that are still there, and when that has to be looked at again.
fn disrupted<'a>(
    listed: &'a Value,
    pods: &[&Arc<Object>],
    now: Timestamp,
) -> (BTreeMap<&'a str, Timestamp>, Option<Duration>) {
    let mut again: Option<Duration> = None;
    let mut disrupted = BTreeMap::new();
    for (name, time) in listed.as_object().into_iter().flatten() {
        let Some(granted) = time.as_str().and_then(|time| time.parse::<Timestamp>().ok()) else { continue };
        let there = pods.iter().any(|pod| *pod.name == **name && pod.deleting.is_none());
        let left =
            Duration::try_from((granted + EVICTION).duration_since(now)).ok().filter(|left| !left.is_zero());
        if let Some(left) = left.filter(|_| there) {
            again = Some(again.map_or(left, |again| again.min(left)));
            disrupted.insert(name.as_str(), granted);
        }
    }
    (disrupted, again)
}

/// How many pods there should be, and how many of them healthy.
fn expectation(world: &World, budget: &Object, pods: &[&Arc<Object>]) -> Result<(i64, i64), String> {
    let spec = &budget.body["spec"];
    let count = i64::try_from(pods.len()).unwrap_or(i64::MAX);
    if let Some(unavailable) = spec.get("maxUnavailable").filter(|value| !value.is_null()) {
        let expected = scale(world, pods)?;
        return Ok((expected, (expected - share(unavailable, expected)?).max(0)));
    }
    match spec.get("minAvailable").filter(|value| !value.is_null()) {
        None => Ok((count, 1)),
        Some(Value::Number(number)) => Ok((count, number.as_i64().unwrap_or_default())),
        Some(share_of) => {
            let expected = scale(world, pods)?;
            Ok((expected, share(share_of, expected)?))
        }
    }
}

/// A number, or per cent of `of`, rounded up.
fn share(value: &Value, of: i64) -> Result<i64, String> {
    if let Some(number) = value.as_i64() {
        return Ok(number);
    }
    let text = value.as_str().unwrap_or_default();
    let percent = text.strip_suffix('%').and_then(|number| number.parse::<i64>().ok());
    let percent = percent.filter(|percent| (0..=100).contains(percent));
    let percent = percent.ok_or_else(|| format!("{value} is neither a number nor per cent"))?;
    Ok((of.saturating_mul(percent) + 99) / 100)
}

/// The sum of the replicas of what the pods belong to. Pods without a controller do not count.
fn scale(world: &World, pods: &[&Arc<Object>]) -> Result<i64, String> {
    let mut controllers: BTreeMap<Arc<str>, i64> = BTreeMap::new();
    for pod in pods {
        let Some(owner) = pod.controller() else { continue };
        if controllers.contains_key(&owner.uid) {
            continue;
        }
        let found = scaled(world, &pod.namespace, owner).ok_or_else(|| {
            format!("the scale of {} {} is not known (pod {})", owner.kind, owner.name, pod.name)
        })?;
        // A ReplicaSet of a Deployment counts as that.
        let top = found.controller().and_then(|owner| scaled(world, &pod.namespace, owner)).unwrap_or(found);
        let replicas = top.body["spec"]["replicas"].as_i64().unwrap_or(1);
        controllers.insert(owner.uid.clone(), 0);
        controllers.insert(top.uid.clone(), replicas);
    }
    Ok(controllers.into_values().sum())
}

fn scaled<'a>(world: &'a World, namespace: &str, owner: &crate::OwnerReference) -> Option<&'a Arc<Object>> {
    let kinds = [
        kinds::deployments(),
        kinds::replica_sets(),
        kinds::stateful_sets(),
        kinds::replication_controllers(),
    ];
    let kind =
        kinds.into_iter().find(|kind| *kind.kind == *owner.kind && *kind.id.group == *owner.group())?;
    world.get(&kind.id, namespace, &owner.name).filter(|object| object.uid == owner.uid)
}

#[cfg(test)]
mod tests;
