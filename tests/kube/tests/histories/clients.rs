//! Clients that write at random and a watcher that misses nothing, for histories.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, pin_mut};
use guideway_kube_tests::Server;
use guideway_kube_tests::history::{Ask, Op, Outcome, Seen, check};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, ResourceExt};
use rand::RngExt;
use serde_json::json;
use tokio::task::JoinHandle;

const CLIENTS: usize = 6;
const KEYS: u64 = 12;

/// What all clients share.
struct Shared {
    /// One for each server.
    clients: Vec<Client>,
    began: Instant,
    /// When writes were acknowledged, since the beginning.
    times: Mutex<Vec<Duration>>,
    clock: AtomicU64,
    values: AtomicU64,
    ended: AtomicBool,
}

impl Shared {
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// By way of one of the servers.
    fn api(&self, server: usize) -> Api<ConfigMap> {
        Api::default_namespaced(self.clients[server % self.clients.len()].clone())
    }
}

async fn client(server: &Server) -> Client {
    let kubeconfig = Kubeconfig::read_from(server.kubeconfig()).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.connect_timeout = Some(Duration::from_secs(2));
    config.read_timeout = Some(Duration::from_secs(20));
    Client::try_from(config).unwrap()
}

fn value_of(object: &ConfigMap) -> Option<u64> {
    object.data.as_ref()?.get("value")?.parse().ok()
}

fn is_ours(name: &str) -> bool {
    name.starts_with("key-")
}

/// One client: random writes, one after the other, until the end.
async fn write(shared: Arc<Shared>, number: usize) -> Vec<Op> {
    let mut ops: Vec<Op> = Vec::new();
    while !shared.ended.load(Ordering::SeqCst) {
        let (key, what) = {
            let mut rng = rand::rng();
            (format!("key-{}", rng.random_range(0..KEYS)), rng.random_range(0..10))
        };
        let value = shared.values.fetch_add(1, Ordering::SeqCst);
        let api = shared.api(number + ops.len());
        let sent = shared.now();
        let (ask, result) = match what {
            0 => (Ask::Delete, api.delete(&key, &DeleteParams::default()).await.map(|_| None)),
            1..=3 => (Ask::Put(value), create(&api, &key, value).await),
            4..=6 => (Ask::Put(value), replace(&api, &key, value).await),
            7 => (Ask::Put(value), apply(&api, &key, value).await),
            _ => (Ask::Put(value), merge(&api, &key, value).await),
        };
        let outcome = match &result {
            Ok(revision) => Outcome::Acknowledged(*revision),
            Err(kube::Error::Api(status)) if status.code < 500 => Outcome::Refused,
            Err(_) => Outcome::Unknown,
        };
        ops.push(Op { key, ask, sent, answered: shared.now(), outcome });
        if matches!(outcome, Outcome::Acknowledged(_)) {
            shared.times.lock().unwrap().push(shared.began.elapsed());
        }
        if outcome == Outcome::Unknown {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    ops
}

type Written = Result<Option<u64>, kube::Error>;

fn revision(object: &ConfigMap) -> Option<u64> {
    object.resource_version()?.parse().ok()
}

fn object(key: &str, value: u64, resource_version: Option<String>) -> ConfigMap {
    serde_json::from_value(json!({
        "metadata": { "name": key, "resourceVersion": resource_version },
        "data": { "value": value.to_string() },
    }))
    .unwrap()
}

async fn create(api: &Api<ConfigMap>, key: &str, value: u64) -> Written {
    api.create(&PostParams::default(), &object(key, value, None)).await.map(|object| revision(&object))
}

/// Compare and swap: only over what was read.
async fn replace(api: &Api<ConfigMap>, key: &str, value: u64) -> Written {
    let old = match api.get(key).await {
        Ok(old) => old,
        // Nothing was written.
        Err(error @ kube::Error::Api(_)) => return Err(error),
        Err(_) => {
            return Err(kube::Error::Api(
                kube::core::Status::failure("not read", "Refused").with_code(400).boxed(),
            ));
        }
    };
    let object = object(key, value, old.resource_version());
    api.replace(key, &PostParams::default(), &object).await.map(|object| revision(&object))
}

async fn merge(api: &Api<ConfigMap>, key: &str, value: u64) -> Written {
    let patch = Patch::Merge(json!({ "data": { "value": value.to_string() } }));
    api.patch(key, &PatchParams::default(), &patch).await.map(|object| revision(&object))
}

async fn apply(api: &Api<ConfigMap>, key: &str, value: u64) -> Written {
    let mut object = serde_json::to_value(object(key, value, None)).unwrap();
    object["apiVersion"] = json!("v1");
    object["kind"] = json!("ConfigMap");
    object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    let params = PatchParams::apply("crashes").force();
    api.patch(key, &params, &Patch::Apply(object)).await.map(|object| revision(&object))
}

/// A watcher that takes up each broken watch where it was. It ends once it has seen `until`.
async fn watch(shared: Arc<Shared>, from: String, until: tokio::sync::oneshot::Receiver<u64>) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut at = from;
    let mut until = until;
    let mut end = None;
    let finished = |at: &str, end: Option<u64>| end.is_some_and(|end| at.parse::<u64>().unwrap() >= end);
    while !finished(&at, end) {
        let params = WatchParams::default().timeout(20);
        let Ok(events) = shared.api(0).watch(&params, &at).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        pin_mut!(events);
        while !finished(&at, end) {
            let event = tokio::select! {
                event = events.next() => event,
                said = &mut until, if end.is_none() => {
                    end = Some(said.unwrap());
                    continue;
                }
            };
            let (object, value) = match event {
                Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                    let value = value_of(&object);
                    (object, value)
                }
                Some(Ok(WatchEvent::Deleted(object))) => (object, None),
                Some(Ok(WatchEvent::Bookmark(bookmark))) => {
                    at = bookmark.metadata.resource_version;
                    continue;
                }
                Some(Ok(WatchEvent::Error(status))) => panic!("the watch from {at} ends with {status:?}"),
                Some(Err(_)) | None => break,
            };
            at = object.resource_version().unwrap();
            let key = object.name_any();
            if is_ours(&key) {
                seen.push(Seen { revision: at.parse().unwrap(), key, value });
            } else if key == "end" {
                // The last write of all.
                end = Some(at.parse().unwrap());
            }
        }
    }
    seen
}

