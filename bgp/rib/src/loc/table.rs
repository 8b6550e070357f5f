//! Paths of all speakers, by prefix.

mod selected;
mod stale;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guideway_bgp_wire::{Families, Family, Role, Update};
use ipnet::IpNet;
use thiserror::Error;

use crate::Route;

use super::aggregate::{AggregateConfig, AggregateState, Aggregates};
use super::attributes::Local;
use super::decision::Candidate;
use super::intern::{Interned, Interner};
use super::source::{Freshness, Limit, LimitAction, Refusal, RefusedSession, Session, SourceKind, SpeakerId};
use stale::Timers;

/// What a Loc-RIB is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The aggregator itself.
    pub local: Local,
    /// The longest that paths are kept while a speaker restarts, whatever its Restart Time is.
    pub restart_limit: Duration,
    /// The longest that old paths are kept while a speaker that is back tells its routes (RFC 4724 section 4.2), or tells them
    /// again (RFC 7313 section 4).
    pub resync_limit: Duration,
    /// The longest that paths are kept beyond a restart, whatever the Long-lived Stale Time is; `None` keeps none (RFC 9494
    /// section 4.2).
    pub long_lived_limit: Option<Duration>,
    /// Covering prefixes; none may hold another one.
    pub aggregates: Vec<AggregateConfig>,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// The speaker may be restarting: its paths are kept as it asked for (RFC 4724, RFC 8538).
    Graceful,
    /// Its paths are gone.
    Hard,
}

/// A speaker announces more prefixes than it may, and its session has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("more than {limit} {family} prefixes")]
pub struct LimitReached {
    /// Of which family.
    pub family: Family,
    /// The limit.
    pub limit: usize,
}

/// A path of a speaker, as in its Adj-RIB-In.
#[derive(Debug, Clone)]
pub struct Path {
    /// Whose it is.
    pub speaker: SpeakerId,
    route: Interned,
    /// How current it is.
    pub freshness: Freshness,
    /// Why it is no candidate, if so.
    pub refused: Option<Refusal>,
    /// Since when it is as it is.
    pub since: Instant,
}

impl Path {
    /// Next hop and attributes as they were received.
    #[must_use]
    pub fn route(&self) -> &Arc<Route> {
        self.route.arc()
    }
}

/// What is known of a speaker.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceView {
    /// Who.
    pub speaker: SpeakerId,
    /// Its address.
    pub address: IpAddr,
    /// The session stands.
    pub connected: bool,
    /// Paths, those that are no candidates included.
    pub paths: usize,
    /// Paths that are kept although the session ended.
    pub stale: usize,
    /// Paths that are no candidates.
    pub refused: usize,
    /// Paths of the family that has the most.
    pub most: usize,
    /// Announcements that were not taken because of the limit, in this session.
    pub blocked: u64,
}

#[derive(Debug)]
struct Source {
    session: Session,
    connected: bool,
    families: BTreeMap<Family, Counts>,
    timers: BTreeMap<Family, Timers>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    paths: usize,
    blocked: u64,
}

/// The paths of all speakers. See the [module](super).
#[derive(Debug)]
pub struct LocRib {
    settings: Settings,
    sources: BTreeMap<SpeakerId, Source>,
    /// The paths of a prefix in the order of speakers; never empty.
    prefixes: BTreeMap<IpNet, Vec<Path>>,
    routes: Interner,
    aggregates: Aggregates,
    /// The paths of the aggregates that are up.
    aggregate_paths: BTreeMap<IpNet, Vec<Candidate>>,
    changed: BTreeSet<IpNet>,
}

impl LocRib {
    /// An empty one.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut aggregates = Aggregates::default();
        aggregates.configure(&settings.aggregates);
        Self {
            settings,
            sources: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            routes: Interner::default(),
            aggregates,
            aggregate_paths: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }

    /// What it is configured with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes another configuration over. Deadlines that run already stay.
    pub fn configure(&mut self, settings: Settings) {
        if settings.aggregates != self.settings.aggregates {
            self.changed.extend(self.aggregates.configure(&settings.aggregates));
            // Each specific finds its aggregate anew.
            self.changed.extend(self.prefixes.keys());
            self.changed.extend(settings.aggregates.iter().map(|aggregate| aggregate.prefix));
        }
        let local_changed = settings.local != self.settings.local;
        self.settings = settings;
        if local_changed {
            self.check_again(|_| true);
        }
    }

