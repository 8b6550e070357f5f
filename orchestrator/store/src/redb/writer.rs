//! What writes: one at a time, which is nearly always the thread that does nothing else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use redb::{ReadableTable, Table, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use super::tables::{Changed, Changes, LIVE, LOG, META, META_OLDEST, PAST, Record, text};
use super::{Answer, Shared, failed, stopped};
use crate::{Change, Event, Key, KeyValue, Revision, StoreError, Txn, TxnOutcome, Write};

/// How many transactions, and how many bytes of them, are made durable together.
const GROUP_TXNS: usize = 512;
const GROUP_BYTES: usize = 8 << 20;
/// How many compacted revisions are swept with each group, so that compaction delays no write for long.
const SWEEP: usize = 256;

pub(super) enum Command {
    Txn(Txn, Answer<TxnOutcome>),
    Compact(Revision, Answer<()>),
    Defragment(Answer<()>),
}

/// A disk that lately took longer is not waited for by somebody who has other things to do.
const SOON: Duration = Duration::from_millis(1);

/// Where the one that writes sits.
pub(super) type Desk = Arc<Mutex<Writer>>;

/// The thread: takes what waits, until nobody can send any more.
pub(super) fn run(desk: &Desk, mut commands: mpsc::Receiver<Command>) {
    let mut held = None;
    let mut is_unswept = true;
    loop {
        let command = match held.take() {
            Some(command) => Some(command),
            None if is_unswept => match commands.try_recv() {
                Ok(command) => Some(command),
                Err(mpsc::error::TryRecvError::Empty) => None,
                Err(mpsc::error::TryRecvError::Disconnected) => return,
            },
            None => match commands.blocking_recv() {
                Some(command) => Some(command),
                None => return,
            },
        };
        let mut writer = sit_down(desk);
        match command {
            Some(Command::Txn(txn, answer)) => {
                let group = gather((txn, answer), &mut commands, &mut held);
                writer.commit(group);
            }
            Some(Command::Compact(to, answer)) => {
                let _ = answer.send(writer.compact(to));
            }
            Some(Command::Defragment(answer)) => {
                let _ = answer.send(writer.defragment());
            }
            None => writer.commit(Vec::new()),
        }
        is_unswept = writer.unswept;
    }
}

fn sit_down(desk: &Desk) -> MutexGuard<'_, Writer> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a transaction on the caller's thread, if nobody is writing and the disk has been quick: to wake the thread and
/// to be woken by it takes as long as half of a sync. Gives the transaction back otherwise.
pub(super) fn write_at_once(desk: &Desk, txn: Txn) -> Result<Result<TxnOutcome, StoreError>, Txn> {
    let Ok(mut writer) = desk.try_lock() else { return Err(txn) };
    if writer.unswept || writer.pace > SOON {
        return Err(txn);
    }
    let (answer, mut answered) = oneshot::channel();
    writer.commit(vec![(txn, answer)]);
    Ok(answered.try_recv().unwrap_or_else(|_| Err(stopped())))
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    revision: Revision,
    oldest: Revision,
    /// Compacted revisions may still be in the tables.
    unswept: bool,
    /// After a commit that failed, nobody knows what is on the disk until the file is opened anew.
    broken: bool,
    /// How long commits have taken lately, as a moving average.
    pace: Duration,
}

/// A transaction of a group, with its outcome before that is durable.
struct Settled {
    answer: Answer<TxnOutcome>,
    outcome: TxnOutcome,
}

