//! One generation's way: proposed, prepared, decided, installed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use guideway_controller_core::message::{Cost, ToForwarder};
use guideway_controller_core::{
    Budget, Content, Digest, Disruption, ForwarderName, Generation, Term, harmless, predict, split,
};

use super::notice::Aborted;
use super::wishes::Consent;
use super::{Coordinator, Notice, Phase};
use crate::record::Stamp;
use crate::settings::OverBudget;

/// What is proposed and not committed yet.
#[derive(Debug)]
pub(super) struct Rollout {
    pub(super) stamp: Stamp,
    pub(super) content: Content,
    pub(super) source: Source,
    /// What is wanted in the end: the content may be a part of the way.
    goal: Digest,
    /// Whether there is a part after it.
    rest: bool,
    /// How long that has to wait.
    pause: Option<Duration>,
    pub(super) disruption: Disruption,
    /// Whether it is above the budget and nobody said yes.
    needs_consent: bool,
    since: Instant,
    /// What is committed when it is decided.
    over: Option<Stamp>,
    pub(super) phase: Phase,
}

/// What of a change is done at once.
struct Part {
    content: Content,
    rest: bool,
    pause: Option<Duration>,
    disruption: Disruption,
    needs_consent: bool,
}

/// Who wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The projection.
    Desired,
    /// An operator, who goes back to this generation.
    Rollback(Generation),
}

/// What is committed and not installed everywhere yet.
#[derive(Debug)]
pub(super) struct Installing {
    pub(super) stamp: Stamp,
    since: Instant,
}

/// What cannot be committed as it is.
#[derive(Debug)]
pub(super) struct Obstacle {
    digest: Digest,
    by: Option<ForwarderName>,
    at: Instant,
}

impl Coordinator {
    /// Who decides: forwarders that serve what is committed, those included whose connection broke a moment ago, unless what
    /// they owned on a link is to be another's. When there is none, all that are connected. One that had to forget what is
    /// proposed, to catch up first, has no say.
    pub(super) fn voters(&self) -> Vec<ForwarderName> {
        let (committed, proposed) = (self.committed(), self.rollout.as_ref().map(|rollout| rollout.stamp));
        let peers = || self.peers.iter().filter(|(_, peer)| proposed.is_none() || peer.forgot != proposed);
        let current = peers().filter(|(_, peer)| peer.is_current(committed) && !peer.is_replaced);
        let current: Vec<ForwarderName> = current.map(|(name, _)| name.clone()).collect();
        if !current.is_empty() {
            return current;
        }
        let connected = peers().filter(|(_, peer)| peer.connection.is_some());
        connected.map(|(name, _)| name.clone()).collect()
    }

    /// Voters that have prepared what is proposed, and those that have not.
    pub(super) fn votes(&self, rollout: &Rollout) -> (Vec<ForwarderName>, Vec<ForwarderName>) {
        self.voters().into_iter().partition(|name| {
            let peer = self.peers.get(name).filter(|peer| peer.connection.is_some());
            peer.is_some_and(|peer| peer.prepared() == Some(rollout.stamp))
        })
    }

    /// From prepared to committed, or to nothing.
    pub(super) fn advance(&mut self, term: Term, now: Instant) {
        let Some(rollout) = &self.rollout else { return };
        if rollout.phase == Phase::Deciding {
            if self.committed() == Some(rollout.stamp) {
                self.has_committed(now);
            }
            return;
        }
        let wanted = self.desired.as_ref().map(Content::digest);
        let is_overtaken = wanted.is_some_and(|wanted| wanted != rollout.goal);
        if rollout.phase == Phase::Held && rollout.source == Source::Desired && is_overtaken {
            self.abort(term, Aborted::Superseded);
            return;
        }
        let voters = self.voters();
        let refusal = voters.iter().find_map(|name| {
            let refusal = self.peers.get(name)?.has_refused(rollout.stamp.digest)?;
            Some((name.clone(), refusal.errors.clone(), refusal.at))
        });
        if let Some((name, errors, at)) = refusal {
            self.obstacle = Some(Obstacle { digest: rollout.stamp.digest, by: Some(name.clone()), at });
            self.abort(term, Aborted::Refused(name, errors));
            return;
        }
        let (missing, until) =
            (self.votes(rollout).1.len(), rollout.since.checked_add(self.settings.prepare_timeout));
        if voters.is_empty() || missing > 0 && !self.is_due(until, now) {
            return;
        }
        let ready = voters.len() - missing;
        let Some(rollout) = &mut self.rollout else { return };
        if ready * 2 < voters.len() {
            self.obstacle = Some(Obstacle { digest: rollout.stamp.digest, by: None, at: now });
            self.abort(term, Aborted::TooFew(ready, voters.len()));
            return;
        }
        if rollout.needs_consent && !self.consent.covers(&rollout.disruption) {
            if rollout.phase != Phase::Held {
                rollout.phase = Phase::Held;
                let (stamp, disruption) = (rollout.stamp, rollout.disruption.clone());
                self.consent.asked(stamp.generation, disruption.clone());
                self.notice(Notice::Held(stamp, disruption));
            }
        } else {
            self.decide();
        }
    }

