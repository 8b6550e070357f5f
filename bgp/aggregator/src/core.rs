//! What sessions tell becomes the Loc-RIB, and what changes in it becomes update groups.

mod export;
mod seat;
mod show;
mod since;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use guideway_bgp_fsm::{Loss, Stop};
use guideway_bgp_peer::{Kept, Outlet, PeerId, RefreshMarker, Router, SessionView};
use guideway_bgp_rib::loc::{Deferral, Known, LocRib, SessionEnd, SpeakerId};
use guideway_bgp_wire::{Context, Families, Family, Update};
use tokio::sync::{Notify, mpsc, watch};
use tracing::{info, warn};

use crate::config::{Config, Kind};
pub use export::Class;
use export::ClassKey;
pub use seat::{RouterSeat, Seat, SpeakerSeat};
pub use show::{Overview, PathView, PeerNotes, PrefixLine, PrefixView, RouterView, target};
use since::Since;

/// A speaker as it is remembered over a restart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remembered {
    /// How its configuration calls it.
    pub name: String,
    /// Where it was.
    pub address: IpAddr,
}

/// Speakers by BGP identifier.
pub type Memory = BTreeMap<Ipv4Addr, Remembered>;

/// Something that only the owner of the peers can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// End the session of a peer.
    Reset {
        /// Its name.
        peer: String,
        /// Why.
        stop: Stop,
    },
    /// A router is told something else from now on.
    Move {
        /// Which one.
        peer: PeerId,
    },
    /// Everything may be sent: the restart is over.
    Released,
}

/// All of it. See the [module](self).
#[derive(Debug)]
pub struct Core {
    state: Mutex<State>,
    wake: Notify,
    orders: mpsc::UnboundedSender<Order>,
    memory: watch::Sender<Memory>,
}

#[derive(Debug)]
struct State {
    config: Arc<Config>,
    loc: LocRib,
    deferral: Deferral,
    /// The owner of the peers knows that the deferral is over.
    released: bool,
    /// The process ends: what goes now is not forgotten.
    frozen: bool,
    since: Since,
    classes: HashMap<ClassKey, Class>,
    /// What speakers are told: nothing, and its End-of-RIB.
    quiet: HashMap<(Family, Context), Outlet>,
    seats: HashMap<PeerId, Seat>,
    /// Remembered from before, and not seen since.
    missing: Memory,
}

impl Core {
    /// With nobody there. `memory` are the speakers of the run before; without one those of the configuration are waited
    /// for. There are never more orders than there are peers and sessions that begin, so their channel needs no bound of its
    /// own.
    #[must_use]
    pub fn new(
        config: Arc<Config>,
        memory: Option<Memory>,
        now: Instant,
        orders: mpsc::UnboundedSender<Order>,
    ) -> Self {
        let known: Vec<Known> = match &memory {
            Some(memory) => memory.keys().map(|id| Known::Identifier(*id)).collect(),
            None => config.speakers().map(|name| Known::Name(name.to_owned())).collect(),
        };
        let missing = memory.unwrap_or_default();
        let state = State {
            loc: LocRib::new(config.loc_settings()),
            deferral: Deferral::new(now, known, config.restart.defer),
            released: false,
            frozen: false,
            since: Since::new(now),
            classes: HashMap::new(),
            quiet: HashMap::new(),
            seats: HashMap::new(),
            missing: missing.clone(),
            config,
        };
        let (memory, _) = watch::channel(missing);
        Self { state: Mutex::new(state), wake: Notify::new(), orders, memory }
    }

