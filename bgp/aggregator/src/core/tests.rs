//! The core without sockets: sessions are told by hand, and what is in the update groups is looked at. The last one is over
//! loopback, with all tasks.

mod loopback;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use guideway_bgp_config::{PeerConfig, Remote};
use guideway_bgp_fsm::{self as fsm, Loss, Negotiated, PeerRestart, Refresh, RemoteAs, Stop};
use guideway_bgp_peer::{Outlet, PeerId, Router, SessionView};
use guideway_bgp_wire::{
    AsPath, Attributes, Context, Families, Family, Nlri, Origin, Reach, Unreach, Update,
};
use tokio::sync::mpsc;

use super::*;
use crate::config::{Aggregate, Peer, Pool, RestartConfig, RouterConfig, SpeakerConfig};

pub(super) fn v4() -> Families {
    Families::NONE.with(Family::Ipv4)
}

fn peer_config(name: &str, address: IpAddr) -> PeerConfig {
    let session = fsm::Config::new(65010, Ipv4Addr::new(10, 255, 5, 1), RemoteAs::External);
    PeerConfig { name: name.to_owned(), ..PeerConfig::new(Remote::Address(address), session) }
}

fn speaker_address(n: u8) -> IpAddr {
    IpAddr::from([10, 1, 0, n])
}

pub(crate) fn config() -> Config {
    let allowed = vec!["203.0.113.0/24".parse().unwrap()];
    let limit =
        guideway_bgp_rib::loc::Limit { prefixes: 100, action: guideway_bgp_rib::loc::LimitAction::Reset };
    let speaker = SpeakerConfig { allowed, limit, warn_percent: 80, retry: None };
    let speakers = (1..=3).map(|n| Peer {
        config: peer_config(&format!("lb{n}"), speaker_address(n)),
        kind: Kind::Speaker(speaker.clone()),
        client: false,
    });
    let routers = ["tor1", "tor2"].map(|name| Peer {
        config: peer_config(name, IpAddr::from([10, 1, 5, 1])),
        kind: Kind::Router(RouterConfig { specifics: guideway_bgp_rib::loc::Specifics::Only }),
        client: false,
    });
    Config {
        local: guideway_bgp_rib::loc::Local {
            asn: 65010,
            router_id: Ipv4Addr::new(10, 255, 5, 1),
            cluster_id: Ipv4Addr::new(10, 255, 5, 1),
            local_pref: 100,
        },
        listen: Vec::new(),
        on_stop: crate::config::OnStop::Preserve,
        admin_socket: "/nowhere".into(),
        metrics_listen: ([127, 0, 0, 1], 0).into(),
        bfd_socket: "/nowhere".into(),
        restart: RestartConfig {
            defer: Duration::from_secs(60),
            keep: Duration::from_secs(600),
            resync: Duration::from_secs(300),
            long_lived: None,
        },
        pools: vec![Pool {
            name: "vips".to_owned(),
            prefixes: vec!["203.0.113.0/24".parse().unwrap()],
            aggregate: None,
        }],
        peers: speakers.chain(routers).collect(),
    }
}

fn agreed(asn: u32, id: Ipv4Addr, add_path: bool) -> Negotiated {
    let restart = PeerRestart {
        restarting: false,
        notification: true,
        restart_time: Duration::from_secs(120),
        forwarding: v4(),
        families: v4(),
    };
    Negotiated {
        hold_time: Duration::from_secs(9),
        keepalive_interval: Duration::from_secs(3),
        families: v4(),
        context: Context {
            add_path_send: if add_path { v4() } else { Families::NONE },
            families: v4(),
            external: true,
            ..Context::default()
        },
        peer_as: asn,
        peer_router_id: id,
        external: true,
        peer_role: None,
        refresh: Refresh::Enhanced,
        graceful_restart: Some(restart),
        long_lived: Vec::new(),
        open_sent: Vec::new(),
        open_received: Vec::new(),
    }
}

