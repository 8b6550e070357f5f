//! RFC 4456, 7947, 9234, 8950: what goes out.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use guideway_bgp_wire::{
    AsPath, AsSegment, Attributes, Community, ExtendedCommunity, NextHop, Role, SegmentKind, Transitivity,
};

use super::{Bench, OWN_AS, address, announce, attributes, id, local, net, session, settings, target};
use crate::Route;
use crate::loc::attributes::advertise;
use crate::loc::{Candidate, NotSent, Refusal, SourceKind, Target, TargetKind};

fn candidate(kind: SourceKind, attributes: Attributes) -> Candidate {
    let route = Route { next_hop: Ipv4Addr::new(10, 1, 1, 2).into(), attributes };
    Candidate { speaker: id(1), address: address(1), kind, route: Arc::new(route), long_lived: false }
}

fn internal() -> Attributes {
    Attributes { as_path: Some(AsPath::default()), local_pref: Some(150), med: Some(7), ..attributes(1) }
}

#[test]
fn a_route_server_changes_nothing() {
    let given = Attributes {
        med: Some(5),
        local_pref: Some(300),
        communities: vec![Community::NO_EXPORT, Community::NO_ADVERTISE],
        extended_communities: vec![ExtendedCommunity::link_bandwidth(
            65001,
            1e9,
            Transitivity::NonTransitive,
        )],
        ..attributes(1)
    };
    let path = candidate(SourceKind::External, given.clone());
    let sent = advertise(&local(), &target(TargetKind::External), &path).unwrap();
    assert_eq!(sent.next_hop, NextHop::V4(Ipv4Addr::new(10, 1, 1, 2)));
    assert_eq!(sent.attributes, Attributes { local_pref: None, ..given });
}

#[test]
fn a_reflector_marks_whom_it_comes_from() {
    for (from, to) in [
        (SourceKind::Client, TargetKind::Client),
        (SourceKind::Client, TargetKind::NonClient),
        (SourceKind::NonClient, TargetKind::Client),
    ] {
        let sent = advertise(&local(), &target(to), &candidate(from, internal())).unwrap();
        let wanted =
            Attributes { originator_id: Some(id(1).0), cluster_list: vec![local().cluster_id], ..internal() };
        assert_eq!(sent.attributes, wanted, "{from:?} {to:?}");
        assert_eq!(sent.next_hop, NextHop::V4(Ipv4Addr::new(10, 1, 1, 2)));
    }
    let reflected = Attributes {
        originator_id: Some(Ipv4Addr::new(1, 1, 1, 1)),
        cluster_list: vec![Ipv4Addr::new(2, 2, 2, 2)],
        ..internal()
    };
    let path = candidate(SourceKind::Client, reflected);
    let sent = advertise(&local(), &target(TargetKind::Client), &path).unwrap();
    assert_eq!(sent.attributes.originator_id, Some(Ipv4Addr::new(1, 1, 1, 1)));
    assert_eq!(sent.attributes.cluster_list, [local().cluster_id, Ipv4Addr::new(2, 2, 2, 2)]);

    let neither = candidate(SourceKind::NonClient, internal());
    assert_eq!(advertise(&local(), &target(TargetKind::NonClient), &neither), Err(NotSent::NotAClient));
}

