//! Many light speakers in one thread of the test, which is in the namespace of the fleet.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use guideway_bgp_config::{PeerConfig, Remote, Ttl};
use guideway_bgp_fsm::{GracefulRestart, HoldTime, Loss, RemoteAs, RestartFlags, Stop};
use guideway_bgp_peer::{Outlet, Peers, RefreshMarker, Router, SessionView, Settings};
use guideway_bgp_rib::{Group, Route};
use guideway_bgp_wire::{AsPath, Attributes, Context as WireContext, Family, Nlri, Origin, Update};
use guideway_lab::netns::Netns;
use nix::sched::{CloneFlags, setns};
use tokio::sync::mpsc as orders;

use super::aggregator::Plan;
use super::link;

type Order = Box<dyn FnOnce(&mut HashMap<u8, Speaker>) -> Option<Ending> + Send>;
type Ending = (Peers, Stop, mpsc::Sender<()>);

/// All speakers.
pub struct Fleet {
    orders: Option<orders::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
    plan: Plan,
}

struct Speaker {
    announcer: Arc<Announcer>,
    peers: Peers,
}

/// How a speaker ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As a process that is killed: the connection closes without a word.
    Killed,
    /// With a Cease.
    Shutdown,
}

impl Fleet {
    /// Every speaker of the plan, with nothing to announce.
    pub fn start(netns: &Netns, plan: &Plan) -> Result<Self> {
        let file = File::open(netns.path())?;
        let (sender, receiver) = orders::unbounded_channel();
        let thread = std::thread::spawn(move || run(&file, receiver));
        let fleet = Self { orders: Some(sender), thread: Some(thread), plan: plan.clone() };
        for n in 1..=plan.light {
            fleet.start_speaker(n, &[], false)?;
        }
        Ok(fleet)
    }

    /// A speaker that is new, or has restarted.
    pub fn start_speaker(&self, n: u8, prefixes: &[String], restarted: bool) -> Result<()> {
        self.start_with(n, n, prefixes, restarted)
    }

    /// A speaker with the BGP identifier of another one.
    pub fn start_as(&self, n: u8, identifier_of: u8, prefixes: &[String]) -> Result<()> {
        self.start_with(n, identifier_of, prefixes, false)
    }

    fn start_with(&self, n: u8, id: u8, prefixes: &[String], restarted: bool) -> Result<()> {
        let plan = self.plan.clone();
        let routes = routes(&plan, n, prefixes)?;
        self.order(move |speakers| {
            let announcer = Arc::new(Announcer { routes: Mutex::new(routes), outlets: Mutex::default() });
            // The aggregator dials too, so that its restarts are not held up by the back-off of a speaker whose session
            // ended soon after it began, again and again.
            let listen = vec![(Ipv4Addr::new(10, 1, 0, n), 179).into()];
            let peers = Peers::start(Settings { listen, ..Settings::default() }, announcer.clone());
            let all = Family::ALL.into_iter().collect();
            peers.set_restart(RestartFlags { restarting: restarted, forwarding: all });
            peers.apply((1..=plan.aggregators).map(|to| peer(&plan, n, id, to)).collect());
            speakers.insert(n, Speaker { announcer, peers });
            None
        })
    }

    /// Announces exactly these prefixes from now on.
    pub fn announce(&self, n: u8, prefixes: &[String]) -> Result<()> {
        let routes = routes(&self.plan, n, prefixes)?;
        self.order(move |speakers| {
            if let Some(speaker) = speakers.get(&n) {
                speaker.announcer.set(routes);
            }
            None
        })
    }

    /// All speakers announce these.
    pub fn all_announce(&self, prefixes: &[String]) -> Result<()> {
        (1..=self.plan.speakers).try_for_each(|n| self.announce(n, prefixes))
    }

    /// Ends a speaker, and waits until it is gone.
    pub fn end(&self, n: u8, end: End) -> Result<()> {
        self.begin_end(n, end)?.recv_timeout(Duration::from_secs(20)).context("the speaker does not end")
    }

    /// Ends a speaker; what comes back says when it is gone.
    pub fn begin_end(&self, n: u8, end: End) -> Result<mpsc::Receiver<()>> {
        let (sender, done) = mpsc::channel();
        self.order(move |speakers| {
            let speaker = speakers.remove(&n)?;
            let stop = match end {
                End::Killed => Stop::Silent,
                End::Shutdown => Stop::Shutdown("the test wants it".to_owned()),
            };
            Some((speaker.peers, stop, sender))
        })?;
        Ok(done)
    }

