use std::collections::BTreeMap;
use std::sync::Arc;

use guideway_bgp_wire::{Community, Families, Family, LargeCommunity, NextHop, Role};
use ipnet::IpNet;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn session(external: bool) -> ExportSession {
    ExportSession {
        local_as: 65001,
        external,
        role: None,
        families: Family::ALL.into_iter().collect::<Families>(),
        next_hop_v4: Some(NextHop::V4([192, 0, 2, 1].into())),
        next_hop_v6: Some(NextHop::V6 { global: "2001:db8:1::1".parse().unwrap(), link_local: None }),
    }
}

fn communities(texts: &[&str]) -> Vec<Community> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// A node with settings on each level.
fn node() -> Arc<Node> {
    let settings = |community: &str, med: Option<u32>| RouteSettings {
        communities: communities(&[community]),
        med,
        ..RouteSettings::default()
    };
    let hidden = |length| Some(Aggregation { length, specifics: Specifics::Hidden });
    let shown = |length| Some(Aggregation { length, specifics: Specifics::Announced });
    Arc::new(Node::new(NodeExport {
        settings: RouteSettings { local_pref: Some(150), ..settings("65001:1", Some(10)) },
        pools: vec![
            Pool {
                name: "wide".into(),
                prefixes: vec![net("203.0.113.0/24"), net("2001:db8::/32")],
                settings: settings("65001:2", Some(20)),
                aggregate_v4: hidden(24),
                aggregate_v6: shown(48),
            },
            Pool {
                name: "narrow".into(),
                prefixes: vec![net("203.0.113.128/25")],
                settings: RouteSettings { prepend: Some(2), ..settings("65001:3", None) },
                ..Pool::default()
            },
            Pool {
                name: "smaller than its aggregates".into(),
                prefixes: vec![net("198.51.100.0/26")],
                aggregate_v4: hidden(20),
                ..Pool::default()
            },
        ],
        vips: vec![(net("203.0.113.130/32"), settings("65001:4", Some(40)))],
    }))
}

fn export(external: bool) -> Export {
    Export::new(node(), PeerExport::default(), session(external), NodeState::default())
}

fn announcements(vips: &[(&str, Vip)]) -> Announcements {
    let mut announcements = Announcements::new(node());
    announcements.replace(&vips.iter().map(|(prefix, vip)| (net(prefix), *vip)).collect());
    announcements
}

fn candidates(announcements: &Announcements) -> Vec<String> {
    let show = |candidate: Candidate| {
        let aggregate = if candidate.kind == CandidateKind::Aggregate { " aggregate" } else { "" };
        let drain = if candidate.drain == Drain::Yes { " draining" } else { "" };
        format!("{}{aggregate}{drain}", candidate.prefix)
    };
    announcements.candidates().map(show).collect()
}

#[test]
fn later_levels_replace_values_and_add_communities() {
    let announcements = announcements(&[("203.0.113.130/32", Vip::Announced)]);
    let mut export = Export::new(
        node(),
        PeerExport {
            settings: RouteSettings {
                communities: communities(&["no-export", "65001:1"]),
                large_communities: vec!["1:2:3".parse().unwrap()],
                med: Some(50),
                ..RouteSettings::default()
            },
            only: vec![net("203.0.113.0/24")],
            vips: Vec::new(),
        },
        session(true),
        NodeState::default(),
    );
    let candidate = announcements.candidate(&net("203.0.113.130/32")).unwrap();
    let route = export.route(&candidate).unwrap();
    let attributes = &route.attributes;
    assert_eq!(attributes.as_path.as_ref().unwrap().segments[0].asns, [65001; 3]);
    assert_eq!((attributes.med, attributes.local_pref), (Some(50), None));
    let expected = communities(&["65001:1", "65001:3", "65001:4", "no-export"]);
    assert_eq!(attributes.communities, expected);
    assert_eq!(attributes.large_communities, [LargeCommunity { global: 1, local1: 2, local2: 3 }]);

    let explanation = explain(&net("203.0.113.130/32"), &announcements, &export);
    let Outcome::Announced { route: explained, .. } = explanation.outcome else { panic!() };
    assert_eq!(*explained, *route, "what is explained is what is done");
    let rules: Vec<String> = explanation
        .rules
        .iter()
        .map(|rule| format!("{} {} by {}", rule.attribute, rule.value, rule.source))
        .collect();
    assert_eq!(
        rules,
        [
            "next-hop 192.0.2.1 by session",
            "prepend 2 by pools[1] (203.0.113.128/25)",
            "med 50 by peer",
            "communities 65001:1 by node",
            "communities 65001:3 by pools[1] (203.0.113.128/25)",
            "communities 65001:4 by vips[0] (203.0.113.130/32)",
            "communities no-export by peer",
            "communities 65001:1 by peer",
            "large-communities 1:2:3 by peer",
        ]
    );
}

