//! What operators are shown.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guideway_bgp_peer::PeerId;
use guideway_bgp_rib::Route;
use guideway_bgp_rib::loc::{AggregateState, Freshness, Paths, Refusal, SpeakerId, Specifics, decide};
use guideway_bgp_wire::Family;
use ipnet::IpNet;

use super::{Core, RouterSeat, Seat, SpeakerSeat, State};

/// The whole, in numbers and words.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// Why nothing is sent yet; `None` when everything is.
    pub held: Option<String>,
    /// Speakers with a session.
    pub speakers: usize,
    /// Speakers that are kept while they are away.
    pub speakers_stale: usize,
    /// Prefixes that somebody announces.
    pub prefixes: usize,
    /// Paths that may be told.
    pub paths: usize,
    /// Paths that are kept while their speakers are away.
    pub paths_stale: usize,
    /// Paths that are not taken.
    pub paths_refused: usize,
    /// The aggregates.
    pub aggregates: Vec<AggregateState>,
}

/// What there is to say about a peer beside its session.
#[derive(Debug, Clone, Default)]
pub struct PeerNotes {
    /// `speaker` or `router`.
    pub kind: &'static str,
    /// In words.
    pub problems: Vec<String>,
    /// Of a router: the most paths of a prefix that it could use and is not told; 1 when nothing is lost.
    pub ways: usize,
    /// Of a speaker: paths that are not taken.
    pub refused: usize,
}

/// A prefix in the list of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixLine {
    /// The prefix.
    pub prefix: IpNet,
    /// What becomes of it, in one word.
    pub state: &'static str,
    /// How long it has been so.
    pub age: Duration,
    /// The routers that are told of it.
    pub told: Vec<String>,
}

/// A path to a prefix.
#[derive(Debug, Clone)]
pub struct PathView {
    /// Whose.
    pub speaker: SpeakerId,
    /// As it was received.
    pub route: Arc<Route>,
    /// Kept although the session ended.
    pub stale: bool,
    /// For longer than a restart takes.
    pub long_lived: bool,
    /// Why it is not taken, if so.
    pub refused: Option<Refusal>,
    /// How long it has been as it is.
    pub age: Duration,
    /// It is the best one.
    pub best: bool,
    /// It is as good as the best one.
    pub multipath: bool,
}

/// What is known of a prefix.
#[derive(Debug, Clone)]
pub struct PrefixView {
    /// Which one.
    pub prefix: IpNet,
    /// The paths of the speakers.
    pub paths: Vec<PathView>,
    /// The aggregate that covers it, when that says everything there is to say.
    pub covered_by: Option<IpNet>,
    /// It is an aggregate of ours that is told.
    pub aggregate: bool,
    /// What each router is told.
    pub routers: Vec<RouterView>,
}

/// What a router is told of a prefix.
#[derive(Debug, Clone)]
pub struct RouterView {
    /// Its name.
    pub name: String,
    /// The routes, by path identifier.
    pub told: Vec<(u32, Arc<Route>)>,
    /// Why there is none, if so.
    pub reason: String,
}

impl Core {
    /// The whole, in numbers and words.
    #[must_use]
    pub fn overview(&self) -> Overview {
        let state = self.state();
        let sources = state.loc.sources();
        let mut overview = Overview {
            held: state.held(),
            speakers: sources.iter().filter(|source| source.connected).count(),
            speakers_stale: sources.iter().filter(|source| !source.connected).count(),
            aggregates: state.loc.aggregates(),
            ..Overview::default()
        };
        for source in &sources {
            overview.paths += source.paths - source.refused;
            overview.paths_stale += source.stale;
            overview.paths_refused += source.refused;
        }
        overview.prefixes = state.loc.prefixes().count();
        overview
    }

    /// Why nothing is sent yet; `None` when everything is.
    #[must_use]
    pub fn held(&self) -> Option<String> {
        self.state().held()
    }

    /// What there is to say about each peer that has, or had, a session.
    #[must_use]
    pub fn notes(&self) -> BTreeMap<PeerId, PeerNotes> {
        let state = self.state();
        let sources: BTreeMap<_, _> =
            state.loc.sources().into_iter().map(|source| (source.speaker, source)).collect();
        let reasons = state.refusals();
        let note = |seat: &Seat| match seat {
            Seat::Router(router) => state.router_notes(router),
            Seat::Speaker(speaker) => {
                let mut notes = PeerNotes { kind: "speaker", ..PeerNotes::default() };
                notes.problems.extend(speaker.refused.clone());
                if speaker.refused.is_none()
                    && let Some(source) = sources.get(&speaker.id)
                {
                    notes.refused = source.refused;
                    speaker_problems(&mut notes, speaker, source);
                    let refused = reasons.get(&speaker.id).into_iter().flatten();
                    notes.problems.extend(
                        refused.map(|(reason, count)| format!("{count} of its paths not taken: {reason}")),
                    );
                }
                notes
            }
        };
        state.seats.iter().map(|(peer, seat)| (*peer, note(seat))).collect()
    }