#[test]
fn between_the_own_as_and_others() {
    let out = candidate(
        SourceKind::Client,
        Attributes {
            originator_id: Some(id(9).0),
            cluster_list: vec![id(8).0],
            extended_communities: vec![
                ExtendedCommunity::link_bandwidth(65001, 1e9, Transitivity::NonTransitive),
                ExtendedCommunity::link_bandwidth(65001, 1e9, Transitivity::Transitive),
            ],
            ..internal()
        },
    );
    let sent = advertise(&local(), &target(TargetKind::External), &out).unwrap();
    let wanted = Attributes {
        as_path: Some(AsPath::originated_by(OWN_AS)),
        med: Some(7),
        extended_communities: vec![ExtendedCommunity::link_bandwidth(65001, 1e9, Transitivity::Transitive)],
        ..attributes(1)
    };
    assert_eq!(sent.attributes, wanted);
    // A MED of another AS ends here, and the own number goes in front.
    let through = candidate(SourceKind::Client, Attributes { med: Some(7), ..attributes(3) });
    let sent = advertise(&local(), &target(TargetKind::External), &through).unwrap();
    let path = AsSegment { kind: SegmentKind::Sequence, asns: vec![OWN_AS, 65003] };
    assert_eq!(sent.attributes.as_path, Some(AsPath { segments: vec![path] }));
    assert_eq!(sent.attributes.med, None);

    let inside = candidate(SourceKind::External, Attributes { med: Some(7), ..attributes(1) });
    let sent = advertise(&local(), &target(TargetKind::NonClient), &inside).unwrap();
    assert_eq!(sent.attributes, Attributes { med: Some(7), local_pref: Some(100), ..attributes(1) });
    let drained = super::with_community(1, Community::GRACEFUL_SHUTDOWN);
    let sent = advertise(&local(), &target(TargetKind::NonClient), &candidate(SourceKind::External, drained))
        .unwrap();
    assert_eq!(sent.attributes.local_pref, Some(0));
}

#[test]
fn communities_are_obeyed_inside_and_at_the_border() {
    use SourceKind::{Client, External};
    for (community, from, to, reason) in [
        (Community::NO_ADVERTISE, Client, TargetKind::Client, NotSent::NoAdvertise),
        (Community::NO_ADVERTISE, Client, TargetKind::External, NotSent::NoAdvertise),
        (Community::NO_ADVERTISE, External, TargetKind::Client, NotSent::NoAdvertise),
        (Community::NO_EXPORT, Client, TargetKind::External, NotSent::NoExport),
        (Community::NO_EXPORT_SUBCONFED, Client, TargetKind::External, NotSent::NoExport),
    ] {
        let path = candidate(from, Attributes { communities: vec![community], ..internal() });
        assert_eq!(advertise(&local(), &target(to), &path), Err(reason), "{community} {from:?} {to:?}");
    }
    let path = candidate(Client, Attributes { communities: vec![Community::NO_EXPORT], ..internal() });
    advertise(&local(), &target(TargetKind::Client), &path).unwrap();
}

#[test]
fn next_hops_that_the_router_can_use() {
    let global: Ipv6Addr = "fd00:1::2".parse().unwrap();
    let next_hop = NextHop::V6 { global, link_local: Some("fe80::2".parse().unwrap()) };
    let route = Route { next_hop, attributes: attributes(1) };
    let path = Candidate { route: Arc::new(route), ..candidate(SourceKind::External, attributes(1)) };
    let plain = target(TargetKind::External);
    assert_eq!(advertise(&local(), &plain, &path), Err(NotSent::ExtendedNextHop));
    let extended = Target { extended_next_hop: true, ..plain };
    assert_eq!(advertise(&local(), &extended, &path).unwrap().next_hop, NextHop::from(global));
}

#[test]
fn long_lived_paths_are_marked_and_kept_from_those_who_do_not_know() {
    let path = Candidate { long_lived: true, ..candidate(SourceKind::External, attributes(1)) };
    let knows = target(TargetKind::External);
    let sent = advertise(&local(), &knows, &path).unwrap();
    assert_eq!(sent.attributes.communities, [Community::LLGR_STALE]);
    let does_not = Target { long_lived: false, ..knows };
    assert_eq!(advertise(&local(), &does_not, &path), Err(NotSent::LongLived));
}

