//! Two sessions agree on each capability, and both see the same.

use guideway_bgp_wire::{
    AddPathMode, AsWidth, Capability, Families, Family, LlgrFamily, Message, Nlri, Open, RefreshKind, Role,
    RouteRefresh, Unreach, Update,
};

use super::network::Network;
use super::{
    Bench, HIGHER, LOWER, OUT, both, config, connected, ms, open, peer_open, received, restarting, secs,
};
use crate::{
    Action, Config, GracefulRestart, HoldTime, LongLived, Negotiated, Refresh, RemoteAs, RestartFlags,
};

fn v4() -> Families {
    [Family::Ipv4].into_iter().collect()
}

fn v6() -> Families {
    [Family::Ipv6].into_iter().collect()
}

/// Two that fit.
fn two() -> [Config; 2] {
    [(65001, LOWER, 65000), (65000, HIGHER, 65001)]
        .map(|(own, id, peer)| Config { graceful_restart: None, ..Config::new(own, id, RemoteAs::Is(peer)) })
}

/// What both agree on.
fn agreed(configs: [Config; 2]) -> [Negotiated; 2] {
    let mut network = Network::new(configs, [1]);
    network.start();
    network.run(secs(2));
    network.agree().unwrap();
    network.ends.map(|end| end.up.unwrap().1)
}

#[test]
fn families_are_those_of_both() {
    for (first, second, common) in [(both(), both(), both()), (both(), v6(), v6()), (v4(), both(), v4())] {
        let [a, b] = two();
        for one in agreed([Config { families: first, ..a }, Config { families: second, ..b }]) {
            assert_eq!((one.families, one.context.families), (common, common));
        }
    }
}

#[test]
fn a_peer_without_multiprotocol_means_ipv4() {
    let bench = Bench::established(config(), Open { capabilities: vec![], ..peer_open(LOWER) });
    assert_eq!(bench.session.negotiated().unwrap().families, v4());
}

#[test]
fn the_hold_time_is_the_smaller_one() {
    for (first, second, common) in [(9, 90, 9), (90, 30, 30), (0, 90, 0), (90, 0, 0), (3, 3, 3)] {
        let [a, b] = two();
        let [first, second] = [first, second].map(|time| HoldTime::from_secs(time).unwrap());
        for one in agreed([Config { hold_time: first, ..a }, Config { hold_time: second, ..b }]) {
            assert_eq!((one.hold_time, one.keepalive_interval), (secs(common), secs(common) / 3));
            assert_eq!(one.send_hold_time(), secs(if common == 0 { 480 } else { common }));
        }
    }
    assert_eq!((HoldTime::from_secs(1), HoldTime::from_secs(2)), (None, None));
}

#[test]
fn as_numbers_have_four_octets_when_both_know_them() {
    let [a, b] = two();
    let (big, own) = (4_200_000_001, a.local_as);
    let b = Config { local_as: big, ..b };
    let [seen, _] = agreed([Config { remote_as: RemoteAs::Is(big), ..a }, b]);
    assert_eq!((seen.peer_as, seen.context.as_width, seen.external), (big, AsWidth::Four, true));
    assert_ne!(own, big);
    let bench = Bench::established(config(), Open { capabilities: vec![], ..peer_open(LOWER) });
    assert_eq!(bench.session.context(OUT).as_width, AsWidth::Two);
    assert_eq!(bench.session.negotiated().unwrap().peer_as, 65000);
}

#[test]
fn paths_are_added_in_the_directions_that_fit() {
    let sets = [Families::NONE, v4(), both()];
    for send in sets {
        for receive in sets {
            let [a, b] = two();
            let a = Config { add_path_send: send, families: both(), ..a };
            let b = Config { add_path_receive: receive, families: v4(), ..b };
            let [first, second] = agreed([a, b]);
            let common = send.intersection(receive).intersection(v4());
            assert_eq!(
                (first.context.add_path_send, first.context.add_path_receive),
                (common, Families::NONE)
            );
            assert_eq!(
                (second.context.add_path_receive, second.context.add_path_send),
                (common, Families::NONE)
            );
        }
    }
    let mut said = peer_open(LOWER);
    said.capabilities.push(Capability::AddPath(vec![(1, 1, AddPathMode::Both), (1, 128, AddPathMode::Both)]));
    let config = Config { add_path_send: both(), add_path_receive: v4(), ..config() };
    let context = Bench::established(config, said).session.context(OUT);
    assert_eq!((context.add_path_send, context.add_path_receive), (v4(), v4()));
}

