//! A process that has the embedded store open is killed at random points: what it acknowledged is there.
//!
//! `GUIDEWAY_KILLS` says how often it is killed, 25 times unless told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use guideway_store::{
    Change, Key, RedbOptions, RedbStore, Revision, Store, StoreError, Txn, TxnOutcome, Write,
};

/// Writers of the rounds, in turn: one that is alone writes where it is, more of them share a commit.
const CLIENTS: [usize; 3] = [8, 1, 2];
const KEYS: usize = 20;
/// Names the store to the process that is to be killed.
const STORE: &str = "GUIDEWAY_TEST_STORE";
/// Its number of writers.
const WRITERS: &str = "GUIDEWAY_TEST_WRITERS";

/// What was acknowledged last: the revision, and the value of each key.
#[derive(Default)]
struct Acknowledged {
    values: BTreeMap<String, (u64, Revision)>,
    all: Vec<(Revision, String)>,
}

/// Not a test unless it is run by the one below: writes until it is killed, and says on standard output what was
/// acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writer() {
    let Some(path) = std::env::var_os(STORE) else { return };
    // Full, and begun anew, several times before the end.
    let options = RedbOptions { journal_bytes: 50_000, ..RedbOptions::default() };
    let store = Arc::new(RedbStore::open(Path::new(&path), options).unwrap());
    let start = store.revision().await.unwrap().0;
    let writers: usize = std::env::var(WRITERS).unwrap().parse().unwrap();
    let clients: Vec<_> =
        (0..writers).map(|client| tokio::spawn(write(store.clone(), client, start))).collect();
    for client in clients {
        client.await.unwrap();
    }
}

async fn write(store: Arc<RedbStore>, client: usize, start: u64) {
    for n in start.. {
        let key = format!("/registry/k/{client}/{}", n % KEYS as u64);
        let value = format!("{n} {}", "x".repeat(rand::random_range(0..3000)));
        let writes = vec![Write::Put { key: key.as_str().into(), value: value.into() }];
        let TxnOutcome::Committed(revision) = store.txn(Txn { expect: Vec::new(), writes }).await.unwrap()
        else {
            panic!("refused")
        };
        // In one piece, and with the line's end it is on its way.
        println!("ack {key} {n} {revision}");
        if rand::random_bool(0.01) {
            store.compact(Revision(revision.0.saturating_sub(200).max(1))).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9() {
    let rounds: usize = std::env::var("GUIDEWAY_KILLS").map_or(25, |kills| kills.parse().unwrap());
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("store.redb");
    let mut known = Acknowledged::default();
    let mut before = Revision::FIRST;
    for round in 0..rounds {
        tokio::task::block_in_place(|| run_and_kill(&path, CLIENTS[round % CLIENTS.len()], &mut known));
        let store = RedbStore::open(&path, RedbOptions::default()).unwrap();
        let now = store.revision().await.unwrap();
        let last = known.all.iter().map(|(revision, _)| *revision).max().unwrap();
        assert!(now >= last, "round {round}: at {now} after {last} was acknowledged");
        for (key, (n, revision)) in &known.values {
            let item = store.get(key).await.unwrap().expect("an acknowledged key is there");
            let value = String::from_utf8(item.value.to_vec()).unwrap();
            let stored: u64 = value.split(' ').next().unwrap().parse().unwrap();
            // A later write may have been made durable, and its answer lost.
            assert!(stored >= *n && item.modified >= *revision, "round {round}: {key} has {stored}, not {n}");
        }
        check_history(&store, before, now, &known).await;
        before = now;
    }
}

fn run_and_kill(path: &Path, writers: usize, known: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::writer", "--nocapture"])
        .env(STORE, path)
        .env(WRITERS, writers.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut take = |line: String| {
        let mut words = line.strip_prefix("ack ")?.split(' ');
        let (key, n, revision) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        known.values.insert(key.to_owned(), (n, Revision(revision)));
        known.all.push((Revision(revision), key.to_owned()));
        Some(())
    };
    // It works now; from here on any moment will do.
    while take(lines.next().expect("the writer writes").unwrap()).is_none() {}
    let reader = std::thread::spawn({
        let pause = Duration::from_micros(rand::random_range(0..60_000));
        move || {
            std::thread::sleep(pause);
            child.kill().unwrap();
            child.wait().unwrap();
        }
    });
    // What it said before it was killed counts, though it may be read later. A last line may be cut.
    for line in lines {
        take(line.unwrap());
    }
    reader.join().unwrap();
}

/// Since the last round, as far as that is not compacted: each revision is there, and is what was acknowledged.
async fn check_history(store: &RedbStore, before: Revision, now: Revision, known: &Acknowledged) {
    let mut from = before;
    let mut watch = match store.watch(from).await {
        Ok(watch) => watch,
        Err(StoreError::Compacted { oldest }) => {
            from = oldest;
            store.watch(from).await.unwrap()
        }
        Err(error) => panic!("{error}"),
    };
    let mut told: BTreeMap<Revision, Key> = BTreeMap::new();
    for revision in from.0 + 1..=now.0 {
        let event =
            tokio::time::timeout(Duration::from_secs(30), watch.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(event.revision.0, revision);
        let [Change::Put(item)] = &event.changes[..] else { panic!("{event:?}") };
        told.insert(event.revision, item.key.clone());
    }
    for (revision, key) in known.all.iter().filter(|(revision, _)| *revision > from) {
        assert_eq!(told.get(revision).map(|key| &**key), Some(key.as_str()), "at {revision}");
    }
}