    /// Other rules for a speaker whose session goes on: the prefixes that it may announce, a limit, which holds for what it
    /// announces from now on, and whether it is a client.
    pub fn set_rules(&mut self, speaker: SpeakerId, kind: SourceKind, allowed: Vec<IpNet>, limit: Limit) {
        let Some(source) = self.sources.get_mut(&speaker) else { return };
        source.session.limit = limit;
        if source.session.kind != kind {
            source.session.kind = kind;
            let of_speaker = |(_, paths): &(&IpNet, &Vec<Path>)| {
                paths.binary_search_by_key(&speaker, |path| path.speaker).is_ok()
            };
            self.changed.extend(self.prefixes.iter().filter(of_speaker).map(|(prefix, _)| prefix));
        }
        if source.session.allowed != allowed {
            source.session.allowed = allowed;
            self.check_again(|other| other == speaker);
        }
    }

    /// A session with a speaker stands.
    ///
    /// # Errors
    ///
    /// When another live session has the same BGP identifier. Then the session is not to be let in: none of its events may be
    /// told here.
    pub fn up(&mut self, now: Instant, speaker: SpeakerId, session: Session) -> Result<(), RefusedSession> {
        let Some(source) = self.sources.get_mut(&speaker) else {
            let source = Source::new(session);
            self.sources.insert(speaker, source);
            return Ok(());
        };
        if source.connected {
            if source.session.address != session.address {
                let other = source.session.address;
                return Err(RefusedSession::IdentifierInUse { id: speaker, other });
            }
            // The end of the one before was not told.
            self.down(now, speaker, SessionEnd::Graceful);
            return self.up(now, speaker, session);
        }
        let old = std::mem::replace(source, Source::new(session));
        self.resume(now, speaker, old);
        Ok(())
    }

    /// An UPDATE of a live session. Path identifiers mean nothing here: a speaker has one path to a prefix.
    ///
    /// # Errors
    ///
    /// When there are more prefixes than the speaker may announce, and the session has to end because of it. What came before
    /// the one too many is taken.
    pub fn update(&mut self, now: Instant, speaker: SpeakerId, update: &Update) -> Result<(), LimitReached> {
        for nlri in update.unreach.iter().flat_map(|unreach| &unreach.nlri) {
            self.remove(speaker, nlri.prefix.trunc());
        }
        for reach in &update.reach {
            let mut attributes = update.attributes.clone();
            let Some(source) = self.sources.get(&speaker).filter(|source| source.connected) else {
                return Ok(());
            };
            // RFC 9234 section 5: from above or beside, it is for customers only from here on.
            if matches!(source.session.peer_role, Some(Role::Provider | Role::Peer | Role::RouteServer)) {
                attributes.only_to_customer.get_or_insert(source.session.peer_as);
            }
            let route = self.routes.intern(Route { next_hop: reach.next_hop, attributes });
            for nlri in &reach.nlri {
                self.insert(now, speaker, nlri.prefix.trunc(), &route)?;
            }
        }
        Ok(())
    }

    fn insert(
        &mut self,
        now: Instant,
        speaker: SpeakerId,
        prefix: IpNet,
        route: &Interned,
    ) -> Result<(), LimitReached> {
        let Some(source) = self.sources.get_mut(&speaker) else { return Ok(()) };
        let refused = source.session.check(&self.settings.local, &prefix, route).err();
        let path = Path { speaker, route: route.clone(), freshness: Freshness::Fresh, refused, since: now };
        let at =
            self.prefixes.get(&prefix).map(|paths| paths.binary_search_by_key(&speaker, |path| path.speaker));
        if let Some(Ok(at)) = at
            && let Some(paths) = self.prefixes.get_mut(&prefix)
        {
            let old = &mut paths[at];
            let same = old.route == path.route && old.refused == refused;
            let since = if same { old.since } else { now };
            if !same || matches!(old.freshness, Freshness::LongLived { .. }) {
                self.changed.insert(prefix);
            }
            *old = Path { since, ..path };
            return Ok(());
        }
        let family = Family::of_prefix(&prefix);
        let limit = source.session.limit;
        let counts = source.families.entry(family).or_default();
        if counts.paths >= limit.prefixes {
            match limit.action {
                LimitAction::Warn => {}
                LimitAction::Block => {
                    counts.blocked += 1;
                    return Ok(());
                }
                LimitAction::Reset => return Err(LimitReached { family, limit: limit.prefixes }),
            }
        }
        counts.paths += 1;
        let paths = self.prefixes.entry(prefix).or_default();
        paths.insert(at.map_or(0, |at| at.unwrap_or_else(|at| at)), path);
        self.changed.insert(prefix);
        Ok(())
    }

