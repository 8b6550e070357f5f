//! What is written to Services.

use std::collections::BTreeSet;
use std::net::IpAddr;

use guideway_controller_ipam::{ServiceKey, Standing};

use super::{Contact, Index, Outcome, Seen, Withdrawal};
use crate::projection::{
    Condition, ConditionKind, FinalizerChange, Ingress, ServiceEvent, ServiceStatus, ServiceView, Severity,
};
use crate::service::Record;
use crate::unit::Unit;

/// Events of one Service that are told at a time.
const MOST_EVENTS: usize = 32;
/// Bytes of a message.
const LONGEST_MESSAGE: usize = 1000;

impl Index {
    pub(super) fn status_of_ours(
        &mut self,
        key: &ServiceKey,
        outcome: &Outcome,
        seen: Seen,
    ) -> Option<ServiceStatus> {
        let Seen { vips, backends, mode, ip_mode, shard, mut events } = seen;
        let mut conditions = vec![addresses(outcome), accepted(&events)];
        conditions.extend(backends);
        if let Some(refusal) = &outcome.refusal {
            let message = refusal.to_string();
            events.push(ServiceEvent { severity: Severity::Warning, reason: refusal.reason(), message });
        }
        let wanted: Vec<Ingress> =
            outcome.assigned.iter().map(|assigned| Ingress { ip: assigned.address, ip_mode }).collect();
        let record = self.record(key)?.clone();
        let held: BTreeSet<IpAddr> = wanted.iter().map(|ingress| ingress.ip).collect();
        let old: BTreeSet<IpAddr> = record.addresses().filter(|address| !held.contains(address)).collect();
        // The record of an address stays until no forwarder serves it.
        let may_write = self.is_withdrawn(key, old);
        let differs = record.ingress != wanted || !record.whole;
        let ingress = (differs && may_write).then_some(wanted);
        if ingress.is_some() && !held.is_empty() {
            let text: Vec<String> = held.iter().map(ToString::to_string).collect();
            let message = format!("the addresses are {}", text.join(", "));
            events.push(ServiceEvent { severity: Severity::Normal, reason: "AddressAssigned", message });
        }
        let entry = self.services.get_mut(key)?;
        entry.view = Some(ServiceView {
            service: key.clone(),
            mode,
            addresses: outcome.assigned.iter().map(|assigned| assigned.address).collect(),
            pool: outcome.assigned.iter().find_map(|assigned| assigned.pool.as_deref().map(str::to_owned)),
            shard: Some(shard),
            vips,
            problems: events
                .iter()
                .filter(|event| event.severity == Severity::Warning)
                .map(|event| event.message.clone())
                .collect(),
        });
        let finalizer = (!record.finalizer).then_some(FinalizerChange::Add);
        self.status(key, &record, ingress, finalizer, conditions, events)
    }

    /// It was ours, and is released when nobody serves it. One for another load balancer is left alone unless this index served
    /// it: finalizer and status are the other one's.
    pub(super) fn status_of_leaving(&mut self, key: &ServiceKey) -> Option<ServiceStatus> {
        self.linked.remove(key);
        let is_for_another = self.is_for_another(key);
        let entry = self.services.get_mut(key)?;
        let was_ours = entry.view.take().is_some() || entry.withdrawal != Withdrawal::None;
        if is_for_another && !was_ours {
            return None;
        }
        let record = self.record(key)?.clone();
        if !record.finalizer {
            self.services.get_mut(key)?.withdrawal = Withdrawal::None;
            // Somebody has taken the finalizer away: the conditions are void all the same.
            return self.status(key, &record, None, None, Vec::new(), Vec::new());
        }
        let old: BTreeSet<IpAddr> = record.addresses().collect();
        if !self.is_withdrawn(key, old) {
            return None;
        }
        let deleting = self.services.get(key)?.service.as_ref()?.deleting;
        let ingress = (!deleting && !record.ingress.is_empty()).then(Vec::new);
        self.status(key, &record, ingress, Some(FinalizerChange::Remove), Vec::new(), Vec::new())
    }

    fn record(&self, key: &ServiceKey) -> Option<&Record> {
        self.services.get(key)?.service.as_ref().map(|service| &service.record)
    }

    /// Whether no forwarder serves these addresses for the Service any more; they are not in the content.
    fn is_withdrawn(&mut self, key: &ServiceKey, addresses: BTreeSet<IpAddr>) -> bool {
        let now = self.last_made;
        let leaving = self.record(key).is_some_and(|record| record.finalizer);
        let ours = self.services.get(key).is_some_and(|entry| entry.view.is_some());
        let Some(entry) = self.services.get_mut(key) else { return true };
        // One that stays ours and loses nothing has nothing to wait for.
        if addresses.is_empty() && ours || !leaving {
            entry.withdrawal = Withdrawal::None;
            return true;
        }
        match &mut entry.withdrawal {
            Withdrawal::Done(done) if addresses.is_subset(done) => {
                *done = addresses;
                true
            }
            Withdrawal::Since(_, since) if addresses.is_subset(since) => {
                *since = addresses;
                false
            }
            _ => {
                entry.withdrawal = Withdrawal::Since(now, addresses);
                self.leaving.insert(key.clone());
                false
            }
        }
    }

