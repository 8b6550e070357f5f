//! What the cache costs, over an embedded store: `cargo run --release -p guideway-cache --example latency -- [FOLDER]`.
//!
//! From a write's start to its event at one watcher and at 500, a list of 6,300 objects, and the memory of all that.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use guideway_cache::{Cache, Limits};
use guideway_store::{RedbOptions, RedbStore, Store, Txn, TxnOutcome};
use tokio::sync::mpsc;

const OBJECTS: usize = 6_300;
const IDLE: usize = 10_000;
const WRITES: usize = 1_000;

fn main() {
    let parent = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let folder = tempfile::TempDir::new_in(parent).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = RedbStore::open(&folder.path().join("store.redb"), RedbOptions::default()).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        println!("store open: {} MB", resident());
        let cache = Cache::start(store.clone(), Limits::default()).await.unwrap();
        println!("cache empty: {} MB", resident());

        let start = Instant::now();
        let writers: Vec<_> = (0..64).map(|writer| tokio::spawn(fill(store.clone(), writer))).collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let written = start.elapsed();
        cache.fresh(Duration::from_secs(10)).await.unwrap();
        let behind = start.elapsed() - written;
        println!(
            "{OBJECTS} objects: {:.0}/s, the cache {behind:.1?} behind; {} MB",
            per_second(OBJECTS, written),
            resident()
        );

        let mut lists: Vec<Duration> = (0..200)
            .map(|_| {
                let start = Instant::now();
                let (_, objects) = cache.list("/registry/core/configmaps/");
                let bytes: usize = objects.iter().map(|object| object.json.len()).sum();
                assert!(objects.len() >= OBJECTS && bytes > 0);
                start.elapsed()
            })
            .collect();
        show("list of 6,300 objects", &mut lists);

        let watchers: Vec<_> = (0..IDLE)
            .map(|n| cache.watch(&format!("/registry/core/pods/ns-{n}/"), None).unwrap())
            .map(|mut watcher| tokio::spawn(async move { watcher.next().await.is_ok() }))
            .collect();
        tokio::time::sleep(Duration::from_millis(200)).await;
        println!("{IDLE} idle watches, a task each: {} MB", resident());

        watched(&*store, &cache, 1).await;
        watched(&*store, &cache, 500).await;
        for watcher in watchers {
            watcher.abort();
        }
    });
}

async fn fill(store: Arc<dyn Store>, writer: usize) {
    for n in (writer..OBJECTS).step_by(64) {
        create(&*store, &format!("filled-{n:05}")).await;
    }
}

async fn create(store: &dyn Store, name: &str) {
    let data = "x".repeat(700);
    let json = format!(
        r#"{{"apiVersion":"v1","data":{{"a":"{data}"}},"kind":"ConfigMap","metadata":{{"creationTimestamp":"2026-01-01T00:00:00Z","labels":{{"app":"bench","name":"{name}"}},"name":"{name}","namespace":"default","uid":"6f5d6c5e-0000-4000-8000-000000000000"}}}}"#
    );
    let txn = Txn::create(format!("/registry/core/configmaps/default/{name}"), json);
    assert!(matches!(store.txn(txn).await.unwrap(), TxnOutcome::Committed(_)));
}

/// How long it takes from the start of a write until the last of so many watchers has its event.
async fn watched(store: &dyn Store, cache: &Cache, count: usize) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let watchers: Vec<_> = (0..count)
        .map(|_| {
            let mut watcher = cache.watch("/registry/core/configmaps/", None).unwrap();
            let tell = tell.clone();
            tokio::spawn(async move {
                while watcher.next().await.is_ok() {
                    tell.send(Instant::now()).unwrap();
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for n in 0..WRITES {
        let start = Instant::now();
        create(store, &format!("watched-{count}-{n}")).await;
        let mut last = start;
        for _ in 0..count {
            last = last.max(told.recv().await.unwrap());
        }
        times.push(last - start);
    }
    show(&format!("create to event, the last of {count}"), &mut times);
    for watcher in watchers {
        watcher.abort();
    }
}

fn show(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!("{what}: p50 {:.2?}, p99 {:.2?}", at(50), at(99));
}

fn per_second(count: usize, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}

/// The memory of this process, in MB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}
