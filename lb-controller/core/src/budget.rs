//! How much a change may cost at once, and how a larger one is spread over time.

use crate::{Content, Disruption};

/// What a change may cost at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Slots of a set that may move away from live backends, of a thousand.
    pub moved_permille: u16,
    /// Sets and VIPs that may be disturbed at all.
    pub disturbed: usize,
}

/// A part of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What may be done now.
    pub now: Content,
    /// Whether something is left to be done after it.
    pub rest: bool,
}

impl Budget {
    /// Whether a change stays within it.
    #[must_use]
    pub fn allows(&self, disruption: &Disruption) -> bool {
        let _ = disruption;
        true
    }
}

/// What of the way from `from` to `to` may be done now.
#[must_use]
pub fn split(from: &Content, to: &Content, budget: &Budget) -> Step {
    let _ = (from, budget);
    Step { now: to.clone(), rest: false }
}
