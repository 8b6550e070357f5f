//! Against stations that listen on this machine.

use std::collections::BTreeMap;

use bgpkit_parser::models::BgpMessage;
use bgpkit_parser::parser::bmp::messages::{BmpMessageBody, PerPeerFlags};
use bgpkit_parser::parser::parse_bmp_msg;
use bytes::{Bytes, BytesMut};
use ipnet::IpNet;
use tokio::net::TcpListener;

use super::*;
use crate::bmp::{Counts, DownReason};
use crate::monitor::{Monitor, Tables};
use crate::mrt::table::Path;
use crate::settings::MonitorSettings;
use crate::testing::{nlri, update, v6_view, view};
use crate::view::PeerNumber;

/// Longer than any machine needs for anything here.
const PATIENCE: Duration = Duration::from_secs(60);

/// Prefixes that the daemon has told to each peer.
#[derive(Default)]
struct Routes(Mutex<BTreeMap<PeerNumber, u32>>);

impl Tables for Routes {
    fn adj_rib_in(&self, _: &View) -> Vec<Vec<u8>> {
        vec![update(&[nlri(77)], &Context::default())]
    }

    fn adj_rib_out(&self, view: &View) -> Vec<Vec<u8>> {
        let count = self.0.lock().unwrap().get(&view.peer).copied().unwrap_or(0);
        (0..count).map(|number| update(&[nlri(number)], &Context::default())).collect()
    }

    fn counts(&self, view: &View) -> Counts {
        let count = self.0.lock().unwrap().get(&view.peer).copied().unwrap_or(0);
        Counts { received: [1, 0], sent: [u64::from(count), 0] }
    }

    fn received(&self, _: &View) -> Vec<Path> {
        Vec::new()
    }

    fn announced(&self) -> Vec<Path> {
        Vec::new()
    }
}

struct World {
    monitor: Monitor,
    routes: Arc<Routes>,
    listener: TcpListener,
    settings: MonitorSettings,
}

impl World {
    async fn new(change: impl FnOnce(&mut StationSettings)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut station = StationSettings::new(listener.local_addr().unwrap());
        change(&mut station);
        let settings = MonitorSettings {
            stations: vec![station],
            system_name: "lb-1".into(),
            description: "test".into(),
            ..MonitorSettings::default()
        };
        let routes = Arc::new(Routes::default());
        let monitor = Monitor::new(routes.clone());
        monitor.apply(&settings);
        Self { monitor, routes, listener, settings }
    }

    /// The daemon tells a peer of one more prefix.
    fn tell(&self, view: &View) {
        let mut routes = self.routes.0.lock().unwrap();
        let count = routes.entry(view.peer).or_default();
        let message = update(&[nlri(*count)], &Context::default());
        *count += 1;
        self.monitor.message(view.peer, Direction::Sent, &message);
    }

    async fn accept(&self) -> Collector {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        Collector { stream, buffer: BytesMut::new() }
    }
}

/// The other end.
struct Collector {
    stream: TcpStream,
    buffer: BytesMut,
}

/// What a collector is told, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Initiation,
    Up(std::net::IpAddr),
    Down,
    /// Announced in Adj-RIB-In or Adj-RIB-Out.
    Received(IpNet),
    Sent(IpNet),
    EndOfRib(Direction),
    Statistics(usize),
    Termination,
    Closed,
}

