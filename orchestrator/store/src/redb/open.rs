//! Opens the file, or makes it.

use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageBackend, StorageError, TableError,
};

use super::RedbOptions;
use super::apply::Tables;
use super::journal::{self, Entry, Journal};
use super::tables::{
    FORMAT, FORMAT_WITHOUT_JOURNAL, LIVE, LOG, META, META_FORMAT, META_JOURNAL, META_OLDEST, PAST,
};
use crate::backup::{open_private, sync_folder};
use crate::{Revision, StoreError};

/// Why an embedded store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open.
    #[error("another process has the store open")]
    InUse,
    /// The file is something else.
    #[error("the file is not a store of the orchestrator")]
    Foreign,
    /// The store was written by a later version.
    #[error("the store is of format {found}, and this version reads format {FORMAT}")]
    Format {
        /// The store's format.
        found: u64,
    },
    /// The file cannot be read as a store; restore a backup.
    #[error("the store is damaged")]
    Damaged(#[source] redb::Error),
    /// The file cannot be read or written.
    #[error("cannot use the store's file")]
    File(#[source] std::io::Error),
    /// The server was not stopped in an orderly way, and what it had last written is not there.
    #[error(
        "{path} is missing, which holds the last writes of a server that was not stopped in an orderly way; put it back, or \
         restore a backup",
        path = path.display()
    )]
    JournalMissing {
        /// The journal's file.
        path: PathBuf,
    },
    /// The journal is another one's.
    #[error(
        "{path} is not the journal of this store, whose last writes after a crash are in its own; put that back, or restore a \
         backup",
        path = path.display()
    )]
    JournalForeign {
        /// The journal's file.
        path: PathBuf,
    },
    /// The journal is of a later state of the store: the store's file was replaced by an older copy.
    #[error(
        "the journal goes on from revision {journal}, and the store ends at {store}: the two files are not of the same time"
    )]
    JournalAhead {
        /// The first revision of the journal.
        journal: Revision,
        /// The last revision of the store's file.
        store: Revision,
    },
    /// The journal cannot be taken in.
    #[error("the store's journal cannot be taken in")]
    Journal(#[source] StoreError),
    /// No thread could be started.
    #[error("cannot start the store's writer")]
    Thread(#[source] std::io::Error),
}

pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) journal: Journal,
    pub(super) revision: Revision,
    pub(super) oldest: Revision,
}

/// What the store's file says of itself.
pub(super) struct State {
    revision: Revision,
    oldest: Revision,
    /// The journal that goes on from it; none after an orderly end.
    pub(super) journal: Option<u64>,
}

pub(super) fn open(path: &Path, options: RedbOptions) -> Result<Opened, OpenError> {
    // An empty file is what a crash leaves of the first start.
    let is_new = |path: &Path| std::fs::metadata(path).map_or(true, |file| file.len() == 0);
    let mut must_sync = is_new(path);
    let file = open_private(path).map_err(OpenError::File)?;
    let database =
        Database::builder().set_cache_size(options.cache_bytes).create_file(file).map_err(cannot_open)?;
    let state = state(&database)?;
    let journal = journal_of(path);
    if is_new(&journal) {
        if state.journal.is_some() {
            return Err(OpenError::JournalMissing { path: journal });
        }
        must_sync = true;
    }
    let file = open_private(&journal).map_err(OpenError::File)?;
    let file = FileBackend::new(file).map_err(cannot_open)?;
    if must_sync {
        // The store says that there is a journal once it is sure to be found.
        sync_folder(path).map_err(OpenError::File)?;
    }
    begin(database, &state, Box::new(file), options.journal_bytes, path)
}

/// Where the journal of a store is.
pub(super) fn journal_of(path: &Path) -> PathBuf {
    let mut journal = path.as_os_str().to_owned();
    journal.push(".journal");
    journal.into()
}

/// Takes a database and a journal as a store; makes the tables if there are none at all.
#[cfg(test)]
pub(super) fn use_database(
    database: Database,
    journal: Box<dyn StorageBackend>,
    options: RedbOptions,
) -> Result<Opened, OpenError> {
    let state = state(&database)?;
    begin(database, &state, journal, options.journal_bytes, Path::new("disk"))
}

