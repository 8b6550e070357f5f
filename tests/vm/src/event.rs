//! What comes out.

use serde::{Deserialize, Serialize};

/// A line of the output, as JSON.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The plan is being worked on.
    Started {
        /// Release of the kernel, as of `uname -r`.
        kernel: String,
    },
    /// A test has ended.
    Test(Test),
    /// One kind of traffic has gone through one subject.
    Rate(Rate),
    /// A step could not be done; the ones after it are tried all the same.
    Failed {
        /// What was to be done.
        step: String,
        /// Why it failed.
        error: String,
    },
    /// The plan is done.
    Ended,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should.
    Pass,
    /// Not as it should.
    Fail,
    /// It was stopped because it took too long.
    TimedOut,
}

/// One test.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Test {
    /// The suite's name.
    pub suite: String,
    /// The test's.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: f64,
    /// The end of what it wrote, unless it passed.
    pub output: String,
}

/// Traffic that went through a subject and came back.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Rate {
    /// What the packets went through.
    pub subject: String,
    /// The script that made them.
    pub traffic: String,
    /// Packets that pktgen sent.
    pub sent: u64,
    /// Packets that came back to the interface that they were sent by.
    pub returned: u64,
    /// How long pktgen sent.
    pub seconds: f64,
}

impl Rate {
    /// Packets a second that came back.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // far below 2^53
    pub fn per_second(&self) -> f64 {
        self.returned as f64 / self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_and_comes_back() {
        let event = Event::Test(Test {
            suite: "s".into(),
            name: "t".into(),
            outcome: Outcome::TimedOut,
            seconds: 1.5,
            output: "a\nb".into(),
        });
        let line = serde_json::to_string(&event).expect("JSON");
        assert_eq!(
            line,
            r#"{"event":"test","suite":"s","name":"t","outcome":"timed_out","seconds":1.5,"output":"a\nb"}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&line).expect("an event"), event);
    }
}