impl Collector {
    async fn next(&mut self) -> Told {
        loop {
            if let Some(length) = self.buffer.get(1..5) {
                let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
                if self.buffer.len() >= length {
                    return told(self.buffer.split_to(length).freeze());
                }
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await.unwrap();
            if read.unwrap_or(0) == 0 {
                return Told::Closed;
            }
        }
    }

    async fn until(&mut self, last: &Told) -> Vec<Told> {
        let mut all = Vec::new();
        while all.last() != Some(last) {
            all.push(self.next().await);
            assert_ne!(all.last(), Some(&Told::Closed), "closed after {all:?}");
        }
        all
    }
}

fn told(mut bytes: Bytes) -> Told {
    let message = parse_bmp_msg(&mut bytes).unwrap();
    match message.message_body {
        BmpMessageBody::InitiationMessage(_) => Told::Initiation,
        BmpMessageBody::TerminationMessage(_) => Told::Termination,
        BmpMessageBody::PeerUpNotification(_) => Told::Up(message.per_peer_header.unwrap().peer_ip),
        BmpMessageBody::PeerDownNotification(_) => Told::Down,
        BmpMessageBody::StatsReport(report) => Told::Statistics(report.counters.len()),
        BmpMessageBody::RouteMonitoring(monitoring) => {
            let PerPeerFlags::PeerFlags(flags) = message.per_peer_header.unwrap().peer_flags else {
                panic!()
            };
            let direction = if flags.is_adj_rib_out() { Direction::Sent } else { Direction::Received };
            let BgpMessage::Update(update) = monitoring.bgp_message else { panic!() };
            match (direction, update.announced_prefixes.first()) {
                (_, None) => Told::EndOfRib(direction),
                (Direction::Received, Some(announced)) => Told::Received(announced.prefix),
                (Direction::Sent, Some(announced)) => Told::Sent(announced.prefix),
            }
        }
        BmpMessageBody::RouteMirroring(_) => panic!(),
    }
}

fn prefix(number: u32) -> IpNet {
    nlri(number).prefix
}

#[tokio::test]
async fn a_station_is_told_what_is_and_then_what_happens() {
    let world = World::new(|_| {}).await;
    world.monitor.up(view());
    world.tell(&view());
    let mut collector = world.accept().await;
    let both = Direction::Received;
    let dump = collector.until(&Told::EndOfRib(Direction::Sent)).await;
    let mut expected = vec![Told::Initiation, Told::Up(view().remote.ip()), Told::Received(prefix(77))];
    expected.extend([Told::EndOfRib(both), Told::EndOfRib(both), Told::Sent(prefix(0))]);
    expected.push(Told::EndOfRib(Direction::Sent));
    assert_eq!(dump, expected);
    assert_eq!(collector.next().await, Told::EndOfRib(Direction::Sent), "the other family");

    world.monitor.up(v6_view());
    world.tell(&v6_view());
    world.monitor.message(view().peer, Direction::Received, &update(&[nlri(78)], &Context::default()));
    let keepalive = Message::Keepalive.encode(&Context::default()).unwrap();
    world.monitor.message(view().peer, Direction::Received, &keepalive);
    world.monitor.down(view().peer, &DownReason::Remote);
    world.monitor.down(view().peer, &DownReason::Remote);
    let live = collector.until(&Told::Down).await;
    // The session may have come before or after the dump was over; nothing is there twice in the second case.
    let tail =
        [Told::Up(v6_view().remote.ip()), Told::Sent(prefix(0)), Told::Received(prefix(78)), Told::Down];
    assert_eq!(live, tail);
    assert_eq!(world.monitor.stations()[0].state, StationState::Live);

    world.monitor.stop().await;
    assert_eq!(collector.next().await, Told::Termination);
    assert_eq!(collector.next().await, Told::Closed);
}

#[tokio::test]
async fn a_station_chooses_what_it_sees() {
    let world = World::new(|station| {
        station.adj_rib_in = false;
        station.statistics = Some(Duration::from_millis(50));
    })
    .await;
    world.monitor.up(view());
    let mut collector = world.accept().await;
    world.monitor.message(view().peer, Direction::Received, &update(&[nlri(1)], &Context::default()));
    world.tell(&view());
    let told = collector.until(&Told::Statistics(6)).await;
    assert!(told.contains(&Told::Sent(prefix(0))));
    assert!(!told.iter().any(|told| matches!(told, Told::Received(_) | Told::EndOfRib(Direction::Received))));
}

#[tokio::test]
async fn a_station_that_stalls_is_told_everything_once_it_is_back() {
    let world = World::new(|station| station.buffer = 100_000).await;
    world.monitor.up(view());
    let mut stalled = world.accept().await;
    assert_eq!(stalled.next().await, Told::Initiation);
    // It does not read any more. The kernel takes some megabytes, then the buffer fills; the sessions never wait.
    let deadline = Instant::now() + PATIENCE;
    while world.monitor.stations()[0].too_slow == 0 {
        assert!(Instant::now() < deadline, "{:?}", world.monitor.stations());
        for _ in 0..200 {
            world.monitor.message(view().peer, Direction::Received, &update(&[nlri(5)], &Context::default()));
        }
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        world.tell(&view());
    }
    assert!(world.monitor.stations()[0].lost > 0);
    drop(stalled);

    let mut again = world.accept().await;
    let told = again.until(&Told::EndOfRib(Direction::Sent)).await;
    let sent: Vec<_> = told.iter().filter(|told| matches!(told, Told::Sent(_))).cloned().collect();
    assert_eq!(sent, (0..20).map(|number| Told::Sent(prefix(number))).collect::<Vec<_>>());
    assert_eq!(world.monitor.stations()[0].connections, 2);
}

#[tokio::test]
async fn a_station_that_goes_is_dialled_again() {
    let world = World::new(|_| {}).await;
    let mut collector = world.accept().await;
    assert_eq!(collector.next().await, Told::Initiation);
    drop(collector);
    let mut collector = world.accept().await;
    assert_eq!(collector.next().await, Told::Initiation);
    assert_eq!(world.monitor.stations()[0].too_slow, 0);
}

#[tokio::test]
async fn a_change_of_the_settings_leaves_other_stations_alone() {
    let world = World::new(|_| {}).await;
    let mut collector = world.accept().await;
    assert_eq!(collector.next().await, Told::Initiation);
    let second = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = world.settings.clone();
    settings.stations.push(StationSettings::new(second.local_addr().unwrap()));
    world.monitor.apply(&settings);
    let _other = second.accept().await.unwrap();
    world.monitor.up(view());
    assert_eq!(collector.next().await, Told::Up(view().remote.ip()));
    settings.stations.remove(0);
    world.monitor.apply(&settings);
    assert_eq!(collector.next().await, Told::Termination);
    assert_eq!(world.monitor.stations().len(), 1);
}
