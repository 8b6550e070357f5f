//! What controllers ask for.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::object::{Object, ObjectRef};
use crate::resource::Resource;

/// How a deletion treats dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// The object goes first.
    Background,
    /// The dependents go first.
    Foreground,
    /// The dependents stay.
    Orphan,
}

/// Of what kind an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// Something went as it should.
    Normal,
    /// Somebody should look at this.
    Warning,
}

/// What `kubectl describe` shows of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `apiVersion` and `kind` of the object.
    pub api_version: String,
    /// See `api_version`.
    pub kind: Arc<str>,
    /// The object.
    pub regarding: ObjectRef,
    /// Its uid.
    pub uid: Arc<str>,
    /// Normal or a warning.
    pub event_type: EventType,
    /// One word: `OwnerRefInvalidNamespace`.
    pub reason: &'static str,
    /// What was being done.
    pub action: &'static str,
    /// For people.
    pub note: String,
}

/// One write. Those that name a uid or a revision are refused by the API when the object is another one by then, and
/// that is no failure: the key is looked at again.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// POST.
    Create {
        /// The kind.
        resource: Resource,
        /// The object, with name and, where there is one, namespace.
        object: Value,
    },
    /// PATCH with a JSON merge patch.
    Patch {
        /// What.
        target: ObjectRef,
        /// `status`, for example.
        subresource: Option<&'static str>,
        /// The patch. It carries `metadata.uid` and, if lists are replaced, `metadata.resourceVersion`.
        patch: Value,
    },
    /// DELETE of one object, by uid.
    Delete {
        /// What.
        target: ObjectRef,
        /// Of which uid.
        uid: Arc<str>,
        /// Only in this state.
        revision: Option<u64>,
        /// What happens to dependents.
        propagation: Propagation,
    },
    /// DELETE of all objects of a kind, in a namespace or everywhere (`""`).
    DeleteCollection {
        /// The kind.
        resource: Resource,
        /// Where.
        namespace: Arc<str>,
    },
    /// PUT of the `finalize` subresource of a namespace.
    Finalize {
        /// The namespace as it was read, without the finalizer.
        namespace: Value,
    },
    /// Makes a token for the service account and puts it into the secret, with `ca.crt` and `namespace`.
    FillTokenSecret {
        /// The secret.
        secret: Arc<Object>,
        /// The account.
        account: Arc<Object>,
    },
    /// An event, as a courtesy: it may be lost.
    Event(Event),
}

/// What [`crate::Controller::reconcile`] gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// To be answered first; the same key is then looked at again. With questions there are no actions.
    pub questions: Vec<crate::Question>,
    /// To be done in this order. The first that fails ends the run, except that deletions do not wait for each other.
    pub actions: Vec<Action>,
    /// Look at the key again after this time, even when nothing has happened.
    pub again: Option<Duration>,
}

impl Outcome {
    /// Nothing to do.
    pub fn done() -> Self {
        Self::default()
    }

    /// These actions.
    pub fn act(actions: Vec<Action>) -> Self {
        Self { actions, ..Self::default() }
    }

    /// Asks first.
    pub fn ask(questions: Vec<crate::Question>) -> Self {
        Self { questions, ..Self::default() }
    }

    /// Looks again after `delay`.
    #[must_use]
    pub fn again(mut self, delay: Duration) -> Self {
        self.again = Some(delay);
        self
    }
}