#[test]
fn only_to_customer() {
    let with = |otc| candidate(SourceKind::External, Attributes { only_to_customer: otc, ..attributes(1) });
    let to = |role| Target { role: Some(role), ..target(TargetKind::External) };
    for role in [Role::Provider, Role::Peer, Role::RouteServer] {
        assert_eq!(advertise(&local(), &to(role), &with(Some(1))), Err(NotSent::OnlyToCustomer));
    }
    for role in [Role::Customer, Role::Peer, Role::RouteServerClient] {
        let sent = advertise(&local(), &to(role), &with(None)).unwrap();
        assert_eq!(sent.attributes.only_to_customer, Some(OWN_AS));
    }
    let sent = advertise(&local(), &to(Role::Customer), &with(Some(1))).unwrap();
    assert_eq!(sent.attributes.only_to_customer, Some(1));
    let sent = advertise(&local(), &to(Role::Provider), &with(None)).unwrap();
    assert_eq!(sent.attributes.only_to_customer, None);
}

#[test]
fn what_is_no_candidate_is_kept_with_its_reason() {
    let mut bench = Bench::new(settings());
    bench.up(1);
    let mut internal_session = session(2);
    internal_session.kind = SourceKind::Client;
    bench.up_with(2, internal_session);
    let mut role = session(3);
    role.peer_role = Some(Role::RouteServerClient);
    bench.up_with(3, role);
    let path = |asns: &[u32]| {
        Some(AsPath { segments: vec![AsSegment { kind: SegmentKind::Sequence, asns: asns.to_vec() }] })
    };
    let table = [
        (1, "198.51.100.1/32", attributes(1), Some(Refusal::OutsideOfPools)),
        (1, "203.0.0.0/8", attributes(1), Some(Refusal::OutsideOfPools)),
        (
            1,
            "203.0.113.1/32",
            Attributes { as_path: path(&[65001, OWN_AS]), ..attributes(1) },
            Some(Refusal::AsLoop),
        ),
        (1, "203.0.113.2/32", attributes(2), Some(Refusal::FirstAs)),
        (1, "203.0.113.3/32", Attributes { as_path: path(&[65001, 65001]), ..attributes(1) }, None),
        (1, "203.0.113.0/24", attributes(1), None),
        (
            2,
            "203.0.113.4/32",
            Attributes { originator_id: Some(local().router_id), ..internal() },
            Some(Refusal::OwnOriginator),
        ),
        (
            2,
            "203.0.113.5/32",
            Attributes { cluster_list: vec![local().cluster_id], ..internal() },
            Some(Refusal::OwnCluster),
        ),
        (2, "203.0.113.6/32", internal(), None),
        (
            3,
            "203.0.113.7/32",
            Attributes { only_to_customer: Some(65003), ..attributes(3) },
            Some(Refusal::Leak),
        ),
    ];
    for (n, prefix, attributes, refused) in table {
        bench.update(n, &announce(n, &[prefix], &attributes));
        assert_eq!(bench.loc.paths(&net(prefix))[0].refused, refused, "{prefix}");
        assert_eq!(bench.loc.candidates(&net(prefix)).is_empty(), refused.is_some(), "{prefix}");
    }
    let mut own_next_hop = announce(1, &["203.0.113.8/32"], &attributes(1));
    own_next_hop.reach[0].next_hop = Ipv4Addr::new(10, 1, 5, 2).into();
    bench.update(1, &own_next_hop);
    assert_eq!(bench.loc.paths(&net("203.0.113.8/32"))[0].refused, Some(Refusal::OwnNextHop));
    let mut link_local = announce(1, &["2001:db8::1/128"], &attributes(1));
    link_local.reach[0].next_hop = "fe80::1".parse::<Ipv6Addr>().unwrap().into();
    bench.update(1, &link_local);
    assert_eq!(bench.loc.paths(&net("2001:db8::1/128"))[0].refused, Some(Refusal::LinkLocalNextHop));

    // Other pools: judged again, without the speaker.
    let session = session(1);
    bench.loc.set_rules(id(1), session.kind, vec![net("198.51.100.0/24")], session.limit);
    assert_eq!(bench.told(), ["198.51.100.1/32: 1", "203.0.113.6/32: 2"]);
}
