//! The journal: what is durable and not yet in the store's file.
//!
//! redb writes a commit as eight pages and more, all over its file; the journal takes it as one piece at its end. So a commit
//! is appended here and synced, and is in redb's memory only until the journal is full: then redb makes all of it durable
//! at once, and the journal begins anew at its start. `docs/orchestrator-store.md` has the bytes.
//!
//! The file begins with a head: which journal it is, and which one it was before, for as long as the store's file may still
//! say that one. A journal that is neither was written by another store, or by this one before it was moved away.
//!
//! How a crash is told from an end: records follow one another without a gap in their revisions, and each has a hash whose
//! key is the store's and of this start of it alone. What an earlier round has left behind is older than what would have
//! to follow; what was torn, and what an object of somebody holds to look like a record, has not the hash.

use std::hash::Hasher as _;
use std::io;

use bytes::Bytes;
use redb::StorageBackend;
use siphasher::sip::SipHasher24;

use crate::{Change, Event, Revision, StoreError, Write};

/// What a journal begins with, before the keys (u64 each) of the one before it and of itself.
const MAGIC: &[u8; 8] = b"gw-jrnl1";
/// Bytes of that. They are in one sector, which a disk writes as a whole.
const FILE_HEAD: usize = 24;
/// Bytes before what a record holds: its length (u32), its first revision (u64), its hash (u64).
const HEAD: usize = 20;
/// The second half of the hash's key, the first being the journal's.
const KEY: u64 = 0x6775_6964_6577_6179;
/// The longest journal that is looked at.
pub(super) const LONGEST: usize = 64 << 20;

const PUT: u8 = 0;
const DELETE: u8 = 1;

/// One transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its revision.
    pub revision: Revision,
    /// What it wrote.
    pub writes: Vec<Write>,
}

/// Reads a journal's file. None: it is not the journal with that key.
///
/// # Errors
/// See [`entries`].
pub fn read(id: u64, file: &[u8]) -> Result<Option<Vec<Entry>>, StoreError> {
    let keys = |bytes: &[u8]| bytes.strip_prefix(MAGIC)?.get(..16).map(<[u8]>::to_vec);
    let Some((head, records)) = file.split_at_checked(FILE_HEAD) else { return Ok(None) };
    let is_ours = keys(head).is_some_and(|keys| keys.chunks(8).any(|key| key == id.to_be_bytes()));
    if is_ours { entries(id, records).map(Some) } else { Ok(None) }
}

/// Reads the records of a journal, up to the first thing that is no record or does not follow the one before it.
///
/// # Errors
/// [`StoreError::Corrupt`]: a record is whole, but this version could not have written it.
pub fn entries(id: u64, journal: &[u8]) -> Result<Vec<Entry>, StoreError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut rest = journal;
    while let Some((revision, held, after)) = record(id, rest) {
        if entries.last().is_some_and(|last| last.revision.next() != revision) {
            break;
        }
        decode(revision, held, &mut entries).ok_or_else(|| StoreError::Corrupt {
            what: format!("the journal's record of revision {revision}"),
        })?;
        rest = after;
    }
    Ok(entries)
}

/// A record that holds something, whose first transaction has that revision.
#[must_use]
pub fn seal(id: u64, revision: Revision, held: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEAD + held.len());
    let length = u32::try_from(held.len()).unwrap_or(u32::MAX);
    record.extend(length.to_be_bytes());
    record.extend(revision.0.to_be_bytes());
    record.extend(hash(id, revision, held).to_be_bytes());
    record.extend(held);
    record
}

fn hash(id: u64, revision: Revision, held: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new_with_keys(id, KEY);
    hasher.write_u64(revision.0);
    hasher.write(held);
    hasher.finish()
}

