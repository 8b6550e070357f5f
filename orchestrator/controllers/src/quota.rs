//! What quotas have used, counted anew when something goes.
//!
//! Whoever creates something charges it to its quota in the same transaction, so this only ever gives back. The count is
//! of lists that are newer than the quota, and written on the condition that the quota is still the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use guideway_access::Objects;
use guideway_access::quota::{counted_resources, recount};
use serde_json::{Map, Value, json};

use crate::action::{Action, Outcome};
use crate::controller::{Answer, Controller, Interest, Observed, Question};
use crate::kinds;
use crate::object::{Object, ObjectRef};
use crate::resource::GroupResource;
use crate::world::{Change, Detail, World};

/// Counted anew at least this often: objects may come to use less without going.
const PERIOD: Duration = Duration::from_secs(300);

/// Counts what quotas have used. Its keys are quotas.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuotaController;

impl Controller for QuotaController {
    fn name(&self) -> &'static str {
        "resourcequota"
    }

    fn interests(&self) -> Vec<Interest> {
        vec![
            Interest::Kind(kinds::resource_quotas()),
            Interest::Kind(kinds::pods()),
            Interest::Kind(kinds::services()),
            Interest::Everything,
        ]
    }

    fn concerns(&self, world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        let Some(object) = change.object() else { return };
        let quotas = kinds::resource_quotas().id;
        if object.resource == quotas {
            if change.new.as_ref().is_some_and(|new| is_news(change.old.as_deref(), new)) {
                enqueue(object.reference());
            }
        } else if gives_back(change) {
            let kind = (object.resource.group.to_string(), object.resource.plural.to_string());
            for quota in world.within(&quotas, &object.namespace) {
                if counted_resources(&quota.body).contains(&kind) {
                    enqueue(quota.reference());
                }
            }
        }
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        let Some(quota) = observed.world.object(key).filter(|quota| quota.deleting.is_none()) else {
            return Outcome::done();
        };
        let mut questions = Vec::new();
        let mut lists = Lists::default();
        for (group, plural) in counted_resources(&quota.body) {
            // A kind that is not served has no objects.
            let Some(resource) = observed.world.resource(&GroupResource::new(&group, &plural)) else {
                continue;
            };
            let question = Question::List(resource.clone(), key.namespace.clone(), Detail::Body);
            match observed.answers.get(&question) {
                None => questions.push(question),
                Some(Answer::List(items)) => {
                    lists.0.insert((group, plural), items.iter().cloned().map(Arc::new).collect());
                }
                Some(Answer::Absent) => {}
                Some(_) => return Outcome::done().again(Duration::from_secs(10)),
            }
        }
        if !questions.is_empty() {
            return Outcome::ask(questions);
        }
        let Some(counted) = recount(&quota.body, &lists) else {
            return Outcome::done().again(PERIOD);
        };
        let status: Map<String, Value> = ["hard", "used"]
            .into_iter()
            .map(|field| {
                (field.to_owned(), replaced(&quota.body["status"][field], &counted["status"][field]))
            })
            .collect();
        let patch = json!({
            "metadata": { "uid": &*quota.uid, "resourceVersion": quota.revision.to_string() },
            "status": status,
        });
        let action = Action::Patch { target: key.clone(), subresource: Some("status"), patch };
        Outcome::act(vec![action]).again(PERIOD)
    }
}

/// Whether a quota asks for something else than before, or says so of itself. What is charged to it is no news.
fn is_news(old: Option<&Object>, new: &Object) -> bool {
    old.is_none_or(|old| old.uid != new.uid || old.body["spec"] != new.body["spec"])
        || new.body["status"]["hard"] != new.body["spec"]["hard"]
}

/// Whether something may use less than before.
fn gives_back(change: &Change) -> bool {
    match (&change.old, &change.new) {
        (Some(_), None) => true,
        (Some(old), Some(new)) if old.resource == kinds::pods().id => {
            let phase = ["status", "phase"];
            old.uid != new.uid || old.text(&phase) != new.text(&phase)
        }
        (Some(old), Some(new)) if old.resource == kinds::services().id => {
            old.body["spec"] != new.body["spec"]
        }
        (Some(old), Some(new)) => old.uid != new.uid,
        (None, _) => false,
    }
}

/// A map as a merge patch that leaves nothing of the old one.
fn replaced(old: &Value, new: &Value) -> Value {
    let gone: BTreeSet<&String> = old.as_object().into_iter().flat_map(Map::keys).collect();
    let mut map: Map<String, Value> = gone.into_iter().map(|name| (name.clone(), Value::Null)).collect();
    map.extend(new.as_object().cloned().unwrap_or_default());
    map.into()
}

/// Lists of one namespace.
#[derive(Default)]
struct Lists(BTreeMap<(String, String), Vec<Arc<Value>>>);

impl Objects for Lists {
    fn get(&self, group: &str, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.list(group, resource, namespace).into_iter().find(|object| object["metadata"]["name"] == name)
    }

    fn list(&self, group: &str, resource: &str, _: &str) -> Vec<Arc<Value>> {
        self.0.get(&(group.to_owned(), resource.to_owned())).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::Answers;
    use crate::world::Seen;
    use jiff::Timestamp;

    fn quota(used: &str) -> Value {
        json!({
            "metadata": { "name": "q", "namespace": "default", "uid": "u", "resourceVersion": "7" },
            "spec": { "hard": { "configmaps": "5" } },
            "status": { "hard": { "configmaps": "5" }, "used": { "configmaps": used, "pods": "1" } },
        })
    }

    #[test]
    fn what_is_gone_is_given_back() {
        let mut world = World::new();
        world.watch(&kinds::resource_quotas(), Detail::Body);
        world.watch(&kinds::config_maps(), Detail::Metadata);
        world.see(&kinds::resource_quotas().id, Seen::Applied(quota("3"))).unwrap();
        let key = ObjectRef::new(&kinds::resource_quotas().id, "default", "q");
        let mut answers = Answers::new();
        let look = |answers: &Answers| {
            let observed = Observed { world: &world, answers, failures: &[], now: Timestamp::UNIX_EPOCH };
            QuotaController.reconcile(&observed, &key)
        };
        let questions = look(&answers).questions;
        assert_eq!(questions.len(), 1);
        let two = Answer::List(vec![
            json!({ "metadata": { "name": "a" } }),
            json!({ "metadata": { "name": "b" } }),
        ]);
        answers.insert(questions[0].clone(), two);
        let actions = look(&answers).actions;
        let [Action::Patch { subresource: Some("status"), patch, .. }] = &actions[..] else {
            panic!("{actions:?}")
        };
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
        assert_eq!(patch["status"]["used"], json!({ "configmaps": "2", "pods": null }));
        // An answer that nobody could give changes nothing.
        answers.insert(questions[0].clone(), Answer::Failed("no".to_owned()));
        assert_eq!(look(&answers).actions, []);
    }

    #[test]
    fn charges_are_no_news() {
        let object = |used| Object::new(&kinds::resource_quotas(), quota(used)).unwrap();
        assert!(is_news(None, &object("1")));
        assert!(!is_news(Some(&object("1")), &object("2")));
    }
}
