//! The cache over a store in memory, which fails when it is told to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use guideway_store::{Key, MemoryStore, Page, Range, Txn, TxnOutcome, Watch, Write};
use rand::RngExt;

use super::*;
use crate::{Lagged, WatchEvent, WatchKind};

const PATIENCE: Duration = Duration::from_secs(30);

async fn put(store: &dyn Store, key: &str, json: &str) -> Revision {
    let write = Write::Put { key: key.into(), value: json.to_owned().into() };
    commit(store, write).await
}

async fn delete(store: &dyn Store, key: &str) -> Revision {
    commit(store, Write::Delete { key: key.into() }).await
}

async fn commit(store: &dyn Store, write: Write) -> Revision {
    match store.txn(Txn { expect: Vec::new(), writes: vec![write] }).await.unwrap() {
        TxnOutcome::Committed(revision) => revision,
        TxnOutcome::Refused { .. } => panic!("refused"),
    }
}

async fn start(limits: Limits) -> (Arc<MemoryStore>, Arc<Cache>) {
    let store = Arc::new(MemoryStore::new());
    let cache = Cache::start(store.clone(), limits).await.unwrap();
    (store, cache)
}

async fn next(watcher: &mut Watcher) -> Arc<WatchEvent> {
    tokio::time::timeout(PATIENCE, watcher.next()).await.expect("an event in time").unwrap()
}

fn keys(objects: &[Arc<Object>]) -> Vec<&str> {
    objects.iter().map(|object| &*object.key).collect()
}

