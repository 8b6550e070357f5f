use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use guideway_bgp_fsm::RemoteAs;
use guideway_bgp_rib::policy::LinkBandwidth;
use guideway_bgp_wire::{Family, Role};
use proptest::prelude::*;

use crate::fields::Section;
use crate::peer::*;
use crate::secret::Password;
use crate::{Local, Problem, peers, yaml};

fn read(file: &Path) -> Result<String, String> {
    match file.to_str() {
        Some("/etc/secret") => Ok("from-file\n".to_owned()),
        Some("/etc/long") => Ok("x".repeat(81)),
        _ => Err("no such file".to_owned()),
    }
}

fn parse(text: &str) -> Result<Vec<PeerConfig>, Vec<Problem>> {
    let root =
        yaml::parse(text).map_err(|(line, reason)| vec![Problem { line, field: String::new(), reason }])?;
    let mut problems = Vec::new();
    let mut section = Section::open("", &root, &mut problems);
    let local = Local { asn: 65001, router_id: Ipv4Addr::new(10, 255, 1, 1), import: Import::None };
    let peers = peers(&mut section, local, &mut problems, &read);
    section.close(&mut problems);
    peers.filter(|_| problems.is_empty()).ok_or(problems)
}

fn one(fields: &str) -> PeerConfig {
    let text = format!("peers:\n  - {{{fields}}}\n");
    parse(&text).unwrap_or_else(|problems| panic!("{text}{problems:?}")).remove(0)
}

fn refusal(fields: &str) -> String {
    let text = format!("peers:\n  - {{{fields}}}\n");
    match parse(&text) {
        Ok(peers) => panic!("{text}{peers:?}"),
        Err(problems) => problems.iter().map(|problem| format!("{problem}\n")).collect(),
    }
}

const FULL: &str = r#"
defaults: {hold_time: 9s, bfd: on, export: {communities: ["65001:1"]}}
templates:
  tor:
    remote_as: external
    password_file: /etc/secret
    ttl_security: 1
    families: [ipv4, ipv6]
    extended_next_hop: true
    max_prefixes: {limit: 100, warn_percent: 50, action: reset, restart: 5m}
    bfd: {interval: 50ms, multiplier: 3, echo: 20ms, strict: true, passive: true, min_ttl: 250, authentication: {kind: sha1, key_id: 1, key: k}}
peers:
  - {name: tor1, description: "rack 1", template: tor, address: "fd00:1::1", export: {med: 10, link_bandwidth: auto, only: [203.0.113.0/24], vips: [{prefix: 203.0.113.0/25, med: 20}]}}
  - template: tor
    interface: up0
    hold_time: 30s
    bfd: off
  - range: 10.2.0.0/16
    limit: 200
    remote_as: external
    ao: [{send_id: 1, key: secret}, {send_id: 2, receive_id: 3, algorithm: aes-128-cmac-96, key_file: /etc/secret}]
    role: customer
    strict_role: true
    graceful_restart: off
  - {address: "fe80::1%up1", remote_as: internal, add_path: both, long_lived: 1h, multihop: off, direction: passive}
"#;

