//! Contents at hand, and those that only forwarders have.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use guideway_controller_core::message::ToForwarder;
use guideway_controller_core::{Content, Delta, Digest, ForwarderName, Generation, Term, diff};

use super::{Action, Coordinator};
use crate::record::Stamp;

/// Deltas that are likely to be sent to more than one forwarder.
const DELTAS: usize = 8;

/// Contents of committed generations: clones that share what they have in common.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Newest last.
    at_hand: VecDeque<(Stamp, Content)>,
    deltas: VecDeque<(Option<Digest>, Arc<Delta>)>,
    fetching: Option<Fetching>,
    /// Since when something is missing.
    since: Option<Instant>,
    /// What somebody would like to see, the oldest wish first.
    looks: VecDeque<Look>,
}

#[derive(Debug)]
struct Fetching {
    stamp: Stamp,
    from: ForwarderName,
    at: Instant,
}

#[derive(Debug)]
struct Look {
    stamp: Stamp,
    since: Instant,
}

/// What a content is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Rollback,
    Committed,
    Look,
    Recollection,
}

impl Contents {
    pub(super) fn of_generation(&self, generation: Generation) -> Option<&Content> {
        self.at_hand.iter().find(|(stamp, _)| stamp.generation == generation).map(|(_, content)| content)
    }

    pub(super) fn of(&self, digest: Digest) -> Option<&Content> {
        self.at_hand.iter().rev().find(|(stamp, _)| stamp.digest == digest).map(|(_, content)| content)
    }

    pub(super) fn push(&mut self, stamp: Stamp, content: Content, limit: usize) {
        self.at_hand.retain(|(other, _)| *other != stamp);
        self.at_hand.push_back((stamp, content));
        let excess = self.at_hand.len().saturating_sub(limit.max(1));
        self.at_hand.drain(..excess);
    }

    pub(super) fn stop_fetching(&mut self) {
        self.fetching = None;
        self.since = None;
    }

    /// What makes `to` of `base`; the whole of `to` without one. Remembered, because most forwarders need the same.
    pub(super) fn delta(&mut self, base: Option<&Content>, to: &Content) -> Arc<Delta> {
        let from = base.map(Content::digest);
        if let Some((_, delta)) =
            self.deltas.iter().find(|(base, delta)| *base == from && delta.result == to.digest())
        {
            return Arc::clone(delta);
        }
        let delta = Arc::new(base.map_or_else(|| Delta::whole(to), |base| diff(base, to)));
        self.deltas.push_back((from, Arc::clone(&delta)));
        let excess = self.deltas.len().saturating_sub(DELTAS);
        self.deltas.drain(..excess);
        delta
    }
}

impl Coordinator {
    /// The content of what is committed.
    pub(super) fn committed_content(&self) -> Option<&Content> {
        self.contents.of(self.committed()?.digest)
    }

    /// What is wanted is often what is committed: then nobody needs to be asked for it.
    pub(super) fn adopt_desired(&mut self) {
        let (Some(stamp), Some(desired)) = (self.committed(), &self.desired) else { return };
        if desired.digest() == stamp.digest && self.contents.of(stamp.digest).is_none() {
            self.contents.push(stamp, desired.clone(), self.settings.history);
        }
    }

    /// Whether what is committed is at hand, or is being asked for.
    pub(super) fn is_forthcoming(&self) -> bool {
        let fetching = self.contents.fetching.as_ref().map(|fetching| fetching.stamp);
        self.committed_content().is_some() || self.committed().is_some_and(|stamp| fetching == Some(stamp))
    }

    /// Answers with the content of a generation, for which forwarders are asked if need be.
    pub(super) fn look(&mut self, generation: Generation, now: Instant) {
        if let Some(content) = self.content(generation).cloned() {
            self.act(Action::Found { generation, content: Some(content) });
            return;
        }
        let stamp = self.term().and_then(|_| self.kept(generation));
        match stamp {
            Some(stamp) if self.contents.looks.iter().any(|look| look.stamp == stamp) => {}
            Some(stamp) => self.contents.looks.push_back(Look { stamp, since: now }),
            None => self.act(Action::Found { generation, content: None }),
        }
    }

    pub(super) fn give_up_looks(&mut self) {
        for look in std::mem::take(&mut self.contents.looks) {
            self.act(Action::Found { generation: look.stamp.generation, content: None });
        }
    }

    fn expire_looks(&mut self, now: Instant) {
        while let Some(look) = self.contents.looks.front() {
            let generation = look.stamp.generation;
            if !self.is_due(look.since.checked_add(self.settings.fetch_timeout), now) {
                return;
            }
            self.contents.looks.pop_front();
            self.act(Action::Found { generation, content: None });
        }
    }

