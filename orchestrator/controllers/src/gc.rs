//! Garbage collection: what has lost its owners goes, and owners that wait for their dependents, or let go of them, are
//! served.
//!
//! The world's indexes are the graph. That an owner exists is taken from the world, for it is looked at again when the
//! owner goes; that one does not is only believed of the API itself. A deletion carries the revision in which the
//! owners were read.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::action::{Action, Event, EventType, Outcome, Propagation};
use crate::controller::{Answer, Controller, Interest, Observed, Question};
use crate::object::{Object, ObjectRef, OwnerReference};
use crate::resource::Scope;
use crate::world::{Change, World};

/// The finalizer of an object whose dependents go first.
pub const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of an object whose dependents stay.
pub const ORPHAN: &str = "orphan";

/// When nothing will tell: an owner of a kind that is not served, cannot be watched, or did not answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Until the first lists are there.
const SYNC: Duration = Duration::from_secs(1);

/// The garbage collector. Its keys are objects of any kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct GarbageCollector;

impl Controller for GarbageCollector {
    fn name(&self) -> &'static str {
        "garbage-collector"
    }

    fn interests(&self) -> Vec<Interest> {
        vec![Interest::Everything]
    }

    fn concerns(&self, world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        if let Some(new) = &change.new
            && (!new.owners.is_empty() || waits(new) || orphans(new))
        {
            enqueue(new.reference());
        }
        // A dependent that goes or is let go may be the last that its owner waits for.
        for owner in change.old.iter().flat_map(|old| &old.owners) {
            if let Some(owner) = world.by_uid(&owner.uid)
                && owner.deleting.is_some()
            {
                enqueue(owner.reference());
            }
        }
        let gone = change.old.as_ref().filter(|old| change.new.as_ref().is_none_or(|new| new.uid != old.uid));
        for owner in gone.into_iter().chain(change.new.as_ref().filter(|new| waits(new))) {
            for dependent in world.dependents(&owner.uid) {
                enqueue(dependent.reference());
            }
        }
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        match observed.world.object(key) {
            None => Outcome::done(),
            Some(object) if orphans(object) => let_go(observed.world, object),
            Some(object) if waits(object) => wait(observed.world, object),
            Some(object) if object.deleting.is_some() || object.owners.is_empty() => Outcome::done(),
            Some(object) => dependent(observed, object),
        }
    }
}

/// Is deleted once its dependents are.
fn waits(object: &Object) -> bool {
    object.deleting.is_some() && object.has_finalizer(FOREGROUND)
}

/// Is deleted once its dependents do not name it any more.
fn orphans(object: &Object) -> bool {
    object.deleting.is_some() && object.has_finalizer(ORPHAN)
}

fn let_go(world: &World, owner: &Arc<Object>) -> Outcome {
    if !world.complete() {
        return Outcome::done().again(SYNC);
    }
    let patches: Vec<Action> =
        world.dependents(&owner.uid).map(|dependent| without(dependent, &[&owner.uid])).collect();
    if patches.is_empty() { Outcome::act(vec![unfinalize(owner, ORPHAN)]) } else { Outcome::act(patches) }
}

fn wait(world: &World, owner: &Arc<Object>) -> Outcome {
    if !world.complete() {
        return Outcome::done().again(SYNC);
    }
    let blocked = world.dependents(&owner.uid).any(|dependent| {
        dependent.owners.iter().any(|reference| reference.uid == owner.uid && reference.block_owner_deletion)
    });
    if blocked { Outcome::done() } else { Outcome::act(vec![unfinalize(owner, FOREGROUND)]) }
}

/// What is known of an owner.
enum Owner {
    /// Exists, and keeps the dependent alive.
    Solid,
    /// Like solid, but nothing tells when it goes.
    Unwatched,
    /// Exists, and waits for the dependent to go.
    Waiting,
    /// Does not exist.
    Absent,
    /// To be asked.
    Unknown(Question),
    /// Cannot be known now.
    Unknowable,
    /// Is of a kind that cannot own this object.
    Misplaced,
}

fn dependent(observed: &Observed<'_>, object: &Arc<Object>) -> Outcome {
    let mut questions = Vec::new();
    let (mut solid, mut unknowable, mut waiting, mut gone) = (false, false, Vec::new(), Vec::new());
    let mut events = Vec::new();
    for reference in &object.owners {
        match owner(observed, object, reference) {
            Owner::Solid => solid = true,
            Owner::Unwatched => (solid, unknowable) = (true, true),
            Owner::Waiting => waiting.push(&*reference.uid),
            Owner::Absent => {
                gone.push(&*reference.uid);
                events.extend(elsewhere(observed.world, object, reference));
            }
            Owner::Unknown(question) => questions.push(question),
            Owner::Unknowable => unknowable = true,
            Owner::Misplaced => {
                unknowable = true;
                events.push(misplaced(observed.world, object, reference));
            }
        }
    }
    if !questions.is_empty() {
        return Outcome::ask(questions);
    }
    if solid {
        // Owners that are gone are forgotten, as are those that wait: somebody else keeps the object.
        let dropped: Vec<&str> = gone.into_iter().chain(waiting).collect();
        if !dropped.is_empty() {
            events.push(without(object, &dropped));
        }
        let outcome = Outcome::act(events);
        return if unknowable { outcome.again(PATIENCE) } else { outcome };
    }
    if unknowable {
        return Outcome::act(events).again(PATIENCE);
    }
    let mut actions = events;
    let dependents: Vec<_> = observed.world.dependents(&object.uid).collect();
    let propagation = if !waiting.is_empty() && !dependents.is_empty() {
        if dependents.iter().any(|dependent| waits(dependent)) {
            // A circle of objects that wait for each other: this one waits for its owners no longer.
            actions.push(unblock(object));
            return Outcome::act(actions);
        }
        Propagation::Foreground
    } else if object.has_finalizer(ORPHAN) {
        Propagation::Orphan
    } else if object.has_finalizer(FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    };
    actions.push(Action::Delete {
        target: object.reference(),
        uid: object.uid.clone(),
        revision: (object.revision != 0).then_some(object.revision),
        propagation,
    });
    Outcome::act(actions)
}

