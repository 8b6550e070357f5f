//! What is announced to whom: from the set of the agent, the configuration, damping and drains to the routes of update
//! groups.
//!
//! ```text
//!   agent: set of prefixes ─► damping ─► drains ─► Announcements ─► a class for each kind of peer ─► Outlet ─► peer tasks
//! ```
//!
//! Peers that are told the same are of one [`class::Class`]: a change is made once for all of them, and a change of one VIP
//! touches one route of each class.

mod class;
mod explain;
mod next_hops;
mod received;
mod router;
mod shown;
mod since;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use guideway_bgp_config::PeerConfig;
use guideway_bgp_peer::{Outlet, PeerId};
use guideway_bgp_rib::policy::{
    Announcements, Drain, Node, NodeExport, NodeState, Specifics, Vip, VipStatus,
};
use guideway_bgp_rib::{Damping, DampingSettings, Hold, Verdict};
use guideway_bgp_wire::{Family, Nlri};
use ipnet::IpNet;
use tokio::sync::Notify;

use crate::drain::{Effect, Target, UnixMs};
use crate::prefixes::Prefixes;
use class::{Class, ClassKey};
pub(crate) use explain::Asked;
use received::Received;
use since::Since;

/// Everything that decides what is announced. Shared by the tasks of peers ([`guideway_bgp_peer::Router`]), the agent's
/// stream, drains and the admin API.
#[derive(Debug)]
pub(crate) struct Table {
    inner: Mutex<Inner>,
    /// A session began or ended.
    sessions: Notify,
}

#[derive(Debug)]
struct Inner {
    router_id: Ipv4Addr,
    node: Arc<Node>,
    announcements: Announcements,
    /// What the agent serves.
    served: Prefixes,
    damping: Option<Damping>,
    drains: BTreeMap<Target, Effect>,
    state: NodeState,
    hold: Hold,
    classes: Vec<Class>,
    sessions: HashMap<PeerId, SessionEntry>,
    /// When a prefix became what it is.
    since: Since,
}

/// An established session, or one that was.
#[derive(Debug)]
struct SessionEntry {
    /// `None` after its end.
    live: Option<Live>,
    /// When it ended, until another one is there.
    lost: Option<UnixMs>,
    received: Received,
}

#[derive(Debug)]
struct Live {
    view: guideway_bgp_peer::SessionView,
    keys: Vec<ClassKey>,
}

/// A prefix that is to be announced or is not, for lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) prefix: IpNet,
    pub(crate) state: &'static str,
    pub(crate) since: UnixMs,
}

impl Table {
    /// Nothing to announce, and nothing is said before [`Table::release`].
    pub(crate) fn new(router_id: Ipv4Addr, node: NodeExport, damping: Option<DampingSettings>) -> Self {
        let node = Arc::new(Node::new(node));
        let inner = Mutex::new(Inner {
            router_id,
            announcements: Announcements::new(Arc::clone(&node)),
            node,
            served: Prefixes::default(),
            damping: damping.map(Damping::new),
            drains: BTreeMap::new(),
            state: NodeState::default(),
            hold: Hold::Held,
            classes: Vec::new(),
            sessions: HashMap::new(),
            since: Since::default(),
        });
        Self { inner, sessions: Notify::new() }
    }

    /// Waits until a session has begun or ended.
    pub(crate) async fn session_changed(&self) {
        self.sessions.notified().await;
    }

    /// Nobody panics with the lock held, so a poisoned one is as good as another.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The agent serves exactly these.
    pub(crate) fn serve(&self, prefixes: &Prefixes, now: Instant, at: UnixMs) {
        self.lock().serve(prefixes, now, at);
    }

    /// What the node can carry, in octets per second.
    pub(crate) fn set_capacity(&self, capacity: Option<u64>) {
        let mut inner = self.lock();
        inner.state.capacity = capacity;
        inner.node_changed();
    }

    /// What drains do to routes; what is not named is announced as ever.
    pub(crate) fn set_drains(&self, drains: BTreeMap<Target, Effect>, now: Instant, at: UnixMs) {
        self.lock().set_drains(drains, now, at);
    }

