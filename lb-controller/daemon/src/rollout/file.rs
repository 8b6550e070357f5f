//! The record in a file, where there is no Kubernetes.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use guideway_controller_core::{Digest, Generation, Term};
use guideway_controller_rollout::{Record, Stamp, Stored, Version, WriteFault};
use serde::{Deserialize, Serialize};

use super::RecordStore;
use crate::files;

const NAME: &str = "record.json";
const LOCK: &str = "record.lock";
/// Committed generations that are remembered, as many as a Rollout object has.
const HISTORY: usize = 100;

/// The record in a file of a folder. Several processes of one machine may use it.
#[derive(Clone, Debug)]
pub(crate) struct FileStore {
    folder: PathBuf,
}

/// What stands in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// Of the file: each write counts it up.
    version: u64,
    term: u64,
    leader: String,
    proposed: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    committed: Option<KeptStamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    rolled_back_to: Option<u64>,
    /// What was committed, the latest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    history: Vec<KeptPast>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptPast {
    generation: u64,
    digest: String,
    at_unix_ms: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptStamp {
    generation: u64,
    digest: String,
}

impl FileStore {
    /// In `folder`, which is made.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub(crate) fn new(folder: &Path) -> Result<Self, files::FileError> {
        files::folder(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Others of this machine wait until it is dropped.
    fn lock(&self) -> io::Result<File> {
        let path = self.folder.join(LOCK);
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.lock()?;
        Ok(file)
    }

    fn kept(&self) -> Result<Option<Kept>, String> {
        let path = self.folder.join(NAME);
        let text = files::read(&path).map_err(|error| error.to_string())?;
        let wrong = |error: serde_json::Error| {
            format!("{} is no record: {error}: restore it, or remove it to begin anew", path.display())
        };
        text.map(|text| serde_json::from_str(&text).map_err(wrong)).transpose()
    }

    fn read_now(&self) -> Result<Stored, String> {
        let _lock = self.lock().map_err(|error| error.to_string())?;
        let Some(kept) = self.kept()? else { return Ok(Stored::default()) };
        let version = Some(Version(kept.version.to_string()));
        Ok(Stored { record: Some(record(kept)?), version })
    }

    fn write_now(&self, new: &Record, expected: Option<&Version>) -> Result<Version, WriteFault> {
        let _lock = self.lock().map_err(|error| WriteFault::Unknown(error.to_string()))?;
        let kept = self.kept().map_err(WriteFault::Unknown)?;
        let there = kept.as_ref().map(|kept| Version(kept.version.to_string()));
        if there.as_ref() != expected {
            return Err(WriteFault::Conflict);
        }
        let (version, history) = kept.map_or((1, Vec::new()), |kept| (kept.version + 1, kept.history));
        let mut kept = keep(new, version, history);
        kept.remember(SystemTime::now());
        let text =
            serde_json::to_string_pretty(&kept).map_err(|error| WriteFault::Unknown(error.to_string()))?;
        files::write(&self.folder.join(NAME), &text)
            .map_err(|error| WriteFault::Unknown(error.to_string()))?;
        Ok(Version(version.to_string()))
    }
}

fn record(kept: Kept) -> Result<Record, String> {
    let stamp = |kept: KeptStamp| {
        let digest: Digest = kept.digest.parse().map_err(|error| format!("the record: {error}"))?;
        Ok::<_, String>(Stamp { generation: Generation(kept.generation), digest })
    };
    Ok(Record {
        term: Term(kept.term),
        leader: kept.leader,
        proposed: Generation(kept.proposed),
        committed: kept.committed.map(stamp).transpose()?,
        rolled_back_to: kept.rolled_back_to.map(Generation),
    })
}

fn keep(record: &Record, version: u64, history: Vec<KeptPast>) -> Kept {
    Kept {
        version,
        term: record.term.0,
        leader: record.leader.clone(),
        proposed: record.proposed.0,
        committed: record
            .committed
            .map(|stamp| KeptStamp { generation: stamp.generation.0, digest: stamp.digest.to_string() }),
        rolled_back_to: record.rolled_back_to.map(|generation| generation.0),
        history,
    }
}

impl Kept {
    /// What is committed, once.
    fn remember(&mut self, now: SystemTime) {
        let Some(KeptStamp { generation, digest }) = &self.committed else { return };
        if self.history.first().is_some_and(|latest| latest.generation >= *generation) {
            return;
        }
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let at_unix_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        self.history.insert(0, KeptPast { generation: *generation, digest: digest.clone(), at_unix_ms });
        self.history.truncate(HISTORY);
    }

