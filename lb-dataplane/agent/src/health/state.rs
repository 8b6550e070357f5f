//! The health of one backend as a pure state machine.
//!
//! ```text
//!             passed                        failed × fall
//! (unknown) ─────────▶ healthy ─────────────────────────────▶ unhealthy
//!     │                   ▲      passed × rise                    │ ▲
//!     │                   └───────────────────────────────────────┘ │
//!     └───────────────────────────── failed ────────────────────────┘
//! ```
//!
//! The first result decides at once, because without it there is nothing to go by; a backend that an earlier agent knew begins as
//! that one left it. Afterwards a result that agrees with the health only ends the run of those that do not.

use std::num::NonZeroU16;

/// What the probes of a backend say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Health {
    /// It gets traffic.
    Healthy,
    /// It gets none.
    Unhealthy,
}

impl Health {
    /// In status answers and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// How one probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeResult {
    /// As the check wants it.
    Passed,
    /// In any other way, a timeout included.
    Failed,
}

impl ProbeResult {
    const fn argues_for(self) -> Health {
        match self {
            Self::Passed => Health::Healthy,
            Self::Failed => Health::Unhealthy,
        }
    }
}

/// How many results in a row change the health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thresholds {
    /// Passed probes that make an unhealthy backend healthy.
    pub rise: NonZeroU16,
    /// Failed probes that make a healthy backend unhealthy.
    pub fall: NonZeroU16,
}

/// The state between two results. `T` is the caller's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<T> {
    verdict: Option<Verdict<T>>,
    /// Results in a row that speak against the verdict.
    against: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict<T> {
    health: Health,
    since: T,
}

/// The health became another one, or was decided for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// None at the first result.
    pub from: Option<Health>,
    /// The health from now on.
    pub to: Health,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self { verdict: None, against: 0 }
    }
}

impl<T: Copy> State<T> {
    /// Of a backend that is known to have been healthy up to `now`.
    pub const fn healthy(now: T) -> Self {
        Self { verdict: Some(Verdict { health: Health::Healthy, since: now }), against: 0 }
    }

    /// Of a backend that is known to have been unhealthy up to `now`.
    pub const fn unhealthy(now: T) -> Self {
        Self { verdict: Some(Verdict { health: Health::Unhealthy, since: now }), against: 0 }
    }

    /// Of an unhealthy backend of which it is known that it has answered, but not how often.
    pub const fn rising(now: T) -> Self {
        Self { against: 1, ..Self::unhealthy(now) }
    }

    /// The health, once a result is known.
    #[must_use]
    pub fn health(&self) -> Option<Health> {
        self.verdict.map(|verdict| verdict.health)
    }

    /// What the health will be if probes go on as the last ones ended. It differs from the health of an unhealthy backend
    /// that answers again: others may take it for healthy already, as they probe at moments of their own.
    #[must_use]
    pub fn outlook(&self) -> Option<Health> {
        let health = self.health()?;
        Some(if health == Health::Unhealthy && self.against > 0 { Health::Healthy } else { health })
    }

    /// When the health last changed or was first decided.
    #[must_use]
    pub fn since(&self) -> Option<T> {
        self.verdict.map(|verdict| verdict.since)
    }

    /// Takes in the result of a probe that ended at `now`.
    pub fn observe(&mut self, thresholds: Thresholds, result: ProbeResult, now: T) -> Option<Change> {
        let to = result.argues_for();
        let from = match self.verdict {
            None => None,
            Some(verdict) if verdict.health == to => {
                self.against = 0;
                return None;
            }
            Some(verdict) => {
                let needed = match to {
                    Health::Healthy => thresholds.rise,
                    Health::Unhealthy => thresholds.fall,
                };
                self.against = self.against.saturating_add(1);
                if self.against < needed.get() {
                    return None;
                }
                Some(verdict.health)
            }
        };
        *self = Self { verdict: Some(Verdict { health: to, since: now }), against: 0 };
        Some(Change { from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Health::{Healthy, Unhealthy};
    use ProbeResult::{Failed, Passed};
    use proptest::prelude::*;

    fn thresholds(rise: u16, fall: u16) -> Thresholds {
        Thresholds { rise: NonZeroU16::new(rise).unwrap(), fall: NonZeroU16::new(fall).unwrap() }
    }

    fn state(health: Option<Health>, against: u16) -> State<u32> {
        State { verdict: health.map(|health| Verdict { health, since: 1 }), against }
    }

    /// Every (state, result) pair with rise 2 and fall 3: state before, result, state after, change.
    #[test]
    fn table() {
        let cases = [
            (None, 0, Passed, Some(Healthy), 0, Some((None, Healthy))),
            (None, 0, Failed, Some(Unhealthy), 0, Some((None, Unhealthy))),
            (Some(Healthy), 0, Passed, Some(Healthy), 0, None),
            (Some(Healthy), 0, Failed, Some(Healthy), 1, None),
            (Some(Healthy), 1, Passed, Some(Healthy), 0, None),
            (Some(Healthy), 1, Failed, Some(Healthy), 2, None),
            (Some(Healthy), 2, Passed, Some(Healthy), 0, None),
            (Some(Healthy), 2, Failed, Some(Unhealthy), 0, Some((Some(Healthy), Unhealthy))),
            (Some(Unhealthy), 0, Passed, Some(Unhealthy), 1, None),
            (Some(Unhealthy), 0, Failed, Some(Unhealthy), 0, None),
            (Some(Unhealthy), 1, Passed, Some(Healthy), 0, Some((Some(Unhealthy), Healthy))),
            (Some(Unhealthy), 1, Failed, Some(Unhealthy), 0, None),
        ];
        for (health, against, result, then, then_against, change) in cases {
            let mut now = state(health, against);
            let got = now.observe(thresholds(2, 3), result, 9);
            let case = (health, against, result);
            assert_eq!(got, change.map(|(from, to)| Change { from, to }), "{case:?}");
            assert_eq!((now.health(), now.against), (then, then_against), "{case:?}");
            assert_eq!(now.since(), Some(if change.is_some() { 9 } else { 1 }), "{case:?}");
        }
    }

    #[test]
    fn thresholds_of_one_follow_every_result() {
        let mut state = State::default();
        for (now, result) in [Failed, Passed, Failed, Passed].into_iter().enumerate() {
            state.observe(thresholds(1, 1), result, now);
            assert_eq!(state.health(), Some(result.argues_for()));
            assert_eq!(state.since(), Some(now));
        }
    }

    proptest! {
        /// The health at the end is that of the last run long enough to decide, whatever came before.
        #[test]
        fn agrees_with_the_definition(
            results in proptest::collection::vec(any::<bool>(), 1..200),
            rise in 1_u16..6,
            fall in 1_u16..6,
        ) {
            let mut state = State::default();
            let mut expected: Option<Health> = None;
            for (now, passed) in results.iter().enumerate() {
                let result = if *passed { Passed } else { Failed };
                let before = state.health();
                let change = state.observe(thresholds(rise, fall), result, now);
                let run = results[..=now].iter().rev().take_while(|other| *other == passed).count();
                let needed = usize::from(if *passed { rise } else { fall });
                if expected.is_none() || run >= needed {
                    expected = Some(result.argues_for());
                }
                prop_assert_eq!(state.health(), expected);
                let is_rising = expected == Some(Unhealthy) && *passed;
                prop_assert_eq!(state.outlook(), if is_rising { Some(Healthy) } else { expected });
                prop_assert_eq!(change.is_some(), before != expected);
                prop_assert!(state.against < rise.max(fall));
            }
        }
    }
}