    /// Lets everything out, and End-of-RIB behind it.
    pub(crate) fn release(&self) {
        let mut inner = self.lock();
        if std::mem::replace(&mut inner.hold, Hold::Released) == Hold::Held {
            for class in &inner.classes {
                class.outlet.change(|group| group.hold(Hold::Released));
            }
        }
    }

    /// True before [`Table::release`].
    pub(crate) fn is_held(&self) -> bool {
        self.lock().hold == Hold::Held
    }

    /// When [`Table::expire`] is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.lock().damping.as_ref().and_then(Damping::next_deadline)
    }

    /// Announces what damping lets go.
    pub(crate) fn expire(&self, now: Instant, at: UnixMs) {
        let mut inner = self.lock();
        let released = inner.damping.as_mut().map(|damping| damping.expire(now)).unwrap_or_default();
        let released = released.into_iter().filter(|prefix| inner.served.contains(prefix)).collect();
        inner.update(released, now, at);
    }

    /// New settings of the node, its pools and VIPs. Peers go on in the groups that they have.
    pub(crate) fn set_node(
        &self,
        router_id: Ipv4Addr,
        node: &NodeExport,
        damping: Option<DampingSettings>,
        now: Instant,
        at: UnixMs,
    ) {
        let mut inner = self.lock();
        inner.router_id = router_id;
        match (&mut inner.damping, damping) {
            (Some(old), Some(new)) => old.set_settings(new),
            (old, new) => *old = new.map(Damping::new),
        }
        if inner.node.settings() != node {
            let node = Arc::new(Node::new(node.clone()));
            inner.node = Arc::clone(&node);
            inner.set_announcements(Arc::clone(&node), at);
            let state = inner.state;
            inner.classes.iter_mut().for_each(|class| class.set_node(Arc::clone(&node), state));
        }
        let all = inner.served.iter().copied().collect();
        inner.update(all, now, at);
        inner.fill_all();
    }

    /// The peers with other export settings than those that their sessions began with, and the groups that they are to be
    /// moved to.
    pub(crate) fn set_peers(
        &self,
        configs: impl IntoIterator<Item = (PeerId, Arc<PeerConfig>)>,
    ) -> Vec<(PeerId, Vec<Outlet>)> {
        let mut inner = self.lock();
        let mut moves = Vec::new();
        for (peer, config) in configs {
            inner.set_limit(peer, &config);
            if let Some(outlets) = inner.reconfigure(peer, config) {
                moves.push((peer, outlets));
            }
        }
        inner.drop_unused();
        moves
    }

    /// Prefixes that are announced, or would be if nothing was in the way, in order.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let inner = self.lock();
        let aggregates = inner.announcements.candidates().map(|candidate| candidate.prefix);
        let all: BTreeSet<IpNet> = inner.announcements.vips().keys().copied().chain(aggregates).collect();
        let listed = |prefix| Listed {
            prefix,
            state: inner.state_of(&prefix).unwrap_or_default(),
            since: inner.since.of(&prefix),
        };
        all.into_iter().map(listed).collect()
    }

    /// How many prefixes are served, how many are held back by damping.
    pub(crate) fn counts(&self, now: Instant) -> (usize, usize) {
        let inner = self.lock();
        let damped = inner.damping.as_ref().map_or(0, |damping| damping.suppressed(now).count());
        (inner.served.len(), damped)
    }

    /// How many prefixes are to be announced.
    pub(crate) fn announced(&self) -> usize {
        self.lock().announcements.candidates().count()
    }

    /// Prefixes of the drain's target that no router shows another path for.
    pub(crate) fn alone(&self, target: Target) -> Vec<IpNet> {
        let inner = self.lock();
        let own: Vec<_> = inner.own_next_hops();
        let others: std::collections::HashSet<IpNet> = inner
            .sessions
            .values()
            .filter(|entry| entry.live.is_some())
            .flat_map(|entry| entry.received.others(inner.router_id, &own))
            .collect();
        let announced = inner.announcements.candidates().map(|candidate| candidate.prefix);
        announced.filter(|prefix| target.covers(*prefix) && !others.contains(prefix)).collect()
    }

    /// The aggregate that stands for a drained VIP and is announced for others too: routers know of nothing else, so packets
    /// to the VIP go on coming.
    pub(crate) fn covered(&self, target: Target) -> Option<IpNet> {
        let Target::Vip(vip) = target else { return None };
        let (aggregate, specifics) = self.lock().announcements.outlived_by(&vip)?;
        (specifics == Specifics::Hidden).then_some(aggregate)
    }

    /// When the first session ended of those that have not come back; only ends after `from` count.
    pub(crate) fn oldest_loss(&self, from: UnixMs) -> Option<UnixMs> {
        let inner = self.lock();
        inner.sessions.values().filter_map(|entry| entry.lost).filter(|lost| *lost >= from).min()
    }

    /// True when a session is established.
    pub(crate) fn is_established(&self) -> bool {
        self.lock().sessions.values().any(|entry| entry.live.is_some())
    }

    /// What a peer announces, in the order of prefixes, IPv4 first.
    pub(crate) fn received(&self, peer: PeerId) -> Vec<(Nlri, guideway_bgp_rib::Received)> {
        self.lock().sessions.get(&peer).map(|entry| entry.received.paths()).unwrap_or_default()
    }

    /// What is wrong with what a peer announces.
    pub(crate) fn problem(&self, peer: PeerId) -> Option<String> {
        self.lock().sessions.get(&peer)?.received.problem()
    }

    /// True when the prefix is served.
    pub(crate) fn serves(&self, prefix: &IpNet) -> bool {
        self.lock().served.contains(prefix)
    }
}