    /// A generation that a forwarder keeps.
    pub(super) fn kept(&self, generation: Generation) -> Option<Stamp> {
        let mut kept = self.peers.values().flat_map(|peer| peer.kept.iter().copied().chain(peer.installed()));
        kept.find(|stamp| stamp.generation == generation)
    }

    /// What is to be asked for.
    fn missing(&self) -> Option<(Stamp, Purpose)> {
        if let Some(rollback) = self.rollback.as_ref().filter(|rollback| rollback.content.is_none()) {
            return Some((rollback.stamp, Purpose::Rollback));
        }
        let look = self.contents.looks.front().map(|look| (look.stamp, Purpose::Look));
        let committed = self.committed().filter(|stamp| self.contents.of(stamp.digest).is_none());
        let committed =
            committed.filter(|stamp| look.is_none() || self.peers.keys().any(|name| self.has(name, *stamp)));
        let past = || Some((self.recollection.as_ref()?.missing()?, Purpose::Recollection));
        committed.map(|stamp| (stamp, Purpose::Committed)).or(look).or_else(past)
    }

    /// Asks one forwarder after the other.
    pub(super) fn fetch(&mut self, term: Term, now: Instant) {
        self.expire_looks(now);
        let Some((stamp, purpose)) = self.missing() else {
            self.contents.stop_fetching();
            return;
        };
        if self.contents.fetching.as_ref().is_some_and(|fetching| fetching.stamp != stamp) {
            self.contents.stop_fetching();
        }
        let since = *self.contents.since.get_or_insert(now);
        if purpose == Purpose::Rollback && self.is_due(since.checked_add(self.settings.fetch_timeout), now) {
            self.give_up_rollback(stamp.generation);
            return;
        }
        let last = match &self.contents.fetching {
            Some(Fetching { from, at, .. }) => {
                let (from, again) = (from.clone(), at.checked_add(self.settings.retry));
                if self.has(&from, stamp) && !self.is_due(again, now) {
                    return;
                }
                Some(from)
            }
            None => None,
        };
        let who: Vec<ForwarderName> =
            self.peers.keys().filter(|name| self.has(name, stamp)).cloned().collect();
        if who.is_empty() && purpose == Purpose::Look {
            self.contents.looks.pop_front();
            self.act(Action::Found { generation: stamp.generation, content: None });
            self.contents.stop_fetching();
            // There may be another one.
            self.fetch(term, now);
            return;
        }
        let next = who.iter().find(|name| last.as_ref().is_none_or(|last| last < *name)).or(who.first());
        self.contents.fetching = next.map(|from| Fetching { stamp, from: from.clone(), at: now });
        if let Some(from) = next {
            self.send(from, ToForwarder::SendContent { term, generation: stamp.generation });
        }
    }

    pub(super) fn has(&self, forwarder: &ForwarderName, stamp: Stamp) -> bool {
        self.peers.get(forwarder).is_some_and(|peer| {
            let has =
                [peer.installed(), peer.prepared()].contains(&Some(stamp)) || peer.kept.contains(&stamp);
            has && peer.connection.is_some()
        })
    }

    /// Whether changes should wait because a forwarder is likely to send what is committed.
    pub(super) fn awaits_content(&mut self, now: Instant) -> bool {
        let Some(since) = self.contents.since.filter(|_| self.contents.fetching.is_some()) else {
            return false;
        };
        let waits = self
            .missing()
            .is_some_and(|(_, purpose)| [Purpose::Rollback, Purpose::Committed].contains(&purpose));
        waits && !self.is_due(since.checked_add(self.settings.fetch_timeout), now)
    }

    pub(super) fn has_fetched(
        &mut self,
        forwarder: &ForwarderName,
        generation: Generation,
        content: Option<&Delta>,
    ) {
        let missing = self.missing().filter(|(stamp, _)| stamp.generation == generation);
        let Some((stamp, purpose)) = missing else { return };
        let content = content.and_then(|delta| delta.build().ok());
        let Some(content) = content.filter(|content| content.digest() == stamp.digest) else {
            // It does not have it after all: the next one is asked.
            if let Some(peer) = self.peers.get_mut(forwarder) {
                peer.kept.retain(|kept| *kept != stamp);
            }
            if let Some(fetching) = &mut self.contents.fetching
                && fetching.from == *forwarder
                && let Some(past) = fetching.at.checked_sub(self.settings.retry)
            {
                fetching.at = past;
            }
            return;
        };
        match purpose {
            Purpose::Rollback => {
                if let Some(rollback) = &mut self.rollback {
                    rollback.content = Some(content);
                }
            }
            Purpose::Committed => self.contents.push(stamp, content, self.settings.history),
            Purpose::Look => {
                self.contents.looks.pop_front();
                self.act(Action::Found { generation, content: Some(content) });
            }
            Purpose::Recollection => {
                if let Some(recollection) = &mut self.recollection {
                    recollection.take(stamp, content);
                }
            }
        }
    }
}