    /// What a speaker announces; `None` for a router or a peer without a session so far.
    #[must_use]
    pub fn adj_rib_in(&self, peer: PeerId) -> Option<Vec<(IpNet, PathView)>> {
        let state = self.state();
        let speaker = state.speaker(peer)?;
        if speaker.refused.is_some() {
            return Some(Vec::new());
        }
        let now = Instant::now();
        let own = state.loc.prefixes().filter_map(|(prefix, paths)| {
            let path = paths.iter().find(|path| path.speaker == speaker.id)?;
            Some((*prefix, path_view(path, now)))
        });
        Some(own.collect())
    }

    /// Every prefix that is known, and the routers that are told of it.
    #[must_use]
    pub fn routes(&self) -> Vec<PrefixLine> {
        let (state, now) = (self.state(), Instant::now());
        let mut told: BTreeMap<IpNet, Vec<String>> = BTreeMap::new();
        for prefix in state.loc.prefixes().map(|(prefix, _)| *prefix).chain(state.loc.selected()) {
            told.entry(prefix).or_default();
        }
        for router in state.routers() {
            for class in router.keys.iter().filter_map(|key| state.classes.get(key)) {
                for (prefix, routers) in &mut told {
                    if !class.view.routes_of(prefix).is_empty() {
                        routers.push(router.name.clone());
                    }
                }
            }
        }
        let held = !state.deferral.is_released();
        let line = |(prefix, mut routers): (IpNet, Vec<String>)| {
            routers.sort();
            let word = if state.loc.is_aggregate(&prefix) {
                "aggregate"
            } else if state.loc.candidates(&prefix).is_empty() {
                "refused"
            } else if held {
                "held"
            } else if state.loc.covering(&prefix).is_some() && routers.is_empty() {
                "aggregated"
            } else {
                "announced"
            };
            // A prefix of which nothing is taken is so since its latest path came.
            let latest = || state.loc.paths(&prefix).iter().map(|path| path.since).max();
            let since = state.since.of(&prefix).or_else(latest);
            PrefixLine {
                prefix,
                state: word,
                told: if held { Vec::new() } else { routers },
                age: since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since)),
            }
        };
        told.into_iter().map(line).collect()
    }

    /// What is known of a prefix, or of the longest one that holds it; `None` when there is none.
    #[must_use]
    pub fn explain(&self, target: IpNet) -> Option<PrefixView> {
        let state = self.state();
        let known = state.loc.prefixes().map(|(prefix, _)| *prefix).chain(state.loc.selected());
        let prefix = known.filter(|prefix| prefix.contains(&target)).max_by_key(IpNet::prefix_len)?;
        let now = Instant::now();
        let mut paths: Vec<_> = state.loc.paths(&prefix).iter().map(|path| path_view(path, now)).collect();
        let candidates = state.loc.candidates(&prefix);
        if let Some(decision) = decide(&candidates, state.config.local.local_pref) {
            for path in &mut paths {
                let at = candidates.iter().position(|candidate| candidate.speaker == path.speaker);
                let at = at.filter(|_| path.refused.is_none());
                path.best = at == Some(decision.best);
                path.multipath = at.is_some_and(|at| decision.multipath.contains(&at));
            }
        }
        Some(PrefixView {
            prefix,
            paths,
            covered_by: state.loc.covering(&prefix),
            aggregate: state.loc.is_aggregate(&prefix),
            routers: state.routers().map(|router| state.router_view(router, &prefix)).collect(),
        })
    }
}

impl State {
    fn held(&self) -> Option<String> {
        if self.deferral.is_released() {
            return None;
        }
        let left = self.deferral.deadline().saturating_duration_since(Instant::now()).as_secs();
        let waiting: Vec<_> = self
            .deferral
            .waiting_for()
            .map(|(known, what)| format!("{} ({what})", self.name_of(known)))
            .collect();
        Some(format!(
            "nothing is sent yet, for {left} s at most: waits for {} of the speakers known before: {}",
            waiting.len(),
            waiting.join(", ")
        ))
    }

