//! What becomes of a list, as a stream of events.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use guideway_api::options::ListOptions;
use guideway_api::table::{self, Definitions, IncludeObject};
use guideway_api::{Resource, Status, convert};
use guideway_cache::{Object, WatchEvent, WatchKind, Watcher};
use guideway_store::Revision;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::selected;
use crate::call::Call;
use crate::catalogue::Edition;
use crate::flow::Seat;
use crate::negotiate::{Encoding, Form};
use crate::reply::{self, Answer};
use crate::server::ApiServer;

/// Bytes of events that are sent at once, about.
const FRAME: usize = 64 * 1024;
/// Events that are taken from the cache at once.
const BATCH: usize = 64;
/// Objects that are looked at between two chances for other tasks.
const BREATH: usize = 500;
/// On the object of the bookmark that ends the initial events.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// A stream of events.
pub(crate) fn watch(call: Call, seat: Seat) -> Answer {
    if call.wanted.encoding == Encoding::Yaml {
        return Err(Status::not_acceptable(&["application/json"]));
    }
    let options = call.list_options()?;
    let limits = &call.server.config.limits;
    let life = options.timeout.filter(|timeout| !timeout.is_zero()).unwrap_or_else(|| {
        let spread = limits.watch.end().saturating_sub(*limits.watch.start());
        *limits.watch.start() + spread.mul_f64(crate::random::fraction())
    });
    let prefix = match options.field_selector.name() {
        // A watch of one object is woken by that one alone.
        Some(name) if call.namespace().is_some() || call.kind().scope == guideway_api::Scope::Cluster => {
            call.kind().key(call.namespace(), name)
        }
        _ => call.kind().prefix(call.namespace()),
    };
    let events = Events {
        server: Arc::clone(&call.server),
        resource: call.resource.clone(),
        edition: call.server.catalogue().edition(call.kind()),
        form: call.wanted.form,
        include: IncludeObject::parse(call.query())?,
        bookmarks: options.allow_watch_bookmarks.then_some(limits.bookmarks),
        options,
        prefix,
        end: Instant::now() + life,
        stage: Stage::Begin,
        has_columns: false,
        _seat: seat,
    };
    let stream = futures_util::stream::unfold(events, |mut events| async move {
        let frame = events.frame().await?;
        Some((Ok::<_, std::convert::Infallible>(frame), events))
    });
    let mut response = Response::new(Body::from_stream(stream));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    reply::warn(&mut response, &call.warnings);
    Ok(response)
}

/// A watch at work.
struct Events {
    server: Arc<ApiServer>,
    resource: Resource,
    /// Of a custom kind, when the watch began.
    edition: Option<Edition>,
    form: Form,
    include: IncludeObject,
    options: ListOptions,
    prefix: String,
    /// Between two bookmarks. None: the client wants none.
    bookmarks: Option<Duration>,
    end: Instant,
    stage: Stage,
    /// The columns of a Table have been sent.
    has_columns: bool,
    _seat: Seat,
}

enum Stage {
    Begin,
    /// Objects that are there, then their end, then what changes.
    Initial {
        objects: std::vec::IntoIter<Arc<Object>>,
        revision: Revision,
        watcher: Watcher,
    },
    Follow {
        watcher: Watcher,
        next_bookmark: Instant,
    },
    End,
}

impl Events {
    /// The next bytes. None at the end.
    async fn frame(&mut self) -> Option<Bytes> {
        let mut frame = Vec::new();
        while frame.is_empty() {
            match std::mem::replace(&mut self.stage, Stage::End) {
                Stage::End => return None,
                Stage::Begin => match self.begin().await {
                    Ok(stage) => self.stage = stage,
                    Err(status) => self.fail(&mut frame, &status),
                },
                Stage::Initial { mut objects, revision, watcher } => {
                    // Selectors may take few of many.
                    for object in objects.by_ref().take(BREATH) {
                        if selected(&self.options, &object) {
                            self.put(&mut frame, "ADDED", &object);
                        }
                        if frame.len() >= FRAME {
                            break;
                        }
                    }
                    self.stage = if objects.len() > 0 {
                        Stage::Initial { objects, revision, watcher }
                    } else {
                        if self.options.send_initial_events == Some(true) {
                            self.put_bookmark(&mut frame, revision, true);
                        }
                        let next_bookmark = Instant::now() + self.bookmarks.unwrap_or_default();
                        Stage::Follow { watcher, next_bookmark }
                    };
                    if frame.is_empty() {
                        tokio::task::yield_now().await;
                    }
                }
                Stage::Follow { watcher, next_bookmark } => {
                    self.follow(&mut frame, watcher, next_bookmark).await;
                }
            }
        }
        Some(Bytes::from(frame))
    }

