//! Paths of speakers that are away, come back, or tell everything again.

use std::time::{Duration, Instant};

use guideway_bgp_wire::{Community, Family};

use super::super::source::{Freshness, SpeakerId};
use super::{LocRib, SessionEnd, Source};

/// Deadlines of one family of a speaker.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Timers {
    /// The End-of-RIB of the live session has come.
    pub(super) ended: bool,
    /// Away: until then paths are merely stale.
    restart: Option<Instant>,
    /// Away: the earliest end of a long-lived path.
    long_lived: Option<Instant>,
    /// Back: until then what was before is waited for.
    resync: Option<Instant>,
    /// Telling again: until then what was before is waited for.
    refresh: Option<Instant>,
}

impl Timers {
    fn earliest(&self) -> Option<Instant> {
        [self.restart, self.long_lived, self.resync, self.refresh].into_iter().flatten().min()
    }
}

impl Source {
    fn timers(&mut self, family: Family) -> &mut Timers {
        self.timers.entry(family).or_default()
    }

    /// The Restart Time that the speaker has told for a family, zero when it told none (RFC 9494 section 4.2).
    fn restart_time(&self, family: Family) -> Duration {
        let graceful = self.session.graceful.filter(|graceful| graceful.families.contains(family));
        graceful.map_or(Duration::ZERO, |graceful| graceful.restart_time)
    }

    /// The Long-lived Stale Time. It means nothing without the graceful restart capability (RFC 9494 section 3).
    fn long_lived_time(&self, family: Family) -> Duration {
        let found = self.session.long_lived.iter().find(|long_lived| long_lived.family == family);
        match (self.session.graceful, found) {
            (Some(_), Some(long_lived)) => long_lived.stale_time,
            _ => Duration::ZERO,
        }
    }

    /// True when the speaker, back now, says that packets were forwarded all the while.
    fn forwarded(&self, family: Family, freshness: Freshness) -> bool {
        let long_lived = || {
            let mut families = self.session.long_lived.iter();
            families.any(|long_lived| long_lived.family == family && long_lived.forwarding)
        };
        let Some(graceful) = self.session.graceful.filter(|_| self.session.families.contains(family)) else {
            return false;
        };
        match freshness {
            // RFC 9494 section 4.2: once long-lived, its own F bit counts.
            Freshness::LongLived { .. } => long_lived(),
            _ => graceful.families.contains(family) && graceful.forwarding.contains(family),
        }
    }
}

impl LocRib {
    /// The session with a speaker ended.
    pub fn down(&mut self, now: Instant, speaker: SpeakerId, end: SessionEnd) {
        let (restart_limit, long_limit) =
            (self.settings.restart_limit, self.settings.long_lived_limit.unwrap_or(Duration::ZERO));
        let Some(source) = self.sources.get_mut(&speaker) else { return };
        source.connected = false;
        let families: Vec<_> = source.session.families.iter().collect();
        for family in Family::ALL {
            let Some(source) = self.sources.get_mut(&speaker) else { return };
            let restart = source.restart_time(family).min(restart_limit);
            let long_lived = source.long_lived_time(family).min(long_limit);
            let timers = source.timers(family);
            (timers.ended, timers.refresh, timers.resync) = (false, None, None);
            let is_kept = end == SessionEnd::Graceful
                && families.contains(&family)
                && !(restart.is_zero() && long_lived.is_zero());
            if !is_kept {
                (timers.restart, timers.long_lived) = (None, None);
                self.sweep(speaker, family, |_| true);
                continue;
            }
            timers.restart = Some(now + restart);
            // RFC 4724 section 4.2: what was stale already goes, so that restarts one after the other keep nothing for ever.
            // RFC 9494 section 4.2: not so when it is long-lived; then its own deadline ends it.
            if long_lived.is_zero() {
                self.sweep(speaker, family, Freshness::is_stale);
            }
            self.mark(speaker, family, |freshness| match freshness {
                Freshness::Fresh | Freshness::Refreshing => Freshness::Stale,
                kept => kept,
            });
        }
        self.handle_timeout(now);
        self.forget_if_empty(speaker);
    }

