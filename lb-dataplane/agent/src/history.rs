//! The configurations that were in force last, so that one of them can be put in force again.
//!
//! Each is a file `GENERATION.conf` in the folder `history` below the state folder, named by the generation that it came
//! into force with. A generation that only follows the health of backends is not listed by itself. The dataplane does not
//! depend on these files: a history that cannot be written or read is reported, and that is all.

mod record;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

pub use record::{DecodeError, Entry};

/// How many are kept.
pub const KEPT: usize = 10;
const SUFFIX: &str = "conf";
/// Larger than any configuration with its head.
const MAX_BYTES: u64 = guideway_dataplane_config::MAX_FILE_BYTES as u64 + 4096;

/// The last configurations, at most [`KEPT`].
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The oldest first.
    entries: Vec<Entry>,
}

/// A file of the history cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The folder cannot be made or listed.
    #[error("{path}: the folder of the history cannot be used")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be read or written.
    #[error("{path}: cannot be used")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not what was written; it is left out, and may be removed.
    #[error("{path}: left out of the history, remove it")]
    Corrupt {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: DecodeError,
    },
}

impl History {
    /// Latest first.
    pub fn latest_first(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev()
    }

    /// The configuration that came with `generation`.
    #[must_use]
    pub fn find(&self, generation: u64) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.generation == generation)
    }

    /// Higher than all that it has.
    #[must_use]
    pub fn next_generation(&self) -> u64 {
        self.entries.iter().map(|entry| entry.generation).max().unwrap_or_default().saturating_add(1)
    }

    /// Takes in what is in force now, in place of what had the same generation. Gives the generations that are not kept
    /// any longer.
    pub fn add(&mut self, entry: Entry) -> Vec<u64> {
        self.entries.retain(|other| other.generation != entry.generation);
        self.entries.push(entry);
        let surplus = self.entries.len().saturating_sub(KEPT);
        self.entries.drain(..surplus).map(|entry| entry.generation).collect()
    }
}

/// Where the history is kept.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Below the state folder.
    #[must_use]
    pub fn new(state_dir: &Path) -> Self {
        Self { path: state_dir.join("history") }
    }

    /// Makes the folder and reads what it has. What cannot be read is left out and told.
    #[must_use]
    pub fn open(&self) -> (History, Vec<HistoryError>) {
        let mut errors = Vec::new();
        let folder = |source| HistoryError::Folder { path: self.path.clone(), source };
        // Configurations hold the seed, which is a secret.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        let paths = match made.and_then(|()| self.files()) {
            Ok(paths) => paths,
            Err(error) => return (History::default(), vec![folder(error)]),
        };
        let mut entries = Vec::new();
        for path in paths {
            match read(&path) {
                Ok(entry) => entries.push(entry),
                Err(error) => errors.push(error),
            }
        }
        entries.sort_by_key(|entry: &Entry| (entry.at_unix_ms, entry.generation));
        let mut history = History::default();
        for entry in entries {
            history.add(entry);
        }
        (history, errors)
    }

    /// Writes an entry, so that a crash leaves the whole file or none, and removes files of generations that are not kept.
    ///
    /// # Errors
    ///
    /// See [`HistoryError`].
    pub fn write(&self, entry: &Entry, dropped: &[u64]) -> Result<(), HistoryError> {
        let path = self.file(entry.generation);
        let new = path.with_extension("new");
        let written = || {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(&entry.encode())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.path)?.sync_all()
        };
        written().map_err(|source| HistoryError::File { path: path.clone(), source })?;
        for generation in dropped {
            let path = self.file(*generation);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(HistoryError::File { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&self, generation: u64) -> PathBuf {
        self.path.join(format!("{generation:020}.{SUFFIX}"))
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if path.extension().is_some_and(|suffix| suffix == SUFFIX) {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }
}

fn read(path: &Path) -> Result<Entry, HistoryError> {
    let unreadable = |source| HistoryError::File { path: path.to_owned(), source };
    let corrupt = |source| HistoryError::Corrupt { path: path.to_owned(), source };
    let kind = fs::metadata(path).map_err(unreadable)?;
    if !kind.is_file() || kind.len() > MAX_BYTES {
        return Err(corrupt(DecodeError::NotAHistory));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    Entry::decode(&bytes).map_err(corrupt)
}

#[cfg(test)]
mod tests;
