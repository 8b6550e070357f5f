//! Rounds of requests over all connections.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// The state at the end of a round: each connection that is left has had another answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldRound {
    /// Counts from one.
    pub round: u64,
    /// Connections that were established.
    pub connections: u64,
    /// Those that are left.
    pub alive: u64,
    /// Bytes of all answers so far.
    pub bytes: u64,
}

impl fmt::Display for HoldRound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { round, connections, alive, bytes } = self;
        write!(f, "round {round}: {alive} of {connections} connections alive, {bytes} bytes answered")
    }
}

/// A line that is no [`HoldRound`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} does not tell the end of a round")]
pub struct NoRound(String);

impl FromStr for HoldRound {
    type Err = NoRound;

    fn from_str(line: &str) -> Result<Self, NoRound> {
        let words: Vec<u64> = line.split([' ', ':']).filter_map(|word| word.parse().ok()).collect();
        match words[..] {
            [round, alive, connections, bytes] => Ok(Self { round, connections, alive, bytes }),
            _ => Err(NoRound(line.to_owned())),
        }
    }
}

pub(super) struct Progress {
    state: Mutex<State>,
    on_round: Box<dyn Fn(&HoldRound) + Send + Sync>,
}

struct State {
    now: HoldRound,
    /// Answers of the rounds that are under way, the earliest first.
    answers: VecDeque<u64>,
}

impl Progress {
    pub(super) fn new(
        connections: u64,
        bytes: u64,
        on_round: impl Fn(&HoldRound) + Send + Sync + 'static,
    ) -> Self {
        let now = HoldRound { round: 0, connections, alive: connections, bytes };
        Self { state: Mutex::new(State { now, answers: VecDeque::new() }), on_round: Box::new(on_round) }
    }

    /// A connection has had the answer to its request number `request`.
    pub(super) fn answered(&self, request: u64, bytes: u64) {
        self.change(|state| {
            state.now.bytes += bytes;
            // Of a round that ended without it, because somebody left.
            let Some(place) = request.checked_sub(state.now.round + 1) else { return };
            let place = usize::try_from(place).unwrap_or(usize::MAX - 1);
            if state.answers.len() <= place {
                state.answers.resize(place + 1, 0);
            }
            state.answers[place] += 1;
        });
    }

    /// A connection is gone, and what it answered counts no more: the rounds under way wait for the others alone.
    pub(super) fn left(&self) {
        self.change(|state| state.now.alive -= 1);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        while state.now.alive > 0 && state.answers.front().is_some_and(|&answers| answers >= state.now.alive)
        {
            state.answers.pop_front();
            state.now.round += 1;
            (self.on_round)(&state.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn lines_are_read_again() {
        let round = HoldRound { round: 3, connections: 10, alive: 9, bytes: 1234 };
        assert_eq!(round.to_string().parse(), Ok(round));
        assert!("established 9 connections".parse::<HoldRound>().is_err());
    }

    #[test]
    fn a_round_ends_when_everyone_who_is_left_has_had_an_answer() {
        let rounds = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&rounds);
        let progress = Progress::new(3, 0, move |round| {
            seen.lock().unwrap().push((round.round, round.alive, round.bytes));
        });
        progress.answered(1, 10);
        progress.answered(2, 10);
        progress.answered(1, 10);
        assert!(rounds.lock().unwrap().is_empty());
        progress.answered(1, 10);
        progress.left();
        progress.answered(2, 10);
        assert_eq!(*rounds.lock().unwrap(), [(1, 3, 40), (2, 2, 50)]);
    }
}
