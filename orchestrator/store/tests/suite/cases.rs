//! The cases. They count revisions from where the store is, as etcd's begin where ours end.

use std::time::Duration;

use futures_util::StreamExt;
use guideway_store::{
    Change, Event, Expect, KeyValue, Range, Revision, Store, StoreError, Txn, TxnOutcome, Watch, Write,
    backup, limits,
};

pub(crate) use crate::history::a_random_history_holds;
use crate::stores::Fixture;

const PATIENCE: Duration = Duration::from_secs(30);

fn put(key: &str, value: &str) -> Write {
    Write::Put { key: key.into(), value: value.to_owned().into() }
}

fn delete(key: &str) -> Write {
    Write::Delete { key: key.into() }
}

async fn write(store: &dyn Store, writes: Vec<Write>) -> Revision {
    committed(store.txn(Txn { expect: Vec::new(), writes }).await.unwrap())
}

fn committed(outcome: TxnOutcome) -> Revision {
    match outcome {
        TxnOutcome::Committed(revision) => revision,
        other => panic!("not committed: {other:?}"),
    }
}

async fn keys(store: &dyn Store, range: Range) -> Vec<String> {
    store.range(range).await.unwrap().items.iter().map(|item| item.key.to_string()).collect()
}

async fn next(watch: &mut Watch) -> Event {
    tokio::time::timeout(PATIENCE, watch.next()).await.expect("an event in time").unwrap().unwrap()
}

/// An event in short: `+key=value` or `-key`.
fn short(event: &Event) -> Vec<String> {
    let of = |change: &Change| match change {
        Change::Put(item) => format!("+{}={}", item.key, String::from_utf8_lossy(&item.value)),
        Change::Delete { key } => format!("-{key}"),
    };
    event.changes.iter().map(of).collect()
}

pub(crate) async fn a_transaction_is_checked_and_applied_as_a_whole(fixture: &Fixture) {
    let store = &*fixture.store;
    let start = store.revision().await.unwrap();
    let created = committed(store.txn(Txn::create("/registry/a", "1")).await.unwrap());
    assert_eq!(created, start.next());
    let item = store.get("/registry/a").await.unwrap().unwrap();
    let expected = KeyValue { key: "/registry/a".into(), value: "1".into(), created, modified: created };
    assert_eq!(item, expected);

    // Once more: it is there, and the answer says what.
    let TxnOutcome::Refused { failed, current, revision } =
        store.txn(Txn::create("/registry/a", "2")).await.unwrap()
    else {
        panic!("created twice")
    };
    assert_eq!((failed, current, revision), (vec![0], vec![Some(expected)], created));

    let updated = committed(store.txn(Txn::update("/registry/a", created, "2")).await.unwrap());
    let item = store.get("/registry/a").await.unwrap().unwrap();
    assert_eq!((item.created, item.modified, &item.value[..]), (created, updated, &b"2"[..]));

    // One expectation of three fails: nothing is written.
    let txn = Txn {
        expect: vec![
            ("/registry/a".into(), Expect::Present),
            ("/registry/a".into(), Expect::At(created)),
            ("/registry/b".into(), Expect::Absent),
        ],
        writes: vec![put("/registry/b", "1"), delete("/registry/a")],
    };
    let TxnOutcome::Refused { failed, current, .. } = store.txn(txn.clone()).await.unwrap() else {
        panic!("an old revision was taken for the current one")
    };
    assert_eq!((failed, current), (vec![1], vec![Some(item)]));
    assert_eq!(keys(store, Range::prefix("/registry/")).await, ["/registry/a"]);

    let mut txn = txn;
    txn.expect[1].1 = Expect::At(updated);
    let both = committed(store.txn(txn).await.unwrap());
    assert_eq!(both, updated.next());
    assert_eq!(keys(store, Range::prefix("/registry/")).await, ["/registry/b"]);

    // Absent keys: expected, deleted, and checked without a write.
    let outcome = store.txn(Txn::update("/registry/a", updated, "3")).await.unwrap();
    assert_eq!(outcome, TxnOutcome::Refused { failed: vec![0], current: vec![None], revision: both });
    let nothing = write(store, vec![delete("/registry/none")]).await;
    assert_eq!(nothing, both.next());
    let check = Txn { expect: vec![("/registry/b".into(), Expect::At(both))], writes: Vec::new() };
    assert_eq!(committed(store.txn(check).await.unwrap()), nothing);
    assert_eq!(store.revision().await.unwrap(), nothing);

    // A key that comes back is a new one.
    let again = committed(store.txn(Txn::create("/registry/a", "4")).await.unwrap());
    assert_eq!(store.get("/registry/a").await.unwrap().unwrap().created, again);
}

