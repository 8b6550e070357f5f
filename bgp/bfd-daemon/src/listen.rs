//! The Unix socket of the API.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio::net::{UnixListener, UnixStream};

/// Why the socket cannot be served.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Another process answers on it.
    #[error("{}: another lb-bfd answers there; stop it or give another --socket", .0.display())]
    InUse(PathBuf),
    /// The file or its folder cannot be made.
    #[error("{}: cannot listen", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Listens on `path`. A socket that nobody answers on is the rest of a dead process and is replaced.
pub(crate) async fn unix(path: &Path) -> Result<UnixListener, ListenError> {
    let failed = |source| ListenError::Io { path: path.to_owned(), source };
    match UnixStream::connect(path).await {
        // A full queue of connections has a live process behind it too.
        Ok(_) => return Err(ListenError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            return Err(ListenError::InUse(path.to_owned()));
        }
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
        let path = folder.path().join("new/bfd.sock");
        let first = unix(&path).await.unwrap();
        assert!(matches!(unix(&path).await, Err(ListenError::InUse(_))));
        drop(first);
        let _second = unix(&path).await.unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "keep me").unwrap();
        assert!(matches!(unix(&file).await, Err(ListenError::Io { .. })));
    }
}
