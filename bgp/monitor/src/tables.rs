//! Files of whole tables, one now and then.

#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;
use tracing::{info, warn};

use crate::files::{UNFINISHED, begin, is_ours, remove_old};
use crate::monitor::Hub;
use crate::mrt::table::{Dump, Owner};
use crate::settings::{MrtSettings, Own};

/// How the files of whole tables are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableStatus {
    /// Files that were written.
    pub files: u64,
    /// The last one.
    pub file: Option<PathBuf>,
    /// Files that could not be written.
    pub failed: u64,
    /// Why the last one could not, the folder in front; empty when it was written.
    pub last_error: String,
}

/// The task that writes them. Dropping it ends it; a file that is being written is finished.
pub(crate) struct TableFiles {
    status: Arc<Mutex<TableStatus>>,
    task: JoinHandle<()>,
}

impl TableFiles {
    /// The first file comes after the first period: before that there are no sessions. `None` when there is to be none.
    pub(crate) fn start(settings: &MrtSettings, own: Own, hub: &Arc<Hub>) -> Option<Self> {
        let period = settings.table_dump?;
        let place = Place {
            directory: settings.directory.clone(),
            prefix: format!("{}.rib", settings.prefix),
            keep: settings.keep,
        };
        let status = Arc::default();
        let task = tokio::spawn(run(place, period, own, Arc::clone(hub), Arc::clone(&status)));
        Some(Self { status, task })
    }

    pub(crate) fn status(&self) -> TableStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for TableFiles {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where files go. The prefix is none that the files of messages can have, so neither kind counts or removes the other's.
#[derive(Debug, Clone)]
struct Place {
    directory: PathBuf,
    prefix: String,
    keep: usize,
}

async fn run(place: Place, period: Duration, own: Own, hub: Arc<Hub>, status: Arc<Mutex<TableStatus>>) {
    loop {
        sleep(period).await;
        let (place, hub, status) = (place.clone(), Arc::clone(&hub), Arc::clone(&status));
        // Routes are copied and the disk may be slow: not on a thread that sessions need.
        let written = spawn_blocking(move || {
            let now = SystemTime::now();
            let result = place.write(collect(&hub, own).into_records(own.router_id, now), now);
            note(&mut status.lock().unwrap_or_else(PoisonError::into_inner), &place.directory, result);
        });
        if written.await.is_err() {
            return;
        }
    }
}

fn note(status: &mut TableStatus, directory: &Path, result: io::Result<PathBuf>) {
    match result {
        Ok(path) => {
            info!(file = %path.display(), "MRT: tables");
            status.files += 1;
            status.file = Some(path);
            status.last_error.clear();
        }
        Err(error) => {
            status.failed += 1;
            let text = format!("{}: {error}", directory.display());
            if std::mem::replace(&mut status.last_error, text.clone()) != text {
                warn!("MRT tables: {text}");
            }
        }
    }
}

/// The routes now: the own ones as those of the first owner, then those of each session, which is asked for by itself so
/// that none waits for the others.
fn collect(hub: &Hub, own: Own) -> Dump {
    let mut dump = Dump::default();
    let first = Owner { router_id: own.router_id, address: own.router_id.into(), asn: own.asn };
    let mut left_out = usize::from(dump.add(first, hub.tables.announced()).is_err());
    for view in hub.views() {
        let owner =
            Owner { router_id: view.peer_router_id, address: view.remote_address(), asn: view.peer_as };
        left_out += usize::from(dump.add(owner, hub.tables.received(&view)).is_err());
    }
    if left_out > 0 {
        warn!(left_out, "MRT tables: there are more peers than one file can have");
    }
    dump
}

impl Place {
    /// The file has its name only when all of it is on the disk.
    fn write(&self, records: impl Iterator<Item = Vec<u8>>, now: SystemTime) -> io::Result<PathBuf> {
        self.remove_unfinished()?;
        let (file, path) = begin(&self.directory, &self.prefix, now)?;
        let name = path.with_extension("");
        let mut file = BufWriter::new(file);
        let write = || {
            for record in records {
                file.write_all(&record)?;
            }
            file.flush()?;
            file.get_ref().sync_all()?;
            fs::rename(&path, &name)
        };
        if let Err(error) = write() {
            // A disk that is full has no use for half a table.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        remove_old(&self.directory, &self.prefix, self.keep)?;
        Ok(name)
    }

    /// What a process left that was killed while it wrote.
    fn remove_unfinished(&self) -> io::Result<()> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            let is_unfinished = path.extension().is_some_and(|end| end == &UNFINISHED[1..]);
            if is_unfinished && is_ours(&path.with_extension(""), &self.prefix) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}
