//! A socket in the data folder, over which the commands of this program talk to a server that runs there.
//!
//! One request a connection: a line of JSON, answered by a line of JSON. The folder is the owner's alone, and so is the
//! socket.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use guideway_store::Store;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// Bytes of a request.
const MAX_LINE: u64 = 16 * 1024;

/// What a server is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Write all objects to a file.
    Backup(PathBuf),
    /// Give space back to the file system.
    Defragment,
}

/// What came of it, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It is done.
    Done(String),
    /// It is not.
    Failed(String),
}

/// Where the socket of a data folder is.
#[must_use]
pub fn socket(folder: &Path) -> PathBuf {
    folder.join("control.sock")
}

/// Takes the place of a socket that a server left behind.
///
/// # Errors
///
/// When it cannot be made.
pub fn listen(folder: &Path) -> io::Result<UnixListener> {
    let path = socket(folder);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    UnixListener::bind(path)
}

/// Takes the socket away, so that commands do not wait for a server that has ended.
pub fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_file(socket(folder)) {
        tracing::debug!(%error, "the socket of the data folder stays");
    }
}

/// Does what is asked for over the socket, for ever.
pub async fn serve(listener: UnixListener, store: Arc<dyn Store>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            if let Err(error) = answer(stream, &*store).await {
                tracing::debug!(%error, "a command went away");
            }
        });
    }
}

async fn answer(stream: UnixStream, store: &dyn Store) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reading.take(MAX_LINE)).read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => perform(&request, store).await,
        Err(error) => Answer::Failed(format!("the request is none: {error}")),
    };
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    writing.write_all(text.as_bytes()).await
}

/// Does what is asked for.
pub async fn perform(request: &Request, store: &dyn Store) -> Answer {
    let done = match request {
        Request::Backup(path) => store
            .backup(path)
            .await
            .map(|revision| format!("{}: all objects as of revision {revision}", path.display())),
        Request::Defragment => store.defragment().await.map(|()| "the store is defragmented".to_owned()),
    };
    done.map_or_else(|error| Answer::Failed(crate::error::chain(&error)), Answer::Done)
}

/// Asks the server of a folder. None when there is none.
///
/// # Errors
///
/// When it ends in the middle.
pub async fn ask(folder: &Path, request: &Request) -> io::Result<Option<Answer>> {
    let stream = match UnixStream::connect(socket(folder)).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let (reading, mut writing) = stream.into_split();
    let mut text = serde_json::to_string(request)?;
    text.push('\n');
    writing.write_all(text.as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(reading).read_line(&mut line).await?;
    Ok(Some(serde_json::from_str(&line)?))
}

#[cfg(test)]
mod tests {
    use guideway_store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn a_command_reaches_the_server() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(ask(folder.path(), &Request::Defragment).await.unwrap(), None);
        let listener = listen(folder.path()).unwrap();
        tokio::spawn(serve(listener, Arc::new(MemoryStore::new())));
        let file = folder.path().join("backup");
        let answer = ask(folder.path(), &Request::Backup(file.clone())).await.unwrap();
        assert!(matches!(answer, Some(Answer::Done(_))), "{answer:?}");
        assert!(file.exists());
        // A file that is there is not overwritten.
        let answer = ask(folder.path(), &Request::Backup(file)).await.unwrap();
        assert!(matches!(answer, Some(Answer::Failed(_))), "{answer:?}");
    }
}
