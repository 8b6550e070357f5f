use std::fmt::Write as _;
use std::num::{NonZeroU8, NonZeroU16};
use std::time::Duration;

use super::{EXAMPLE, SMALL};
use crate::{
    Config, Encapsulation, EncapsulationKind, HealthCheck, Limits, NextHop, Probe, Protocol, TableSize,
    XdpMode,
};

#[test]
fn small_file_has_the_documented_defaults() {
    let config = Config::parse("f.yaml", SMALL).unwrap();
    assert_eq!(config.seed().bytes(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    assert_eq!(config.interfaces()[0].name.as_str(), "up0");
    assert_eq!(config.interfaces()[0].mode, XdpMode::Native);
    assert_eq!(config.next_hop(), &NextHop::Fib);
    let encapsulation = Encapsulation {
        kind: EncapsulationKind::IpIp,
        source_v4: "172.16.0.0/16".parse().unwrap(),
        source_v6: "100::/64".parse().unwrap(),
    };
    assert_eq!(config.encapsulation(), &encapsulation);
    assert_eq!(config.limits(), &Limits::default());
    assert_eq!(config.admin().socket.to_str(), Some("/run/guideway/dataplane.sock"));
    assert_eq!(config.metrics().listen, "127.0.0.1:9470".parse().unwrap());
    let set = &config.backend_sets()[0];
    assert_eq!((set.table_size, &set.health_check), (TableSize::Large, &None));
    assert_eq!(set.backends[0].weight, 1);
    assert!(std::sync::Arc::ptr_eq(set, &config.vips()[0].backend_set));
    assert_eq!(config.warnings(), []);
}

#[test]
fn health_check_defaults() {
    let check = |fields: &str| {
        let text = SMALL.replace("name: web,", &format!("name: web, health_check: {{type: {fields}}},"));
        Config::parse("f.yaml", &text).unwrap().backend_sets()[0].health_check.clone()
    };
    assert_eq!(check("none"), None);
    let tcp = HealthCheck {
        probe: Probe::Tcp,
        port: NonZeroU16::new(8080).unwrap(),
        interval: Duration::from_secs(1),
        timeout: Duration::from_millis(500),
        rise: NonZeroU8::new(2).unwrap(),
        fall: NonZeroU8::new(3).unwrap(),
    };
    assert_eq!(check("tcp, port: 8080"), Some(tcp.clone()));
    let http = Probe::Http { path: "/".to_owned(), host: None, expect: 200..=399 };
    assert_eq!(check("http, port: 8080"), Some(HealthCheck { probe: http, ..tcp.clone() }));
    // The default timeout gives way to a shorter interval.
    let short = Duration::from_millis(100);
    let short = HealthCheck { interval: short, timeout: short, ..tcp };
    assert_eq!(check("tcp, port: 8080, interval: 100ms"), Some(short));
}

#[test]
fn example_is_accepted_as_it_stands() {
    let config = Config::parse("lb-dataplane.yaml", EXAMPLE).unwrap();
    assert_eq!(config.warnings(), []);
    assert_eq!(config.vips().len(), 3);
    assert_eq!(config.vips()[2].protocol, Protocol::Udp);
    assert_eq!(config.vips()[2].backend_set.table_size, TableSize::Small);
    assert_eq!(config.backend_sets()[0].backends[1].weight, 2);
}

#[test]
fn json_is_accepted() {
    let json = "{\n\t\"seed\": \"000102030405060708090a0b0c0d0e0f\",\n\t\"interfaces\": [{\"name\": \"up0\"}],\n\
        \t\"backend_sets\": [{\"name\":\"web\",\"backends\":[{\"name\":\"be1\",\"address\":\"10.1.11.2\"}]}],\n\
        \t\"vips\": [{\"name\":\"web-v4\",\"address\":\"203.0.113.10\",\"port\":80,\"protocol\":\"tcp\",\
        \"backend_set\":\"web\"}]\n}\n";
    assert_eq!(Config::parse("f.json", json).unwrap(), Config::parse("f.yaml", SMALL).unwrap());
    let one_line = json.replace(['\n', '\t'], "");
    assert_eq!(Config::parse("f.json", &one_line).unwrap(), Config::parse("f.yaml", SMALL).unwrap());
}

#[test]
fn byte_order_mark_and_crlf_are_accepted() {
    let text = format!("\u{feff}{}", SMALL.replace('\n', "\r\n"));
    assert_eq!(Config::parse("f.yaml", &text).unwrap(), Config::parse("f.yaml", SMALL).unwrap());
}

#[test]
fn one_backend_may_serve_in_several_sets() {
    let text = SMALL.replace(
        "vips:",
        "  - {name: other, backends: [{name: be1, address: 10.1.11.2}]}\nvips:\n  - {name: o, address: 203.0.113.11, \
         port: 80, protocol: tcp, backend_set: other}",
    );
    assert_eq!(Config::parse("f.yaml", &text).unwrap().backend_sets().len(), 2);
}

#[test]
fn warnings_are_told_and_not_fatal() {
    let text = format!(
        "{}backend_sets: [{{name: spare, backends: [{{name: a, address: 10.0.0.1}}]}}]\n",
        &SMALL[..65]
    );
    let config = Config::parse("f.yaml", &text).unwrap();
    let lines: Vec<String> = config.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "f.yaml:1:1: vips: no VIP is configured: this forwarder serves nothing",
            "f.yaml:3:16: backend_sets[0]: no VIP uses the set \"spare\": its backends are neither checked nor served",
        ]
    );

    let backends: Vec<String> = (0..200).map(|i| format!("{{name: b{i}, address: 10.0.0.{i}}}")).collect();
    let text = SMALL
        .replace("{name: be1, address: 10.1.11.2}", &backends.join(", "))
        .replace("name: web,", "name: web, table_size: 16381,");
    let config = Config::parse("f.yaml", &text).unwrap();
    let expected = "f.yaml:4:46: backend_sets[0].backends: 200 backends share 16381 slots, fewer than 100 each, so that \
         their shares are uneven: set `table_size: 65537` or split the set";
    assert_eq!(config.warnings()[0].to_string(), expected);
}

