//! The bytes of a backup.

use std::io::{self, Read, Write};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{KeyValue, Revision, limits};

const MAGIC: &[u8; 16] = b"guideway-backup\n";
const FORMAT: u32 = 1;
const RECORD: u8 = 1;
const END: u8 = 0;

/// Why a backup cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file could not be read.
    #[error("cannot read it")]
    Read(#[source] io::Error),
    /// It is something else.
    #[error("it is not a backup of an orchestrator's store")]
    Foreign,
    /// It was written by a later version.
    #[error("it is of format {found}, and this version reads format {FORMAT}")]
    Format {
        /// The file's format.
        found: u32,
    },
    /// It ends too early: the disk was full, or it was copied while it was written.
    #[error("it ends too early")]
    Short,
    /// It is not what was written.
    #[error("it is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
}

/// What a whole backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The revision that it was taken at.
    pub revision: Revision,
    /// How many keys.
    pub keys: u64,
}

/// Reads a backup. What it gave is to be believed only once [`Reader::next_item`] has answered `None`.
pub struct Reader<R> {
    inner: R,
    hash: Sha256,
    revision: Revision,
    keys: u64,
    last: Option<KeyValue>,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub fn new(inner: R) -> Result<Self, BackupError> {
        let mut reader =
            Self { inner, hash: Sha256::new(), revision: Revision(0), keys: 0, last: None, ended: false };
        let magic: [u8; 16] = match reader.array() {
            // Something else may well be shorter.
            Err(BackupError::Short) => return Err(BackupError::Foreign),
            other => other?,
        };
        if magic != *MAGIC {
            return Err(BackupError::Foreign);
        }
        let found = u32::from_be_bytes(reader.array()?);
        if found != FORMAT {
            return Err(BackupError::Format { found });
        }
        reader.revision = reader.number()?;
        Ok(reader)
    }

    /// The revision that the backup was taken at, as its head says.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The next key; none at the end, which is then known to be right.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub fn next_item(&mut self) -> Result<Option<KeyValue>, BackupError> {
        if self.ended {
            return Ok(None);
        }
        match self.array::<1>()?[0] {
            RECORD => self.record().map(Some),
            END => self.end().map(|()| None),
            _ => Err(BackupError::Damaged { what: "neither a key nor the end" }),
        }
    }

    /// What it held.
    ///
    /// # Errors
    /// [`BackupError::Short`] unless it was read to its end.
    pub fn summary(&self) -> Result<Summary, BackupError> {
        if self.ended {
            Ok(Summary { revision: self.revision, keys: self.keys })
        } else {
            Err(BackupError::Short)
        }
    }

    fn record(&mut self) -> Result<KeyValue, BackupError> {
        let key_len = usize::from(u16::from_be_bytes(self.array()?));
        let value_len = u32::from_be_bytes(self.array()?) as usize;
        if key_len > limits::KEY_BYTES || value_len > limits::TXN_BYTES {
            return Err(BackupError::Damaged { what: "a length is beyond what a store takes" });
        }
        let (created, modified) = (self.number()?, self.number()?);
        if created > modified || modified > self.revision {
            return Err(BackupError::Damaged { what: "revisions contradict each other" });
        }
        let key = String::from_utf8(self.bytes(key_len)?)
            .map_err(|_| BackupError::Damaged { what: "a key is not text" })?;
        let value = Bytes::from(self.bytes(value_len)?);
        if limits::check_key(&key).is_err() {
            return Err(BackupError::Damaged { what: "a key is none that a store takes" });
        }
        if self.last.as_ref().is_some_and(|last| *last.key >= *key) {
            return Err(BackupError::Damaged { what: "keys are out of order" });
        }
        self.keys += 1;
        let item = KeyValue { key: key.into(), value, created, modified };
        self.last = Some(item.clone());
        Ok(item)
    }

    fn end(&mut self) -> Result<(), BackupError> {
        let keys = u64::from_be_bytes(self.array()?);
        let hash = self.hash.clone().finalize();
        if self.array::<32>()? != *hash {
            return Err(BackupError::Damaged { what: "the checksum is another" });
        }
        if keys != self.keys {
            return Err(BackupError::Damaged { what: "the number of keys is another" });
        }
        match self.array::<1>() {
            Err(BackupError::Short) => {}
            Ok(_) => return Err(BackupError::Damaged { what: "something follows its end" }),
            Err(error) => return Err(error),
        }
        self.ended = true;
        Ok(())
    }

    fn number(&mut self) -> Result<Revision, BackupError> {
        Ok(Revision(u64::from_be_bytes(self.array()?)))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BackupError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn bytes(&mut self, len: usize) -> Result<Vec<u8>, BackupError> {
        let mut bytes = vec![0; len];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), BackupError> {
        self.inner.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => BackupError::Short,
            _ => BackupError::Read(error),
        })?;
        self.hash.update(bytes);
        Ok(())
    }
}

