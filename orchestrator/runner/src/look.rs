//! A look at a key: from what is known to what is to be done, and doing it.

use std::sync::Arc;
use std::time::Duration;

use guideway_controllers::{
    Action, Answers, Event, EventType, Failure, GroupResource, ObjectRef, Observed, Outcome,
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::api::{self, ApiError};
use crate::queue::End;
use crate::shared::{Running, Shared};

/// Questions that lead to questions: more rounds than any controller needs.
const ROUNDS: usize = 8;
/// How long a write may take to come back through the informer before the key is looked at all the same.
const CATCH_UP: Duration = Duration::from_secs(5);

/// A write that informers have not shown yet.
enum Pending {
    Revision(GroupResource, u64),
    Gone(ObjectRef, Arc<str>),
}

/// Looks at one key, with what failed the last time, and says how it ended and what failed this time.
///
/// When `leading` is cancelled, no further action is begun.
pub(crate) async fn look(
    shared: &Shared,
    running: &Running,
    key: &ObjectRef,
    failures: &[Failure],
    leading: &CancellationToken,
) -> (End, Vec<Failure>) {
    let outcome = match decide(shared, running, key, failures).await {
        Some(outcome) => outcome,
        None => {
            let message = "questions without an end".to_owned();
            return (End::Failed, vec![Failure { resource: key.resource.clone(), message }]);
        }
    };
    let mut pending = Vec::new();
    let mut failed = Vec::new();
    let mut retry = false;
    for action in &outcome.actions {
        if leading.is_cancelled() {
            return (End::Failed, failed);
        }
        let independent =
            matches!(action, Action::Delete { .. } | Action::DeleteCollection { .. } | Action::Event(_));
        match act(shared, action).await {
            Ok(write) => {
                shared.config.metrics.actions.get_or_create(&running.name).inc();
                pending.extend(write);
            }
            // Somebody was faster: what they did is about to be seen.
            Err(error) if error.code() == 409 => {
                tracing::debug!(controller = running.name.controller, %key, %error, "out of date");
                retry = true;
            }
            Err(error) if error.is_terminating_namespace() => {}
            Err(error) => {
                shared.config.metrics.errors.get_or_create(&running.name).inc();
                tracing::warn!(controller = running.name.controller, %key, error = %describe(&error), "action failed");
                failed.push(Failure { resource: subject(action, key), message: error.to_string() });
            }
        }
        if !independent && (retry || !failed.is_empty()) {
            break;
        }
    }
    catch_up(shared, &pending).await;
    let end = match outcome.again {
        _ if retry || !failed.is_empty() => End::Failed,
        Some(delay) => End::Again(delay),
        None => End::Settled,
    };
    (end, failed)
}

/// Asks until there are no questions left.
async fn decide(
    shared: &Shared,
    running: &Running,
    key: &ObjectRef,
    failures: &[Failure],
) -> Option<Outcome> {
    let mut answers = Answers::new();
    for _ in 0..ROUNDS {
        let (outcome, questions) = {
            let world = shared.world();
            let observed = Observed { world: &world, answers: &answers, failures, now: Timestamp::now() };
            let mut outcome = running.controller.reconcile(&observed, key);
            let questions: Vec<_> = outcome
                .questions
                .drain(..)
                .map(|question| {
                    let about = api::about(&world, &question);
                    (question, about)
                })
                .collect();
            (outcome, questions)
        };
        if questions.is_empty() {
            return Some(outcome);
        }
        answers.extend(api::answers(&shared.client, questions).await);
    }
    None
}

async fn act(shared: &Shared, action: &Action) -> Result<Option<Pending>, ApiError> {
    let client = &shared.client;
    match action {
        Action::Create { resource, object } => {
            api::create(client, resource, object).await.map(|object| written(&resource.id, &object))
        }
        Action::Patch { target, subresource, patch } => {
            let Some(resource) = shared.world().resource(&target.resource).cloned() else { return Ok(None) };
            absent_is_fine(api::patch(client, &resource, target, *subresource, patch).await)
                .map(|object| object.and_then(|object| written(&target.resource, &object)))
        }
        Action::Delete { target, uid, revision, propagation } => {
            let Some(resource) = shared.world().resource(&target.resource).cloned() else { return Ok(None) };
            let answer = api::delete(client, &resource, target, uid, *revision, *propagation).await;
            Ok(Some(match absent_is_fine(answer)? {
                Some(object) if object["kind"] != "Status" => match written(&target.resource, &object) {
                    Some(pending) => pending,
                    None => return Ok(None),
                },
                _ => Pending::Gone(target.clone(), uid.clone()),
            }))
        }
        Action::DeleteCollection { resource, namespace } => {
            absent_is_fine(api::delete_collection(client, resource, namespace).await).map(|_| None)
        }
        Action::Finalize { namespace } => {
            let resource = guideway_controllers::kinds::namespaces();
            absent_is_fine(api::replace(client, &resource, Some("finalize"), namespace).await).map(|_| None)
        }
        Action::FillTokenSecret { secret, account } => {
            let (Some(signer), Some(certificates)) = (&shared.config.token_signer, &shared.config.root_ca)
            else {
                return Ok(None);
            };
            let resource = guideway_controllers::kinds::secrets();
            match signer(account, secret) {
                Err(error) => {
                    tracing::warn!(secret = %secret.reference(), %error, "no token could be made");
                    Ok(None)
                }
                Ok(token) => {
                    let patch = guideway_controllers::token::filled(secret, account, &token, certificates);
                    absent_is_fine(api::patch(client, &resource, &secret.reference(), None, &patch).await)
                        .map(|object| object.and_then(|object| written(&resource.id, &object)))
                }
            }
        }
        Action::Event(event) => {
            publish(shared, event).await;
            Ok(None)
        }
    }
}

fn absent_is_fine(answer: Result<Value, ApiError>) -> Result<Option<Value>, ApiError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

fn written(resource: &GroupResource, object: &Value) -> Option<Pending> {
    let revision = object["metadata"]["resourceVersion"].as_str()?.parse().ok()?;
    Some(Pending::Revision(resource.clone(), revision))
}

/// Waits until informers have shown what was written, so that the next look does not do it again.
async fn catch_up(shared: &Shared, pending: &[Pending]) {
    if pending.is_empty() {
        return;
    }
    let mut changes = shared.changes();
    let seen = || {
        let world = shared.world();
        pending.iter().all(|pending| match pending {
            Pending::Revision(resource, revision) => {
                !world.watches(resource) || world.revision(resource) >= *revision
            }
            Pending::Gone(object, uid) => {
                world.object(object).is_none_or(|object| object.uid != *uid || object.deleting.is_some())
            }
        })
    };
    let wait = async {
        while !seen() {
            if changes.changed().await.is_err() {
                break;
            }
        }
    };
    if tokio::time::timeout(CATCH_UP, wait).await.is_err() {
        tracing::debug!("a write has not come back through its watch");
    }
}

async fn publish(shared: &Shared, event: &Event) {
    let reference = ObjectReference {
        api_version: Some(event.api_version.clone()),
        kind: Some(event.kind.to_string()),
        namespace: Some(event.regarding.namespace.to_string()).filter(|namespace| !namespace.is_empty()),
        name: Some(event.regarding.name.to_string()),
        uid: Some(event.uid.to_string()),
        ..ObjectReference::default()
    };
    let event = events::Event {
        type_: match event.event_type {
            EventType::Normal => events::EventType::Normal,
            EventType::Warning => events::EventType::Warning,
        },
        reason: event.reason.to_owned(),
        note: Some(event.note.clone()),
        action: event.action.to_owned(),
        secondary: None,
    };
    let published = tokio::time::timeout(api::TIMEOUT, shared.recorder.publish(&event, &reference)).await;
    if !matches!(published, Ok(Ok(()))) {
        tracing::debug!(reason = event.reason, "an Event was lost");
    }
}

fn subject(action: &Action, key: &ObjectRef) -> GroupResource {
    match action {
        Action::Create { resource, .. } | Action::DeleteCollection { resource, .. } => resource.id.clone(),
        Action::Patch { target, .. } | Action::Delete { target, .. } => target.resource.clone(),
        Action::Finalize { .. } | Action::FillTokenSecret { .. } | Action::Event(_) => key.resource.clone(),
    }
}

/// An error with what is behind it.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
