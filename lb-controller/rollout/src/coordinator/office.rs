//! Being the leader, and the record that it is written in.
//!
//! A leader is whose term stands in the record. The election only says who should try: a controller that is elected reads
//! the record and writes it again with a higher term and its own name; from then on writes of the one before it fail,
//! whatever that one believes.
//!
//! A write whose outcome is unknown is neither given up nor decided against: the record is read, and unless it is the one
//! that was to be written the same write is repeated, until it is there or another leader's term is. So a write that is
//! late never surprises the leader that sent it.

use std::collections::BTreeSet;
use std::time::Instant;

use guideway_controller_core::message::Standing;
use guideway_controller_core::{ForwarderName, Generation, Term};

use super::{Action, Coordinator, Notice, Role};
use crate::record::{Record, RequestId, Stored, Version, WriteFault};

/// What is known of the record.
#[derive(Debug, Default)]
pub(super) struct Office {
    pub(super) role: Role,
    /// As it was read or written last.
    pub(super) record: Option<Record>,
    version: Option<Version>,
    /// What is to be written, until it is.
    pending: Option<Record>,
    /// What is stored may not be what is known.
    doubtful: bool,
    asking: Option<RequestId>,
    again: Option<Instant>,
    requests: u64,
    /// The highest numbers that forwarders have seen: above those of the record when the record was lost.
    heard_term: Term,
    /// Forwarders that know the own term from this controller.
    pub(super) told: BTreeSet<ForwarderName>,
    pub(super) heard_generation: Generation,
}

impl Coordinator {
    /// The own term, while this controller leads.
    pub(super) fn term(&self) -> Option<Term> {
        if let Role::Leading(term) = self.office.role { Some(term) } else { None }
    }

    pub(super) fn elected(&mut self) {
        if self.office.role == Role::Standby {
            self.office.role = Role::Claiming;
            self.office.doubtful = true;
        }
    }

    /// Leads no more, and says nothing to anybody: forwarders look for the one that does.
    pub(super) fn stand_down(&mut self, reason: &str) {
        if self.office.role == Role::Standby {
            return;
        }
        let requests = self.office.requests;
        let record = self.office.record.take();
        self.office = Office { record, requests, ..Office::default() };
        for (forwarder, peer) in std::mem::take(&mut self.peers) {
            if let Some(connection) = peer.connection {
                self.act(Action::Disconnect { forwarder, connection, reason: reason.to_owned() });
            }
        }
        self.drop_work();
        self.notice(Notice::LeadsNoMore);
    }

    fn drop_work(&mut self) {
        self.rollout = None;
        self.installing = None;
        self.obstacle = None;
        self.last_aborted = None;
        self.next_part = None;
        self.consent = super::wishes::Consent::default();
        self.rollback = None;
        self.resume = false;
        self.keepalive_at = None;
        self.past = super::past::Past::default();
        self.recollection = None;
        self.contents.stop_fetching();
        self.give_up_looks();
    }

    /// Whether a decision can be written now.
    pub(super) fn may_write(&self) -> bool {
        self.term().is_some() && self.office.pending.is_none() && !self.office.doubtful
    }

    /// Writes the record with this changed.
    pub(super) fn write(&mut self, change: impl FnOnce(&mut Record)) {
        let mut record = self.office.record.clone().unwrap_or_default();
        change(&mut record);
        self.office.pending = Some(record);
    }

    /// Reads or writes, one at a time.
    pub(super) fn ask_store(&mut self, now: Instant) {
        if self.office.role == Role::Standby || self.office.asking.is_some() {
            return;
        }
        if self.office.again.is_some() && !self.is_due(self.office.again, now) {
            return;
        }
        self.office.again = None;
        let office = &mut self.office;
        let request = RequestId(office.requests);
        let action = if office.doubtful {
            Action::ReadRecord { request }
        } else if let Some(record) = office.pending.clone() {
            Action::WriteRecord { request, record, expected: office.version.clone() }
        } else {
            return;
        };
        office.requests += 1;
        office.asking = Some(request);
        self.act(action);
    }

    pub(super) fn has_read(&mut self, request: RequestId, result: Result<Stored, String>, now: Instant) {
        if self.office.asking.take_if(|asking| *asking == request).is_none() {
            return;
        }
        match result {
            Ok(stored) => {
                self.office.doubtful = false;
                self.compare(stored, now);
            }
            Err(error) => self.try_again(error, now),
        }
    }

