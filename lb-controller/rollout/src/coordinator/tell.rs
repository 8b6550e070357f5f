//! What each forwarder is told: the difference between what it should have and what it has.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Bound;
use std::time::Instant;

use guideway_controller_core::message::ToForwarder;
use guideway_controller_core::{Content, ForwarderName, Generation, Term};

use super::peer::{Asked, Committing, Peer};
use super::{Coordinator, Notice};
use crate::record::Stamp;

/// Other forwarders that one is told as relays: two could be gone together with the controllers, so many are not.
const RELAYS: usize = 16;

impl Coordinator {
    pub(super) fn tell_all(&mut self, term: Term, now: Instant) {
        self.tell_touch(term);
        let committed = self.committed();
        let connected = || self.peers.iter().filter(|(_, peer)| peer.connection.is_some());
        let names: Vec<ForwarderName> = connected().map(|(name, _)| name.clone()).collect();
        let others = Others {
            serve: connected().any(|(_, peer)| {
                committed.is_some() && peer.installed() == committed && !peer.standing.fenced
            }),
            are_current: connected().any(|(_, peer)| peer.is_current(committed)),
        };
        for name in names {
            let is_current = self.peers.get(&name).is_some_and(|peer| peer.is_current(committed));
            if self.recollection.is_none() {
                self.tell_past(&name, term, now);
            } else if !is_current {
                continue;
            }
            if let Some(committed) = committed {
                self.tell_committed(&name, term, committed, is_current, now);
                if !is_current && others.serve {
                    self.tell_fence(&name, term, committed, now);
                }
            }
            self.tell_prepare(&name, term, is_current, &others, now);
        }
    }

    /// How to stay in touch: only when somebody has come or gone, because it is one forwarder times the others.
    fn tell_touch(&mut self, term: Term) {
        if !std::mem::take(&mut self.peers_changed) {
            return;
        }
        let silence = self.settings.own_silence;
        let names: Vec<ForwarderName> = self.peers.keys().cloned().collect();
        for name in names {
            let relays = self.relays_for(&name);
            let Some(peer) = self.peers.get_mut(&name).filter(|peer| peer.connection.is_some()) else {
                continue;
            };
            let told = Some((silence, relays.clone()));
            if peer.told != told {
                peer.told = told;
                self.send(&name, ToForwarder::Touch { term, silence, relays });
            }
        }
    }

    /// Those whose names follow, so that no relay is everybody's.
    fn relays_for(&self, name: &ForwarderName) -> BTreeSet<SocketAddr> {
        let after = self.peers.range::<ForwarderName, _>((Bound::Excluded(name), Bound::Unbounded));
        let before = self.peers.range::<ForwarderName, _>(..name);
        let others = after.chain(before).map(|(_, peer)| peer);
        let relays = others.filter(|peer| peer.connection.is_some() && !peer.relays.is_empty());
        relays.take(RELAYS).flat_map(|peer| peer.relays.iter().copied()).collect()
    }

