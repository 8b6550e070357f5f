use std::path::Path;
use std::time::Duration;

use guideway_bgp_config::{Authentication, Password, Remote};
use guideway_bgp_fsm::RemoteAs;
use guideway_bgp_rib::policy::{LinkBandwidth, Specifics};
use proptest::prelude::*;

use super::document::parse;
use super::*;

/// A file of the first release: still read, with the same meaning.
const OLD: &str = r#"local_as: 65001
router_id: 10.255.1.1
agent: {socket: /run/guideway/dataplane.sock, hold: 60s}
admin: {socket: /run/guideway/bgp.sock}
metrics: {listen: "127.0.0.1:9471"}
peers:
  - address: 10.1.1.1
    remote_as: 65000
    local_address: 10.1.1.2
    password: s3cret
    hold_time: 9s
    connect_retry: 5s
    families: [ipv4, ipv6]
    next_hop_v4: 10.1.1.2
    next_hop_v6: "fd00:1::2"
  - address: fd00:2::1
    remote_as: 4200000000
"#;

const FULL: &str = r#"local_as: 65001
router_id: 10.255.1.1
listen: ["10.1.1.2:179"]
on_stop: preserve
bfd: {socket: /run/guideway/bfd.sock}
announce: {communities: ["65001:1"], link_bandwidth: auto, local_pref: 200}
pools:
  - name: web
    prefixes: [203.0.113.0/24, "2001:db8::/48"]
    aggregate: {ipv4: 26, ipv6: 64, specifics: true}
    med: 10
vips:
  - {prefix: 203.0.113.10, prepend: 2, large_communities: ["65001:1:2"]}
bmp: [{address: "192.0.2.10:5000", statistics: 60s, adj_rib_out: off}]
mrt: {directory: /var/log/guideway, keep: 10, max_age: 5m, table_dump: 2h}
damping: {half_life: 30s, max_hold: 120s}
drain: {timeout: 2m, below: 10, evidence_wait: 3s}
defaults: {bfd: on}
templates:
  tor: {remote_as: 65000, max_prefixes: 1000}
peers:
  - {template: tor, address: 10.1.1.1, export: {extended_communities: ["rt:65001:7"]}}
  - {template: tor, interface: up0}
"#;

const LEAST: &str =
    "local_as: 65001\nrouter_id: 10.255.1.1\npeers:\n  - {address: 10.1.1.1, remote_as: 65000}\n";

fn read(file: &Path) -> Result<String, String> {
    match file.to_str() {
        Some("/etc/secret") => Ok("from-file\n".to_owned()),
        _ => Err("no such file".to_owned()),
    }
}

/// What lb-dataplane writes, and what it does not.
fn included(file: &Path) -> Result<String, String> {
    match file.to_str() {
        Some("/run/bgp.yaml") => Ok("# Written\n{\n\"pools\": [\n{\"name\": \"k\", \"prefixes\": \
             [\"198.51.100.0/24\"]}],\n\"peers\": [\n{\"name\": \"tor\", \"address\": \"10.9.9.9\", \"remote_as\": 65100, \
             \"local_as\": 65002, \"router_id\": \"10.9.0.1\"}\n]}\n"
            .to_owned()),
        // As lb-dataplane's own test has it.
        Some("/run/guideway/bgp-controller.yaml") => {
            let written = include_str!(
                "../../../../lb-dataplane/agent/src/controller/bgp/snapshots/guideway_dataplane__controller__bgp__tests__everything_has_its_field.snap"
            );
            Ok(written.split_once("\n---\n").unwrap().1.to_owned())
        }
        Some("/run/empty.yaml") => Ok(String::new()),
        Some("/run/bad.yaml") => Ok("peers:\n  - {address: 10.1.1.1, remote_as: 65000}\n  - {adress: 10.1.1.3}\n".to_owned()),
        Some("/run/map.yaml") => Ok("local_as: 1\n".to_owned()),
        Some("/run/text.yaml") => Ok("peers: none\n".to_owned()),
        _ => Err("permission denied".to_owned()),
    }
}

