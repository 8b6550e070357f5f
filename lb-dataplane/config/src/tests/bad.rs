//! Bad files and the exact lines that they are answered with. The snapshots are the table: read them as documentation.

use std::fmt::Write as _;

use super::{SMALL, errors};
use crate::{Config, MAX_FILE_BYTES};

/// What is replaced in the small file, and by what.
const FIELDS: &[(&str, &[&str])] = &[
    (
        "000102030405060708090a0b0c0d0e0f",
        &[
            "",
            "~",
            "0001",
            "000102030405060708090a0b0c0d0e0g",
            "000102030405060708090a0b0c0d0e0f00",
            "[1]",
            "{a: b}",
            "\"\"",
        ],
    ),
    (
        "[{name: up0}]",
        &[
            "[]",
            "",
            "up0",
            "{name: up0}",
            "[up0]",
            "[{}]",
            "[{mode: native}]",
            "[{name: \"\"}]",
            "[{name: sixteen-letters0}]",
            "[{name: a/b}]",
            "[{name: \"a b\"}]",
            "[{name: ..}]",
            "[{name: up0, mode: natve}]",
            "[{name: up0, mode: offload}]",
            "[{name: up0}, {name: up1}, {name: up0}]",
            "[{name: up0, nmae: up1}]",
            "[{name: up0, name: up1}]",
            "[{name: up0}]\nnext_hop: fib",
            "[{name: up0}]\nnext_hop: {}",
            "[{name: up0}]\nnext_hop: {type: fix}",
            "[{name: up0}]\nnext_hop: {type: fib, mac: \"02:00:00:00:00:01\"}",
            "[{name: up0}]\nnext_hop: {type: fixed}",
            "[{name: up0}]\nnext_hop: {type: fixed, interface: up0, mac: \"02:00:00:00:00\"}",
            "[{name: up0}]\nnext_hop: {type: fixed, interface: up0, mac: \"02:00:00:00:00:01:02\"}",
            "[{name: up0}]\nnext_hop: {type: fixed, interface: up0, mac: \"00:00:00:00:00:00\"}",
            "[{name: up0}]\nnext_hop: {type: fixed, interface: up0, mac: \"ff:ff:ff:ff:ff:ff\"}",
            "[{name: up0}]\nnext_hop: {type: fixed, interface: up0, mac: 020000000001}",
            "[{name: up0}]\nencapsulation: {type: geneve}",
            "[{name: up0}]\nencapsulation: {source_v4: 172.16.0.1/16}",
            "[{name: up0}]\nencapsulation: {source_v4: 172.16.0.0}",
            "[{name: up0}]\nencapsulation: {source_v4: 172.0.0.0/7}",
            "[{name: up0}]\nencapsulation: {source_v4: 172.16.0.0/31}",
            "[{name: up0}]\nencapsulation: {source_v4: 224.0.0.0/8}",
            "[{name: up0}]\nencapsulation: {source_v4: 127.0.0.0/8}",
            "[{name: up0}]\nencapsulation: {source_v4: 0.0.0.0/8}",
            "[{name: up0}]\nencapsulation: {source_v4: 100::/64}",
            "[{name: up0}]\nencapsulation: {source_v6: 100::1/64}",
            "[{name: up0}]\nencapsulation: {source_v6: 100::/127}",
            "[{name: up0}]\nencapsulation: {source_v6: ff00::/16}",
            "[{name: up0}]\nencapsulation: {source_v6: \"::/8\"}",
            "[{name: up0}]\nlimits: {vips: 0}",
            "[{name: up0}]\nlimits: {vips: 1048577, backends: 1, tables_65537: 32767, tables_16381: -1}",
            "[{name: up0}]\nlimits: {backends: 32769, flows: 1023}",
            "[{name: up0}]\nlimits: {flows: 67108865}",
            "[{name: up0}]\nnext_hop: {type: fixed, interface: up0, mac: \"02:00:00:00:00:01\"}\nencapsulation: {type: l2}",
            "[{name: up0}]\nlimits: {vips: 1e3, backends: \"100\", tables_65537: 064, tables_16381: 99999999999999999999}",
            "[{name: up0}]\nlimits: {backends: many}",
            "[{name: up0}]\nadmin: {socket: dataplane.sock}",
            "[{name: up0}]\nadmin: {socket: /run/guideway/}",
            "[{name: up0}]\nmetrics: {listen: 9470}",
            "[{name: up0}]\nmetrics: {listen: localhost:9470}",
            "[{name: up0}]\ncontroller: {}",
            "[{name: up0}]\ncontroller: fw-1",
            "[{name: up0}]\ncontroller: {addresses: [a:1], name: fw-1}",
            "[{name: up0}]\ncontroller: {addresses: [], name: fw-1, certificate: /c, key: /k, ca: /a}",
            "[{name: up0}]\ncontroller: {addresses: [a:1, a:1], name: fw-1, certificate: /c, key: /k, ca: /a}",
            "[{name: up0}]\ncontroller: {addresses: [a, \"a:0\", \"a b:1\", \"::1:9\", \"[::g]:9\", -a:1], name: fw-1, certificate: /c, key: /k, ca: /a}",
            "[{name: up0}]\ncontroller: {addresses: [a:1], name: \"\", certificate: c, key: /k/, ca: \"/a\\n\"}",
            "[{name: up0}]\ncontroller: {addresses: [a:1], name: fw-1, labels: [a], certificate: /c, key: /k, ca: /a}",
            "[{name: up0}]\ncontroller: {addresses: [a:1], name: fw-1, labels: {a b: c, a: b c, -a: a, a/b/c: a, d: [], x: y, x: z}, certificate: /c, key: /k, ca: /a}",
            "[{name: up0}]\ncontroller: {addresses: [a:1], name: fw-1, certificate: /c, key: /k, ca: /a, relay: on}",
            "[{name: up0}]\ncontroller: {addresses: [a:1], name: fw-1, certificate: /c, key: /k, ca: /a, relay: \"192.0.2.1:0\"}",
        ],
    ),
    (
        "name: web,",
        &[
            "",
            "name: \"\",",
            "name: \" web\",",
            "name: \"we\\u202eb\",",
            "name: [web],",
            "name: web, table_size: 65536,",
            "name: web, encapsulation: vxlan,",
            "name: web, encapsulation: {type: gue},",
            "name: web, second_hop: yes,",
            "name: web, second_hop: \"true\",",
            "name: web, second_hop:,",
            "name: web, drain_window: 600,",
            "name: web, drain_window: 999ms,",
            "name: web, drain_window: 24h1ms,",
            "name: web, health_check: http,",
            "name: web, health_check: {},",
            "name: web, health_check: {type: https, port: 443},",
            "name: web, health_check: {type: none, port: 443, rise: 1},",
            "name: web, health_check: {type: tcp},",
            "name: web, health_check: {type: tcp, port: 0},",
            "name: web, health_check: {type: tcp, port: 80, path: /, expect: [200, 299]},",
            "name: web, health_check: {type: tcp, port: 80, interval: 1},",
            "name: web, health_check: {type: tcp, port: 80, interval: 1s1m},",
            "name: web, health_check: {type: tcp, port: 80, interval: 9ms},",
            "name: web, health_check: {type: tcp, port: 80, interval: 1h1ms},",
            "name: web, health_check: {type: tcp, port: 80, interval: 99999999999999999999h},",
            "name: web, health_check: {type: tcp, port: 80, interval: 1s, timeout: 1m30s},",
            "name: web, health_check: {type: tcp, port: 80, timeout: 0s},",
            "name: web, health_check: {type: tcp, port: 80, rise: 0, fall: 256},",
            "name: web, health_check: {type: http, port: 80, path: healthz},",
            "name: web, health_check: {type: http, port: 80, path: /a b},",
            "name: web, health_check: {type: http, port: 80, host: \"a\\r\\nb\"},",
            "name: web, health_check: {type: http, port: 80, expect: 200},",
            "name: web, health_check: {type: http, port: 80, expect: [200]},",
            "name: web, health_check: {type: http, port: 80, expect: [299, 200]},",
            "name: web, health_check: {type: http, port: 80, expect: [99, 600]},",
        ],
    ),
    (
        "[{name: be1, address: 10.1.11.2}]",
        &[
            "[]",
            "10.1.11.2",
            "[10.1.11.2]",
            "[{name: be1}]",
            "[{address: 10.1.11.2}]",
            "[{name: be1, adress: 10.1.11.2}]",
            "[{name: be1, address: 10.1.11}]",
            "[{name: be1, address: 10.1.11.2/32}]",
            "[{name: be1, address: \"fe80::1%up0\"}]",
            "[{name: be1, address: 0.0.0.0}]",
            "[{name: be1, address: 127.0.0.1}]",
            "[{name: be1, address: 224.0.0.1}]",
            "[{name: be1, address: 255.255.255.255}]",
            "[{name: be1, address: \"::\"}]",
            "[{name: be1, address: \"::1\"}]",
            "[{name: be1, address: \"ff02::1\"}]",
            "[{name: be1, address: \"fe80::1\"}]",
            "[{name: be1, address: \"::ffff:10.1.11.2\"}]",
            "[{name: be1, address: 10.1.11.2, weight: 65536}]",
            "[{name: be1, address: 10.1.11.2, weight: -1}]",
            "[{name: be1, address: 10.1.11.2, weight: 0}]",
            "[{name: be1, address: 10.1.11.2}, {name: be1, address: 10.1.12.2}]",
            "[{name: be1, address: 10.1.11.2}, {name: be2, address: 10.1.11.2}]",
            "[{name: be1, address: 203.0.113.10}]",
            "[{name: be1, address: \"fd00:11::2\"}], encapsulation: l2",
        ],
    ),
    (
        "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web}",
        &[
            "{}",
            "web-v4",
            "{name: web-v4, address: \"::ffff:203.0.113.10\", port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10/24, port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10/33, port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 200.0.0.0/7, port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 224.0.0.0/8, port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 127.1.0.0/16, port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 255.255.255.0/24, port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 10.0.0.0/8, port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 10.1.11.2/32, port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: \"2001:db8::/31\", port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: \"::/32\", port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: \"::ffff:0:0/100\", port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: \"::ffff:1.2.3.4/128\", port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: \"ff05::/32\", port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: \"fe80::/64\", port: 80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: 65536, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: \"80\", protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: -80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: http, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: 80-, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: 80-81-82, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: 0-80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: 80-65536, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: 80-80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: 90-80, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: Any, protocol: tcp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web, affinity: flow}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web, affinity: {timeout: 1s}}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web, affinity: {type: cookie}}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web, affinity: {type: flow}}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web, affinity: {type: none, timeout: 1s}}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: udp, backend_set: web, affinity: {type: flow, timeout: 100ms}}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web, affinity: {type: client_ip, timeout: 25h}}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: udp, backend_set: web, flow_entries: 4096}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web, flow_entries: 3}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web, flow_entries: 262145}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web, sources: 10.0.0.0/8}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web, sources: [10.0.0.0/8, 10.0.0.1/8, 10.0.0.0/8, office, 10.0.0.0/33]}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web, sources: [10.0.0.0/8, \"2001:db8::/32\", \"::ffff:10.0.0.0/104\"]}",
            "{name: web-v6, address: \"2001:db8::10\", port: 80, protocol: tcp, backend_set: web, sources: [10.0.0.1]}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: sctp, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: TCP, backend_set: web}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: wbe}",
            "{name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: other}",
        ],
    ),
];