#[test]
fn seed_is_not_logged() {
    let config = Config::parse("f.yaml", SMALL).unwrap();
    assert_eq!(format!("{:?}", config.seed()), "Seed(..)");
}

/// Prints how long it takes: `cargo test --release -p guideway-dataplane-config ten_thousand -- --nocapture`.
#[test]
fn ten_thousand_vips_over_five_hundred_sets() {
    let mut text = String::from(
        "seed: 000102030405060708090a0b0c0d0e0f\ninterfaces: [{name: up0}]\n\
         limits: {vips: 16384, backends: 16384, tables_65537: 1000}\nbackend_sets:\n",
    );
    for set in 0..500 {
        writeln!(text, "  - name: set-{set}\n    health_check: {{type: tcp, port: 80}}\n    backends:")
            .unwrap();
        for backend in 0..16 {
            let (high, low) = (set / 256 * 16 + backend, set % 256);
            writeln!(text, "      - {{name: be-{set}-{backend}, address: 10.{high}.{low}.2, weight: 10}}")
                .unwrap();
        }
    }
    text.push_str("vips:\n");
    for vip in 0..10_000 {
        let (high, low, set) = (vip / 250, vip % 250, vip % 500);
        let vip = format!(
            "name: vip-{vip}, address: 203.{high}.113.{low}, port: 443, protocol: tcp, backend_set: set-{set}"
        );
        writeln!(text, "  - {{{vip}}}").unwrap();
    }
    let start = std::time::Instant::now();
    let config = Config::parse("f.yaml", &text).unwrap();
    eprintln!("{} bytes parsed in {:?}", text.len(), start.elapsed());
    assert_eq!((config.vips().len(), config.backend_sets().len()), (10_000, 500));
    assert_eq!(config.warnings(), []);
}
