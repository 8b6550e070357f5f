//! Everything over loopback: speakers, the aggregator's core with its tasks, a router.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use guideway_bgp_config::{Direction, PeerConfig, Remote};
use guideway_bgp_fsm::{self as fsm, GracefulRestart, HoldTime, Loss, RemoteAs, RestartFlags, Stop};
use guideway_bgp_peer::{Outlet, Peers, RefreshMarker, Router, SessionView, Settings};
use guideway_bgp_rib::{Group, Route};
use guideway_bgp_wire::{AsPath, Attributes, Family, Nlri, Origin, Update};
use tokio::sync::mpsc;

use super::super::{Core, Memory};
use super::{config, v4};
use crate::config::{Kind, RouterConfig};
use crate::daemon;

/// A speaker that announces, or a router that remembers: what it was told, and when the End-of-RIB came.
#[derive(Debug, Default)]
struct End {
    announces: Mutex<BTreeMap<Nlri, Arc<Route>>>,
    outlets: Mutex<Vec<Outlet>>,
    learnt: Mutex<BTreeSet<Nlri>>,
    ended: Mutex<Option<usize>>,
}

impl Router for End {
    fn up(&self, session: &SessionView) -> Vec<Outlet> {
        let mut group = Group::new(Family::Ipv4, session.negotiated.context);
        group.replace(&self.announces.lock().unwrap()).unwrap();
        let outlet = Outlet::new(group);
        self.outlets.lock().unwrap().push(outlet.clone());
        vec![outlet]
    }

    fn update(&self, _: &SessionView, update: Update) -> Result<(), Stop> {
        let mut learnt = self.learnt.lock().unwrap();
        for nlri in update.unreach.iter().flat_map(|unreach| &unreach.nlri) {
            learnt.remove(nlri);
        }
        learnt.extend(update.reach.iter().flat_map(|reach| &reach.nlri));
        Ok(())
    }

    fn end_of_rib(&self, _: &SessionView, _: Family) {
        let count = self.learnt.lock().unwrap().len();
        self.ended.lock().unwrap().get_or_insert(count);
    }

    fn refresh_marker(&self, _: &SessionView, _: Family, _: RefreshMarker) {}

    fn down(&self, _: &SessionView, _: Loss) {}
}

impl End {
    fn set(&self, routes: BTreeMap<Nlri, Arc<Route>>) {
        *self.announces.lock().unwrap() = routes.clone();
        for outlet in self.outlets.lock().unwrap().iter() {
            outlet.change(|group| group.replace(&routes)).unwrap();
        }
    }
}

fn routes(n: u8, count: u8) -> BTreeMap<Nlri, Arc<Route>> {
    let attributes = Attributes {
        origin: Some(Origin::Igp),
        as_path: Some(AsPath::originated_by(65000 + u32::from(n))),
        ..Attributes::default()
    };
    let route = Arc::new(Route { next_hop: std::net::Ipv4Addr::new(10, 1, 0, n).into(), attributes });
    (0..count)
        .map(|vip| (Nlri::new(format!("203.0.113.{vip}/32").parse().unwrap()), Arc::clone(&route)))
        .collect()
}

fn session(asn: u32, id: [u8; 4]) -> fsm::Config {
    let mut session = fsm::Config::new(asn, id.into(), RemoteAs::External);
    session.families = v4();
    session.hold_time = HoldTime::from_secs(9).unwrap();
    session.graceful_restart = Some(GracefulRestart { restart_time: Duration::from_secs(60) });
    session
}

/// Someone at 127.0.77.`n` who dials the aggregator.
fn start(n: u8, asn: u32, end: &Arc<End>, to: SocketAddr) -> Peers {
    let mut own = session(asn, [10, 255, 1, n]);
    own.add_path_receive = v4();
    let mut config = PeerConfig::new(Remote::Address(to.ip()), own);
    config.port = to.port();
    config.local_address = Some(IpAddr::from([127, 0, 77, n]));
    config.direction = Direction::Active;
    let peers = Peers::start(Settings::default(), end.clone());
    // Without the F bit what is kept of it goes as soon as it is back.
    peers.set_restart(RestartFlags { restarting: true, forwarding: v4() });
    peers.apply(vec![config]);
    peers
}

async fn until(what: &str, mut look: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !look() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speakers_and_a_router() {
    let mut made = config();
    for (index, peer) in made.peers.iter_mut().enumerate() {
        let n = u8::try_from(index).unwrap() + 1;
        let mut own = session(65010, [10, 255, 5, 1]);
        if matches!(peer.kind, Kind::Router(_)) {
            own.add_path_send = v4();
        }
        own.passive = true;
        let name = peer.config.name.clone();
        peer.config = PeerConfig { name, ..PeerConfig::new(Remote::Address([127, 0, 77, n].into()), own) };
        peer.config.direction = Direction::Passive;
    }
    made.peers[3].kind = Kind::Router(RouterConfig { specifics: guideway_bgp_rib::loc::Specifics::Only });
    let configs = made.peers.iter().map(|peer| peer.config.clone()).collect();
    let (sender, _orders) = mpsc::unbounded_channel();
    // Two of the three are remembered.
    let memory: Memory = super::memory(&[1, 2]);
    let core = Arc::new(Core::new(Arc::new(made), Some(memory), Instant::now(), sender));
    let settings = Settings { listen: vec![([127, 0, 77, 100], 0).into()], ..Settings::default() };
    let aggregator = Peers::start(settings, core.clone());
    aggregator.apply(configs);
    let exporter = tokio::spawn(daemon::export(core.clone(), Arc::default()));
    let mut address = None;
    until("the listener", || {
        address = aggregator.listeners()[0].address;
        address.is_some()
    })
    .await;
    let address = address.unwrap();

    let ends: Vec<Arc<End>> = (0..4).map(|_| Arc::new(End::default())).collect();
    for n in [1, 2] {
        ends[usize::from(n) - 1].set(routes(n, 100));
    }
    let _tor = start(4, 65000, &ends[3], address);
    let _first = start(1, 65001, &ends[0], address);
    until("the first speaker's routes", || core.overview().paths == 100).await;
    assert_eq!((ends[3].learnt.lock().unwrap().len(), *ends[3].ended.lock().unwrap()), (0, None));
    let second = start(2, 65002, &ends[1], address);
    until("all routes", || ends[3].learnt.lock().unwrap().len() == 200).await;
    until("the End-of-RIB", || ends[3].ended.lock().unwrap().is_some()).await;
    // It came after everything.
    assert_eq!(*ends[3].ended.lock().unwrap(), Some(200));
    let identifiers: BTreeSet<u32> =
        ends[3].learnt.lock().unwrap().iter().map(|nlri| nlri.path_id & 0xff).collect();
    assert_eq!(identifiers, [1, 2].into());

    // One change is not held up by what bundles many. A generous limit: it takes a millisecond.
    ends[0].set(routes(1, 99));
    let took = until("one withdrawal", || ends[3].learnt.lock().unwrap().len() == 199).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    // Killed: kept. Stopped for good: gone.
    second.stop(Stop::Silent).await;
    until("stale paths", || core.overview().paths_stale == 100).await;
    assert_eq!(ends[3].learnt.lock().unwrap().len(), 199);
    let again = start(2, 65002, &ends[1], address);
    until("fresh paths", || core.overview().paths_stale == 0).await;
    assert_eq!(ends[3].learnt.lock().unwrap().len(), 199);
    again.stop(Stop::Shutdown("enough".to_owned())).await;
    until("the end of its routes", || ends[3].learnt.lock().unwrap().len() == 99).await;
    exporter.abort();
}
