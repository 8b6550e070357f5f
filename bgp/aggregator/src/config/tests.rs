use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use guideway_bgp_config::{Import, Problem};
use guideway_bgp_rib::loc::{LimitAction, Specifics};
use guideway_bgp_wire::{Families, Family};
use proptest::prelude::*;

use super::*;

fn read(_: &Path) -> Result<String, String> {
    Ok("secret\n".to_owned())
}

fn parse(text: &str) -> Result<Config, Vec<Problem>> {
    document::parse(text, &read)
}

fn right(text: &str) -> Config {
    parse(text).unwrap_or_else(|problems| panic!("{text}{problems:#?}"))
}

const HEAD: &str = "local_as: 65010\nrouter_id: 10.255.5.1\npools: [{name: a, prefixes: [203.0.113.0/24]}, {name: b, prefixes: [\"2001:db8::/64\"]}]\n";

fn one(fields: &str) -> String {
    format!("{HEAD}peers:\n  - {{{fields}}}\n")
}

#[test]
fn the_example_is_right() {
    let config = right(include_str!("../../../../deploy/examples/bgp-aggregator.yaml"));
    assert_eq!(config.local.cluster_id, config.local.router_id);
    let [speakers, tor] = config.peers.as_slice() else { panic!("{:?}", config.peers) };
    let Kind::Speaker(speaker) = &speakers.kind else { panic!("{speakers:?}") };
    assert_eq!(speaker.allowed.len(), 2);
    assert_eq!((speaker.limit.prefixes, speaker.limit.action), (2000, LimitAction::Block));
    assert_eq!(speakers.config.import, Import::All);
    assert!(speakers.config.session.add_path_receive.is_empty());
    let Kind::Router(router) = &tor.kind else { panic!("{tor:?}") };
    assert_eq!(router.specifics, Specifics::Only);
    assert_eq!(tor.config.import, Import::None);
    assert!(tor.config.session.add_path_send.contains(Family::Ipv6));
    let aggregates = config.loc_settings().aggregates;
    assert_eq!((aggregates.len(), aggregates[0].minimum), (2, 2));
}

#[test]
fn defaults() {
    let config = right("local_as: 65010\nrouter_id: 10.255.5.1\npeers: []\n");
    assert_eq!(config.on_stop, OnStop::Preserve);
    assert_eq!(config.listen.len(), 2);
    assert_eq!(config.restart.defer, Duration::from_secs(60));
    assert_eq!(config.restart.long_lived, Some(Duration::from_secs(86_400)));
    assert_eq!(config.local.local_pref, 100);
    assert_eq!(config.admin_socket, Path::new("/run/guideway/aggregator.sock"));

    let config = right(&one("kind: router, address: 10.1.5.1, remote_as: 65010, add_path: off, client: off"));
    assert!(!config.peers[0].client);
    assert_eq!(config.peers[0].config.session.add_path_send, Families::NONE);
    let config = right(&one("kind: router, address: 10.1.5.1, remote_as: 65010"));
    assert!(config.peers[0].client);
    let config = right(&one("kind: speaker, address: 10.1.5.1, remote_as: 65001, pools: [b]"));
    let Kind::Speaker(speaker) = &config.peers[0].kind else { panic!() };
    assert_eq!(speaker.allowed, ["2001:db8::/64".parse().unwrap()]);
    assert_eq!(speaker.limit.prefixes, 10_000);
    assert!(!config.peers[0].client);
    // Next hops are the speakers' own: both families over one session need none.
    right(&one("kind: router, address: 10.1.5.1, remote_as: 65000, families: [ipv4, ipv6]"));
}