    /// A speaker that was away has a session again, with what it agreed on now.
    pub(super) fn resume(&mut self, now: Instant, speaker: SpeakerId, old: Source) {
        let resync_limit = self.settings.resync_limit;
        let Some(source) = self.sources.get_mut(&speaker) else { return };
        source.families = old.families;
        for counts in source.families.values_mut() {
            counts.blocked = 0;
        }
        for family in Family::ALL {
            let Some(source) = self.sources.get_mut(&speaker) else { return };
            // RFC 4724 section 4.2: without the family or its F bit the paths go at once.
            let (stale, long_lived) = (
                source.forwarded(family, Freshness::Stale),
                source.forwarded(family, Freshness::LongLived { until: now }),
            );
            let timers = source.timers(family);
            timers.resync = (stale || long_lived).then(|| now + resync_limit);
            timers.long_lived =
                old.timers.get(&family).and_then(|timers| timers.long_lived).filter(|_| long_lived);
            self.sweep(speaker, family, |freshness| match freshness {
                Freshness::LongLived { .. } => !long_lived,
                _ => !stale,
            });
        }
        // What it may announce may be another.
        self.check_again(|other| other == speaker);
    }

    /// The speaker has told everything of a family: what was kept and not told again goes (RFC 4724 section 4.2).
    pub fn end_of_rib(&mut self, speaker: SpeakerId, family: Family) {
        let Some(source) = self.sources.get_mut(&speaker).filter(|source| source.connected) else { return };
        let refresh = source.timers(family).refresh;
        *source.timers(family) = Timers { ended: true, refresh, ..Timers::default() };
        self.sweep(speaker, family, Freshness::is_stale);
    }

    /// The speaker begins to tell everything of a family again (RFC 7313 section 4).
    pub fn refresh_begins(&mut self, now: Instant, speaker: SpeakerId, family: Family) {
        let until = now + self.settings.resync_limit;
        let Some(source) = self.sources.get_mut(&speaker).filter(|source| source.connected) else { return };
        source.timers(family).refresh = Some(until);
        self.mark(speaker, family, |freshness| match freshness {
            Freshness::Fresh => Freshness::Refreshing,
            other => other,
        });
    }

    /// The speaker has told everything of a family again: what was not told goes. Without a beginning it means nothing.
    pub fn refresh_ends(&mut self, speaker: SpeakerId, family: Family) {
        let Some(source) = self.sources.get_mut(&speaker).filter(|source| source.connected) else { return };
        if source.timers(family).refresh.take().is_some() {
            self.sweep(speaker, family, |freshness| freshness == Freshness::Refreshing);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let speakers: Vec<_> = self
            .sources
            .iter()
            .filter(|(_, source)| source.timers.values().any(|timers| due(timers.earliest())))
            .map(|(speaker, _)| *speaker)
            .collect();
        for speaker in speakers {
            for family in Family::ALL {
                self.family_timeout(now, speaker, family);
            }
            self.forget_if_empty(speaker);
        }
    }

    fn family_timeout(&mut self, now: Instant, speaker: SpeakerId, family: Family) {
        let due = |at: &mut Option<Instant>| at.take_if(|at| *at <= now).is_some();
        let limit = self.settings.long_lived_limit.unwrap_or(Duration::ZERO);
        let Some(source) = self.sources.get_mut(&speaker) else { return };
        let long_lived_time = source.long_lived_time(family).min(limit);
        let timers = source.timers(family);
        let ends_restart = timers.restart.filter(|at| *at <= now);
        let (_, ends_resync, ends_refresh) =
            (due(&mut timers.restart), due(&mut timers.resync), due(&mut timers.refresh));
        let mut ends_long_lived = due(&mut timers.long_lived);
        if let Some(began) = ends_restart {
            // A late call must not make anything live longer.
            let until = began + long_lived_time;
            if !long_lived_time.is_zero() {
                let timers = source.timers(family);
                timers.long_lived = Some(timers.long_lived.map_or(until, |at| at.min(until)));
            }
            self.begin_long_lived(now, speaker, family, until);
            ends_long_lived |= until <= now;
        }
        if ends_resync {
            self.sweep(speaker, family, Freshness::is_stale);
        }
        if ends_refresh {
            self.sweep(speaker, family, |freshness| freshness == Freshness::Refreshing);
        }
        if ends_long_lived {
            self.sweep(
                speaker,
                family,
                |freshness| matches!(freshness, Freshness::LongLived { until } if until <= now),
            );
            let next = self.own(speaker, family).filter_map(|freshness| match freshness {
                Freshness::LongLived { until } => Some(until),
                _ => None,
            });
            let next = next.min();
            if let Some(source) = self.sources.get_mut(&speaker) {
                source.timers(family).long_lived = next;
            }
        }
    }

    /// The Restart Time has passed without the speaker (RFC 9494 section 4.2).
    fn begin_long_lived(&mut self, now: Instant, speaker: SpeakerId, family: Family, until: Instant) {
        if until <= now {
            return self.sweep(speaker, family, |freshness| freshness == Freshness::Stale);
        }
        let mut unwanted = Vec::new();
        for (prefix, paths) in &mut self.prefixes {
            if Family::of_prefix(prefix) != family {
                continue;
            }
            let Ok(at) = paths.binary_search_by_key(&speaker, |path| path.speaker) else { continue };
            let path = &mut paths[at];
            if path.freshness != Freshness::Stale {
                continue;
            }
            if path.route.attributes.communities.contains(&Community::NO_LLGR) {
                unwanted.push(*prefix);
            } else {
                (path.freshness, path.since) = (Freshness::LongLived { until }, now);
                self.changed.insert(*prefix);
            }
        }
        for prefix in unwanted {
            self.remove(speaker, prefix);
        }
    }

    /// When [`LocRib::handle_timeout`] or [`LocRib::settle`] has something to do although nothing happened.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timers = self.sources.values().flat_map(|source| source.timers.values());
        timers.filter_map(Timers::earliest).chain(self.aggregates.poll_timeout()).min()
    }

