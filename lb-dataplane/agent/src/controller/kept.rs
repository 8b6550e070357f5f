//! What has to survive a restart: contents of the controller, and where this forwarder stands with it.
//!
//! The folder `controller` below the state folder has a file `GENERATION-DIGEST.content` for each content and one file
//! `standing`. A file is written beside its place, flushed, and renamed into it, and the folder is flushed: after a crash
//! there is the old one or the new one. What a content file holds is proved by the digest in its name.

mod standing;

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use guideway_controller_core::{Content, Delta, Digest, Generation};
use guideway_controller_proto::{MAX_DELTA_BYTES, decode_delta, encode_delta};
use guideway_controller_rollout::Stamp;
use guideway_controller_rollout::follower::{Found, Kept};

pub use standing::StandingError;

/// How many contents are kept that were in force.
pub const KEPT: usize = 10;

const SUFFIX: &str = "content";
const STANDING: &str = "standing";
const BESIDE: &str = "new";
const MAX_STANDING_BYTES: u64 = 4096;

/// Where they are kept.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
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
    /// It does not hold what its name says.
    #[error("{} does not hold what its name says: {reason}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// In words.
        reason: String,
    },
    /// The standing is no standing.
    #[error("{} cannot be read", path.display())]
    Standing {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: StandingError,
    },
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeepError {
    let path = path.to_owned();
    move |source| KeepError::Io { action, path, source }
}

impl Folder {
    /// Below `state`, the state folder of the agent.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self { path: state.join("controller") }
    }

    /// What an earlier agent has left, and what of it cannot be used. A standing that cannot be read is none, as is a
    /// content: the controller gives what is missing again.
    #[must_use]
    pub fn open(&self) -> (Found, Vec<KeepError>) {
        let mut problems = Vec::new();
        let kept = self.standing().unwrap_or_else(|problem| {
            problems.push(problem);
            Kept::default()
        });
        let mut read = |stamp: Stamp| match self.read(stamp) {
            Ok(content) => content,
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        let committed = kept.committed.and_then(&mut read);
        let newer =
            |stamp: &Stamp| kept.committed.is_none_or(|committed| stamp.generation > committed.generation);
        let prepared = self.stamps().into_iter().rev().find(newer);
        let prepared = prepared.and_then(|stamp| Some((stamp.generation, read(stamp)?)));
        (Found { kept, committed, prepared }, problems)
    }

    /// Keeps a content, so that it can be installed after a restart.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, stamp: Stamp, content: &Content) -> Result<(), KeepError> {
        self.put(&self.content_path(stamp), &encode_delta(&Delta::whole(content)))
    }

    /// Forgets a content that never was in force.
    pub fn discard(&self, stamp: Stamp) {
        // What stays behind is removed with those that are old.
        let _gone = fs::remove_file(self.content_path(stamp));
    }

    /// Keeps the standing, and of the contents those that are still of use.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn keep(&self, kept: Kept) -> Result<(), KeepError> {
        let before = self.standing().ok().and_then(|before| before.committed);
        self.put(&self.path.join(STANDING), standing::encode(kept).as_bytes())?;
        if let Some(committed) = kept.committed.filter(|committed| Some(*committed) != before) {
            // Its time is when it came into force.
            let file = File::options().append(true).open(self.content_path(committed));
            let _is_only_shown = file.and_then(|file| file.set_modified(SystemTime::now()));
            self.remove_old(committed);
        }
        Ok(())
    }

    /// A content that is kept; `None`: it is not.
    ///
    /// # Errors
    ///
    /// When its file cannot be read or holds something else.
    pub fn fetch(&self, generation: Generation) -> Result<Option<Content>, KeepError> {
        let found = self.stamps().into_iter().find(|stamp| stamp.generation == generation);
        found.map_or(Ok(None), |stamp| self.read(stamp))
    }

    /// The contents that were in force, oldest first, and when they came into it.
    #[must_use]
    pub fn list(&self, committed: Option<Stamp>) -> Vec<(Generation, Digest, SystemTime)> {
        let Some(committed) = committed else { return Vec::new() };
        let stamps = self.stamps().into_iter().filter(|stamp| stamp.generation <= committed.generation);
        let timed = stamps.filter_map(|stamp| {
            let metadata = fs::metadata(self.content_path(stamp)).ok()?;
            Some((stamp.generation, stamp.digest, metadata.modified().ok()?))
        });
        timed.collect()
    }

    fn content_path(&self, Stamp { generation, digest }: Stamp) -> PathBuf {
        self.path.join(format!("{generation}-{digest}.{SUFFIX}"))
    }

    /// Of all contents, in their order.
    fn stamps(&self) -> BTreeSet<Stamp> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let stamp = |name: &str| {
            let (generation, digest) = name.strip_suffix(SUFFIX)?.strip_suffix('.')?.split_once('-')?;
            let generation = Generation(generation.parse().ok()?);
            Some(Stamp { generation, digest: digest.parse().ok()? })
        };
        entries.filter_map(|entry| stamp(entry.file_name().to_str()?)).collect()
    }

    fn standing(&self) -> Result<Kept, KeepError> {
        let path = self.path.join(STANDING);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
            opened => opened.map_err(failed("open", &path))?,
        };
        let mut text = String::new();
        file.take(MAX_STANDING_BYTES).read_to_string(&mut text).map_err(failed("read", &path))?;
        standing::decode(&text).map_err(|source| KeepError::Standing { path, source })
    }

    fn read(&self, stamp: Stamp) -> Result<Option<Content>, KeepError> {
        let path = self.content_path(stamp);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed("open", &path))?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_DELTA_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed("read", &path))?;
        let wrong = |reason: String| KeepError::Content { path: path.clone(), reason };
        let delta = decode_delta(bytes.into()).map_err(|error| wrong(error.to_string()))?;
        let content = delta.build().map_err(|error| wrong(error.to_string()))?;
        if content.digest() != stamp.digest {
            return Err(wrong(format!("its digest is {}", content.digest())));
        }
        Ok(Some(content))
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), KeepError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .map_err(failed("make", &self.path))?;
        let beside = path.with_added_extension(BESIDE);
        let mut options = OpenOptions::new();
        // The seed and passwords of routers are in it.
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&beside).map_err(failed("make", &beside))?;
        file.write_all(bytes).map_err(failed("write", &beside))?;
        file.sync_all().map_err(failed("flush", &beside))?;
        fs::rename(&beside, path).map_err(failed("rename into", path))?;
        let folder = File::open(&self.path).map_err(failed("open", &self.path))?;
        folder.sync_all().map_err(failed("flush", &self.path))
    }

    /// Leaves the last ones up to `committed`, and those after it.
    fn remove_old(&self, committed: Stamp) {
        let stamps = self.stamps();
        let past = stamps.iter().rev().filter(|stamp| stamp.generation <= committed.generation);
        for stamp in past.skip(KEPT) {
            self.discard(*stamp);
        }
    }
}

#[cfg(test)]
mod tests;
