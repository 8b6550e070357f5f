//! What is said about custom resources: conditions and numbers in the status of our own kinds, Events about all of them.
//!
//! Only the leader says anything. A status is written whole, by compare-and-swap: an answer that somebody else has written in
//! between is waited for and decided upon again. What is said already is not written again, and numbers alone are written
//! now and then.

mod facts;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use guideway_controller_crds::Kind;
use guideway_controller_rollout::coordinator::Role;
use guideway_events::Recorder;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::runtime::events::{Event, EventType};
use kube::{Client, Resource as _, ResourceExt as _};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::state::Sights;
use facts::Facts;
use wanted::Urgency;

/// Who fields are from.
const MANAGER: &str = "lb-controller";
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is looked whether something is to be said.
const LOOK: Duration = Duration::from_secs(1);
/// How often that is asked which costs what there are Services.
const SURVEY: Duration = Duration::from_secs(5);
/// Numbers of one object are written no more often.
const NUMBERS: Duration = Duration::from_secs(10);
/// How long a new leader waits for those that live.
const SETTLE: Duration = Duration::from_secs(10);
/// The longest text of a condition or Event.
const MAX_TEXT: usize = 1024;

/// What a source tells of objects.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// An object as it is.
    Is(Box<Subject>),
    /// One that is no more.
    Gone(Kind, String),
    /// There are exactly these.
    Listed(Kind, BTreeSet<String>),
}

/// An object that something can be said about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    kind: Kind,
    resource: ApiResource,
    object: DynamicObject,
    /// What is wrong; empty: nothing.
    errors: String,
    /// What is worth knowing though it is right.
    notes: String,
    /// Somebody else has written it: it is about to be seen.
    is_old: bool,
    /// When its status was written last.
    written: Option<Instant>,
    /// What that was, if the API server has kept something else.
    wrote: Option<Value>,
    /// What Events said of it, as reasons and texts.
    told: BTreeSet<(&'static str, String)>,
}

impl Subject {
    /// An object with these errors and notes.
    pub(crate) fn new(
        kind: Kind,
        resource: &ApiResource,
        object: DynamicObject,
        errors: &[String],
        notes: &[String],
    ) -> Self {
        let short = |texts: &[String]| texts.join("; ").chars().take(MAX_TEXT).collect();
        let (errors, notes) = (short(errors), short(notes));
        let resource = resource.clone();
        Self {
            kind,
            resource,
            object,
            errors,
            notes,
            is_old: false,
            written: None,
            wrote: None,
            told: BTreeSet::new(),
        }
    }

    /// MetalLB's kinds have no conditions, and the status of the Rollout is the record's.
    fn has_conditions(&self) -> bool {
        self.kind.group() == "guideway.dev" && self.kind != Kind::Rollout
    }

    fn has_status(&self) -> bool {
        self.has_conditions() || self.kind == Kind::IpAddressPool
    }

    fn about(&self) -> ObjectReference {
        self.object.object_ref(&self.resource)
    }

    /// What its status should be, when it is another one and it is time to write it.
    fn status(&self, facts: &Facts, now: Instant) -> Option<Value> {
        if !self.has_status() || self.is_old {
            return None;
        }
        let (mut conditions, mut fields) = wanted::live(self.kind, &self.object.name_any(), facts);
        if self.has_conditions() {
            conditions.insert(0, wanted::valid(&self.errors, &self.notes));
        }
        let before = self.object.data.get("status").unwrap_or(&Value::Null);
        // That there is one says that somebody has reached it, whoever leads now.
        if let (Kind::Cluster, Some(version)) = (self.kind, before.get("version")) {
            fields.entry("version").or_insert_with(|| version.clone());
        }
        let generation = self.object.metadata.generation;
        let at = wanted::moment(SystemTime::now());
        let (status, urgency) = wanted::merge(before, generation, conditions, fields, facts.is_settled, &at)?;
        // A definition of MetalLB may leave out what it does not know.
        if self.wrote.as_ref() == Some(&status) {
            return None;
        }
        let is_due = self.written.is_none_or(|written| now.duration_since(written) >= NUMBERS);
        (urgency == Urgency::Now || is_due).then_some(status)
    }

    /// What Events should say of it: reason, severity and text.
    fn events(&self, facts: &Facts) -> Vec<(&'static str, EventType, String)> {
        let mut events = Vec::new();
        if !self.errors.is_empty() {
            events.push(("Invalid", EventType::Warning, self.errors.clone()));
        }
        if !self.notes.is_empty() {
            events.push(("Noted", EventType::Normal, self.notes.clone()));
        }
        let problems = facts.problems(self.kind, &self.object.name_any()).into_iter();
        events.extend(
            problems
                .map(|(reason, text)| (reason, EventType::Warning, text.chars().take(MAX_TEXT).collect())),
        );
        events
    }
}