#[test]
fn another_file_adds_to_it() {
    let config = good(&format!("{LEAST}include: /run/bgp.yaml\npools: [{{prefixes: [203.0.113.0/24]}}]\n"));
    assert_eq!(config.include.as_deref(), Some(Path::new("/run/bgp.yaml")));
    assert_eq!((config.peers.len(), config.node.pools.len()), (2, 2));
    let tor = &config.peers[1];
    assert_eq!((tor.name.as_str(), tor.session.local_as), ("tor", 65002));
    assert_eq!(tor.session.router_id, Ipv4Addr::new(10, 9, 0, 1));
    assert_eq!(config.peers[0].session.local_as, 65001);
    // The rest may be all that there is.
    let config = good("local_as: 65001\nrouter_id: 10.255.1.1\ninclude: /run/bgp.yaml\n");
    assert_eq!(config.peers.len(), 1);
    assert_eq!(good(&format!("{LEAST}include: /run/empty.yaml\n")).peers.len(), 1);
    // Defaults are for its peers too.
    let config =
        good("local_as: 65001\nrouter_id: 10.255.1.1\ninclude: /run/bgp.yaml\ndefaults: {hold_time: 9s}\n");
    assert_ne!(config.peers[0].session.hold_time, good(LEAST).peers[0].session.hold_time);
}

#[test]
fn what_lb_dataplane_writes_is_read() {
    let config = good("local_as: 65001\nrouter_id: 10.255.1.1\ninclude: /run/guideway/bgp-controller.yaml\n");
    let names: Vec<&str> = config.peers.iter().map(|peer| peer.name.as_str()).collect();
    assert_eq!(names, ["link", "tor"]);
    assert_eq!(config.peers[1].bfd.as_ref().map(|bfd| bfd.multiplier), Some(4));
    assert_eq!(config.peers[1].authentication, Authentication::Md5(Password::new("\"; s3cret: ").unwrap()));
    assert_eq!(config.node.pools[0].settings.local_pref, Some(200));
    assert_eq!(config.node.pools.len(), 2);
}

#[test]
fn problems_of_another_file_are_told_where_they_are() {
    let of = |path: &str| problems(&format!("{LEAST}include: {path}\n"));
    let bad = of("/run/bad.yaml");
    assert!(bad.iter().all(|line| line.starts_with("5: include: /run/bad.yaml:")), "{bad:#?}");
    assert!(
        bad[0].starts_with("5: include: /run/bad.yaml:2: peers[0]: 10.1.1.1 is a peer already"),
        "{bad:#?}"
    );
    assert!(bad.iter().any(|line| line.contains("/run/bad.yaml:3: peers[1]")), "{bad:#?}");
    assert_eq!(
        of("/run/map.yaml"),
        ["5: include: /run/map.yaml:1: local_as: is unknown here; known fields: peers, pools, vips"]
    );
    assert_eq!(of("/run/text.yaml"), ["5: include: /run/text.yaml:1: peers: must be a list, not a text"]);
    assert_eq!(of("/run/none.yaml"), ["5: include: /run/none.yaml: cannot be read: permission denied"]);
    assert_eq!(of("bgp.yaml"), ["5: include: must be an absolute path"]);
    assert_eq!(of("[a]").len(), 1);
}

fn good(text: &str) -> Config {
    parse(text, &read, &included).unwrap_or_else(|problems| panic!("{text}{problems:?}"))
}

