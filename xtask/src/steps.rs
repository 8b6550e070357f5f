//! Commands that consist of steps.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::setup::Purpose;
use crate::test::TestArgs;

/// One thing that is done or checked.
pub(crate) struct Step {
    /// Name on the command line.
    pub(crate) name: &'static str,
    /// What is checked, in a few words.
    pub(crate) about: &'static str,
    /// What it needs of the machine when it is run alone.
    pub(crate) needs: Option<Purpose>,
    /// Does it.
    pub(crate) run: fn(&TestArgs) -> Result<()>,
}

/// Runs `step` after a line that says its name. `repeat` is the command that runs it alone. Gives how long it took.
pub(crate) fn run(step: &Step, args: &TestArgs, repeat: &str) -> Result<Duration> {
    eprintln!("==> {}: {}", step.name, step.about);
    let start = Instant::now();
    (step.run)(args).with_context(|| format!("step {} failed; to run it alone: {repeat}", step.name))?;
    Ok(start.elapsed())
}

/// A duration for people.
pub(crate) fn seconds(duration: Duration) -> String {
    if duration >= Duration::from_secs(100) {
        format!("{}m{:02}s", duration.as_secs() / 60, duration.as_secs() % 60)
    } else {
        format!("{:.1}s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        assert_eq!(seconds(Duration::from_millis(340)), "0.3s");
        assert_eq!(seconds(Duration::from_secs(99)), "99.0s");
        assert_eq!(seconds(Duration::from_secs(125)), "2m05s");
    }
}
