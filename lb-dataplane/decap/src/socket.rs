//! The Unix socket of the admin API.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::net::{UnixListener, UnixStream};

/// Who may connect: owner and group.
const MODE: u32 = 0o660;

/// Removes the socket's file when dropped.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _gone_already = std::fs::remove_file(&self.0);
    }
}

/// Listens on `path`, with a directory made for it if there is none. The file of an agent that died is replaced.
pub(crate) async fn listen(path: &Path) -> anyhow::Result<(UnixListener, SocketFile)> {
    let shown = path.display();
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot make the directory of {shown}"))?;
    }
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot look at {shown}")),
        Ok(found) if !found.file_type().is_socket() => {
            bail!("{shown} exists and is not a socket: remove it, or choose another admin.socket");
        }
        Ok(_) => match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).with_context(|| format!("cannot remove {shown}"))?;
            }
            _ => bail!("another agent listens on {shown}: stop it first, or choose another admin.socket"),
        },
    }
    let listener = UnixListener::bind(path).with_context(|| format!("cannot listen on {shown}"))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE))
        .with_context(|| format!("cannot set the mode of {shown}"))?;
    Ok((listener, SocketFile(path.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::listen;

    #[tokio::test]
    async fn the_socket_of_the_dead_is_replaced_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/decap.sock");
        let (listener, file) = listen(&path).await.unwrap();
        assert!(listen(&path).await.unwrap_err().to_string().contains("another agent"));
        drop(listener);
        // The listener is gone and its file is not, as when a process is killed.
        let again = listen(&path).await.unwrap();
        drop((again, file));
        assert!(!path.exists());
        std::fs::write(&path, "precious").unwrap();
        assert!(listen(&path).await.unwrap_err().to_string().contains("is not a socket"));
    }
}
