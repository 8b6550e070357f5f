//! What writes: one at a time, which is nearly always the thread that does nothing else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use redb::{Durability, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use super::apply::{Group, SWEEP, Settled, Tables};
use super::journal::Journal;
use super::open::name_journal;
use super::tables::{META, META_OLDEST};
use super::{Answer, Shared, failed, stopped};
use crate::{Event, Revision, StoreError, Txn, TxnOutcome, Write, limits};

/// How many transactions, and how many bytes of them, are made durable together.
const GROUP_TXNS: usize = 512;
const GROUP_BYTES: usize = 8 << 20;

pub(super) enum Command {
    Txn(Txn, Answer<TxnOutcome>),
    Compact(Revision, Answer<()>),
    Defragment(Answer<()>),
}

/// A disk that lately took longer is not waited for by somebody who has other things to do.
const SOON: Duration = Duration::from_millis(1);

/// Where the one that writes sits.
pub(super) type Desk = Arc<Mutex<Writer>>;

/// The thread: takes what waits, until nobody can send any more, and closes the store.
pub(super) fn run(desk: &Desk, mut commands: mpsc::Receiver<Command>) {
    let mut held = None;
    let mut is_unswept = true;
    loop {
        let command = match held.take() {
            Some(command) => Some(command),
            None if is_unswept => match commands.try_recv() {
                Ok(command) => Some(command),
                Err(mpsc::error::TryRecvError::Empty) => None,
                Err(mpsc::error::TryRecvError::Disconnected) => break,
            },
            None => match commands.blocking_recv() {
                Some(command) => Some(command),
                None => break,
            },
        };
        if matches!(command, Some(Command::Txn(..))) {
            // Who has a transaction ready sends it now, if all processors are busy: the group is larger, and there are fewer.
            thread::yield_now();
        }
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
    sit_down(desk).close();
}

fn sit_down(desk: &Desk) -> MutexGuard<'_, Writer> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a transaction on the caller's thread, if nobody is writing, the disk has been quick and the journal has room: to
/// wake the thread and to be woken by it takes as long as half of a sync. Gives the transaction back otherwise.
pub(super) fn write_at_once(desk: &Desk, txn: Txn) -> Result<Result<TxnOutcome, StoreError>, Txn> {
    let Ok(mut writer) = desk.try_lock() else { return Err(txn) };
    let keys_and_heads = (txn.writes.len() + 1) * (limits::KEY_BYTES + 32);
    if writer.unswept || writer.pace > SOON || !writer.journal.has_room(size(&txn) + keys_and_heads) {
        return Err(txn);
    }
    let (answer, mut answered) = oneshot::channel();
    writer.commit(vec![(txn, answer)]);
    Ok(answered.try_recv().unwrap_or_else(|_| Err(stopped())))
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    journal: Journal,
    revision: Revision,
    oldest: Revision,
    /// Compacted revisions may still be in the tables.
    unswept: bool,
    /// After a commit that failed, nobody knows what is on the disk until the file is opened anew.
    broken: bool,
    /// How long commits have taken lately, as a moving average.
    pace: Duration,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, journal: Journal, revision: Revision, oldest: Revision) -> Self {
        // A sweep may have been broken off.
        Self { shared, journal, revision, oldest, unswept: true, broken: false, pace: SOON }
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
            self.make_durable(write, &group.events)?;
            self.pace = (self.pace * 7 + begun.elapsed()) / 8;
            self.broken = false;
        }
        let answers = answers.iter_mut().filter_map(Option::take);
        group.settled = answers.zip(outcomes).map(|(answer, outcome)| Settled { answer, outcome }).collect();
        Ok(group)
    }

    /// In the journal, if there is room: redb then has it in memory. Otherwise all that redb has in memory becomes durable.
    fn make_durable(&mut self, mut write: WriteTransaction, events: &[Event]) -> Result<(), StoreError> {
        let is_journaled = self
            .journal
            .append(events)
            .map_err(|error| StoreError::unavailable("writing the journal", error))?;
        if is_journaled {
            write
                .set_durability(Durability::None)
                .map_err(|error| StoreError::unavailable("making writes durable", error))?;
        }
        write.commit().map_err(failed("making writes durable"))?;
        if !is_journaled {
            self.journal.rewind();
        }
        Ok(())
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
        self.journal.rewind();
        self.oldest = to;
        self.unswept = true;
        Ok(())
    }

    /// Makes durable what redb has in memory, and says which journal goes on from there.
    fn empty_journal(&mut self, next: u64) -> Result<(), StoreError> {
        let database = self.shared.database();
        let write = database.begin_write().map_err(failed("emptying the journal"))?;
        name_journal(&write, next)?;
        self.broken = true;
        write.commit().map_err(failed("emptying the journal"))?;
        self.broken = false;
        drop(database);
        self.journal.rewind();
        Ok(())
    }

    /// Leaves a file that needs no journal. If that cannot be done, the next start takes the journal in.
    fn close(&mut self) {
        if self.broken {
            return;
        }
        if let Err(error) = self.empty_journal(0) {
            tracing::error!(%error, "the store's journal cannot be emptied; the next start takes it in");
        }
    }

    fn defragment(&mut self) -> Result<(), StoreError> {
        while self.unswept {
            self.commit(Vec::new());
        }
        if self.broken {
            return Err(stopped());
        }
        self.empty_journal(self.journal.id())?;
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
