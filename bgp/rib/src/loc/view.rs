//! What routers of one kind are told.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use guideway_bgp_wire::{Family, Nlri};
use ipnet::IpNet;

use crate::Route;

use super::attributes::{Local, NotSent, Target, advertise};
use super::decision::{Candidate, decide};
use super::source::{SourceKind, SpeakerId};
use super::table::LocRib;

/// How many paths of a prefix a router is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Paths {
    /// All, each with its speaker's path identifier (RFC 7911).
    All,
    /// The best one.
    Best,
}

/// What a router is told of aggregates and of the prefixes in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Specifics {
    /// No aggregates.
    Only,
    /// Both.
    WithAggregates,
    /// Aggregates, and the specifics that an aggregate does not speak for.
    Uncovered,
}

/// Routers with equal ones are told the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ViewTarget {
    /// The rules for attributes.
    pub target: Target,
    /// ADD-PATH or not.
    pub paths: Paths,
    /// Aggregates or not.
    pub specifics: Specifics,
}

/// A change for an update group: the route of an NLRI, or that it is withdrawn.
pub type Change = (Nlri, Option<Arc<Route>>);

/// A path identifier and its route.
pub type Told = (u32, Arc<Route>);

/// What routers of one kind are told, and what changed of it.
#[derive(Debug)]
pub struct View {
    target: ViewTarget,
    told: BTreeMap<IpNet, Vec<Told>>,
    made: Made,
}

/// Routes as they go out, by speaker and incoming route: thousands of prefixes share a few.
#[derive(Debug, Default)]
struct Made {
    routes: HashMap<Key, Entry>,
}

/// Speaker, session, address of the incoming route, long-lived or not.
type Key = (SpeakerId, SourceKind, usize, bool);

/// The incoming route is held, so that its address means it.
#[derive(Debug)]
struct Entry {
    _incoming: Arc<Route>,
    outgoing: Result<Arc<Route>, NotSent>,
}

impl View {
    /// Tells nothing yet.
    #[must_use]
    pub fn new(target: ViewTarget) -> Self {
        Self { target, told: BTreeMap::new(), made: Made::default() }
    }

    /// Whom it is for.
    #[must_use]
    pub fn target(&self) -> &ViewTarget {
        &self.target
    }

    /// Brings a prefix up to date and gives what changed.
    pub fn update(&mut self, loc: &LocRib, prefix: IpNet) -> Vec<Change> {
        if Family::of_prefix(&prefix) != self.target.target.family {
            return Vec::new();
        }
        let now = self.routes(loc, &prefix);
        let changes = changes(prefix, self.told.get(&prefix).map_or(&[][..], Vec::as_slice), &now);
        if now.is_empty() {
            self.told.remove(&prefix);
        } else {
            self.told.insert(prefix, now);
        }
        changes
    }

    /// How many prefixes it tells.
    #[must_use]
    pub fn prefixes(&self) -> usize {
        self.told.len()
    }

    /// The routes under which a prefix is told, by path identifier; none when it is not.
    #[must_use]
    pub fn routes_of(&self, prefix: &IpNet) -> &[Told] {
        self.told.get(prefix).map_or(&[], Vec::as_slice)
    }

    /// The paths to a prefix that are not told, and why.
    #[must_use]
    pub fn not_sent(&self, loc: &LocRib, prefix: &IpNet) -> Vec<(SpeakerId, NotSent)> {
        let local = loc.settings().local;
        let why =
            |path: Candidate| Some((path.speaker, advertise(&local, &self.target.target, &path).err()?));
        loc.candidates(prefix).into_iter().filter_map(why).collect()
    }

    /// The most paths that a prefix has and that are as good as the best one, when only one of each is told: 1 when nothing is
    /// lost by it.
    #[must_use]
    pub fn not_told(&self, loc: &LocRib) -> usize {
        let ways = |prefix: &IpNet| {
            decide(&loc.candidates(prefix), loc.settings().local.local_pref)
                .map_or(1, |all| all.multipath.len())
        };
        match self.target.paths {
            Paths::All => 1,
            Paths::Best => self.told.keys().map(ways).max().unwrap_or(1),
        }
    }

    fn routes(&mut self, loc: &LocRib, prefix: &IpNet) -> Vec<Told> {
        let hidden = match self.target.specifics {
            Specifics::Only => loc.is_aggregate(prefix),
            Specifics::WithAggregates => false,
            Specifics::Uncovered => loc.covering(prefix).is_some(),
        };
        if hidden {
            return Vec::new();
        }
        let local = loc.settings().local;
        if self.made.routes.len() > Made::FLOOR + 4 * self.told.len() {
            // Many are of no path any more. To make a route again costs little, and equal ones are no change.
            self.made.routes.clear();
        }
        let mut sendable = Vec::new();
        for path in loc.candidates(prefix) {
            if let Ok(route) = self.made.route(&local, &self.target.target, &path) {
                sendable.push((path, route));
            }
        }
        match self.target.paths {
            Paths::All => sendable.into_iter().map(|(path, route)| (path.speaker.path_id(), route)).collect(),
            Paths::Best => {
                let (paths, mut routes): (Vec<_>, Vec<_>) = sendable.into_iter().unzip();
                let best = decide(&paths, local.local_pref).map(|decision| decision.best);
                best.map(|best| (0, routes.swap_remove(best))).into_iter().collect()
            }
        }
    }
}

/// What leads from one list of paths to the other; both are in the order of path identifiers.
fn changes(prefix: IpNet, before: &[Told], now: &[Told]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut before = before.iter().peekable();
    let withdrawn = |path_id| (Nlri { prefix, path_id }, None);
    for (path_id, route) in now {
        while let Some((gone, _)) = before.next_if(|(old, _)| old < path_id) {
            changes.push(withdrawn(*gone));
        }
        let same = before.next_if(|(old, _)| old == path_id);
        if !same.is_some_and(|(_, old)| Arc::ptr_eq(old, route) || old == route) {
            changes.push((Nlri { prefix, path_id: *path_id }, Some(Arc::clone(route))));
        }
    }
    changes.extend(before.map(|(gone, _)| withdrawn(*gone)));
    changes
}

impl Made {
    const FLOOR: usize = 256;

    fn route(&mut self, local: &Local, target: &Target, path: &Candidate) -> Result<Arc<Route>, NotSent> {
        let key = (path.speaker, path.kind, Arc::as_ptr(&path.route).addr(), path.long_lived);
        if let Some(entry) = self.routes.get(&key) {
            return entry.outgoing.clone();
        }
        let outgoing = advertise(local, target, path).map(Arc::new);
        self.routes.insert(key, Entry { _incoming: Arc::clone(&path.route), outgoing: outgoing.clone() });
        outgoing
    }
}
