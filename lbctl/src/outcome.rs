use std::process::ExitCode;

/// What a command prints and how it ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) answer: Answer,
}

impl Outcome {
    pub(crate) fn positive(text: String) -> Self {
        Self { text, answer: Answer::Positive }
    }
}

/// The answer as an exit code shows it to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Yes, done, in order: 0.
    Positive,
    /// No, refused, out of order: 1.
    Negative,
}

impl Answer {
    pub(crate) const fn negative_if(condition: bool) -> Self {
        if condition { Self::Negative } else { Self::Positive }
    }
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Positive => Self::SUCCESS,
            Answer::Negative => Self::from(1),
        }
    }
}