fn problems(text: &str) -> Vec<String> {
    parse(text, &read, &included).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_of_the_first_release() {
    let config = good(OLD);
    assert_eq!((config.local_as, config.agent.hold.as_secs(), config.peers.len()), (65001, 60, 2));
    let first = &config.peers[0];
    assert_eq!(first.authentication, Authentication::Md5(Password::new("s3cret").unwrap()));
    assert_eq!((first.session.hold_time.secs(), first.session.connect_retry.as_secs()), (9, 5));
    assert_eq!(first.next_hop_v6, Some("fd00:1::2".parse().unwrap()));
    let second = &config.peers[1];
    assert_eq!(
        (second.session.hold_time.secs(), second.session.remote_as),
        (90, RemoteAs::Is(4_200_000_000))
    );
    assert_eq!((second.next_hop_v4, second.next_hop_v6), (None, None));
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn everything() {
    let config = good(FULL);
    assert_eq!(config.listen.addresses(), ["10.1.1.2:179".parse().unwrap()]);
    assert_eq!((config.on_stop, config.restart_time()), (OnStop::Preserve, Duration::from_secs(120)));
    let node = &config.node;
    assert_eq!(
        (node.settings.local_pref, node.settings.link_bandwidth),
        (Some(200), Some(LinkBandwidth::Live))
    );
    let pool = &node.pools[0];
    assert_eq!((pool.name.as_str(), pool.prefixes.len(), pool.settings.med), ("web", 2, Some(10)));
    assert_eq!(
        pool.aggregate_v4.map(|aggregate| (aggregate.length, aggregate.specifics)),
        Some((26, Specifics::Announced))
    );
    assert_eq!(pool.aggregate_v6.unwrap().length, 64);
    assert_eq!((node.vips[0].0, node.vips[0].1.prepend), ("203.0.113.10/32".parse().unwrap(), Some(2)));
    let [station] = config.monitoring.stations.as_slice() else { panic!() };
    assert_eq!((station.adj_rib_in, station.adj_rib_out), (true, false));
    let mrt = config.monitoring.mrt.as_ref().unwrap();
    assert_eq!((mrt.keep, mrt.table_dump), (10, Some(Duration::from_secs(7200))));
    assert_eq!(config.damping.unwrap().half_life, Duration::from_secs(30));
    let drain = DrainConfig {
        timeout: Duration::from_secs(120),
        below: Some(10),
        evidence_wait: Duration::from_secs(3),
    };
    assert_eq!(config.drain, drain);
    assert_eq!(config.peers[1].remote, Remote::LinkLocal { interface: "up0".to_owned(), address: None });
    assert_eq!(config.peers[0].export.settings.extended_communities.len(), 1);
    assert!(config.peers.iter().all(|peer| peer.bfd.is_some() && peer.max_prefixes.is_some()));
}

#[test]
fn defaults() {
    let config = good(LEAST);
    assert_eq!(config.agent.socket, Path::new("/run/guideway/dataplane.sock"));
    assert_eq!(config.admin_socket, Path::new("/run/guideway/bgp.sock"));
    assert_eq!(config.bfd_socket, Path::new("/run/guideway/bfd.sock"));
    assert_eq!(config.metrics_listen.to_string(), "127.0.0.1:9471");
    assert_eq!(config.listen.addresses(), ["0.0.0.0:179".parse().unwrap(), "[::]:179".parse().unwrap()]);
    assert_eq!((config.on_stop, config.damping), (OnStop::Withdraw, Some(DampingSettings::default())));
    assert_eq!((config.drain.timeout.as_secs(), config.drain.below), (300, None));
    assert_eq!(config.node, NodeExport::default());
    assert_eq!(good(&format!("{LEAST}listen: off\ndamping: off\n")).listen.addresses(), []);
    assert_eq!(good(&format!("{LEAST}damping: off\n")).damping, None);
    assert_eq!(good("local_as: 1\nrouter_id: 1.1.1.1\npeers: []\n").peers, []);
}

/// The examples that operators copy are right, and so are those in the documentation.
#[test]
fn the_published_examples() {
    let with_password = |_: &Path| Ok("s3cret".to_owned());
    let example = include_str!("../../../../deploy/examples/bgp-speaker.yaml");
    assert_eq!(parse(example, &with_password, &included).unwrap().peers.len(), 1);
    let page = include_str!("../../../../docs/configuration-bgp.md");
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() > 1);
    for block in blocks {
        let whole = block.contains("local_as");
        let text = if whole { block.to_owned() } else { format!("{block}\n{}", head(block)) };
        parse(&text, &with_password, &included).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
    }
}

/// What a fragment of a file lacks.
fn head(block: &str) -> &'static str {
    if block.contains("peers:") {
        "local_as: 65001\nrouter_id: 10.255.1.1\n"
    } else {
        "local_as: 65001\nrouter_id: 10.255.1.1\npeers: []\n"
    }
}

