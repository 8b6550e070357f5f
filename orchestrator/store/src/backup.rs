//! Backups: every key of a store as it was at one revision, in one file that says whether it is whole.
//!
//! ```text
//! "guideway-backup\n"  format (u32)  revision (u64)
//! 1  key length (u16)  value length (u32)  created (u64)  modified (u64)  key  value      for each key, in their order
//! 0  number of keys (u64)  SHA-256 of everything before it (32 bytes)
//! ```
//! Numbers are big-endian.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::{Range, Revision, Store, StoreError};

mod format;

pub use format::{BackupError, Reader, Summary};

/// How many keys are read at a time from a store that has no better way.
const PAGE: usize = 500;

/// Opens a backup and reads its head.
///
/// # Errors
/// See [`BackupError`].
pub fn open(path: &Path) -> Result<Reader<BufReader<File>>, BackupError> {
    let file = File::open(path).map_err(BackupError::Read)?;
    Reader::new(BufReader::new(file))
}

/// Reads a backup to its end.
///
/// # Errors
/// See [`BackupError`].
pub fn verify(path: &Path) -> Result<Summary, BackupError> {
    let mut reader = open(path)?;
    while reader.next_item()?.is_some() {}
    reader.summary()
}

/// Opens a file that may be there, and makes it for its owner alone: there are Secrets in it.
pub(crate) fn open_private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// A backup on the way: it has its name only once it is whole.
pub(crate) struct BackupFile {
    writer: format::Writer<BufWriter<File>>,
    part: PathBuf,
    path: PathBuf,
}

impl BackupFile {
    pub(crate) fn create(path: &Path, revision: Revision) -> Result<Self, StoreError> {
        if path.exists() {
            let source = std::io::ErrorKind::AlreadyExists.into();
            return Err(StoreError::File { what: format!("{} is there already", path.display()), source });
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = open_private(&part).and_then(|file| file.set_len(0).map(|()| file));
        let file = file.map_err(cannot_write(&part))?;
        let writer = format::Writer::new(BufWriter::with_capacity(1 << 18, file), revision);
        let writer = writer.map_err(cannot_write(&part))?;
        Ok(Self { writer, part, path: path.into() })
    }

    pub(crate) fn push(
        &mut self,
        key: &str,
        value: &[u8],
        created: Revision,
        modified: Revision,
    ) -> Result<(), StoreError> {
        self.writer.push(key, value, created, modified).map_err(cannot_write(&self.part))
    }

    pub(crate) fn finish(self) -> Result<(), StoreError> {
        let Self { writer, part, path } = self;
        let finish = || -> std::io::Result<()> {
            let mut file = writer.finish()?;
            file.flush()?;
            file.get_ref().sync_all()?;
            // Fails, rather than replaces, if another backup was quicker.
            std::fs::hard_link(&part, &path)?;
            std::fs::remove_file(&part)?;
            sync_folder(&path)
        };
        finish().map_err(cannot_write(&path))
    }
}

/// Makes a new name in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn cannot_write(path: &Path) -> impl Fn(std::io::Error) -> StoreError {
    move |source| StoreError::File { what: format!("cannot write {}", path.display()), source }
}

/// Backs a store up through [`Store::range`].
pub(crate) async fn write_pages(store: &dyn Store, path: &Path) -> Result<Revision, StoreError> {
    let mut range = Range { limit: PAGE, ..Range::prefix(crate::limits::ROOT) };
    let mut page = store.range(range.clone()).await?;
    let revision = page.revision;
    range.at = Some(revision);
    let mut file = BackupFile::create(path, revision)?;
    loop {
        for item in &page.items {
            file.push(&item.key, &item.value, item.created, item.modified)?;
        }
        match page.items.last() {
            Some(last) if page.more => range.start = Some(format!("{}\0", last.key)),
            _ => break,
        }
        page = store.range(range.clone()).await?;
    }
    tokio::task::spawn_blocking(move || file.finish())
        .await
        .map_err(|error| StoreError::unavailable("writing a backup", error))??;
    Ok(revision)
}
