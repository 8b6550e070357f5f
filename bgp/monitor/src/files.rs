//! MRT files.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use crate::queue::{Overflow, Queue, Taken};
use crate::settings::MrtSettings;

/// How many octets are written at once.
const CHUNK: usize = 256 * 1024;
/// How long the last write may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// The end of the name of a file that is written to. It loses it when it is closed.
pub(crate) const UNFINISHED: &str = ".part";

/// How the files are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MrtStatus {
    /// The file that is written to; `None` when there is none at the moment.
    pub file: Option<PathBuf>,
    /// Records written.
    pub records: u64,
    /// Octets written.
    pub octets: u64,
    /// Files that were begun.
    pub files: u64,
    /// Records that had no room in the buffer or could not be written.
    pub lost: u64,
    /// Why the last write failed, the folder in front; empty when it did not.
    pub last_error: String,
}

/// The task that writes.
pub(crate) struct Dump {
    queue: Arc<Queue>,
    status: Arc<Mutex<MrtStatus>>,
    task: JoinHandle<()>,
}

impl Dump {
    pub(crate) fn start(settings: MrtSettings) -> Self {
        let queue = Arc::new(Queue::new(settings.buffer, Overflow::Drop));
        queue.open();
        let status = Arc::default();
        let task = tokio::spawn(run(settings, queue.clone(), Arc::clone(&status)));
        Self { queue, status, task }
    }

    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    pub(crate) fn status(&self) -> MrtStatus {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        MrtStatus { lost: status.lost + self.queue.lost(), ..status }
    }

    /// Writes what is left and closes the file.
    pub(crate) fn end(&self) {
        self.queue.end();
    }

    /// Waits for that, a little.
    pub(crate) async fn finished(mut self) {
        let _ = timeout(FAREWELL, &mut self.task).await;
    }
}

impl Drop for Dump {
    fn drop(&mut self) {
        // Writes what it has, closes the file and goes.
        self.queue.end();
    }
}

async fn run(settings: MrtSettings, queue: Arc<Queue>, status: Arc<Mutex<MrtStatus>>) {
    let mut files = Files { settings, current: None };
    loop {
        let age = files.current.as_ref().map(|open| open.begun + files.settings.max_age);
        let old = async {
            match age {
                Some(age) => sleep_until(age).await,
                None => std::future::pending().await,
            }
        };
        let records = tokio::select! {
            taken = queue.take(CHUNK) => match taken {
                Taken::Messages(records) => records,
                Taken::Broken | Taken::Ended => break,
            },
            () = old => Vec::new(),
        };
        // Disks may be slow: not on a thread that sessions need.
        let written = spawn_blocking(move || {
            let result = files.write(&records, SystemTime::now());
            (files, records, result)
        });
        let Ok((back, records, result)) = written.await else { return };
        files = back;
        note(&mut status.lock().unwrap_or_else(PoisonError::into_inner), &files, &records, result);
    }
    let _ = spawn_blocking(move || files.close()).await;
}

fn note(status: &mut MrtStatus, files: &Files, records: &[Arc<[u8]>], result: io::Result<u64>) {
    let path = files.current.as_ref().map(|open| open.path.clone());
    match result {
        Ok(begun) => {
            status.files += begun;
            status.records += records.len() as u64;
            status.octets += records.iter().map(|record| record.len() as u64).sum::<u64>();
            status.last_error.clear();
        }
        Err(error) => {
            status.lost += records.len() as u64;
            let text = format!("{}: {error}", files.settings.directory.display());
            if std::mem::replace(&mut status.last_error, text.clone()) != text {
                warn!("MRT: {text}");
            }
        }
    }
    status.file = path;
}

struct Files {
    settings: MrtSettings,
    current: Option<Open>,
}

struct Open {
    file: File,
    path: PathBuf,
    octets: u64,
    begun: Instant,
}

impl Files {
    /// Appends whole records, in another file when the time of the current one has come; how many files were begun.
    fn write(&mut self, records: &[Arc<[u8]>], now: SystemTime) -> io::Result<u64> {
        let is_over = |open: &Open| {
            open.octets >= self.settings.max_octets || open.begun.elapsed() >= self.settings.max_age
        };
        if self.current.as_ref().is_some_and(is_over) {
            self.close()?;
        }
        if records.is_empty() {
            return Ok(0);
        }
        let begun = u64::from(self.current.is_none());
        let bytes = records.concat();
        let open = match &mut self.current {
            Some(open) => open,
            none => {
                let (file, path) = begin(&self.settings.directory, &self.settings.prefix, now)?;
                none.insert(Open { file, path, octets: 0, begun: Instant::now() })
            }
        };
        if let Err(error) = open.file.write_all(&bytes) {
            // Half a record at the end of a file does not spoil those before it; the next one begins anew.
            self.close()?;
            return Err(error);
        }
        open.octets += bytes.len() as u64;
        Ok(begun)
    }

    /// Gives the file its final name, and removes the oldest ones.
    fn close(&mut self) -> io::Result<()> {
        let Some(Open { file, path, .. }) = self.current.take() else { return Ok(()) };
        drop(file);
        let name = path.with_extension("");
        fs::rename(&path, &name)?;
        info!(file = %name.display(), "MRT: closed");
        remove_old(&self.settings.directory, &self.settings.prefix, self.settings.keep)
    }
}

/// Leaves the last `keep` closed files; 0 leaves all.
pub(crate) fn remove_old(directory: &Path, prefix: &str, keep: usize) -> io::Result<()> {
    if keep == 0 {
        return Ok(());
    }
    let mut finished = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if is_ours(&path, prefix) {
            finished.push(path);
        }
    }
    // Names are times: their order is that of age.
    finished.sort_unstable();
    let surplus = finished.len().saturating_sub(keep);
    finished.iter().take(surplus).try_for_each(fs::remove_file)
}

/// A new file; `updates.20261120T160512Z.mrt`, and `.1`, `.2` behind the time when there is one of this second.
pub(crate) fn begin(directory: &Path, prefix: &str, now: SystemTime) -> io::Result<(File, PathBuf)> {
    fs::create_dir_all(directory)?;
    let time = humantime::format_rfc3339_seconds(now).to_string().replace(['-', ':'], "");
    for number in 0.. {
        let number = if number == 0 { String::new() } else { format!(".{number:03}") };
        let name = format!("{prefix}.{time}{number}.mrt");
        let path = directory.join(format!("{name}{UNFINISHED}"));
        if directory.join(&name).exists() {
            continue;
        }
        match File::options().append(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("no name is free"))
}

/// True for a closed file with such a name.
pub(crate) fn is_ours(path: &Path, prefix: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let rest = name.and_then(|name| name.strip_prefix(prefix)?.strip_prefix('.')?.strip_suffix(".mrt"));
    let is_time = |time: &str| {
        time.len() == 16
            && time.ends_with('Z')
            && time.as_bytes().iter().filter(|octet| octet.is_ascii_digit()).count() == 14
    };
    rest.is_some_and(|rest| is_time(rest.split('.').next().unwrap_or_default()))
}