#[test]
fn every_problem_is_told_with_its_line() {
    let text = "local_as: 0\nrouter_id: fd00::1\nagent:\n  hold: 5\n  sockets: /x\npeers:\n  - address: 10.1.1.1\n    \
                hold_time: 2s\n    next_hop_v6: fd00::9\n  - address: 300.1.1.1\n    remote_as: 65000\n    foo: 1\n\
                speed: 9\n";
    let expected = [
        "1: local_as: 0 is no AS number (RFC 7607)",
        "2: router_id: `fd00::1` is not four numbers such as 10.255.1.1",
        "4: agent.hold: must be whole numbers with units (h, m, s, ms), such as 60s or 1m30s",
        "5: agent.sockets: is unknown here; known fields: socket, hold",
        "7: peers[0].remote_as: is required and missing",
        "8: peers[0].hold_time: must be 0s (never expires) or 3s to 65535s in whole seconds (RFC 4271)",
        "9: peers[0].next_hop_v6: has no use: ipv6 is not one of the families",
        "10: peers[1].address: `300.1.1.1` is not an IPv4 or IPv6 address",
        "12: peers[1].foo: is unknown here; known fields: template, local_as, router_id, address",
        "13: speed: is unknown here; known fields: local_as, router_id, listen, on_stop, agent",
    ];
    let problems = problems(text);
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem}\n{expected}");
    }
}

#[test]
fn single_problems() {
    let more = |text: &str| format!("{LEAST}{text}\n");
    let rows = [
        ("local_as: 65001\n".to_owned(), "router_id: is required"),
        (String::new(), "local_as: is required"),
        ("[1, 2]".to_owned(), "must be a map of fields, not a list"),
        ("local_as: [\n".to_owned(), ":"),
        (LEAST.replace("65001", "23456"), "reserved"),
        (LEAST.replace("65001", "4294967296"), "not in 1 to 4294967295"),
        (LEAST.replace("10.255.1.1", "0.0.0.0"), "not allowed"),
        (more("  - {address: 10.1.1.1, remote_as: 1}"), "is a peer already, in line 4"),
        (more("metrics: {listen: nowhere}"), "is not an address with a port"),
        (more("admin: {}"), "admin.socket: is required"),
        (more(&format!("admin: {{socket: /{}}}", "x".repeat(107))), "has 108 octets"),
        (more("agent: {socket: \"a\\0b\"}"), "NUL"),
        (more("local_as: 2"), "twice"),
        (more("listen: []"), "must be off, or a list"),
        (more("listen: [10.1.1.2]"), "is not an address with a port"),
        (more("listen: [\"10.1.1.2:179\", \"10.1.1.2:179\"]"), "twice"),
        (more("on_stop: fade"), "one of withdraw, preserve"),
        (more("announce: {color: red}"), "announce.color: is unknown"),
        (more("announce: {med: -1}"), "not in 0 to 4294967295"),
        (more("pools: {}"), "must be a list"),
        (more("pools: [{}]"), "pools[0].prefixes: is required"),
        (more("pools: [{prefixes: [203.0.113.1/24]}]"), "prefixes[0]: 203.0.113.1/24 has host bits"),
        (more("pools: [{prefixes: [203.0.113.0/24], aggregate: {}}]"), "must have a length"),
        (more("pools: [{prefixes: [203.0.113.0/24], aggregate: {ipv4: 33}}]"), "33 is not in 1 to 32"),
        (more("pools: [{prefixes: [203.0.113.0/24], aggregate: {ipv6: 64}}]"), "the pool has no ipv6 prefix"),
        (more("vips: [{prefix: x}]"), "not a prefix"),
        (more("vips: [{prefix: 203.0.113.10}, {prefix: 203.0.113.10/32}]"), "is there already, in line 5"),
        (more("damping: {reuse: 5000}"), "make no sense"),
        (more("damping: {half_life: 0s}"), "1s to 3600s"),
        (more("drain: {evidence_wait: 5m}"), "1s to 60s"),
        (more("bmp: {}"), "must be a list of at most 8"),
        (more("bmp: [{address: 192.0.2.10}]"), "is not an address with a port"),
        (more("bmp: [{address: \"192.0.2.1:1\"}, {address: \"192.0.2.1:1\"}]"), "is a station already"),
        (more("bmp: [{address: \"192.0.2.1:1\", local_address: \"::1\"}]"), "same family"),
        (more("bmp: [{address: \"192.0.2.1:1\", buffer: 1}]"), "65536 to 67108864"),
        (more("mrt: {}"), "mrt.directory: is required"),
        (more("mrt: {directory: /x, prefix: a/b}"), "letters, digits"),
        (more("mrt: {directory: /x, max_age: 1s}"), "60s to 24h"),
        (more("mrt: {directory: /x, table_dump: 1s}"), "off, or 60s to 24h"),
        (more("drain: {below: many}"), "must be a number"),
    ];
    for (text, expected) in rows {
        let problems = problems(&text);
        assert!(problems[0].contains(expected), "{text}\n{problems:?}");
    }
}

