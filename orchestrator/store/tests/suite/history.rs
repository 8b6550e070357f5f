//! Random operations of concurrent clients, with watches and compactions, and what must be true of all they saw.
//!
//! The clients' acknowledged transactions, put in the order of their revisions, are played to the model. Then every
//! refusal, every read and every watch must agree with the model at that revision.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use guideway_store::{
    Change, Event, Expect, Key, KeyValue, Range, Revision, Store, StoreError, Txn, TxnOutcome, Write,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::stores::Fixture;

const CLIENTS: u64 = 6;
const OPERATIONS: usize = 150;
const KEYS: usize = 12;

/// The whole store at each revision.
type Model = BTreeMap<Revision, BTreeMap<Key, KeyValue>>;

/// What a client saw.
#[derive(Default)]
struct Seen {
    committed: Vec<(Revision, Txn)>,
    refused: Vec<Refused>,
    /// A revision, a prefix, and the answer.
    read: Vec<(Revision, String, Vec<KeyValue>)>,
}

struct Refused {
    revision: Revision,
    txn: Txn,
    failed: Vec<usize>,
    current: Vec<Option<KeyValue>>,
}

pub(crate) async fn a_random_history_holds(fixture: &Fixture) {
    let seed = rand::random();
    eprintln!("seed {seed}");
    play(fixture.store.clone(), seed, Upkeep::Always).await;
}

/// Whether clients compact and defragment in between.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upkeep {
    Always,
    Never,
}

/// Plays one history.
pub(crate) async fn play(store: Arc<dyn Store>, seed: u64, upkeep: Upkeep) {
    let start = store.range(Range::prefix("/registry/")).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let watches: Vec<_> =
        (0..3).map(|_| tokio::spawn(watch(store.clone(), start.revision, done.clone()))).collect();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(client_of(store.clone(), seed.wrapping_add(client), upkeep)))
        .collect();
    let mut seen = Seen::default();
    for client in clients {
        let one = client.await.unwrap();
        seen.committed.extend(one.committed);
        seen.refused.extend(one.refused);
        seen.read.extend(one.read);
    }
    let end = store.revision().await.unwrap();
    done.store(true, Ordering::SeqCst);
    // The last word, which also wakes the watches.
    let last = Txn { expect: Vec::new(), writes: vec![Write::Put { key: LAST.into(), value: "".into() }] };
    let TxnOutcome::Committed(last_revision) = store.txn(last.clone()).await.unwrap() else {
        panic!("refused")
    };
    seen.committed.push((last_revision, last));
    assert!(last_revision > end);

    let (model, events) = replay(&start.items, start.revision, &mut seen.committed);
    for (revision, prefix, items) in &seen.read {
        assert_eq!(*items, read(state(&model, *revision), prefix), "read of {prefix} at {revision}");
    }
    for Refused { revision, txn, failed, current } in &seen.refused {
        let state = state(&model, *revision);
        let expected: Vec<usize> = (0..txn.expect.len())
            .filter(|index| {
                let (key, expect) = &txn.expect[*index];
                !expect.holds(state.get(key).map(|item| item.modified))
            })
            .collect();
        assert_eq!(*failed, expected, "refused at {revision}: {txn:?}");
        let items: Vec<_> = failed.iter().map(|index| state.get(&txn.expect[*index].0).cloned()).collect();
        assert_eq!(*current, items, "refused at {revision}");
    }
    for watch in watches {
        let seen = watch.await.unwrap();
        assert!(!seen.is_empty());
        for stretch in seen {
            let Some(first) = stretch.first() else { continue };
            let from =
                events.iter().position(|event| event.revision == first.revision).expect("a known revision");
            assert_eq!(stretch, events[from..from + stretch.len()]);
        }
    }
}

const LAST: &str = "/registry/zz-last";

fn state(model: &Model, at: Revision) -> &BTreeMap<Key, KeyValue> {
    model.range(..=at).next_back().expect("a revision since the start").1
}

fn read(state: &BTreeMap<Key, KeyValue>, prefix: &str) -> Vec<KeyValue> {
    state.values().filter(|item| item.key.starts_with(prefix)).cloned().collect()
}

/// Checks each transaction at its place, and says what the store was after it and what watches must have told.
fn replay(start: &[KeyValue], at: Revision, committed: &mut [(Revision, Txn)]) -> (Model, Vec<Event>) {
    committed.sort_by_key(|(revision, _)| *revision);
    let mut state: BTreeMap<Key, KeyValue> =
        start.iter().map(|item| (item.key.clone(), item.clone())).collect();
    let mut model = Model::from([(at, state.clone())]);
    let mut events = Vec::new();
    let mut before = at;
    for (revision, txn) in committed.iter() {
        assert!(*revision > before, "revision {revision} was given twice");
        before = *revision;
        for (key, expect) in &txn.expect {
            let modified = state.get(key).map(|item| item.modified);
            assert!(
                expect.holds(modified),
                "{txn:?} was committed at {revision}, and {key} was at {modified:?}"
            );
        }
        let mut changes = Vec::new();
        for write in &txn.writes {
            let known = state.remove(write.key());
            match write {
                Write::Put { key, value } => {
                    let created = known.map_or(*revision, |item| item.created);
                    let item =
                        KeyValue { key: key.clone(), value: value.clone(), created, modified: *revision };
                    state.insert(key.clone(), item.clone());
                    changes.push(Change::Put(item));
                }
                Write::Delete { key } if known.is_some() => changes.push(Change::Delete { key: key.clone() }),
                Write::Delete { .. } => {}
            }
        }
        changes.sort_by(|a, b| a.key().cmp(b.key()));
        events.push(Event { revision: *revision, changes });
        model.insert(*revision, state.clone());
    }
    (model, events)
}