#[test]
fn a_peer_has_the_last_word_of_each_vip_too() {
    let announcements =
        announcements(&[("203.0.113.130/32", Vip::Announced), ("203.0.113.131/32", Vip::Announced)]);
    let settings = |community: &str, med| RouteSettings {
        communities: communities(&[community]),
        med: Some(med),
        ..RouteSettings::default()
    };
    let peer = PeerExport {
        settings: settings("65001:50", 50),
        vips: vec![
            (net("203.0.113.128/25"), settings("65001:60", 60)),
            (net("203.0.113.130/32"), settings("65001:70", 70)),
        ],
        ..PeerExport::default()
    };
    let mut export = Export::new(node(), peer, session(true), NodeState::default());
    let mut told = |prefix| {
        let candidate = announcements.candidate(&net(prefix)).unwrap();
        let attributes = export.route(&candidate).unwrap().attributes.clone();
        (attributes.med.unwrap(), attributes.communities)
    };
    let (med, all) = told("203.0.113.130/32");
    assert_eq!((med, all), (70, communities(&["65001:1", "65001:3", "65001:4", "65001:50", "65001:70"])));
    let (med, all) = told("203.0.113.131/32");
    assert_eq!((med, all), (60, communities(&["65001:1", "65001:3", "65001:50", "65001:60"])));
    let explanation = explain(&net("203.0.113.130/32"), &announcements, &export);
    let med = explanation.rules.iter().rfind(|rule| rule.attribute == "med").unwrap();
    assert_eq!(med.source.to_string(), "export.vips[1] (203.0.113.130/32) of the peer");
}

#[test]
fn internal_peers_get_local_pref_and_an_empty_path() {
    let announcements =
        announcements(&[("203.0.113.130/32", Vip::Announced), ("192.0.2.9/32", Vip::Draining)]);
    let mut export = export(false);
    let mut attributes = |prefix| {
        let candidate = announcements.candidate(&net(prefix)).unwrap();
        export.route(&candidate).unwrap().attributes.clone()
    };
    let of_vip = attributes("203.0.113.130/32");
    assert_eq!((of_vip.local_pref, of_vip.med), (Some(150), Some(40)));
    assert_eq!(of_vip.as_path.unwrap().segments, []);
    // RFC 8326: nobody prefers it any more.
    let draining = attributes("192.0.2.9/32");
    assert_eq!(draining.local_pref, Some(0));
    assert_eq!(draining.communities, communities(&["65001:1", "graceful-shutdown"]));
}

#[test]
fn a_node_that_drains_says_so_of_all_its_routes() {
    let announcements = announcements(&[("192.0.2.9/32", Vip::Announced)]);
    let candidate = announcements.candidate(&net("192.0.2.9/32")).unwrap();
    let mut export = export(true);
    let before = export.route(&candidate).unwrap();
    assert!(!export.set_state(NodeState::default()));
    assert!(Arc::ptr_eq(&before, &export.route(&candidate).unwrap()));
    assert!(export.set_state(NodeState { drain: Drain::Yes, ..NodeState::default() }));
    let route = export.route(&candidate).unwrap();
    assert_eq!(route.attributes.communities, communities(&["65001:1", "graceful-shutdown"]));
    assert_eq!(route.attributes.local_pref, None);
}

