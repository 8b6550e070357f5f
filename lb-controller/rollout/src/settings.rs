//! Times and limits.

use std::time::Duration;

use guideway_controller_core::Budget;

/// Of a leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who it is, in the record. No two processes have the same, nor one process before and after a restart.
    pub leader: String,
    /// How long a new leader waits for forwarders before its first proposal, unless all members of all shards are there.
    pub gather: Duration,
    /// How long a forwarder may take to prepare before it is left behind.
    pub prepare_timeout: Duration,
    /// For how long a forwarder whose connection is gone is waited for.
    pub absence: Duration,
    /// How long a forwarder may take to install what is committed before it counts as behind.
    pub commit_timeout: Duration,
    /// How long a forwarder may announce an older generation than others do before it is fenced: one that comes back
    /// after a moment has caught up by then, and its routes need not flap.
    pub fence_after: Duration,
    /// How often each side says that it lives.
    pub keepalive: Duration,
    /// After how much silence a connection is given up.
    pub silence: Duration,
    /// After how much silence of this leader a forwarder is to take the connection for cut, and look for another way: more
    /// than [`Self::keepalive`], and with the time for that less than [`Self::absence`] after the leader has noticed.
    pub own_silence: Duration,
    /// How long to wait before the store is asked again after a fault, or a message without an answer is sent again.
    pub retry: Duration,
    /// How long the content of the committed generation is asked for before changes go on without it.
    pub fetch_timeout: Duration,
    /// After what time something that was refused is tried again as it is.
    pub refused_retry: Duration,
    /// What a change may move.
    pub budget: Budget,
    /// What becomes of one that moves more.
    pub over_budget: OverBudget,
    /// Committed contents that are kept at hand, as bases of deltas and to go back to. At least 1.
    pub history: usize,
}

/// What becomes of a change that is above the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverBudget {
    /// It waits for [`Event::Approve`](crate::coordinator::Event::Approve).
    Hold,
    /// It comes in parts, with this time between them.
    Spread(Duration),
}

impl Settings {
    /// The defaults.
    #[must_use]
    pub fn new(leader: String, budget: Budget) -> Self {
        Self {
            leader,
            gather: Duration::from_secs(2),
            prepare_timeout: Duration::from_secs(10),
            absence: Duration::from_secs(2),
            commit_timeout: Duration::from_secs(2),
            fence_after: Duration::from_millis(250),
            keepalive: Duration::from_secs(1),
            silence: Duration::from_secs(5),
            own_silence: Duration::from_secs(5),
            retry: Duration::from_secs(1),
            fetch_timeout: Duration::from_secs(5),
            refused_retry: Duration::from_secs(30),
            budget,
            over_budget: OverBudget::Hold,
            history: 16,
        }
    }
}

/// Of a forwarder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerSettings {
    /// How often it says that it lives, and what it has.
    pub keepalive: Duration,
    /// After how much silence of the leader the connection is given up.
    pub silence: Duration,
    /// How long it may announce what it has while it installs what is committed.
    pub install_timeout: Duration,
    /// How long to wait before something that failed is tried again.
    pub retry: Duration,
}

impl Default for FollowerSettings {
    fn default() -> Self {
        Self {
            keepalive: Duration::from_secs(1),
            silence: Duration::from_secs(5),
            install_timeout: Duration::from_secs(2),
            retry: Duration::from_secs(1),
        }
    }
}