    pub(super) fn has_written(
        &mut self,
        request: RequestId,
        result: Result<Version, WriteFault>,
        now: Instant,
    ) {
        if self.office.asking.take_if(|asking| *asking == request).is_none() {
            return;
        }
        match result {
            Ok(version) => self.succeeded(Some(version), now),
            Err(WriteFault::Conflict) => self.office.doubtful = true,
            Err(WriteFault::Unknown(error)) => {
                self.office.doubtful = true;
                self.try_again(error, now);
            }
        }
    }

    fn try_again(&mut self, error: String, now: Instant) {
        self.office.again = now.checked_add(self.settings.retry);
        self.notice(Notice::StoreFault(error));
    }

    /// What is stored, against what is believed to be.
    fn compare(&mut self, stored: Stored, now: Instant) {
        let office = &mut self.office;
        if office.pending.is_some() && office.pending == stored.record {
            self.succeeded(stored.version, now);
            return;
        }
        let Role::Leading(term) = office.role else {
            self.claim(stored);
            return;
        };
        if stored.record == office.record && office.heard_term < term {
            // The object was changed and the record in it was not.
            office.version = stored.version;
        } else if stored
            .record
            .as_ref()
            .is_some_and(|record| record.term >= term && record.leader != self.settings.leader)
        {
            self.stand_down("another controller leads");
            self.act(Action::Resign);
        } else {
            // The record was lost, or put back to what it was before: everything begins anew above all numbers seen.
            self.drop_work();
            self.claim(stored);
        }
    }

    /// A term above all that were seen, and one generation to propose: any above it may be in use already.
    fn claim(&mut self, stored: Stored) {
        let office = &mut self.office;
        office.role = Role::Claiming;
        let known = office.record.clone().unwrap_or_default();
        let found = stored.record.clone().unwrap_or_default();
        let rolled_back_to =
            if known.term > found.term { known.rolled_back_to } else { found.rolled_back_to };
        let claim = Record {
            term: known.term.max(found.term).max(office.heard_term).next(),
            leader: self.settings.leader.clone(),
            proposed: known.proposed.max(found.proposed).max(office.heard_generation).next(),
            committed: known.committed.max(found.committed),
            rolled_back_to,
        };
        office.version = stored.version;
        office.pending = Some(claim);
    }

    fn succeeded(&mut self, version: Option<Version>, now: Instant) {
        let office = &mut self.office;
        office.version = version;
        office.record = office.pending.take();
        let Some(record) = &office.record else { return };
        if office.role == Role::Claiming {
            let (term, last) = (record.term, Generation(record.proposed.0.saturating_sub(1)));
            office.role = Role::Leading(term);
            office.told.clear();
            office.doubtful = office.heard_term >= term;
            self.used = last;
            self.gathered = now.checked_add(self.settings.gather);
            self.recollection = Some(super::recollection::Recollection::default());
            self.notice(Notice::Leads(term));
        }
    }

    /// A forwarder has numbers above the own ones: another one leads, or the record was lost. It is read to know.
    pub(super) fn hear(&mut self, standing: Standing) {
        let generations = [standing.committed, standing.prepared].into_iter().flatten();
        for (generation, _) in generations {
            self.hear_generation(generation);
        }
        self.hear_term(standing.highest_term);
    }

    pub(super) fn hear_generation(&mut self, generation: Generation) {
        self.office.heard_generation = self.office.heard_generation.max(generation);
    }

    pub(super) fn hear_term(&mut self, term: Term) {
        // What the own messages have told forwarders is not news.
        if self.term().is_none_or(|own| own < term) {
            self.outranked(term);
        }
    }

    /// The first message of a forwarder's connection. It has the own term from another leader if this one never said it.
    pub(super) fn greeted(&mut self, forwarder: &ForwarderName, standing: Standing) {
        self.hear(standing);
        if self.term() == Some(standing.highest_term) && !self.office.told.contains(forwarder) {
            self.outranked(standing.highest_term);
        }
    }

    fn outranked(&mut self, term: Term) {
        self.office.heard_term = self.office.heard_term.max(term);
        self.office.doubtful |= self.term().is_some();
    }
}