    fn name_of(&self, known: &guideway_bgp_rib::loc::Known) -> String {
        use guideway_bgp_rib::loc::Known;
        match known {
            Known::Identifier(id) => match self.missing.get(id) {
                Some(remembered) => format!("{} {id}", remembered.name),
                None => id.to_string(),
            },
            Known::Name(name) => name.clone(),
        }
    }

    fn routers(&self) -> impl Iterator<Item = &RouterSeat> {
        let mut routers: Vec<_> = self
            .seats
            .values()
            .filter_map(|seat| match seat {
                Seat::Router(router) if router.connected => Some(router),
                _ => None,
            })
            .collect();
        routers.sort_by(|a, b| a.name.cmp(&b.name));
        routers.into_iter()
    }

    /// How many paths of each speaker are not taken, by reason.
    fn refusals(&self) -> BTreeMap<SpeakerId, BTreeMap<Refusal, usize>> {
        let mut reasons: BTreeMap<SpeakerId, BTreeMap<Refusal, usize>> = BTreeMap::new();
        for path in self.loc.prefixes().flat_map(|(_, paths)| paths) {
            if let Some(refused) = path.refused {
                *reasons.entry(path.speaker).or_default().entry(refused).or_default() += 1;
            }
        }
        reasons
    }

    fn router_notes(&self, router: &RouterSeat) -> PeerNotes {
        let mut notes = PeerNotes { kind: "router", ways: 1, ..PeerNotes::default() };
        for key in router.keys.iter().filter(|_| router.connected) {
            let Some(class) = self.classes.get(key) else { continue };
            if key.target.paths == Paths::All {
                continue;
            }
            let (family, ways) = (key.target.target.family, class.view.not_told(&self.loc));
            notes.ways = notes.ways.max(ways);
            notes.problems.push(if ways > 1 {
                format!("no ADD-PATH for {family}: one path of {ways}, no ECMP")
            } else {
                format!("no ADD-PATH for {family}: of several paths it would be told one")
            });
        }
        notes
    }

    fn router_view(&self, router: &RouterSeat, prefix: &IpNet) -> RouterView {
        let mut view = RouterView { name: router.name.clone(), told: Vec::new(), reason: String::new() };
        let family = Family::of_prefix(prefix);
        let key = router.keys.iter().find(|key| key.target.target.family == family);
        let Some((key, class)) = key.and_then(|key| Some((key, self.classes.get(key)?))) else {
            view.reason = format!("{family} was not agreed on");
            return view;
        };
        view.told = class.view.routes_of(prefix).to_vec();
        if !view.told.is_empty() {
            if let Some(held) = self.held() {
                view.told.clear();
                view.reason = held;
            }
            return view;
        }
        view.reason = match (key.target.specifics, self.loc.covering(prefix)) {
            (Specifics::Uncovered, Some(aggregate)) => format!("{aggregate} says the same of it"),
            (Specifics::Only, _) if self.loc.is_aggregate(prefix) => {
                "the router is told no aggregates (`aggregates: off`)".to_owned()
            }
            _ => {
                let reasons: Vec<_> = class
                    .view
                    .not_sent(&self.loc, prefix)
                    .into_iter()
                    .map(|(speaker, reason)| format!("{speaker}: {reason}"))
                    .collect();
                if reasons.is_empty() { "no path is taken".to_owned() } else { reasons.join("; ") }
            }
        };
        view
    }
}

fn speaker_problems(
    notes: &mut PeerNotes,
    speaker: &SpeakerSeat,
    source: &guideway_bgp_rib::loc::SourceView,
) {
    let SpeakerSeat { limit, warn_percent, .. } = speaker;
    if source.blocked > 0 {
        notes
            .problems
            .push(format!("{} announcements beyond the limit of {limit} prefixes not taken", source.blocked));
    } else if source.most > limit.saturating_mul(usize::from(*warn_percent)) / 100 {
        notes.problems.push(format!("announces {} prefixes of at most {limit}", source.most));
    }
}

fn path_view(path: &guideway_bgp_rib::loc::Path, now: Instant) -> PathView {
    PathView {
        speaker: path.speaker,
        route: Arc::clone(path.route()),
        stale: path.freshness.is_stale(),
        long_lived: matches!(path.freshness, Freshness::LongLived { .. }),
        refused: path.refused,
        age: now.saturating_duration_since(path.since),
        best: false,
        multipath: false,
    }
}

/// An address as its host prefix, or a prefix.
///
/// # Errors
///
/// When it is neither.
pub fn target(text: &str) -> Result<IpNet, String> {
    let wrong = || format!("`{}` is neither an address nor a prefix", text.escape_debug());
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(address.into()),
        Err(_) => text.parse::<IpNet>().map(|prefix| prefix.trunc()).map_err(|_| wrong()),
    }
}