pub(crate) async fn pages_are_read_at_one_revision(fixture: &Fixture) {
    let store = &*fixture.store;
    for n in 0..7 {
        write(store, vec![put(&format!("/registry/p/{n}"), "x")]).await;
    }
    write(store, vec![put("/registry/q/0", "x")]).await;
    let first = store.range(Range { limit: 3, ..Range::prefix("/registry/p/") }).await.unwrap();
    assert_eq!((first.items.len(), first.more, first.count), (3, true, 7));
    // What happens between the pages is not in them.
    write(
        store,
        vec![delete("/registry/p/4"), put("/registry/p/35", "new"), put("/registry/p/5", "changed")],
    )
    .await;
    let start = format!("{}\0", first.items[2].key);
    let rest = Range { start: Some(start), at: Some(first.revision), ..Range::prefix("/registry/p/") };
    let page = store.range(Range { limit: 2, ..rest.clone() }).await.unwrap();
    assert_eq!((page.revision, page.more, page.count), (first.revision, true, 4));
    let page = store.range(rest).await.unwrap();
    let items: Vec<_> = page
        .items
        .iter()
        .map(|item| (&*item.key, String::from_utf8_lossy(&item.value).into_owned()))
        .collect();
    let x = || "x".to_owned();
    let expected =
        [("/registry/p/3", x()), ("/registry/p/4", x()), ("/registry/p/5", x()), ("/registry/p/6", x())];
    assert_eq!(items, expected);
    assert!(!page.more);
    let all = store.range(Range { limit: 7, ..Range::prefix("/registry/p/") }).await.unwrap();
    assert_eq!((all.items.len(), all.more), (7, false));
}

pub(crate) async fn a_prefix_ends_where_it_ends(fixture: &Fixture) {
    let store = &*fixture.store;
    let all = [
        "/registry/a",
        "/registry/a/b",
        "/registry/a0",
        "/registry/ab",
        "/registry/é",
        "/registry/\u{10ffff}",
    ];
    write(store, all.iter().map(|key| put(key, "")).collect()).await;
    assert_eq!(keys(store, Range::prefix("/registry/a")).await, all[..4]);
    assert_eq!(keys(store, Range::prefix("/registry/a/")).await, all[1..2]);
    assert_eq!(keys(store, Range::prefix("/registry/é")).await, all[4..5]);
    assert_eq!(keys(store, Range::prefix("/registry/\u{10ffff}")).await, all[5..]);
    assert_eq!(keys(store, Range::prefix("/registry/")).await, all);
    let from = |start: &str, prefix: &str| Range { start: Some(start.into()), ..Range::prefix(prefix) };
    assert_eq!(keys(store, from("/registry/a0", "/registry/a")).await, all[2..4]);
    assert_eq!(keys(store, from("/registry/", "/registry/a/")).await, all[1..2]);
    assert!(keys(store, from("/registry/z", "/registry/a")).await.is_empty());
    assert!(store.get("/registry/a/").await.unwrap().is_none());
}