/// Says what there is to say as long as the controller leads. Ends with the sources.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    identity: String,
    sights: Sights,
    mut told: mpsc::Receiver<Told>,
) {
    let recorder = Recorder::new(client.clone(), super::REPORTER, &identity);
    let mut speaker = Speaker { recorder, client, namespace, faults: BTreeSet::new() };
    let mut subjects = Subjects::default();
    let mut facts = Facts::new(&sights);
    let mut leads_since: Option<Instant> = None;
    let mut surveyed: Option<Instant> = None;
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            told = told.recv() => match told {
                Some(told) => subjects.take(told),
                None => return,
            },
            _ = looks.tick() => {
                if !matches!(sights.driver.state.borrow().role, Role::Leading(_)) {
                    (leads_since, surveyed) = (None, None);
                    continue;
                }
                facts.is_settled = leads_since.get_or_insert_with(Instant::now).elapsed() >= SETTLE;
                facts.look(&sights);
                if surveyed.is_none_or(|at| at.elapsed() >= SURVEY) {
                    facts.survey(&sights).await;
                    surveyed = Some(Instant::now());
                }
                speaker.say(&mut subjects, &facts).await;
            }
        }
    }
}

/// All objects, by kind and name.
#[derive(Default)]
struct Subjects(BTreeMap<(Kind, String), Subject>);

impl Subjects {
    fn take(&mut self, told: Told) {
        match told {
            Told::Is(mut subject) => {
                let key = (subject.kind, subject.object.name_any());
                if let Some(before) = self.0.get(&key)
                    && before.object.metadata.uid == subject.object.metadata.uid
                {
                    subject.told.clone_from(&before.told);
                    subject.written = before.written;
                    subject.wrote.clone_from(&before.wrote);
                }
                self.0.insert(key, *subject);
            }
            Told::Gone(kind, name) => {
                self.0.remove(&(kind, name));
            }
            Told::Listed(kind, names) => {
                self.0.retain(|(of, name), _| *of != kind || names.contains(name));
            }
        }
    }
}

/// How a write went.
enum Outcome {
    Done(Box<DynamicObject>),
    /// It is another one by now, or gone.
    Old,
}

/// Why something was not said.
enum Fault {
    /// The API server takes this one not.
    Refused(String),
    /// Nobody knows.
    NoAnswer(String),
}

impl From<kube::Error> for Fault {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(_) => Self::Refused(error.to_string()),
            _ => Self::NoAnswer(error.to_string()),
        }
    }
}

struct Speaker {
    client: Client,
    namespace: String,
    recorder: Recorder,
    /// What could not be said in the last round, and why.
    faults: BTreeSet<(Kind, String)>,
}

impl Speaker {
    /// What cannot be said now is said later; all else, too, when nobody answers.
    async fn say(&mut self, subjects: &mut Subjects, facts: &Facts) {
        let mut faults = BTreeSet::new();
        for ((kind, name), subject) in &mut subjects.0 {
            let said = async {
                self.status(subject, facts).await?;
                self.events(subject, facts).await
            };
            let Err(fault) = said.await else { continue };
            let (Fault::Refused(error) | Fault::NoAnswer(error)) = &fault;
            // It is tried again every second.
            let cause = (*kind, error.clone());
            if !self.faults.contains(&cause) && !faults.contains(&cause) {
                tracing::warn!(kind = kind.as_str(), name, error, "what is known of it cannot be told");
            }
            faults.insert(cause);
            if matches!(fault, Fault::NoAnswer(_)) {
                break;
            }
        }
        if !self.faults.is_empty() && faults.is_empty() {
            tracing::info!("everything that is known of resources can be told again");
        }
        self.faults = faults;
    }

    async fn status(&self, subject: &mut Subject, facts: &Facts) -> Result<(), Fault> {
        let Some(status) = subject.status(facts, Instant::now()) else { return Ok(()) };
        match self.write(subject, status.clone()).await? {
            Outcome::Done(object) => {
                subject.wrote = (object.data.get("status") != Some(&status)).then_some(status);
                subject.object = *object;
                subject.written = Some(Instant::now());
            }
            Outcome::Old => subject.is_old = true,
        }
        Ok(())
    }

    /// The object's resourceVersion goes with it: another one is not written over.
    async fn write(&self, subject: &Subject, status: Value) -> Result<Outcome, Fault> {
        let mut object = subject.object.clone();
        object.data["status"] = status;
        object.types.get_or_insert_with(|| kube::core::TypeMeta {
            api_version: subject.resource.api_version.clone(),
            kind: subject.resource.kind.clone(),
        });
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, &subject.resource);
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let name = object.name_any();
        match asked(api.replace_status(&name, &params, &object)).await? {
            Ok(object) => Ok(Outcome::Done(Box::new(object))),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(Outcome::Old),
            Err(error) => Err(error.into()),
        }
    }

    /// Each text once, and again when it was not true in between.
    async fn events(&self, subject: &mut Subject, facts: &Facts) -> Result<(), Fault> {
        let events = subject.events(facts);
        let is_true = |told: &(&'static str, String)| {
            events.iter().any(|(reason, _, text)| *reason == told.0 && *text == told.1)
        };
        subject.told.retain(is_true);
        for (reason, type_, text) in &events {
            if subject.told.contains(&(*reason, text.clone())) {
                continue;
            }
            let event = Event {
                type_: *type_,
                reason: (*reason).to_owned(),
                note: Some(text.clone()),
                action: "Read".to_owned(),
                secondary: None,
            };
            asked(self.recorder.publish(&event, &subject.about())).await??;
            subject.told.insert((*reason, text.clone()));
        }
        Ok(())
    }
}

async fn asked<T>(request: impl Future<Output = kube::Result<T>>) -> Result<kube::Result<T>, Fault> {
    let answer = tokio::time::timeout(TIMEOUT, request).await;
    answer.map_err(|_| Fault::NoAnswer(format!("no answer within {TIMEOUT:?}")))
}

#[cfg(test)]
mod tests;