#[test]
fn what_is_wrong() {
    let rows = [
        (one("address: 10.1.5.1, remote_as: 1"), "kind: is required and missing: speaker or router"),
        (one("kind: leaf, address: 10.1.5.1, remote_as: 1"), "must be one of speaker, router"),
        (one("kind: router, address: 10.1.5.1, remote_as: 1, client: true"), "client: has no use"),
        (one("kind: router, address: 10.1.5.1, remote_as: 1, pools: [a]"), "pools: has no use"),
        (one("kind: router, address: 10.1.5.1, remote_as: 1, max_prefixes: 5"), "max_prefixes: has no use"),
        (one("kind: router, address: 10.1.5.1, remote_as: 1, aggregates: some"), "instead_of_specifics"),
        (one("kind: router, address: 10.1.5.1, remote_as: 1, export: {med: 5}"), "keeps the attributes"),
        (one("kind: router, address: 10.1.5.1, remote_as: 1, next_hop_v4: 10.1.1.1"), "keeps the next hops"),
        (one("kind: router, address: 10.1.5.1, remote_as: 1, add_path: receive"), "must be one of send, off"),
        (one("kind: speaker, address: 10.1.5.1, remote_as: 1, add_path: send"), "add_path: has no use"),
        (one("kind: speaker, address: 10.1.5.1, remote_as: 1, aggregates: off"), "a speaker is told nothing"),
        (one("kind: speaker, address: 10.1.5.1, remote_as: 1, pools: [c]"), "there is no pool `c`"),
        (one("kind: speaker, address: 10.1.5.1, remote_as: 1, pools: []"), "nothing of this speaker could be taken"),
        ("local_as: 1\nrouter_id: 1.1.1.1\npeers: [{kind: speaker, address: 10.1.1.2, remote_as: 2}]\n".to_owned(), "pools: has no prefix"),
        (format!("{HEAD}cluster_id: 0.0.0.0\npeers: []\n"), "cluster_id: 0.0.0.0"),
        (format!("{HEAD}restart: {{defer: 0s}}\npeers: []\n"), "restart.defer: must be 1s to 1h"),
        (format!("{HEAD}restart: {{deferral: 5s}}\npeers: []\n"), "known fields: defer, keep"),
        (format!("{HEAD}on_stop: maybe\npeers: []\n"), "must be one of withdraw, preserve"),
        (format!("{HEAD}peers: 5\n"), "must be a list of peers"),
        ("local_as: 1\nrouter_id: 1.1.1.1\npools: 5\npeers: []\n".to_owned(), "must be a list of pools"),
        (
            "local_as: 1\nrouter_id: 1.1.1.1\npools: [{name: a, prefixes: [10.0.0.0/8]}, {name: a, prefixes: [10.1.0.0/16]}]\npeers: []\n".to_owned(),
            "10.1.0.0/16 overlaps with 10.0.0.0/8 in line 3",
        ),
        ("local_as: 1\nrouter_id: 1.1.1.1\npools: [{name: a, prefixes: [10.0.0.1/8]}]\npeers: []\n".to_owned(), "10.0.0.0/8 would be right"),
        ("local_as: 1\nrouter_id: 1.1.1.1\npools: [{prefixes: [10.0.0.0/8]}]\npeers: []\n".to_owned(), "pools[0].name: is required"),
        ("local_as: 1\nrouter_id: 1.1.1.1\npools: [{name: a}]\npeers: []\n".to_owned(), "pools[0].prefixes: is required"),
        (
            "local_as: 1\nrouter_id: 1.1.1.1\npools: [{name: a, prefixes: [10.0.0.0/8], aggregate: {minimum: 0}}]\npeers: []\n".to_owned(),
            "0 is not in 1 to 1000000",
        ),
    ];
    for (text, expected) in rows {
        let problems = match parse(&text) {
            Ok(config) => panic!("{text}{config:?}"),
            Err(problems) => problems.iter().map(|problem| format!("{problem}\n")).collect::<String>(),
        };
        assert!(problems.contains(expected), "{text}{problems}");
    }
}

#[test]
fn the_longest_range_is_the_peers() {
    let config = right(&format!(
        "{HEAD}peers:\n  - {{kind: speaker, name: wide, range: 10.0.0.0/8, remote_as: external}}\n  \
         - {{kind: router, name: narrow, range: 10.1.5.0/24, remote_as: external}}\n  \
         - {{kind: router, name: tor, address: 10.1.5.1, remote_as: 1}}\n"
    ));
    let name = |name: &str, address: [u8; 4]| {
        let address = IpAddr::from(Ipv4Addr::from(address));
        config.peer(name, address).map(|peer| peer.config.name.as_str())
    };
    assert_eq!(name("10.1.5.2", [10, 1, 5, 2]), Some("narrow"));
    assert_eq!(name("10.2.5.2", [10, 2, 5, 2]), Some("wide"));
    assert_eq!(name("tor", [10, 1, 5, 1]), Some("tor"));
    assert_eq!(name("192.0.2.1", [192, 0, 2, 1]), None);
    assert_eq!(config.speakers().count(), 0);
}

proptest! {
    /// Any text has a configuration or problems, and nothing panics.
    #[test]
    fn anything_is_read(text in "[ -~\n]{0,300}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_value_of_any_field_is_read(
        field in prop::sample::select(vec![
            "kind", "client", "pools", "aggregates", "add_path", "export", "max_prefixes", "range", "families",
        ]),
        value in "[\\[\\]{}a-z0-9:., /-]{0,20}",
    ) {
        let _ = parse(&one(&format!("kind: router, address: 10.1.5.1, remote_as: 1, {field}: {value}")));
        let _ = parse(&format!("{HEAD}restart: {value}\npools: {value}\npeers: []\n"));
    }
}