async fn client_of(store: Arc<dyn Store>, seed: u64, upkeep: Upkeep) -> Seen {
    let mut random = StdRng::seed_from_u64(seed);
    let mut seen = Seen::default();
    let mut known: BTreeMap<Key, Revision> = BTreeMap::new();
    let mut newest = Revision::FIRST;
    for operation in 0..OPERATIONS {
        match random.random_range(0..100) {
            0..70 => {
                let txn = random_txn(&mut random, &known, seed, operation);
                match store.txn(txn.clone()).await.unwrap() {
                    TxnOutcome::Committed(revision) => {
                        assert!(revision > newest, "{revision} does not follow {newest}");
                        newest = revision;
                        known.extend(txn.writes.iter().map(|write| (write.key().clone(), revision)));
                        seen.committed.push((revision, txn));
                    }
                    TxnOutcome::Refused { failed, current, revision } => {
                        assert!(revision >= newest);
                        for item in current.iter().flatten() {
                            known.insert(item.key.clone(), item.modified);
                        }
                        seen.refused.push(Refused { revision, txn, failed, current });
                    }
                }
            }
            70..97 => {
                let prefix = if random.random() { "/registry/".into() } else { key(&mut random).to_string() };
                // Any revision since this client's last write has that write.
                let at = random.random_bool(0.3).then_some(newest).filter(|at| *at > Revision::FIRST);
                match store.range(Range { at, ..Range::prefix(prefix.clone()) }).await {
                    Ok(page) => {
                        assert!(page.revision >= newest || at == Some(page.revision));
                        assert_eq!(page.count, page.items.len() as u64);
                        newest = newest.max(page.revision);
                        seen.read.push((page.revision, prefix, page.items));
                    }
                    Err(StoreError::Compacted { oldest }) => assert!(at.is_some_and(|at| at < oldest)),
                    Err(error) => panic!("{error}"),
                }
            }
            _ if upkeep == Upkeep::Never => {}
            97..99 => {
                let now = store.revision().await.unwrap();
                assert!(now >= newest);
                let to = Revision(now.0.saturating_sub(random.random_range(0..50)).max(1));
                store.compact(to).await.unwrap();
                if to.0 > 2 {
                    let old = Range { at: Some(Revision(1)), ..Range::prefix("/registry/") };
                    assert!(
                        matches!(store.range(old).await, Err(StoreError::Compacted { oldest }) if oldest >= to)
                    );
                }
            }
            _ => store.defragment().await.unwrap(),
        }
    }
    seen
}

fn key(random: &mut StdRng) -> Key {
    format!("/registry/k/{}", random.random_range(0..KEYS)).into()
}

fn random_txn(random: &mut StdRng, known: &BTreeMap<Key, Revision>, seed: u64, operation: usize) -> Txn {
    let mut txn = Txn::default();
    let mut free: Vec<Key> = (0..KEYS).map(|n| format!("/registry/k/{n}").into()).collect();
    for write in 0..random.random_range(1..4) {
        let key = free.swap_remove(random.random_range(0..free.len()));
        match (known.get(&key), random.random_range(0..4)) {
            (_, 0) => {}
            (_, 1) => {
                txn.expect.push((key.clone(), *[Expect::Absent, Expect::Present].choose(random).unwrap()));
            }
            (Some(revision), _) => txn.expect.push((key.clone(), Expect::At(*revision))),
            (None, _) => txn.expect.push((key.clone(), Expect::Absent)),
        }
        txn.writes.push(if random.random_bool(0.3) {
            Write::Delete { key }
        } else {
            Write::Put { key, value: format!("{seed} {operation} {write}").into() }
        });
    }
    txn
}

/// Follows the store; begins anew, from a random recent revision or after a compaction, until the last word is seen.
async fn watch(store: Arc<dyn Store>, from: Revision, done: Arc<AtomicBool>) -> Vec<Vec<Event>> {
    let mut from = from;
    let mut stretches = Vec::new();
    'anew: loop {
        let mut watch = match store.watch(from).await {
            Ok(watch) => watch,
            Err(StoreError::Compacted { oldest }) => {
                from = oldest;
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let mut events: Vec<Event> = Vec::new();
        loop {
            let event =
                tokio::time::timeout(Duration::from_secs(30), watch.next()).await.expect("an event in time");
            match event.expect("a watch does not just end") {
                Ok(event) => {
                    assert!(event.revision > from, "{} follows {from}", event.revision);
                    from = event.revision;
                    let last = event.changes.iter().any(|change| &**change.key() == LAST);
                    events.push(event);
                    if last {
                        stretches.push(events);
                        return stretches;
                    }
                    if events.len() > 40 && !done.load(Ordering::SeqCst) && rand::random_bool(0.05) {
                        stretches.push(events);
                        from = Revision(from.0.saturating_sub(rand::random_range(0..20)));
                        continue 'anew;
                    }
                }
                Err(StoreError::Compacted { oldest }) => {
                    stretches.push(events);
                    from = oldest;
                    continue 'anew;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}
