use std::path::Path;

use proptest::prelude::*;

use super::parse::parse;
use super::*;

const FULL: &str = r#"local_as: 65001
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

const LEAST: &str =
    "local_as: 65001\nrouter_id: 10.255.1.1\npeers:\n  - {address: 10.1.1.1, remote_as: 65000}\n";

fn read(file: &Path) -> Result<String, String> {
    match file.to_str() {
        Some("/etc/secret") => Ok("from-file\n".to_owned()),
        Some("/etc/long") => Ok("x".repeat(81)),
        _ => Err("no such file".to_owned()),
    }
}

fn good(text: &str) -> Config {
    parse(text, &read).unwrap()
}

fn problems(text: &str) -> Vec<String> {
    let problems = parse(text, &read).unwrap_err();
    problems
        .iter()
        .map(|problem| format!("{}: {}: {}", problem.line, problem.field, problem.reason))
        .collect()
}

#[test]
fn the_full_example() {
    let config = good(FULL);
    assert_eq!((config.local_as, config.agent.hold.as_secs(), config.peers.len()), (65001, 60, 2));
    let first = &config.peers[0];
    assert_eq!(first.password, Password::new("s3cret"));
    assert_eq!(first.session.hold_time.secs(), 9);
    assert_eq!(first.session.ipv6, Some(fsm::NextHop::Fixed("fd00:1::2".parse().unwrap())));
    let second = &config.peers[1];
    assert_eq!((second.session.hold_time.secs(), second.session.remote_as), (90, 4_200_000_000));
    assert_eq!((second.session.ipv4, second.session.ipv6), (None, Some(fsm::NextHop::Session)));
    assert!(!format!("{config:?}").contains("s3cret"));
}

/// The example that operators copy is right, and so is the one in the documentation.
#[test]
fn the_published_examples() {
    let example = include_str!("../../../../deploy/examples/bgp-speaker.yaml");
    assert_eq!(good(example).peers.len(), 1);
    let page = include_str!("../../../../docs/configuration-bgp.md");
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 1);
    let with_password = |_: &Path| Ok("s3cret".to_owned());
    assert_eq!(parse(blocks[0], &with_password).unwrap().peers.len(), 2);
}

#[test]
fn defaults() {
    let config = good(LEAST);
    assert_eq!(config.agent.socket, Path::new("/run/guideway/dataplane.sock"));
    assert_eq!(config.admin_socket, Path::new("/run/guideway/bgp.sock"));
    assert_eq!(config.metrics_listen.to_string(), "127.0.0.1:9471");
    assert_eq!(config.peers[0].session.connect_retry.as_secs(), 1);
    assert_eq!(config.peers[0].session.ipv4, Some(fsm::NextHop::Session));
    assert_eq!(good("local_as: 1\nrouter_id: 1.1.1.1\npeers: []\n").peers, []);
}

#[test]
fn a_password_file() {
    let peer = |field: &str| LEAST.replace("remote_as: 65000", &format!("remote_as: 65000, {field}"));
    assert_eq!(good(&peer("password_file: /etc/secret")).peers[0].password, Password::new("from-file"));
    assert!(problems(&peer("password_file: /nowhere"))[0].contains("/nowhere cannot be read: no such file"));
    assert!(problems(&peer("password_file: /etc/long"))[0].contains("1 to 80 octets"));
    assert!(problems(&peer("password: a, password_file: /etc/secret"))[0].contains("keep one of them"));
    assert!(problems(&peer("password: 1234"))[0].contains("put it in quotes"));
}

