//! What a transaction does to the tables.

use bytes::Bytes;
use redb::{ReadableTable, Table, WriteTransaction};

use super::tables::{Changed, Changes, LIVE, LOG, PAST, Record, text};
use super::{Answer, failed};
use crate::{Change, Event, Key, KeyValue, Revision, StoreError, Txn, TxnOutcome, Write};

/// How many compacted revisions are swept with each group, so that compaction delays no write for long.
pub(super) const SWEEP: usize = 256;

/// A transaction of a group, with its outcome before that is durable.
pub(super) struct Settled {
    pub(super) answer: Answer<TxnOutcome>,
    pub(super) outcome: TxnOutcome,
}

/// What a group has come to.
pub(super) struct Group {
    pub(super) revision: Revision,
    pub(super) events: Vec<Event>,
    pub(super) settled: Vec<Settled>,
    pub(super) unswept: bool,
}

/// The tables of one redb transaction.
pub(super) struct Tables<'a> {
    live: Table<'a, &'static [u8], &'static [u8]>,
    past: Table<'a, (&'static [u8], u64), &'static [u8]>,
    log: Table<'a, u64, &'static [u8]>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(write: &'a WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            live: write.open_table(LIVE).map_err(failed("opening the keys"))?,
            past: write.open_table(PAST).map_err(failed("opening the past"))?,
            log: write.open_table(LOG).map_err(failed("opening the log"))?,
        })
    }

    pub(super) fn apply(&mut self, txn: Txn, group: &mut Group) -> Result<TxnOutcome, StoreError> {
        let (mut refused, mut current) = (Vec::new(), Vec::new());
        for (index, (key, expect)) in txn.expect.iter().enumerate() {
            let record = self.live.get(key.as_bytes()).map_err(failed("reading a key"))?;
            let record = record.as_ref().map(|record| Record::decode(record.value())).transpose()?;
            if !expect.holds(record.map(|record| record.modified)) {
                refused.push(index);
                current.push(record.map(|record| found(key, record)));
            }
        }
        if !refused.is_empty() {
            return Ok(TxnOutcome::Refused { failed: refused, current, revision: group.revision });
        }
        if !txn.writes.is_empty() {
            group.revision = group.revision.next();
            group.events.push(self.write(txn.writes, group.revision)?);
        }
        Ok(TxnOutcome::Committed(group.revision))
    }

    pub(super) fn write(&mut self, mut writes: Vec<Write>, revision: Revision) -> Result<Event, StoreError> {
        writes.sort_by(|a, b| a.key().cmp(b.key()));
        let mut event = Event { revision, changes: Vec::with_capacity(writes.len()) };
        let mut changes = Changes::default();
        for write in writes {
            let (change, changed) = match write {
                Write::Put { key, value } => (self.put(key, value, revision)?, Changed::Put),
                Write::Delete { key } => match self.delete(key, revision)? {
                    Some(change) => (change, Changed::Deleted),
                    None => continue,
                },
            };
            changes.push(changed, change.key().as_bytes())?;
            event.changes.push(change);
        }
        self.log.insert(revision.0, changes.as_bytes()).map_err(failed("writing the log"))?;
        Ok(event)
    }

    fn put(&mut self, key: Key, value: Bytes, revision: Revision) -> Result<Change, StoreError> {
        let bytes = key.as_bytes();
        let before = self.live.get(bytes).map_err(failed("reading a key"))?;
        let created = match &before {
            Some(record) => Record::decode(record.value())?.created,
            None => revision,
        };
        if let Some(record) = &before {
            self.past.insert((bytes, revision.0), record.value()).map_err(failed("writing the past"))?;
        }
        drop(before);
        let record = Record { created, modified: revision, value: &value };
        let mut to = self.live.insert_reserve(bytes, Record::len(&value)).map_err(failed("writing a key"))?;
        record.encode(to.as_mut());
        drop(to);
        Ok(Change::Put(KeyValue { key, value, created, modified: revision }))
    }

    fn delete(&mut self, key: Key, revision: Revision) -> Result<Option<Change>, StoreError> {
        let bytes = key.as_bytes();
        let Some(record) = self.live.remove(bytes).map_err(failed("deleting a key"))? else {
            return Ok(None);
        };
        self.past.insert((bytes, revision.0), record.value()).map_err(failed("writing the past"))?;
        drop(record);
        Ok(Some(Change::Delete { key }))
    }

    /// Removes what only reads before `oldest` would need, of some revisions; says of how many.
    pub(super) fn sweep(&mut self, oldest: Revision) -> Result<usize, StoreError> {
        let mut swept = Vec::new();
        // The last revision is the store's clock, and stays; so does `oldest`, whose values end later if at all.
        for entry in self.log.range(..oldest.0).map_err(failed("sweeping"))?.take(SWEEP) {
            let (revision, changes) = entry.map_err(failed("sweeping"))?;
            let keys = Changes::decode(changes.value())?;
            let keys =
                keys.into_iter().map(|(_, key)| text(key).map(Key::from)).collect::<Result<Vec<_>, _>>()?;
            swept.push((revision.value(), keys));
        }
        for (revision, keys) in &swept {
            for key in keys {
                self.past.remove((key.as_bytes(), *revision)).map_err(failed("sweeping"))?;
            }
            self.log.remove(*revision).map_err(failed("sweeping"))?;
        }
        Ok(swept.len())
    }
}

fn found(key: &Key, record: Record<'_>) -> KeyValue {
    KeyValue {
        key: key.clone(),
        value: Bytes::copy_from_slice(record.value),
        created: record.created,
        modified: record.modified,
    }
}
