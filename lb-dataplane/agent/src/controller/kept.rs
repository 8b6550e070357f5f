//! What has to survive a restart: contents of the controller, and where this forwarder stands with it.
//!
//! The folder `controller` below the state folder has one file, `log`, to which everything is added: of a content what
//! differs from the one before it, so that keeping a change costs what it changes. What is no longer of use is left out when
//! the log is written anew, which is when that more than halves it: beside its place, flushed, and renamed into it. After a
//! crash there is what was there before the last record, or that too, before or after a renewal. What a content is, its digest
//! proves.
//!
//! A content is written, and flushed while nobody waits for it: a forwarder that forgets what was never committed is told
//! again. A standing is flushed before anything follows from it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use guideway_controller_core::{Content, Delta, Digest, Generation, diff};
use guideway_controller_proto::{decode_delta, encode_delta};
use guideway_controller_rollout::Stamp;
use guideway_controller_rollout::follower::{Found, Kept};
use guideway_dataplane_kept::{self as log, Next, Record, TITLE};

pub use guideway_dataplane_kept::{LogError, TooLarge};

/// How many contents are kept that were in force.
pub const KEPT: usize = 10;

const LOG: &str = "log";
const BESIDE: &str = "new";
/// A log of less is not worth writing anew.
const SMALL: u64 = 256 << 10;

/// Where they are kept.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// `None`: there is none that can be added to, and the next write makes one.
    log: Option<Log>,
    kept: Kept,
    /// In their order. They share what they have in common.
    contents: BTreeMap<Stamp, Past>,
}

/// A content that is kept.
#[derive(Clone, Debug)]
struct Past {
    content: Content,
    /// When it came into force, if it did.
    since: Option<SystemTime>,
}

#[derive(Debug)]
struct Log {
    file: File,
    length: u64,
    /// What it had when it was written anew.
    whole: u64,
    /// Whether something was added that may not be on the disk.
    is_dirty: bool,
}

/// A file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// A system call failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The log is not as it was written.
    #[error("nothing is taken from {}: the controller gives what is missing", path.display())]
    Log {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: LogError,
    },
    /// It could not be read again.
    #[error("generation {generation} cannot be kept")]
    TooLarge {
        /// Which one.
        generation: Generation,
        /// How large it is.
        #[source]
        source: TooLarge,
    },
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeepError {
    let path = path.to_owned();
    move |source| KeepError::Io { action, path, source }
}

impl Folder {
    /// What an earlier agent has left below `state`, the state folder of the agent, and what of it cannot be used. A log that
    /// is damaged is none: the controller gives what is missing again, and until it has nothing is announced.
    #[must_use]
    pub fn open(state: &Path) -> (Self, Found, Vec<KeepError>) {
        let mut folder = Self::empty(state.join("controller"));
        let problem = folder.read().err();
        if problem.is_some() {
            folder = Self::empty(folder.path);
        }
        let found = folder.found();
        (folder, found, problem.into_iter().collect())
    }

    fn empty(path: PathBuf) -> Self {
        Self { path, log: None, kept: Kept::default(), contents: BTreeMap::new() }
    }

    fn found(&self) -> Found {
        let Kept { committed, .. } = self.kept;
        let content = |stamp| self.contents.get(&stamp).map(|past| past.content.clone());
        let newest = self.contents.last_key_value().map(|(stamp, _)| *stamp);
        let prepared =
            newest.filter(|stamp| committed.is_none_or(|committed| stamp.generation > committed.generation));
        Found {
            kept: self.kept,
            committed: committed.and_then(content),
            prepared: prepared.and_then(|stamp| Some((stamp.generation, content(stamp)?))),
        }
    }