fn view(peer: u32, name: &str, address: IpAddr, negotiated: Negotiated) -> SessionView {
    SessionView {
        peer: PeerId(peer),
        config: Arc::new(peer_config(name, address)),
        negotiated,
        local: SocketAddr::from(([10, 1, 5, 2], 179)),
        remote: SocketAddr::new(address, 50_000),
        interface: None,
        link_local: None,
        global_v6: None,
    }
}

fn speaker(n: u8) -> SessionView {
    let id = Ipv4Addr::new(10, 255, 1, n);
    view(n.into(), &format!("lb{n}"), speaker_address(n), agreed(65000 + u32::from(n), id, false))
}

fn router(n: u8, add_path: bool) -> SessionView {
    let id = Ipv4Addr::new(10, 255, 0, n);
    view(100 + u32::from(n), &format!("tor{n}"), IpAddr::from([10, 1, 5, 1]), agreed(65000, id, add_path))
}

fn announce(n: u8, vips: &[u8]) -> Update {
    let nlri = vips.iter().map(|vip| Nlri::new(format!("203.0.113.{vip}/32").parse().unwrap())).collect();
    Update {
        reach: vec![Reach { family: Family::Ipv4, next_hop: Ipv4Addr::new(10, 1, 0, n).into(), nlri }],
        attributes: Attributes {
            origin: Some(Origin::Igp),
            as_path: Some(AsPath::originated_by(65000 + u32::from(n))),
            ..Attributes::default()
        },
        ..Update::default()
    }
}

fn withdraw(vips: &[u8]) -> Update {
    let nlri = vips.iter().map(|vip| Nlri::new(format!("203.0.113.{vip}/32").parse().unwrap())).collect();
    Update { unreach: vec![Unreach { family: Family::Ipv4, nlri }], ..Update::default() }
}

fn memory(speakers: &[u8]) -> Memory {
    let entry = |n: &u8| {
        let remembered = Remembered { name: format!("lb{n}"), address: speaker_address(*n) };
        (Ipv4Addr::new(10, 255, 1, *n), remembered)
    };
    speakers.iter().map(entry).collect()
}

fn core(memory: Option<Memory>) -> (Core, mpsc::UnboundedReceiver<Order>) {
    let (sender, orders) = mpsc::unbounded_channel();
    (Core::new(Arc::new(config()), memory, Instant::now(), sender), orders)
}

/// Prefixes with the last octets of path identifier and next hop.
fn table(outlet: &Outlet) -> Vec<String> {
    outlet.change(|group| {
        let line = |(nlri, route): (Nlri, &Arc<guideway_bgp_rib::Route>)| {
            format!("{} {} {}", nlri.prefix, nlri.path_id & 0xff, route.next_hop)
        };
        group.routes().into_iter().map(line).collect()
    })
}

/// Whether a peer that joins now is told anything.
fn is_silent(outlet: &Outlet) -> bool {
    outlet.change(|group| {
        let cursor = group.join();
        let silent = group.next(&cursor).is_none();
        group.leave(cursor);
        silent
    })
}

#[test]
fn routers_of_a_kind_share_a_group_and_others_do_not() {
    let (core, _orders) = core(Some(Memory::new()));
    core.export(Instant::now());
    let all = core.up(&router(1, true)).remove(0);
    let best = core.up(&router(2, false)).remove(0);
    for n in [2, 1] {
        let quiet = core.up(&speaker(n));
        core.update(&speaker(n), announce(n, &[7])).unwrap();
        // A speaker is told nothing but that this is all.
        assert!(table(&quiet[0]).is_empty() && !is_silent(&quiet[0]));
    }
    core.export(Instant::now());
    assert_eq!(table(&all), ["203.0.113.7/32 1 10.1.0.1", "203.0.113.7/32 2 10.1.0.2"]);
    assert_eq!(table(&best), ["203.0.113.7/32 0 10.1.0.1"]);
    let again = core.up(&router(1, true)).remove(0);
    assert!(again.is(&all));
    let notes = core.notes();
    assert_eq!((notes[&PeerId(101)].ways, notes[&PeerId(102)].ways), (1, 2));
    assert!(notes[&PeerId(102)].problems[0].contains("one path of 2, no ECMP"));
    // Nobody needs the group any more; who comes next gets a new one with everything in it.
    core.down(&router(1, true), Loss::Graceful);
    let later = core.up(&router(1, true)).remove(0);
    assert!(!later.is(&all));
    assert_eq!(table(&later).len(), 2);
    core.update(&speaker(1), withdraw(&[7])).unwrap();
    core.export(Instant::now());
    assert_eq!(table(&later), ["203.0.113.7/32 2 10.1.0.2"]);
    assert_eq!(table(&best), ["203.0.113.7/32 0 10.1.0.2"]);
}