fn owner(observed: &Observed<'_>, object: &Object, reference: &OwnerReference) -> Owner {
    let Some(resource) = observed.world.discovery().kind(reference.group(), &reference.kind) else {
        return Owner::Unknowable;
    };
    let namespace = match (resource.scope, &*object.namespace) {
        (Scope::Namespaced, "") => return Owner::Misplaced,
        (Scope::Namespaced, namespace) => namespace,
        (Scope::Cluster, _) => "",
    };
    let place = ObjectRef::new(&resource.id, namespace, &reference.name);
    if let Some(owner) = observed.world.object(&place)
        && owner.uid == reference.uid
    {
        return if waits(owner) { Owner::Waiting } else { Owner::Solid };
    }
    let question = Question::Get(place);
    match observed.answers.get(&question) {
        None => Owner::Unknown(question),
        Some(Answer::Absent) => Owner::Absent,
        Some(Answer::Object(owner)) if owner["metadata"]["uid"] != *reference.uid => Owner::Absent,
        Some(Answer::Object(owner)) => {
            let finalizers = owner["metadata"]["finalizers"].as_array();
            let waits = !owner["metadata"]["deletionTimestamp"].is_null()
                && finalizers.is_some_and(|list| list.iter().any(|finalizer| finalizer == FOREGROUND));
            match (waits, observed.world.watches(&resource.id)) {
                (true, _) => Owner::Waiting,
                (false, true) => Owner::Solid,
                (false, false) => Owner::Unwatched,
            }
        }
        Some(_) => Owner::Unknowable,
    }
}

/// A warning when the owner exists where it cannot be one.
fn elsewhere(world: &World, object: &Object, reference: &OwnerReference) -> Option<Action> {
    let owner = world.by_uid(&reference.uid)?;
    (owner.namespace != object.namespace && !owner.namespace.is_empty())
        .then(|| misplaced(world, object, reference))
}

fn misplaced(world: &World, object: &Object, reference: &OwnerReference) -> Action {
    let resource = world.discovery().resource(&object.resource);
    Action::Event(Event {
        api_version: resource.map(crate::Resource::api_version).unwrap_or_default(),
        kind: resource.map(|resource| resource.kind.clone()).unwrap_or_default(),
        regarding: object.reference(),
        uid: object.uid.clone(),
        event_type: EventType::Warning,
        reason: "OwnerRefInvalidNamespace",
        action: "GarbageCollection",
        note: format!(
            "the owner {} {} (uid {}) is not in the namespace {:?}: an owner is in its dependent's namespace, or in none",
            reference.kind, reference.name, reference.uid, object.namespace
        ),
    })
}

fn references(object: &Object) -> &[Value] {
    object.body["metadata"]["ownerReferences"].as_array().map_or(&[], Vec::as_slice)
}

fn patch(object: &Object, field: &str, value: Value) -> Action {
    let mut patch = json!({ "metadata": { "uid": &*object.uid, field: value } });
    if object.revision != 0 {
        patch["metadata"]["resourceVersion"] = object.revision.to_string().into();
    }
    Action::Patch { target: object.reference(), subresource: None, patch }
}

/// Takes the owners of these uids out.
fn without(object: &Object, uids: &[&str]) -> Action {
    let kept: Vec<&Value> = references(object)
        .iter()
        .filter(|owner| !owner["uid"].as_str().is_some_and(|uid| uids.contains(&uid)))
        .collect();
    let kept = if kept.is_empty() { Value::Null } else { json!(kept) };
    patch(object, "ownerReferences", kept)
}

fn unblock(object: &Object) -> Action {
    let mut owners = references(object).to_vec();
    for owner in &mut owners {
        owner["blockOwnerDeletion"] = false.into();
    }
    patch(object, "ownerReferences", owners.into())
}

fn unfinalize(object: &Object, finalizer: &str) -> Action {
    let kept: Vec<&str> =
        object.finalizers.iter().map(|name| &**name).filter(|name| *name != finalizer).collect();
    patch(object, "finalizers", if kept.is_empty() { Value::Null } else { json!(kept) })
}

#[cfg(test)]
mod tests;
