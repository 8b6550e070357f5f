//! The embedded store on a disk that loses power: what was written and not synced may be there or not, piece by piece.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redb::StorageBackend;

use super::*;
use crate::Write;

const ROUNDS: u64 = 10;
const CLIENTS: usize = 4;
/// What a disk writes as a whole or not at all.
const SECTOR: usize = 512;

/// The store's file and its journal.
const FILES: usize = 2;
/// So short that it is full again and again.
const JOURNAL: usize = 20_000;

#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    files: [Pieces; FILES],
    dead: bool,
}

#[derive(Debug, Default)]
struct Pieces {
    /// What reads see.
    now: Vec<u8>,
    /// What has been synced.
    synced: Vec<u8>,
    /// What has been done since.
    since: Vec<Change>,
}

/// One of the files.
#[derive(Debug)]
struct OnDisk {
    disk: Disk,
    file: usize,
}

#[derive(Debug)]
enum Change {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Length(length) => to.resize(*length, 0),
            Self::Bytes(at, bytes) => {
                let end = at + bytes.len();
                to.resize(to.len().max(end), 0);
                to[*at..end].copy_from_slice(bytes);
            }
        }
    }
}

impl Disk {
    fn file(&self, file: usize) -> OnDisk {
        OnDisk { disk: self.clone(), file }
    }

    /// The power goes off. What is there when it comes back: everything synced, and of the rest what chance gives.
    fn fail(&self, random: &mut StdRng) -> Self {
        let mut content = self.0.lock().unwrap();
        content.dead = true;
        let mut files: [Pieces; FILES] = Default::default();
        for (file, after) in content.files.iter().zip(&mut files) {
            let mut left = file.synced.clone();
            for change in &file.since {
                match change {
                    Change::Bytes(at, bytes) => {
                        for (n, sector) in bytes.chunks(SECTOR).enumerate() {
                            if random.random() {
                                Change::Bytes(at + n * SECTOR, sector.to_vec()).apply(&mut left);
                            }
                        }
                    }
                    Change::Length(_) => change.apply(&mut left),
                }
            }
            *after = Pieces { now: left.clone(), synced: left, since: Vec::new() };
        }
        Self(Arc::new(Mutex::new(Content { files, dead: false })))
    }
}

impl OnDisk {
    fn pieces<T>(&self, work: impl FnOnce(&mut Pieces) -> T) -> io::Result<T> {
        let mut content = self.disk.0.lock().unwrap();
        if content.dead {
            return Err(io::Error::other("there is no power"));
        }
        Ok(work(&mut content.files[self.file]))
    }

    fn change(&self, change: Change) -> io::Result<()> {
        self.pieces(|file| {
            change.apply(&mut file.now);
            file.since.push(change);
        })
    }
}

impl StorageBackend for OnDisk {
    fn len(&self) -> io::Result<u64> {
        self.pieces(|file| file.now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        self.pieces(|file| out.copy_from_slice(&file.now[at..at + out.len()]))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::Length(usize::try_from(len).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.pieces(|file| {
            for change in std::mem::take(&mut file.since) {
                change.apply(&mut file.synced);
            }
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Bytes(usize::try_from(offset).unwrap(), data.to_vec()))
    }
}

fn open(disk: &Disk) -> RedbStore {
    let options = RedbOptions { journal_bytes: JOURNAL, ..RedbOptions::default() };
    let database = Database::builder().set_cache_size(1 << 20).create_with_backend(disk.file(0)).unwrap();
    let opened = open::use_database(database, Box::new(disk.file(1)), options).unwrap();
    RedbStore::start(opened, Path::new("disk")).unwrap()
}

/// Writes until the disk fails; what it returns was acknowledged.
async fn write(
    store: Arc<RedbStore>,
    client: usize,
    acknowledged: Arc<Mutex<Vec<(String, Revision)>>>,
    count: Arc<AtomicUsize>,
) {
    for n in 0.. {
        let key = format!("/registry/x/{client}/{}", n % 10);
        let value = vec![b'x'; n * 37 % 3000];
        let writes = vec![Write::Put { key: key.as_str().into(), value: value.into() }];
        match store.txn(Txn { expect: Vec::new(), writes }).await {
            Ok(TxnOutcome::Committed(revision)) => {
                acknowledged.lock().unwrap().push((key, revision));
                count.fetch_add(1, Ordering::SeqCst);
            }
            Ok(TxnOutcome::Refused { .. }) => panic!("refused"),
            // From now on nobody is told that anything was written.
            Err(StoreError::OutcomeUnknown { .. } | StoreError::Unavailable { .. }) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_start_that_is_cut_off_loses_nothing() {
    let disk = Disk::default();
    let store = open(&disk);
    for n in 0..3 {
        let txn = Txn::create(format!("/registry/x/{n}"), vec![b'x'; 100]);
        assert!(matches!(store.txn(txn).await.unwrap(), TxnOutcome::Committed(_)));
    }
    let disk = disk.fail(&mut StdRng::seed_from_u64(1));
    drop(store);
    // The journal has begun anew, and the store's file does not say so yet.
    for _ in 0..2 {
        let database = Database::builder().create_with_backend(disk.file(0)).unwrap();
        let before = open::state(&database).unwrap().journal;
        assert!(before.is_some());
        journal::Journal::new(Box::new(disk.file(1)), JOURNAL, before).unwrap();
    }
    let store = open(&disk);
    for n in 0..3 {
        assert!(store.get(&format!("/registry/x/{n}")).await.unwrap().is_some(), "{n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_power_cut() {
    let mut disk = Disk::default();
    for round in 0..ROUNDS {
        let seed = rand::random();
        let mut random = StdRng::seed_from_u64(seed);
        let store = Arc::new(open(&disk));
        let before = store.revision().await.unwrap();
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let count = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| tokio::spawn(write(store.clone(), client, acknowledged.clone(), count.clone())))
            .collect();
        let enough = random.random_range(0..200);
        while count.load(Ordering::SeqCst) < enough {
            tokio::task::yield_now().await;
        }
        let kept = acknowledged.lock().unwrap().clone();
        disk = disk.fail(&mut random);
        for client in clients {
            client.await.unwrap();
        }
        assert!(matches!(store.compact(before).await, Ok(()) | Err(StoreError::Unavailable { .. })));
        drop(store);

        let store = open(&disk);
        let now = store.revision().await.unwrap();
        for (key, revision) in &kept {
            let item = store.get(key).await.unwrap().expect("an acknowledged key is there");
            assert!(item.modified >= *revision, "round {round}, seed {seed}: {key} is at {}", item.modified);
            assert!(now >= *revision);
        }
        let events = store.shared.events_after(before, usize::MAX).unwrap();
        let revisions: Vec<u64> = events.iter().map(|event| event.revision.0).collect();
        assert_eq!(revisions, (before.0 + 1..=now.0).collect::<Vec<_>>(), "round {round}, seed {seed}");
        drop(store);
    }
}