#[test]
fn nothing_is_sent_before_everybody_has_told_everything() {
    let (core, mut orders) = core(Some(memory(&[1, 2])));
    let began = Instant::now();
    let outlet = core.up(&router(1, true)).remove(0);
    core.up(&speaker(1));
    core.update(&speaker(1), announce(1, &[7])).unwrap();
    core.end_of_rib(&speaker(1), Family::Ipv4);
    core.export(began);
    assert!(is_silent(&outlet));
    let held = core.held().unwrap();
    assert!(held.contains("waits for 1 of the speakers known before: lb2 10.255.1.2 (no session)"), "{held}");
    assert_eq!(core.memory().borrow().len(), 2, "who is waited for is not forgotten");
    // A router that comes meanwhile waits too.
    assert!(is_silent(&core.up(&router(2, false)).remove(0)));
    core.up(&speaker(2));
    core.export(began);
    assert!(
        core.held().unwrap().contains("lb2 10.255.1.2 (no End-of-RIB)")
            || core.held().unwrap().contains("10.255.1.2")
    );
    core.update(&speaker(2), announce(2, &[7])).unwrap();
    core.end_of_rib(&speaker(2), Family::Ipv4);
    core.export(began);
    assert!(!is_silent(&outlet));
    assert_eq!(table(&outlet).len(), 2);
    assert_eq!(orders.try_recv(), Ok(Order::Released));
    assert!(orders.try_recv().is_err());
    assert_eq!(core.held(), None);
}

#[test]
fn aggregates_are_up_when_the_wait_is_over() {
    let mut made = config();
    let wait = Duration::from_secs(30);
    made.pools[0].aggregate = Some(Aggregate { minimum: 2, up_after: wait, down_after: wait });
    made.peers[3].kind =
        Kind::Router(RouterConfig { specifics: guideway_bgp_rib::loc::Specifics::Uncovered });
    let (sender, _orders) = mpsc::unbounded_channel();
    let core = Core::new(Arc::new(made), Some(memory(&[1])), Instant::now(), sender);
    let outlet = core.up(&router(1, true)).remove(0);
    core.up(&speaker(1));
    core.update(&speaker(1), announce(1, &[7, 8])).unwrap();
    core.export(Instant::now());
    assert!(is_silent(&outlet));
    core.end_of_rib(&speaker(1), Family::Ipv4);
    // A router that comes in this very moment is not told what is not settled yet.
    let late = core.up(&router(2, true)).remove(0);
    assert!(is_silent(&late) && is_silent(&outlet));
    core.export(Instant::now());
    assert!(!is_silent(&late) && !is_silent(&outlet));
    assert_eq!(table(&outlet), ["203.0.113.0/24 1 10.1.0.1"]);
}