    /// Writes the record: the generation is committed when that is done, whatever becomes of this controller.
    fn decide(&mut self) {
        if !self.may_write() {
            return;
        }
        let over = self.committed();
        let Some(rollout) = &mut self.rollout else { return };
        rollout.phase = Phase::Deciding;
        rollout.over = over;
        let (stamp, source) = (rollout.stamp, rollout.source);
        self.write(|record| {
            record.committed = Some(stamp);
            record.proposed = record.proposed.max(stamp.generation.next());
            if let Source::Rollback(to) = source {
                record.rolled_back_to = Some(to);
            }
        });
    }

    fn has_committed(&mut self, now: Instant) {
        let Some(rollout) = self.rollout.take() else { return };
        let stamp = rollout.stamp;
        self.note_past(rollout.over, &rollout.content, now);
        self.contents.push(stamp, rollout.content, self.settings.history);
        if rollout.source != Source::Desired {
            self.rollback = None;
        }
        if let Some(pause) = rollout.pause {
            self.next_part = now.checked_add(pause);
        }
        if rollout.source == Source::Desired && !rollout.rest {
            self.next_part = None;
        }
        if !rollout.rest {
            self.consent = Consent::default();
        }
        self.obstacle = None;
        self.last_aborted = None;
        self.installing = Some(Installing { stamp, since: now });
        self.notice(Notice::Committed(stamp));
    }

    /// Ends what is not decided. The number is used up.
    pub(super) fn abort(&mut self, term: Term, why: Aborted) {
        let Some(Rollout { stamp, source, .. }) = self.rollout.take() else { return };
        let names: Vec<ForwarderName> = self.peers.keys().cloned().collect();
        for name in names {
            let Some(peer) = self.peers.get_mut(&name) else { continue };
            let asked = peer.asked.take_if(|asked| asked.stamp == stamp);
            if asked.is_some() || peer.prepared() == Some(stamp) {
                peer.forgot = Some(stamp);
                self.send(&name, ToForwarder::Abort { term, generation: stamp.generation });
            }
        }
        if source != Source::Desired && why != Aborted::Superseded {
            self.rollback = None;
        }
        self.last_aborted = Some((stamp, why.clone()));
        self.notice(Notice::Aborted(stamp, why));
    }

    /// The next rollout begins when all that can have installed this one, or have had the time for it.
    pub(super) fn finish_installing(&mut self, now: Instant) {
        let Some(Installing { stamp, since }) = self.installing else { return };
        let committed = self.committed();
        let is_on_its_way = self.peers.values().any(|peer| {
            let told = peer.committing.map(|committing| committing.stamp);
            let asked = peer.asked.map(|asked| asked.stamp);
            let is_concerned = [told, asked, peer.prepared()].contains(&Some(stamp));
            peer.connection.is_some() && is_concerned && !peer.is_current(committed)
        });
        if !is_on_its_way || self.is_due(since.checked_add(self.settings.commit_timeout), now) {
            self.installing = None;
            self.notice(Notice::Done(stamp));
        }
    }

    /// Begins what is wanted and not committed.
    pub(super) fn propose(&mut self, now: Instant) {
        if self.rollout.is_some() || self.installing.is_some() || self.write_hold() || !self.may_write() {
            return;
        }
        if self.recollection.is_some() {
            return;
        }
        let Some((wanted, source)) = self.wanted() else { return };
        let is_committed = self.committed().is_some_and(|stamp| stamp.digest == wanted.digest());
        if is_committed && !self.is_overtaken() {
            return;
        }
        let voters = self.voters();
        if voters.is_empty() || !self.has_gathered(now) || self.awaits_content(now) {
            return;
        }
        let Some(part) = self.part(&wanted, source, now) else { return };
        if self.is_refused(part.content.digest(), &voters, now) {
            return;
        }
        // Numbers that forwarders have seen and the record has not are those of a record that was lost.
        let generation = self.used.max(self.office.heard_generation).next();
        if self.office.record.as_ref().is_none_or(|record| record.proposed < generation) {
            self.write(|record| record.proposed = generation);
            return;
        }
        self.used = generation;
        let Part { content, rest, pause, disruption, needs_consent } = part;
        let stamp = Stamp { generation, digest: content.digest() };
        self.rollout = Some(Rollout {
            stamp,
            content,
            source,
            goal: wanted.digest(),
            rest,
            pause,
            disruption,
            needs_consent,
            since: now,
            over: None,
            phase: Phase::Preparing,
        });
        self.notice(Notice::Proposed(stamp, voters.len()));
    }