#[test]
fn link_bandwidth_is_what_the_node_can_carry() {
    let candidate =
        announcements(&[("192.0.2.9/32", Vip::Announced)]).candidate(&net("192.0.2.9/32")).unwrap();
    let sent = |set, capacity, local_as| {
        let settings = RouteSettings { link_bandwidth: set, ..RouteSettings::default() };
        let peer = PeerExport { settings, ..PeerExport::default() };
        let state = NodeState { capacity, ..NodeState::default() };
        let session = ExportSession { local_as, ..session(true) };
        let route = Export::new(node(), peer, session, state).route(&candidate).unwrap();
        route.attributes.extended_communities.iter().find_map(|community| community.as_link_bandwidth())
    };
    assert_eq!(sent(None, Some(1_250), 65001), None);
    assert_eq!(sent(Some(LinkBandwidth::Off), Some(1_250), 65001), None);
    assert_eq!(sent(Some(LinkBandwidth::Live), None, 65001), None);
    assert_eq!(sent(Some(LinkBandwidth::Live), Some(1_250), 65001), Some((65001, 1_250.0)));
    assert_eq!(sent(Some(LinkBandwidth::Fixed(99)), Some(1_250), 4_200_000_000), Some((23456, 99.0)));
}

#[test]
fn only_to_customer_goes_down_and_sideways() {
    let candidate =
        announcements(&[("192.0.2.9/32", Vip::Announced)]).candidate(&net("192.0.2.9/32")).unwrap();
    let sent = |role, external| {
        let session = ExportSession { role, ..session(external) };
        let mut export = Export::new(node(), PeerExport::default(), session, NodeState::default());
        export.route(&candidate).unwrap().attributes.only_to_customer
    };
    for role in [Role::Provider, Role::Peer, Role::RouteServer] {
        assert_eq!((sent(Some(role), true), sent(Some(role), false)), (Some(65001), None));
    }
    for role in [None, Some(Role::Customer), Some(Role::RouteServerClient)] {
        assert_eq!(sent(role, true), None);
    }
}

#[test]
fn refusals_have_reasons() {
    let announcements = announcements(&[
        ("203.0.113.1/32", Vip::Announced),
        ("192.0.2.9/32", Vip::Announced),
        ("192.0.2.10/32", Vip::Drained),
        ("192.0.2.11/32", Vip::Damped),
        ("2001:db8:9::1/128", Vip::Announced),
    ]);
    let reason = |prefix: &str, export: &Export| match explain(&net(prefix), &announcements, export).outcome {
        Outcome::Announced { .. } => "announced".to_owned(),
        Outcome::Refused(refusal) => refusal.to_string(),
    };
    let all = export(true);
    assert_eq!(reason("203.0.113.1/32", &all), "only the aggregate 203.0.113.0/24 is announced");
    assert_eq!(reason("203.0.113.0/24", &all), "announced");
    assert_eq!(reason("192.0.2.10/32", &all), "it was drained");
    assert_eq!(reason("192.0.2.11/32", &all), "it came and went too often and is held back");
    assert_eq!(reason("192.0.2.12/32", &all), "the agent does not list it");
    let few = PeerExport { only: vec![net("203.0.113.0/24")], ..PeerExport::default() };
    let no_v6 = ExportSession { families: Families::NONE.with(Family::Ipv4), ..session(true) };
    let few = Export::new(node(), few, no_v6, NodeState::default());
    assert_eq!(reason("203.0.113.0/24", &few), "announced");
    assert_eq!(reason("192.0.2.9/32", &few), "it is outside of the prefixes that this peer may have");
    assert_eq!(reason("2001:db8:9::1/128", &few), "the session has not agreed on ipv6");
    let lost = ExportSession { next_hop_v4: None, ..session(true) };
    let lost = Export::new(node(), PeerExport::default(), lost, NodeState::default());
    assert_eq!(reason("192.0.2.9/32", &lost), "there is no next hop for ipv4");
}