    fn past(self) -> Vec<(Stamp, SystemTime)> {
        let past = |past: KeptPast| {
            let stamp = Stamp { generation: Generation(past.generation), digest: past.digest.parse().ok()? };
            Some((stamp, SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(past.at_unix_ms))?))
        };
        self.history.into_iter().filter_map(past).collect()
    }
}

#[async_trait]
impl RecordStore for FileStore {
    async fn read(&self) -> Result<Stored, String> {
        let store = self.clone();
        let read = tokio::task::spawn_blocking(move || store.read_now()).await;
        read.unwrap_or_else(|error| Err(error.to_string()))
    }

    async fn history(&self) -> Result<Vec<(Stamp, SystemTime)>, String> {
        let store = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let _lock = store.lock().map_err(|error| error.to_string())?;
            Ok(store.kept()?.map(Kept::past).unwrap_or_default())
        });
        read.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    async fn write(&self, record: &Record, expected: Option<&Version>) -> Result<Version, WriteFault> {
        let (store, record, expected) = (self.clone(), record.clone(), expected.cloned());
        let write = tokio::task::spawn_blocking(move || store.write_now(&record, expected.as_ref())).await;
        write.unwrap_or_else(|error| Err(WriteFault::Unknown(error.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn writes_compare_and_swap() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(&folder.path().join("state")).unwrap();
        assert_eq!(store.read().await.unwrap(), Stored::default());
        let record = Record {
            term: Term(3),
            leader: "a".into(),
            proposed: Generation(9),
            committed: Some(Stamp { generation: Generation(8), digest: Digest::from_bytes([7; 32]) }),
            rolled_back_to: Some(Generation(8)),
        };
        let first = store.write(&record, None).await.unwrap();
        assert_eq!(store.write(&record, None).await, Err(WriteFault::Conflict));
        let stored = store.read().await.unwrap();
        assert_eq!(stored, Stored { record: Some(record.clone()), version: Some(first.clone()) });
        let stamp = record.committed.unwrap();
        let past = |history: Vec<(Stamp, SystemTime)>| {
            history.into_iter().map(|(stamp, _)| stamp).collect::<Vec<_>>()
        };
        assert_eq!(past(store.history().await.unwrap()), [stamp]);
        let next = Record { term: Term(4), committed: None, ..record };
        let second = store.write(&next, Some(&first)).await.unwrap();
        assert_eq!(store.write(&next, Some(&first)).await, Err(WriteFault::Conflict));
        // Another process, or this one after a restart.
        let again = FileStore::new(&folder.path().join("state")).unwrap();
        assert_eq!(past(again.history().await.unwrap()), [stamp]);
        assert_eq!(again.read().await.unwrap(), Stored { record: Some(next), version: Some(second) });
    }

    #[tokio::test]
    async fn a_damaged_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path()).unwrap();
        std::fs::write(folder.path().join(NAME), "{\"version\": 1").unwrap();
        let error = store.read().await.unwrap_err();
        assert!(error.contains("record.json is no record") && error.contains("remove it"), "{error}");
        assert!(matches!(store.write(&Record::default(), None).await, Err(WriteFault::Unknown(_))));
    }
}
