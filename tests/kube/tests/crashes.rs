//! The server is killed at random while clients write: nothing that was acknowledged is lost.
//!
//! `GUIDEWAY_KILLS` says how often it is killed, 12 times unless told.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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

const CLIENTS: usize = 6;
const KEYS: u64 = 12;

/// What all clients share.
struct Shared {
    client: Client,
    clock: AtomicU64,
    values: AtomicU64,
    ended: AtomicBool,
}

impl Shared {
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn api(&self) -> Api<ConfigMap> {
        Api::default_namespaced(self.client.clone())
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
async fn write(shared: Arc<Shared>) -> Vec<Op> {
    let mut ops = Vec::new();
    while !shared.ended.load(Ordering::SeqCst) {
        let (key, what) = {
            let mut rng = rand::rng();
            (format!("key-{}", rng.random_range(0..KEYS)), rng.random_range(0..10))
        };
        let value = shared.values.fetch_add(1, Ordering::SeqCst);
        let api = shared.api();
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
        let Ok(events) = shared.api().watch(&params, &at).await else {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost() {
    let kills: u32 = std::env::var("GUIDEWAY_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let mut server = Server::start().unwrap();
    let shared = Arc::new(Shared {
        client: client(&server).await,
        clock: AtomicU64::new(0),
        values: AtomicU64::new(1),
        ended: AtomicBool::new(false),
    });
    let from = shared.api().list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let (last, until) = tokio::sync::oneshot::channel();
    let watcher = tokio::spawn(watch(Arc::clone(&shared), from, until));
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(write(Arc::clone(&shared)))).collect();
    for kill in 0..kills {
        let time = Duration::from_micros(rand::rng().random_range(10_000..600_000));
        tokio::time::sleep(time).await;
        server.kill();
        tokio::task::block_in_place(|| server.spawn())
            .unwrap_or_else(|error| panic!("after kill {kill}: {error:#}"));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    shared.ended.store(true, Ordering::SeqCst);
    let mut ops = Vec::new();
    for client in clients {
        ops.extend(client.await.unwrap());
    }
    let end = settle(&shared).await;
    last.send(end).unwrap();
    let seen =
        tokio::time::timeout(Duration::from_secs(60), watcher).await.expect("the watch never ends").unwrap();
    let listed = shared.api().list(&ListParams::default()).await.unwrap();
    let objects: BTreeMap<String, u64> = listed
        .items
        .iter()
        .filter(|object| is_ours(&object.name_any()))
        .map(|object| (object.name_any(), value_of(object).unwrap()))
        .collect();
    let count = |outcome: fn(Outcome) -> bool| ops.iter().filter(|op| outcome(op.outcome)).count();
    let acknowledged = count(|outcome| matches!(outcome, Outcome::Acknowledged(_)));
    println!(
        "{kills} kills: {} requests, {acknowledged} acknowledged, {} without answer, {} events",
        ops.len(),
        count(|outcome| outcome == Outcome::Unknown),
        seen.len()
    );
    assert!(acknowledged > kills as usize, "hardly anything was written");
    let wrong = check(&ops, &seen, &objects);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Writes one object after all others, and gives its revision.
async fn settle(shared: &Shared) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match merge_or_create(&shared.api()).await {
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