#[test]
fn every_problem_is_told_with_its_line() {
    let text = "local_as: 0\nrouter_id: fd00::1\nagent:\n  hold: 5\n  sockets: /x\npeers:\n  - address: 10.1.1.1\n    \
                hold_time: 2s\n    families: [ipv4, ipv6]\n  - address: 300.1.1.1\n    remote_as: 65000\n    foo: 1\n\
                speed: 9\n";
    let expected = [
        "1: local_as: 0 is no AS number (RFC 7607)",
        "2: router_id: `fd00::1` is not four numbers such as 10.255.1.1",
        "4: agent.hold: must be whole numbers with units (h, m, s, ms), such as 60s or 1m30s",
        "5: agent.sockets: is unknown here; known fields: socket, hold",
        "7: peers[0].remote_as: is required and missing",
        "8: peers[0].hold_time: must be 0s (never expires) or 3s to 65535s in whole seconds (RFC 4271)",
        "9: peers[0].next_hop_v6: is required: ipv6 routes over an ipv4 session need a next hop",
        "10: peers[1].address: `300.1.1.1` is not an IPv4 or IPv6 address",
        "12: peers[1].foo: is unknown here; known fields: address, remote_as, local_address, password, password_file, \
         hold_time, connect_retry, families, next_hop_v4, next_hop_v6",
        "13: speed: is unknown here; known fields: local_as, router_id, agent, admin, metrics, peers",
    ];
    assert_eq!(problems(text), expected);
}

#[test]
fn single_problems() {
    let peer = |field: &str| LEAST.replace("remote_as: 65000", &format!("remote_as: 65000, {field}"));
    let rows = [
        ("local_as: 65001\n".to_owned(), "router_id: is required"),
        (String::new(), "local_as: is required"),
        ("[1, 2]".to_owned(), "must be a map of fields, not a list"),
        ("local_as: [\n".to_owned(), ":"),
        (LEAST.replace("65001", "23456"), "reserved"),
        (LEAST.replace("65001", "4294967296"), "not in 1 to 4294967295"),
        (LEAST.replace("65001", "many"), "must be a number"),
        (LEAST.replace("10.255.1.1", "0.0.0.0"), "not allowed"),
        (LEAST.replace("10.1.1.1", "224.0.0.5"), "not a unicast address"),
        (LEAST.replace("10.1.1.1", "\"fe80::1\""), "link-local"),
        (LEAST.replace("10.1.1.1", "\"::ffff:10.1.1.1\""), "write it as IPv4"),
        (peer("local_address: fd00::1"), "same family"),
        (LEAST.replace("10.1.1.1", "127.0.0.1"), "routes over a loopback session need a next hop"),
        (peer("families: []"), "each once"),
        (peer("families: [ipv4, ipv4]"), "each once"),
        (peer("families: [ipx]"), "each once"),
        (peer("next_hop_v6: fd00::1"), "has no use"),
        (peer("next_hop_v4: 127.0.0.1"), "loopback"),
        (peer("hold_time: 3500ms"), "whole seconds"),
        (peer("hold_time: 70000s"), "65535s"),
        (peer("connect_retry: 100ms"), "must be 1s to 600s"),
        (peer("password: \"\""), "must not be empty"),
        (format!("{LEAST}  - {{address: 10.1.1.1, remote_as: 1}}\n"), "is a peer already, in line 4"),
        (format!("{LEAST}metrics: {{listen: nowhere}}\n"), "is not an address with a port"),
        (format!("{LEAST}admin: {{}}\n"), "admin.socket: is required"),
        (format!("{LEAST}admin: {{socket: /{}}}\n", "x".repeat(107)), "has 108 octets"),
        (format!("{LEAST}agent: {{socket: \"a\\0b\"}}\n"), "NUL"),
        (LEAST.replace("10.1.1.1", "\"fe80::1%up0\""), "has a zone: link-local"),
        (peer("local_address: 10.1.1.1"), "is the peer's own address"),
        (format!("{LEAST}local_as: 2\n"), ""),
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
        let _ = parse(&text, &read);
    }

    #[test]
    fn damaged_configurations_never_panic(at in 0..FULL.len(), with in "[ -~\n]{0,6}") {
        if let (Some(head), Some(tail)) = (FULL.get(..at), FULL.get(at + 1..)) {
            let _ = parse(&format!("{head}{with}{tail}"), &read);
        }
    }
}
