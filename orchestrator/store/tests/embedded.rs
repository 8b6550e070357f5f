//! What is special about the embedded store: its file.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use guideway_store::backup::BackupError;
use guideway_store::redb::{OpenError, REVISION_LEAP, RestoreError, restore};
use guideway_store::{Range, RedbOptions, RedbStore, Revision, Store, StoreError, Txn, TxnOutcome, Write};
use tempfile::TempDir;

fn open(path: &Path) -> Result<RedbStore, OpenError> {
    RedbStore::open(path, RedbOptions::default())
}

async fn put(store: &RedbStore, key: &str, value: Vec<u8>) -> Revision {
    let writes = vec![Write::Put { key: key.into(), value: value.into() }];
    match store.txn(Txn { expect: Vec::new(), writes }).await.unwrap() {
        TxnOutcome::Committed(revision) => revision,
        TxnOutcome::Refused { .. } => panic!("refused"),
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.redb");
    let store = open(&path).unwrap();
    assert_eq!(store.revision().await.unwrap(), Revision::FIRST);
    assert!(matches!(open(&path).err(), Some(OpenError::InUse)));
    for n in 0..10 {
        put(&store, &format!("/registry/x/{n}"), vec![n]).await;
    }
    store.compact(Revision(5)).await.unwrap();
    let before = store.range(Range::prefix("/registry/")).await.unwrap();
    let mut watch = store.watch(before.revision).await.unwrap();
    drop(store);
    let end = tokio::time::timeout(Duration::from_secs(30), watch.next()).await.unwrap();
    assert!(matches!(end, Some(Err(StoreError::Unavailable { .. }))), "a watch outlived its store");
    assert!(watch.next().await.is_none());
    let store = open(&path).unwrap();
    assert_eq!(store.range(Range::prefix("/registry/")).await.unwrap(), before);
    assert_eq!(put(&store, "/registry/y", Vec::new()).await, before.revision.next());
    let mut watch = store.watch(Revision(5)).await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().revision, Revision(6));
    assert!(matches!(store.watch(Revision(4)).await, Err(StoreError::Compacted { oldest: Revision(5) })));
}

/// The two files as a crash would leave them now.
fn crash(path: &Path, to: &Path) {
    std::fs::copy(path, to).unwrap();
    std::fs::copy(journal(path), journal(to)).unwrap();
}

fn journal(path: &Path) -> PathBuf {
    format!("{}.journal", path.display()).into()
}

#[tokio::test]
async fn a_crash_leaves_two_files_that_belong_together() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Full after every few writes.
    let options = RedbOptions { journal_bytes: 10_000, ..RedbOptions::default() };
    let store = RedbStore::open(&at("store"), options).unwrap();
    crash(&at("store"), &at("early"));
    for n in 0..100_u8 {
        put(&store, &format!("/registry/x/{n}"), vec![n; 700]).await;
        if n % 7 != 0 {
            continue;
        }
        let crashed = at(&format!("crashed-{n}"));
        crash(&at("store"), &crashed);
        let crashed = RedbStore::open(&crashed, options).unwrap();
        let all = Range::prefix("/registry/");
        assert_eq!(crashed.range(all.clone()).await.unwrap(), store.range(all).await.unwrap(), "after {n}");
    }
    let before = store.range(Range::prefix("/registry/")).await.unwrap();
    crash(&at("store"), &at("late"));

    std::fs::copy(at("late"), at("alone")).unwrap();
    let error = open(&at("alone")).err().unwrap();
    assert!(
        matches!(&error, OpenError::JournalMissing { path } if *path == journal(&at("alone"))),
        "{error:?}"
    );
    // An empty one is none: a crash of the first start leaves one, and then nothing was written.
    std::fs::write(journal(&at("alone")), "").unwrap();
    assert!(matches!(open(&at("alone")).err(), Some(OpenError::JournalMissing { .. })));
    // It was refused and left as it was.
    std::fs::copy(journal(&at("late")), journal(&at("alone"))).unwrap();
    let whole = open(&at("alone")).unwrap();
    assert_eq!(whole.range(Range::prefix("/registry/")).await.unwrap(), before);

    std::fs::copy(journal(&at("late")), journal(&at("early"))).unwrap();
    let error = open(&at("early")).err().unwrap();
    let OpenError::JournalAhead { journal: first, store: last } = error else { panic!("{error:?}") };
    assert!(first > last.next(), "{first} after {last}");

    // After an orderly end the file needs no other.
    drop(store);
    std::fs::remove_file(journal(&at("store"))).unwrap();
    let store = open(&at("store")).unwrap();
    assert_eq!(store.range(Range::prefix("/registry/")).await.unwrap(), before);
}

