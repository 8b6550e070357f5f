//! Two daemons' worth of peers on addresses of 127.0.0.0/8.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guideway_bgp_config::{PeerConfig, Remote};
use guideway_bgp_fsm::{Cause, Config, GracefulRestart, HoldTime, Loss, RemoteAs, State, Stop};
use guideway_bgp_peer::{
    Outlet, PeerId, PeerStatus, Peers, RefreshMarker, Router, SessionView, Settings, Tap,
};
use guideway_bgp_rib::{Group, Route};
use guideway_bgp_wire::{AsPath, Attributes, Context, Family, NextHop, Nlri, Origin, Update};
use ipnet::IpNet;
use tokio::time::{sleep, timeout};

/// Slow and busy machines.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `look` has something.
pub(crate) async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what}: not in {PATIENCE:?}"))
}

pub(crate) fn v4(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

/// 203.0.0.0/32 and on.
pub(crate) fn prefixes(count: u32) -> BTreeSet<IpNet> {
    (0..count).map(|number| IpNet::from(IpAddr::from(Ipv4Addr::from(0xcb00_0000 + number)))).collect()
}

/// A daemon that tells every peer the same prefixes and remembers what it is told.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) state: Mutex<Recorded>,
}

#[derive(Default)]
pub(crate) struct Recorded {
    wanted: BTreeSet<IpNet>,
    groups: HashMap<(Family, Context), Outlet>,
    pub(crate) views: BTreeMap<PeerId, SessionView>,
    pub(crate) routes: BTreeMap<PeerId, BTreeSet<IpNet>>,
    pub(crate) ups: u32,
    pub(crate) downs: Vec<Loss>,
    pub(crate) ends: Vec<(PeerId, Family)>,
    pub(crate) markers: Vec<RefreshMarker>,
    pub(crate) forgotten: Vec<PeerId>,
    /// More prefixes of a peer end the session.
    pub(crate) limit: Option<usize>,
}

impl Recorder {
    pub(crate) fn announcing(count: u32) -> Arc<Self> {
        let recorder = Self::default();
        recorder.state.lock().unwrap().wanted = prefixes(count);
        Arc::new(recorder)
    }

    /// Tells all peers these instead.
    pub(crate) fn announce(&self, wanted: BTreeSet<IpNet>) {
        let mut state = self.state.lock().unwrap();
        state.wanted = wanted;
        for outlet in state.groups.values() {
            outlet.change(|group| group.replace(&table(&state.wanted, group.family()))).unwrap();
        }
    }

    /// All prefixes that any peer told.
    pub(crate) fn learnt(&self) -> BTreeSet<IpNet> {
        self.state.lock().unwrap().routes.values().flatten().copied().collect()
    }
}

fn table(wanted: &BTreeSet<IpNet>, family: Family) -> BTreeMap<Nlri, Arc<Route>> {
    let attributes = Attributes {
        origin: Some(Origin::Igp),
        as_path: Some(AsPath::originated_by(65001)),
        ..Attributes::default()
    };
    let route = Arc::new(Route { next_hop: NextHop::V4(Ipv4Addr::new(10, 1, 1, 2)), attributes });
    let of_family = wanted.iter().filter(|prefix| Family::of_prefix(prefix) == family);
    of_family.map(|prefix| (Nlri::new(*prefix), Arc::clone(&route))).collect()
}

/// A group of its own with these prefixes, made otherwise than the recorder's.
pub(crate) fn outlet(context: Context, wanted: &BTreeSet<IpNet>) -> Outlet {
    let mut group = Group::new(Family::Ipv4, context);
    group.replace(&table(wanted, Family::Ipv4)).unwrap();
    Outlet::new(group)
}

impl Router for Recorder {
    fn up(&self, session: &SessionView) -> Vec<Outlet> {
        let mut guard = self.state.lock().unwrap();
        let state = &mut *guard;
        state.ups += 1;
        state.views.insert(session.peer, session.clone());
        let wanted = &state.wanted;
        let context = session.negotiated.context;
        let outlets = session.negotiated.families.iter().map(|family| {
            let made = || {
                let mut group = Group::new(family, context);
                group.replace(&table(wanted, family)).unwrap();
                Outlet::new(group)
            };
            state.groups.entry((family, context)).or_insert_with(made).clone()
        });
        outlets.collect()
    }

    fn update(&self, session: &SessionView, update: Update) -> Result<(), Stop> {
        let mut guard = self.state.lock().unwrap();
        let limit = guard.limit;
        let routes = guard.routes.entry(session.peer).or_default();
        for nlri in update.unreach.iter().flat_map(|unreach| &unreach.nlri) {
            routes.remove(&nlri.prefix);
        }
        routes.extend(update.reach.iter().flat_map(|reach| &reach.nlri).map(|nlri| nlri.prefix));
        match limit {
            Some(limit) if routes.len() > limit => Err(Stop::MaxPrefixes {
                family: Family::Ipv4,
                limit: u32::try_from(limit).unwrap(),
                restart: None,
            }),
            _ => Ok(()),
        }
    }

    fn end_of_rib(&self, session: &SessionView, family: Family) {
        self.state.lock().unwrap().ends.push((session.peer, family));
    }

    fn refresh_marker(&self, _: &SessionView, _: Family, marker: RefreshMarker) {
        self.state.lock().unwrap().markers.push(marker);
    }

