//! The object that holds the record.

use std::time::Duration;

use guideway_controller_rollout::coordinator::Event;
use guideway_controller_rollout::{Record, RequestId, Stored, Version, WriteFault};

use super::{Item, World};
use crate::check::Violation;
use crate::defect::Defect;

/// How long the owner of a controller waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Store {
    record: Option<Record>,
    version: u64,
}

impl Store {
    pub(super) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    fn version(&self) -> Option<Version> {
        (self.version > 0).then(|| Version(self.version.to_string()))
    }

    /// Somebody changes something else in the object.
    pub(super) fn touch(&mut self) {
        if self.version > 0 {
            self.version += 1;
        }
    }
}

impl World {
    pub(super) fn ask_to_read(&mut self, controller: usize, request: RequestId) {
        let epoch = self.controllers[controller].epoch;
        let lost = self.trouble(self.scenario.doubt) || self.controllers[controller].is_cut_off;
        let time = self.store_time();
        if lost {
            self.after(PATIENCE, Item::Lost { controller, epoch, request, write: false });
        } else {
            self.after(time, Item::Read { controller, epoch, request });
        }
    }

    pub(super) fn ask_to_write(
        &mut self,
        controller: usize,
        request: RequestId,
        record: Record,
        expected: Option<Version>,
    ) {
        let epoch = self.controllers[controller].epoch;
        let in_doubt = self.trouble(self.scenario.doubt) || self.controllers[controller].is_cut_off;
        let time = self.store_time();
        if !in_doubt {
            let answer = Some((controller, epoch, request));
            self.after(time, Item::Write { record, expected, answer });
            return;
        }
        self.after(PATIENCE, Item::Lost { controller, epoch, request, write: true });
        // It is never done, or done without an answer: before the owner gives up, or long after.
        match self.random.below(3) {
            0 => {}
            1 => self.after(time, Item::Write { record, expected, answer: None }),
            _ => {
                let late = self.up_to(PATIENCE * 5);
                self.after(late, Item::Write { record, expected, answer: None });
            }
        }
    }

    fn store_time(&mut self) -> Duration {
        let longest = if self.is_calm { Duration::from_millis(10) } else { self.scenario.delay };
        Duration::from_millis(1) + self.up_to(longest.min(PATIENCE / 2))
    }

    pub(super) fn read(&mut self, controller: usize, epoch: u64, request: RequestId) {
        let mut record = self.store.record.clone();
        if self.has(Defect::GenerationReused)
            && let Some(record) = &mut record
        {
            record.proposed = record.committed.map(|stamp| stamp.generation).unwrap_or_default();
        }
        let result = Ok(Stored { record, version: self.store.version() });
        let event = Box::new(Event::RecordRead { request, result });
        let time = self.store_time();
        self.after(time, Item::Controller { controller, epoch, event });
    }

    pub(super) fn write(
        &mut self,
        record: Record,
        expected: Option<Version>,
        answer: Option<(usize, u64, RequestId)>,
    ) -> Result<(), Violation> {
        let result = if expected == self.store.version() || self.has(Defect::SwapWithoutCompare) {
            self.trace(|| format!("the record is {record:?}"));
            if self.has(Defect::GenerationReused) {
                // What went back is the defect itself.
                self.check.commits(&record)?;
            } else {
                self.check.record(&record)?;
            }
            let before = self.store.record.replace(record).and_then(|before| before.rolled_back_to);
            let after = self.store.record().and_then(|record| record.rolled_back_to);
            self.score.rollbacks += u64::from(after.is_some() && after != before);
            self.store.version += 1;
            Ok(Version(self.store.version.to_string()))
        } else {
            Err(WriteFault::Conflict)
        };
        if let Some((controller, epoch, request)) = answer {
            let event = Box::new(Event::RecordWritten { request, result });
            let time = self.store_time();
            self.after(time, Item::Controller { controller, epoch, event });
        }
        Ok(())
    }

    pub(super) fn lost(
        &mut self,
        controller: usize,
        epoch: u64,
        request: RequestId,
        write: bool,
    ) -> Result<(), Violation> {
        if self.controllers[controller].epoch != epoch {
            return Ok(());
        }
        let why = "no answer".to_owned();
        let event = match write {
            true if self.has(Defect::DoubtTakenForDone) => {
                Event::RecordWritten { request, result: Ok(Version("0".to_owned())) }
            }
            true => Event::RecordWritten { request, result: Err(WriteFault::Unknown(why)) },
            false => Event::RecordRead { request, result: Err(why) },
        };
        self.run_controller(controller, event)
    }
}
