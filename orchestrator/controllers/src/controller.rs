//! What a controller is.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::action::Outcome;
use crate::object::ObjectRef;
use crate::resource::{GroupResource, Resource};
use crate::world::{Change, Detail, Discovery, World};

/// What a controller has to see.
#[derive(Clone, Debug, PartialEq)]
pub enum Interest {
    /// Objects of this kind.
    Kind(Resource),
    /// The metadata of every kind that can be listed, watched and deleted.
    Everything,
}

/// What a cache cannot answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// The object as it is now, by a consistent read.
    Get(ObjectRef),
    /// All objects of a kind, or their metadata, in a namespace or everywhere (`""`), by a consistent read.
    List(Resource, Arc<str>, Detail),
    /// The kinds that there are now.
    Discover,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`Question::Get`].
    Object(Value),
    /// To [`Question::Get`]: there is none. To [`Question::List`]: there is no such kind.
    Absent,
    /// To [`Question::List`].
    List(Vec<Value>),
    /// To [`Question::Discover`].
    Discovery(Discovery),
    /// Nobody knows; what depends on it has to wait. With the reason.
    Failed(String),
}

/// Answers to the questions of earlier rounds.
pub type Answers = HashMap<Question, Answer>;

/// An action of the last look at this key that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it was about.
    pub resource: GroupResource,
    /// What was answered.
    pub message: String,
}

/// All that a controller may know.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// What informers have seen.
    pub world: &'a World,
    /// What the API has answered.
    pub answers: &'a Answers,
    /// What of the last look failed.
    pub failures: &'a [Failure],
    /// The time.
    pub now: Timestamp,
}

/// A controller: pure, level-triggered.
pub trait Controller: Send + Sync + 'static {
    /// Its name, for metrics, logs and events.
    fn name(&self) -> &'static str;

    /// What it has to see. It is not run before all [`Interest::Kind`]s have been listed.
    fn interests(&self) -> Vec<Interest>;

    /// Which keys a change concerns. `world` is as it is after the change.
    fn concerns(&self, world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef));

    /// Which keys it concerns that other kinds are served than before: [`World::discovery`].
    fn discovered(&self, world: &World, enqueue: &mut dyn FnMut(ObjectRef)) {
        let _ = (world, enqueue);
    }

    /// What is to be done about `key` now.
    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome;
}
