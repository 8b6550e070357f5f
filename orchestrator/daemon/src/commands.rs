//! The commands that end by themselves.

use std::io::{self, Write as _};
use std::time::SystemTime;

use guideway_store::etcd::{EtcdRestoreError, EtcdStore};
use guideway_store::redb::{self, RestoreError};

use crate::cli::{BackupArgs, DefragmentArgs, EtcdArgs, FolderArgs, KubeconfigArgs, RestoreArgs};
use crate::control::{self, Answer, Request};
use crate::files::{self, FileError, FolderLock, LockError};
use crate::kubeconfig;
use crate::pki::{Authority, PkiError, Subject};
use crate::stores::{self, StoresError};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No authority.
    #[error(transparent)]
    Pki(PkiError),
    /// There is nothing in the folder.
    #[error(
        "{0} is no data folder of a server: start `orchestrator server` there first, or name another --data-dir"
    )]
    NoFolder(String),
    /// Nobody said where the server is.
    #[error("no kubeconfig of the administrator says where the server is: give --server https://HOST:6443")]
    NoServer,
    /// A file cannot be read or written.
    #[error("files")]
    File(#[source] FileError),
    /// Standard output is closed.
    #[error("the result cannot be written")]
    Output(#[source] io::Error),
    /// A server works there.
    #[error(transparent)]
    Lock(LockError),
    /// No store.
    #[error(transparent)]
    Store(StoresError),
    /// The backup does not become a store.
    #[error("the backup cannot be restored")]
    Restore(#[source] RestoreError),
    /// The backup does not get into etcd.
    #[error("the backup cannot be restored")]
    RestoreEtcd(#[source] EtcdRestoreError),
    /// The server that runs did not do it, or the store did not.
    #[error("{0}")]
    Failed(String),
    /// The server that runs went away.
    #[error("the server of the folder does not answer")]
    Control(#[source] io::Error),
}

/// Writes a kubeconfig.
///
/// # Errors
///
/// See [`CommandError`].
pub fn kubeconfig(args: &KubeconfigArgs) -> Result<(), CommandError> {
    let pki = args.folder.pki();
    if !pki.join("ca.key").exists() {
        return Err(CommandError::NoFolder(args.folder.data_dir.display().to_string()));
    }
    let authority = Authority::open(&pki, SystemTime::now()).map_err(CommandError::Pki)?;
    let server = match &args.server {
        Some(server) => server.clone(),
        None => {
            let text = files::read(&args.folder.data_dir.join("kubeconfig")).map_err(CommandError::File)?;
            text.and_then(|text| kubeconfig::read(&text)).ok_or(CommandError::NoServer)?.server
        }
    };
    let subject = Subject { user: args.user.clone(), groups: args.group.clone() };
    let leaf = authority.client(&subject, SystemTime::now(), args.ttl).map_err(CommandError::Pki)?;
    let text = kubeconfig::text(&server, authority.certificate(), &args.user, &leaf);
    match &args.output {
        Some(path) => files::write(path, &text).map_err(CommandError::File),
        None => io::stdout().lock().write_all(text.as_bytes()).map_err(CommandError::Output),
    }
}

/// Writes all objects to a file.
///
/// # Errors
///
/// See [`CommandError`].
pub async fn backup(args: &BackupArgs) -> Result<(), CommandError> {
    let file = std::path::absolute(&args.file).map_err(CommandError::Output)?;
    perform(&args.folder, &args.etcd, &Request::Backup(file)).await
}

/// Gives space back.
///
/// # Errors
///
/// See [`CommandError`].
pub async fn defragment(args: &DefragmentArgs) -> Result<(), CommandError> {
    perform(&args.folder, &args.etcd, &Request::Defragment).await
}

/// By the server that runs, or else by this process.
async fn perform(folder: &FolderArgs, etcd: &EtcdArgs, request: &Request) -> Result<(), CommandError> {
    let folder = &folder.data_dir;
    if etcd.etcd_servers.is_empty() {
        if let Some(answer) = control::ask(folder, request).await.map_err(CommandError::Control)? {
            return tell(answer);
        }
        if !stores::file(folder).exists() {
            return Err(CommandError::NoFolder(folder.display().to_string()));
        }
        let _lock = FolderLock::take(folder).map_err(CommandError::Lock)?;
        let store = stores::open(folder, etcd).await.map_err(CommandError::Store)?;
        return tell(control::perform(request, &*store).await);
    }
    let store = stores::open(folder, etcd).await.map_err(CommandError::Store)?;
    tell(control::perform(request, &*store).await)
}

/// Makes a store from a backup.
///
/// # Errors
///
/// See [`CommandError`].
pub async fn restore(args: &RestoreArgs) -> Result<(), CommandError> {
    if let Some(options) = stores::etcd_options(&args.etcd).map_err(CommandError::Store)? {
        let (_, summary) =
            EtcdStore::restore(&options, &args.file).await.map_err(CommandError::RestoreEtcd)?;
        return tell(Answer::Done(format!("{} objects are restored", summary.keys)));
    }
    let folder = &args.folder.data_dir;
    files::folder(folder).map_err(CommandError::File)?;
    let _lock = FolderLock::take(folder).map_err(CommandError::Lock)?;
    let restored = redb::restore(&args.file, &stores::file(folder)).map_err(CommandError::Restore)?;
    tell(Answer::Done(format!(
        "{} keys are restored; the store is at revision {}",
        restored.keys, restored.revision
    )))
}

fn tell(answer: Answer) -> Result<(), CommandError> {
    match answer {
        Answer::Done(text) => writeln!(io::stdout().lock(), "{text}").map_err(CommandError::Output),
        Answer::Failed(why) => Err(CommandError::Failed(why)),
    }
}