#[tokio::test]
async fn events_tell_what_became_of_an_object() {
    let (store, cache) = start(Limits::default()).await;
    let key = "/registry/core/pods/a/x";
    let mut all = cache.watch("/registry/core/pods/", None).unwrap();
    let mut one = cache.watch(key, None).unwrap();
    let mut other = cache.watch("/registry/core/pods/a", None).unwrap();
    let added = put(&*store, key, r#"{"metadata":{"labels":{"v":"1"}}}"#).await;
    let modified = put(&*store, key, r#"{"metadata":{"labels":{"v":"2"}}}"#).await;
    let deleted = delete(&*store, key).await;
    put(&*store, "/registry/core/pods/b/y", "{}").await;
    for watcher in [&mut all, &mut one] {
        let event = next(watcher).await;
        assert_eq!((event.kind, event.revision), (WatchKind::Added, added));
        assert_eq!(
            event.object.json,
            format!(r#"{{"metadata":{{"resourceVersion":"{added}","labels":{{"v":"1"}}}}}}"#)
        );
        assert!(event.previous.is_none());
        let event = next(watcher).await;
        assert_eq!(
            (event.kind, event.revision, event.object.label("v")),
            (WatchKind::Modified, modified, Some("2"))
        );
        assert_eq!(event.previous.as_ref().unwrap().label("v"), Some("1"));
        let event = next(watcher).await;
        assert_eq!(
            (event.kind, event.revision, event.object.label("v")),
            (WatchKind::Deleted, deleted, Some("2"))
        );
        assert_eq!(event.object.value()["metadata"]["resourceVersion"], deleted.to_string());
        assert_eq!(event.previous.as_ref().unwrap().revision, modified);
    }
    assert_eq!(&*next(&mut all).await.object.key, "/registry/core/pods/b/y");
    assert!(one.ready(10).unwrap().is_empty());
    assert!(other.ready(10).unwrap().is_empty(), "a prefix ends where a part of the key does");
}

#[tokio::test]
async fn lists_and_pages() {
    let (store, cache) = start(Limits::default()).await;
    for n in 0..10 {
        put(&*store, &format!("/registry/core/pods/a/{n}"), "{}").await;
    }
    let last = put(&*store, "/registry/core/pods/b/0", "{}").await;
    assert_eq!(cache.fresh(PATIENCE).await.unwrap(), last);
    let (revision, objects) = cache.list("/registry/core/pods/a/");
    assert_eq!((revision, objects.len()), (last, 10));
    let (_, page, left) = cache.list_from("/registry/core/pods/a/", "/registry/core/pods/a/3\0", 4);
    let names: Vec<_> = page.iter().map(|object| object.name()).collect();
    assert_eq!((names, left), (vec!["4", "5", "6", "7"], 2));
    assert_eq!(cache.list("/registry/core/pods/").1.len(), 11);
    assert_eq!(cache.get("/registry/core/pods/b/0").unwrap().namespace(), Some("b"));
    assert!(cache.get("/registry/core/pods/b").is_none());
    let error = cache.wait_for(last.next(), Duration::from_millis(10)).await;
    assert!(matches!(error, Err(WaitError::Timeout { current }) if current == last));
}

#[tokio::test]
async fn the_past_is_replayed_and_the_future_waited_for() {
    let (store, cache) = start(Limits { events: 5, ..Limits::default() }).await;
    let mut revisions = Vec::new();
    for n in 0..8 {
        revisions.push(put(&*store, &format!("/registry/x/{}", n % 2), &n.to_string()).await);
    }
    let mut future = cache.watch("/registry/x/", Some(revisions[7].next())).unwrap();
    cache.wait_for(revisions[7], PATIENCE).await.unwrap();
    assert_eq!(future.caught_up(), None);
    assert_eq!(cache.oldest(), revisions[2]);
    assert_eq!(cache.watch("/registry/x/", Some(revisions[1])).err(), Some(TooOld { oldest: revisions[2] }));
    let mut watcher = cache.watch("/registry/x/", Some(revisions[2])).unwrap();
    let mut later = cache.watch("/registry/x/", Some(revisions[5])).unwrap();
    let mut single = cache.watch("/registry/x/1", Some(revisions[2])).unwrap();
    let told = |events: Vec<Arc<WatchEvent>>| events.iter().map(|event| event.revision).collect::<Vec<_>>();
    assert_eq!(watcher.caught_up(), None);
    assert_eq!(told(watcher.ready(2).unwrap()), revisions[3..5]);
    assert_eq!(watcher.caught_up(), None);
    assert_eq!(told(watcher.ready(9).unwrap()), revisions[5..]);
    assert_eq!(watcher.caught_up(), Some(revisions[7]));
    assert_eq!(told(later.ready(9).unwrap()), revisions[6..]);
    assert_eq!(told(single.ready(9).unwrap()), [revisions[3], revisions[5], revisions[7]]);
    // An event elsewhere moves the bookmark.
    let elsewhere = put(&*store, "/registry/y/1", "").await;
    cache.wait_for(elsewhere, PATIENCE).await.unwrap();
    assert_eq!(watcher.caught_up(), Some(elsewhere));
    assert!(future.ready(9).unwrap().is_empty());
    assert_eq!(future.caught_up(), Some(elsewhere));
    let told = put(&*store, "/registry/x/1", "").await;
    assert_eq!(next(&mut future).await.revision, told);
}

#[tokio::test]
async fn who_is_too_slow_is_ended_and_nobody_else() {
    let (store, cache) = start(Limits { events: 100, ..Limits::default() }).await;
    let first = put(&*store, "/registry/quiet/1", "").await;
    cache.wait_for(first, PATIENCE).await.unwrap();
    let mut slow = cache.watch("/registry/busy/", None).unwrap();
    let mut quiet = cache.watch("/registry/quiet/", None).unwrap();
    let mut quick = cache.watch("/registry/busy/", None).unwrap();
    for _ in 0..150 {
        put(&*store, "/registry/busy/1", "").await;
        next(&mut quick).await;
    }
    assert_eq!(slow.ready(1).err(), Some(Lagged));
    assert_eq!(slow.next().await.err(), Some(Lagged));
    assert!(StreamExt::next(&mut slow).await.is_none());
    put(&*store, "/registry/quiet/2", "").await;
    assert_eq!(&*next(&mut quiet).await.object.key, "/registry/quiet/2");

    // The bytes count as well.
    let (store, cache) = start(Limits { event_bytes: 10_000, ..Limits::default() }).await;
    let mut slow = cache.watch("/registry/", None).unwrap();
    for n in 0..20 {
        let last = put(&*store, &format!("/registry/big/{n}"), &"x".repeat(1000)).await;
        cache.wait_for(last, PATIENCE).await.unwrap();
    }
    assert!(slow.next().await.is_err());
}

#[tokio::test]
async fn watchers_that_come_and_go_leave_nothing() {
    let (store, cache) = start(Limits::default()).await;
    let mut stays = cache.watch("/registry/x/", None).unwrap();
    for _ in 0..100 {
        let mut goes = cache.watch("/registry/x/", None).unwrap();
        assert!(tokio::time::timeout(Duration::ZERO, goes.next()).await.is_err());
    }
    for _ in 0..2 {
        let mut wakers = Vec::new();
        cache.shared.write().log.reset(Revision::FIRST, &mut wakers);
        assert!(wakers.is_empty(), "{} wakers of watchers that are gone", wakers.len());
    }
    assert!(stays.next().await.is_err());
    drop(stays);
    let last = put(&*store, "/registry/x/1", "").await;
    cache.wait_for(last, PATIENCE).await.unwrap();
}

/// A store in memory whose watches fail after some events, and which can be away.
struct Unreliable {
    inner: MemoryStore,
    /// How many events the next watch tells.
    tells: Mutex<usize>,
    away: Mutex<bool>,
}

impl Unreliable {
    fn here(&self) -> Result<(), StoreError> {
        if *self.away.lock().unwrap() { Err(gone()) } else { Ok(()) }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable { what: "a test wants it so".into(), source: None }
}

#[async_trait]
impl Store for Unreliable {
    fn name(&self) -> &'static str {
        "unreliable"
    }
    async fn txn(&self, txn: Txn) -> Result<TxnOutcome, StoreError> {
        self.inner.txn(txn).await
    }
    async fn range(&self, range: Range) -> Result<Page, StoreError> {
        self.here()?;
        self.inner.range(range).await
    }
    async fn revision(&self) -> Result<Revision, StoreError> {
        self.here()?;
        self.inner.revision().await
    }
    async fn watch(&self, from: Revision) -> Result<Watch, StoreError> {
        self.here()?;
        let tells = *self.tells.lock().unwrap();
        let watch = self.inner.watch(from).await?;
        Ok(watch.take(tells).chain(stream::iter([Err(gone())])).boxed())
    }
    async fn compact(&self, to: Revision) -> Result<(), StoreError> {
        self.inner.compact(to).await
    }
    async fn defragment(&self) -> Result<(), StoreError> {
        Ok(())
    }
    async fn backup(&self, path: &Path) -> Result<Revision, StoreError> {
        self.inner.backup(path).await
    }
}

async fn unreliable(tells: usize) -> (Arc<Unreliable>, Arc<Cache>) {
    let store = Unreliable { inner: MemoryStore::new(), tells: Mutex::new(tells), away: Mutex::new(false) };
    let store = Arc::new(store);
    let cache = Cache::start(store.clone(), Limits::default()).await.unwrap();
    (store, cache)
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_the_store_that_fails_is_taken_up_where_it_was() {
    let (store, cache) = unreliable(3).await;
    let mut watcher = cache.watch("/registry/", None).unwrap();
    let mut revisions = Vec::new();
    for n in 0..50 {
        revisions.push(put(&*store, &format!("/registry/x/{n}"), "").await);
    }
    for revision in &revisions {
        assert_eq!(next(&mut watcher).await.revision, *revision);
    }
    assert_eq!(cache.list("/registry/").1.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_is_read_anew_and_watchers_are_told_so() {
    let (store, cache) = unreliable(2).await;
    let mut watcher = cache.watch("/registry/", None).unwrap();
    let first = put(&*store, "/registry/x/1", "old").await;
    assert_eq!(next(&mut watcher).await.revision, first);
    *store.away.lock().unwrap() = true;
    let second = put(&*store, "/registry/x/2", "").await;
    assert_eq!(next(&mut watcher).await.revision, second);
    delete(&*store, "/registry/x/1").await;
    put(&*store, "/registry/x/1", "new").await;
    delete(&*store, "/registry/x/2").await;
    let last = put(&*store, "/registry/x/3", "").await;
    store.compact(last).await.unwrap();
    assert!(matches!(cache.fresh(PATIENCE).await, Err(WaitError::Store(_))));
    // It serves what it had until it can do better.
    assert_eq!(cache.list("/registry/").0, second);
    *store.away.lock().unwrap() = false;
    cache.wait_for(last, PATIENCE).await.unwrap();
    assert_eq!(watcher.next().await.err(), Some(Lagged));
    let (revision, objects) = cache.list("/registry/");
    assert_eq!((revision, keys(&objects)), (last, vec!["/registry/x/1", "/registry/x/3"]));
    assert_eq!(objects[0].json, "new");
    assert_eq!(cache.watch("/registry/", Some(second)).err(), Some(TooOld { oldest: last }));
    let mut watcher = cache.watch("/registry/", Some(revision)).unwrap();
    *store.tells.lock().unwrap() = usize::MAX;
    let after = put(&*store, "/registry/x/1", "").await;
    assert_eq!(next(&mut watcher).await.revision, after);
}

#[tokio::test]
async fn a_new_cache_has_what_happened_before() {
    let store: Arc<MemoryStore> = Arc::new(MemoryStore::new());
    let mut revisions = Vec::new();
    for n in 0..10 {
        revisions.push(put(&*store, "/registry/x/1", &format!("{{\"n\":{n}}}")).await);
    }
    revisions.push(delete(&*store, "/registry/x/1").await);
    let limits = Limits { past: 5, ..Limits::default() };
    let cache = Cache::start(store.clone(), limits).await.unwrap();
    assert_eq!((cache.revision(), cache.oldest()), (revisions[10], revisions[5]));
    assert!(cache.list("/registry/").1.is_empty());
    let mut watcher = cache.watch("/registry/", Some(revisions[7])).unwrap();
    for revision in &revisions[8..] {
        assert_eq!(next(&mut watcher).await.revision, *revision);
    }
    // The store remembers less than that.
    store.compact(revisions[8]).await.unwrap();
    let cache = Cache::start(store, limits).await.unwrap();
    assert_eq!((cache.revision(), cache.oldest()), (revisions[10], revisions[8]));
}

/// Follows a prefix from a list on, as informers do, until it has come to `end`; says what it then has.
async fn inform(
    cache: Arc<Cache>,
    prefix: &'static str,
    end: watch::Receiver<Revision>,
) -> BTreeMap<Key, Revision> {
    let (mut at, objects) = cache.list(prefix);
    let mut known: BTreeMap<Key, Revision> =
        objects.iter().map(|object| (object.key.clone(), object.revision)).collect();
    let Ok(mut watcher) = cache.watch(prefix, Some(at)) else {
        return Box::pin(inform(cache, prefix, end)).await;
    };
    loop {
        while let Ok(event) = tokio::time::timeout(Duration::from_millis(20), watcher.next()).await {
            let Ok(event) = event else { return Box::pin(inform(cache, prefix, end)).await };
            assert!(event.revision >= at, "{} follows {at}", event.revision);
            at = event.revision;
            assert!(event.object.key.starts_with(prefix));
            assert_eq!(event.object.revision, event.revision);
            let previous = event.previous.as_ref().map(|object| object.revision);
            assert_eq!(known.remove(&event.object.key), previous, "{event:?}");
            match event.kind {
                WatchKind::Added => assert!(previous.is_none()),
                WatchKind::Modified | WatchKind::Deleted => assert!(previous.is_some()),
            }
            if event.kind != WatchKind::Deleted {
                known.insert(event.object.key.clone(), event.revision);
            }
            if rand::rng().random_bool(0.002) {
                // Elsewhere, from here.
                match cache.watch(prefix, Some(at)) {
                    Ok(another) => watcher = another,
                    Err(TooOld { .. }) => return Box::pin(inform(cache, prefix, end)).await,
                }
            }
        }
        let end = *end.borrow();
        if end > Revision::FIRST && watcher.caught_up().is_some_and(|reached| reached >= end) {
            return known;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_and_the_store_agree_in_the_end() {
    let limits = Limits { events: 300, ..Limits::default() };
    for tells in [usize::MAX, 40] {
        let store =
            Unreliable { inner: MemoryStore::new(), tells: Mutex::new(tells), away: Mutex::new(false) };
        let store = Arc::new(store);
        let cache = Cache::start(store.clone(), limits).await.unwrap();
        let (end, ended) = watch::channel(Revision::FIRST);
        let prefixes = ["/registry/", "/registry/a/", "/registry/a/b/", "/registry/a/b/1", "/registry/none/"];
        let informers: Vec<_> = (0..20)
            .map(|n| {
                let prefix = prefixes[n % prefixes.len()];
                (prefix, tokio::spawn(inform(cache.clone(), prefix, ended.clone())))
            })
            .collect();
        let writers: Vec<_> = (0..4).map(|_| tokio::spawn(write_at_random(store.clone()))).collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let last = put(&*store, "/registry/a/b/1", "").await;
        end.send_replace(last);
        cache.wait_for(last, PATIENCE).await.unwrap();
        for (prefix, informer) in informers {
            let stored = store.range(Range::prefix(prefix)).await.unwrap().items;
            let stored: BTreeMap<_, _> =
                stored.iter().map(|item| (item.key.clone(), item.modified)).collect();
            assert_eq!(informer.await.unwrap(), stored, "{prefix}");
            let listed: BTreeMap<_, _> =
                cache.list(prefix).1.iter().map(|object| (object.key.clone(), object.revision)).collect();
            assert_eq!(listed, stored, "{prefix}");
        }
    }
}

async fn write_at_random(store: Arc<Unreliable>) {
    for _ in 0..500 {
        let (key, kind) = {
            let mut random = rand::rng();
            let key = format!(
                "/registry/{}/{}/{}",
                ["a", "c"][random.random_range(0..2)],
                ["b", "d"][random.random_range(0..2)],
                random.random_range(0..9)
            );
            (key, random.random_range(0..100))
        };
        match kind {
            0..60 => put(&*store, &key, r#"{"metadata":{}}"#).await,
            60..99 => delete(&*store, &key).await,
            _ => {
                let now = store.revision().await.unwrap();
                store.compact(now).await.unwrap();
                now
            }
        };
        tokio::task::yield_now().await;
    }
}