#[test]
fn aggregates_live_while_a_vip_does() {
    let mut announcements = announcements(&[
        ("203.0.113.1/32", Vip::Announced),
        ("203.0.113.2/32", Vip::Draining),
        ("203.0.113.129/32", Vip::Announced),
        ("198.51.100.7/32", Vip::Announced),
        ("192.0.2.9/32", Vip::Announced),
        ("2001:db8:9::1/128", Vip::Announced),
    ]);
    assert_eq!(
        candidates(&announcements),
        [
            "192.0.2.9/32",
            "198.51.100.0/26 aggregate",
            "203.0.113.0/24 aggregate",
            "203.0.113.129/32",
            "2001:db8:9::/48 aggregate",
            "2001:db8:9::1/128",
        ]
    );
    assert_eq!(announcements.set(net("203.0.113.1/32"), None), [net("203.0.113.0/24")]);
    assert_eq!(announcements.candidate(&net("203.0.113.0/24")).unwrap().drain, Drain::Yes);
    assert_eq!(announcements.set(net("203.0.113.2/32"), Some(Vip::Drained)), [net("203.0.113.0/24")]);
    assert_eq!(announcements.candidate(&net("203.0.113.0/24")), None);
    assert_eq!(announcements.set(net("203.0.113.3/32"), Some(Vip::Damped)), []);
    let both = announcements.set(net("2001:db8:9::1/128"), None);
    assert_eq!(both, [net("2001:db8:9::1/128"), net("2001:db8:9::/48")]);
    // A VIP that is a whole prefix stands for itself.
    assert_eq!(announcements.set(net("203.0.113.0/24"), Some(Vip::Announced)), [net("203.0.113.0/24")]);
    assert_eq!(announcements.candidate(&net("203.0.113.0/24")).unwrap().kind, CandidateKind::Vip);
    announcements.set_node(Arc::new(Node::new(NodeExport::default())));
    assert_eq!(
        candidates(&announcements),
        ["192.0.2.9/32", "198.51.100.7/32", "203.0.113.0/24", "203.0.113.129/32"]
    );
}

fn vip() -> impl Strategy<Value = Vip> {
    prop::sample::select(vec![Vip::Announced, Vip::Draining, Vip::Drained, Vip::Damped])
}

fn prefix() -> impl Strategy<Value = IpNet> {
    let v4 = (0..4u8, 0..3u8, prop::sample::select(vec![24u8, 25, 26, 32]));
    let v6 = (0..3u16, prop::sample::select(vec![32u8, 48, 64, 128]));
    prop_oneof![
        v4.prop_map(|(host, network, length)| {
            let network = [[203, 0, 113], [198, 51, 100], [192, 0, 2]][usize::from(network)];
            let address = [network[0], network[1], network[2], [1, 2, 130, 131][usize::from(host)]];
            IpNet::new(address.into(), length).unwrap().trunc()
        }),
        v6.prop_map(|(host, length)| {
            IpNet::new(std::net::Ipv6Addr::new(0x2001, 0xdb8, host, 0, 0, 0, 0, host).into(), length)
                .unwrap()
                .trunc()
        }),
    ]
}

proptest! {
    #[test]
    fn step_by_step_is_as_at_once(steps in vec((prefix(), prop::option::of(vip())), 0..40)) {
        let mut stepwise = Announcements::new(node());
        let mut vips = BTreeMap::new();
        for (prefix, vip) in steps {
            let before: BTreeMap<_, _> =
                stepwise.candidates().map(|candidate| (candidate.prefix, candidate)).collect();
            let changed = stepwise.set(prefix, vip);
            let after: BTreeMap<_, _> =
                stepwise.candidates().map(|candidate| (candidate.prefix, candidate)).collect();
            let differ: std::collections::BTreeSet<IpNet> = before.keys().chain(after.keys())
                .filter(|prefix| before.get(*prefix) != after.get(*prefix)).copied().collect();
            prop_assert_eq!(changed.into_iter().collect::<std::collections::BTreeSet<_>>(), differ);
            match vip {
                Some(vip) => vips.insert(prefix, vip),
                None => vips.remove(&prefix),
            };
        }
        let mut at_once = Announcements::new(node());
        at_once.replace(&vips);
        prop_assert_eq!(candidates(&stepwise), candidates(&at_once));
        // Every VIP that works is reached by something that is announced.
        for (prefix, vip) in stepwise.vips() {
            let is_reached = at_once.candidates().any(|candidate| candidate.prefix.contains(prefix));
            prop_assert!(is_reached || matches!(vip, Vip::Drained | Vip::Damped));
        }
    }

    #[test]
    fn what_is_explained_is_what_is_done(vips in btree_map(prefix(), vip(), 0..20), asked in prefix(), external: bool) {
        let mut announcements = Announcements::new(node());
        announcements.replace(&vips);
        let mut export = export(external);
        let route = announcements.candidate(&asked).and_then(|candidate| export.route(&candidate));
        match (explain(&asked, &announcements, &export).outcome, route) {
            (Outcome::Announced { route: explained, .. }, Some(route)) => prop_assert_eq!(*explained, (*route).clone()),
            (Outcome::Refused(_), None) => {}
            (explained, route) => prop_assert!(false, "{explained:?} but {route:?}"),
        }
    }
}