impl Inner {
    fn serve(&mut self, prefixes: &Prefixes, now: Instant, at: UnixMs) {
        let before = std::mem::replace(&mut self.served, Arc::clone(prefixes));
        let gone: Vec<IpNet> = before.difference(prefixes).copied().collect();
        let new: Vec<IpNet> = prefixes.difference(&before).copied().collect();
        if let Some(damping) = &mut self.damping {
            gone.iter().for_each(|prefix| damping.withdraw(*prefix, now));
        }
        self.update(gone.into_iter().chain(new).collect(), now, at);
    }

    /// Other settings of the node: what begins to be announced by them, or is covered by an aggregate, does so now.
    fn set_announcements(&mut self, node: Arc<Node>, at: UnixMs) {
        let before: BTreeSet<IpNet> =
            self.announcements.candidates().map(|candidate| candidate.prefix).collect();
        self.announcements.set_node(node);
        let after: BTreeSet<IpNet> =
            self.announcements.candidates().map(|candidate| candidate.prefix).collect();
        for prefix in before.symmetric_difference(&after) {
            if self.announcements.status(prefix) == VipStatus::Unknown {
                self.since.remove(prefix);
            } else {
                self.since.set(*prefix, at);
            }
        }
    }

    /// Brings these prefixes up to date everywhere.
    fn update(&mut self, prefixes: Vec<IpNet>, now: Instant, at: UnixMs) {
        if self.announcements.vips().is_empty() {
            self.since.begin(at);
        }
        let mut changed = Vec::new();
        for prefix in prefixes {
            let vip = self.served.contains(&prefix).then(|| self.vip(prefix, now));
            if self.announcements.vips().get(&prefix) == vip.as_ref() {
                continue;
            }
            match vip {
                Some(_) => self.since.set(prefix, at),
                None => self.since.remove(&prefix),
            }
            changed.extend(self.announcements.set(prefix, vip));
        }
        self.announcements.pack(changed.len());
        // An aggregate is named by each VIP that changes it.
        changed.sort_unstable();
        changed.dedup();
        for prefix in &changed {
            if self.announcements.status(prefix) == VipStatus::Unknown {
                self.since.remove(prefix);
            } else {
                self.since.set(*prefix, at);
            }
        }
        for class in &mut self.classes {
            class.update(&self.announcements, &changed);
        }
    }