    fn wanted(&self) -> Option<(Content, Source)> {
        if let Some(rollback) = &self.rollback {
            return Some((rollback.content.clone()?, Source::Rollback(rollback.stamp.generation)));
        }
        if self.office.record.as_ref().is_some_and(|record| record.rolled_back_to.is_some()) {
            return None;
        }
        Some((self.desired.clone()?, Source::Desired))
    }

    /// Whether a forwarder knows of something newer than what is committed: the record was lost or put back.
    fn is_overtaken(&self) -> bool {
        let committed = self.committed().map_or(Generation::NONE, |stamp| stamp.generation);
        self.peers.values().any(|peer| {
            let installed = peer.installed().map_or(Generation::NONE, |stamp| stamp.generation);
            peer.connection.is_some() && installed.max(peer.known) > committed
        })
    }

    /// A new leader gives forwarders the time to find it: what is committed without them leaves them behind.
    pub(super) fn has_gathered(&mut self, now: Instant) -> bool {
        let Some(until) = self.gathered else { return true };
        let members: BTreeSet<&ForwarderName> = self
            .desired
            .iter()
            .flat_map(|content| content.shards().values())
            .flat_map(|shard| shard.members.iter().chain(&shard.leaving))
            .collect();
        let is_there =
            |name: &&ForwarderName| self.peers.get(*name).is_some_and(|peer| peer.connection.is_some());
        if (!members.is_empty() && members.iter().all(is_there)) || self.is_due(Some(until), now) {
            self.gathered = None;
        }
        self.gathered.is_none()
    }

    /// The whole of what is wanted, or as much of it as may be done now.
    fn part(&mut self, wanted: &Content, source: Source, now: Instant) -> Option<Part> {
        let whole = |disruption, needs_consent| {
            Some(Part { content: wanted.clone(), rest: false, pause: None, disruption, needs_consent })
        };
        let Some(base) = self.committed_content().cloned() else {
            // Nobody serves it: there is nothing to disturb.
            return whole(Disruption::default(), false);
        };
        let disruption = predict(&base, wanted);
        if source != Source::Desired {
            // An operator goes back to a content as it was, not to a part of it.
            let is_allowed = self.settings.budget.allows(&disruption) || self.consent.covers(&disruption);
            return whole(disruption, !is_allowed);
        }
        // Between two parts nothing else is disturbed.
        let spread = match self.settings.over_budget {
            OverBudget::Spread(pause) => Some(pause),
            OverBudget::Hold => None,
        };
        let waits = spread.is_some() && self.next_part.is_some() && !self.is_due(self.next_part, now);
        let nothing = Budget { moved_permille: 0, disturbed: 0 };
        let budget = if waits { nothing } else { self.settings.budget };
        if budget.allows(&disruption) || self.consent.covers(&disruption) {
            return whole(disruption, false);
        }
        let pause = spread.filter(|_| !waits);
        let step =
            if pause.is_some() { split(&base, wanted, &budget) } else { harmless(&base, wanted, &budget) };
        if step.now.digest() != base.digest() {
            let disruption = predict(&base, &step.now);
            return Some(Part {
                content: step.now,
                rest: step.rest,
                pause,
                disruption,
                needs_consent: false,
            });
        }
        // All that is left needs time or consent; it is prepared to know what it costs.
        if waits { None } else { whole(disruption, spread.is_none()) }
    }

    /// Whether it was refused a short while ago, by a forwarder that would be asked again.
    fn is_refused(&mut self, digest: Digest, voters: &[ForwarderName], now: Instant) -> bool {
        let wait = self.settings.refused_retry;
        let by_peers = voters.iter().filter_map(|name| Some(self.peers.get(name)?.has_refused(digest)?.at));
        let obstacle = self.obstacle.as_ref().filter(|obstacle| {
            obstacle.digest == digest && obstacle.by.as_ref().is_none_or(|by| voters.contains(by))
        });
        let last = by_peers.chain(obstacle.map(|obstacle| obstacle.at)).max();
        last.is_some_and(|last| !self.is_due(last.checked_add(wait), now))
    }

    /// The most that a forwarder says it costs.
    pub(super) fn cost(&self, stamp: Stamp) -> Cost {
        let ready = self.peers.values().filter(|peer| peer.prepared() == Some(stamp));
        ready.map(|peer| peer.cost).fold(Cost::default(), |most, cost| Cost {
            moved: most.moved.max(cost.moved),
            at_risk: most.at_risk.max(cost.at_risk),
            flows_at_risk: most.flows_at_risk.max(cost.flows_at_risk),
        })
    }
}
