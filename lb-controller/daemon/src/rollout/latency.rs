//! How long changes take.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use guideway_controller_core::{Content, Digest};
use guideway_controller_rollout::coordinator::Notice;
use tracing::{Span, info};

use super::{Desired, Stage};

/// Contents that are wanted and not served yet. Of more the oldest are not measured.
const PENDING: usize = 64;

/// What is wanted and on its way.
#[derive(Debug, Default)]
pub(super) struct Latency {
    pending: VecDeque<Pending>,
}

#[derive(Debug)]
struct Pending {
    digest: Digest,
    seen: Instant,
    span: Span,
    reached: Option<Stage>,
}

impl Latency {
    /// A content is wanted; gives it.
    pub(super) fn wants(&mut self, desired: Desired) -> Content {
        let Desired { content, seen, span } = desired;
        if self.pending.len() >= PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(Pending { digest: content.digest(), seen, span, reached: None });
        content
    }

    /// What a notice says about the changes on their way: stages, and the time since the oldest change in them was seen.
    pub(super) fn hears(&mut self, notice: &Notice) -> Option<(Stage, Duration)> {
        let (stage, stamp) = match notice {
            Notice::Proposed(stamp, _) => (Stage::Proposed, stamp),
            Notice::Committed(stamp) => (Stage::Committed, stamp),
            Notice::Done(stamp) => (Stage::Served, stamp),
            _ => return None,
        };
        let last = self.pending.iter().rposition(|pending| pending.digest == stamp.digest)?;
        // Those before it are in it.
        let new = self.pending.iter_mut().take(last + 1).filter(|pending| pending.reached < Some(stage));
        let mut oldest: Option<Instant> = None;
        for pending in new {
            pending.reached = Some(stage);
            oldest = Some(oldest.map_or(pending.seen, |oldest| oldest.min(pending.seen)));
            let generation = stamp.generation.0;
            pending.span.in_scope(|| info!(generation, stage = stage.as_str(), "the change has come so far"));
        }
        if stage == Stage::Served {
            self.pending.drain(..=last);
        }
        oldest.map(|oldest| (stage, oldest.elapsed()))
    }
}