#[tokio::test]
async fn a_journal_of_another_store_is_not_taken_in() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (mine, theirs) = (open(&at("mine")).unwrap(), open(&at("theirs")).unwrap());
    put(&mine, "/registry/mine", b"x".to_vec()).await;
    put(&theirs, "/registry/theirs", b"x".to_vec()).await;
    crash(&at("mine"), &at("crashed"));
    std::fs::copy(journal(&at("theirs")), journal(&at("crashed"))).unwrap();
    let error = open(&at("crashed")).err().unwrap();
    assert!(
        matches!(&error, OpenError::JournalForeign { path } if *path == journal(&at("crashed"))),
        "{error:?}"
    );
    std::fs::write(journal(&at("crashed")), "no journal\n").unwrap();
    assert!(matches!(open(&at("crashed")).err(), Some(OpenError::JournalForeign { .. })));
    // Nothing was made of it: with its own journal it is whole.
    std::fs::copy(journal(&at("mine")), journal(&at("crashed"))).unwrap();
    assert!(open(&at("crashed")).unwrap().get("/registry/mine").await.unwrap().is_some());
}

/// Stores of the first format have no journal.
#[tokio::test]
async fn a_store_of_the_first_format_is_taken_over() {
    use redb::TableDefinition;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.redb");
    let database = redb::Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(TableDefinition::<&[u8], &[u8]>::new("live")).unwrap();
    write.open_table(TableDefinition::<(&[u8], u64), &[u8]>::new("past")).unwrap();
    write.open_table(TableDefinition::<u64, &[u8]>::new("log")).unwrap().insert(1, &[][..]).unwrap();
    let mut meta = write.open_table(TableDefinition::<&str, u64>::new("meta")).unwrap();
    meta.insert("format", 1).unwrap();
    meta.insert("oldest", 1).unwrap();
    drop(meta);
    write.commit().unwrap();
    drop(database);
    let store = open(&path).unwrap();
    let revision = put(&store, "/registry/x", b"x".to_vec()).await;
    crash(&path, &folder.path().join("crashed"));
    let crashed = open(&folder.path().join("crashed")).unwrap();
    assert_eq!(crashed.revision().await.unwrap(), revision);
}

#[tokio::test]
async fn other_files_are_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "not a store at all, but somebody's text\n".repeat(1000)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = open(&path).err().unwrap();
    assert!(matches!(error, OpenError::Foreign), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // Another program's redb file.
    let other = folder.path().join("other.redb");
    let database = redb::Database::create(&other).unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(redb::TableDefinition::<u64, u64>::new("theirs")).unwrap().insert(1, 2).unwrap();
    txn.commit().unwrap();
    drop(database);
    assert!(matches!(open(&other).err(), Some(OpenError::Foreign)));
    // What a crash leaves of the very first start.
    let empty = folder.path().join("empty.redb");
    std::fs::write(&empty, "").unwrap();
    put(&open(&empty).unwrap(), "/registry/x", Vec::new()).await;
    let without_tables = folder.path().join("without-tables.redb");
    drop(redb::Database::create(&without_tables).unwrap());
    put(&open(&without_tables).unwrap(), "/registry/x", Vec::new()).await;
    assert!(matches!(open(&folder.path().join("none/store.redb")).err(), Some(OpenError::File(_))));
}