    /// To install what is committed; or that it is what is installed, for one that is fenced.
    fn tell_committed(
        &mut self,
        name: &ForwarderName,
        term: Term,
        committed: Stamp,
        is_current: bool,
        now: Instant,
    ) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        let is_ready = if is_current {
            peer.behind = None;
            peer.installed() == Some(committed) && peer.standing.fenced
        } else {
            peer.behind.get_or_insert(now);
            peer.prepared() == Some(committed)
        };
        let told = peer.committing.filter(|committing| committing.stamp == committed);
        if is_ready {
            let again = told.and_then(|told| told.last.checked_add(self.settings.retry));
            if told.is_some() && !self.is_due(again, now) {
                return;
            }
            let first = told.map_or(now, |told| told.first);
            if let Some(peer) = self.peers.get_mut(name) {
                peer.committing = Some(Committing { stamp: committed, first, last: now });
            }
            self.tell_past_again(name, term, now);
            let Stamp { generation, digest } = committed;
            self.send(name, ToForwarder::Commit { term, generation, digest });
        } else if is_current {
            let was_fenced = peer.fenced.take().is_some();
            peer.committing = None;
            if was_fenced {
                self.notice(Notice::CaughtUp(name.clone(), committed));
            }
        }
    }

    /// To withdraw, when it had the time to catch up and others serve in its place.
    fn tell_fence(&mut self, name: &ForwarderName, term: Term, committed: Stamp, now: Instant) {
        let Some(peer) = self.peers.get(name).filter(|peer| !peer.standing.fenced) else { return };
        let committing = peer.committing.filter(|committing| committing.stamp == committed);
        let at = match committing {
            Some(told) => told.first.checked_add(self.settings.commit_timeout),
            None => peer.behind.and_then(|since| since.checked_add(self.settings.fence_after)),
        };
        let told = peer.fenced.filter(|(generation, _)| *generation == committed.generation);
        let again = told.and_then(|(_, at)| at.checked_add(self.settings.retry));
        if !self.is_due(at, now) || told.is_some() && !self.is_due(again, now) {
            return;
        }
        let Some(peer) = self.peers.get_mut(name) else { return };
        peer.fenced = Some((committed.generation, now));
        let reason = why_fenced(committed, peer.installed());
        let generation = committed.generation;
        self.send(name, ToForwarder::Fence { term, generation, reason });
        if told.is_none() {
            self.notice(Notice::Fenced(name.clone(), generation));
        }
    }

    fn tell_prepare(
        &mut self,
        name: &ForwarderName,
        term: Term,
        is_current: bool,
        others: &Others,
        now: Instant,
    ) {
        let forgot = self.peers.get(name).and_then(|peer| peer.forgot);
        let committed = self.committed();
        let target = self
            .target(is_current, others)
            .filter(|(stamp, _)| Some(*stamp) != forgot || Some(*stamp) == committed);
        let Some((stamp, content)) = target else {
            self.tell_forget(name, term);
            return;
        };
        let Some(peer) = self.peers.get(name).filter(|peer| peer.prepared() != Some(stamp)) else { return };
        if let Some(refusal) = peer.has_refused(stamp.digest) {
            let again = refusal.at.checked_add(self.settings.refused_retry);
            let (is_told, errors) = (refusal.is_told, refusal.errors.clone());
            if !is_told && self.committed() == Some(stamp) {
                self.notice(Notice::Incapable(name.clone(), stamp, errors));
                let refused = self.peers.get_mut(name).and_then(|peer| peer.refused.as_mut());
                refused.into_iter().for_each(|refusal| refusal.is_told = true);
            }
            if !self.is_due(again, now) {
                return;
            }
        }
        // What it is about is brought to an end, so that a forwarder that takes longer than one change after the other
        // comes to an end at all.
        let busy = self.peers.get(name).and_then(|peer| peer.asked);
        let until = busy.and_then(|asked| asked.at.checked_add(self.settings.prepare_timeout));
        if busy.is_some() && !self.is_due(until, now) {
            return;
        }
        let base = self.base(name, stamp.generation);
        let prepared = self.peers.get(name).and_then(Peer::prepared);
        if let Some(later) = prepared.filter(|prepared| prepared.generation > stamp.generation) {
            self.peers.entry(name.clone()).and_modify(|peer| peer.forgot = Some(later));
            self.send(name, ToForwarder::Abort { term, generation: later.generation });
        }
        let delta = self.contents.delta(base.as_ref(), &content);
        if let Some(peer) = self.peers.get_mut(name) {
            peer.refused = None;
            peer.needs_whole = false;
            peer.asked = Some(Asked { stamp, at: now });
            peer.sent = Some(content);
        }
        self.tell_past_again(name, term, now);
        self.send(name, ToForwarder::Prepare { term, generation: stamp.generation, delta });
    }

    /// What a forwarder should prepare. One that is behind catches up first; when all are, there is nothing to catch up
    /// with, and they go on together.
    fn target(&self, is_current: bool, others: &Others) -> Option<(Stamp, Content)> {
        let rollout = self.rollout.as_ref().map(|rollout| (rollout.stamp, rollout.content.clone()));
        if is_current || rollout.is_some() && !others.are_current {
            return rollout;
        }
        let committed = self.committed()?;
        self.committed_content().map(|content| (committed, content.clone())).or(rollout)
    }

    /// What it has before that generation and is at hand here, too.
    fn base(&self, name: &ForwarderName, before: Generation) -> Option<Content> {
        let peer = self.peers.get(name).filter(|peer| !peer.needs_whole)?;
        let prepared = peer.prepared().filter(|prepared| prepared.generation <= before);
        let has = [prepared, peer.installed()].into_iter().flatten();
        let at_hand = |stamp: Stamp| {
            let sent = peer.sent.as_ref().filter(|content| content.digest() == stamp.digest);
            sent.or_else(|| self.contents.of(stamp.digest))
        };
        has.into_iter().find_map(at_hand).cloned()
    }

    /// What an earlier leader had prepared and nobody will commit.
    fn tell_forget(&mut self, name: &ForwarderName, term: Term) {
        let committed = self.committed().map_or(Generation::NONE, |stamp| stamp.generation);
        let Some(peer) = self.peers.get_mut(name) else { return };
        let stale = peer.prepared().filter(|stamp| stamp.generation > committed);
        if let Some(stamp) = stale.filter(|stamp| peer.forgot != Some(*stamp)) {
            peer.forgot = Some(stamp);
            self.send(name, ToForwarder::Abort { term, generation: stamp.generation });
        }
    }
}

/// What the other forwarders do.
struct Others {
    /// One announces what is committed: whoever withdraws is not the last one.
    serve: bool,
    /// One serves what is committed.
    are_current: bool,
}

fn why_fenced(committed: Stamp, installed: Option<Stamp>) -> String {
    let committed = committed.generation;
    match installed {
        Some(installed) => {
            format!("generation {committed} is committed and {} is installed here", installed.generation)
        }
        None => format!("generation {committed} is committed and nothing is installed here"),
    }
}
