//! How many durable transactions a second the embedded store makes, next to a plain append and `fdatasync` of the same
//! bytes on the same disk: `cargo run --release -p guideway-store --example durability -- [FOLDER]`.
//!
//! Rounds of each take turns, so that a disk that changes its mind is fair to all; medians of the rounds are shown.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guideway_store::{RedbOptions, RedbStore, Store, Txn, TxnOutcome};

const VALUE: usize = 1000;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

/// What a round came to.
struct Round {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

impl Round {
    fn of(mut times: Vec<Duration>, elapsed: Duration) -> Self {
        times.sort();
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        Self { per_second: times.len() as f64 / elapsed.as_secs_f64(), p50: at(50), p99: at(99) }
    }
}

fn main() {
    let parent = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let folder = tempfile::TempDir::new_in(parent).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let store = RedbStore::open(&folder.path().join("store.redb"), RedbOptions::default()).unwrap();
    let store = Arc::new(store);
    let mut results: Vec<(&str, Vec<Round>)> = vec![
        ("append + fdatasync", Vec::new()),
        ("create, 1 client", Vec::new()),
        ("create, 64 clients", Vec::new()),
        ("update, 64 clients", Vec::new()),
    ];
    for round in 0..ROUNDS {
        results[0].1.push(append(folder.path()));
        results[1].1.push(runtime.block_on(load(&store, 1, &format!("a{round}"), u64::MAX)));
        results[2].1.push(runtime.block_on(load(&store, 64, &format!("b{round}"), u64::MAX)));
        results[3].1.push(runtime.block_on(load(&store, 64, "c", 100)));
    }
    println!("{VALUE} bytes each; medians of {ROUNDS} rounds of {ROUND:?}");
    for (name, rounds) in &mut results {
        rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
        let Round { per_second, p50, p99 } = &rounds[ROUNDS / 2];
        println!("{name:20} {per_second:9.0}/s   p50 {p50:9.1?}   p99 {p99:9.1?}");
    }
    // What a crash would leave now.
    let (path, crashed) = (folder.path().join("store.redb"), folder.path().join("crashed.redb"));
    std::fs::copy(&path, &crashed).unwrap();
    let journal = |path: &Path| format!("{}.journal", path.display());
    std::fs::copy(journal(&path), journal(&crashed)).unwrap();
    drop(store);
    println!("the file has {} MB", std::fs::metadata(&path).unwrap().len() >> 20);
    for (what, path) in [("an orderly end", path), ("a crash", crashed)] {
        let start = Instant::now();
        let store = RedbStore::open(&path, RedbOptions::default()).unwrap();
        println!("opened in {:.1?} after {what}", start.elapsed());
        drop(store);
    }
}

fn append(folder: &Path) -> Round {
    let mut file = File::create(folder.join("plain")).unwrap();
    let bytes = vec![b'x'; VALUE];
    let (start, mut times) = (Instant::now(), Vec::new());
    while start.elapsed() < ROUND {
        let begin = Instant::now();
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
        times.push(begin.elapsed());
    }
    Round::of(times, start.elapsed())
}

/// Each client writes one key after the other, new ones or again and again the same few.
async fn load(store: &Arc<RedbStore>, clients: usize, prefix: &str, keys: u64) -> Round {
    let start = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let (store, prefix) = (store.clone(), prefix.to_owned());
            tokio::spawn(async move {
                let mut times = Vec::new();
                for n in 0.. {
                    if start.elapsed() >= ROUND {
                        break;
                    }
                    let key = format!("/registry/core/configmaps/{prefix}-{client}/{:08}", n % keys);
                    let mut txn = Txn::create(key, vec![b'x'; VALUE]);
                    if keys < u64::MAX {
                        txn.expect.clear();
                    }
                    let begin = Instant::now();
                    assert!(matches!(store.txn(txn).await.unwrap(), TxnOutcome::Committed(_)));
                    times.push(begin.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    Round::of(times, start.elapsed())
}
