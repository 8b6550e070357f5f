//! How long to wait before an API that has failed is asked again.

use std::time::{Duration, Instant};

use kube::runtime::utils::Backoff;
use kube::runtime::watcher::ExponentialBackoff;

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);

/// Pauses that grow, up to [`LONGEST`], until something has worked for so long.
///
/// What a watch yields does not say that it works: it announces each list before it asks for it, so that the pauses of a list
/// that fails would never grow.
pub(super) struct Pauses {
    growing: ExponentialBackoff,
    /// The end of the last one.
    end: Option<Instant>,
}

impl Pauses {
    pub(super) fn new() -> Self {
        let growing = backon::ExponentialBuilder::default()
            .with_min_delay(SHORTEST)
            .with_max_delay(LONGEST)
            .with_factor(2.0)
            .with_jitter()
            .without_max_times();
        Self { growing: growing.into(), end: None }
    }

    /// The next one, after something has failed.
    fn after(&mut self, failure: Instant) -> Option<Duration> {
        if self.end.is_some_and(|end| failure.saturating_duration_since(end) > LONGEST) {
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
        let mut pauses = Pauses::new();
        let mut now = Instant::now();
        for least in [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let pause = pauses.after(now).unwrap();
            assert!(pause >= Duration::from_millis(least), "{pause:?}");
            assert!(pause <= 2 * LONGEST, "{pause:?}");
            // The watch says that it is about to list, and fails.
            pauses.reset();
            now += pause + Duration::from_secs(1);
        }
        assert!(pauses.after(now + LONGEST).unwrap() <= 2 * SHORTEST);
    }
}