#[test]
fn single_fields() {
    let mut table = String::new();
    for (replaced, replacements) in FIELDS {
        assert_eq!(SMALL.matches(replaced).count(), 1, "{replaced}");
        for replacement in *replacements {
            let lines = errors(&SMALL.replace(replaced, replacement));
            assert!(!lines.is_empty(), "accepted: {replacement}");
            writeln!(table, "{replacement}\n    {}", lines.join("\n    ")).unwrap();
        }
    }
    insta::assert_snapshot!("fields", table);
}

#[test]
fn everything_wrong_at_once_is_reported_at_once() {
    let text = "\
seed: 1234
interface: [{name: up0}]
next_hop: [fib]
encapsulation: {source_v4: 172.16.0.1/16, soruce_v6: 100::/64}
limits: {vips: 1, backends: 2}
backend_sets:
  - name: web
    health_check: {type: http, port: 0, interval: 1s, timeout: 2s}
    backends:
      - {name: be1, address: 10.1.11.2, weight: 70000}
      - {name: be1, address: 10.1.11.2}
  - name: web
    backends: []
  - name: api
    backends:
      - {name: be1, address: 127.0.0.1}
vips:
  - {name: a, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web}
  - {name: a, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: api}
  - {name: b, address: 10.1.11.2, port: http, protocol: udp}
  - name: c
    name: d
    address: *none
    port: 53
    protocol: !!str udp
    backend_set: &x api
";
    insta::assert_snapshot!("everything", errors(text).join("\n"));
}