    /// How a served prefix stands.
    fn vip(&mut self, prefix: IpNet, now: Instant) -> Vip {
        let drained = self.drains.iter().filter(|(target, _)| target.covers(prefix));
        let effect = drained.map(|(target, effect)| (*effect, *target)).max();
        let damped = self.damping.as_mut().map(|damping| damping.announce(prefix, now));
        match (effect, damped) {
            (Some((Effect::Withdrawn, _)), _) => Vip::Drained,
            (_, Some(Verdict::Suppress { .. })) => Vip::Damped,
            // That of the node is one bit for all routes.
            (Some((Effect::GracefulShutdown, Target::Vip(_))), _) => Vip::Draining,
            _ => Vip::Announced,
        }
    }

    fn set_drains(&mut self, drains: BTreeMap<Target, Effect>, now: Instant, at: UnixMs) {
        if self.drains == drains {
            return;
        }
        self.drains = drains;
        let node = self.drains.get(&Target::Node).copied().unwrap_or(Effect::Nothing);
        self.state.drain = if node == Effect::Nothing { Drain::No } else { Drain::Yes };
        self.node_changed();
        let all = self.served.iter().copied().collect();
        self.update(all, now, at);
    }

    /// Routes of all prefixes may be others.
    fn node_changed(&mut self) {
        for class in &mut self.classes {
            if class.set_state(self.state) {
                class.fill(&self.announcements);
            }
        }
    }

    fn fill_all(&mut self) {
        for class in &mut self.classes {
            class.fill(&self.announcements);
        }
    }

    /// The groups for these keys, in their order; new ones have all routes.
    fn outlets(&mut self, keys: &[ClassKey]) -> Vec<Outlet> {
        keys.iter()
            .map(|key| {
                if let Some(class) = self.classes.iter().find(|class| class.key == *key) {
                    return class.outlet.clone();
                }
                let mut class = Class::new(key.clone(), Arc::clone(&self.node), self.state, self.hold);
                class.fill(&self.announcements);
                let outlet = class.outlet.clone();
                self.classes.push(class);
                outlet
            })
            .collect()
    }

    /// Forgets groups of which no session is.
    fn drop_unused(&mut self) {
        let sessions = &self.sessions;
        self.classes.retain(|class| {
            sessions
                .values()
                .filter_map(|entry| entry.live.as_ref())
                .any(|live| live.keys.contains(&class.key))
        });
    }

    /// `None` when the session is of the same groups as before, or there is none.
    fn reconfigure(&mut self, peer: PeerId, config: Arc<PeerConfig>) -> Option<Vec<Outlet>> {
        let live = self.sessions.get_mut(&peer)?.live.as_mut()?;
        live.view.config = config;
        let keys = next_hops::class_keys(&live.view);
        if keys == live.keys {
            return None;
        }
        live.keys.clone_from(&keys);
        Some(self.outlets(&keys))
    }

    fn set_limit(&mut self, peer: PeerId, config: &PeerConfig) {
        if let Some(entry) = self.sessions.get_mut(&peer) {
            entry.received.set_limit(config.max_prefixes);
        }
    }

    fn own_next_hops(&self) -> Vec<guideway_bgp_wire::NextHop> {
        let keys = self.classes.iter().map(|class| &class.key.session);
        keys.flat_map(|session| [session.next_hop_v4, session.next_hop_v6]).flatten().collect()
    }

    /// In one word; `None` for a prefix that is not known.
    fn state_of(&self, prefix: &IpNet) -> Option<&'static str> {
        use guideway_bgp_rib::policy::CandidateKind;
        let word = match self.announcements.status(prefix) {
            VipStatus::Unknown => return None,
            VipStatus::Drained => "drained",
            VipStatus::Damped => "damped",
            VipStatus::Covered(_) => "aggregated",
            VipStatus::Candidate(_) if self.hold == Hold::Held => "held",
            VipStatus::Candidate(candidate)
                if candidate.drain == Drain::Yes || self.state.drain == Drain::Yes =>
            {
                "draining"
            }
            VipStatus::Candidate(candidate) => match candidate.kind {
                CandidateKind::Vip => "announced",
                CandidateKind::Aggregate => "aggregate",
            },
        };
        Some(word)
    }
}

/// The families of a session, in order.
fn families(view: &guideway_bgp_peer::SessionView) -> impl Iterator<Item = Family> {
    Family::ALL.into_iter().filter(|family| view.negotiated.families.contains(*family))
}
