//! What is said about custom resources: the condition `Valid` of Guideway's own, an Event for what is wrong with any.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use guideway_controller_crds::Kind;
use guideway_controller_crds::guideway::status::{Condition, ConditionStatus, VALID};
use guideway_controller_rollout::coordinator::{Role, State};
use jiff::{Timestamp, Unit};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Resource as _, ResourceExt as _};
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::REPORTER;

/// Who the condition is from: another one than whoever writes further conditions.
const MANAGER: &str = "lb-controller-valid";
const TIMEOUT: Duration = Duration::from_secs(10);
/// Before what could not be written is tried again.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest text of a condition or Event.
const MAX_TEXT: usize = 1024;

/// What is to be said about an object.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    kind: Kind,
    resource: ApiResource,
    name: String,
    about: ObjectReference,
    generation: Option<i64>,
    /// What is wrong; empty: nothing.
    errors: String,
    /// What is said by now.
    said: Option<Condition>,
}

impl Verdict {
    /// About an object with these errors.
    pub(crate) fn new(kind: Kind, resource: &ApiResource, object: &DynamicObject, errors: &[String]) -> Self {
        let conditions = object.data["status"]["conditions"].as_array();
        let said = conditions.into_iter().flatten().find(|condition| condition["type"] == VALID);
        let errors: String = errors.join("; ").chars().take(MAX_TEXT).collect();
        Self {
            kind,
            resource: resource.clone(),
            name: object.name_any(),
            about: object.object_ref(resource),
            generation: object.metadata.generation,
            errors,
            said: said.and_then(|condition| serde_json::from_value(condition.clone()).ok()),
        }
    }

    /// MetalLB's kinds have no such condition, and the status of the Rollout is the record's.
    fn has_condition(&self) -> bool {
        self.kind.group() == "guideway.dev" && self.kind != Kind::Rollout
    }

    fn status(&self) -> ConditionStatus {
        if self.errors.is_empty() { ConditionStatus::True } else { ConditionStatus::False }
    }

    /// Whether there is nothing to be written.
    fn is_said(&self) -> bool {
        if !self.has_condition() {
            return self.errors.is_empty();
        }
        self.said.as_ref().is_some_and(|said| {
            said.status == self.status()
                && said.message == self.errors
                && said.observed_generation == self.generation
        })
    }

    fn condition(&self, now: String) -> Condition {
        let before = self.said.as_ref().filter(|said| said.status == self.status());
        Condition {
            r#type: VALID.to_owned(),
            status: self.status(),
            reason: if self.errors.is_empty() { "Understood" } else { "Invalid" }.to_owned(),
            message: self.errors.clone(),
            observed_generation: self.generation,
            last_transition_time: before.map_or(now, |said| said.last_transition_time.clone()),
        }
    }
}

/// Writes what sources send, as long as the controller leads. Ends with them.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    identity: String,
    mut state: watch::Receiver<Arc<State>>,
    mut verdicts: mpsc::Receiver<Verdict>,
) {
    let reporter = Reporter { controller: REPORTER.to_owned(), instance: Some(identity) };
    let recorder = Recorder::new(client.clone(), reporter);
    let mut waiting: BTreeMap<(Kind, String), Verdict> = BTreeMap::new();
    loop {
        let leads = matches!(state.borrow_and_update().role, Role::Leading(_));
        if leads {
            let mut failed = BTreeMap::new();
            for (key, verdict) in std::mem::take(&mut waiting) {
                if let Err(error) = say(&client, &namespace, &recorder, &verdict).await {
                    tracing::debug!(kind = key.0.as_str(), name = key.1, error, "cannot be told");
                    failed.insert(key, verdict);
                }
            }
            waiting = failed;
        }
        tokio::select! {
            verdict = verdicts.recv() => {
                let Some(verdict) = verdict else { return };
                let key = (verdict.kind, verdict.name.clone());
                if verdict.is_said() {
                    waiting.remove(&key);
                } else {
                    waiting.insert(key, verdict);
                }
            }
            changed = state.changed(), if !leads => if changed.is_err() { return },
            () = tokio::time::sleep(PAUSE), if leads => {}
        }
    }
}

async fn say(client: &Client, namespace: &str, recorder: &Recorder, verdict: &Verdict) -> Result<(), String> {
    let late = |_| format!("no answer within {TIMEOUT:?}");
    if verdict.has_condition() {
        let now = Timestamp::now();
        let now = now.round(Unit::Second).unwrap_or(now).to_string();
        let patch = json!({
            "apiVersion": verdict.resource.api_version,
            "kind": verdict.resource.kind,
            // An object that is another one by now is not touched, nor is one made that is gone.
            "metadata": { "name": verdict.name, "uid": verdict.about.uid },
            "status": { "conditions": [verdict.condition(now)] },
        });
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &verdict.resource);
        let params = PatchParams::apply(MANAGER).force();
        let patch = Patch::Apply(&patch);
        let request = api.patch_status(&verdict.name, &params, &patch);
        match tokio::time::timeout(TIMEOUT, request).await.map_err(late)? {
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => return Ok(()),
            Err(error) => return Err(error.to_string()),
            Ok(_) => {}
        }
    }
    if verdict.errors.is_empty() {
        return Ok(());
    }
    let event = Event {
        type_: EventType::Warning,
        reason: "Invalid".to_owned(),
        note: Some(verdict.errors.clone()),
        action: "Read".to_owned(),
        secondary: None,
    };
    let published = tokio::time::timeout(TIMEOUT, recorder.publish(&event, &verdict.about)).await;
    published.map_err(late)?.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_not_said_again() {
        let resource = ApiResource {
            group: "guideway.dev".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: "guideway.dev/v1alpha1".to_owned(),
            kind: "Shard".to_owned(),
            plural: "shards".to_owned(),
        };
        let mut object = DynamicObject::new("gold", &resource);
        object.metadata.generation = Some(3);
        object.data = json!({ "spec": {} });
        let verdict = |object: &DynamicObject, errors: &[&str]| {
            let errors: Vec<String> = errors.iter().map(|&error| error.to_owned()).collect();
            Verdict::new(Kind::Shard, &resource, object, &errors)
        };
        assert!(!verdict(&object, &[]).is_said());
        let wrong = verdict(&object, &["spec.a: x", "spec.b: y"]);
        let condition = wrong.condition("2026-01-01T00:00:00Z".to_owned());
        assert_eq!(condition.message, "spec.a: x; spec.b: y");
        object.data["status"] = json!({ "conditions": [condition] });
        assert!(verdict(&object, &["spec.a: x", "spec.b: y"]).is_said());
        let other = verdict(&object, &["spec.a: x"]);
        assert!(!other.is_said());
        let later = other.condition("2026-02-02T00:00:00Z".to_owned());
        assert_eq!(later.last_transition_time, "2026-01-01T00:00:00Z", "it was wrong before");
        let right = verdict(&object, &[]).condition("2026-02-02T00:00:00Z".to_owned());
        assert_eq!(right.last_transition_time, "2026-02-02T00:00:00Z");
        object.metadata.generation = Some(4);
        assert!(!verdict(&object, &["spec.a: x", "spec.b: y"]).is_said());
        let pool = Verdict::new(Kind::IpAddressPool, &resource, &object, &[]);
        assert!(pool.is_said(), "MetalLB's have Events only");
    }
}
