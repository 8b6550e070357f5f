//! The Unix socket of the admin API.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// Who may connect: owner and group.
const MODE: u32 = 0o660;

/// Why the socket is not there.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody answers on it.
    #[error("another agent listens on {}: stop it first, or give this one another admin.socket", .0.display())]
    InUse(PathBuf),
    /// The path leads to something that is not a socket.
    #[error("{} exists and is not a socket: remove it, or choose another admin.socket", .0.display())]
    NotASocket(PathBuf),
    /// A system call failed.
    #[error("{} {}", .action, .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// A listening socket whose file goes away with it.
#[derive(Debug)]
pub struct AdminSocket {
    /// Accepts connections.
    pub listener: UnixListener,
    /// Removes the file.
    pub file: SocketFile,
}

/// Removes the socket's file when dropped, unless another agent has put its own there.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: Option<Identity>,
}

/// Inode and time of its last change: an inode number alone may be given out again.
type Identity = (u64, i64, i64);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _gone_already = std::fs::remove_file(&self.path);
        }
    }
}

/// Listens on `path`, with a directory made for it if there is none. The file of an agent that died is replaced.
///
/// # Errors
///
/// See [`ListenError`].
pub async fn listen(path: &Path) -> Result<AdminSocket, ListenError> {
    let io = |action: &'static str| {
        move |source: io::Error| ListenError::Io { action, path: path.to_owned(), source }
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(io("cannot make the directory of"))?;
    }
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io("cannot look at")(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(ListenError::NotASocket(path.to_owned()));
        }
        Ok(_) => match UnixStream::connect(path).await {
            Ok(_answered) => return Err(ListenError::InUse(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(io("cannot remove the socket of a dead agent,"))?;
            }
            Err(error) => return Err(io("cannot tell whether an agent listens on")(error)),
        },
    }
    let listener = UnixListener::bind(path).map_err(io("cannot listen on"))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE))
        .map_err(io("cannot set the mode of"))?;
    Ok(AdminSocket { listener, file: SocketFile { path: path.to_owned(), identity: identity(path) } })
}

fn identity(path: &Path) -> Option<Identity> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some((metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn listens_and_cleans_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new").join("admin.sock");
        let socket = listen(&path).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        let refused = listen(&path).await.unwrap_err();
        assert!(matches!(refused, ListenError::InUse(_)), "{refused}");
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn replaces_the_socket_of_the_dead_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        // A listener that is dropped leaves its file, as a killed process does.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let first = listen(&path).await.unwrap();
        // Another one has taken the place: the file is not ours to remove.
        std::fs::remove_file(&path).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(first);
        assert!(path.exists());

        let file = dir.path().join("file");
        std::fs::write(&file, "precious").unwrap();
        assert!(matches!(listen(&file).await, Err(ListenError::NotASocket(_))));
        assert_eq!(std::fs::read(&file).unwrap(), b"precious");
    }
}
