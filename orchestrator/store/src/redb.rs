//! The embedded store: a redb file and a journal before it, written to by one at a time.
//!
//! Transactions that come while the disk is busy are checked and applied together and made durable by one `fdatasync`;
//! each is answered after it. A thread does so, unless a transaction is alone and the disk is quick: then it is written where
//! it is. Readers see what is durable only. `docs/orchestrator-store.md` has the tables and the journal.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use async_trait::async_trait;
use redb::{Database, ReadTransaction, ReadableDatabase};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::feed::{Feed, History, follow};
use crate::{Event, Page, Range, Revision, Store, StoreError, Txn, TxnOutcome, Watch, limits};

mod apply;
pub mod journal;
mod open;
mod read;
mod restore;
mod tables;
mod writer;

pub use open::OpenError;
pub use restore::{REVISION_LEAP, RestoreError, Restored, restore};
use writer::{Command, Desk};

/// How many transactions may wait for the writer; more wait for a place.
const QUEUE: usize = 1024;

/// How an embedded store is opened.
#[derive(Clone, Copy, Debug)]
pub struct RedbOptions {
    /// How much of the file is kept in memory, in bytes. Reads of objects come from elsewhere, so it can be small.
    pub cache_bytes: usize,
    /// The length of the journal, in bytes: so much is taken in again after a crash at most, and whenever it is full the
    /// file is brought up to date, for which writers wait.
    pub journal_bytes: usize,
}

impl Default for RedbOptions {
    fn default() -> Self {
        Self { cache_bytes: 16 << 20, journal_bytes: 1 << 20 }
    }
}

/// A store in a file. Only one process can have it open.
pub struct RedbStore {
    shared: Arc<Shared>,
    queue: Option<mpsc::Sender<Command>>,
    writer: Option<JoinHandle<()>>,
    desk: Desk,
    /// Transactions that are not answered.
    under_way: AtomicUsize,
    /// A backup reads for long; to defragment must wait for it, and not make writers wait with it.
    upkeep: Arc<Mutex<()>>,
}

struct Shared {
    path: PathBuf,
    /// Locked for writing only to defragment.
    database: RwLock<Database>,
    feed: Feed,
    /// The newest revision that a read has shown: between a commit and its publication the file is ahead of the feed.
    shown: AtomicU64,
}

impl RedbStore {
    /// Opens the store in a file, which is made if it is not there. Its journal is beside it, with `.journal` after the name.
    ///
    /// After a crash of the machine or the process, redb's check of the whole file comes first, and then what the journal
    /// has that the file has not.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path, options: RedbOptions) -> Result<Self, OpenError> {
        Self::start(open::open(path, options)?, path)
    }

    fn start(opened: open::Opened, path: &Path) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared {
            path: path.into(),
            database: RwLock::new(opened.database),
            feed: Feed::new(opened.revision),
            shown: AtomicU64::new(opened.revision.0),
        });
        let (queue, commands) = mpsc::channel(QUEUE);
        let writer = writer::Writer::new(shared.clone(), opened.journal, opened.revision, opened.oldest);
        let desk = Desk::new(std::sync::Mutex::new(writer));
        let at = desk.clone();
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer::run(&at, commands))
            .map_err(OpenError::Thread)?;
        let under_way = AtomicUsize::new(0);
        Ok(Self { shared, queue: Some(queue), writer: Some(writer), desk, under_way, upkeep: Arc::default() })
    }

    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(command(answer)).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| StoreError::OutcomeUnknown {
            what: "the store stopped before it answered".into(),
            source: None,
        })?
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        let read = tokio::task::spawn_blocking(move || shared.read(read));
        read.await.map_err(|error| StoreError::unavailable("reading", error))?
    }
}

impl Drop for RedbStore {
    /// What is queued is written first.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // It has ended in an orderly way or reported why not.
            let _ = writer.join();
        }
    }
}

/// One of the transactions under way.
struct Place<'a> {
    under_way: &'a AtomicUsize,
    before: usize,
}

impl<'a> Place<'a> {
    fn take(under_way: &'a AtomicUsize) -> Self {
        Self { under_way, before: under_way.fetch_add(1, Ordering::Relaxed) }
    }

    fn is_only(&self) -> bool {
        self.before == 0
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

fn stopped() -> StoreError {
    StoreError::Unavailable { what: "its writer has stopped".into(), source: None }
}

impl Shared {
    fn database(&self) -> RwLockReadGuard<'_, Database> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // Held until the end: to defragment needs a file that nobody reads.
        let database = self.database();
        let txn = database.begin_read().map_err(failed("beginning to read"))?;
        read(&txn)
    }
}

/// An error of redb while doing something.
fn failed<E: Into<redb::Error>>(what: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| match error.into() {
        redb::Error::Corrupted(found) => StoreError::Corrupt { what: format!("{what}: {found}") },
        error => StoreError::unavailable(what, error),
    }
}

#[async_trait]
impl Store for RedbStore {
    fn name(&self) -> &'static str {
        "redb"
    }

    fn txn_ops(&self) -> usize {
        limits::EMBEDDED_TXN_OPS
    }

    async fn txn(&self, txn: Txn) -> Result<TxnOutcome, StoreError> {
        limits::check(&txn, self.txn_ops())?;
        let place = Place::take(&self.under_way);
        let txn = match place.is_only() {
            true => match writer::write_at_once(&self.desk, txn) {
                Ok(outcome) => return outcome,
                Err(txn) => txn,
            },
            false => txn,
        };
        self.ask(|answer| Command::Txn(txn, answer)).await
    }

    async fn range(&self, range: Range) -> Result<Page, StoreError> {
        let page = self.read(move |txn| read::range(txn, &range)).await?;
        self.shared.shown.fetch_max(page.revision.0, Ordering::SeqCst);
        Ok(page)
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        Ok(self.shared.feed.last().max(Revision(self.shared.shown.load(Ordering::SeqCst))))
    }

    async fn watch(&self, from: Revision) -> Result<Watch, StoreError> {
        self.read(move |txn| read::readable(txn, Some(from))).await?;
        Ok(follow(&self.shared, from))
    }

    async fn compact(&self, to: Revision) -> Result<(), StoreError> {
        self.ask(|answer| Command::Compact(to, answer)).await
    }

    async fn defragment(&self) -> Result<(), StoreError> {
        let _alone = self.upkeep.lock().await;
        self.ask(Command::Defragment).await
    }

    async fn backup(&self, path: &Path) -> Result<Revision, StoreError> {
        let alone = self.upkeep.clone().lock_owned().await;
        let path = path.to_owned();
        self.read(move |txn| {
            let revision = read::backup(txn, &path);
            drop(alone);
            revision
        })
        .await
    }
}

impl History for Shared {
    fn events_after(&self, from: Revision, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.read(|txn| read::events_after(txn, from, limit))
    }

    fn feed(&self) -> &Feed {
        &self.feed
    }
}

#[cfg(test)]
mod tests;
