//! What sets were before this leader led, as forwarders know it: they keep the contents of the last generations, and since
//! when each was in force.
//!
//! The contents come one after the other, oldest first, and no more than two are held at a time. Meanwhile nothing is
//! proposed, and those that do not have what is committed are asked to install nothing: what one that joins, or was rebooted,
//! is told after that comes too late.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use guideway_controller_core::{Content, Digest, Generation, diff};

use super::Coordinator;
use super::past::{Past, WINDOWS};
use crate::record::Stamp;

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct Recollection {
    /// When what has not come is done without.
    until: Option<Instant>,
    /// What to go through, oldest first, and since when each was in force. `None`: not all have introduced themselves.
    steps: Option<VecDeque<(Stamp, Instant)>>,
    /// The one before the first of them.
    last: Option<Content>,
    /// What a forwarder has sent of the first of them.
    arrived: Option<(Stamp, Content)>,
    past: Past,
}

impl Recollection {
    /// What a forwarder has to be asked for.
    pub(super) fn missing(&self) -> Option<Stamp> {
        let (stamp, _) = self.steps.as_ref()?.front()?;
        Some(*stamp).filter(|stamp| self.arrived.as_ref().is_none_or(|(arrived, _)| arrived != stamp))
    }

    pub(super) fn take(&mut self, stamp: Stamp, content: Content) {
        self.arrived = Some((stamp, content));
    }
}

impl Coordinator {
    /// Goes on as far as contents are at hand. What was before is known when there is no recollection any more.
    pub(super) fn recollect(&mut self, now: Instant) {
        let Some(mut recollection) = self.recollection.take() else { return };
        if self.goes_on(&mut recollection, now) {
            self.recollection = Some(recollection);
        } else {
            self.past.follow(recollection.past);
        }
    }

    /// Whether there is something to wait for.
    fn goes_on(&mut self, recollection: &mut Recollection, now: Instant) -> bool {
        let Some(stamp) = self.committed() else { return false };
        let reach = self.committed_content().map(reach);
        if reach == Some(Duration::ZERO) {
            return false;
        }
        if !self.has_gathered(now) {
            return true;
        }
        if recollection.until.is_none() {
            recollection.until = now.checked_add(self.settings.fetch_timeout);
        }
        let is_over = self.is_due(recollection.until, now);
        // Forwarders take a while to find the one that leads; those that have just joined may be the first.
        let knows = self.peers.values().any(|peer| peer.connection.is_some() && peer.installed().is_some());
        let Some(reach) = reach.filter(|_| knows) else { return !is_over };
        let steps = match &mut recollection.steps {
            Some(steps) => steps,
            none => none.insert(self.steps(stamp, reach, now)),
        };
        recollection.past.hear_as(&self.past);
        while let Some((step, since)) = steps.front().copied() {
            let arrived = recollection.arrived.take_if(|(arrived, _)| *arrived == step);
            let content = arrived.map(|(_, content)| content);
            if let Some(content) = content.or_else(|| self.contents.of(step.digest).cloned()) {
                recollection.past.was_replaced(&mut recollection.last, content, since);
            } else if !is_over && self.peers.keys().any(|name| self.has(name, step)) {
                return true;
            }
            steps.pop_front();
        }
        false
    }

    /// Generations whose sets' flows are looked after still, and what is committed; since when each was in force.
    fn steps(&self, committed: Stamp, reach: Duration, now: Instant) -> VecDeque<(Stamp, Instant)> {
        let mut known: BTreeMap<Generation, (Digest, Instant)> = BTreeMap::new();
        let connected = self.peers.values().filter(|peer| peer.connection.is_some());
        for (stamp, since) in connected.flat_map(|peer| &peer.since) {
            // Those that joined or were away had it later.
            let (digest, first) = known.entry(stamp.generation).or_insert((stamp.digest, *since));
            if *digest == stamp.digest {
                *first = (*first).min(*since);
            }
        }
        let since = known.get(&committed.generation).map_or(now, |(_, since)| *since);
        let mut steps = VecDeque::from([(committed, since)]);
        for (generation, (digest, since)) in known.range(..committed.generation).rev() {
            let replaced = steps.front().map_or(now, |(_, since)| *since);
            if now.saturating_duration_since(replaced) >= reach {
                break;
            }
            // Clocks differ, and may have been set.
            steps.push_front((Stamp { generation: *generation, digest: *digest }, (*since).min(replaced)));
        }
        steps
    }
}

/// How long ago a set can have been something that matters.
fn reach(content: &Content) -> Duration {
    let sets = content.sets().values().filter(|set| set.second_hop);
    sets.map(|set| set.drain_window).max().unwrap_or_default().saturating_mul(WINDOWS)
}

impl Past {
    /// `next` took the place of `last`, and is the last one now.
    fn was_replaced(&mut self, last: &mut Option<Content>, next: Content, at: Instant) {
        if let Some(last) = last {
            self.note(last, &next, &diff(last, &next).changes, at);
        }
        *last = Some(next);
    }
}
