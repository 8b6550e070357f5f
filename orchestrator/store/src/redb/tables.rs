//! The tables and what their bytes mean.

use redb::TableDefinition;

use crate::{Revision, StoreError};

/// What each key has now: [`Record`].
pub(super) const LIVE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("live");

/// What keys had before, each under the key and the revision that ended it: [`Record`].
pub(super) const PAST: TableDefinition<'_, (&[u8], u64), &[u8]> = TableDefinition::new("past");

/// Which keys each revision changed: [`Changes`].
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

/// Numbers about the store.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// In [`META`]: the version of all this.
pub(super) const META_FORMAT: &str = "format";
pub(super) const FORMAT: u64 = 2;
/// The one before, which is read as well.
pub(super) const FORMAT_WITHOUT_JOURNAL: u64 = 1;

/// In [`META`]: the oldest revision that can be read at.
pub(super) const META_OLDEST: &str = "oldest";

/// In [`META`]: the journal that goes on from what is here. 0: none, the store was closed.
pub(super) const META_JOURNAL: &str = "journal";

/// A value with its revisions.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) created: Revision,
    pub(super) modified: Revision,
    pub(super) value: &'a [u8],
}

impl<'a> Record<'a> {
    const HEAD: usize = 16;

    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, StoreError> {
        let decoded = || {
            let (created, rest) = bytes.split_first_chunk()?;
            let (modified, value) = rest.split_first_chunk()?;
            let (created, modified) = (u64::from_be_bytes(*created), u64::from_be_bytes(*modified));
            Some(Self { created: Revision(created), modified: Revision(modified), value })
        };
        decoded().ok_or_else(|| StoreError::Corrupt { what: format!("a record of {} bytes", bytes.len()) })
    }

    pub(super) fn len(value: &[u8]) -> usize {
        Self::HEAD + value.len()
    }

    /// `to` has [`Record::len`] bytes.
    pub(super) fn encode(&self, to: &mut [u8]) {
        to[..8].copy_from_slice(&self.created.0.to_be_bytes());
        to[8..Self::HEAD].copy_from_slice(&self.modified.0.to_be_bytes());
        to[Self::HEAD..].copy_from_slice(self.value);
    }
}

/// How a revision changed a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Put,
    Deleted,
}

/// The keys that one revision changed, in their order: for each a byte (0 put, 1 deleted), its length (u16), itself.
#[derive(Default)]
pub(super) struct Changes(Vec<u8>);

impl Changes {
    pub(super) fn push(&mut self, changed: Changed, key: &[u8]) -> Result<(), StoreError> {
        let len = u16::try_from(key.len())
            .map_err(|_| StoreError::Corrupt { what: format!("a key of {} bytes", key.len()) })?;
        self.0.push(u8::from(changed == Changed::Deleted));
        self.0.extend(len.to_be_bytes());
        self.0.extend(key);
        Ok(())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Result<Vec<(Changed, &[u8])>, StoreError> {
        let mut changes = Vec::new();
        while let Some((&kind, rest)) = bytes.split_first() {
            let changed = match kind {
                0 => Changed::Put,
                1 => Changed::Deleted,
                _ => return Err(bad_log()),
            };
            let (len, rest) = rest.split_first_chunk().ok_or_else(bad_log)?;
            let (key, rest) =
                rest.split_at_checked(usize::from(u16::from_be_bytes(*len))).ok_or_else(bad_log)?;
            changes.push((changed, key));
            bytes = rest;
        }
        Ok(changes)
    }
}

fn bad_log() -> StoreError {
    StoreError::Corrupt { what: "an entry of the log".into() }
}

/// A key as text.
pub(super) fn text(key: &[u8]) -> Result<&str, StoreError> {
    std::str::from_utf8(key).map_err(|_| StoreError::Corrupt { what: "a key is not text".into() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_is_read_as_written() {
        let mut bytes = vec![0; Record::len(b"value")];
        Record { created: Revision(2), modified: Revision(u64::MAX), value: b"value" }.encode(&mut bytes);
        let record = Record::decode(&bytes).unwrap();
        assert_eq!(
            (record.created, record.modified, record.value),
            (Revision(2), Revision(u64::MAX), &b"value"[..])
        );
        assert!(Record::decode(&bytes[..15]).is_err());
    }

    #[test]
    fn changes_are_read_as_written() {
        let mut changes = Changes::default();
        changes.push(Changed::Put, b"/registry/a").unwrap();
        changes.push(Changed::Deleted, b"/registry/b").unwrap();
        let read = Changes::decode(changes.as_bytes()).unwrap();
        assert_eq!(read, [(Changed::Put, &b"/registry/a"[..]), (Changed::Deleted, b"/registry/b")]);
        assert!(Changes::decode(&changes.as_bytes()[..5]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Changes::decode(&bytes);
            let _ = Record::decode(&bytes);
        }
    }
}
