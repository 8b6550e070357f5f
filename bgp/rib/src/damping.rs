//! Damping of announcements that come and go.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ipnet::IpNet;

/// More histories than this are not kept; the one that would be forgotten first goes.
const MAX_HISTORIES: usize = 1 << 16;
/// Histories are forgotten below this part of the reuse limit (RFC 2439 section 4.2).
const FORGET: f64 = 0.5;

/// The figures of RFC 2439 section 4.2. A history is a figure of merit that grows by `penalty` with each withdrawal and is
/// halved every `half_life`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DampingSettings {
    /// What a withdrawal costs.
    pub penalty: u32,
    /// Above this an announcement is held back.
    pub suppress: u32,
    /// Below this it is let go.
    pub reuse: u32,
    /// The time in which a history is halved.
    pub half_life: Duration,
    /// The longest that an announcement is held back after the last withdrawal.
    pub max_hold: Duration,
}

impl Default for DampingSettings {
    /// A VIP may go and come back three times in a row; after the fourth time it is held back for some 20 s, after many for
    /// one minute. Routers that damp at all count in quarters of an hour: they never get to see as much.
    fn default() -> Self {
        Self {
            penalty: 1000,
            suppress: 3000,
            reuse: 1500,
            half_life: Duration::from_secs(15),
            max_hold: Duration::from_secs(60),
        }
    }
}

impl DampingSettings {
    /// True when the figures make sense: nothing is zero, `reuse` is at most `suppress`, and `max_hold` is long enough for a
    /// history to get above `suppress`.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.penalty > 0
            && self.reuse > 0
            && self.reuse <= self.suppress
            && !self.half_life.is_zero()
            && self.ceiling() > f64::from(self.suppress)
    }

    /// The ceiling of a history: from there it takes `max_hold` to the reuse limit (RFC 2439 section 4.2).
    fn ceiling(&self) -> f64 {
        let halvings = self.max_hold.as_secs_f64() / self.half_life.as_secs_f64();
        // More halvings than a number has binary digits make no difference.
        f64::from(self.reuse) * halvings.min(64.0).exp2()
    }

    fn decayed(&self, merit: f64, time: Duration) -> f64 {
        merit * (-time.as_secs_f64() / self.half_life.as_secs_f64()).exp2()
    }

    /// How long it takes from `merit` to `limit`.
    fn time_to(&self, merit: f64, limit: f64) -> Duration {
        let halvings = (merit / limit).log2().max(0.0);
        Duration::try_from_secs_f64(self.half_life.as_secs_f64() * halvings).unwrap_or(Duration::ZERO)
    }

    /// How long a history counts.
    fn time_to_forget(&self, merit: f64) -> Duration {
        self.time_to(merit, f64::from(self.reuse) * FORGET)
    }
}

/// What to do with a prefix that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Announce it.
    Announce,
    /// It came and went too often: it stays withdrawn.
    Suppress {
        /// When it is let go if it goes on working.
        until: Instant,
    },
}

/// Holds announcements back that came and went too often. A withdrawal is never held back, and what was held back is not
/// announced before its time, so a peer sees a flapping VIP as one that is down.
///
/// Time is an argument; [`Damping::next_deadline`] tells when [`Damping::expire`] is due.
#[derive(Debug)]
pub struct Damping {
    settings: DampingSettings,
    histories: BTreeMap<IpNet, History>,
    /// Each history once, at the time at which it changes by itself.
    deadlines: BTreeSet<(Instant, IpNet)>,
}

/// What is remembered of a prefix that was withdrawn.
#[derive(Debug, Clone, Copy)]
struct History {
    wanted: bool,
    /// Figure of merit at `at`.
    merit: f64,
    at: Instant,
    suppressed_until: Option<Instant>,
    deadline: Instant,
}

/// What is known of a prefix that was withdrawn lately.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DampingState {
    /// The figure of merit.
    pub merit: f64,
    /// Until when announcements are held back; `None` when they are not.
    pub suppressed_until: Option<Instant>,
}

impl Damping {
    /// No histories.
    #[must_use]
    pub fn new(settings: DampingSettings) -> Self {
        Self { settings, histories: BTreeMap::new(), deadlines: BTreeSet::new() }
    }

    /// New figures, which count from the next withdrawal on: what is held back stays so until the time that was given.
    pub fn set_settings(&mut self, settings: DampingSettings) {
        self.settings = settings;
    }