/// What one end writes with path identifiers the other one reads so.
#[test]
fn an_update_is_read_as_it_was_written() {
    let [a, b] = two();
    let configs = [Config { add_path_send: both(), ..a }, Config { add_path_receive: both(), ..b }];
    let mut network = Network::new(configs, [1]);
    network.start();
    network.run(secs(2));
    let nlri = vec![Nlri { prefix: "203.0.113.10/32".parse().unwrap(), path_id: 7 }];
    let unreach = vec![Unreach { family: Family::Ipv4, nlri }];
    let update = Message::Update(Update { unreach, ..Update::default() });
    network.write(0, &update);
    network.run(ms(10));
    assert_eq!(network.ends[1].delivered, [update]);
}

#[test]
fn ipv6_next_hops_of_ipv4_routes_need_both_and_the_family() {
    for (first, second, families, expected) in [
        (true, true, both(), true),
        (true, false, both(), false),
        (false, true, both(), false),
        (true, true, v6(), false),
    ] {
        let [a, b] = two();
        let a = Config { extended_next_hop: first, families, ..a };
        for one in agreed([a, Config { extended_next_hop: second, ..b }]) {
            assert_eq!(one.context.extended_next_hop, expected);
        }
    }
}

#[test]
fn refresh_is_what_the_peer_understands() {
    assert!(agreed(two()).iter().all(|one| one.refresh == Refresh::Enhanced));
    let rows = [
        (vec![], Refresh::None, [true, false, false, false]),
        (vec![Capability::RouteRefresh], Refresh::Plain, [true, false, false, false]),
        (
            vec![Capability::RouteRefresh, Capability::EnhancedRouteRefresh],
            Refresh::Enhanced,
            [true, true, true, false],
        ),
    ];
    for (capabilities, expected, delivered) in rows {
        let mut bench = Bench::established(config(), Open::new(65000, 90, LOWER, capabilities));
        assert_eq!(bench.session.negotiated().unwrap().refresh, expected);
        let kinds = [
            RefreshKind::Request,
            RefreshKind::BeginOfRefresh,
            RefreshKind::EndOfRefresh,
            RefreshKind::Other(9),
        ];
        for (kind, delivered) in kinds.into_iter().zip(delivered) {
            // Only the IPv4 family was agreed on.
            for (family, delivered) in [(Family::Ipv4, delivered), (Family::Ipv6, false)] {
                let message = Message::RouteRefresh(RouteRefresh::new(family, kind));
                let expected = if delivered { vec![Action::Deliver(message.clone())] } else { vec![] };
                assert_eq!(bench.put(received(OUT, message)), expected, "{expected:?} {family} {kind:?}");
            }
        }
    }
}

#[test]
fn graceful_restart_needs_both() {
    let restart = |seconds| Some(GracefulRestart { restart_time: secs(seconds) });
    let [a, b] = two();
    let with = [
        Config { graceful_restart: restart(120), ..a.clone() },
        Config { graceful_restart: restart(9_999), families: v4(), ..b.clone() },
    ];
    let [first, second] = agreed(with).map(|one| one.graceful_restart.unwrap());
    assert_eq!((first.restart_time, second.restart_time), (secs(4095), secs(120)), "twelve bits");
    for one in [first, second] {
        assert!(one.notification && !one.restarting);
        assert_eq!((one.families, one.forwarding), (v4(), Families::NONE));
    }
    let [first, second] = agreed([Config { graceful_restart: restart(120), ..a }, b]);
    assert_eq!((first.graceful_restart, second.graceful_restart), (None, None));
}

