//! Events about objects.
//!
//! One that repeats itself counts up; one that says something else is another one, also for the same reason. (kube's own
//! recorder takes all that have one reason for the same Event, and keeps the text of the first.)
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::runtime::events::{Event, EventType};
use kube::{Client, ResourceExt as _};
use serde_json::json;

/// What is said again after a longer pause is a new Event.
const SERIES: SignedDuration = SignedDuration::from_mins(6);
/// How often it is looked what is older than that.
const SWEEP: SignedDuration = SignedDuration::from_mins(1);
/// The longest text of an Event, in bytes, as the API server counts.
const MAX_NOTE: usize = 1024;
/// Of the object's name in that of its Event, which has a time behind it and may not be longer than any name.
const MAX_NAME: usize = 230;

/// Tells Events to one API server.
pub struct Recorder {
    client: Client,
    reporter: String,
    identity: String,
    memory: Mutex<Memory>,
}

impl Recorder {
    /// For a controller, and which one of several it is.
    pub fn new(client: Client, reporter: &str, identity: &str) -> Self {
        let (reporter, identity) = (reporter.to_owned(), identity.to_owned());
        Self { client, reporter, identity, memory: Mutex::default() }
    }

    /// Tells one about an object.
    ///
    /// # Errors
    /// When the API server refuses it, or does not answer.
    pub async fn publish(&self, event: &Event, about: &ObjectReference) -> kube::Result<()> {
        let now = Timestamp::now();
        let key = Key::new(event, about);
        let events: Api<v1::Event> =
            Api::namespaced(self.client.clone(), about.namespace.as_deref().unwrap_or("default"));
        let known = self.memory().known(&key, now);
        if let Some(Series { name, count, .. }) = known {
            let count = count.saturating_add(1);
            let series = v1::EventSeries { count, last_observed_time: MicroTime(now) };
            let patch = Patch::Merge(json!({ "series": series }));
            match events.patch(&name, &PatchParams::default(), &patch).await {
                Ok(_) => {
                    self.memory().remember(key, Series { name, count, last: now });
                    return Ok(());
                }
                // Somebody has deleted it, or the server has.
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        let new = self.new_event(event, about, now);
        events.create(&PostParams::default(), &new).await?;
        self.memory().remember(key, Series { name: new.name_any(), count: 1, last: now });
        Ok(())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_event(&self, event: &Event, about: &ObjectReference, now: Timestamp) -> v1::Event {
        let type_ = match event.type_ {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        };
        v1::Event {
            metadata: ObjectMeta {
                namespace: about.namespace.clone(),
                name: Some(name(about.name.as_deref().unwrap_or("object"), now)),
                ..ObjectMeta::default()
            },
            action: Some(event.action.clone()),
            reason: Some(event.reason.clone()),
            note: event.note.as_deref().map(|note| shortened(note, MAX_NOTE).to_owned()),
            type_: Some(type_.to_owned()),
            event_time: Some(MicroTime(now)),
            regarding: Some(about.clone()),
            related: event.secondary.clone(),
            reporting_controller: Some(self.reporter.clone()),
            reporting_instance: Some(self.identity.clone()),
            ..v1::Event::default()
        }
    }
}

/// What makes two Events one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    type_: EventType,
    reason: String,
    note: Option<String>,
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    uid: Option<String>,
}

impl Key {
    fn new(event: &Event, about: &ObjectReference) -> Self {
        Self {
            type_: event.type_,
            reason: event.reason.clone(),
            note: event.note.clone(),
            kind: about.kind.clone(),
            namespace: about.namespace.clone(),
            name: about.name.clone(),
            uid: about.uid.clone(),
        }
    }
}

/// An Event that is there.
#[derive(Clone, Debug, PartialEq)]
struct Series {
    name: String,
    count: i32,
    last: Timestamp,
}

/// What was told a short while ago.
#[derive(Debug, Default)]
struct Memory {
    series: HashMap<Key, Series>,
    swept: Option<Timestamp>,
}

impl Memory {
    fn known(&mut self, key: &Key, now: Timestamp) -> Option<Series> {
        let is_fresh = |series: &Series| now.duration_since(series.last) < SERIES;
        if self.swept.is_none_or(|swept| now.duration_since(swept).abs() >= SWEEP) {
            self.series.retain(|_, series| is_fresh(series));
            self.swept = Some(now);
        }
        self.series.get(key).filter(|series| is_fresh(series)).cloned()
    }

    fn remember(&mut self, key: Key, series: Series) {
        self.series.insert(key, series);
    }
}

/// No other Event has it: nobody else says something about the same object in the same nanosecond.
fn name(of: &str, now: Timestamp) -> String {
    let of = shortened(of, MAX_NAME).trim_end_matches(['.', '-']);
    format!("{of}.{:x}", now.as_nanosecond())
}

/// As much of a text as this many bytes can hold.
fn shortened(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::Value;

    use super::*;

    /// Methods and last parts of paths, with what was sent.
    type Log = Arc<Mutex<Vec<(String, Value)>>>;

    /// An API server that keeps Events until they are `gone`.
    fn api() -> (Recorder, Log, Arc<Mutex<bool>>) {
        let (asked, gone) = (Log::default(), Arc::new(Mutex::new(false)));
        let (log, is_gone) = (Arc::clone(&asked), Arc::clone(&gone));
        let service = tower::service_fn(move |request: Request<Body>| {
            let (log, is_gone) = (Arc::clone(&log), Arc::clone(&is_gone));
            async move {
                let path = format!("{} {}", request.method(), request.uri().path());
                let bytes = request.into_body().collect_bytes().await?;
                let mut body: Value = serde_json::from_slice(&bytes)?;
                log.lock().unwrap().push((path.clone(), body.clone()));
                let mut code = 200;
                if path.starts_with("PATCH") && *is_gone.lock().unwrap() {
                    code = 404;
                    body = json!({ "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": "" });
                }
                body["eventTime"] = Value::Null;
                let answer = Response::builder().status(code).body(Body::from(serde_json::to_vec(&body)?))?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(answer)
            }
        });
        (Recorder::new(Client::new(service, "shop"), "example.com/controller", "here"), asked, gone)
    }

    fn event(reason: &str, note: &str) -> Event {
        Event {
            type_: EventType::Warning,
            reason: reason.to_owned(),
            note: Some(note.to_owned()),
            action: "Serve".to_owned(),
            secondary: None,
        }
    }

    fn about(name: &str) -> ObjectReference {
        ObjectReference {
            kind: Some("Service".to_owned()),
            namespace: Some("shop".to_owned()),
            name: Some(name.to_owned()),
            uid: Some("7".to_owned()),
            ..ObjectReference::default()
        }
    }

    #[tokio::test]
    async fn each_text_is_an_event_and_what_repeats_itself_counts_up() {
        let (recorder, asked, gone) = api();
        let methods = || -> Vec<String> {
            let all = std::mem::take(&mut *asked.lock().unwrap());
            all.iter().map(|(path, _)| path.split(' ').next().unwrap().to_owned()).collect()
        };
        for (reason, note, object) in
            [("Invalid", "a", "web"), ("Invalid", "b", "web"), ("Other", "a", "web"), ("Invalid", "a", "dns")]
        {
            recorder.publish(&event(reason, note), &about(object)).await.unwrap();
        }
        assert_eq!(methods(), ["POST"; 4]);
        // The object has changed meanwhile, and is the same one.
        let mut later = about("web");
        later.resource_version = Some("9".to_owned());
        recorder.publish(&event("Invalid", "b"), &later).await.unwrap();
        recorder.publish(&event("Invalid", "b"), &later).await.unwrap();
        let again = std::mem::take(&mut *asked.lock().unwrap());
        assert!(
            again[1].0.starts_with("PATCH /apis/events.k8s.io/v1/namespaces/shop/events/web."),
            "{}",
            again[1].0
        );
        assert_eq!((&again[0].1["series"]["count"], &again[1].1["series"]["count"]), (&json!(2), &json!(3)));
        *gone.lock().unwrap() = true;
        recorder.publish(&event("Invalid", "b"), &about("web")).await.unwrap();
        assert_eq!(methods(), ["PATCH", "POST"], "who has deleted it is told again");
    }

    #[test]
    fn what_was_told_long_ago_is_told_anew_and_forgotten() {
        let mut memory = Memory::default();
        let key = |note| Key::new(&event("Invalid", note), &about("web"));
        let at = |minutes| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let series = |last| Series { name: "web.1".to_owned(), count: 1, last };
        memory.remember(key("a"), series(at(0)));
        assert_eq!(memory.known(&key("a"), at(5)), Some(series(at(0))));
        assert_eq!(memory.known(&key("b"), at(5)), None);
        assert_eq!(memory.known(&key("a"), at(6)), None);
        assert!(memory.series.is_empty());
    }

    #[test]
    fn names_and_texts_are_what_the_api_server_takes() {
        let long = format!("{}.", "a".repeat(229));
        let name = name(&format!("{long}web"), Timestamp::from_second(1_800_000_000).unwrap());
        assert!(name.len() <= 253 && name.starts_with(&format!("{}.", "a".repeat(229))), "{name}");
        let recorded = |note: &str| {
            let text = shortened(note, MAX_NOTE);
            (text.len(), note.starts_with(text))
        };
        assert_eq!(recorded("short"), (5, true));
        assert_eq!(recorded(&"…".repeat(600)), (1023, true));
    }
}