pub(crate) async fn the_past_can_be_read_and_watched(fixture: &Fixture) {
    let store = &*fixture.store;
    let start = store.revision().await.unwrap();
    let one = write(store, vec![put("/registry/k", "1")]).await;
    let two = write(store, vec![put("/registry/k", "2"), put("/registry/l", "2")]).await;
    let three = write(store, vec![delete("/registry/k")]).await;
    let four = write(store, vec![put("/registry/k", "4")]).await;
    let at = async |at| {
        let page = store.range(Range { at: Some(at), ..Range::prefix("/registry/") }).await.unwrap();
        assert_eq!(page.revision, at);
        let item = |item: &KeyValue| {
            format!(
                "{}={} {} {}",
                item.key,
                String::from_utf8_lossy(&item.value),
                item.created,
                item.modified
            )
        };
        page.items.iter().map(item).collect::<Vec<_>>()
    };
    assert!(at(start).await.is_empty());
    assert_eq!(at(one).await, [format!("/registry/k=1 {one} {one}")]);
    assert_eq!(at(two).await, [format!("/registry/k=2 {one} {two}"), format!("/registry/l=2 {two} {two}")]);
    assert_eq!(at(three).await, [format!("/registry/l=2 {two} {two}")]);
    assert_eq!(
        at(four).await,
        [format!("/registry/k=4 {four} {four}"), format!("/registry/l=2 {two} {two}")]
    );
    let future = Range { at: Some(four.next()), ..Range::prefix("/registry/") };
    assert!(matches!(store.range(future).await, Err(StoreError::Future { current }) if current == four));

    let mut watch = store.watch(one).await.unwrap();
    let seen = [next(&mut watch).await, next(&mut watch).await, next(&mut watch).await];
    assert_eq!(seen.each_ref().map(|event| event.revision), [two, three, four]);
    assert_eq!(
        seen.each_ref().map(short),
        [
            vec!["+/registry/k=2".to_owned(), "+/registry/l=2".into()],
            vec!["-/registry/k".into()],
            vec!["+/registry/k=4".into()]
        ]
    );
    let Change::Put(item) = &seen[0].changes[0] else { panic!("{seen:?}") };
    assert_eq!((item.created, item.modified), (one, two));
    assert!(matches!(store.watch(four.next()).await, Err(StoreError::Future { .. })));
}

pub(crate) async fn compaction_forgets_the_past_only(fixture: &Fixture) {
    let store = &*fixture.store;
    let mut revisions = Vec::new();
    for n in 0..20 {
        revisions
            .push(write(store, vec![put("/registry/k", &n.to_string()), delete("/registry/gone")]).await);
        revisions.push(write(store, vec![put("/registry/gone", &n.to_string())]).await);
    }
    let gone = write(store, vec![delete("/registry/gone")]).await;
    let to = revisions[30];
    store.compact(to).await.unwrap();
    store.compact(revisions[3]).await.expect("what is forgotten can be forgotten again");
    assert!(matches!(store.compact(gone.next()).await, Err(StoreError::Future { .. })));

    let at = async |at| store.range(Range { at: Some(at), ..Range::prefix("/registry/") }).await;
    for old in [revisions[0], revisions[29]] {
        let error = at(old).await.expect_err("a read of what was compacted");
        assert!(matches!(error, StoreError::Compacted { oldest } if oldest == to), "{error:?}");
        let error = store.watch(old).await.err();
        assert!(matches!(error, Some(StoreError::Compacted { oldest }) if oldest == to), "{error:?}");
    }
    let page = at(to).await.unwrap();
    assert_eq!(page.items.iter().map(|item| &item.value[..]).collect::<Vec<_>>(), [b"15"]);
    assert_eq!(keys(store, Range::prefix("/registry/")).await, ["/registry/k"]);

    let mut watch = store.watch(to).await.unwrap();
    for revision in &revisions[31..] {
        assert_eq!(next(&mut watch).await.revision, *revision);
    }
    assert_eq!(short(&next(&mut watch).await), ["-/registry/gone"]);
    // To the very end: nothing is left but the present, and it can be watched from.
    store.compact(gone).await.unwrap();
    let mut watch = store.watch(gone).await.unwrap();
    let last = write(store, vec![put("/registry/new", "")]).await;
    assert_eq!(next(&mut watch).await.revision, last);
    assert!(matches!(store.watch(revisions[39]).await, Err(StoreError::Compacted { .. })));
}