/// Takes in what the journal has, and begins another one.
fn begin(
    database: Database,
    state: &State,
    file: Box<dyn StorageBackend>,
    journal_bytes: usize,
    path: &Path,
) -> Result<Opened, OpenError> {
    let entries = match state.journal {
        Some(id) => {
            let bytes = journal::bytes(&*file).map_err(OpenError::File)?;
            let read = journal::read(id, &bytes).map_err(OpenError::Journal)?;
            read.ok_or_else(|| OpenError::JournalForeign { path: journal_of(path) })?
        }
        None => Vec::new(),
    };
    if let Some(first) = entries.first().filter(|first| first.revision > state.revision.next()) {
        return Err(OpenError::JournalAhead { journal: first.revision, store: state.revision });
    }
    let missing: Vec<Entry> = entries.into_iter().filter(|entry| entry.revision > state.revision).collect();
    let revision = missing.last().map_or(state.revision, |last| last.revision);
    if !missing.is_empty() {
        tracing::info!(transactions = missing.len(), %revision, "taken in from the journal");
    }
    // The old one is still whole if this, or what follows, does not come to its end.
    let journal = Journal::new(file, journal_bytes, state.journal).map_err(OpenError::File)?;
    let take_in = |missing: Vec<Entry>| -> Result<(), StoreError> {
        let cannot = super::failed("taking in the journal");
        let write = database.begin_write().map_err(cannot)?;
        let mut tables = Tables::open(&write)?;
        for entry in missing {
            tables.write(entry.writes, entry.revision)?;
        }
        drop(tables);
        name_journal(&write, journal.id())?;
        write.commit().map_err(super::failed("taking in the journal"))
    };
    take_in(missing).map_err(OpenError::Journal)?;
    Ok(Opened { database, journal, revision, oldest: state.oldest })
}

/// Says in the store's file which journal goes on from it: 0 is none.
pub(super) fn name_journal(write: &redb::WriteTransaction, id: u64) -> Result<(), StoreError> {
    let mut meta = write.open_table(META).map_err(super::failed("opening the store's numbers"))?;
    for (name, value) in [(META_FORMAT, FORMAT), (META_JOURNAL, id)] {
        meta.insert(name, value).map_err(super::failed("writing the store's numbers"))?;
    }
    Ok(())
}

/// Makes an empty store whose history begins at a revision.
pub(super) fn create_tables(database: &Database, first: Revision) -> Result<(), OpenError> {
    let create = || -> Result<(), redb::Error> {
        let txn = database.begin_write()?;
        txn.open_table(LIVE)?;
        txn.open_table(PAST)?;
        // So that the log always has the last revision: compaction leaves that one in.
        txn.open_table(LOG)?.insert(first.0, &[][..])?;
        let mut meta = txn.open_table(META)?;
        meta.insert(META_FORMAT, FORMAT)?;
        meta.insert(META_OLDEST, first.0)?;
        meta.insert(META_JOURNAL, 0)?;
        drop(meta);
        txn.commit()?;
        Ok(())
    };
    create().map_err(damaged)
}

pub(super) fn state(database: &Database) -> Result<State, OpenError> {
    let txn = database.begin_read().map_err(damaged)?;
    let meta = match txn.open_table(META) {
        Ok(meta) => meta,
        // It is new, or a crash came between redb's making of it and the first transaction.
        Err(TableError::TableDoesNotExist(_)) if txn.list_tables().map_err(damaged)?.next().is_none() => {
            drop(txn);
            create_tables(database, Revision::FIRST)?;
            return Ok(State { revision: Revision::FIRST, oldest: Revision::FIRST, journal: None });
        }
        Err(TableError::TableDoesNotExist(_) | TableError::TableTypeMismatch { .. }) => {
            return Err(OpenError::Foreign);
        }
        Err(error) => return Err(damaged(error)),
    };
    match meta.get(META_FORMAT).map_err(damaged)?.map(|format| format.value()) {
        Some(FORMAT | FORMAT_WITHOUT_JOURNAL) => {}
        Some(found) => return Err(OpenError::Format { found }),
        None => return Err(OpenError::Foreign),
    }
    let oldest = meta.get(META_OLDEST).map_err(damaged)?.ok_or(OpenError::Foreign)?.value();
    let log = txn.open_table(LOG).map_err(damaged)?;
    let last = log.last().map_err(damaged)?.ok_or(OpenError::Foreign)?.0.value();
    let journal = meta.get(META_JOURNAL).map_err(damaged)?.map_or(0, |journal| journal.value());
    let journal = (journal != 0).then_some(journal);
    Ok(State { revision: Revision(last), oldest: Revision(oldest), journal })
}

fn cannot_open(error: DatabaseError) -> OpenError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse,
        DatabaseError::UpgradeRequired(_) => OpenError::Foreign,
        // redb says so of a file that does not begin as its files do.
        DatabaseError::Storage(StorageError::Io(error))
            if error.kind() == std::io::ErrorKind::InvalidData =>
        {
            OpenError::Foreign
        }
        other => damaged(other),
    }
}

fn damaged(error: impl Into<redb::Error>) -> OpenError {
    match error.into() {
        redb::Error::Io(error) => OpenError::File(error),
        error => OpenError::Damaged(error),
    }
}