    /// Paths of a speaker that are kept although their session ended.
    #[must_use]
    pub fn stale(&self, speaker: SpeakerId) -> usize {
        let Some(source) = self.sources.get(&speaker) else { return 0 };
        // While no deadline runs there is none: the usual case is answered without a look at the table.
        let running = Family::ALL
            .into_iter()
            .filter(|family| source.timers.get(family).is_some_and(|timers| timers.earliest().is_some()));
        running.map(|family| self.own(speaker, family).filter(|freshness| freshness.is_stale()).count()).sum()
    }

    fn own(&self, speaker: SpeakerId, family: Family) -> impl Iterator<Item = Freshness> {
        let of_family = self.prefixes.iter().filter(move |(prefix, _)| Family::of_prefix(prefix) == family);
        of_family.filter_map(move |(_, paths)| {
            let at = paths.binary_search_by_key(&speaker, |path| path.speaker).ok()?;
            Some(paths[at].freshness)
        })
    }

    fn mark(&mut self, speaker: SpeakerId, family: Family, next: impl Fn(Freshness) -> Freshness) {
        for (prefix, paths) in &mut self.prefixes {
            if Family::of_prefix(prefix) == family
                && let Ok(at) = paths.binary_search_by_key(&speaker, |path| path.speaker)
            {
                paths[at].freshness = next(paths[at].freshness);
            }
        }
    }

    fn sweep(&mut self, speaker: SpeakerId, family: Family, goes: impl Fn(Freshness) -> bool) {
        let mut gone = Vec::new();
        for (prefix, paths) in &self.prefixes {
            if Family::of_prefix(prefix) == family
                && let Ok(at) = paths.binary_search_by_key(&speaker, |path| path.speaker)
                && goes(paths[at].freshness)
            {
                gone.push(*prefix);
            }
        }
        for prefix in gone {
            self.remove(speaker, prefix);
        }
    }

    fn forget_if_empty(&mut self, speaker: SpeakerId) {
        let is_empty =
            |source: &Source| !source.connected && source.families.values().all(|counts| counts.paths == 0);
        if self.sources.get(&speaker).is_some_and(is_empty) {
            self.sources.remove(&speaker);
        }
    }
}
