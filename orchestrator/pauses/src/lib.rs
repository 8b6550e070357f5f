//! How long to wait before an API server that has failed is asked again.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::time::{Duration, Instant};

use kube::runtime::utils::Backoff;
use kube::runtime::watcher::ExponentialBackoff;

/// Pauses of a watch that grow, up to the longest, until something has worked for so long. They have a jitter of as much again.
///
/// What a watch yields does not say that it works: it announces each list before it asks for it, so that the pauses of a list
/// that fails would never grow if they began anew then.
pub struct Pauses {
    growing: ExponentialBackoff,
    longest: Duration,
    /// The end of the last one.
    end: Option<Instant>,
}

impl Pauses {
    /// Each twice as long as the one before.
    #[must_use]
    pub fn between(shortest: Duration, longest: Duration) -> Self {
        let growing = backon::ExponentialBuilder::default()
            .with_min_delay(shortest)
            .with_max_delay(longest)
            .with_factor(2.0)
            .with_jitter()
            .without_max_times();
        Self { growing: growing.into(), longest, end: None }
    }

    /// The next one, after something has failed.
    fn after(&mut self, failure: Instant) -> Option<Duration> {
        if self.end.is_some_and(|end| failure.saturating_duration_since(end) > self.longest) {
            self.growing.reset();
        }
        let pause = self.growing.next()?;
        self.end = failure.checked_add(pause);
        Some(pause)
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.after(Instant::now())
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_while_a_list_fails_and_begin_anew_when_it_works() {
        let longest = Duration::from_secs(5);
        let mut pauses = Pauses::between(Duration::from_millis(50), longest);
        let mut now = Instant::now();
        for least in [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let pause = pauses.after(now).unwrap();
            assert!(pause >= Duration::from_millis(least), "{pause:?}");
            assert!(pause <= 2 * longest, "{pause:?}");
            // The watch says that it is about to list, and fails.
            pauses.reset();
            now += pause + Duration::from_secs(1);
        }
        assert!(pauses.after(now + longest).unwrap() <= Duration::from_millis(100));
    }
}