#[test]
fn the_full_example() {
    let peers = parse(FULL).unwrap_or_else(|problems| panic!("{problems:?}"));
    let [tor1, up0, range, local] = peers.as_slice() else { panic!("{peers:?}") };
    assert_eq!((tor1.name.as_str(), tor1.description.as_str()), ("tor1", "rack 1"));
    assert_eq!(tor1.authentication, Authentication::Md5(Password::new("from-file").unwrap()));
    assert_eq!(tor1.ttl, Ttl::Security { hops: 1 });
    assert_eq!((tor1.session.remote_as, tor1.session.hold_time.secs()), (RemoteAs::External, 9));
    assert_eq!((tor1.export.settings.med, tor1.export.only.len()), (Some(10), 1));
    let [(prefix, settings)] = tor1.export.vips.as_slice() else { panic!("{:?}", tor1.export) };
    assert_eq!((prefix.to_string().as_str(), settings.med), ("203.0.113.0/25", Some(20)));
    assert_eq!(tor1.export.settings.link_bandwidth, Some(LinkBandwidth::Live));
    assert!(tor1.export.settings.communities.is_empty(), "a block is taken as a whole");
    let bfd = tor1.bfd.as_ref().unwrap();
    assert_eq!((bfd.interval, bfd.receive, bfd.multiplier), (ms(50), ms(50), 3));
    assert_eq!((bfd.echo, bfd.strict), (Some(ms(20)), true));
    assert_eq!((bfd.passive, bfd.min_ttl), (true, Some(250)));
    let limit = tor1.max_prefixes.unwrap();
    assert_eq!((limit.limit, limit.action, limit.restart), (100, LimitAction::Reset, Some(ms(300_000))));
    assert_eq!(tor1.session.graceful_restart.unwrap().restart_time.as_secs(), 120);

    assert_eq!(up0.remote, Remote::LinkLocal { interface: "up0".to_owned(), address: None });
    assert_eq!((up0.name.as_str(), up0.session.hold_time.secs(), &up0.bfd), ("up0", 30, &None));
    assert_eq!(up0.export.settings.communities.len(), 1);
    assert!(up0.session.extended_next_hop && up0.session.families.contains(Family::Ipv4));

    assert_eq!(range.remote, Remote::Range { prefix: "10.2.0.0/16".parse().unwrap(), limit: 200 });
    assert_eq!((range.direction, range.session.passive), (Direction::Passive, true));
    let Authentication::Ao(keys) = &range.authentication else { panic!() };
    assert_eq!((keys.len(), keys[0].receive_id, keys[1].receive_id), (2, 1, 3));
    assert_eq!((range.session.role, range.session.strict_role), (Some(Role::Customer), true));
    assert_eq!(range.session.graceful_restart, None);

    let remote = Remote::LinkLocal { interface: "up1".to_owned(), address: Some("fe80::1".parse().unwrap()) };
    assert_eq!((&local.remote, local.name.as_str(), local.ttl), (&remote, "fe80::1%up1", Ttl::Default));
    assert_eq!(
        (local.session.remote_as, local.session.long_lived),
        (RemoteAs::Internal, Some(ms(3_600_000)))
    );
    assert!(local.session.add_path_send.contains(Family::Ipv6) && local.session.passive);
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn defaults() {
    let peer = one("address: 10.1.1.1, remote_as: 65000");
    assert_eq!((peer.port, peer.direction, peer.ttl), (179, Direction::Both, Ttl::Default));
    assert_eq!((peer.session.hold_time.secs(), peer.session.connect_retry.as_secs()), (90, 1));
    assert!(peer.session.families.contains(Family::Ipv4) && !peer.session.families.contains(Family::Ipv6));
    assert_eq!((peer.bfd, peer.max_prefixes), (None, None));
    let limit = one("address: 10.1.1.1, remote_as: 65000, max_prefixes: 500").max_prefixes.unwrap();
    assert_eq!((limit.limit, limit.warn_percent, limit.action), (500, 80, LimitAction::Block));
    assert_eq!(parse("peers: []\n").unwrap(), []);
}

#[test]
fn next_hops() {
    let both = "families: [ipv4, ipv6]";
    let peer = one(&format!("address: 10.1.1.1, remote_as: 65000, {both}, next_hop_v6: \"fd00::2\""));
    assert_eq!(peer.next_hop_v6, Some("fd00::2".parse().unwrap()));
    // That of the interface will do, which a loopback has none of that anybody could use.
    assert_eq!(one(&format!("address: 10.1.1.1, remote_as: 65000, {both}")).next_hop_v6, None);
    assert!(
        refusal(&format!("address: 127.0.0.1, remote_as: 65000, {both}"))
            .contains("next_hop_v6: is required")
    );
    // Over IPv6 with RFC 8950 the session's address will do.
    one(&format!("address: \"fd00::1\", remote_as: 65000, {both}, extended_next_hop: true"));
    assert!(
        refusal(&format!("address: \"fd00::1\", remote_as: 65000, {both}"))
            .contains("next_hop_v4: is required")
    );
    let v4 = "address: \"fd00::1\", remote_as: 65000, families: [ipv4], next_hop_v4: \"fd00::2\"";
    assert!(refusal(v4).contains("needs extended_next_hop"));
    let peer = one(&format!("{v4}, extended_next_hop: true"));
    assert_eq!(peer.next_hop_v4, Some("fd00::2".parse::<IpAddr>().unwrap()));
}

#[test]
fn what_is_wrong_with_a_peer() {
    let rows = [
        ("remote_as: 1", "address: is required and missing (or interface, or range)"),
        ("address: 10.1.1.1", "remote_as: is required and missing"),
        ("address: 10.1.1.1, interface: up0, remote_as: 1", "one of address, interface and range"),
        ("address: 10.1.1.1, limit: 5, remote_as: 1", "limit: has no use"),
        ("range: 10.1.0.0/16, limit: 0, remote_as: 1", "0 is not in 1 to 10000"),
        ("range: 10.1.0.1/16, remote_as: 1", "10.1.0.0/16 would be right"),
        ("range: 10.1.0.0/16, remote_as: 1, direction: active", "are not dialled"),
        ("interface: \"a/b\", remote_as: 1", "is not the name of an interface"),
        ("interface: up0, local_address: fd00::1, remote_as: 1", "has no use"),
        ("address: \"fe80::1\", remote_as: 1", "write fe80::1%up0"),
        ("address: \"fd00::1%up0\", remote_as: 1", "not link-local"),
        ("address: \"fe80::1%\", remote_as: 1", "name of an interface"),
        ("address: 10.1.1.1, remote_as: many", "external"),
        ("address: 10.1.1.1, remote_as: 23456", "reserved"),
        ("address: 10.1.1.1, remote_as: 0", "RFC 7607"),
        ("address: 10.1.1.1, remote_as: 1, port: 0", "1 to 65535"),
        ("address: 10.1.1.1, remote_as: 1, template: tor", "no template `tor`"),
        (
            "address: 10.1.1.1, remote_as: 1, password: a, ao: [{send_id: 1, key: k}]",
            "ao: cannot stand beside",
        ),
        ("address: 10.1.1.1, remote_as: 1, password: a, password_file: /etc/secret", "keep one"),
        ("address: 10.1.1.1, remote_as: 1, password_file: /etc/long", "1 to 80 octets"),
        ("address: 10.1.1.1, remote_as: 1, password_file: /nowhere", "cannot be read: no such file"),
        ("address: 10.1.1.1, remote_as: 1, ao: []", "1 to 16 keys"),
        ("address: 10.1.1.1, remote_as: 1, ao: [{key: k}]", "ao[0].send_id: is required"),
        ("address: 10.1.1.1, remote_as: 1, ao: [{send_id: 1}]", "ao[0].key: is required"),
        ("address: 10.1.1.1, remote_as: 1, ao: [{send_id: 1, key: k}, {send_id: 1, key: l}]", "RFC 5925"),
        ("address: 10.1.1.1, remote_as: 1, ttl_security: 1, multihop: 5", "cannot stand beside multihop"),
        ("address: 10.1.1.1, remote_as: 1, ttl_security: 0", "1 to 254"),
        ("address: 10.1.1.1, remote_as: 1, multihop: 1", "2 to 255"),
        ("address: 10.1.1.1, remote_as: 1, direction: out", "one of both, active, passive"),
        ("address: 10.1.1.1, remote_as: 1, role: boss", "one of provider"),
        ("address: 10.1.1.1, remote_as: 1, strict_role: true", "without role"),
        ("address: 10.1.1.1, remote_as: 1, graceful_restart: 5000s", "4095s"),
        ("address: 10.1.1.1, remote_as: 1, graceful_restart: off, long_lived: 1h", "needs graceful_restart"),
        ("address: 10.1.1.1, remote_as: 1, max_prefixes: 0", "1 to 1000000"),
        ("address: 10.1.1.1, remote_as: 1, max_prefixes: {action: warn}", "max_prefixes.limit: is required"),
        ("address: 10.1.1.1, remote_as: 1, max_prefixes: {limit: 5, restart: 5m}", "has no use"),
        ("address: 10.1.1.1, remote_as: 1, bfd: {interval: 1ms}", "10ms to 60s"),
        ("address: 10.1.1.1, remote_as: 1, bfd: {multiplier: 0}", "RFC 5880"),
        ("address: 10.1.1.1, remote_as: 1, bfd: {speed: 1}", "bfd.speed: is unknown"),
        (
            "address: 10.1.1.1, remote_as: 1, bfd: {authentication: {kind: md5, key_id: 1, key: 12345678901234567}}",
            "authentication.key: must be a text",
        ),
        (
            "address: 10.1.1.1, remote_as: 1, bfd: {authentication: {kind: md5, key_id: 1, key: abcdefghijklmnopq}}",
            "at most 16 octets",
        ),
        ("address: 10.1.1.1, remote_as: 1, export: {communities: [x]}", "communities"),
        ("address: 10.1.1.1, remote_as: 1, export: {communities: [\"1:1\", \"1:1\"]}", "twice"),
        ("address: 10.1.1.1, remote_as: 1, export: {only: []}", "1 to 1000 prefixes"),
        ("address: 10.1.1.1, remote_as: 1, export: {only: [x]}", "only[0]: `x` is not a prefix"),
        ("address: 10.1.1.1, remote_as: 1, bfd: {min_ttl: 0}", "0 is not in 1 to 254"),
        ("address: 10.1.1.1, remote_as: 1, bfd: {min_ttl: 255}", "255 is not in 1 to 254"),
        ("address: 10.1.1.1, remote_as: 1, export: {vips: 1}", "export.vips: must be a list"),
        ("address: 10.1.1.1, remote_as: 1, export: {vips: [{med: 1}]}", "vips[0].prefix: is required"),
        ("address: 10.1.1.1, remote_as: 1, export: {vips: [{prefix: 10.0.0.1, med: x}]}", "vips[0].med"),
        (
            "address: 10.1.1.1, remote_as: 1, export: {vips: [{prefix: 10.0.0.1}, {prefix: 10.0.0.1/32}]}",
            "vips[1].prefix: 10.0.0.1/32 is there already",
        ),
        ("address: 10.1.1.1, remote_as: 1, export: {prepend: 33}", "0 to 32"),
        ("address: 10.1.1.1, remote_as: 1, export: {link_bandwidth: 10}", "must be auto, off"),
        ("address: 10.1.1.1, remote_as: 1, name: \"a\\nb\"", "control characters"),
        ("address: 10.1.1.1, remote_as: 1, hold_time: 2s", "RFC 4271"),
        ("address: 10.1.1.1, remote_as: 1, add_path: yes", "one of off, send, receive, both"),
        ("address: 10.1.1.1, remote_as: 1, foo: 1", "foo: is unknown here"),
    ];
    for (fields, expected) in rows {
        let refusal = refusal(fields);
        assert!(refusal.contains(expected), "{fields}\n{refusal}");
    }
}

#[test]
fn templates_tell_their_problems_once_and_where_they_stand() {
    let text = "templates:\n  tor: {remote_as: 0, foo: 1}\npeers:\n  - {template: tor, address: 10.1.1.1}\n  - \
                {template: tor, address: 10.1.1.2}\n";
    let problems = parse(text).unwrap_err();
    let told: Vec<_> =
        problems.iter().map(|problem| format!("{}: {}", problem.line, problem.field)).collect();
    assert_eq!(told, ["2: templates.tor.foo", "2: templates.tor.remote_as"], "{problems:?}");
    // One that nobody uses is checked too.
    assert!(parse("templates: {a: {hold_time: 1s}}\npeers: []\n").is_err());
    assert!(parse("templates: [1]\npeers: []\n").is_err());
    assert!(parse("defaults: 7\npeers: []\n").is_err());
}

#[test]
fn names_and_addresses_are_there_once() {
    let two = |first: &str, second: &str| {
        let text = format!("peers:\n  - {{remote_as: 1, {first}}}\n  - {{remote_as: 1, {second}}}\n");
        parse(&text).unwrap_err().iter().map(ToString::to_string).collect::<String>()
    };
    assert_eq!(
        two("address: 10.1.1.1", "address: 10.1.1.1"),
        "3: peers[1]: 10.1.1.1 is a peer already, in line 2"
    );
    assert!(two("address: 10.1.1.1, name: a", "address: 10.1.1.2, name: a").contains("has the name `a` too"));
    assert!(two("interface: up0", "interface: up0").contains("is a peer already"));
}

proptest! {
    #[test]
    fn damaged_configurations_never_panic(at in 0..FULL.len(), with in "[ -~\n]{0,6}") {
        if let (Some(head), Some(tail)) = (FULL.get(..at), FULL.get(at + 1..)) {
            let _ = parse(&format!("{head}{with}{tail}"));
        }
    }
}
