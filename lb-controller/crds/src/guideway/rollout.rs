use std::num::NonZeroU16;
use std::time::Duration;

/// How changes reach forwarders. There is one, of the name that the controller is started with; its status is the record
/// of generations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// How long a forwarder may take to prepare before it is fenced: 100 ms to 10 min.
    pub prepare_timeout: Duration,
    /// Slots of one set that a change may take from backends that live, in thousandths of its table; `None`: any.
    pub slots_permille: Option<u16>,
    /// Sets of which a change may take slots from backends that live; `None`: any.
    pub sets: Option<u32>,
    /// What becomes of a change above that.
    pub over_budget: OverBudget,
    /// Committed generations that can be gone back to: 1 to 100.
    pub history: NonZeroU16,
}

/// What becomes of a change above the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverBudget {
    /// It waits for `lbctl apply --yes`.
    Hold,
    /// It comes in parts, each within the budget.
    Spread {
        /// From one part to the next: 1 s to 1 h.
        interval: Duration,
    },
}