    async fn begin(&self) -> Result<Stage, Status> {
        let cache = &self.server.cache;
        let version = self.options.resource_version;
        if self.options.send_initial_events != Some(true) && version.is_some_and(|version| version > 0)
            || self.options.send_initial_events == Some(false)
        {
            let from = match version {
                Some(version) if version > 0 => Revision(version),
                _ => self.server.fresh().await?,
            };
            let watcher = cache
                .watch(&self.prefix, Some(from))
                .map_err(|error| Status::too_old_version(from.0, error.oldest.0))?;
            return Ok(Stage::Follow { watcher, next_bookmark: self.next_bookmark() });
        }
        match version {
            None => {
                self.server.fresh().await?;
            }
            Some(version) => self.server.reach(Revision(version)).await?,
        }
        let (revision, objects) = cache.list(&self.prefix);
        let watcher = cache
            .watch(&self.prefix, Some(revision))
            .map_err(|error| Status::too_old_version(revision.0, error.oldest.0))?;
        Ok(Stage::Initial { objects: objects.into_iter(), revision, watcher })
    }

    fn next_bookmark(&self) -> Instant {
        Instant::now() + self.bookmarks.unwrap_or_default()
    }

    async fn follow(&mut self, frame: &mut Vec<u8>, mut watcher: Watcher, next_bookmark: Instant) {
        let server = Arc::clone(&self.server);
        let changed = server.catalogue_changed();
        if server.catalogue().edition(self.resource.kind()) != self.edition {
            self.finish(frame, watcher, next_bookmark);
            return;
        }
        let wake = if self.bookmarks.is_some() { next_bookmark.min(self.end) } else { self.end };
        let event = tokio::select! {
            biased;
            () = self.server.stopping() => {
                self.last_bookmark(frame, &watcher);
                return;
            }
            event = watcher.next() => Some(event),
            () = changed, if self.edition.is_some() => {
                self.stage = Stage::Follow { watcher, next_bookmark };
                return;
            }
            () = tokio::time::sleep_until(wake) => None,
        };
        match event {
            Some(Ok(event)) => {
                self.put_event(frame, &event);
                while frame.len() < FRAME {
                    match watcher.ready(BATCH) {
                        Ok(events) if events.is_empty() => break,
                        Ok(events) => events.iter().for_each(|event| self.put_event(frame, event)),
                        Err(_lagged) => {
                            self.lagged(frame);
                            return;
                        }
                    }
                }
                self.stage = Stage::Follow { watcher, next_bookmark };
            }
            Some(Err(_lagged)) => self.lagged(frame),
            None if Instant::now() >= self.end => self.last_bookmark(frame, &watcher),
            None => {
                if let Some(revision) = watcher.caught_up() {
                    self.put_bookmark(frame, revision, false);
                }
                self.stage = Stage::Follow { watcher, next_bookmark: self.next_bookmark() };
            }
        }
    }

    /// Sends what came before the kind's definition changed or went. The client looks anew at what there is.
    fn finish(&mut self, frame: &mut Vec<u8>, mut watcher: Watcher, next_bookmark: Instant) {
        while frame.len() < FRAME {
            match watcher.ready(BATCH) {
                Ok(events) if events.is_empty() => {
                    self.last_bookmark(frame, &watcher);
                    return;
                }
                Ok(events) => events.iter().for_each(|event| self.put_event(frame, event)),
                Err(_lagged) => {
                    self.lagged(frame);
                    return;
                }
            }
        }
        self.stage = Stage::Follow { watcher, next_bookmark };
    }

