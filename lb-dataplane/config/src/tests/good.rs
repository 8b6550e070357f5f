use std::fmt::Write as _;
use std::num::{NonZeroU8, NonZeroU16};
use std::time::Duration;

use super::{CONTROLLER_EXAMPLE, EXAMPLE, SMALL};
use crate::parse::ALL_FIELDS;
use crate::{
    Affinity, Config, Encapsulation, EncapsulationKind, HealthCheck, Limits, NextHop, Ports, Probe, Protocol,
    TableSize, Vip, XdpMode,
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
    assert_eq!((set.encapsulation, set.second_hop), (EncapsulationKind::IpIp, false));
    assert_eq!(set.drain_window, Duration::from_secs(600));
    assert_eq!(set.backends[0].weight, 1);
    let vip = &config.vips()[0];
    assert_eq!(vip.address, "203.0.113.10/32".parse().unwrap());
    assert_eq!((vip.ports, vip.affinity, vip.flow_entries), (Ports::One(80), Affinity::None, None));
    assert!(std::sync::Arc::ptr_eq(set, &config.vips()[0].backend_set));
    assert_eq!(config.warnings(), []);
}

#[test]
fn pools_are_prefixes() {
    let pools = |text: &str| {
        let text = SMALL.replace("interfaces:", &format!("pools: {text}\ninterfaces:"));
        Config::parse("f.yaml", &text)
            .map(|config| config.pools().to_vec())
            .map_err(|errors| errors.to_string())
    };
    let net = |text: &str| text.parse::<ipnet::IpNet>().unwrap();
    assert_eq!(
        pools("[203.0.113.0/24, \"2001:db8::/64\"]"),
        Ok(vec![net("203.0.113.0/24"), net("2001:db8::/64")])
    );
    assert_eq!(pools("[]"), Ok(vec![]));
    for (text, expected) in [
        ("203.0.113.0/24", "pools: "),
        ("[203.0.113.1/24]", "pools[0]: "),
        ("[203.0.113.0/24, 203.0.113.0/24]", "pools[1]: 203.0.113.0/24 stands already in line"),
        ("[0.0.0.0/0]", "pools[0]: "),
        ("[web]", "pools[0]: "),
    ] {
        let error = pools(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    // A connected route to it is narrower than the pool, perhaps: it is for people to know.
    let backend = Config::parse("f.yaml", SMALL).unwrap().backend_sets()[0].backends[0].address;
    let text = SMALL.replace("interfaces:", &format!("pools: [203.0.113.0/24, {backend}]\ninterfaces:"));
    let config = Config::parse("f.yaml", &text).unwrap();
    let [warning] = config.warnings() else { panic!("{:?}", config.warnings()) };
    let expected = format!("pools[1]: contains {backend}, the address of the backend in line");
    assert!(warning.to_string().contains(&expected), "{warning}");
}

#[test]
fn speeds_have_units() {
    let speed = |text: &str| {
        let text = SMALL.replace("{name: up0}", &format!("{{name: up0, speed: {text}}}"));
        Config::parse("f.yaml", &text).map(|config| config.interfaces()[0].speed.unwrap().bits_per_second)
    };
    for (text, bits) in
        [("2500Mbit/s", 2_500_000_000), ("25 Gbit/s", 25_000_000_000), ("10Tbit/s", 10_000_000_000_000)]
    {
        assert_eq!(speed(text).unwrap(), bits);
    }
    for text in [
        "0Mbit/s",
        "11Tbit/s",
        "25",
        "25Gbps",
        "Gbit/s",
        "-1Gbit/s",
        "1.5Gbit/s",
        "99999999999999999999Mbit/s",
    ] {
        let error = speed(text).unwrap_err().to_string();
        assert!(error.contains("interfaces[0].speed") && error.contains("25Gbit/s"), "{error}");
    }
    let config = Config::parse("f.yaml", SMALL).unwrap();
    assert_eq!(config.interfaces()[0].speed, None);
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
fn sets_have_their_own_encapsulation_or_the_common_one() {
    let common = "interfaces: [{name: up0}]\nencapsulation: {type: gre}";
    let text = SMALL.replace("interfaces: [{name: up0}]", common).replace(
        "vips:",
        "  - {name: o, encapsulation: l2, second_hop: true, drain_window: 1h30m, \
            backends: [{name: a, address: 10.0.0.1}]}\nvips:",
    );
    let config = Config::parse("f.yaml", &text).unwrap();
    let sets = config.backend_sets();
    assert_eq!((sets[0].encapsulation, sets[0].second_hop), (EncapsulationKind::Gre, false));
    assert_eq!((sets[1].encapsulation, sets[1].second_hop), (EncapsulationKind::L2, true));
    assert_eq!(sets[1].drain_window, Duration::from_secs(5400));
}

fn one_vip(fields: &str) -> Vip {
    let vip = "address: 203.0.113.10, port: 80, protocol: tcp";
    let config = Config::parse("f.yaml", &SMALL.replace(vip, fields)).unwrap();
    assert_eq!(config.warnings(), []);
    config.vips()[0].clone()
}

#[test]
fn ports_and_prefixes() {
    for (port, expected, shown) in [
        ("80", Ports::One(80), "80"),
        ("8000-8999", Ports::Range(8000, 8999), "8000-8999"),
        ("\"8000-8999\"", Ports::Range(8000, 8999), "8000-8999"),
        ("1-65535", Ports::Range(1, 65_535), "1-65535"),
        ("any", Ports::Any, "any"),
    ] {
        let ports = one_vip(&format!("address: 203.0.113.10, protocol: tcp, port: {port}")).ports;
        assert_eq!(ports, expected);
        assert_eq!(ports.to_string(), shown);
    }
    assert_eq!(Ports::Any.bounds(), (0, 65_535));
    for address in ["203.0.113.128/25", "11.0.0.0/8", "203.0.113.10/32", "2001:db8::/32", "2001:db8::10/128"]
    {
        let vip = one_vip(&format!("address: \"{address}\", protocol: tcp, port: 80"));
        assert_eq!(vip.address, address.parse().unwrap());
    }
}

#[test]
fn affinities() {
    let affinity =
        |fields: &str| one_vip(&format!("address: 203.0.113.10, port: 80, protocol: {fields}")).affinity;
    let seconds = Duration::from_secs;
    assert_eq!(affinity("tcp, affinity: {type: none}"), Affinity::None);
    assert_eq!(affinity("udp, affinity: {type: flow}"), Affinity::Flow { timeout: seconds(120) });
    assert_eq!(affinity("udp, affinity: {type: flow, timeout: 1s}"), Affinity::Flow { timeout: seconds(1) });
    assert_eq!(affinity("tcp, affinity: {type: client_ip}"), Affinity::ClientIp { timeout: seconds(10_800) });
    let day = Affinity::ClientIp { timeout: seconds(86_400) };
    assert_eq!(affinity("udp, affinity: {type: client_ip, timeout: 24h}"), day);
    assert_eq!((day.as_str(), day.timeout()), ("client_ip", Some(seconds(86_400))));
}

#[test]
fn flow_entries_are_a_power_of_two() {
    for (written, expected) in [(4, 4), (5, 8), (4096, 4096), (4097, 8192), (262_144, 262_144)] {
        let vip =
            one_vip(&format!("address: 203.0.113.10, port: 80, protocol: tcp, flow_entries: {written}"));
        assert_eq!(vip.flow_entries, Some(expected));
    }
    // Whole buckets.
    let text = SMALL.replace("interfaces:", "limits: {flows: 1025}\ninterfaces:");
    assert_eq!(Config::parse("f.yaml", &text).unwrap().limits().flows, 1028);
}

#[test]
fn flow_entries_that_the_second_hop_spares_are_a_warning() {
    let text =
        SMALL.replace("name: web,", "name: web, second_hop: true,").replace("tcp,", "tcp, flow_entries: 64,");
    let config = Config::parse("f.yaml", &text).unwrap();
    let expected = "f.yaml:6:68: vips[0].flow_entries: is never used: the set has `second_hop`, so that its backends look \
        after the flows";
    assert_eq!(config.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
}

#[test]
fn sources_are_of_the_family_of_the_vip() {
    let sources = |address: &str, sources: &str| {
        let fields = format!("address: \"{address}\", port: 80, protocol: tcp, sources: {sources}");
        one_vip(&fields).sources.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(one_vip("address: 203.0.113.10, port: 80, protocol: tcp").sources, Vec::<ipnet::IpNet>::new());
    assert_eq!(sources("203.0.113.10", "[]"), Vec::<String>::new());
    let v4 = "[198.51.100.0/24, 198.51.100.7, 0.0.0.0/0, 255.255.255.255/32]";
    let read = ["198.51.100.0/24", "198.51.100.7/32", "0.0.0.0/0", "255.255.255.255/32"];
    assert_eq!(sources("203.0.113.0/24", v4), read);
    assert_eq!(
        sources("2001:db8::10", "[\"::/0\", 2001:db8:1::/48, fe80::1]"),
        ["::/0", "2001:db8:1::/48", "fe80::1/128"]
    );
    let most: Vec<String> = (0..1024).map(|n| format!("10.{}.{}.0/24", n / 256, n % 256)).collect();
    assert_eq!(sources("203.0.113.10", &format!("[{}]", most.join(", "))), most);
}

#[test]
fn l2_serves_vips_of_its_own_family() {
    let text = SMALL.replace("name: web,", "name: web, encapsulation: l2,");
    assert_eq!(Config::parse("f.yaml", &text).unwrap().warnings(), []);
}

#[test]
fn examples_are_accepted_as_they_stand() {
    let config = Config::parse("lb-dataplane.yaml", EXAMPLE).unwrap();
    assert_eq!(config.warnings(), []);
    assert_eq!(config.vips()[2].protocol, Protocol::Udp);
    assert_eq!(config.vips()[2].backend_set.table_size, TableSize::Small);
    assert_eq!(config.vips()[3].ports, Ports::Range(8000, 8999));
    assert_eq!(config.vips()[3].backend_set.encapsulation, EncapsulationKind::Gue);
    assert_eq!(config.backend_sets()[0].backends[1].weight, 2);
    let followed = Config::parse("lb-dataplane-controller.yaml", CONTROLLER_EXAMPLE).unwrap();
    assert_eq!(followed.warnings(), []);
    assert!(followed.controller().unwrap().bgp_config.is_some());
    // The two show every field, bar those that only another choice has.
    let absent: Vec<&str> = ALL_FIELDS
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .filter(|name| [EXAMPLE, CONTROLLER_EXAMPLE].iter().all(|text| !text.contains(&format!("{name}:"))))
        .collect();
    assert_eq!(absent, Vec::<&str>::new());
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

/// Prints how long it takes: `cargo test --release -p guideway-dataplane-config hundred_thousand -- --nocapture`. In a
/// debug build there are fewer.
#[test]
fn a_hundred_thousand_vips_over_a_thousand_sets() {
    const VIPS: usize = if cfg!(debug_assertions) { 10_000 } else { 100_000 };
    let mut text = String::from(
        "seed: 000102030405060708090a0b0c0d0e0f\ninterfaces: [{name: up0}]\n\
         limits: {vips: 131072, backends: 32768, tables_65537: 4000, flows: 4194304}\nbackend_sets:\n",
    );
    for set in 0..1000 {
        writeln!(
            text,
            "  - name: set-{set}\n    encapsulation: gue\n    health_check: {{type: tcp, port: 80}}"
        )
        .unwrap();
        text.push_str("    backends:\n");
        for backend in 0..16 {
            let (high, low) = (set / 250 * 16 + backend, set % 250);
            writeln!(text, "      - {{name: be-{set}-{backend}, address: 10.{high}.{low}.2, weight: 10}}")
                .unwrap();
        }
    }
    text.push_str("vips:\n");
    for vip in 0..VIPS {
        let (address, port) = match (vip % 100, vip / 100) {
            // Nested ranges, as many on one address as there are.
            (0, n) => ("203.0.0.1".to_owned(), format!("{}-{}", 1 + n, 65_535 - n)),
            (1, n) => (format!("198.{}.{}.0/28", 18 + n / 250, n % 250), "any".to_owned()),
            (i, n) => (format!("203.{i}.{}.{}", n / 250, n % 250), "443".to_owned()),
        };
        let set = vip % 1000;
        let vip = format!("name: vip-{vip}, address: {address}, port: {port}, protocol: tcp");
        writeln!(text, "  - {{{vip}, backend_set: set-{set}, flow_entries: 32}}").unwrap();
    }
    let start = std::time::Instant::now();
    let config = Config::parse("f.yaml", &text).unwrap();
    eprintln!("{} bytes parsed in {:?}", text.len(), start.elapsed());
    assert_eq!((config.vips().len(), config.backend_sets().len()), (VIPS, 1000));
    assert_eq!(config.warnings(), []);
}

const NODE: &str = "\
interfaces: [{name: up0}]
controller:
  addresses: [Controller-0.example:9443, 192.0.2.1:9443, \"[2001:db8::1]:9443\"]
  name: fw-1
  zone: a
  labels: {rack: r1, guideway.dev/role: edge, empty: \"\"}
  certificate: /etc/guideway/tls.crt
  key: /etc/guideway/tls.key
  ca: /etc/guideway/ca.crt
";

#[test]
fn a_file_with_a_controller_has_no_services() {
    let config = Config::parse("f.yaml", NODE).unwrap();
    let controller = config.controller().unwrap();
    let addresses: Vec<String> = controller.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["controller-0.example:9443", "192.0.2.1:9443", "[2001:db8::1]:9443"]);
    assert_eq!((controller.name.as_str(), controller.zone.as_deref()), ("fw-1", Some("a")));
    assert_eq!(controller.labels.len(), 3);
    assert_eq!(controller.bgp_config, None);
    assert_eq!(controller.relay, Some("[::]:9490".parse().unwrap()));
    for (text, relay) in [("off", None), ("192.0.2.1:1", Some("192.0.2.1:1".parse().unwrap()))] {
        let config = Config::parse("f.yaml", &format!("{NODE}  relay: {text}\n")).unwrap();
        assert_eq!(config.controller().unwrap().relay, relay);
    }
    assert!(config.vips().is_empty() && config.warnings().is_empty());
    for (field, value) in [
        ("seed", "000102030405060708090a0b0c0d0e0f"),
        ("backend_sets", "[]"),
        ("vips", "[]"),
        ("pools", "[]"),
    ] {
        let text = format!("{NODE}{field}: {value}\n");
        let errors = Config::parse("f.yaml", &text).unwrap_err().to_string();
        let expected =
            format!("f.yaml:10:1: {field}: comes from the controller: remove it, or remove `controller`");
        assert_eq!(errors, expected);
    }
}
