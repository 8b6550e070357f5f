//! The client and its sessions.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::link;
use crate::spec::Spec;
use crate::status::Status;

/// A connection to lb-bfd that is made again whenever it breaks.
///
/// Dropping the client with sessions alive leaves them to lb-bfd, which keeps them for its hold time: this is what a
/// daemon does that will be back.
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    wanted: Mutex<Wanted>,
    /// Grows with each change of what is wanted.
    version: watch::Sender<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Wanted {
    last_id: u64,
    pub(crate) sessions: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) spec: Arc<Spec>,
    pub(crate) status: watch::Sender<Status>,
}

impl Shared {
    pub(crate) fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }
}

impl Client {
    /// Goes on trying to reach lb-bfd at `socket` in a task of its own. `name` is for those who look at lb-bfd's sessions.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(socket: PathBuf, name: &str) -> Self {
        let (version, _) = watch::channel(0);
        let shared = Arc::new(Shared { wanted: Mutex::default(), version });
        let task = tokio::spawn(link::run(socket, name.to_owned(), Arc::clone(&shared)));
        Self { shared, task }
    }

    /// Asks for a session. It lives as long as what is returned.
    #[must_use]
    pub fn session(&self, spec: Spec) -> Session {
        let (status, receiver) = watch::channel(Status::default());
        let mut wanted = self.shared.wanted();
        wanted.last_id += 1;
        let id = wanted.last_id;
        wanted.sessions.insert(id, Entry { spec: Arc::new(spec), status });
        drop(wanted);
        self.shared.changed();
        Session { shared: Arc::clone(&self.shared), id, receiver }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A session that the client wants. When it is dropped lb-bfd is told to end it, unless the client was dropped before.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    id: u64,
    receiver: watch::Receiver<Status>,
}

impl Session {
    /// How the session is, to look at and to wait for changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<Status> {
        self.receiver.clone()
    }

    /// Wants it otherwise. Times, multiplier and keys change without the session going down; when `local`, `remote`,
    /// `interface` or `multihop` change, it is another session.
    pub fn change(&self, spec: Spec) {
        let mut wanted = self.shared.wanted();
        let Some(entry) = wanted.sessions.get_mut(&self.id) else { return };
        if *entry.spec == spec {
            return;
        }
        entry.spec = Arc::new(spec);
        drop(wanted);
        self.shared.changed();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.wanted().sessions.remove(&self.id);
        self.shared.changed();
    }
}

#[cfg(test)]
mod tests;
