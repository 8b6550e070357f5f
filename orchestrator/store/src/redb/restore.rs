//! Makes an embedded store of a backup.

use std::path::{Path, PathBuf};

use redb::Database;

use super::open::{create_tables, journal_of};
use super::tables::{LIVE, Record};
use super::{OpenError, RedbOptions};
use crate::backup::{self, BackupError, open_private, sync_folder};
use crate::{KeyValue, Revision};

/// How far the revision of a restored store is ahead of its backup's.
///
/// After the backup the old store went on, and clients have seen its revisions. The restored store must not give those
/// numbers to other things; and a watch from one of them must be told to list again.
pub const REVISION_LEAP: u64 = 1_000_000_000;

/// How many bytes of values one transaction restores, at least.
const STEP_BYTES: usize = 8 << 20;

/// What was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The revision of the backup.
    pub backup: Revision,
    /// The revision of the store now, also the oldest that it can be read at.
    pub revision: Revision,
    /// How many keys.
    pub keys: u64,
}

/// Why a backup was not restored. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The backup cannot be used.
    #[error("the backup cannot be used")]
    Backup(#[source] BackupError),
    /// There is a store already, or the journal of one.
    #[error("{path} exists; stop the server and move it away first", path = path.display())]
    Exists {
        /// The file that is there.
        path: PathBuf,
    },
    /// The new store could not be made.
    #[error("cannot make the new store")]
    Store(#[source] OpenError),
    /// The new store could not be written.
    #[error("cannot write {path}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Makes the store `store` of the backup `from`. The store has its name only once all of the backup is in it and the
/// backup's checksum was right. May block for long.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(from: &Path, store: &Path) -> Result<Restored, RestoreError> {
    // The journal of a store that was moved away may have its last writes.
    let in_the_way = [store.to_owned(), journal_of(store)].into_iter().find(|path| path.exists());
    if let Some(path) = in_the_way {
        return Err(RestoreError::Exists { path });
    }
    // Said before anything is made of it.
    drop(backup::open(from).map_err(RestoreError::Backup)?);
    let mut part = store.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let cannot_write = |source| RestoreError::Write { path: part.clone(), source };
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(cannot_write(error.into())),
        _ => {}
    }
    let filled = fill(from, &part);
    let restored = match filled {
        Ok(restored) => restored,
        Err(error) => {
            let _ = std::fs::remove_file(&part);
            return Err(error);
        }
    };
    let publish = || {
        std::fs::hard_link(&part, store)?;
        std::fs::remove_file(&part)?;
        sync_folder(store)
    };
    match publish() {
        Ok(()) => Ok(restored),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(RestoreError::Exists { path: store.into() })
        }
        Err(error) => Err(cannot_write(error.into())),
    }
}

fn fill(from: &Path, part: &Path) -> Result<Restored, RestoreError> {
    let mut reader = backup::open(from).map_err(RestoreError::Backup)?;
    let revision = Revision(reader.revision().0.saturating_add(REVISION_LEAP));
    let file = open_private(part)
        .map_err(|source| RestoreError::Write { path: part.into(), source: source.into() })?;
    let database = Database::builder()
        .set_cache_size(RedbOptions::default().cache_bytes)
        .create_file(file)
        .map_err(|error| RestoreError::Write { path: part.into(), source: error.into() })?;
    create_tables(&database, revision).map_err(RestoreError::Store)?;
    loop {
        let (mut step, mut bytes) = (Vec::new(), 0);
        while bytes < STEP_BYTES
            && let Some(item) = reader.next_item().map_err(RestoreError::Backup)?
        {
            bytes += item.key.len() + item.value.len();
            step.push(item);
        }
        if step.is_empty() {
            break;
        }
        write(&database, &step)
            .map_err(|error| RestoreError::Write { path: part.into(), source: error.into() })?;
    }
    let summary = reader.summary().map_err(RestoreError::Backup)?;
    Ok(Restored { backup: summary.revision, revision, keys: summary.keys })
}

fn write(database: &Database, items: &[KeyValue]) -> Result<(), redb::Error> {
    let txn = database.begin_write()?;
    let mut live = txn.open_table(LIVE)?;
    for item in items {
        let record = Record { created: item.created, modified: item.modified, value: &item.value };
        record.encode(live.insert_reserve(item.key.as_bytes(), Record::len(&item.value))?.as_mut());
    }
    drop(live);
    txn.commit()?;
    Ok(())
}
