use proptest::prelude::*;

use super::*;

const EXAMPLE: &str = include_str!("../../../../deploy/examples/lb-decap.yaml");

fn problems(text: &str) -> Vec<String> {
    Config::parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_example_is_right() {
    let config = Config::parse(EXAMPLE).unwrap();
    assert_eq!(config.wanted.interfaces.len(), 1);
    assert!(config.wanted.services.values().any(|service| *service == Service::AsIs));
    assert!(config.wanted.services.values().any(|service| matches!(service, Service::Translate(_))));
    assert!(config.wanted.services.keys().any(|key| matches!(key.port, ServicePort::PortBy(..))));
    assert_eq!(config.admin_socket, Path::new("/run/guideway/decap.sock"));
}

#[test]
fn every_mistake_has_its_place() {
    let text = "interfaces: [{name: lo}]
services:
  - {vip: 203.0.113.10/32}
  - {vip: 203.0.113.10, port: 80}
  - {vip: 203.0.113.10, protocol: tcp}
  - {vip: 203.0.113.10, port: 80, protocol: tcp, target: \"[fd00::1]:80\"}
  - {vip: 203.0.113.10, port: 80, protocol: tcp, target: 10.0.0.1}
  - {vip: 203.0.113.10, port: 80, protocol: tcp, target: 127.0.0.1:80}
  - {vip: 203.0.113.10, target: 10.0.0.1:80}
  - {vip: 203.0.113.10, outer: 10.0.0.1}
  - {vip: 203.0.113.10, port: 80, protocol: tcp, outer: 224.0.0.1}
  - {vip: 203.0.113.10, port: 0, protocol: tcp}
  - {vip: 203.0.113.11}
  - {vip: 203.0.113.11}
";
    let found = problems(text);
    for (line, words) in [
        (1, "interfaces: \"lo\""),
        (3, "vip: not an IPv4 or IPv6 address"),
        (4, "`port` needs `protocol"),
        (5, "`protocol` needs `port`"),
        (6, "the other address family"),
        (7, "not address:port"),
        (8, "loopback"),
        (9, "`target` needs `port`"),
        (10, "`outer` needs `port`"),
        (11, "outer: not an address"),
        (12, "port: 0 is not in 1 to 65535"),
        (14, "the same VIP"),
    ] {
        let of_line: Vec<&String> = found.iter().filter(|p| p.starts_with(&format!("{line}:"))).collect();
        assert!(of_line.len() == 1 && of_line[0].contains(words), "line {line}: {found:#?}");
        assert!(!of_line[0].starts_with(&format!("{line}:0:")), "{found:#?}");
    }
    assert_eq!(found.len(), 12, "{found:#?}");
}

#[test]
fn what_the_fields_types_forbid_is_told_alone() {
    for (text, place, words) in [
        ("interfaces: [{name: a}]\nservice: []\n", "2:1: ", "service"),
        ("interfaces: [{name: a, mode: fast}]\nservices: []\n", "1:", "fast"),
        ("interfaces: [{name: a}]\nservices: [{vip: 1.2.3.4, port: 70000, protocol: tcp}]\n", "2:", "70000"),
        ("a: &x 1\n", "1:", ""),
        ("[", "", ""),
        ("", "", ""),
    ] {
        let found = problems(text);
        assert!(found.len() == 1 && found[0].starts_with(place) && found[0].contains(words), "{found:?}");
    }
}

#[test]
fn kubernetes_can_be_the_source() {
    let config =
        Config::parse("interfaces: [{name: a}]\nkubernetes: {node: n1, mode: Node, kubeconfig: /k}\n")
            .unwrap();
    let source = Source { kubeconfig: Some("/k".into()), node: "n1".into(), mode: Mode::Node };
    assert_eq!(config.kubernetes, Some(source));
    let config = Config::parse("interfaces: [{name: a}]\nkubernetes: {}\n").unwrap();
    let source = config.kubernetes.unwrap();
    assert_eq!((source.kubeconfig, source.mode), (None, Mode::Pod));
    assert!(!source.node.is_empty(), "the host's name");
    for (text, line, words) in [
        ("interfaces: [{name: a}]\n", "1:1: ", "services: a list is needed"),
        ("interfaces: [{name: a}]\nkubernetes: {mode: pod}\n", "2:20: ", "neither `Pod` nor `Node`"),
        ("interfaces: [{name: a}]\nkubernetes: {node: \"\"}\n", "2:20: ", "kubernetes.node: empty"),
        ("interfaces: [{name: a}]\nkubernetes: {nod: a}\n", "2:", "nod"),
    ] {
        let found = problems(text);
        assert!(found.len() == 1 && found[0].starts_with(line) && found[0].contains(words), "{found:?}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "[ -~\n]{0,200}", cut in 0..EXAMPLE.len(), byte in "[ -~]") {
        let _ = Config::parse(&text);
        let mut changed = EXAMPLE.to_owned();
        if changed.is_char_boundary(cut) && changed.is_char_boundary(cut + 1) {
            changed.replace_range(cut..=cut, &byte);
            let _ = Config::parse(&changed);
        }
    }
}
