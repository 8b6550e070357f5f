//! OPENs that are refused: the reason, the NOTIFICATION, and what the operator reads.

use guideway_bgp_wire::iana::capability;
use guideway_bgp_wire::{Capability, Family, Message, Open, Role};

use super::{Bench, IN, LOWER, OUT, both, config, connected, open, peer_open, received, secs, told};
use crate::{Action, Cause, Config, Event, RemoteAs, State};

fn with_as(asn: u32) -> Open {
    Open::new(asn, 90, LOWER, Family::ALL.map(Capability::family).to_vec())
}

fn with_roles(roles: &[Role]) -> Open {
    let mut open = peer_open(LOWER);
    open.capabilities.extend(roles.iter().map(|role| Capability::Role(*role)));
    open
}

/// What was configured, what the peer said, subcode and data of the OPEN error, words of the reason.
type Row = (Config, Open, (u8, Vec<u8>), &'static str);

fn rows() -> Vec<Row> {
    let own = config().local_as;
    let external = Config { remote_as: RemoteAs::External, ..config() };
    let internal = Config { remote_as: RemoteAs::Internal, ..config() };
    let twin = Open { router_id: config().router_id, ..with_as(own) };
    let v6_only = Open::new(65000, 90, LOWER, vec![Capability::family(Family::Ipv6)]);
    let v4 = Config { families: [Family::Ipv4].into_iter().collect(), ..config() };
    let no_family = Open::new(65000, 90, LOWER, vec![Capability::MultiProtocol { afi: 25, safi: 70 }]);
    let old = Open { my_as: 23456, capabilities: vec![], ..with_as(70_000) };
    let role = |role| Config { role: Some(role), ..config() };
    let strict = Config { strict_role: true, ..role(Role::Customer) };
    let undefined = Capability::Other { code: capability::ROLE, value: vec![9] };
    let mut odd = peer_open(LOWER);
    odd.capabilities.push(undefined);
    let mp = capability::MULTIPROTOCOL;
    vec![
        (config(), with_as(64999), (2, vec![]), "AS 64999, but 65000 is configured"),
        (config(), with_as(own), (2, vec![]), "but 65000 is configured"),
        (external.clone(), with_as(own), (2, vec![]), "AS 65001, but external is configured"),
        (external, old.clone(), (2, vec![]), "AS 23456, but external"),
        (Config { remote_as: RemoteAs::Is(70_000), ..config() }, old, (2, vec![]), "AS 23456"),
        (internal.clone(), with_as(65000), (2, vec![]), "AS 65000, but internal is configured"),
        (internal, twin.clone(), (3, vec![]), "own router id 10.0.0.5"),
        (Config { remote_as: RemoteAs::Is(own), ..config() }, twin, (3, vec![]), "own router id 10.0.0.5"),
        (v4, v6_only, (7, vec![mp, 4, 0, 1, 0, 1]), "none of the configured address families"),
        (config(), no_family, (7, vec![mp, 4, 0, 1, 0, 1, mp, 4, 0, 2, 0, 1]), "none of the configured"),
        (
            role(Role::Customer),
            with_roles(&[Role::Customer]),
            (11, vec![]),
            "is customer, which does not fit",
        ),
        (role(Role::Provider), with_roles(&[Role::Peer]), (11, vec![]), "own role provider"),
        (role(Role::Peer), with_roles(&[Role::Peer, Role::Customer]), (11, vec![]), "several roles"),
        (role(Role::Peer), odd, (11, vec![]), "undefined one"),
        (strict, with_roles(&[]), (11, vec![]), "says no role"),
    ]
}

#[test]
fn each_is_told_and_explained() {
    for (config, said, (subcode, data), words) in rows() {
        for connection in [OUT, IN] {
            let mut bench = Bench::after(config.clone(), [connected(connection)]);
            let actions = bench.put(open(connection, said.clone()));
            let (to, sent) = told(&actions)[0];
            assert_eq!((to, sent.code, sent.subcode, &sent.data), (connection, 2, subcode, &data), "{words}");
            let Some(Action::Failed(Cause::Sent { why, notification })) = actions.last() else {
                panic!("{actions:?}")
            };
            assert!(why.contains(words), "{why:?} does not say {words:?}");
            assert_eq!(notification, sent);
            assert_eq!(actions[1], Action::Disconnect { connection });
            assert!(bench.session.state() < State::OpenSent);
        }
    }
}

/// A connection beside an established session is refused as well, and changes nothing.
#[test]
fn a_refused_challenger_leaves_the_session_alone() {
    for (config, said, (subcode, _), words) in rows() {
        let good = match config.remote_as {
            RemoteAs::Is(asn) => with_as(asn),
            RemoteAs::External => with_as(65000),
            RemoteAs::Internal => with_as(config.local_as),
        };
        let fitting = config.role.map(|role| Capability::Role(role.counterpart()));
        let good = Open { capabilities: good.capabilities.into_iter().chain(fitting).collect(), ..good };
        let mut bench = Bench::established(config, good);
        bench.wait(secs(2));
        bench.put(connected(IN));
        let actions = bench.put(open(IN, said));
        assert_eq!((told(&actions)[0].1.code, told(&actions)[0].1.subcode), (2, subcode), "{words}");
        assert_eq!(bench.session.connection(), Some(OUT));
    }
}

/// The table of RFC 9234 section 4.2, all pairs.
#[test]
fn roles_fit_as_the_table_says() {
    use Role::{Customer, Peer, Provider, RouteServer, RouteServerClient};
    let all = [Provider, RouteServer, RouteServerClient, Customer, Peer];
    let fitting = [
        (Provider, Customer),
        (Customer, Provider),
        (RouteServer, RouteServerClient),
        (RouteServerClient, RouteServer),
        (Peer, Peer),
    ];
    for own in all {
        for theirs in all {
            let mut bench = Bench::after(Config { role: Some(own), ..config() }, [connected(OUT)]);
            bench.put(open(OUT, with_roles(&[theirs])));
            bench.confirm();
            let fits = fitting.contains(&(own, theirs));
            assert_eq!(bench.session.state() == State::Established, fits, "{own} and {theirs}");
            if fits {
                assert_eq!(bench.session.negotiated().unwrap().peer_role, Some(theirs));
            }
        }
    }
}

/// Roles are for external peers; to an internal one none is told, and what it tells means nothing.
#[test]
fn an_internal_peer_has_no_role() {
    let config =
        Config { role: Some(Role::Customer), strict_role: true, remote_as: RemoteAs::Internal, ..config() };
    let mut bench = Bench::after(config, []);
    let actions = bench.put(connected(OUT));
    let Action::Send { message: Message::Open(sent), .. } = &actions[0] else { panic!("{actions:?}") };
    assert_eq!(sent.role(), Ok(None));
    let mut said = with_as(65001);
    said.capabilities.push(Capability::Role(Role::Customer));
    bench.put(open(OUT, said));
    bench.confirm();
    assert_eq!(bench.session.negotiated().unwrap().peer_role, None);
}

/// A peer of any AS that fits is taken (dynamic peers).
#[test]
fn external_and_internal_take_whom_they_should() {
    for (remote_as, asn) in
        [(RemoteAs::External, 65000), (RemoteAs::External, 4_200_000_000), (RemoteAs::Internal, 65001)]
    {
        let bench = Bench::established(Config { remote_as, ..config() }, with_as(asn));
        let negotiated = bench.session.negotiated().unwrap();
        assert_eq!((negotiated.peer_as, negotiated.external), (asn, asn != 65001));
        assert_eq!(negotiated.families, both());
    }
}

/// RFC 6286: another AS may have the own identifier.
#[test]
fn an_external_peer_may_have_the_own_identifier() {
    let said = Open { router_id: config().router_id, ..with_as(65000) };
    Bench::established(config(), said);
}

/// The peer's own refusals are passed on as they are.
#[test]
fn the_peers_refusal_is_reported() {
    let mut bench = Bench::after(config(), [connected(OUT)]);
    let notification = guideway_bgp_wire::Notification::new(2, 2);
    let actions = bench.put(received(OUT, Message::Notification(notification.clone())));
    let expected = [Action::Disconnect { connection: OUT }, Action::Failed(Cause::Received(notification))];
    assert_eq!(actions, expected);
    assert!(bench.put(Event::Closed { connection: OUT, why: "late".to_owned() }).is_empty());
}
