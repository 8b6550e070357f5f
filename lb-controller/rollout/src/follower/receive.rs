//! What the leader says.

use std::sync::Arc;

use guideway_controller_core::message::{Cost, FromForwarder, ToForwarder};
use guideway_controller_core::{Content, Delta, Digest, Generation, Term};

use super::{Action, Ahead, Announcing, Follower};
use crate::record::Stamp;

impl Follower {
    pub(super) fn receive(&mut self, message: ToForwarder) {
        let (term, highest) = (message.term(), self.kept.highest_term);
        if term < highest {
            // Who was replaced does not know it yet. The other one is to be looked for: this one may never learn it.
            self.say(FromForwarder::Stale { highest });
            self.disconnect(format!("the leader's term {term} is over: {highest} has begun"));
            return;
        }
        self.kept.highest_term = term;
        match message {
            ToForwarder::Prepare { generation, delta, .. } => self.prepare(term, generation, &delta),
            ToForwarder::Commit { generation, digest, .. } => self.commit(Stamp { generation, digest }),
            ToForwarder::Abort { generation, .. } => self.abort(generation),
            ToForwarder::Fence { generation, .. } => self.fence(generation),
            ToForwarder::Keepalive { .. } => {}
            ToForwarder::SendContent { generation, .. } => self.send_content(generation),
            ToForwarder::Touch { silence, relays, .. } => {
                self.settings.silence = silence;
                self.act(Action::Relays(relays));
            }
            ToForwarder::Past { sets, .. } => self.act(Action::Past(sets)),
        }
    }

    fn prepare(&mut self, term: Term, generation: Generation, delta: &Delta) {
        let stamp = Stamp { generation, digest: delta.result };
        if !self.kept.is_before(generation) {
            self.say_standing();
            return;
        }
        if let Some((_, cost)) = self.prepared.as_ref().filter(|(ahead, _)| ahead.stamp == stamp) {
            let cost = *cost;
            self.say_prepared(stamp, cost);
            return;
        }
        if self.preparing.as_ref().is_some_and(|ahead| ahead.stamp == stamp) {
            return;
        }
        // A leader goes on to higher numbers, or says Abort before it goes back: this one is late.
        let ahead = self.prepared.as_ref().map(|(ahead, _)| ahead).or(self.preparing.as_ref());
        if ahead.is_some_and(|ahead| ahead.term == term && ahead.stamp.generation > generation) {
            self.say_standing();
            return;
        }
        let content = match delta.base {
            None => delta.build(),
            Some(base) => match self.content_of(base) {
                Some(content) => delta.apply(content),
                None => {
                    self.say(FromForwarder::Missing { generation });
                    return;
                }
            },
        };
        match content {
            Ok(content) => {
                self.prepared = None;
                self.preparing = Some(Ahead { term, stamp, content: content.clone() });
                self.act(Action::Prepare { stamp, content });
            }
            Err(error) => self.say(FromForwarder::Refused { generation, errors: vec![error.to_string()] }),
        }
    }

    /// A content that is in memory.
    fn content_of(&self, digest: Digest) -> Option<&Content> {
        let ahead = self.prepared.as_ref().map(|(ahead, _)| ahead).or(self.preparing.as_ref());
        let contents = [self.content.as_ref(), ahead.map(|ahead| &ahead.content)];
        contents.into_iter().flatten().find(|content| content.digest() == digest)
    }

    pub(super) fn has_prepared(&mut self, stamp: Stamp, result: Result<Cost, Vec<String>>) {
        // What was replaced or discarded meanwhile is nobody's concern any more.
        let Some(ahead) = self.preparing.take_if(|ahead| ahead.stamp == stamp) else { return };
        match result {
            Ok(cost) => {
                self.prepared = Some((ahead, cost));
                self.say_prepared(stamp, cost);
                if self.awaited.take_if(|awaited| *awaited == stamp).is_some() {
                    self.commit(stamp);
                }
            }
            Err(errors) => {
                self.say(FromForwarder::Refused { generation: stamp.generation, errors });
            }
        }
    }

    /// The leader has written it into the record, whichever leader that is.
    fn commit(&mut self, stamp: Stamp) {
        self.kept.known = self.kept.known.max(stamp.generation);
        if stamp.generation == self.kept.known {
            self.revoked = None;
        }
        if !self.kept.is_before(stamp.generation) || stamp.generation < self.kept.known {
            self.say_whether_fenced();
        } else if let Some((ahead, _)) = self.prepared.take_if(|(ahead, _)| ahead.stamp == stamp) {
            self.kept.committed = Some(stamp);
            self.content = Some(ahead.content);
            self.install_again = None;
        } else if self.preparing.as_ref().is_some_and(|ahead| ahead.stamp == stamp) {
            self.awaited = Some(stamp);
        } else {
            self.say(FromForwarder::Missing { generation: stamp.generation });
        }
    }

    fn abort(&mut self, generation: Generation) {
        // What is committed is never aborted; a leader that says so is not believed.
        if generation <= self.kept.known {
            return;
        }
        let preparing = self.preparing.take_if(|ahead| ahead.stamp.generation == generation);
        let prepared = self.prepared.take_if(|(ahead, _)| ahead.stamp.generation == generation);
        if let Some(ahead) = prepared.map(|(ahead, _)| ahead).or(preparing) {
            self.act(Action::Discard { stamp: ahead.stamp });
        }
    }

    fn fence(&mut self, generation: Generation) {
        self.kept.known = self.kept.known.max(generation);
        self.say_whether_fenced();
    }

    /// The answer to what changes nothing: the leader may not know it.
    fn say_whether_fenced(&mut self) {
        if let Announcing::Withdrawn(reason) = &self.announcing {
            let reason = reason.clone();
            self.say(FromForwarder::Fenced { generation: self.kept.known, reason });
        } else {
            self.say_standing();
        }
    }

    fn send_content(&mut self, generation: Generation) {
        let committed = self.kept.committed.filter(|stamp| stamp.generation == generation);
        let prepared = self.prepared.as_ref().filter(|(ahead, _)| ahead.stamp.generation == generation);
        let content = committed.and(self.content.as_ref()).or(prepared.map(|(ahead, _)| &ahead.content));
        match content.cloned() {
            Some(content) => self.say_content(generation, Some(&content)),
            None => self.act(Action::Fetch { generation }),
        }
    }

    pub(super) fn say_content(&mut self, generation: Generation, content: Option<&Content>) {
        let content = content.map(|content| Arc::new(Delta::whole(content)));
        self.say(FromForwarder::Content { generation, content });
    }

    pub(super) fn say_standing(&mut self) {
        self.say(FromForwarder::Keepalive(self.standing()));
    }

    fn say_prepared(&mut self, stamp: Stamp, cost: Cost) {
        let Stamp { generation, digest } = stamp;
        self.say(FromForwarder::Prepared { generation, digest, cost });
    }

    pub(super) fn disconnect(&mut self, reason: String) {
        if let Some(link) = self.link.take() {
            self.act(Action::Disconnect { connection: link.id, reason });
        }
    }
}