/// Writes a backup.
pub(crate) struct Writer<W> {
    inner: W,
    hash: Sha256,
    keys: u64,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(inner: W, revision: Revision) -> io::Result<Self> {
        let mut writer = Self { inner, hash: Sha256::new(), keys: 0 };
        writer.put(MAGIC)?;
        writer.put(&FORMAT.to_be_bytes())?;
        writer.put(&revision.0.to_be_bytes())?;
        Ok(writer)
    }

    /// Keys come in their order.
    pub(crate) fn push(
        &mut self,
        key: &str,
        value: &[u8],
        created: Revision,
        modified: Revision,
    ) -> io::Result<()> {
        let too_long = |_| io::Error::from(io::ErrorKind::InvalidInput);
        self.put(&[RECORD])?;
        self.put(&u16::try_from(key.len()).map_err(too_long)?.to_be_bytes())?;
        self.put(&u32::try_from(value.len()).map_err(too_long)?.to_be_bytes())?;
        self.put(&created.0.to_be_bytes())?;
        self.put(&modified.0.to_be_bytes())?;
        self.put(key.as_bytes())?;
        self.put(value)?;
        self.keys += 1;
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.put(&[END])?;
        self.put(&self.keys.to_be_bytes())?;
        let hash = self.hash.clone().finalize();
        self.put(&hash)?;
        Ok(self.inner)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.inner.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), Revision(9)).unwrap();
        writer.push("/registry/a", b"one", Revision(2), Revision(3)).unwrap();
        writer.push("/registry/b", b"", Revision(9), Revision(9)).unwrap();
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<(Summary, Vec<KeyValue>), BackupError> {
        let mut reader = Reader::new(bytes)?;
        let mut items = Vec::new();
        while let Some(item) = reader.next_item()? {
            items.push(item);
        }
        Ok((reader.summary()?, items))
    }

    #[test]
    fn what_was_written_is_read() {
        let (summary, items) = read(&sample()).unwrap();
        assert_eq!(summary, Summary { revision: Revision(9), keys: 2 });
        assert_eq!((&*items[0].key, &items[0].value[..]), ("/registry/a", &b"one"[..]));
        assert_eq!((items[0].created, items[0].modified), (Revision(2), Revision(3)));
        assert_eq!(&*items[1].key, "/registry/b");
    }

    #[test]
    fn no_byte_can_be_changed_cut_off_or_added() {
        let good = sample();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            assert!(read(&bad).is_err(), "byte {at} changed");
            assert!(read(&good[..at]).is_err(), "cut at {at}");
        }
        let mut longer = good;
        longer.push(0);
        assert!(matches!(read(&longer), Err(BackupError::Damaged { .. })));
    }

    #[test]
    fn other_files_are_told_apart() {
        assert!(matches!(read(b"redb"), Err(BackupError::Foreign)));
        assert!(matches!(read(&[0; 100]), Err(BackupError::Foreign)));
        let mut newer = sample();
        newer[19] = 2;
        assert!(matches!(read(&newer), Err(BackupError::Format { found: 2 })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(head in any::<bool>(), tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = if head { sample()[..28].to_vec() } else { Vec::new() };
            bytes.extend(tail);
            let _ = read(&bytes);
        }
    }
}
