//! Files that are whole or not there, and not for others to read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What cannot be done with a file.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be {doing}", path = path.display())]
pub struct FileError {
    path: PathBuf,
    doing: &'static str,
    #[source]
    source: io::Error,
}

impl FileError {
    pub(crate) fn new(path: &Path, doing: &'static str, source: io::Error) -> Self {
        Self { path: path.to_owned(), doing, source }
    }
}

/// Makes `folder`, for its owner alone, with what leads to it.
///
/// # Errors
///
/// When it cannot be made.
pub fn folder(folder: &Path) -> Result<(), FileError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| FileError::new(folder, "made", source))
}

/// The text of a file. None when there is none.
///
/// # Errors
///
/// When it is there and cannot be read.
pub fn read(path: &Path) -> Result<Option<String>, FileError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::new(path, "read", source)),
    }
}

/// Puts `text` at `path`, for its owner alone: a reader sees the old file or the whole new one, after a crash too.
///
/// # Errors
///
/// When it cannot be written. What was there stays.
pub fn write(path: &Path, text: &str) -> Result<(), FileError> {
    let failed = |source| FileError::new(path, "written", source);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let temporary = parent.join(name);
    let written = (|| {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(parent)?.sync_all()
    })();
    if written.is_err() {
        let _it_may_not_be_there = fs::remove_file(&temporary);
    }
    written.map_err(failed)
}

/// Held for as long as a server works on a folder.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// Why a folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error(
        "{} is in use by another orchestrator{}: stop that one, or give this one a --data-dir of its own",
        folder.display(),
        pid.as_ref().map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// What the holder wrote about itself.
        pid: Option<String>,
    },
    /// The lock file cannot be worked with.
    #[error("the folder cannot be locked")]
    File(#[source] FileError),
}

impl FolderLock {
    /// Locks `folder`, which is there. The lock goes with the process, however it ends.
    ///
    /// # Errors
    ///
    /// [`LockError::InUse`] at once when another process has it.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join("lock");
        let failed = |source| LockError::File(FileError::new(&path, "locked", source));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let pid = read(&path).ok().flatten().map(|text| text.trim().to_owned());
                let pid = pid.filter(|pid| !pid.is_empty());
                return Err(LockError::InUse { folder: folder.to_owned(), pid });
            }
            Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_replaced_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write(&path, "one").unwrap();
        write(&path, "two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(read(&folder.path().join("none")).unwrap(), None);
    }

    #[test]
    fn a_folder_has_one_holder() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        let error = FolderLock::take(folder.path()).unwrap_err();
        assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
        drop(lock);
        FolderLock::take(folder.path()).unwrap();
    }
}
