//! What operators ask for.

use std::collections::VecDeque;

use guideway_controller_core::{Content, Disruption, Generation, VipDisruption};

use super::notice::Aborted;
use super::rollout::Source;
use super::{Coordinator, Notice, Phase};
use crate::record::Stamp;

/// An earlier content is wanted.
#[derive(Debug)]
pub(super) struct Rollback {
    pub(super) stamp: Stamp,
    /// `None`: a forwarder is being asked for it.
    pub(super) content: Option<Content>,
}

/// What operators were asked, and what they said.
#[derive(Debug, Default)]
pub(super) struct Consent {
    /// Generations that waited since the last one was committed as a whole; the latest last.
    asked: VecDeque<(Generation, Disruption)>,
    /// What may be disturbed.
    given: Option<Disruption>,
}

impl Consent {
    /// How many questions are remembered: what is wanted may change many times while an operator thinks.
    const QUESTIONS: usize = 64;

    pub(super) fn asked(&mut self, generation: Generation, disruption: Disruption) {
        self.asked.push_back((generation, disruption));
        let excess = self.asked.len().saturating_sub(Self::QUESTIONS);
        self.asked.drain(..excess);
    }

    /// Whether nothing is disturbed more than was agreed to.
    pub(super) fn covers(&self, disruption: &Disruption) -> bool {
        let Some(given) = &self.given else { return false };
        disruption.sets.iter().all(|set| {
            let agreed = given.sets.iter().find(|agreed| agreed.set == set.set);
            set.moved.live == 0
                || agreed.is_some_and(|agreed| set.moved.live_permille() <= agreed.moved.live_permille())
        }) && disruption
            .vips
            .iter()
            .all(|vip| matches!(vip, VipDisruption::Removed { .. }) || given.vips.contains(vip))
    }
}

impl Coordinator {
    /// The consent is to what the generation disturbs: it holds for the one that took its place because something else
    /// changed meanwhile.
    pub(super) fn approve(&mut self, generation: Generation) {
        let question = self.consent.asked.iter().find(|(asked, _)| *asked == generation);
        match question.map(|(_, disruption)| disruption.clone()) {
            Some(disruption) => self.consent.given = Some(disruption),
            None => self.decline(format!("generation {generation} does not wait for anything")),
        }
    }

    pub(super) fn roll_back(&mut self, generation: Generation) {
        if self.term().is_none() {
            self.decline("this controller does not lead".to_owned());
            return;
        }
        let content = self.contents.of_generation(generation).cloned();
        let digest = content.as_ref().map(Content::digest);
        let digest = digest.or_else(|| self.kept(generation).map(|stamp| stamp.digest));
        let Some(digest) = digest else {
            self.decline(format!("no forwarder that is connected keeps generation {generation}"));
            return;
        };
        self.abort_unless_decided(|_| true);
        self.contents.stop_fetching();
        self.resume = false;
        self.rollback = Some(Rollback { stamp: Stamp { generation, digest }, content });
    }

    pub(super) fn resume(&mut self) {
        if self.term().is_none() {
            self.decline("this controller does not lead".to_owned());
            return;
        }
        self.rollback = None;
        self.abort_unless_decided(|source| source != Source::Desired);
        self.resume = true;
    }

    /// What is being written is decided already, one way or the other.
    fn abort_unless_decided(&mut self, which: impl FnOnce(Source) -> bool) {
        let open = self.rollout.as_ref().filter(|rollout| rollout.phase <= Phase::Held);
        if open.is_some_and(|rollout| which(rollout.source))
            && let Some(term) = self.term()
        {
            self.abort(term, Aborted::Superseded);
        }
    }

    pub(super) fn give_up_rollback(&mut self, generation: Generation) {
        self.rollback = None;
        self.contents.stop_fetching();
        self.decline(format!("no forwarder sent the content of generation {generation}"));
    }

    fn decline(&mut self, why: String) {
        self.notice(Notice::Declined(why));
    }

    /// Holds and resumes that change nothing else. Says whether the record is to be written before anything is proposed.
    pub(super) fn write_hold(&mut self) -> bool {
        let held = self.office.record.as_ref().and_then(|record| record.rolled_back_to);
        let committed = self.committed();
        let is_served = |rollback: &Rollback| {
            rollback.content.is_some() && committed.is_some_and(|stamp| stamp.digest == rollback.stamp.digest)
        };
        let wanted = if let Some(rollback) = self.rollback.as_ref().filter(|rollback| is_served(rollback)) {
            Some(rollback.stamp.generation)
        } else if self.resume {
            None
        } else {
            return false;
        };
        if held != wanted {
            if !self.may_write() {
                return true;
            }
            self.write(|record| record.rolled_back_to = wanted);
        }
        self.resume = false;
        self.rollback = None;
        held != wanted
    }
}
