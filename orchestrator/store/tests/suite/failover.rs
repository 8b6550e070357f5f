//! Etcd's members die, and nothing that was acknowledged is lost or done twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use guideway_store::{Change, EtcdStore, Event, Range, Revision, Store, StoreError, Txn, TxnOutcome};

use crate::etcd::Cluster;

const CLIENTS: usize = 8;

/// Creates keys until told to stop. What it returns was acknowledged.
async fn create(
    store: EtcdStore,
    client: usize,
    end: tokio::sync::watch::Receiver<bool>,
) -> Vec<(String, Revision)> {
    let mut created = Vec::new();
    for n in 0.. {
        if *end.borrow() {
            break;
        }
        let key = format!("/registry/f/{client}/{n}");
        match store.txn(Txn::create(key.as_str(), "x")).await {
            Ok(TxnOutcome::Committed(revision)) => created.push((key, revision)),
            // Nobody else creates this key: it would be our own transaction, done before and taken for lost.
            Ok(TxnOutcome::Refused { .. }) => panic!("{key} was created twice"),
            Err(StoreError::Unavailable { .. }) => {}
            Err(error) => panic!("{key}: {error:?}"),
        }
    }
    created
}

async fn next(watch: &mut guideway_store::Watch) -> Event {
    tokio::time::timeout(Duration::from_secs(60), watch.next())
        .await
        .expect("an event in time")
        .unwrap()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_dies_costs_no_write_and_repeats_none() {
    let mut cluster = Cluster::start(3);
    let store = cluster.connect().await;
    let start = store.revision().await.unwrap();
    let mut watch = store.watch(start).await.unwrap();
    let (end, ended) = tokio::sync::watch::channel(false);
    let other = cluster.connect().await;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let store = if client % 2 == 0 { store.clone() } else { other.clone() };
            tokio::spawn(create(store, client, ended.clone()))
        })
        .collect();
    let mut longest = Duration::ZERO;
    for _ in 0..2 {
        for _ in 0..200 {
            next(&mut watch).await;
        }
        let leader = tokio::task::block_in_place(|| cluster.leader());
        cluster.kill(leader);
        let killed = Instant::now();
        // What was on its way still comes; a write that began after it shows that writes go on.
        let probe = Txn::create(format!("/registry/probe/{leader}-{killed:?}"), "");
        assert!(matches!(store.txn(probe).await.unwrap(), TxnOutcome::Committed(_)));
        longest = longest.max(killed.elapsed());
        cluster.revive(leader);
    }
    eprintln!("writes went on after {longest:?}");
    assert!(longest < Duration::from_secs(30), "writes went on after {longest:?}");
    end.send_replace(true);
    let mut acknowledged = Vec::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap());
    }
    acknowledged.sort_by_key(|(_, revision)| *revision);
    assert!(acknowledged.windows(2).all(|pair| pair[0].1 < pair[1].1));

    // All are there, at the revisions that were told; the watch has told each once and in order.
    let page = store.range(Range::prefix("/registry/f/")).await.unwrap();
    for (key, revision) in &acknowledged {
        let item = page.items.iter().find(|item| *item.key == **key).expect("an acknowledged key is there");
        assert_eq!(item.modified, *revision, "{key}");
    }
    let mut again = store.watch(start).await.unwrap();
    let mut told = Vec::new();
    while told.len() < page.items.len() {
        let event = next(&mut again).await;
        for change in event.changes {
            let Change::Put(item) = change else { panic!("nothing is deleted here") };
            if item.key.starts_with("/registry/f/") {
                assert_eq!(item.modified, event.revision);
                told.push((item.key.to_string(), item.modified));
            }
        }
    }
    assert!(told.windows(2).all(|pair| pair[0].1 < pair[1].1), "out of order or twice");
    let last = told.last().unwrap().1;
    let mut before = start;
    loop {
        let event = next(&mut watch).await;
        assert!(event.revision > before);
        before = event.revision;
        if event.revision >= last {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_when_etcd_comes_back() {
    let mut cluster = Cluster::start(1);
    let store = Arc::new(cluster.connect().await);
    let mut watch = store.watch(store.revision().await.unwrap()).await.unwrap();
    let mut written = Vec::new();
    for round in 0..3 {
        for n in 0..10 {
            let txn = Txn::create(format!("/registry/r/{round}/{n}"), "");
            let TxnOutcome::Committed(revision) = store.txn(txn).await.unwrap() else { panic!("refused") };
            written.push(revision);
            if n % 3 == round {
                assert_eq!(next(&mut watch).await.revision, written.remove(0));
            }
        }
        cluster.kill(0);
        cluster.revive(0);
    }
    let TxnOutcome::Committed(last) = store.txn(Txn::create("/registry/last", "")).await.unwrap() else {
        panic!("refused")
    };
    written.push(last);
    for revision in written {
        assert_eq!(next(&mut watch).await.revision, revision);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_goes_into_an_empty_etcd_only() {
    let cluster = Cluster::start(1);
    let store = cluster.connect().await;
    for n in 0..250 {
        store.txn(Txn::create(format!("/registry/b/{n}"), vec![b'x'; 10_000])).await.unwrap();
    }
    let path = cluster.folder.path().join("backup");
    store.backup(&path).await.unwrap();
    let before = store.range(Range::prefix("/registry/")).await.unwrap();
    let error = EtcdStore::restore(&cluster.options(), &path).await.err().expect("objects are there");
    assert!(matches!(error, guideway_store::etcd::EtcdRestoreError::Exists), "{error:?}");
    assert_eq!(store.range(Range::prefix("/registry/")).await.unwrap(), before);
    let elsewhere = guideway_store::EtcdOptions { prefix: "/other".into(), ..cluster.options() };
    let (restored, summary) = EtcdStore::restore(&elsewhere, &path).await.unwrap();
    assert_eq!(summary.keys, 250);
    let after = restored.range(Range::prefix("/registry/")).await.unwrap();
    let plain = |page: &guideway_store::Page| {
        page.items.iter().map(|item| (item.key.clone(), item.value.clone())).collect::<Vec<_>>()
    };
    assert_eq!(plain(&after), plain(&before));
    EtcdStore::connect(&elsewhere).await.unwrap();
    // A damaged one changes nothing.
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = cluster.folder.path().join("damaged");
    std::fs::write(&damaged, bytes).unwrap();
    let third = guideway_store::EtcdOptions { prefix: "/third".into(), ..cluster.options() };
    let error = EtcdStore::restore(&third, &damaged).await.err().expect("it is damaged");
    assert!(matches!(error, guideway_store::etcd::EtcdRestoreError::Backup(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etcd_may_want_certificates() {
    let cluster = Cluster::start_with_tls();
    let store = cluster.connect().await;
    store.txn(Txn::create("/registry/x", "secret")).await.unwrap();
    assert_eq!(store.get("/registry/x").await.unwrap().unwrap().value, "secret");
    let mut options = cluster.options();
    options.tls = None;
    let error = EtcdStore::connect(&options).await.err().expect("no certificate of who signed etcd's");
    assert!(error.to_string().contains("needs the certificate"), "{error}");
}

/// Who reads while etcd is away waits for it once, and not again each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_fail_soon_when_etcd_is_known_to_be_away() {
    let mut cluster = Cluster::start(1);
    let store = cluster.connect().await;
    store.revision().await.unwrap();
    cluster.kill(0);
    let patiently = async || {
        let start = Instant::now();
        assert!(matches!(store.revision().await, Err(StoreError::Unavailable { .. })));
        start.elapsed()
    };
    let first = patiently().await;
    let mut others = Duration::ZERO;
    for _ in 0..5 {
        others += patiently().await;
    }
    assert!(others < first, "five reads took {others:?}, the first one {first:?}");
    cluster.revive(0);
    while store.revision().await.is_err() {}
    assert!(matches!(store.txn(Txn::create("/registry/x/y", "")).await, Ok(TxnOutcome::Committed(_))));
}