/// What a group has come to.
struct Group {
    revision: Revision,
    events: Vec<Event>,
    settled: Vec<Settled>,
    unswept: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, revision: Revision, oldest: Revision) -> Self {
        // A sweep may have been broken off.
        Self { shared, revision, oldest, unswept: true, broken: false, pace: SOON }
    }

    /// Checks and applies transactions in their order, makes them durable, then answers.
    fn commit(&mut self, txns: Vec<(Txn, Answer<TxnOutcome>)>) {
        if self.broken {
            for (_, answer) in txns {
                let _ = answer.send(Err(stopped()));
            }
            self.unswept = false;
            return;
        }
        let (txns, mut answers): (Vec<Txn>, Vec<_>) =
            txns.into_iter().map(|(txn, answer)| (txn, Some(answer))).unzip();
        match self.try_commit(txns, &mut answers) {
            Ok(group) => {
                self.revision = group.revision;
                self.unswept = group.unswept;
                self.shared.feed.publish(group.events);
                for Settled { answer, outcome } in group.settled {
                    let _ = answer.send(Ok(outcome));
                }
            }
            Err(error) => {
                self.unswept = false;
                tracing::error!(%error, "the store could not write");
                let error = Arc::new(error);
                for answer in answers.into_iter().flatten() {
                    let _ = answer.send(Err(copy(&error, self.broken)));
                }
            }
        }
    }

    fn try_commit(
        &mut self,
        txns: Vec<Txn>,
        answers: &mut [Option<Answer<TxnOutcome>>],
    ) -> Result<Group, StoreError> {
        let shared = self.shared.clone();
        let database = shared.database();
        let write = database.begin_write().map_err(failed("beginning to write"))?;
        let mut group =
            Group { revision: self.revision, events: Vec::new(), settled: Vec::new(), unswept: self.unswept };
        let mut outcomes = Vec::with_capacity(txns.len());
        let mut tables = Tables::open(&write)?;
        for txn in txns {
            outcomes.push(tables.apply(txn, &mut group)?);
        }
        let swept = if self.unswept { tables.sweep(self.oldest)? } else { 0 };
        group.unswept = swept == SWEEP;
        drop(tables);
        if group.events.is_empty() && swept == 0 {
            write.abort().map_err(failed("giving up a write"))?;
        } else {
            self.broken = true;
            let begun = Instant::now();
            write.commit().map_err(failed("making writes durable"))?;
            self.pace = (self.pace * 7 + begun.elapsed()) / 8;
            self.broken = false;
        }
        let answers = answers.iter_mut().filter_map(Option::take);
        group.settled = answers.zip(outcomes).map(|(answer, outcome)| Settled { answer, outcome }).collect();
        Ok(group)
    }

    /// From here on the history before `to` cannot be read; its space is freed with the next groups.
    fn compact(&mut self, to: Revision) -> Result<(), StoreError> {
        if self.broken {
            return Err(stopped());
        }
        if to > self.revision {
            return Err(StoreError::Future { current: self.revision });
        }
        if to <= self.oldest {
            return Ok(());
        }
        let database = self.shared.database();
        let write = database.begin_write().map_err(failed("beginning to compact"))?;
        let mut meta = write.open_table(META).map_err(failed("opening the store's numbers"))?;
        meta.insert(META_OLDEST, to.0).map_err(failed("compacting"))?;
        drop(meta);
        write.commit().map_err(failed("compacting"))?;
        self.oldest = to;
        self.unswept = true;
        Ok(())
    }

    fn defragment(&mut self) -> Result<(), StoreError> {
        while self.unswept {
            self.commit(Vec::new());
        }
        if self.broken {
            return Err(stopped());
        }
        let mut database = self.shared.database.write().unwrap_or_else(PoisonError::into_inner);
        // It moves what it can each time, and says when there was nothing left to move.
        while database.compact().map_err(|error| {
            StoreError::unavailable(format!("defragmenting {}", self.shared.path.display()), error)
        })? {}
        Ok(())
    }
}

/// All transactions that wait, as far as they fit into a group; another command waits for its turn.
fn gather(
    first: (Txn, Answer<TxnOutcome>),
    commands: &mut mpsc::Receiver<Command>,
    held: &mut Option<Command>,
) -> Vec<(Txn, Answer<TxnOutcome>)> {
    let mut bytes = size(&first.0);
    let mut group = vec![first];
    while group.len() < GROUP_TXNS && bytes < GROUP_BYTES {
        match commands.try_recv() {
            Ok(Command::Txn(txn, answer)) => {
                bytes += size(&txn);
                group.push((txn, answer));
            }
            Ok(other) => {
                *held = Some(other);
                break;
            }
            Err(_) => break,
        }
    }
    group
}

fn size(txn: &Txn) -> usize {
    let of = |write: &Write| match write {
        Write::Put { value, .. } => value.len(),
        Write::Delete { .. } => 0,
    };
    txn.writes.iter().map(of).sum()
}

fn copy(error: &Arc<StoreError>, in_doubt: bool) -> StoreError {
    let what = "a write failed".to_owned();
    let source = Some(error.clone().into());
    if in_doubt {
        StoreError::OutcomeUnknown { what, source }
    } else {
        StoreError::Unavailable { what, source }
    }
}

/// The tables of one redb transaction.
struct Tables<'a> {
    live: Table<'a, &'static [u8], &'static [u8]>,
    past: Table<'a, (&'static [u8], u64), &'static [u8]>,
    log: Table<'a, u64, &'static [u8]>,
}

impl<'a> Tables<'a> {
    fn open(write: &'a WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            live: write.open_table(LIVE).map_err(failed("opening the keys"))?,
            past: write.open_table(PAST).map_err(failed("opening the past"))?,
            log: write.open_table(LOG).map_err(failed("opening the log"))?,
        })
    }

    fn apply(&mut self, txn: Txn, group: &mut Group) -> Result<TxnOutcome, StoreError> {
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

    fn write(&mut self, mut writes: Vec<Write>, revision: Revision) -> Result<Event, StoreError> {
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
    fn sweep(&mut self, oldest: Revision) -> Result<usize, StoreError> {
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