#[test]
fn the_error_names_file_line_field_and_reason() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bgp.yaml");
    std::fs::write(&file, LEAST.replace("65000", "0")).unwrap();
    let error = Config::load(&file).unwrap_err().to_string();
    assert_eq!(error, format!("{}:4: peers[0].remote_as: 0 is no AS number (RFC 7607)", file.display()));
    assert!(matches!(Config::load(Path::new("/nowhere/x.yaml")), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn only_files_of_a_sane_size_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bgp.yaml");
    let refusal = |file: &Path| match Config::load(file).unwrap_err() {
        ConfigError::Unreadable { source, .. } => source.to_string(),
        error @ ConfigError::Invalid { .. } => error.to_string(),
    };
    std::fs::write(&file, format!("{LEAST}#{}\n", "x".repeat(1 << 20))).unwrap();
    assert_eq!(refusal(&file), "longer than 1048576 octets");
    assert_eq!(refusal(Path::new("/dev/zero")), "not a regular file");
    assert_eq!(refusal(directory.path()), "not a regular file");
    // Opening a pipe for reading would wait for a writer.
    let pipe = directory.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(refusal(&pipe), "not a regular file");
    std::fs::write(&file, LEAST.replace("remote_as: 65000", "remote_as: 65000, password_file: /dev/zero"))
        .unwrap();
    assert!(refusal(&file).ends_with("/dev/zero cannot be read: not a regular file"));
}

/// Whatever a file holds, each problem is one line.
#[test]
fn a_strange_key_does_not_break_the_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bgp.yaml");
    std::fs::write(&file, format!("{LEAST}\"a\\nb\": 1\n")).unwrap();
    let error = Config::load(&file).unwrap_err().to_string();
    assert!(error.contains("5: a\\nb: is unknown here") && error.lines().count() == 1, "{error}");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in ".{0,400}") {
        let _ = parse(&text, &read, &included);
    }

    #[test]
    fn damaged_configurations_never_panic(at in 0..FULL.len(), with in "[ -~\n]{0,6}") {
        if let (Some(head), Some(tail)) = (FULL.get(..at), FULL.get(at + 1..)) {
            let _ = parse(&format!("{head}{with}{tail}"), &read, &included);
        }
    }
}
