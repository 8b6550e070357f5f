//! What must hold, whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use guideway_controller_core::{Digest, Generation, Term};
use guideway_controller_rollout::{Record, Stamp};
use thiserror::Error;

/// Something that must never be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// Safety 1.
    #[error("forwarder {forwarder} installs {stamp}, which the record never had as committed")]
    NotCommitted {
        /// Who.
        forwarder: usize,
        /// What.
        stamp: Stamp,
    },
    /// Safety 2.
    #[error("generation {generation} is {first:?} and {second:?}")]
    TwoDigests {
        /// Which one.
        generation: Generation,
        /// What it was.
        first: Digest,
        /// What it is.
        second: Digest,
    },
    /// Safety 3.
    #[error("forwarder {forwarder} goes back from generation {from} to {to}")]
    WentBack {
        /// Who.
        forwarder: usize,
        /// What was installed.
        from: Generation,
        /// What is.
        to: Generation,
    },
    /// Safety 3.
    #[error("the record goes back from {from} to {to}")]
    RecordWentBack {
        /// What it was.
        from: String,
        /// What it is.
        to: String,
    },
    /// Safety 3.
    #[error("forwarder {forwarder} obeys term {term} although it has seen {highest}")]
    OldTerm {
        /// Who.
        forwarder: usize,
        /// Of the message.
        term: Term,
        /// Seen before.
        highest: Term,
    },
    /// Safety 4.
    #[error("forwarder {forwarder} announces {announced} although it knows that {known} is committed")]
    AnnouncesOld {
        /// Who.
        forwarder: usize,
        /// What it announces.
        announced: Generation,
        /// What it knows.
        known: Generation,
    },
    /// Safety 5.
    #[error("forwarder {forwarder} withdraws although it knows of nothing newer than {installed}: {reason}")]
    WithdrawsInVain {
        /// Who.
        forwarder: usize,
        /// What it has.
        installed: Generation,
        /// What it says.
        reason: String,
    },
    /// Prepare on all, then commit.
    #[error("controller {controller} commits {stamp} although forwarder {forwarder} has not prepared it")]
    NotPrepared {
        /// Who.
        controller: usize,
        /// What.
        stamp: Stamp,
        /// Who has not.
        forwarder: usize,
    },
    /// What is told to who joins.
    #[error("forwarder {forwarder} installs {stamp} first and was not told that the set was {was} before")]
    NotTold {
        /// Who.
        forwarder: usize,
        /// What.
        stamp: Stamp,
        /// What it does not know.
        was: IpAddr,
    },
    /// Liveness.
    #[error("after {calm:?} without trouble {what}")]
    NotThere {
        /// How long there was time.
        calm: Duration,
        /// What is not as it should be.
        what: String,
    },
}

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Checker {
    committed: BTreeSet<Stamp>,
    digests: BTreeMap<Generation, Digest>,
    last: Record,
}

impl Checker {
    /// The record is this now.
    ///
    /// # Errors
    ///
    /// When its numbers go back, or a generation becomes another one.
    pub fn record(&mut self, record: &Record) -> Result<(), Violation> {
        let generation = |record: &Record| record.committed.map(|stamp| stamp.generation);
        let last = &self.last;
        if record.term < last.term || record.proposed < last.proposed || generation(record) < generation(last)
        {
            return Err(Violation::RecordWentBack { from: format!("{last:?}"), to: format!("{record:?}") });
        }
        self.last = record.clone();
        self.commits(record)
    }

    /// The record has this as committed.
    ///
    /// # Errors
    ///
    /// When the generation was something else.
    pub fn commits(&mut self, record: &Record) -> Result<(), Violation> {
        if let Some(stamp) = record.committed {
            self.committed.insert(stamp);
            self.names(stamp)?;
        }
        Ok(())
    }

    /// Somebody says what a generation is.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn names(&mut self, stamp: Stamp) -> Result<(), Violation> {
        let Stamp { generation, digest } = stamp;
        let first = *self.digests.entry(generation).or_insert(digest);
        if first == digest {
            Ok(())
        } else {
            Err(Violation::TwoDigests { generation, first, second: digest })
        }
    }

    /// A forwarder's dataplane goes from one to the other.
    ///
    /// # Errors
    ///
    /// When it must not.
    pub fn installs(&self, forwarder: usize, from: Option<Stamp>, to: Stamp) -> Result<(), Violation> {
        if !self.committed.contains(&to) {
            return Err(Violation::NotCommitted { forwarder, stamp: to });
        }
        match from {
            Some(from) if from.generation > to.generation => {
                Err(Violation::WentBack { forwarder, from: from.generation, to: to.generation })
            }
            _ => Ok(()),
        }
    }
}