    /// Nobody panics with the lock held, so a poisoned one is as good as another.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another configuration. Sessions that are told something else from now on are moved by an [`Order`].
    pub fn configure(&self, config: Arc<Config>) {
        let mut state = self.state();
        let rules_changed = config.local != state.config.local;
        state.config = Arc::clone(&config);
        state.loc.configure(config.loc_settings());
        if rules_changed {
            state.rebuild_classes();
        }
        let mut moved = Vec::new();
        let seats: Vec<(PeerId, Seat)> = state.seats.iter().map(|(id, seat)| (*id, seat.clone())).collect();
        for (id, seat) in seats {
            let Some(peer) = config.peer(seat.name(), seat.address()) else { continue };
            match (&seat, &peer.kind) {
                (Seat::Speaker(speaker), Kind::Speaker(speaker_config)) => {
                    if speaker.refused.is_none() {
                        let kind = seat::source_kind(speaker.external, peer.client);
                        let allowed = speaker_config.allowed.clone();
                        state.loc.set_rules(speaker.id, kind, allowed, speaker_config.limit);
                    }
                    if let Some(Seat::Speaker(speaker)) = state.seats.get_mut(&id) {
                        (speaker.limit, speaker.warn_percent) =
                            (speaker_config.limit.prefixes, speaker_config.warn_percent);
                    }
                }
                (Seat::Router(router), Kind::Router(_)) if router.connected => {
                    let keys = ClassKey::of(&router.session, peer);
                    if keys != router.keys {
                        moved.push((id, keys));
                    }
                }
                // Another kind: the session has to be another one.
                (Seat::Speaker(_), Kind::Router(_)) | (Seat::Router(_), Kind::Speaker(_)) => {
                    self.order(Order::Reset {
                        peer: seat.name().to_owned(),
                        stop: Stop::ConfigurationChange,
                    });
                }
                (Seat::Router(_), Kind::Router(_)) => {}
            }
        }
        for (id, keys) in moved {
            if let Some(Seat::Router(router)) = state.seats.get_mut(&id) {
                router.keys = keys;
            }
            self.order(Order::Move { peer: id });
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Own AS, identifier, cluster and local preference.
    #[must_use]
    pub fn local(&self) -> guideway_bgp_rib::loc::Local {
        self.state().config.local
    }

    /// What a router is told by: after an [`Order::Move`].
    #[must_use]
    pub fn outlets(&self, peer: PeerId) -> Vec<Outlet> {
        let mut state = self.state();
        let Some(Seat::Router(router)) = state.seats.get(&peer) else { return Vec::new() };
        let keys = router.keys.clone();
        let outlets = keys.into_iter().map(|key| state.class(key)).collect();
        state.drop_unused_classes();
        outlets
    }

    /// Waits until there is something to do, or until `at`.
    pub async fn woken(&self, at: Option<Instant>) {
        let timeout = async {
            match at {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.wake.notified() => {}
            () = timeout => {}
        }
    }

    /// The speakers that are to be remembered.
    #[must_use]
    pub fn memory(&self) -> watch::Receiver<Memory> {
        self.memory.subscribe()
    }

    /// The process is about to end: because of that nobody is forgotten, and nothing is told any more.
    pub fn freeze(&self) {
        self.state().frozen = true;
    }

    fn order(&self, order: Order) {
        // Without an owner of the peers there is nobody left to tell.
        let _ = self.orders.send(order);
    }
}

impl State {
    /// A session with a speaker stands.
    fn speaker_up(&mut self, now: Instant, view: &SessionView) -> Result<(), String> {
        let Some(peer) = self.config.peer(&view.config.name, view.remote.ip()) else { return Ok(()) };
        let Kind::Speaker(speaker) = &peer.kind else { return Ok(()) };
        let id = SpeakerId(view.negotiated.peer_router_id);
        let session = seat::loc_session(view, speaker, peer.client);
        let name = view.config.name.clone();
        if let Some(Seat::Speaker(old)) = self.seats.get(&view.peer)
            && old.id != id
            && old.refused.is_none()
        {
            // The same peer with another identifier: what is kept under the former one comes back under this one.
            let old = old.id;
            self.loc.down(now, old, SessionEnd::Hard);
        }
        let refused = self.loc.up(now, id, session).err().map(|refused| refused.to_string());
        if refused.is_none() {
            let ends = view.negotiated.graceful_restart.is_some().then_some(view.negotiated.families);
            self.deferral.up(now, &name, id, ends);
            self.missing.remove(&id.0);
        }
        let seat = SpeakerSeat {
            id,
            name,
            address: view.remote.ip(),
            refused: refused.clone(),
            connected: true,
            external: view.negotiated.external,
            limit: speaker.limit.prefixes,
            warn_percent: speaker.warn_percent,
        };
        self.seats.insert(view.peer, Seat::Speaker(seat));
        refused.map_or(Ok(()), Err)
    }

    fn quiet(&mut self, view: &SessionView) -> Vec<Outlet> {
        let context = view.negotiated.context;
        let outlet = |family| {
            self.quiet.entry((family, context)).or_insert_with(|| export::quiet(family, context)).clone()
        };
        view.negotiated.families.iter().map(outlet).collect()
    }

    fn router_up(&mut self, now: Instant, view: &SessionView) -> Vec<Outlet> {
        if let Some(Seat::Speaker(speaker)) = self.seats.get(&view.peer)
            && speaker.refused.is_none()
        {
            // It was a speaker before a reload.
            let id = speaker.id;
            self.loc.down(now, id, SessionEnd::Hard);
        }
        let Some(peer) = self.config.peer(&view.config.name, view.remote.ip()) else { return Vec::new() };
        let keys = ClassKey::of(view, peer);
        let seat = RouterSeat {
            name: view.config.name.clone(),
            session: Arc::new(view.clone()),
            keys: keys.clone(),
            connected: true,
        };
        self.seats.insert(view.peer, Seat::Router(seat));
        self.drop_unused_classes();
        keys.into_iter().map(|key| self.class(key)).collect()
    }

    /// Everybody who has a session or paths.
    fn memory(&self) -> Memory {
        let mut memory = Memory::new();
        let names: HashMap<SpeakerId, &SpeakerSeat> = self
            .seats
            .values()
            .filter_map(|seat| match seat {
                Seat::Speaker(speaker) if speaker.refused.is_none() => Some((speaker.id, speaker)),
                _ => None,
            })
            .collect();
        for (id, address) in self.loc.speakers() {
            let name = names.get(&id).map_or_else(|| address.to_string(), |speaker| speaker.name.clone());
            memory.insert(id.0, Remembered { name, address });
        }
        memory
    }

    fn speaker(&self, peer: PeerId) -> Option<&SpeakerSeat> {
        match self.seats.get(&peer)? {
            Seat::Speaker(speaker) => Some(speaker),
            Seat::Router(_) => None,
        }
    }
}

impl Router for Core {
    fn up(&self, session: &SessionView) -> Vec<Outlet> {
        let mut state = self.state();
        let kind = state.config.peer(&session.config.name, session.remote.ip()).map(|peer| peer.kind.clone());
        let outlets = match kind {
            Some(Kind::Speaker(_)) => match state.speaker_up(Instant::now(), session) {
                Ok(()) => state.quiet(session),
                Err(reason) => {
                    warn!(peer = session.config.name, reason, "the session is refused");
                    self.order(Order::Reset { peer: session.config.name.clone(), stop: Stop::Reset(reason) });
                    Vec::new()
                }
            },
            Some(Kind::Router(_)) => state.router_up(Instant::now(), session),
            None => Vec::new(),
        };
        drop(state);
        self.wake.notify_one();
        outlets
    }

    fn update(&self, session: &SessionView, update: Update) -> Result<(), Stop> {
        let mut state = self.state();
        let Some(speaker) = state.speaker(session.peer) else { return Ok(()) };
        if let Some(reason) = &speaker.refused {
            return Err(Stop::Reset(reason.clone()));
        }
        let id = speaker.id;
        let outcome = state.loc.update(Instant::now(), id, &update);
        let retry = match state.config.peer(&session.config.name, session.remote.ip()).map(|peer| &peer.kind)
        {
            Some(Kind::Speaker(speaker)) => speaker.retry,
            _ => None,
        };
        drop(state);
        self.wake.notify_one();
        outcome.map_err(|reached| Stop::MaxPrefixes {
            family: reached.family,
            limit: u32::try_from(reached.limit).unwrap_or(u32::MAX),
            restart: retry,
        })
    }

    fn end_of_rib(&self, session: &SessionView, family: Family) {
        let mut state = self.state();
        let Some(speaker) = state.speaker(session.peer).filter(|speaker| speaker.refused.is_none()) else {
            return;
        };
        let (id, name) = (speaker.id, speaker.name.clone());
        state.loc.end_of_rib(id, family);
        state.deferral.end_of_rib(Instant::now(), &name, id, family);
        drop(state);
        self.wake.notify_one();
    }

    fn refresh_marker(&self, session: &SessionView, family: Family, marker: RefreshMarker) {
        let mut state = self.state();
        let Some(speaker) = state.speaker(session.peer).filter(|speaker| speaker.refused.is_none()) else {
            return;
        };
        let id = speaker.id;
        match marker {
            RefreshMarker::Begin => state.loc.refresh_begins(Instant::now(), id, family),
            RefreshMarker::End => state.loc.refresh_ends(id, family),
        }
        drop(state);
        self.wake.notify_one();
    }

    fn down(&self, session: &SessionView, loss: Loss) {
        let now = Instant::now();
        let mut state = self.state();
        match state.seats.get_mut(&session.peer) {
            Some(Seat::Speaker(speaker)) => {
                speaker.connected = false;
                let (id, name, refused) = (speaker.id, speaker.name.clone(), speaker.refused.is_some());
                if !refused {
                    let end = match loss {
                        Loss::Graceful => SessionEnd::Graceful,
                        Loss::Hard => SessionEnd::Hard,
                    };
                    state.loc.down(now, id, end);
                    state.deferral.down(&name, id);
                    info!(peer = name, kept = state.loc.stale(id), "a speaker's session is over");
                }
            }
            Some(Seat::Router(router)) => {
                router.connected = false;
                router.keys.clear();
                state.drop_unused_classes();
            }
            None => {}
        }
        drop(state);
        self.wake.notify_one();
    }

    fn kept(&self, peer: PeerId) -> Kept {
        let state = self.state();
        let Some(speaker) = state.speaker(peer).filter(|speaker| speaker.refused.is_none()) else {
            return Kept::default();
        };
        Kept { prefixes: state.loc.count(speaker.id) as u64, stale: state.loc.stale(speaker.id) as u64 }
    }

    fn forgotten(&self, peer: PeerId) {
        let mut state = self.state();
        if let Some(Seat::Speaker(speaker)) = state.seats.remove(&peer)
            && speaker.refused.is_none()
        {
            state.loc.down(Instant::now(), speaker.id, SessionEnd::Hard);
        }
        state.drop_unused_classes();
        drop(state);
        self.wake.notify_one();
    }
}

/// Every family.
pub(crate) fn all_families() -> Families {
    Family::ALL.into_iter().collect()
}
