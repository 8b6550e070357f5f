//! Files that are whole or not there, and not for others to read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Nothing that is read here is longer.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What cannot be done with a file.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be {doing}: {source}", path.display())]
pub(crate) struct FileError {
    path: PathBuf,
    doing: &'static str,
    source: io::Error,
}

impl FileError {
    fn new(path: &Path, doing: &'static str, source: io::Error) -> Self {
        Self { path: path.to_owned(), doing, source }
    }
}

/// Makes a folder, for its owner alone, with what leads to it.
pub(crate) fn folder(folder: &Path) -> Result<(), FileError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| FileError::new(folder, "made", source))
}

/// The text of a file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, FileError> {
    let read = || {
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut text = String::new();
        if File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)? as u64 > MAX_FILE_BYTES {
            return Err(io::Error::other(format!("longer than {MAX_FILE_BYTES} bytes")));
        }
        Ok(text)
    };
    match read() {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::new(path, "read", source)),
    }
}

/// Puts a text in place, for its owner alone: a reader sees the old file or the whole new one, after a crash too.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), FileError> {
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
    written.map_err(|source| FileError::new(path, "written", source))
}

/// Removes a file; whether it was there. Of several who do it at once one is told so.
pub(crate) fn remove(path: &Path) -> Result<bool, FileError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(FileError::new(path, "removed", source)),
    }
}