#[test]
fn somebody_who_does_not_come_is_not_waited_for_for_ever() {
    let (core, mut orders) = core(None);
    let began = Instant::now();
    let outlet = core.up(&router(1, true)).remove(0);
    for n in [1, 2] {
        core.up(&speaker(n));
        core.update(&speaker(n), announce(n, &[7])).unwrap();
        core.end_of_rib(&speaker(n), Family::Ipv4);
    }
    let (next, _) = core.export(began);
    assert!(is_silent(&outlet));
    // Without a memory the speakers of the configuration are known.
    assert!(core.held().unwrap().contains("lb3 (no session)"));
    let next = next.unwrap();
    assert!(next <= began + Duration::from_secs(61));
    core.export(next);
    assert!(!is_silent(&outlet));
    assert_eq!(orders.try_recv(), Ok(Order::Released));
    let known: Vec<_> = core.memory().borrow().keys().copied().collect();
    assert_eq!(known, [Ipv4Addr::new(10, 255, 1, 1), Ipv4Addr::new(10, 255, 1, 2)]);
}

#[test]
fn a_second_speaker_with_an_identifier_is_sent_away() {
    let (core, mut orders) = core(Some(Memory::new()));
    core.up(&speaker(1));
    core.update(&speaker(1), announce(1, &[7])).unwrap();
    core.export(Instant::now());
    let _released = orders.try_recv();
    let mut second = speaker(2);
    second.negotiated.peer_router_id = Ipv4Addr::new(10, 255, 1, 1);
    assert!(core.up(&second).is_empty());
    let Ok(Order::Reset { peer, stop: Stop::Reset(reason) }) = orders.try_recv() else { panic!() };
    assert_eq!(peer, "lb2");
    assert!(reason.contains("10.255.1.1 is in use by the speaker at 10.1.0.1"), "{reason}");
    assert!(core.update(&second, announce(2, &[8])).is_err());
    core.end_of_rib(&second, Family::Ipv4);
    core.down(&second, Loss::Hard);
    core.forgotten(second.peer);
    let overview = core.overview();
    assert_eq!((overview.prefixes, overview.speakers), (1, 1));
}

#[test]
fn a_speaker_that_comes_back_with_another_identifier_leaves_nothing_behind() {
    let (core, _orders) = core(Some(Memory::new()));
    core.up(&speaker(1));
    core.update(&speaker(1), announce(1, &[7])).unwrap();
    core.down(&speaker(1), Loss::Graceful);
    assert_eq!(core.overview().paths_stale, 1);
    let mut renamed = speaker(1);
    renamed.negotiated.peer_router_id = Ipv4Addr::new(10, 255, 1, 99);
    core.up(&renamed);
    assert_eq!(core.overview().prefixes, 0);
    core.update(&renamed, announce(1, &[7])).unwrap();
    core.down(&renamed, Loss::Graceful);
    core.forgotten(renamed.peer);
    assert_eq!(core.overview().prefixes, 0);
}

#[test]
fn too_much_ends_the_session() {
    let (core, _orders) = core(Some(Memory::new()));
    core.up(&speaker(1));
    let all: Vec<u8> = (0..=100).collect();
    let stop = core.update(&speaker(1), announce(1, &all)).unwrap_err();
    assert_eq!(stop, Stop::MaxPrefixes { family: Family::Ipv4, limit: 100, restart: None });
    assert!(core.notes()[&PeerId(1)].problems[0].contains("100 prefixes of at most 100"));
}

#[test]
fn a_prefix_is_in_its_state_since_it_came_into_it() {
    let (core, _orders) = core(Some(Memory::new()));
    let ages = || -> Vec<(String, u64)> {
        core.routes().into_iter().map(|line| (line.prefix.to_string(), line.age.as_secs())).collect()
    };
    core.up(&router(1, true));
    core.up(&speaker(1));
    core.update(&speaker(1), announce(1, &[7, 8])).unwrap();
    let now = Instant::now();
    core.export(now - Duration::from_secs(100));
    // Another path is no other state; another prefix is one of its own, and one that comes back is new.
    core.up(&speaker(2));
    core.update(&speaker(2), announce(2, &[7, 9])).unwrap();
    core.export(now - Duration::from_secs(50));
    let prefix = |last: u8| format!("203.0.113.{last}/32");
    assert_eq!(ages(), [(prefix(7), 100), (prefix(8), 100), (prefix(9), 50)]);
    core.down(&speaker(1), Loss::Hard);
    core.export(now - Duration::from_secs(40));
    core.up(&speaker(1));
    core.update(&speaker(1), announce(1, &[8])).unwrap();
    core.export(now - Duration::from_secs(20));
    assert_eq!(ages(), [(prefix(7), 100), (prefix(8), 20), (prefix(9), 50)]);
}