#[test]
fn what_is_not_yaml() {
    let files: &[(&str, &str)] = &[
        ("empty", ""),
        ("only a comment", "# nothing\n"),
        ("a scalar", "hello\n"),
        ("a list", "- a\n"),
        ("unclosed quote", "seed: \"0001\nvips: []\n"),
        ("unclosed list", "interfaces: [{name: up0}\n"),
        ("unclosed map", "interfaces: {name: up0\nvips: []\n"),
        ("bad indentation", "seed: 1\n  vips: []\n"),
        ("tab", "limits:\n\tvips: 1\n"),
        ("two documents", "seed: 1\n---\nseed: 2\n"),
        ("complex key", "? [a]\n: b\n"),
        ("empty key", ": b\n"),
        ("nul", "seed: \u{0}\n"),
        ("address that ends like a key", "vips: [{address: fd00::}]\n"),
    ];
    let mut table = String::new();
    for (name, text) in files {
        let lines = errors(text);
        assert!(!lines.is_empty(), "accepted: {name}");
        writeln!(table, "{name}\n    {}", lines.join("\n    ")).unwrap();
    }
    insta::assert_snapshot!("not_yaml", table);
}

#[test]
fn what_is_not_utf8() {
    let problem = |bytes: &[u8]| Config::parse_bytes("f.yaml", bytes).unwrap_err().to_string();
    assert_eq!(
        problem(b"seed: 1\n\xc3\xa9: \xff"),
        "f.yaml:2:4: the byte 0xff is not UTF-8: save the file as UTF-8"
    );
}