    fn remove(&mut self, speaker: SpeakerId, prefix: IpNet) {
        let Some(paths) = self.prefixes.get_mut(&prefix) else { return };
        let Ok(at) = paths.binary_search_by_key(&speaker, |path| path.speaker) else { return };
        paths.remove(at);
        if paths.is_empty() {
            self.prefixes.remove(&prefix);
        }
        self.changed.insert(prefix);
        if let Some(source) = self.sources.get_mut(&speaker) {
            source.families.entry(Family::of_prefix(&prefix)).or_default().paths -= 1;
        }
    }

    /// The verdict on every path of these speakers once more.
    fn check_again(&mut self, speakers: impl Fn(SpeakerId) -> bool) {
        for (prefix, paths) in &mut self.prefixes {
            for path in paths.iter_mut().filter(|path| speakers(path.speaker)) {
                let Some(source) = self.sources.get(&path.speaker) else { continue };
                let refused = source.session.check(&self.settings.local, prefix, &path.route).err();
                if refused != path.refused {
                    path.refused = refused;
                    self.changed.insert(*prefix);
                }
            }
        }
    }

    /// What every speaker announces, by prefix: all Adj-RIBs-In.
    pub fn prefixes(&self) -> impl Iterator<Item = (&IpNet, &[Path])> {
        self.prefixes.iter().map(|(prefix, paths)| (prefix, paths.as_slice()))
    }

    /// The paths to a prefix, in the order of speakers.
    #[must_use]
    pub fn paths(&self, prefix: &IpNet) -> &[Path] {
        self.prefixes.get(prefix).map_or(&[], Vec::as_slice)
    }

    /// Every speaker that has a session, or paths.
    #[must_use]
    pub fn sources(&self) -> Vec<SourceView> {
        let mut views: BTreeMap<SpeakerId, SourceView> = BTreeMap::new();
        for (speaker, source) in &self.sources {
            let view = SourceView {
                speaker: *speaker,
                address: source.session.address,
                connected: source.connected,
                paths: source.families.values().map(|counts| counts.paths).sum(),
                stale: 0,
                refused: 0,
                most: source.families.values().map(|counts| counts.paths).max().unwrap_or(0),
                blocked: source.families.values().map(|counts| counts.blocked).sum(),
            };
            views.insert(*speaker, view);
        }
        for path in self.prefixes.values().flatten() {
            if let Some(view) = views.get_mut(&path.speaker) {
                view.stale += usize::from(path.freshness.is_stale());
                view.refused += usize::from(path.refused.is_some());
            }
        }
        views.into_values().collect()
    }

    /// Every speaker that has a session, or paths, with its address.
    pub fn speakers(&self) -> impl Iterator<Item = (SpeakerId, IpAddr)> {
        self.sources.iter().map(|(speaker, source)| (*speaker, source.session.address))
    }

    /// Paths of a speaker, those that are no candidates included.
    #[must_use]
    pub fn count(&self, speaker: SpeakerId) -> usize {
        let source = self.sources.get(&speaker);
        source.map_or(0, |source| source.families.values().map(|counts| counts.paths).sum())
    }

    /// The families whose End-of-RIB the speaker has sent in its live session.
    #[must_use]
    pub fn ended(&self, speaker: SpeakerId) -> Families {
        let Some(source) = self.sources.get(&speaker) else { return Families::NONE };
        let ended = source.timers.iter().filter(|(_, timers)| timers.ended && source.connected);
        ended.map(|(family, _)| *family).collect()
    }

    /// Every aggregate.
    #[must_use]
    pub fn aggregates(&self) -> Vec<AggregateState> {
        self.aggregates.states()
    }

    /// The aggregate that says everything there is to say about this prefix, if there is one.
    #[must_use]
    pub fn covering(&self, prefix: &IpNet) -> Option<IpNet> {
        self.aggregates.covering(prefix)
    }
}

impl Source {
    fn new(session: Session) -> Self {
        Self { session, connected: true, families: BTreeMap::new(), timers: BTreeMap::new() }
    }
}
