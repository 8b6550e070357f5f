//! The table without sockets: sessions are told to it as peer tasks do.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use guideway_bgp_config::{LimitAction, MaxPrefixes, Remote};
use guideway_bgp_fsm::{self as fsm, Loss, Negotiated, Refresh, RemoteAs};
use guideway_bgp_peer::{LastError, MessageCounts, PeerStatus, Router, SessionStatus, SessionView};
use guideway_bgp_rib::policy::{Aggregation, PeerExport, Pool, RouteSettings, Specifics};
use guideway_bgp_rib::{Group, Route};
use guideway_bgp_wire::{
    Attributes, Community, Context, Families, Message, NextHop, Nlri, Reach, Unreach, Update,
};

use super::*;

fn prefixes(texts: &[&str]) -> Prefixes {
    Prefixes::new(texts.iter().map(|text| vip(text)).collect())
}

fn vip(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn config(address: &str, change: impl FnOnce(&mut PeerConfig)) -> Arc<PeerConfig> {
    let session = fsm::Config::new(65001, Ipv4Addr::new(10, 255, 1, 1), RemoteAs::External);
    let mut config = PeerConfig::new(Remote::Address(address.parse().unwrap()), session);
    change(&mut config);
    Arc::new(config)
}

fn session(peer: u32, config: Arc<PeerConfig>) -> SessionView {
    let all: Families = Family::ALL.into_iter().collect();
    let context = Context { families: all, external: true, ..Context::default() };
    let negotiated = Negotiated {
        hold_time: Duration::from_secs(9),
        keepalive_interval: Duration::from_secs(3),
        families: all,
        context,
        peer_as: 65000,
        peer_router_id: Ipv4Addr::new(10, 255, 0, 1),
        external: true,
        peer_role: None,
        refresh: Refresh::Enhanced,
        graceful_restart: None,
        long_lived: Vec::new(),
        open_sent: Vec::new(),
        open_received: Vec::new(),
    };
    let address = |text: &str| SocketAddr::new(text.parse::<IpAddr>().unwrap(), 179);
    SessionView {
        peer: PeerId(peer),
        config,
        negotiated,
        local: address("10.1.1.2"),
        remote: address("10.1.1.1"),
        interface: None,
        link_local: None,
        global_v6: None,
    }
}

fn table() -> Table {
    Table::new(Ipv4Addr::new(10, 255, 1, 1), NodeExport::default(), Some(DampingSettings::default()))
}

/// The routes of an outlet, as a peer is told them.
fn routes(outlet: &Outlet) -> BTreeMap<IpNet, Arc<Route>> {
    outlet.change(|group| {
        group.routes().into_iter().map(|(nlri, route)| (nlri.prefix, Arc::clone(route))).collect()
    })
}

fn names(outlet: &Outlet) -> Vec<String> {
    routes(outlet).keys().map(ToString::to_string).collect()
}

#[test]
fn peers_of_one_kind_share_a_group_and_others_do_not() {
    let table = table();
    table.serve(&prefixes(&["203.0.113.10/32", "2001:db8::10/128"]), Instant::now(), 1);
    let with = |med| {
        config("10.1.1.1", |config| {
            config.export.settings.med = med;
            config.next_hop_v6 = Some("fd00::2".parse().unwrap());
        })
    };
    let first = table.up(&session(1, with(None)));
    let second = table.up(&session(2, with(None)));
    let third = table.up(&session(3, with(Some(7))));
    assert!(first[0].is(&second[0]) && first[1].is(&second[1]) && !first[0].is(&third[0]));
    assert_eq!(names(&first[0]), ["203.0.113.10/32"]);
    assert_eq!(names(&first[1]), ["2001:db8::10/128"]);
    let route = routes(&third[0]).remove(&vip("203.0.113.10/32")).unwrap();
    assert_eq!((route.attributes.med, route.next_hop), (Some(7), NextHop::V4(Ipv4Addr::new(10, 1, 1, 2))));
    table.down(&session(3, with(Some(7))), Loss::Hard);
    assert_eq!(table.lock().classes.len(), 2);
}

#[test]
fn nothing_is_sent_before_the_first_word() {
    let table = table();
    let outlets = table.up(&session(1, config("10.1.1.1", |_| {})));
    let cursor = outlets[0].change(Group::join);
    table.serve(&prefixes(&["203.0.113.10/32"]), Instant::now(), 1);
    assert_eq!(outlets[0].change(|group| group.next(&cursor)), None);
    assert_eq!(table.list()[0].state, "held");
    table.release();
    let bytes = outlets[0].change(|group| group.next(&cursor)).unwrap();
    let message = Message::decode(
        &bytes[..usize::from(u16::from_be_bytes([bytes[16], bytes[17]]))],
        &Context::default(),
    );
    assert!(matches!(message, Ok(Message::Update(update)) if update.reach.len() == 1));
    assert_eq!(table.list()[0].state, "announced");
}

#[test]
fn files_of_tables_have_each_form_of_an_own_route_once() {
    let table = table();
    table.serve(&prefixes(&["203.0.113.10/32"]), Instant::now(), 5_000);
    let with = |med| config("10.1.1.1", |config| config.export.settings.med = med);
    // Two are told the same, in groups of their own because one wants path identifiers.
    let mut ids = session(2, with(None));
    ids.negotiated.context.add_path_send = Families::NONE.with(Family::Ipv4);
    for session in [session(1, with(None)), ids, session(3, with(Some(7)))] {
        table.up(&session);
    }
    assert!(guideway_bgp_monitor::Tables::announced(&table).is_empty(), "nobody is told anything yet");
    table.release();
    let mut paths = guideway_bgp_monitor::Tables::announced(&table);
    paths.sort_by_key(|path| path.route.attributes.med);
    let seen: Vec<_> = paths.iter().map(|path| (path.route.attributes.med, path.path_id)).collect();
    let groups = table.lock().classes.iter().filter(|class| class.key.family == Family::Ipv4).count();
    assert_eq!((seen, groups), (vec![(None, None), (Some(7), None)], 3));
    assert_eq!(paths[0].since, SystemTime::UNIX_EPOCH + Duration::from_secs(5));
}

#[test]
fn a_changed_policy_moves_the_peer_to_another_group() {
    let table = table();
    table.serve(&prefixes(&["203.0.113.10/32"]), Instant::now(), 1);
    let before = table.up(&session(1, config("10.1.1.1", |_| {})));
    let same = table.set_peers([(PeerId(1), config("10.1.1.1", |_| {}))]);
    assert!(same.is_empty());
    let moves =
        table.set_peers([(PeerId(1), config("10.1.1.1", |config| config.export.settings.med = Some(3)))]);
    let [(PeerId(1), after)] = moves.as_slice() else { panic!("{moves:?}") };
    assert!(!after[0].is(&before[0]));
    let route = routes(&after[0]).remove(&vip("203.0.113.10/32")).unwrap();
    assert_eq!(route.attributes.med, Some(3));
}

#[test]
fn new_settings_of_the_node_change_routes_in_place() {
    let table = table();
    table.serve(&prefixes(&["203.0.113.10/32", "203.0.113.200/32"]), Instant::now(), 1);
    let outlets = table.up(&session(1, config("10.1.1.1", |_| {})));
    let pool = Pool {
        prefixes: vec![vip("203.0.113.0/25")],
        aggregate_v4: Some(Aggregation { length: 25, specifics: Specifics::Hidden }),
        settings: RouteSettings { communities: vec![Community::new(65001, 9)], ..RouteSettings::default() },
        ..Pool::default()
    };
    let node = NodeExport { pools: vec![pool], ..NodeExport::default() };
    table.set_node(Ipv4Addr::new(10, 255, 1, 1), &node, None, Instant::now(), 2);
    assert_eq!(names(&outlets[0]), ["203.0.113.0/25", "203.0.113.200/32"]);
    let states: Vec<_> =
        table.list().iter().map(|listed| (listed.prefix.to_string(), listed.state)).collect();
    table.release();
    assert_eq!(states[0], ("203.0.113.0/25".to_owned(), "held"));
    assert_eq!(table.list()[0].state, "aggregate");
    assert_eq!(table.list()[1].state, "aggregated");
    let since = || -> Vec<_> {
        table.list().iter().map(|listed| (listed.prefix.to_string(), listed.since)).collect()
    };
    let moments = |aggregate: &str, at| {
        [(aggregate, at), ("203.0.113.10/32", 2), ("203.0.113.200/32", 1)]
            .map(|(prefix, at)| (prefix.to_owned(), at))
    };
    assert_eq!(since(), moments("203.0.113.0/25", 2));

    // Another aggregate begins with the reload, also while nothing beneath it changes.
    let mut node = node;
    node.pools[0].aggregate_v4 = Some(Aggregation { length: 26, specifics: Specifics::Hidden });
    table.set_node(Ipv4Addr::new(10, 255, 1, 1), &node, None, Instant::now(), 3);
    assert_eq!(since(), moments("203.0.113.0/26", 3));
}

#[test]
fn drains_tell_and_withdraw() {
    let table = table();
    let one = vip("203.0.113.10/32");
    table.serve(&prefixes(&["203.0.113.10/32", "203.0.113.11/32"]), Instant::now(), 1);
    table.release();
    let outlets = table.up(&session(1, config("10.1.1.1", |_| {})));
    let gshut = |outlet: &Outlet| {
        let routes = routes(outlet);
        let marked = routes
            .iter()
            .filter(|(_, route)| route.attributes.communities.contains(&Community::GRACEFUL_SHUTDOWN));
        marked.map(|(prefix, _)| prefix.to_string()).collect::<Vec<_>>()
    };
    let set = |drains: &[(Target, Effect)]| {
        table.set_drains(drains.iter().copied().collect(), Instant::now(), 2);
    };
    set(&[(Target::Vip(one), Effect::GracefulShutdown)]);
    assert_eq!(gshut(&outlets[0]), ["203.0.113.10/32"]);
    assert_eq!(table.list()[0].state, "draining");
    set(&[(Target::Vip(one), Effect::Withdrawn)]);
    assert_eq!(names(&outlets[0]), ["203.0.113.11/32"]);
    assert_eq!(table.list()[0].state, "drained");
    set(&[(Target::Node, Effect::GracefulShutdown)]);
    assert_eq!(gshut(&outlets[0]).len(), 2);
    set(&[(Target::Node, Effect::Withdrawn)]);
    assert!(names(&outlets[0]).is_empty());
    // What comes while the node is drained stays in.
    table.serve(&prefixes(&["203.0.113.12/32"]), Instant::now(), 3);
    assert!(names(&outlets[0]).is_empty());
    set(&[]);
    assert_eq!(names(&outlets[0]), ["203.0.113.12/32"]);
    assert!(gshut(&outlets[0]).is_empty());
}

#[test]
fn a_vip_that_flaps_is_held_back() {
    let table = table();
    let outlets = table.up(&session(1, config("10.1.1.1", |_| {})));
    let mut now = Instant::now();
    for _ in 0..6 {
        table.serve(&prefixes(&["203.0.113.10/32"]), now, 1);
        table.serve(&prefixes(&[]), now, 1);
    }
    table.serve(&prefixes(&["203.0.113.10/32"]), now, 1);
    assert!(names(&outlets[0]).is_empty());
    assert_eq!((table.list()[0].state, table.counts(now)), ("damped", (1, 1)));
    while let Some(deadline) = table.next_deadline()
        && names(&outlets[0]).is_empty()
    {
        now = deadline;
        table.expire(now, 2);
    }
    assert_eq!(names(&outlets[0]), ["203.0.113.10/32"]);
}

fn reach(texts: &[&str], next_hop: &str, attributes: Attributes) -> Update {
    let nlri = texts.iter().map(|text| Nlri { prefix: vip(text), path_id: 0 }).collect();
    let next_hop = NextHop::V4(next_hop.parse().unwrap());
    Update { reach: vec![Reach { family: Family::Ipv4, next_hop, nlri }], attributes, ..Update::default() }
}

#[test]
fn another_path_is_what_a_router_shows_and_not_our_own() {
    let table = table();
    table.serve(&prefixes(&["203.0.113.10/32", "203.0.113.11/32"]), Instant::now(), 1);
    let session = session(1, config("10.1.1.1", |_| {}));
    table.up(&session);
    let alone = |target| table.alone(target).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(alone(Target::Node).len(), 2);
    let ten = &["203.0.113.10/32"][..];
    // Our own address, or a path that asks not to be used.
    let own = reach(ten, "10.1.1.2", Attributes::default());
    let draining = Attributes { communities: vec![Community::GRACEFUL_SHUTDOWN], ..Attributes::default() };
    let reflected = Attributes { originator_id: Some(Ipv4Addr::new(10, 255, 1, 1)), ..Attributes::default() };
    for update in [own, reach(ten, "10.1.1.9", draining), reach(ten, "10.1.1.9", reflected)] {
        table.update(&session, update).unwrap();
        assert_eq!(alone(Target::Vip(vip("203.0.113.10/32"))), ["203.0.113.10/32"]);
    }
    table.update(&session, reach(ten, "10.1.1.1", Attributes::default())).unwrap();
    assert_eq!(alone(Target::Node), ["203.0.113.11/32"]);
    assert!(alone(Target::Vip(vip("203.0.113.10/32"))).is_empty());
    table.down(&session, Loss::Graceful);
    assert_eq!(alone(Target::Node).len(), 2);
}

#[test]
fn prefix_limits() {
    let limit =
        |action| MaxPrefixes { limit: 2, warn_percent: 50, action, restart: Some(Duration::from_secs(5)) };
    let three = &["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"][..];
    for (action, ok, kept) in
        [(LimitAction::Warn, true, 3), (LimitAction::Block, true, 2), (LimitAction::Reset, false, 2)]
    {
        let table = table();
        let session = session(1, config("10.1.1.1", |config| config.max_prefixes = Some(limit(action))));
        table.up(&session);
        let outcome = table.update(&session, reach(three, "10.1.1.1", Attributes::default()));
        assert_eq!((outcome.is_ok(), table.kept(PeerId(1)).prefixes), (ok, kept), "{action:?}");
        let problem = table.problem(PeerId(1)).unwrap();
        assert!(problem.starts_with("it announces more than the 2 prefixes of max_prefixes"), "{problem}");
        assert_eq!(problem.ends_with("1 are not kept"), action != LimitAction::Warn, "{problem}");
        table.down(&session, Loss::Hard);
        table.up(&session);
        table.update(&session, reach(&three[..2], "10.1.1.1", Attributes::default())).unwrap();
        assert_eq!(table.problem(PeerId(1)), None);
    }
}

#[test]
fn received_routes_are_shown_and_go() {
    let table = table();
    let session = session(1, config("10.1.1.1", |_| {}));
    table.up(&session);
    table
        .update(&session, reach(&["192.0.2.1/32", "192.0.2.2/32"], "10.1.1.1", Attributes::default()))
        .unwrap();
    assert_eq!(table.received(PeerId(1)).len(), 2);
    let nlri = vec![Nlri { prefix: vip("192.0.2.1/32"), path_id: 0 }];
    let gone = Update { unreach: vec![Unreach { family: Family::Ipv4, nlri }], ..Update::default() };
    table.update(&session, gone).unwrap();
    assert_eq!(table.received(PeerId(1))[0].0.prefix, vip("192.0.2.2/32"));
    assert_eq!(table.oldest_loss(0), None);
    table.down(&session, Loss::Graceful);
    assert!(table.received(PeerId(1)).is_empty() && table.oldest_loss(0).is_some());
    assert_eq!(table.oldest_loss(crate::unix_ms(SystemTime::now()) + 60_000), None);
    table.forgotten(PeerId(1));
    assert_eq!(table.oldest_loss(0), None);
}

#[test]
fn next_hops() {
    let families = |local: &str, extended: bool, change: fn(&mut PeerConfig)| {
        let mut view = session(1, config("10.1.1.1", change));
        view.local = SocketAddr::new(local.parse().unwrap(), 179);
        view.negotiated.context.extended_next_hop = extended;
        view.global_v6 = Some("fd00::2".parse().unwrap());
        let keys = next_hops::class_keys(&view);
        (keys[0].session.next_hop_v4, keys[1].session.next_hop_v6)
    };
    let v4 = |text: &str| Some(NextHop::V4(text.parse().unwrap()));
    let v6 = |global: &str, local: Option<&str>| {
        let link_local = local.map(|local| local.parse().unwrap());
        Some(NextHop::V6 { global: global.parse().unwrap(), link_local })
    };
    assert_eq!(families("10.1.1.2", false, |_| {}), (v4("10.1.1.2"), v6("fd00::2", None)));
    assert_eq!(families("::ffff:10.1.1.2", false, |_| {}), (v4("10.1.1.2"), v6("fd00::2", None)));
    assert_eq!(families("fd00::9", false, |_| {}), (None, v6("fd00::9", None)));
    assert_eq!(families("fd00::9", true, |_| {}), (v6("fd00::9", None), v6("fd00::9", None)));
    let unnumbered = v6("fd00::2", Some("fe80::2"));
    assert_eq!(families("fe80::2", true, |_| {}), (unnumbered, unnumbered));
    let fixed = |config: &mut PeerConfig| {
        config.next_hop_v4 = Some("192.0.2.1".parse().unwrap());
        config.next_hop_v6 = Some("2001:db8::1".parse().unwrap());
    };
    assert_eq!(families("10.1.1.2", false, fixed), (v4("192.0.2.1"), v6("2001:db8::1", None)));
}

#[test]
fn answers_of_explain() {
    let table = table();
    let pool = Pool {
        name: "web".to_owned(),
        prefixes: vec![vip("203.0.113.0/24")],
        settings: RouteSettings { communities: vec![Community::new(65001, 100)], ..RouteSettings::default() },
        ..Pool::default()
    };
    let node = NodeExport { pools: vec![pool], ..NodeExport::default() };
    table.set_node(Ipv4Addr::new(10, 255, 1, 1), &node, None, Instant::now(), 2);
    table.serve(&prefixes(&["203.0.113.10/32"]), Instant::now(), 1);
    let ask = |target: &str, agent: Option<&str>| {
        let answer = table.explain(target.parse().unwrap(), &[], agent, Instant::now());
        format!("{} {} {:?} {:#?}", answer.prefix, answer.announced, answer.state, answer.reasons)
    };
    insta::assert_snapshot!(ask("203.0.113.10", None));
    table.release();
    table.set_drains([(Target::Node, Effect::Withdrawn)].into(), Instant::now(), 3);
    insta::assert_snapshot!(ask("203.0.113.10/32", None));
    insta::assert_snapshot!(ask("203.0.113.99", None));
    insta::assert_snapshot!(ask("2001:db8::1", Some("not connected yet")));
    for refused in ["0.0.0.0/0", "224.1.1.1", "::1"] {
        assert!(ask(refused, None).contains("reserved"), "{}", ask(refused, None));
    }
    assert!("203.0.113.10/24".parse::<Asked>().is_err() && "web".parse::<Asked>().is_err());
}

fn status(peer: u32, config: &Arc<PeerConfig>, session: Option<&SessionView>) -> PeerStatus {
    let established = session.map(|view| SessionStatus {
        since: SystemTime::UNIX_EPOCH + Duration::from_secs(9),
        side: fsm::Side::Outgoing,
        local: view.local,
        remote: view.remote,
        negotiated: view.negotiated.clone(),
        told: Vec::new(),
        ended: Vec::new(),
    });
    let state = if established.is_some() { fsm::State::Established } else { fsm::State::Active };
    PeerStatus {
        id: PeerId(peer),
        config: Arc::clone(config),
        dynamic: None,
        address: None,
        state,
        since: SystemTime::UNIX_EPOCH,
        outgoing: state,
        incoming: fsm::State::Idle,
        last_error: session.is_none().then(|| LastError {
            text: "cannot connect: connection refused".to_owned(),
            at: SystemTime::UNIX_EPOCH,
        }),
        session: established,
        problems: Vec::new(),
        bfd: None,
        received: MessageCounts::default(),
        sent: MessageCounts::default(),
        malformed_updates: 0,
        sessions: 1,
        flaps: 0,
        kept: guideway_bgp_peer::Kept::default(),
    }
}

#[test]
fn explain_tells_of_each_peer_and_rule() {
    let table = table();
    let pool = Pool {
        prefixes: vec![vip("203.0.113.0/24")],
        settings: RouteSettings { communities: vec![Community::new(65001, 100)], ..RouteSettings::default() },
        ..Pool::default()
    };
    let node = NodeExport {
        settings: RouteSettings { med: Some(5), ..RouteSettings::default() },
        pools: vec![pool],
        vips: vec![(vip("203.0.113.10/32"), RouteSettings { prepend: Some(2), ..RouteSettings::default() })],
    };
    table.set_node(Ipv4Addr::new(10, 255, 1, 1), &node, None, Instant::now(), 2);
    table.serve(&prefixes(&["203.0.113.10/32", "2001:db8::10/128"]), Instant::now(), 1_000);
    table.release();
    let with_med = config("10.1.1.1", |config| config.export.settings.med = Some(7));
    let other = config("10.1.2.1", |config| config.export.only = vec![vip("198.51.100.0/24")]);
    let down = config("10.1.3.1", |_| {});
    let (first, second) = (session(1, Arc::clone(&with_med)), session(2, Arc::clone(&other)));
    table.up(&first);
    table.up(&second);
    let statuses =
        [status(1, &with_med, Some(&first)), status(2, &other, Some(&second)), status(3, &down, None)];
    let answer = table.explain("203.0.113.10".parse().unwrap(), &statuses, None, Instant::now());
    insta::assert_snapshot!(format!("{answer:#?}"));
    let answer = table.explain("2001:db8::10".parse().unwrap(), &statuses[..1], None, Instant::now());
    assert_eq!(answer.peers[0].reason, "there is no next hop for ipv6");
}

/// A VIP that routers know only by its aggregate cannot be drained while others need that.
#[test]
fn a_drained_vip_under_an_aggregate() {
    let table = table();
    let pool = Pool {
        prefixes: vec![vip("203.0.113.0/24")],
        aggregate_v4: Some(Aggregation { length: 25, specifics: Specifics::Hidden }),
        ..Pool::default()
    };
    let node = NodeExport { pools: vec![pool], ..NodeExport::default() };
    table.set_node(Ipv4Addr::new(10, 255, 1, 1), &node, None, Instant::now(), 2);
    let ten = Target::Vip(vip("203.0.113.10/32"));
    for (served, covering) in [
        (&["203.0.113.10/32"][..], None),
        (&["203.0.113.10/32", "203.0.113.200/32"], None),
        (&["203.0.113.10/32", "203.0.113.11/32"], Some(vip("203.0.113.0/25"))),
    ] {
        table.serve(&prefixes(served), Instant::now(), 3);
        for effect in [Effect::Nothing, Effect::GracefulShutdown, Effect::Withdrawn] {
            table.set_drains([(ten, effect)].into(), Instant::now(), 4);
            assert_eq!(table.covered(ten), covering, "{served:?} {effect:?}");
        }
    }
    assert_eq!(table.covered(Target::Node), None);
    let answer = table.explain("203.0.113.10".parse().unwrap(), &[], None, Instant::now());
    assert!(
        answer.reasons.iter().any(|reason| reason.starts_with("203.0.113.0/25 is still announced")),
        "{:?}",
        answer.reasons
    );
}

/// An aggregate that a peer may not have is not named as what the peer is told.
#[test]
fn explain_of_an_aggregate_that_a_peer_may_not_have() {
    let table = table();
    let pool = Pool {
        prefixes: vec![vip("203.0.113.0/24")],
        aggregate_v4: Some(Aggregation { length: 25, specifics: Specifics::Hidden }),
        ..Pool::default()
    };
    let node = NodeExport { pools: vec![pool], ..NodeExport::default() };
    table.set_node(Ipv4Addr::new(10, 255, 1, 1), &node, None, Instant::now(), 2);
    table.serve(&prefixes(&["203.0.113.10/32"]), Instant::now(), 1_000);
    table.release();
    let any = config("10.1.1.1", |_| {});
    let other = config("10.1.2.1", |config| config.export.only = vec![vip("198.51.100.0/24")]);
    let (first, second) = (session(1, Arc::clone(&any)), session(2, Arc::clone(&other)));
    table.up(&first);
    table.up(&second);
    let statuses = [status(1, &any, Some(&first)), status(2, &other, Some(&second))];
    let answer = table.explain("203.0.113.10".parse().unwrap(), &statuses, None, Instant::now());
    assert_eq!(answer.peers[0].reason, "only the aggregate 203.0.113.0/25 is announced");
    assert_eq!(
        answer.peers[1].reason,
        "only the aggregate 203.0.113.0/25 is announced, and that not to this peer: it is outside of the prefixes that this \
         peer may have"
    );
}

/// `PeerExport` decides who shares a group; a limit to some prefixes is part of it.
#[test]
fn only_some_prefixes() {
    let table = table();
    table.serve(&prefixes(&["203.0.113.10/32", "198.51.100.1/32"]), Instant::now(), 1);
    let only = |config: &mut PeerConfig| {
        config.export = PeerExport { only: vec![vip("203.0.113.0/24")], ..PeerExport::default() };
    };
    let outlets = table.up(&session(1, config("10.1.1.1", only)));
    assert_eq!(names(&outlets[0]), ["203.0.113.10/32"]);
}