    fn down(&self, session: &SessionView, loss: Loss) {
        let mut state = self.state.lock().unwrap();
        state.downs.push(loss);
        state.routes.remove(&session.peer);
        state.views.remove(&session.peer);
    }

    fn forgotten(&self, peer: PeerId) {
        self.state.lock().unwrap().forgotten.push(peer);
    }
}

/// Counts what a tap sees.
#[derive(Default)]
pub(crate) struct Counter {
    pub(crate) seen: Mutex<Seen>,
}

#[derive(Default, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) ups: u32,
    pub(crate) downs: u32,
    pub(crate) received: u32,
    pub(crate) sent: u32,
}

impl Tap for Counter {
    fn peer_up(&self, _: &SessionView) {
        self.seen.lock().unwrap().ups += 1;
    }

    fn peer_down(&self, _: &SessionView, _: &Cause) {
        self.seen.lock().unwrap().downs += 1;
    }

    fn received(&self, _: &SessionView, message: &[u8]) {
        assert_eq!(message[..16], [0xff; 16]);
        assert_eq!(usize::from(u16::from_be_bytes([message[16], message[17]])), message.len());
        self.seen.lock().unwrap().received += 1;
    }

    fn sent(&self, _: &SessionView, message: &[u8]) {
        assert_eq!(usize::from(u16::from_be_bytes([message[16], message[17]])), message.len());
        self.seen.lock().unwrap().sent += 1;
    }
}

/// One daemon.
pub(crate) struct Node {
    pub(crate) peers: Peers,
    pub(crate) router: Arc<Recorder>,
    pub(crate) address: IpAddr,
    pub(crate) asn: u32,
    pub(crate) port: u16,
}

impl Node {
    /// Listens on a free port of 127.0.0.`last`.
    pub(crate) async fn start(last: u8, announced: u32) -> Self {
        Self::start_on(SocketAddr::new(v4(last), 0), Recorder::announcing(announced), Vec::new()).await
    }

    pub(crate) async fn start_on(listen: SocketAddr, router: Arc<Recorder>, taps: Vec<Arc<dyn Tap>>) -> Self {
        let settings = Settings { listen: vec![listen], taps, ..Settings::default() };
        let peers = Peers::start(settings, Arc::clone(&router) as Arc<dyn Router>);
        let address = until("a listener", || peers.listeners()[0].address).await;
        let IpAddr::V4(ip) = listen.ip() else { panic!("not IPv4") };
        let asn = 65000 + u32::from(ip.octets()[3]);
        Self { peers, router, address: listen.ip(), asn, port: address.port() }
    }

    /// Settings of a peer at `other`.
    pub(crate) fn config_of(&self, other: &Self) -> PeerConfig {
        config(self.address, self.asn, other.address, other.asn, other.port)
    }

    pub(crate) fn apply(&self, config: &PeerConfig) {
        self.peers.apply(vec![config.clone()]);
    }

    pub(crate) fn status(&self, peer: IpAddr) -> PeerStatus {
        self.peers.status(&peer.to_string()).expect("a peer")
    }

    /// Waits until the session with `peer` stands.
    pub(crate) async fn established(&self, peer: IpAddr) -> PeerStatus {
        until(&format!("a session with {peer}: {:?}", self.peers.history(&peer.to_string())), || {
            let status = self.peers.status(&peer.to_string())?;
            (status.state == State::Established).then_some(status)
        })
        .await
    }

    /// Waits until the history has a reason with `text` in it.
    pub(crate) async fn error(&self, peer: IpAddr, text: &str) -> PeerStatus {
        let waiting = async {
            while !self.history(peer).contains(text) {
                sleep(Duration::from_millis(5)).await;
            }
            self.status(peer)
        };
        let found = timeout(PATIENCE, waiting).await;
        found.unwrap_or_else(|_| panic!("a reason with {text:?}; there are: {}", self.history(peer)))
    }

    /// All reasons, one to a line.
    pub(crate) fn history(&self, peer: IpAddr) -> String {
        let events = self.peers.history(&peer.to_string()).unwrap_or_default();
        let lines: Vec<_> =
            events.iter().map(|event| format!("{} x{} {}", event.state, event.times, event.reason)).collect();
        lines.join("\n")
    }
}

pub(crate) fn config(local: IpAddr, local_as: u32, remote: IpAddr, remote_as: u32, port: u16) -> PeerConfig {
    let IpAddr::V4(own) = local else { panic!("not IPv4") };
    let router_id = Ipv4Addr::new(10, 255, own.octets()[2], own.octets()[3]);
    let session = Config {
        hold_time: HoldTime::from_secs(9).unwrap(),
        connect_retry: Duration::from_millis(200),
        graceful_restart: Some(GracefulRestart { restart_time: Duration::from_secs(60) }),
        ..Config::new(local_as, router_id, RemoteAs::Is(remote_as))
    };
    let mut config = PeerConfig::new(Remote::Address(remote), session);
    config.local_address = Some(local);
    config.port = port;
    config
}

/// Two daemons that are each other's peer, not established yet.
pub(crate) async fn pair(first: u8, announced: (u32, u32)) -> (Node, Node) {
    let one = Node::start(first, announced.0).await;
    let two = Node::start(first + 1, announced.1).await;
    one.apply(&one.config_of(&two));
    two.apply(&two.config_of(&one));
    (one, two)
}