    /// `None`: everything is as it should be, or cannot be written.
    fn status(
        &mut self,
        key: &ServiceKey,
        record: &Record,
        ingress: Option<Vec<Ingress>>,
        finalizer: Option<FinalizerChange>,
        conditions: Vec<Condition>,
        events: Vec<ServiceEvent>,
    ) -> Option<ServiceStatus> {
        if self.cluster(&key.cluster).is_none_or(|cluster| cluster.contact != Contact::Live) {
            return None;
        }
        let mut all: Vec<ServiceEvent> = Vec::new();
        for mut event in events {
            shorten(&mut event.message);
            if !all.contains(&event) && all.len() < MOST_EVENTS {
                all.push(event);
            }
        }
        let entry = self.services.get_mut(key)?;
        let new = all.iter().filter(|event| !entry.told.contains(event)).cloned().collect::<Vec<_>>();
        entry.told = all;
        // Of a Service that goes nobody reads anything any more.
        let goes = entry.service.as_ref().is_none_or(|service| service.deleting);
        let is_void =
            |kind: &ConditionKind| !goes && conditions.iter().all(|condition| condition.kind != *kind);
        let void: Vec<ConditionKind> = record.conditions().filter(is_void).collect();
        let conditions: Vec<Condition> =
            conditions.into_iter().filter(|condition| !record.has(condition)).collect();
        let is_said = conditions.is_empty() && void.is_empty() && new.is_empty();
        if ingress.is_none() && finalizer.is_none() && is_said {
            return None;
        }
        Some(ServiceStatus {
            service: key.clone(),
            resource_version: record.resource_version.clone(),
            ingress,
            finalizer,
            conditions,
            void,
            events: new,
        })
    }
}

fn addresses(outcome: &Outcome) -> Condition {
    let kind = ConditionKind::Addresses;
    let condition = |holds, reason, message| Condition { kind, holds, reason, message };
    if let Some(refusal) = &outcome.refusal {
        return condition(false, refusal.reason(), shortened(refusal.to_string()));
    }
    if let Some(waits) = &outcome.waits {
        return condition(false, "Waiting", shortened(waits.clone()));
    }
    let outside = outcome.assigned.iter().filter(|assigned| assigned.standing == Standing::OutsideOfPools);
    let mut outside: Vec<String> = outside.map(|assigned| assigned.address.to_string()).collect();
    if !outside.is_empty() {
        outside.sort_unstable();
        let message = format!("no pool has {}: kept, and not announced before one has", outside.join(", "));
        return condition(false, "NotInPool", shortened(message));
    }
    let mut texts: Vec<String> = outcome
        .assigned
        .iter()
        .map(|assigned| match &assigned.pool {
            Some(pool) => format!("{} from pool {pool}", assigned.address),
            None => assigned.address.to_string(),
        })
        .collect();
    texts.sort_unstable();
    condition(true, "Assigned", shortened(texts.join(", ")))
}

fn accepted(problems: &[ServiceEvent]) -> Condition {
    let kind = ConditionKind::Accepted;
    let invalid = problems
        .iter()
        .filter(|event| event.reason.starts_with("Invalid") || event.reason.starts_with("Unknown"));
    let messages: Vec<&str> = invalid.map(|event| event.message.as_str()).collect();
    if messages.is_empty() {
        return Condition { kind, holds: true, reason: "Accepted", message: String::new() };
    }
    Condition { kind, holds: false, reason: "Invalid", message: shortened(messages.join("; ")) }
}

/// Without an address nobody asks for backends.
pub(super) fn backends(unit: &Unit) -> Option<Condition> {
    let kind = ConditionKind::Backends;
    if !unit.unserved.is_empty() {
        let ports = unit.unserved.join(", ");
        let message = shortened(format!("no endpoint takes packets of the ports {ports}"));
        return Some(Condition { kind, holds: false, reason: "NoEndpoints", message });
    }
    let serving = Condition { kind, holds: true, reason: "Serving", message: String::new() };
    (!unit.vips.is_empty()).then_some(serving)
}

fn shortened(mut text: String) -> String {
    shorten(&mut text);
    text
}

fn shorten(text: &mut String) {
    if text.len() > LONGEST_MESSAGE {
        let end = (0..=LONGEST_MESSAGE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}