    /// Keeps a content, so that it can be installed after a restart of the agent, and after one of the machine when it is
    /// [flushed](Self::flush).
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&mut self, stamp: Stamp, content: &Content) -> Result<(), KeepError> {
        if self.contents.contains_key(&stamp) {
            return if self.log.is_some() { Ok(()) } else { self.renew() };
        }
        let base = self.contents.last_key_value().map(|(_, past)| &past.content);
        let record = Record::Content(stamp.generation, bytes_of(content, base));
        self.add(&record)?;
        self.contents.insert(stamp, Past { content: content.clone(), since: None });
        Ok(())
    }

    /// Waits until everything that was written is on the disk.
    ///
    /// # Errors
    ///
    /// When it cannot be known to be. The next write makes another log then.
    pub fn flush(&mut self) -> Result<(), KeepError> {
        let Some(log) = self.log.as_mut().filter(|log| log.is_dirty) else { return Ok(()) };
        let flushed = log.file.sync_data();
        log.is_dirty = false;
        self.sound(flushed.map_err(failed("flush", &self.path.join(LOG))))
    }

    /// Forgets a content that never was in force.
    ///
    /// # Errors
    ///
    /// When it cannot be written: after a restart it may be there again.
    pub fn discard(&mut self, stamp: Stamp) -> Result<(), KeepError> {
        if !self.contents.contains_key(&stamp) {
            return Ok(());
        }
        self.add(&Record::Discarded(stamp))?;
        self.contents.remove(&stamp);
        self.flush()
    }

    /// Keeps the standing, which is that from `now` on, and of the contents those that are still of use.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or is not known to be on the disk.
    pub fn keep(&mut self, kept: Kept, now: SystemTime) -> Result<(), KeepError> {
        self.add(&Record::Standing(kept, now))?;
        self.flush()?;
        self.stand(kept, now);
        Ok(())
    }

    /// A content that is kept; `None`: it is not.
    #[must_use]
    pub fn fetch(&self, generation: Generation) -> Option<Content> {
        let found = self.contents.iter().find(|(stamp, _)| stamp.generation == generation);
        found.map(|(_, past)| past.content.clone())
    }

    /// The contents that were in force, oldest first, and when they came into it.
    #[must_use]
    pub fn list(&self) -> Vec<(Generation, Digest, SystemTime)> {
        let past = self.contents.iter();
        past.filter_map(|(stamp, past)| Some((stamp.generation, stamp.digest, past.since?))).collect()
    }

    /// Whether it is time to [`tidy`](Self::tidy).
    #[must_use]
    pub fn is_untidy(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.length > (log.whole * 2).max(SMALL))
    }

    /// Writes the log anew, without what is no longer of use.
    ///
    /// # Errors
    ///
    /// When it cannot be written. The former one is still there, and is tried again when it has doubled.
    pub fn tidy(&mut self) -> Result<(), KeepError> {
        let renewed = self.renew();
        if let (Err(_), Some(log)) = (&renewed, &mut self.log) {
            log.whole = log.length;
        }
        renewed
    }

    /// What follows from a standing.
    fn stand(&mut self, kept: Kept, now: SystemTime) {
        let before = std::mem::replace(&mut self.kept, kept);
        let Some(committed) = kept.committed.filter(|committed| before.committed != Some(*committed)) else {
            return;
        };
        if let Some(past) = self.contents.get_mut(&committed) {
            past.since = Some(now);
        }
        // What was overtaken comes into force no more.
        self.contents.retain(|stamp, past| past.since.is_some() || stamp.generation > committed.generation);
        let past = self.contents.iter().filter(|(_, past)| past.since.is_some()).map(|(stamp, _)| *stamp);
        let old: Vec<Stamp> = past.rev().skip(KEPT).collect();
        old.iter().for_each(|stamp| _ = self.contents.remove(stamp));
    }

    /// Adds a record to the log, and makes a log of what is there when there is none.
    fn add(&mut self, record: &Record) -> Result<(), KeepError> {
        if self.log.is_none() {
            self.renew()?;
        }
        self.flush()?;
        let path = self.path.join(LOG);
        let Some(log) = &mut self.log else { return Ok(()) };
        let bytes = encode(record, log.length)?;
        let written = log.file.write_all(&bytes).map_err(failed("write", &path));
        if written.is_ok() {
            log.length += bytes.len() as u64;
            log.is_dirty = true;
        }
        self.sound(written)
    }

    /// Nobody knows what is in a log that could not be written: the next write makes another one.
    fn sound(&mut self, result: Result<(), KeepError>) -> Result<(), KeepError> {
        if result.is_err() {
            self.log = None;
        }
        result
    }

    /// Writes a log of what is there now beside the present one, and puts it in its place.
    fn renew(&mut self) -> Result<(), KeepError> {
        let mut folder = DirBuilder::new();
        folder.recursive(true).mode(0o700);
        folder.create(&self.path).map_err(failed("make", &self.path))?;
        let path = self.path.join(LOG);
        let beside = path.with_added_extension(BESIDE);
        let mut options = OpenOptions::new();
        // The seed and passwords of routers are in it.
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&beside).map_err(failed("make", &beside))?;
        file.write_all(TITLE).map_err(failed("write", &beside))?;
        let mut length = TITLE.len() as u64;
        for record in self.records() {
            let bytes = encode(&record, length)?;
            length += bytes.len() as u64;
            file.write_all(&bytes).map_err(failed("write", &beside))?;
        }
        file.sync_all().map_err(failed("flush", &beside))?;
        fs::rename(&beside, &path).map_err(failed("rename into", &path))?;
        self.log = Some(Log { file, length, whole: length, is_dirty: false });
        let folder = File::open(&self.path).map_err(failed("open", &self.path));
        let flushed = folder.and_then(|folder| folder.sync_all().map_err(failed("flush", &self.path)));
        self.sound(flushed)
    }

    /// Everything that there is as records, made one by one.
    fn records(&self) -> impl Iterator<Item = Record> {
        let bases = std::iter::once(None).chain(self.contents.values().map(|past| Some(&past.content)));
        let contents = self.contents.iter().zip(bases).flat_map(|((stamp, past), base)| {
            let content = Record::Content(stamp.generation, bytes_of(&past.content, base));
            let kept = Kept { committed: Some(*stamp), ..self.kept };
            let standing = past.since.map(|since| Record::Standing(kept, since));
            std::iter::once(content).chain(standing)
        });
        let committed = self.kept.committed.and_then(|committed| self.contents.get(&committed));
        let since = committed.and_then(|past| past.since).unwrap_or(SystemTime::UNIX_EPOCH);
        contents.chain([Record::Standing(self.kept, since)])
    }

    /// Takes everything that the log has, and cuts off what a crash has left half written.
    fn read(&mut self) -> Result<(), KeepError> {
        let path = self.path.join(LOG);
        let mut file = match File::options().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(failed("open", &path))?,
        };
        let length = file.metadata().map_err(failed("read", &path))?.len();
        let wrong = |source| KeepError::Log { path: path.clone(), source };
        let mut reader = BufReader::new(&file);
        let mut title = [0; TITLE.len()];
        if length < TITLE.len() as u64 {
            return Err(wrong(LogError::Title));
        }
        reader.read_exact(&mut title).map_err(failed("read", &path))?;
        if title != *TITLE {
            return Err(wrong(LogError::Title));
        }
        let mut place = TITLE.len() as u64;
        loop {
            let next = log::read(&mut reader, place, length).map_err(failed("read", &path))?;
            match next.map_err(wrong)? {
                Next::Record(record, end) => {
                    self.take(record).map_err(|reason| wrong(LogError::Meaning(place, reason)))?;
                    place = end;
                }
                Next::End => break,
                Next::Torn => {
                    tracing::warn!(
                        path = %path.display(),
                        bytes = length - place,
                        "a crash has left a record half written, of which nothing had followed yet: it is cut off"
                    );
                    file.set_len(place).map_err(failed("cut", &path))?;
                    file.sync_data().map_err(failed("flush", &path))?;
                    break;
                }
            }
        }
        file.seek(SeekFrom::Start(place)).map_err(failed("read", &path))?;
        // How much of it is of use is not known: it is soon written anew if that is little.
        self.log = Some(Log { file, length: place, whole: 0, is_dirty: false });
        Ok(())
    }

    fn take(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::Content(generation, bytes) => {
                let delta = decode_delta(bytes).map_err(|error| error.to_string())?;
                let base = self.contents.values().find(|past| Some(past.content.digest()) == delta.base);
                let content = match (delta.base, base) {
                    (None, _) => delta.build(),
                    (Some(_), Some(base)) => delta.apply(&base.content),
                    (Some(base), None) => return Err(format!("there is no content {base:?}")),
                };
                let content = content.map_err(|error| error.to_string())?;
                let stamp = Stamp { generation, digest: content.digest() };
                self.contents.entry(stamp).or_insert(Past { content, since: None });
            }
            Record::Discarded(stamp) => _ = self.contents.remove(&stamp),
            Record::Standing(kept, at) => self.stand(kept, at),
        }
        Ok(())
    }
}

/// What differs from `base`.
fn bytes_of(content: &Content, base: Option<&Content>) -> bytes::Bytes {
    encode_delta(&base.map_or_else(|| Delta::whole(content), |base| diff(base, content)))
}

fn encode(record: &Record, place: u64) -> Result<Vec<u8>, KeepError> {
    log::encode(record, place).map_err(|source| {
        let generation = match record {
            Record::Content(generation, _) => *generation,
            Record::Discarded(stamp) => stamp.generation,
            Record::Standing(kept, _) => kept.known,
        };
        KeepError::TooLarge { generation, source }
    })
}

#[cfg(test)]
mod tests;
