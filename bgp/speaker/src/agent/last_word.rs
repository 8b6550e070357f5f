//! For how long the agent's last word counts. The dataplane forwards on without its agent, so a broken stream is no reason
//! to withdraw at once; an agent that stays away cannot vouch for its backends any more.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct LastWord {
    hold: Duration,
    /// When the last word expires; set while the stream is down and something was heard before.
    deadline: Option<Instant>,
    heard: bool,
}

impl LastWord {
    pub(super) fn new(hold: Duration) -> Self {
        Self { hold, deadline: None, heard: false }
    }

    /// A set came.
    pub(super) fn heard(&mut self) {
        (self.heard, self.deadline) = (true, None);
    }

    /// The stream broke; gives how long the last set still counts. A stream that broke before it said anything does not
    /// lengthen the time.
    pub(super) fn lost(&mut self, now: Instant) -> Duration {
        if self.heard && self.deadline.is_none() {
            self.deadline = now.checked_add(self.hold);
        }
        self.deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(now))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// True, once, when the last set does not count any more.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let expired = self.deadline.is_some_and(|deadline| deadline <= now);
        if expired {
            (self.heard, self.deadline) = (false, None);
        }
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(60);

    #[test]
    fn the_last_word_expires_once() {
        let start = Instant::now();
        let mut word = LastWord::new(HOLD);
        word.heard();
        assert_eq!(word.deadline(), None, "no limit while the stream is up");
        assert_eq!(word.lost(start), HOLD);
        assert!(!word.expire(start + HOLD / 2));
        assert!(word.expire(start + HOLD));
        assert!(!word.expire(start + HOLD * 2));
    }

    #[test]
    fn a_stream_that_says_nothing_does_not_lengthen_the_time() {
        let start = Instant::now();
        let mut word = LastWord::new(HOLD);
        word.heard();
        word.lost(start);
        assert_eq!(word.lost(start + HOLD / 2), HOLD / 2);
        word.heard();
        assert_eq!(word.lost(start + HOLD), HOLD);
    }

    #[test]
    fn nothing_heard_is_nothing_to_hold() {
        let mut word = LastWord::new(HOLD);
        assert_eq!(word.lost(Instant::now()), Duration::ZERO);
        assert_eq!(word.deadline(), None);
    }
}
