//! Unix sockets of admin APIs.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio::net::{UnixListener, UnixStream};

/// Why a socket cannot be served.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another process answers on it.
    #[error("{}: another process answers there; stop it or {remedy}", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
        /// What else can be done.
        remedy: &'static str,
    },
    /// The file or its folder cannot be made.
    #[error("{}: cannot listen", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Listens on `path`, for root and the group of the file. A socket that nobody answers on is the rest of a dead process and
/// is replaced; of a live one the error says that it has to be stopped, or `remedy`.
///
/// # Errors
/// When somebody answers there, or the file cannot be made.
pub async fn bind(path: &Path, remedy: &'static str) -> Result<UnixListener, BindError> {
    let failed = |source| BindError::Io { path: path.to_owned(), source };
    let in_use = || BindError::InUse { path: path.to_owned(), remedy };
    match UnixStream::connect(path).await {
        // A full queue of connections (EAGAIN) has a live process behind it too.
        Ok(_) => return Err(in_use()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(in_use()),
        Err(_) => {}
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path).map_err(failed)?,
        Ok(_) => return Err(failed(io::Error::other("something else than a socket stands there"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(failed)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/daemon.sock");
        let first = bind(&path, "wait").await.unwrap();
        let refused = bind(&path, "wait").await.unwrap_err();
        assert!(refused.to_string().ends_with("another process answers there; stop it or wait"));
        drop(first);
        let _second = bind(&path, "wait").await.unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        let file = folder.path().join("file");
        std::fs::write(&file, "keep me").unwrap();
        assert!(matches!(bind(&file, "wait").await, Err(BindError::Io { .. })));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "keep me");
    }
}