#[test]
fn what_is_too_long() {
    let text = "#".repeat(MAX_FILE_BYTES + 1);
    assert_eq!(errors(&text), ["f.yaml:1:1: the file has 67108865 bytes: at most 67108864 are read"]);
}

#[test]
fn what_does_not_fit_the_limits() {
    let text = "\
seed: 000102030405060708090a0b0c0d0e0f
interfaces: [{name: up0}]
limits: {vips: 2, backends: 2, tables_65537: 1, tables_16381: 1, flows: 4097}
backend_sets:
  - {name: a, backends: [{name: x, address: 10.0.0.1}]}
  - {name: same-as-a, backends: [{name: x, address: 10.0.0.1}]}
  - {name: b, backends: [{name: y, address: 10.0.0.2}]}
vips:
  - {name: a, address: 203.0.113.1, port: 80, protocol: tcp, backend_set: a, flow_entries: 2049}
  - {name: b, address: 203.0.113.2, port: 80, protocol: tcp, backend_set: same-as-a, flow_entries: 5}
  - {name: c, address: 203.0.113.3, port: 80, protocol: tcp, backend_set: b}
";
    insta::assert_snapshot!("limits", errors(text).join("\n"));
}

#[test]
fn too_many_sources() {
    let sources: Vec<String> = (0..1025).map(|n| format!("10.{}.{}.0/24", n / 256, n % 256)).collect();
    let text = SMALL.replace("tcp,", &format!("tcp, sources: [{}],", sources.join(", ")));
    let expected = "f.yaml:6:77: vips[0].sources: has 1025 prefixes, at most 1024 are allowed: join some into shorter \
        prefixes";
    assert_eq!(errors(&text), [expected]);
}

