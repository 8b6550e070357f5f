//! What follows from the state, after each event.

use std::time::Instant;

use guideway_controller_core::message::FromForwarder;

use super::{Action, Announcing, Follower, Kept};
use crate::record::Stamp;

impl Follower {
    pub(super) fn start(&mut self, now: Instant) {
        // Packets meet what was installed before; until it is installed again nobody knows what that is.
        self.behind_since = Some(now);
        if let Some(ahead) = self.preparing.clone() {
            self.act(Action::Prepare { stamp: ahead.stamp, content: ahead.content });
        }
    }

    pub(super) fn has_kept(&mut self, result: Result<Kept, String>, now: Instant) {
        match result {
            Ok(kept) if self.keeping == Some(kept) => {
                self.keeping = None;
                self.durable = kept;
            }
            Ok(_) => {}
            Err(_) => {
                self.keeping = None;
                self.keep_again = now.checked_add(self.settings.retry);
            }
        }
    }

    pub(super) fn has_installed(&mut self, stamp: Stamp, result: Result<u64, String>, now: Instant) {
        self.installing.take_if(|installing| *installing == stamp);
        match result {
            Ok(number) => {
                if self.installed_generation() <= stamp.generation {
                    self.installed = Some((stamp, number));
                    self.say_committed(stamp, number);
                }
            }
            Err(error) => {
                self.install_again = now.checked_add(self.settings.retry);
                let generation = stamp.generation;
                self.say(FromForwarder::Refused { generation, errors: vec![error] });
            }
        }
    }

    fn say_committed(&mut self, stamp: Stamp, installed: u64) {
        let Stamp { generation, digest } = stamp;
        self.say(FromForwarder::Committed { generation, digest, installed });
    }

    pub(super) fn settle(&mut self, now: Instant) {
        self.keep(now);
        self.install(now);
        self.announce(now);
        self.live(now);
    }

    /// Whatever changed is written, one write after the other.
    fn keep(&mut self, now: Instant) {
        if self.kept == self.durable || self.keeping.is_some() {
            self.keep_again.take_if(|again| *again <= now);
            return;
        }
        if self.keep_again.is_none_or(|again| again <= now) {
            self.keep_again = None;
            self.keeping = Some(self.kept);
            self.act(Action::Keep(self.kept));
        }
    }

    /// Only what would be installed after a restart is installed, and one after the other: neither a crash nor a slow
    /// installation leads back.
    fn install(&mut self, now: Instant) {
        self.install_again.take_if(|again| *again <= now);
        let Some(stamp) = self.kept.committed else { return };
        let is_done = self.installed.is_some_and(|(installed, _)| installed == stamp);
        let is_kept = self.durable.committed == Some(stamp);
        if is_done || !is_kept || self.install_again.is_some() || self.installing.is_some() {
            return;
        }
        if let Some(content) = self.content.clone() {
            self.installing = Some(stamp);
            self.act(Action::Install { stamp, content });
        }
    }

    /// What is announced is the last that is known to be committed, except for the moment in which that is installed.
    fn announce(&mut self, now: Instant) {
        let newest = self
            .installed
            .map(|(stamp, _)| stamp)
            .filter(|stamp| self.revoked.is_none() && stamp.generation >= self.kept.known);
        if let Some(stamp) = newest {
            self.behind_since = None;
            if self.announcing != Announcing::Announced(stamp) {
                self.announcing = Announcing::Announced(stamp);
                self.act(Action::Announce(stamp));
            }
            return;
        }
        self.behind_since.get_or_insert(now);
        if self.withdraw_at().is_some_and(|at| at <= now) {
            let reason = self.why_withdrawn();
            let generation = self.kept.known;
            self.announcing = Announcing::Withdrawn(reason.clone());
            self.act(Action::Withdraw(reason.clone()));
            self.say(FromForwarder::Fenced { generation, reason });
        }
    }

    /// When VIPs are withdrawn unless something happens before.
    pub(super) fn withdraw_at(&self) -> Option<Instant> {
        let since = self.behind_since?;
        match self.announcing {
            Announcing::Withdrawn(_) => None,
            _ if self.revoked.is_none() && self.is_installing_newest() => {
                since.checked_add(self.settings.install_timeout)
            }
            _ => Some(since),
        }
    }

    fn is_installing_newest(&self) -> bool {
        self.kept.committed.is_some_and(|stamp| stamp.generation >= self.kept.known)
    }

    fn why_withdrawn(&self) -> String {
        let known = self.kept.known;
        if let Some(reason) = &self.revoked {
            return reason.clone();
        }
        match self.kept.committed {
            None if known.0 == 0 => "nothing was ever committed here".to_owned(),
            None => format!("generation {known} is committed and nothing is installed here"),
            Some(_) if self.is_installing_newest() => format!("generation {known} cannot be installed"),
            Some(stamp) => {
                format!("generation {known} is committed and {} is installed here", stamp.generation)
            }
        }
    }

    fn live(&mut self, now: Instant) {
        let Some(link) = self.link else { return };
        let is_over = |since: Instant, time| since.checked_add(time).is_some_and(|end| end <= now);
        if is_over(link.heard, self.settings.silence) {
            self.disconnect("the leader is silent".to_owned());
        } else if is_over(link.said, self.settings.keepalive) {
            self.link = Some(super::Link { said: now, ..link });
            self.say_standing();
        }
    }
}
