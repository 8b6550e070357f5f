//! What became of the sessions of a peer.

use std::collections::VecDeque;
use std::time::SystemTime;

use guideway_bgp_fsm::State;

/// Events that are kept for each peer.
const CAPACITY: usize = 50;

/// One step in the life of a peer's sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEvent {
    /// When.
    pub at: SystemTime,
    /// The state that it led to.
    pub state: State,
    /// Why; empty for a step on the way up.
    pub reason: String,
    /// How often the same followed at once; 1 for once. A peer that stays away does not push everything else out.
    pub times: u32,
}

/// The latest events, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct History(VecDeque<SessionEvent>);

impl History {
    pub(crate) fn add(&mut self, at: SystemTime, state: State, reason: &str) {
        if let Some(last) = self.0.back_mut()
            && (last.state, last.reason.as_str()) == (state, reason)
        {
            last.at = at;
            last.times = last.times.saturating_add(1);
            return;
        }
        if self.0.len() == CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back(SessionEvent { at, state, reason: reason.to_owned(), times: 1 });
    }

    pub(crate) fn events(&self) -> Vec<SessionEvent> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_repetitions_take_one_place() {
        let mut history = History::default();
        let at = SystemTime::UNIX_EPOCH;
        for _ in 0..100 {
            history.add(at, State::Active, "cannot connect");
        }
        assert_eq!((history.events().len(), history.events()[0].times), (1, 100));
        for number in 0..100 {
            history.add(at, State::Idle, &number.to_string());
        }
        let events = history.events();
        assert_eq!((events.len(), events[CAPACITY - 1].reason.as_str()), (CAPACITY, "99"));
    }
}
