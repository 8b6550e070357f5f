//! Opens the file, or makes it.

use std::path::Path;

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableError};

use super::RedbOptions;
use super::tables::{FORMAT, LIVE, LOG, META, META_FORMAT, META_OLDEST, PAST};
use crate::Revision;
use crate::backup::{open_private, sync_folder};

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
    /// No thread could be started.
    #[error("cannot start the store's writer")]
    Thread(#[source] std::io::Error),
}

pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) revision: Revision,
    pub(super) oldest: Revision,
}

pub(super) fn open(path: &Path, options: RedbOptions) -> Result<Opened, OpenError> {
    // An empty file is what a crash leaves of the first start.
    let new = std::fs::metadata(path).map_or(true, |file| file.len() == 0);
    let file = open_private(path).map_err(OpenError::File)?;
    let database =
        Database::builder().set_cache_size(options.cache_bytes).create_file(file).map_err(cannot_open)?;
    let opened = use_database(database)?;
    if new {
        sync_folder(path).map_err(OpenError::File)?;
    }
    Ok(opened)
}

/// Takes a database as a store; makes the tables if it has none at all.
pub(super) fn use_database(database: Database) -> Result<Opened, OpenError> {
    let (revision, oldest) = revisions(&database)?;
    Ok(Opened { database, revision, oldest })
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
        drop(meta);
        txn.commit()?;
        Ok(())
    };
    create().map_err(damaged)
}

fn revisions(database: &Database) -> Result<(Revision, Revision), OpenError> {
    let txn = database.begin_read().map_err(damaged)?;
    let meta = match txn.open_table(META) {
        Ok(meta) => meta,
        // It is new, or a crash came between redb's making of it and the first transaction.
        Err(TableError::TableDoesNotExist(_)) if txn.list_tables().map_err(damaged)?.next().is_none() => {
            drop(txn);
            create_tables(database, Revision::FIRST)?;
            return Ok((Revision::FIRST, Revision::FIRST));
        }
        Err(TableError::TableDoesNotExist(_) | TableError::TableTypeMismatch { .. }) => {
            return Err(OpenError::Foreign);
        }
        Err(error) => return Err(damaged(error)),
    };
    match meta.get(META_FORMAT).map_err(damaged)?.map(|format| format.value()) {
        Some(FORMAT) => {}
        Some(found) => return Err(OpenError::Format { found }),
        None => return Err(OpenError::Foreign),
    }
    let oldest = meta.get(META_OLDEST).map_err(damaged)?.ok_or(OpenError::Foreign)?.value();
    let log = txn.open_table(LOG).map_err(damaged)?;
    let last = log.last().map_err(damaged)?.ok_or(OpenError::Foreign)?.0.value();
    Ok((Revision(last), Revision(oldest)))
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