#[test]
fn services_are_unique() {
    let vip = "  - {name: web-2, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web}\n";
    assert_eq!(
        errors(&format!("{SMALL}{vip}")),
        ["f.yaml:7:5: vips[1]: 203.0.113.10 port 80 tcp is the VIP in line 6 already"]
    );
    assert_eq!(errors(&format!("{SMALL}{}", vip.replace("tcp", "udp"))), Vec::<String>::new());
    assert_eq!(errors(&format!("{SMALL}{}", vip.replace("port: 80", "port: 81"))), Vec::<String>::new());
    assert_eq!(
        errors(&format!("{SMALL}{}", vip.replace("web-2", "web-v4").replace("80", "81"))),
        ["f.yaml:7:12: vips[1].name: \"web-v4\" is the name of the VIP in line 6 already"]
    );
}

/// The VIPs of a file that differ in address and port, and the lines with which they are answered.
fn ports_of(vips: &[(&str, &str)]) -> Vec<String> {
    let mut text = String::from(&SMALL[..SMALL.find("  - {name: web-v4").unwrap()]);
    for (index, (address, port)) in vips.iter().enumerate() {
        let vip = format!("name: v{index}, address: \"{address}\", port: {port}, protocol: tcp");
        writeln!(text, "  - {{{vip}, backend_set: web}}").unwrap();
    }
    errors(&text)
}

#[test]
fn ranges_are_nested_or_disjoint() {
    let none = Vec::<String>::new();
    let a = "203.0.113.10";
    assert_eq!(
        ports_of(&[(a, "any"), (a, "1-65535"), (a, "80-90"), (a, "80-89"), (a, "80"), (a, "91-95")]),
        none
    );
    // Ranges of other addresses and prefixes do not matter, not even those around.
    assert_eq!(ports_of(&[(a, "80-90"), ("203.0.113.11", "85-95"), ("203.0.113.0/24", "85-95")]), none);
    assert_eq!(
        ports_of(&[(a, "85-95"), (a, "1000-2000"), (a, "80-90")]),
        [
            "f.yaml:8:47: vips[2].port: 80-90 crosses 85-95 of the VIP in line 6: one must contain the other, or they must \
          have no port in common"
        ]
    );
    assert_eq!(
        ports_of(&[("203.0.113.0/24", "80-90"), ("203.0.113.0/24", "90-91")]),
        [
            "f.yaml:7:49: vips[1].port: 90-91 crosses 80-90 of the VIP in line 6: one must contain the other, or they must \
          have no port in common"
        ]
    );
    assert_eq!(
        ports_of(&[(a, "any"), ("203.0.113.10/32", "any"), (a, "1-9"), (a, "1-9")]),
        [
            "f.yaml:7:5: vips[1]: 203.0.113.10 port any tcp is the VIP in line 6 already",
            "f.yaml:9:5: vips[3]: 203.0.113.10 port 1-9 tcp is the VIP in line 8 already"
        ]
    );
    assert_eq!(
        ports_of(&[("2001:db8::/48", "80"), ("2001:db8::/48", "80")]),
        ["f.yaml:7:5: vips[1]: 2001:db8::/48 port 80 tcp is the VIP in line 6 already"]
    );
}