    /// A prefix works. What to do with it now; when it is held back, [`Damping::expire`] names it once its time has come.
    pub fn announce(&mut self, prefix: IpNet, now: Instant) -> Verdict {
        let Some(history) = self.histories.get_mut(&prefix) else { return Verdict::Announce };
        history.wanted = true;
        match history.suppressed_until {
            Some(until) if until > now => Verdict::Suppress { until },
            // The deadline stands: it will find nothing to let go and set the next one.
            _ => {
                history.suppressed_until = None;
                Verdict::Announce
            }
        }
    }

    /// A prefix that worked does not work any more: it is to be withdrawn, if it is announced. Saying so again costs nothing.
    pub fn withdraw(&mut self, prefix: IpNet, now: Instant) {
        let settings = self.settings;
        let known = self.histories.get(&prefix).copied();
        if known.is_some_and(|history| !history.wanted) {
            return;
        }
        let before = known.map_or(0.0, |history| {
            settings.decayed(history.merit, now.saturating_duration_since(history.at))
        });
        let merit = (before + f64::from(settings.penalty)).min(settings.ceiling());
        let held = known.and_then(|history| history.suppressed_until).filter(|until| *until > now);
        // Once held back, until the history is below the reuse limit.
        let suppressed_until = (held.is_some() || merit > f64::from(settings.suppress)).then(|| {
            let time = settings.time_to(merit, f64::from(settings.reuse)).min(settings.max_hold);
            later(now, time).max(held.unwrap_or(now))
        });
        let deadline = suppressed_until.unwrap_or_else(|| later(now, settings.time_to_forget(merit)));
        if known.is_none() && self.histories.len() >= MAX_HISTORIES {
            self.forget_first();
        }
        self.put(prefix, History { wanted: false, merit, at: now, suppressed_until, deadline });
    }

    /// Prefixes that were held back, work, and are to be announced now.
    pub fn expire(&mut self, now: Instant) -> Vec<IpNet> {
        let mut released = Vec::new();
        while let Some((deadline, prefix)) = self.deadlines.first().copied()
            && deadline <= now
        {
            self.deadlines.pop_first();
            let Some(history) = self.histories.get(&prefix).copied() else { continue };
            if history.suppressed_until.is_some() && history.wanted {
                released.push(prefix);
            }
            let merit = self.settings.decayed(history.merit, now.saturating_duration_since(history.at));
            let time = self.settings.time_to_forget(merit);
            if time.is_zero() {
                self.histories.remove(&prefix);
                continue;
            }
            let deadline = later(now, time);
            self.put(prefix, History { merit, at: now, suppressed_until: None, deadline, ..history });
        }
        released
    }

    /// When [`Damping::expire`] is due; `None` when there is nothing to wait for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// What is remembered of a prefix; `None` when it was not withdrawn lately.
    #[must_use]
    pub fn state(&self, prefix: &IpNet, now: Instant) -> Option<DampingState> {
        let history = self.histories.get(prefix)?;
        let merit = self.settings.decayed(history.merit, now.saturating_duration_since(history.at));
        Some(DampingState { merit, suppressed_until: history.suppressed_until.filter(|until| *until > now) })
    }

    /// Working prefixes that are held back now, in order, each with the time until which it is.
    pub fn suppressed(&self, now: Instant) -> impl Iterator<Item = (IpNet, Instant)> {
        self.histories.iter().filter(|(_, history)| history.wanted).filter_map(move |(prefix, history)| {
            Some((*prefix, history.suppressed_until.filter(|until| *until > now)?))
        })
    }

    fn put(&mut self, prefix: IpNet, history: History) {
        if let Some(before) = self.histories.insert(prefix, history) {
            self.deadlines.remove(&(before.deadline, prefix));
        }
        self.deadlines.insert((history.deadline, prefix));
    }

    /// Forgets the history that is nearest to its end among those that hold nothing back; when all do, one that does not work.
    fn forget_first(&mut self) {
        let is_free = |(_, prefix): &&(Instant, IpNet)| {
            self.histories
                .get(prefix)
                .is_none_or(|history| history.suppressed_until.is_none() || !history.wanted)
        };
        if let Some(first) = self.deadlines.iter().find(is_free).copied() {
            self.deadlines.remove(&first);
            self.histories.remove(&first.1);
        }
    }
}

/// `time` after `now`; now when there is no such time.
fn later(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or(now)
}