pub(crate) async fn watches_tell_each_change_once_in_order(fixture: &Fixture) {
    let store = &*fixture.store;
    let start = store.revision().await.unwrap();
    let mut live = store.watch(start).await.unwrap();
    let mut written = Vec::new();
    for n in 0..1500_u32 {
        let writes = vec![put(&format!("/registry/w/{}", n % 7), &n.to_string())];
        written.push((write(store, writes).await, n.to_string()));
        if n == 700 {
            // It is behind by more than is kept at hand, and catches up while others write.
            assert_eq!(next(&mut live).await.revision, written[0].0);
        }
    }
    let mut late = store.watch(start).await.unwrap();
    let mut seen_late = Vec::new();
    for (revision, value) in &written {
        let event = next(&mut late).await;
        seen_late.push((event.revision, *revision));
        assert_eq!(short(&event).len(), 1);
        assert!(short(&event)[0].ends_with(&format!("={value}")));
    }
    assert!(seen_late.iter().all(|(seen, revision)| seen == revision));
    for (revision, _) in &written[1..] {
        assert_eq!(next(&mut live).await.revision, *revision);
    }
}

pub(crate) async fn limits_are_kept(fixture: &Fixture) {
    let store = &*fixture.store;
    let txn = |writes| store.txn(Txn { expect: Vec::new(), writes });
    for bad in ["", "/", "/registry/", "registry/a", "/other/a", "/registry/a\0"] {
        assert!(matches!(txn(vec![put(bad, "")]).await, Err(StoreError::InvalidKey { .. })), "{bad:?}");
    }
    let long = |len: usize| format!("/registry/{}", "k".repeat(len - 10));
    txn(vec![put(&long(limits::KEY_BYTES), "")]).await.unwrap();
    assert!(matches!(
        txn(vec![put(&long(limits::KEY_BYTES + 1), "")]).await,
        Err(StoreError::TooLarge { .. })
    ));
    let big = |len: usize| vec![Write::Put { key: "/registry/big".into(), value: vec![b'x'; len].into() }];
    txn(big(limits::TXN_BYTES - 13)).await.unwrap();
    assert_eq!(store.get("/registry/big").await.unwrap().unwrap().value.len(), limits::TXN_BYTES - 13);
    assert!(matches!(txn(big(limits::TXN_BYTES - 12)).await, Err(StoreError::TooLarge { .. })));
    let many = |count: usize| (0..count).map(|n| put(&format!("/registry/m/{n}"), "")).collect::<Vec<_>>();
    let ops = store.txn_ops();
    let outcome = Txn {
        expect: many(ops).iter().map(|write| (write.key().clone(), Expect::Absent)).collect(),
        writes: many(ops),
    };
    committed(store.txn(outcome).await.unwrap());
    assert!(matches!(txn(many(ops + 1)).await, Err(StoreError::TooLarge { .. })));
    let twice = txn(vec![put("/registry/t", "1"), delete("/registry/t")]).await;
    assert!(matches!(twice, Err(StoreError::DuplicateKey { key }) if key == "/registry/t"));
}

pub(crate) async fn a_backup_has_everything_of_one_revision(fixture: &Fixture) {
    let store = &*fixture.store;
    for n in 0..1200 {
        write(store, vec![put(&format!("/registry/b/{n:04}"), &n.to_string())]).await;
    }
    write(store, vec![delete("/registry/b/0007"), put("/registry/b/0008", "changed")]).await;
    let before = store.range(Range::prefix("/registry/")).await.unwrap();
    let path = fixture.folder.path().join("backup");
    let revision = store.backup(&path).await.unwrap();
    assert_eq!(revision, before.revision);
    let mut reader = backup::open(&path).unwrap();
    let mut items = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        items.push(item);
    }
    assert_eq!(items, before.items);
    assert_eq!(backup::verify(&path).unwrap(), backup::Summary { revision, keys: 1199 });
    assert!(matches!(store.backup(&path).await, Err(StoreError::File { .. })), "a backup was overwritten");
}

pub(crate) async fn defragmenting_changes_nothing(fixture: &Fixture) {
    let store = &*fixture.store;
    for n in 0..200 {
        write(store, vec![put(&format!("/registry/d/{n}"), &"x".repeat(4000))]).await;
    }
    for n in 0..150 {
        write(store, vec![delete(&format!("/registry/d/{n}"))]).await;
    }
    let before = store.range(Range::prefix("/registry/")).await.unwrap();
    store.compact(before.revision).await.unwrap();
    store.defragment().await.unwrap();
    assert_eq!(store.range(Range::prefix("/registry/")).await.unwrap(), before);
    write(store, vec![put("/registry/after", "")]).await;
}