#[test]
fn a_reload_moves_routers_and_judges_paths_again() {
    let (core, mut orders) = core(Some(Memory::new()));
    let outlet = core.up(&router(1, true)).remove(0);
    core.up(&speaker(1));
    core.update(&speaker(1), announce(1, &[7, 8])).unwrap();
    core.export(Instant::now());
    assert_eq!(orders.try_recv(), Ok(Order::Released));
    let mut other = config();
    other.pools[0].aggregate =
        Some(Aggregate { minimum: 1, up_after: Duration::ZERO, down_after: Duration::ZERO });
    other.peers[3].kind =
        Kind::Router(RouterConfig { specifics: guideway_bgp_rib::loc::Specifics::Uncovered });
    core.configure(Arc::new(other.clone()));
    assert_eq!(orders.try_recv(), Ok(Order::Move { peer: PeerId(101) }));
    let moved = core.outlets(PeerId(101)).remove(0);
    assert!(!moved.is(&outlet));
    core.export(Instant::now());
    assert_eq!(table(&moved), ["203.0.113.0/24 1 10.1.0.1"]);
    let view = core.explain("203.0.113.7/32".parse().unwrap()).unwrap();
    assert_eq!(view.covered_by, Some("203.0.113.0/24".parse().unwrap()));
    assert!(view.routers[0].reason.contains("203.0.113.0/24 says the same of it"), "{view:?}");
    let states: BTreeSet<_> = core.routes().into_iter().map(|line| line.state).collect();
    assert_eq!(states, BTreeSet::from(["aggregate", "aggregated"]));

    // A pool without them; another kind of peer.
    let Kind::Speaker(lb1) = &mut other.peers[0].kind else { panic!() };
    lb1.allowed = vec!["198.51.100.0/24".parse().unwrap()];
    other.peers[3].kind = other.peers[1].kind.clone();
    core.configure(Arc::new(other));
    core.export(Instant::now());
    assert!(table(&moved).is_empty());
    assert_eq!(
        orders.try_recv(),
        Ok(Order::Reset { peer: "tor1".to_owned(), stop: Stop::ConfigurationChange })
    );
    assert!(core.notes()[&PeerId(1)].problems[0].contains("2 of its paths not taken: outside of the pools"));
}

#[test]
fn a_speaker_that_becomes_a_router_announces_nothing_any_more() {
    let (core, mut orders) = core(Some(Memory::new()));
    core.up(&speaker(1));
    core.update(&speaker(1), announce(1, &[7])).unwrap();
    core.export(Instant::now());
    let _released = orders.try_recv();
    let mut other = config();
    other.peers[0].kind = other.peers[3].kind.clone();
    core.configure(Arc::new(other));
    let order = Order::Reset { peer: "lb1".to_owned(), stop: Stop::ConfigurationChange };
    assert_eq!(orders.try_recv(), Ok(order));
    core.down(&speaker(1), Loss::Graceful);
    assert_eq!(core.overview().paths_stale, 1);
    core.up(&speaker(1));
    assert_eq!(core.overview().prefixes, 0);
    core.update(&speaker(1), announce(1, &[7])).unwrap();
    assert_eq!(core.overview().prefixes, 0);
}

#[test]
fn the_end_of_the_process_takes_nothing_away() {
    let (core, _orders) = core(Some(Memory::new()));
    let outlet = core.up(&router(1, true)).remove(0);
    core.up(&speaker(1));
    core.update(&speaker(1), announce(1, &[7])).unwrap();
    core.export(Instant::now());
    core.freeze();
    core.down(&speaker(1), Loss::Graceful);
    core.forgotten(speaker(1).peer);
    assert_eq!(core.export(Instant::now()), (None, 0));
    assert_eq!(table(&outlet).len(), 1);
    assert_eq!(core.memory().borrow().len(), 1);
}