/// Clients at work.
pub(crate) struct Run {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<Vec<Op>>>,
    watcher: JoinHandle<Vec<Seen>>,
    last: tokio::sync::oneshot::Sender<u64>,
}

/// What came of it.
pub(crate) struct Summary {
    pub(crate) requests: usize,
    pub(crate) acknowledged: usize,
    pub(crate) unanswered: usize,
    pub(crate) events: usize,
    /// The longest time without an acknowledged write.
    pub(crate) silence: Duration,
    /// Everything that must not be.
    pub(crate) wrong: Vec<String>,
}

impl Run {
    /// Sets clients to work at these servers; the watcher watches at the first one.
    pub(crate) async fn begin(servers: &[&Server]) -> Self {
        let mut clients = Vec::new();
        for server in servers {
            clients.push(client(server).await);
        }
        let shared = Arc::new(Shared {
            clients,
            began: Instant::now(),
            times: Mutex::new(Vec::new()),
            clock: AtomicU64::new(0),
            values: AtomicU64::new(1),
            ended: AtomicBool::new(false),
        });
        let list = shared.api(0).list(&ListParams::default()).await.unwrap();
        let (last, until) = tokio::sync::oneshot::channel();
        let watcher =
            tokio::spawn(watch(Arc::clone(&shared), list.metadata.resource_version.unwrap(), until));
        let writers = (0..CLIENTS).map(|number| tokio::spawn(write(Arc::clone(&shared), number))).collect();
        Self { shared, writers, watcher, last }
    }

    /// Writes that were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.shared.times.lock().unwrap().len()
    }

    /// Waits until so many more writes were acknowledged.
    pub(crate) async fn progress(&self, writes: usize) {
        let (begin, deadline) = (self.acknowledged(), Instant::now() + Duration::from_secs(60));
        while self.acknowledged() < begin + writes {
            assert!(Instant::now() < deadline, "no client gets on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends the clients' work and compares what they did with what was seen.
    pub(crate) async fn end(self) -> Summary {
        let Self { shared, writers, watcher, last } = self;
        shared.ended.store(true, Ordering::SeqCst);
        let mut ops = Vec::new();
        for writer in writers {
            ops.extend(writer.await.unwrap());
        }
        let end = settle(&shared).await;
        // It may have seen that one already.
        let _ = last.send(end);
        let seen = tokio::time::timeout(Duration::from_secs(60), watcher).await;
        let seen = seen.expect("the watch never ends").unwrap();
        let listed = shared.api(0).list(&ListParams::default()).await.unwrap();
        let objects: BTreeMap<String, u64> = listed
            .items
            .iter()
            .filter(|object| is_ours(&object.name_any()))
            .map(|object| (object.name_any(), value_of(object).unwrap()))
            .collect();
        let count = |outcome: fn(Outcome) -> bool| ops.iter().filter(|op| outcome(op.outcome)).count();
        let mut times = std::mem::take(&mut *shared.times.lock().unwrap());
        times.sort_unstable();
        Summary {
            requests: ops.len(),
            acknowledged: count(|outcome| matches!(outcome, Outcome::Acknowledged(_))),
            unanswered: count(|outcome| outcome == Outcome::Unknown),
            events: seen.len(),
            silence: times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default(),
            wrong: check(&ops, &seen, &objects),
        }
    }
}

/// Writes one object after all others, and gives its revision.
async fn settle(shared: &Shared) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match merge_or_create(&shared.api(0)).await {
            Ok(Some(revision)) => return revision,
            other => assert!(Instant::now() < deadline, "the last write fails: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn merge_or_create(api: &Api<ConfigMap>) -> Written {
    match create(api, "end", 0).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {
            api.get("end").await.map(|object| revision(&object))
        }
        other => other,
    }
}
