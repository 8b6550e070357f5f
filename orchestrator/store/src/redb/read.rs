//! Reads of one snapshot of the file.

use std::cmp::Ordering;
use std::ops::Bound;
use std::path::Path;

use bytes::Bytes;
use redb::{ReadTransaction, ReadableTable};

use super::failed;
use super::tables::{Changed, Changes, LIVE, LOG, META, META_OLDEST, PAST, Record, text};
use crate::backup::BackupFile;
use crate::types::after_prefix;
use crate::{Change, Event, KeyValue, Page, Range, Revision, StoreError};

/// The revision of a snapshot, or the one that is asked for if the snapshot has it.
pub(super) fn readable(
    txn: &ReadTransaction,
    at: Option<Revision>,
) -> Result<(Revision, Revision), StoreError> {
    let log = txn.open_table(LOG).map_err(failed("opening the log"))?;
    let meta = txn.open_table(META).map_err(failed("opening the store's numbers"))?;
    let last = log.last().map_err(failed("reading the log"))?;
    let current = Revision(last.map_or(Revision::FIRST.0, |(revision, _)| revision.value()));
    let oldest = meta.get(META_OLDEST).map_err(failed("reading the store's numbers"))?;
    let oldest = Revision(oldest.map_or(Revision::FIRST.0, |oldest| oldest.value()));
    let at = at.unwrap_or(current);
    if at < oldest {
        return Err(StoreError::Compacted { oldest });
    }
    if at > current {
        return Err(StoreError::Future { current });
    }
    Ok((at, current))
}

pub(super) fn range(txn: &ReadTransaction, range: &Range) -> Result<Page, StoreError> {
    let (at, current) = readable(txn, range.at)?;
    let mut page = Page { items: Vec::new(), revision: at, more: false, count: 0 };
    each(txn, range, at, current, |key, record| {
        page.count += 1;
        if range.limit == 0 || page.items.len() < range.limit {
            page.items.push(item(key, record)?);
        } else {
            page.more = true;
        }
        Ok(())
    })?;
    Ok(page)
}

/// Each key of a range that was there at a revision, in order.
fn each(
    txn: &ReadTransaction,
    range: &Range,
    at: Revision,
    current: Revision,
    mut found: impl FnMut(&[u8], Record<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let end = after_prefix(&range.prefix);
    let first = range.first().as_bytes();
    let live = txn.open_table(LIVE).map_err(failed("opening the keys"))?;
    let live_end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    if matches!(live_end, Bound::Excluded(end) if end <= first) {
        return Ok(());
    }
    let mut live =
        live.range::<&[u8]>((Bound::Included(first), live_end)).map_err(failed("reading the keys"))?;
    if at == current {
        for entry in live {
            let (key, record) = entry.map_err(failed("reading the keys"))?;
            found(key.value(), Record::decode(record.value())?)?;
        }
        return Ok(());
    }
    let past = txn.open_table(PAST).map_err(failed("opening the past"))?;
    let past_end = end.as_deref().map_or(Bound::Unbounded, |end| Bound::Excluded((end, 0)));
    let mut past = past
        .range::<(&[u8], u64)>((Bound::Included((first, 0)), past_end))
        .map_err(failed("reading the past"))?;
    let mut next_live = || -> Result<_, StoreError> {
        for entry in live.by_ref() {
            let (key, record) = entry.map_err(failed("reading the keys"))?;
            if Record::decode(record.value())?.modified <= at {
                return Ok(Some((key, record)));
            }
        }
        Ok(None)
    };
    let mut next_past = || -> Result<_, StoreError> {
        for entry in past.by_ref() {
            let (key, record) = entry.map_err(failed("reading the past"))?;
            if Record::decode(record.value())?.modified <= at && at.0 < key.value().1 {
                return Ok(Some((key, record)));
            }
        }
        Ok(None)
    };
    // No key is in both: a live value that is as old as that has nothing in the past that is newer.
    let (mut a, mut b) = (next_live()?, next_past()?);
    loop {
        let order = match (&a, &b) {
            (Some((a, _)), Some((b, _))) => a.value().cmp(b.value().0),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return Ok(()),
        };
        if order == Ordering::Less {
            let Some((key, record)) = a.take() else { return Ok(()) };
            found(key.value(), Record::decode(record.value())?)?;
            a = next_live()?;
        } else {
            let Some((key, record)) = b.take() else { return Ok(()) };
            found(key.value().0, Record::decode(record.value())?)?;
            b = next_past()?;
        }
    }
}

fn item(key: &[u8], record: Record<'_>) -> Result<KeyValue, StoreError> {
    Ok(KeyValue {
        key: text(key)?.into(),
        value: Bytes::copy_from_slice(record.value),
        created: record.created,
        modified: record.modified,
    })
}

/// The events after a revision, from the log and the values of that time.
pub(super) fn events_after(
    txn: &ReadTransaction,
    from: Revision,
    limit: usize,
) -> Result<Vec<Event>, StoreError> {
    readable(txn, Some(from))?;
    let log = txn.open_table(LOG).map_err(failed("opening the log"))?;
    let live = txn.open_table(LIVE).map_err(failed("opening the keys"))?;
    let past = txn.open_table(PAST).map_err(failed("opening the past"))?;
    let mut events = Vec::new();
    for entry in log.range(from.next().0..).map_err(failed("reading the log"))?.take(limit) {
        let (revision, changes) = entry.map_err(failed("reading the log"))?;
        let revision = Revision(revision.value());
        let mut event = Event { revision, changes: Vec::new() };
        for (changed, key) in Changes::decode(changes.value())? {
            event.changes.push(match changed {
                Changed::Deleted => Change::Delete { key: text(key)?.into() },
                Changed::Put => Change::Put(version(&live, &past, key, revision)?),
            });
        }
        events.push(event);
    }
    Ok(events)
}

/// The value that a revision put.
fn version(
    live: &impl ReadableTable<&'static [u8], &'static [u8]>,
    past: &impl ReadableTable<(&'static [u8], u64), &'static [u8]>,
    key: &[u8],
    revision: Revision,
) -> Result<KeyValue, StoreError> {
    if let Some(record) = live.get(key).map_err(failed("reading a key"))? {
        let record = Record::decode(record.value())?;
        if record.modified == revision {
            return item(key, record);
        }
    }
    // What ended it is the first end after it began.
    let ends = (Bound::Excluded((key, revision.0)), Bound::Included((key, u64::MAX)));
    let mut ends = past.range::<(&[u8], u64)>(ends).map_err(failed("reading the past"))?;
    if let Some(entry) = ends.next() {
        let (_, record) = entry.map_err(failed("reading the past"))?;
        let record = Record::decode(record.value())?;
        if record.modified == revision {
            return item(key, record);
        }
    }
    Err(StoreError::Corrupt { what: format!("the value that revision {revision} put is missing") })
}

/// Writes everything to a backup.
pub(super) fn backup(txn: &ReadTransaction, path: &Path) -> Result<Revision, StoreError> {
    let (at, _) = readable(txn, None)?;
    let mut file = BackupFile::create(path, at)?;
    each(txn, &Range::default(), at, at, |key, record| {
        file.push(text(key)?, record.value, record.created, record.modified)
    })?;
    file.finish()?;
    Ok(at)
}