#[test]
fn a_client_that_is_none_any_more() {
    let mut made = config();
    made.peers[0].client = true;
    made.peers[3].client = false;
    let (sender, _orders) = mpsc::unbounded_channel();
    let core = Core::new(Arc::new(made.clone()), Some(Memory::new()), Instant::now(), sender);
    let (mut inside, mut lb1) = (router(1, true), speaker(1));
    (inside.negotiated.external, lb1.negotiated.external) = (false, false);
    let outlet = core.up(&inside).remove(0);
    core.up(&lb1);
    core.update(&lb1, announce(1, &[7])).unwrap();
    core.export(Instant::now());
    assert_eq!(table(&outlet).len(), 1);
    made.peers[0].client = false;
    core.configure(Arc::new(made));
    core.export(Instant::now());
    assert!(table(&outlet).is_empty());
    let view = core.explain("203.0.113.7/32".parse().unwrap()).unwrap();
    assert!(view.routers[0].reason.contains("client of the reflector"), "{view:?}");
}

#[test]
fn other_rules_for_attributes_reach_everybody() {
    let (core, _orders) = core(Some(Memory::new()));
    let mut inside = router(1, true);
    inside.negotiated.external = false;
    let outlet = core.up(&inside).remove(0);
    core.up(&speaker(1));
    core.update(&speaker(1), announce(1, &[7])).unwrap();
    core.export(Instant::now());
    let local_pref = |outlet: &Outlet| {
        outlet.change(|group| group.routes().values().next().and_then(|route| route.attributes.local_pref))
    };
    assert_eq!(local_pref(&outlet), Some(100));
    let mut other = config();
    other.local.local_pref = 200;
    core.configure(Arc::new(other));
    assert_eq!(local_pref(&outlet), Some(200));
}

/// For people, with `--run-ignored all --no-capture` and `--cargo-profile release`: what one of 64 speakers with 1000 VIPs
/// each costs when it dies.
#[test]
#[ignore = "prints times"]
fn one_of_many() {
    let (core, _orders) = core(Some(Memory::new()));
    let mut made = config();
    made.pools[0].prefixes = vec!["203.0.0.0/8".parse().unwrap()];
    let Kind::Speaker(any) = &mut made.peers[0].kind else { panic!() };
    (any.allowed, any.limit.prefixes) = (vec!["203.0.0.0/8".parse().unwrap()], 2000);
    let any = made.peers[0].clone();
    made.peers = (1..=64)
        .map(|n| Peer { config: peer_config(&format!("lb{n}"), speaker_address(n)), ..any.clone() })
        .chain([made.peers[3].clone()])
        .collect();
    core.configure(Arc::new(made));
    let outlet = core.up(&router(1, true)).remove(0);
    let all: Vec<Nlri> =
        (0..1000u32).map(|n| Nlri::new(IpAddr::from(Ipv4Addr::from(0xcb00_0000 + n)).into())).collect();
    let began = Instant::now();
    for n in 1..=64 {
        core.up(&speaker(n));
        for part in all.chunks(800) {
            let mut update = announce(n, &[]);
            update.reach[0].nlri = part.to_vec();
            core.update(&speaker(n), update).unwrap();
        }
    }
    let taken = began.elapsed();
    core.export(Instant::now());
    println!("64,000 paths: taken after {taken:?}, in the group after {:?}", began.elapsed());
    let began = Instant::now();
    core.down(&speaker(5), Loss::Hard);
    let down = began.elapsed();
    let (_, changes) = core.export(Instant::now());
    println!("one dies: {down:?}, {changes} changes in the group after {:?}", began.elapsed());
    let bytes = outlet.change(|group| {
        let cursor = group.join();
        let mut bytes = 0;
        while let Some(messages) = group.next(&cursor) {
            bytes += messages.len();
        }
        bytes
    });
    println!("{bytes} octets for a router that comes, after {:?}", began.elapsed());
}