#[tokio::test]
async fn a_backup_becomes_a_store_whole_or_not_at_all() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let store = open(&at("store.redb")).unwrap();
    for n in 0..300 {
        put(&store, &format!("/registry/x/{n:03}"), vec![b'v'; n * 10]).await;
    }
    put(&store, "/registry/x/007", b"changed".to_vec()).await;
    let before = store.range(Range::prefix("/registry/")).await.unwrap();
    store.backup(&at("backup")).await.unwrap();

    let done = restore(&at("backup"), &at("new.redb")).unwrap();
    assert_eq!((done.backup, done.keys), (before.revision, 300));
    assert_eq!(done.revision.0, before.revision.0 + REVISION_LEAP);
    let restored = open(&at("new.redb")).unwrap();
    // There are Secrets in all of them.
    for name in ["backup", "new.redb"] {
        let mode = std::fs::metadata(at(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let after = restored.range(Range::prefix("/registry/")).await.unwrap();
    // The objects are what they were, with their revisions; the store is far ahead of what anybody saw.
    assert_eq!(after.items, before.items);
    assert_eq!(after.revision, done.revision);
    assert!(
        matches!(restored.watch(before.revision).await, Err(StoreError::Compacted { oldest }) if oldest == done.revision)
    );
    assert_eq!(put(&restored, "/registry/y", Vec::new()).await, done.revision.next());

    let error = restore(&at("backup"), &at("new.redb")).err();
    assert!(matches!(error, Some(RestoreError::Exists { .. })), "{error:?}");
    drop(restored);
    // Of a store that was moved away and may need it yet.
    std::fs::rename(at("new.redb"), at("moved.redb")).unwrap();
    let Some(RestoreError::Exists { path }) = restore(&at("backup"), &at("new.redb")).err() else { panic!() };
    assert_eq!(path, journal(&at("new.redb")));

    let good = std::fs::read(at("backup")).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let cases: [(&str, &[u8]); 4] = [
        ("flipped", &flipped),
        ("cut", &good[..good.len() - 1]),
        ("half", &good[..good.len() / 2]),
        ("foreign", b"x"),
    ];
    for (name, bytes) in cases {
        std::fs::write(at(name), bytes).unwrap();
        let error = restore(&at(name), &at("never.redb")).err();
        match error {
            Some(RestoreError::Backup(BackupError::Damaged { .. })) => assert_eq!(name, "flipped"),
            Some(RestoreError::Backup(BackupError::Short)) => assert!(name == "cut" || name == "half"),
            Some(RestoreError::Backup(BackupError::Foreign)) => assert_eq!(name, "foreign"),
            other => panic!("{name}: {other:?}"),
        }
        let left: Vec<_> = folder
            .path()
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(left.iter().all(|left| !left.starts_with("never")), "{left:?}");
    }
    // What an earlier restore left when it was killed is not in the way.
    std::fs::write(at("again.redb.part"), "rubbish").unwrap();
    restore(&at("backup"), &at("again.redb")).unwrap();
    assert!(matches!(
        restore(&at("nothing"), &at("never.redb")).err(),
        Some(RestoreError::Backup(BackupError::Read(_)))
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_of_one_revision() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(open(&folder.path().join("store.redb")).unwrap());
    for n in 0..500 {
        put(&store, &format!("/registry/x/{n:03}"), vec![b'v'; 1000]).await;
    }
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 0..300 {
                put(&store, &format!("/registry/x/{:03}", n * 7 % 500), vec![b'w'; 500]).await;
            }
        }
    });
    for n in 0..5 {
        let path = folder.path().join(format!("backup-{n}"));
        let revision = store.backup(&path).await.unwrap();
        let page = store.range(Range { at: Some(revision), ..Range::prefix("/registry/") }).await.unwrap();
        let mut reader = guideway_store::backup::open(&path).unwrap();
        for item in page.items {
            assert_eq!(reader.next_item().unwrap(), Some(item));
        }
        assert_eq!(reader.next_item().unwrap(), None);
    }
    store.defragment().await.unwrap();
    writer.await.unwrap();
}

#[tokio::test]
async fn compaction_and_defragmentation_give_space_back() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.redb");
    let store = open(&path).unwrap();
    for _ in 0..200 {
        put(&store, "/registry/x", vec![b'x'; 100_000]).await;
    }
    let before = std::fs::metadata(&path).unwrap().len();
    assert!(before > 20_000_000);
    let now = store.revision().await.unwrap();
    store.compact(now).await.unwrap();
    store.defragment().await.unwrap();
    let after = std::fs::metadata(&path).unwrap().len();
    assert!(after < before / 4, "{after} bytes of {before}");
    assert_eq!(store.get("/registry/x").await.unwrap().unwrap().modified, now);
    // A sweep that was broken off goes on at the next start.
    for _ in 0..50 {
        put(&store, "/registry/x", vec![b'x'; 100_000]).await;
    }
    let now = store.revision().await.unwrap();
    store.compact(now).await.unwrap();
    drop(store);
    let store = open(&path).unwrap();
    store.defragment().await.unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < before / 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_whose_caller_goes_away_is_whole() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(open(&folder.path().join("store.redb")).unwrap());
    for n in 0..200 {
        let key = format!("/registry/x/{n}");
        let writes =
            ["a", "b"].map(|part| Write::Put { key: format!("{key}/{part}").into(), value: "".into() });
        let txn = store.txn(Txn { expect: Vec::new(), writes: writes.into() });
        let _ = tokio::time::timeout(Duration::from_micros(n * 3), txn).await;
    }
    // After this one, those before it are decided.
    put(&store, "/registry/z", Vec::new()).await;
    let page = store.range(Range::prefix("/registry/x/")).await.unwrap();
    assert_eq!(page.items.len() % 2, 0);
    for pair in page.items.chunks(2) {
        assert_eq!(pair[0].modified, pair[1].modified);
    }
}