    fn last_bookmark(&mut self, frame: &mut Vec<u8>, watcher: &Watcher) {
        if let Some(revision) = watcher.caught_up().filter(|_| self.bookmarks.is_some()) {
            self.put_bookmark(frame, revision, false);
        }
    }

    /// The client is slower than the log is long. It lists again.
    fn lagged(&mut self, frame: &mut Vec<u8>) {
        self.server.metrics.lagged_watches.inc();
        let oldest = self.server.cache.oldest().0;
        self.fail(frame, &Status::too_old_version(oldest.saturating_sub(1), oldest));
    }

    fn fail(&mut self, frame: &mut Vec<u8>, status: &Status) {
        put(frame, "ERROR", &serde_json::to_vec(status).unwrap_or_default());
        self.stage = Stage::End;
    }

    /// What an event is to this watch: its selectors may see an object come and go.
    fn put_event(&mut self, frame: &mut Vec<u8>, event: &WatchEvent) {
        let is_now = event.kind != WatchKind::Deleted && selected(&self.options, &event.object);
        let was = event.previous.as_ref().is_some_and(|previous| selected(&self.options, previous));
        match (was, is_now) {
            (false, true) => self.put(frame, "ADDED", &event.object),
            (true, true) => self.put(frame, "MODIFIED", &event.object),
            (true, false) if event.kind == WatchKind::Deleted => self.put(frame, "DELETED", &event.object),
            (true, false) => {
                let Some(previous) = &event.previous else { return };
                let mut value = previous.value();
                value["metadata"]["resourceVersion"] = Value::from(event.revision.to_string());
                self.put_value(frame, "DELETED", value);
            }
            (false, false) => {}
        }
    }

    fn put(&mut self, frame: &mut Vec<u8>, kind: &str, object: &Object) {
        let (kind_of, version) = (self.resource.kind(), self.resource.version());
        // A deleted object has the revision of its deletion, and the form that it had before.
        let written = if kind == "DELETED" { object.created } else { object.revision };
        let is_as_stored = convert::is_shown_as_stored(kind_of, version, written.0);
        if self.form == Form::Object && is_as_stored {
            put(frame, kind, &object.json);
        } else {
            self.put_value(frame, kind, object.value());
        }
    }

    /// An object in the form of the store.
    fn put_value(&mut self, frame: &mut Vec<u8>, kind: &str, mut value: Value) {
        convert::from_storage(self.resource.kind(), self.resource.version(), &mut value);
        self.put_shown(frame, kind, value);
    }

    fn put_shown(&mut self, frame: &mut Vec<u8>, kind: &str, value: Value) {
        let shown = match self.form {
            Form::Object => value,
            Form::Metadata => table::partial_object_metadata(&value),
            Form::Table(version) => {
                let metadata = json!({"resourceVersion": value["metadata"]["resourceVersion"]});
                // A bookmark is a row too: what it says is in the metadata of the row's object.
                let columns = if std::mem::replace(&mut self.has_columns, true) {
                    Definitions::Omitted
                } else {
                    Definitions::Shown
                };
                let now = jiff::Timestamp::now();
                table::table(self.resource.version(), &[value], metadata, columns, self.include, version, now)
            }
        };
        put(frame, kind, &serde_json::to_vec(&shown).unwrap_or_default());
    }

    fn put_bookmark(&mut self, frame: &mut Vec<u8>, revision: Revision, is_end_of_initial: bool) {
        let mut metadata = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
        if is_end_of_initial {
            metadata["annotations"] = json!({INITIAL_EVENTS_END: "true"});
        }
        let value = json!({
            "kind": self.resource.kind().kind,
            "apiVersion": self.resource.version().api_version(),
            "metadata": metadata,
        });
        self.put_shown(frame, "BOOKMARK", value);
    }
}

fn put(frame: &mut Vec<u8>, kind: &str, object: &[u8]) {
    frame.extend_from_slice(br#"{"type":""#);
    frame.extend_from_slice(kind.as_bytes());
    frame.extend_from_slice(br#"","object":"#);
    frame.extend_from_slice(object);
    frame.extend_from_slice(b"}\n");
}
