//! A station and a file beside two daemons that talk to each other over loopback.
#![allow(clippy::unwrap_used)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bgpkit_parser::models::{Bgp4MpEnum, BgpMessage, BgpState, MrtMessage};
use bgpkit_parser::parser::bmp::messages::{BmpMessageBody, PeerDownReason, PerPeerFlags};
use bgpkit_parser::parser::{parse_bmp_msg, parse_mrt_record};
use bytes::BytesMut;
use guideway_bgp_config::{Direction, PeerConfig, Remote};
use guideway_bgp_fsm::{Config, Loss, RemoteAs, Stop};
use guideway_bgp_monitor::bmp::Counts;
use guideway_bgp_monitor::mrt::table::Path as TablePath;
use guideway_bgp_monitor::{Monitor, MonitorSettings, MrtSettings, StationSettings, Tables, View};
use guideway_bgp_peer::{Outlet, Peers, RefreshMarker, Router, SessionView, Settings};
use guideway_bgp_rib::{Group, Route};
use guideway_bgp_wire::{AsPath, Attributes, Family, NextHop, Nlri, Origin, Update};
use ipnet::IpNet;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longer than any machine needs for anything here.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells every peer one prefix, and listens to nothing.
struct One(IpNet);

impl Router for One {
    fn up(&self, session: &SessionView) -> Vec<Outlet> {
        let mut group = Group::new(Family::Ipv4, session.negotiated.context);
        let attributes = Attributes {
            origin: Some(Origin::Igp),
            as_path: Some(AsPath::originated_by(session.config.session.local_as)),
            ..Attributes::default()
        };
        let route = Route { next_hop: NextHop::V4([192, 0, 2, 1].into()), attributes };
        group.set(Nlri::new(self.0), Some(Arc::new(route))).unwrap();
        vec![Outlet::new(group)]
    }

    fn update(&self, _: &SessionView, _: Update) -> Result<(), Stop> {
        Ok(())
    }

    fn end_of_rib(&self, _: &SessionView, _: Family) {}

    fn refresh_marker(&self, _: &SessionView, _: Family, _: RefreshMarker) {}

    fn down(&self, _: &SessionView, _: Loss) {}
}

/// No routes for stations that come later.
struct Empty;

impl Tables for Empty {
    fn adj_rib_in(&self, _: &View) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn adj_rib_out(&self, _: &View) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn counts(&self, _: &View) -> Counts {
        Counts::default()
    }

    fn received(&self, _: &View) -> Vec<TablePath> {
        Vec::new()
    }

    fn announced(&self) -> Vec<TablePath> {
        Vec::new()
    }
}

fn peer(local_as: u32, remote_as: u32, port: u16, direction: Direction) -> PeerConfig {
    let router_id = Ipv4Addr::from(local_as);
    let session = Config::new(local_as, router_id, RemoteAs::Is(remote_as));
    let remote = Remote::Address(Ipv4Addr::LOCALHOST.into());
    PeerConfig { port, direction, ..PeerConfig::new(remote, session) }
}

#[tokio::test]
async fn a_session_from_its_beginning_to_its_end() {
    let folder = TempDir::new().unwrap();
    let station = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = MonitorSettings {
        stations: vec![StationSettings::new(station.local_addr().unwrap())],
        mrt: Some(MrtSettings::new(folder.path().to_owned())),
        ..MonitorSettings::default()
    };
    let monitor = Arc::new(Monitor::new(Arc::new(Empty)));
    monitor.apply(&settings);
    let (mut collector, _) = timeout(PATIENCE, station.accept()).await.unwrap().unwrap();
    let mut buffer = BytesMut::new();
    assert!(matches!(next(&mut collector, &mut buffer).await.0, BmpMessageBody::InitiationMessage(_)));

    let (own, other): (IpNet, IpNet) = ("203.0.113.1/32".parse().unwrap(), "203.0.113.2/32".parse().unwrap());
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, free_port().await).into();
    let far = Peers::start(Settings { listen: vec![address], ..Settings::default() }, Arc::new(One(other)));
    far.apply(vec![peer(65002, 65001, 179, Direction::Passive)]);
    let taps: Vec<Arc<dyn guideway_bgp_peer::Tap>> = vec![monitor.clone()];
    let near = Peers::start(Settings { taps, ..Settings::default() }, Arc::new(One(own)));
    near.apply(vec![peer(65001, 65002, address.port(), Direction::Active)]);

    let (mut up, mut sent, mut received) = (false, false, false);
    while !(up && sent && received) {
        let (message, is_out) = next(&mut collector, &mut buffer).await;
        match message {
            BmpMessageBody::PeerUpNotification(peer) => {
                assert_eq!((peer.remote_port, up), (address.port(), false));
                assert!(matches!(
                    (peer.sent_open, peer.received_open),
                    (BgpMessage::Open(_), BgpMessage::Open(_))
                ));
                up = true;
            }
            BmpMessageBody::RouteMonitoring(monitoring) => {
                let BgpMessage::Update(update) = monitoring.bgp_message else { panic!() };
                for announced in update.announced_prefixes {
                    assert_eq!((announced.prefix, up), (if is_out { own } else { other }, true));
                    *(if is_out { &mut sent } else { &mut received }) = true;
                }
            }
            other => panic!("{other:?}"),
        }
    }
    far.stop(Stop::Shutdown("maintenance".into())).await;
    let down = loop {
        match next(&mut collector, &mut buffer).await.0 {
            BmpMessageBody::PeerDownNotification(down) => break down,
            BmpMessageBody::RouteMonitoring(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(down.reason, PeerDownReason::RemoteSystemClosedNotificationPduFollows);
    assert!(down.data.unwrap().ends_with(b"maintenance"));
    near.stop(Stop::Silent).await;
    monitor.stop().await;
    check_file(folder.path(), own, other);
}

/// The next message, and whether it is about Adj-RIB-Out.
async fn next(stream: &mut TcpStream, buffer: &mut BytesMut) -> (BmpMessageBody, bool) {
    loop {
        if let Some(length) = buffer.get(1..5) {
            let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
            if buffer.len() >= length {
                let message = parse_bmp_msg(&mut buffer.split_to(length).freeze()).unwrap();
                let flags = message.per_peer_header.map(|header| header.peer_flags);
                let is_out = matches!(flags, Some(PerPeerFlags::PeerFlags(flags)) if flags.is_adj_rib_out());
                return (message.message_body, is_out);
            }
        }
        let read = timeout(PATIENCE, stream.read_buf(buffer)).await.unwrap().unwrap();
        assert_ne!(read, 0, "closed");
    }
}

/// A port that was free a moment ago.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// The only file begins with the session, ends with it, and has both routes between.
fn check_file(folder: &Path, own: IpNet, other: IpNet) {
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].extension().unwrap(), "mrt", "closed");
    let bytes = std::fs::read(&files[0]).unwrap();
    let mut rest = bytes.as_slice();
    let (mut states, mut routes) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        match parse_mrt_record(&mut rest).unwrap().message {
            MrtMessage::Bgp4Mp(Bgp4MpEnum::StateChange(change)) => states.push(change.new_state),
            MrtMessage::Bgp4Mp(Bgp4MpEnum::Message(message)) => {
                let is_local = message.is_local();
                let BgpMessage::Update(update) = message.bgp_message else { panic!() };
                routes.extend(update.announced_prefixes.into_iter().map(|route| (is_local, route.prefix)));
            }
            other => panic!("{other:?}"),
        }
    }
    routes.sort_unstable();
    assert_eq!(states, [BgpState::Established, BgpState::Idle]);
    assert_eq!(routes, [(false, other), (true, own)]);
}