/// The record at the beginning, if there is one: its revision, what it holds, and what comes after it.
fn record(id: u64, bytes: &[u8]) -> Option<(Revision, &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (revision, rest) = rest.split_first_chunk()?;
    let (expected, rest) = rest.split_first_chunk()?;
    let (held, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let revision = Revision(u64::from_be_bytes(*revision));
    // An empty one says nothing, and nobody writes it.
    (!held.is_empty() && hash(id, revision, held) == u64::from_be_bytes(*expected))
        .then_some((revision, held, rest))
}

/// For each transaction the number of its writes (u32); for each write a byte (0 put, 1 delete), the key's length (u16) and
/// the key, and for a put the value's length (u32) and the value.
fn encode(events: &[Event]) -> Vec<u8> {
    let mut held = Vec::new();
    // What the limits of a transaction allow fits into these numbers.
    let short = |length| u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let long = |length| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    for event in events {
        held.extend(long(event.changes.len()));
        for change in &event.changes {
            let key = change.key();
            held.push(if matches!(change, Change::Put(_)) { PUT } else { DELETE });
            held.extend(short(key.len()));
            held.extend(key.as_bytes());
            if let Change::Put(item) = change {
                held.extend(long(item.value.len()));
                held.extend(&*item.value);
            }
        }
    }
    held
}

fn decode(mut revision: Revision, mut held: &[u8], entries: &mut Vec<Entry>) -> Option<()> {
    while !held.is_empty() {
        let (count, mut rest) = held.split_first_chunk()?;
        let mut writes = Vec::new();
        for _ in 0..u32::from_be_bytes(*count) {
            let (&kind, after) = rest.split_first()?;
            let (length, after) = after.split_first_chunk()?;
            let (key, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            let key = std::str::from_utf8(key).ok()?.into();
            rest = after;
            writes.push(match kind {
                PUT => {
                    let (length, after) = rest.split_first_chunk()?;
                    let (value, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
                    rest = after;
                    Write::Put { key, value: Bytes::copy_from_slice(value) }
                }
                DELETE => Write::Delete { key },
                _ => return None,
            });
        }
        entries.push(Entry { revision, writes });
        revision = Revision(revision.0.checked_add(1)?);
        held = rest;
    }
    Some(())
}

/// The journal that is written.
pub(super) struct Journal {
    file: Box<dyn StorageBackend>,
    id: u64,
    /// Its length, which never changes: a sync has then no length to write.
    capacity: usize,
    /// Where the next record goes.
    at: usize,
}

impl Journal {
    /// Takes a file for a new journal, in the place of the one with the key `before`, of which all but the head stays until
    /// the first record is written. Its space is taken now, so that a full disk is in nobody's way later.
    pub(super) fn new(
        file: Box<dyn StorageBackend>,
        capacity: usize,
        before: Option<u64>,
    ) -> io::Result<Self> {
        let capacity = capacity.min(LONGEST);
        let length = usize::try_from(file.len()?).unwrap_or(usize::MAX);
        if length < capacity {
            file.set_len(capacity as u64)?;
            file.write(length as u64, &vec![0; capacity - length])?;
        }
        // 0 is that of no journal.
        let id = rand::random_range(1..=u64::MAX);
        let head = [*MAGIC, before.unwrap_or_default().to_be_bytes(), id.to_be_bytes()].concat();
        file.write(0, &head)?;
        file.sync_data()?;
        Ok(Self { file, id, capacity, at: FILE_HEAD })
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Makes events durable. False: there is no room for them, and nothing was written.
    pub(super) fn append(&mut self, events: &[Event]) -> io::Result<bool> {
        let Some(first) = events.first() else { return Ok(true) };
        let record = seal(self.id, first.revision, &encode(events));
        let end = self.at.saturating_add(record.len());
        if end > self.capacity {
            return Ok(false);
        }
        self.file.write(self.at as u64, &record)?;
        self.file.sync_data()?;
        self.at = end;
        Ok(true)
    }

    /// So many bytes more.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.at.saturating_add(bytes) <= self.capacity
    }

    /// All that is in it is in the store's file.
    pub(super) fn rewind(&mut self) {
        self.at = FILE_HEAD;
    }
}

/// The bytes of a journal's file.
pub(super) fn bytes(file: &dyn StorageBackend) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.len()?).unwrap_or(usize::MAX).min(LONGEST);
    let mut bytes = vec![0; length];
    file.read(0, &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::KeyValue;

    const ID: u64 = 7;

    fn event(revision: u64, writes: &[Write]) -> Event {
        let revision = Revision(revision);
        let change = |write: &Write| match write.clone() {
            Write::Put { key, value } => {
                Change::Put(KeyValue { key, value, created: revision, modified: revision })
            }
            Write::Delete { key } => Change::Delete { key },
        };
        Event { revision, changes: writes.iter().map(change).collect() }
    }

    fn put(key: &str, value: &str) -> Write {
        Write::Put { key: key.into(), value: Bytes::copy_from_slice(value.as_bytes()) }
    }

    fn sealed(revision: u64, writes: &[Write]) -> Vec<u8> {
        seal(ID, Revision(revision), &encode(&[event(revision, writes)]))
    }

    #[test]
    fn what_a_round_before_has_left_is_not_read() {
        let mut journal =
            [sealed(5, &[put("/registry/a", "1")]), sealed(6, &[put("/registry/b", "2")])].concat();
        assert_eq!(entries(ID, &journal).unwrap().len(), 2);
        assert_eq!(entries(ID + 1, &journal).unwrap(), [], "another start of the store");
        // Of the same length, so that the older record begins where the younger ends.
        let young = sealed(7, &[put("/registry/c", "3")]);
        journal[..young.len()].copy_from_slice(&young);
        let read = entries(ID, &journal).unwrap();
        assert_eq!(read, [Entry { revision: Revision(7), writes: vec![put("/registry/c", "3")] }]);
    }

    #[test]
    fn a_record_in_an_object_is_no_record() {
        let young = sealed(7, &[put("/registry/c", "3")]);
        // An object of the round before has, where the young record ends, what looks like the one to follow it.
        let with_forged = |id| {
            let forged = seal(id, Revision(8), &encode(&[event(8, &[put("/registry/forged", "x")])]));
            let mut old = vec![b'.'; young.len()];
            old.extend(forged);
            old[..young.len()].copy_from_slice(&young);
            old
        };
        assert_eq!(entries(ID, &with_forged(ID)).unwrap().len(), 2, "it would be one");
        assert_eq!(entries(ID, &with_forged(ID + 1)).unwrap().len(), 1, "had they the key");
    }

    #[test]
    fn a_whole_record_that_means_nothing_is_damage() {
        assert!(matches!(
            entries(ID, &seal(ID, Revision(2), &[0, 0, 0, 1, 9])),
            Err(StoreError::Corrupt { .. })
        ));
    }

    fn any_write() -> impl Strategy<Value = Write> {
        let key = "/registry/[a-z]{1,8}";
        prop_oneof![
            (key, proptest::collection::vec(any::<u8>(), 0..50))
                .prop_map(|(key, value)| Write::Put { key: key.into(), value: value.into() }),
            key.prop_map(|key| Write::Delete { key: key.into() }),
        ]
    }

    proptest! {
        /// Whatever is lost of the end, what is read is a beginning of what was written.
        #[test]
        fn a_torn_journal_is_read_to_where_it_is_whole(
            groups in proptest::collection::vec(
                proptest::collection::vec(proptest::collection::vec(any_write(), 0..4), 1..4), 1..5),
            torn in any::<proptest::sample::Index>(),
            flip in 1..=u8::MAX,
        ) {
            let (mut journal, mut written, mut ends) = (Vec::new(), Vec::new(), Vec::new());
            let mut revision = 41;
            for group in groups {
                let first = revision + 1;
                let mut events = Vec::new();
                for writes in group {
                    revision += 1;
                    events.push(event(revision, &writes));
                    written.push(Entry { revision: Revision(revision), writes });
                }
                journal.extend(seal(ID, Revision(first), &encode(&events)));
                ends.push((journal.len(), written.len()));
            }
            prop_assert_eq!(&entries(ID, &journal).unwrap(), &written);
            let at = torn.index(journal.len());
            journal[at] ^= flip;
            let whole = ends.iter().filter(|(end, _)| *end <= at).map(|(_, count)| *count).max();
            prop_assert_eq!(&entries(ID, &journal).unwrap(), &written[..whole.unwrap_or(0)]);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(entries(ID, &bytes).unwrap(), []);
            prop_assert_eq!(read(ID, &bytes).unwrap(), None);
            let _ = entries(ID, &seal(ID, Revision(u64::MAX), &bytes));
        }
    }
}