    fn order(
        &self,
        order: impl FnOnce(&mut HashMap<u8, Speaker>) -> Option<Ending> + Send + 'static,
    ) -> Result<()> {
        let orders = self.orders.as_ref().context("the fleet has ended")?;
        orders.send(Box::new(order)).map_err(|_| anyhow!("the fleet has ended"))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(netns: &File, mut orders: orders::UnboundedReceiver<Order>) {
    setns(netns, CloneFlags::CLONE_NEWNET).expect("root may change into a namespace");
    // One thread: others would be in another namespace.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut speakers = HashMap::new();
        while let Some(order) = orders.recv().await {
            if let Some((peers, stop, done)) = order(&mut speakers) {
                tokio::spawn(async move {
                    peers.stop(stop).await;
                    let _ = done.send(());
                });
            }
        }
    });
}

fn peer(plan: &Plan, n: u8, id: u8, to: u8) -> PeerConfig {
    let (aggregator, _) = link(to);
    let remote: IpAddr = aggregator.parse().expect("an address");
    let id = Ipv4Addr::new(10, 255, 1, id);
    let mut session = guideway_bgp_fsm::Config::new(plan.speaker_as(n), id, RemoteAs::Is(plan.local_as()));
    session.families = Family::ALL.into_iter().collect();
    session.hold_time = HoldTime::from_secs(9).unwrap_or(HoldTime::DEFAULT);
    session.graceful_restart =
        plan.speaker_restart.map(|time| GracefulRestart { restart_time: Duration::from_secs(time) });
    session.extended_next_hop = plan.v4_over_v6;
    session.long_lived = plan.speaker_long_lived.map(Duration::from_secs);
    let mut config = PeerConfig::new(Remote::Address(remote), session);
    config.local_address = Some(Ipv4Addr::new(10, 1, 0, n).into());
    config.ttl = Ttl::Multihop(8);
    config
}

type Routes = BTreeMap<Nlri, Arc<Route>>;

fn routes(plan: &Plan, n: u8, prefixes: &[String]) -> Result<Routes> {
    let internal = plan.speaker_as(n) == plan.local_as();
    let as_path = if internal { AsPath::default() } else { AsPath::originated_by(plan.speaker_as(n)) };
    let attributes = Attributes {
        origin: Some(Origin::Igp),
        as_path: Some(as_path),
        local_pref: internal.then_some(100),
        ..Attributes::default()
    };
    let v6 = Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, u16::from(n));
    let v6 = Arc::new(Route { next_hop: v6.into(), attributes: attributes.clone() });
    let v4 = Arc::new(Route { next_hop: Ipv4Addr::new(10, 1, 0, n).into(), attributes });
    let one = |prefix: &String| {
        let nlri = Nlri::new(prefix.parse()?);
        let route = if nlri.family() == Family::Ipv4 && !plan.v4_over_v6 { &v4 } else { &v6 };
        Ok((nlri, Arc::clone(route)))
    };
    prefixes.iter().map(one).collect()
}

/// Tells every peer the same.
#[derive(Debug)]
struct Announcer {
    routes: Mutex<Routes>,
    outlets: Mutex<HashMap<(Family, WireContext), Outlet>>,
}

impl Announcer {
    fn set(&self, routes: Routes) {
        for outlet in self.outlets.lock().expect("no panic").values() {
            let own = of_family(&routes, outlet.family());
            outlet.change(|group| group.replace(&own)).expect("routes that can be written");
        }
        *self.routes.lock().expect("no panic") = routes;
    }
}

fn of_family(routes: &Routes, family: Family) -> Routes {
    routes
        .iter()
        .filter(|(nlri, _)| nlri.family() == family)
        .map(|(nlri, route)| (*nlri, Arc::clone(route)))
        .collect()
}

impl Router for Announcer {
    fn up(&self, session: &SessionView) -> Vec<Outlet> {
        let context = session.negotiated.context;
        let mut outlets = self.outlets.lock().expect("no panic");
        let outlet = |family| {
            let entry = outlets.entry((family, context));
            let outlet = entry.or_insert_with(|| {
                let mut group = Group::new(family, context);
                let own = of_family(&self.routes.lock().expect("no panic"), family);
                group.replace(&own).expect("routes that can be written");
                Outlet::new(group)
            });
            outlet.clone()
        };
        session.negotiated.families.iter().map(outlet).collect()
    }

    fn update(&self, _: &SessionView, _: Update) -> Result<(), Stop> {
        Ok(())
    }

    fn end_of_rib(&self, _: &SessionView, _: Family) {}

    fn refresh_marker(&self, _: &SessionView, _: Family, _: RefreshMarker) {}

    fn down(&self, _: &SessionView, _: Loss) {}
}
