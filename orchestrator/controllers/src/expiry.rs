//! What has had its time: Events, bootstrap tokens, requests for certificates, Leases of nodes and API servers that are
//! gone.
//!
//! One key for each kind: all of it is looked at when the next of them may be due.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use jiff::Timestamp;
use serde_json::Value;

use crate::action::{Action, Outcome, Propagation};
use crate::controller::{Answer, Controller, Interest, Observed, Question};
use crate::kinds;
use crate::object::{Object, ObjectRef};
use crate::resource::Resource;
use crate::world::{Change, World};

/// At most so many deletions at a time, so that others get a turn.
const BATCH: usize = 500;
/// Never looked at more often than this.
const LEAST: Duration = Duration::from_secs(1);
/// And never less often.
const MOST: Duration = Duration::from_secs(60);

const HOUR: Duration = Duration::from_secs(3600);

/// Deletes what has expired. A key is the kind, without a name.
#[derive(Clone, Copy, Debug)]
pub struct Expiry {
    /// How long an Event lives after it was last written.
    pub events: Duration,
}

impl Default for Expiry {
    fn default() -> Self {
        Self { events: HOUR }
    }
}

/// Until when an object may stay.
enum Due {
    /// For ever.
    Never,
    /// Until then.
    At(Timestamp),
    /// Until then, if this does not exist.
    Unless(Timestamp, ObjectRef),
}

impl Controller for Expiry {
    fn name(&self) -> &'static str {
        "expiry"
    }

    fn interests(&self) -> Vec<Interest> {
        kinds_that_expire().into_iter().chain([kinds::nodes()]).map(Interest::Kind).collect()
    }

    fn concerns(&self, _: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        // The first of a kind starts its round, which then goes on by itself.
        if let (None, Some(new)) = (&change.old, &change.new)
            && kinds_that_expire().iter().any(|kind| kind.id == new.resource)
        {
            enqueue(ObjectRef::new(&new.resource, "", ""));
        }
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        let mut questions = Vec::new();
        let mut actions = Vec::new();
        let mut next: Option<Timestamp> = None;
        let mut soon = |time: Timestamp| next = Some(next.map_or(time, |next| next.min(time)));
        for object in observed.world.all(&key.resource).filter(|object| object.deleting.is_none()) {
            let gone = match self.due(object) {
                Due::Never => continue,
                Due::At(time) if time > observed.now => {
                    soon(time);
                    continue;
                }
                Due::At(_) => true,
                Due::Unless(_, place) if observed.world.object(&place).is_some() => continue,
                Due::Unless(time, _) if time > observed.now => {
                    soon(time);
                    continue;
                }
                Due::Unless(_, place) => {
                    let question = Question::Get(place);
                    match observed.answers.get(&question) {
                        None => {
                            questions.push(question);
                            false
                        }
                        Some(answer) => *answer == Answer::Absent,
                    }
                }
            };
            if gone {
                actions.push(Action::Delete {
                    target: object.reference(),
                    uid: object.uid.clone(),
                    revision: Some(object.revision),
                    propagation: Propagation::Background,
                });
            }
            if actions.len() + questions.len() == BATCH {
                soon(observed.now);
                break;
            }
        }
        if !questions.is_empty() {
            return Outcome::ask(questions);
        }
        let outcome = Outcome::act(actions);
        if observed.world.all(&key.resource).next().is_none() {
            return outcome;
        }
        let delay = next.map_or(MOST, |next| {
            Duration::try_from(next.duration_since(observed.now)).unwrap_or_default().clamp(LEAST, MOST)
        });
        outcome.again(delay)
    }
}

impl Expiry {
    fn due(&self, object: &Arc<Object>) -> Due {
        let after =
            |time: Option<Timestamp>, delay: Duration| time.and_then(|time| time.checked_add(delay).ok());
        let at = |time: Option<Timestamp>| time.map_or(Due::Never, Due::At);
        match &*object.resource.plural {
            "events" => at(after(last_written(object), self.events)),
            "secrets" => at(bootstrap_expiration(object)),
            "certificatesigningrequests" => at(request_expiration(object)),
            "leases" => lease(object),
            _ => Due::Never,
        }
    }
}

fn kinds_that_expire() -> [Resource; 4] {
    [kinds::events(), kinds::secrets(), kinds::certificate_signing_requests(), kinds::leases()]
}

fn parse(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(|time| time.parse().ok())
}

/// When the Event was last written, as far as it says.
fn last_written(event: &Object) -> Option<Timestamp> {
    let body = &event.body;
    [
        &body["lastTimestamp"],
        &body["deprecatedLastTimestamp"],
        &body["firstTimestamp"],
        &body["eventTime"],
        &body["series"]["lastObservedTime"],
    ]
    .into_iter()
    .filter_map(parse)
    // Clocks of clients may be wrong; an Event without a future is not kept for ever.
    .filter(|time| event.created.is_none_or(|created| *time <= created + HOUR * 24))
    .chain(event.created)
    .max()
}

fn bootstrap_expiration(secret: &Object) -> Option<Timestamp> {
    if secret.body["type"] != "bootstrap.kubernetes.io/token" || *secret.namespace != *"kube-system" {
        return None;
    }
    let encoded = secret.body["data"]["expiration"].as_str()?;
    let text = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    std::str::from_utf8(&text).ok()?.parse().ok()
}

/// Requests that were granted, denied or failed stay for an hour, others for a day.
fn request_expiration(request: &Object) -> Option<Timestamp> {
    let conditions = request.body["status"]["conditions"].as_array();
    let decided = conditions.into_iter().flatten().find_map(|condition| {
        let decided = matches!(condition["type"].as_str(), Some("Approved" | "Denied" | "Failed"));
        decided.then(|| parse(&condition["lastUpdateTime"]).or(parse(&condition["lastTransitionTime"])))
    });
    match decided {
        Some(time) => time.or(request.created).map(|time| time + HOUR),
        None => request.created.map(|created| created + HOUR * 24),
    }
}

/// Leases of nodes stay for an hour after the node, those by which API servers know each other for an hour after the
/// server was last heard of. Other Leases belong to others.
fn lease(lease: &Object) -> Due {
    let spec = &lease.body["spec"];
    let Some(seen) = parse(&spec["renewTime"]).or(lease.created) else { return Due::Never };
    match &*lease.namespace {
        "kube-node-lease" => Due::Unless(seen + HOUR, ObjectRef::new(&kinds::nodes().id, "", &lease.name)),
        "kube-system" if lease.label("apiserver.kubernetes.io/identity").is_some() => Due::At(seen + HOUR),
        _ => Due::Never,
    }
}

#[cfg(test)]
mod tests;