#[test]
fn the_flags_of_a_restart_reach_the_peer() {
    let restart = Some(GracefulRestart { restart_time: secs(120) });
    let configs =
        two().map(|config| Config { graceful_restart: restart, long_lived: Some(secs(600)), ..config });
    let mut network = Network::new(configs, [1]);
    let flags = RestartFlags { restarting: true, forwarding: v6() };
    let now = network.now;
    network.ends[0].session.set_restart(flags, now);
    network.start();
    network.run(secs(2));
    let seen = network.ends[1].up.as_ref().unwrap().1.clone();
    let peer = seen.graceful_restart.unwrap();
    assert_eq!((peer.restarting, peer.forwarding, peer.families), (true, v6(), both()));
    assert!(seen.long_lived.iter().all(|one| one.forwarding == (one.family == Family::Ipv6)));
    assert!(!network.ends[0].up.as_ref().unwrap().1.graceful_restart.unwrap().restarting);
}

#[test]
fn long_lived_graceful_restart_needs_graceful_restart() {
    let restart = Some(GracefulRestart { restart_time: secs(120) });
    let [a, b] =
        two().map(|config| Config { long_lived: Some(secs(86_400)), graceful_restart: restart, ..config });
    let expected: Vec<_> =
        Family::ALL.map(|family| LongLived { family, forwarding: false, stale_time: secs(86_400) }).to_vec();
    for one in agreed([a.clone(), b.clone()]) {
        assert_eq!(one.long_lived, expected);
    }
    let long = Config { long_lived: Some(secs(1 << 30)), ..b.clone() };
    assert_eq!(agreed([a.clone(), long])[0].long_lived[0].stale_time, secs(0x00ff_ffff), "24 bits");
    for other in [Config { long_lived: None, ..b.clone() }, Config { graceful_restart: None, ..b }] {
        for one in agreed([a.clone(), other]) {
            assert!(one.long_lived.is_empty());
        }
    }
    // The capability without that of RFC 4724 means nothing.
    let mut said = peer_open(LOWER);
    let tuple = LlgrFamily { afi: 1, safi: 1, forwarding: true, stale_time: 60 };
    said.capabilities.push(Capability::LongLivedGracefulRestart(vec![tuple]));
    let config = Config { long_lived: Some(secs(60)), ..config() };
    assert!(
        Bench::established(config.clone(), said.clone()).session.negotiated().unwrap().long_lived.is_empty()
    );
    let bench = Bench::established(config, restarting(said, false));
    let long_lived = &bench.session.negotiated().unwrap().long_lived;
    assert_eq!(*long_lived, [LongLived { family: Family::Ipv4, forwarding: true, stale_time: secs(60) }]);
}

#[test]
fn roles_are_told_to_each_other() {
    let [a, b] = two();
    let configs = [
        Config { role: Some(Role::Customer), strict_role: true, ..a },
        Config { role: Some(Role::Provider), strict_role: true, ..b },
    ];
    let [first, second] = agreed(configs);
    assert_eq!((first.peer_role, second.peer_role), (Some(Role::Provider), Some(Role::Customer)));
}

#[test]
fn both_opens_are_there_for_monitoring() {
    let [first, second] = agreed(two());
    for bytes in [&first.open_sent, &first.open_received, &second.open_sent, &second.open_received] {
        assert!(matches!(
            Message::decode(bytes, &guideway_bgp_wire::Context::default()),
            Ok(Message::Open(_))
        ));
    }
}

/// Capabilities that nobody here knows are no reason for anything.
#[test]
fn unknown_capabilities_are_ignored() {
    let mut said = peer_open(LOWER);
    said.capabilities.push(Capability::Other { code: 200, value: vec![1, 2, 3] });
    said.capabilities.push(Capability::ExtendedMessage);
    let mut bench = Bench::after(config(), [connected(OUT)]);
    bench.put(open(OUT, said));
    assert_eq!(bench.session.context(OUT).families, both(), "read and written as agreed from the OPEN on");
}
