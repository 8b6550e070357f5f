//! Services that a controller gives: what a file would be refused for.

use std::sync::Arc;
use std::time::Duration;

use super::SMALL;
use crate::{Affinity, Config, NextHop, Ports, Probe, Protocol, Services, Vip};

/// The services of the small file, with another VIP of the same set.
fn services() -> Services {
    let config = Config::parse("f.yaml", SMALL).unwrap();
    let first = config.vips()[0].clone();
    let second = Vip { name: "other".to_owned(), ports: Ports::Range(8000, 8999), ..first.clone() };
    Services {
        seed: *config.seed(),
        backend_sets: config.backend_sets().to_vec(),
        vips: vec![first, second],
        pools: vec!["203.0.113.0/24".parse().unwrap()],
    }
}

fn node(more: &str) -> Config {
    let text = format!(
        "interfaces: [{{name: up0}}]\n{more}controller: {{addresses: [c:9443], name: fw-1, certificate: /c, key: /k, ca: /a}}\n"
    );
    Config::parse("f.yaml", &text).unwrap()
}

fn errors(node: &Config, services: Services) -> Vec<String> {
    node.with_services(services).unwrap_err().iter().map(ToString::to_string).collect()
}

/// With another set in place of the one.
fn with_set(change: impl FnOnce(&mut crate::BackendSet)) -> Services {
    let mut services = services();
    let mut set = services.backend_sets[0].as_ref().clone();
    change(&mut set);
    let set = Arc::new(set);
    services.backend_sets = vec![set.clone()];
    for vip in &mut services.vips {
        vip.backend_set = set.clone();
    }
    services
}

fn with_vip(change: impl FnOnce(&mut Vip)) -> Services {
    let mut services = services();
    change(&mut services.vips[1]);
    services
}

#[test]
fn good_services_take_the_place_of_earlier_ones() {
    let node = node("");
    let joined = node.with_services(services()).unwrap();
    assert_eq!((joined.vips().len(), joined.pools().len()), (2, 1));
    assert_eq!(joined.seed(), Config::parse("f.yaml", SMALL).unwrap().seed());
    assert_eq!(joined.interfaces(), node.interfaces());
    assert_eq!(joined.controller(), node.controller());
    let without = Services { vips: Vec::new(), backend_sets: Vec::new(), pools: Vec::new(), ..services() };
    assert!(joined.with_services(without).unwrap().vips().is_empty());
    // A Service that has lost all of its endpoints.
    let empty = with_set(|set| set.backends = [].into());
    assert!(joined.with_services(empty).unwrap().vips()[0].backend_set.backends.is_empty());
}

#[test]
fn each_error_names_what_it_is_about() {
    let fixed = node("next_hop: {type: fixed, interface: up0, mac: \"02:00:00:00:00:01\"}\n");
    assert!(matches!(fixed.next_hop(), NextHop::Fixed { .. }));
    let set = services().backend_sets[0].name.clone();
    let of_set = |rest: &str| format!("set {set:?}: {rest}");
    let of_vip = |rest: &str| format!("VIP \"other\": {rest}");
    let first = services().vips[0].clone();
    let checked = with_set(|set| {
        set.health_check = Some(crate::HealthCheck {
            probe: Probe::Http { path: "x".to_owned(), host: None, expect: 80..=90 },
            port: 80.try_into().unwrap(),
            interval: Duration::from_millis(20),
            timeout: Duration::from_millis(30),
            rise: 1.try_into().unwrap(),
            fall: 1.try_into().unwrap(),
        });
    });
    let node = node("");
    let table: Vec<(Services, String)> = vec![
        (
            with_set(|set| set.drain_window = Duration::ZERO),
            of_set("drain_window: 0ms is out of range: 1s to 24h"),
        ),
        (checked.clone(), of_set("health_check.timeout: 30ms is longer than the interval of 20ms")),
        (checked.clone(), of_set("health_check.path: \"x\" does not start with `/`")),
        (checked, of_set("health_check.expect: 80 to 90 is out of range: 100 to 599, lowest first")),
        (
            with_set(|set| Arc::make_mut(&mut set.backends)[0].address = "127.0.0.1".parse().unwrap()),
            format!("set {set:?}, backend \"be1\": address: 127.0.0.1 is a loopback address"),
        ),
        (
            with_set(|set| set.backends = [set.backends[0].clone(), set.backends[0].clone()].into()),
            format!("set {set:?}, backend \"be1\": name: is that of another backend of the set already"),
        ),
        (with_vip(|vip| vip.name.clone_from(&first.name)), format!("VIP {:?}: name: is that of", first.name)),
        (
            with_vip(|vip| vip.name = "a\nb".to_owned()),
            "VIP \"a\\nb\": name: holds the unprintable".to_owned(),
        ),
        (with_vip(|vip| vip.ports = first.ports), of_vip("port: 203.0.113.10 port 80 tcp is the VIP")),
        (with_vip(|vip| vip.ports = Ports::One(0)), of_vip("port: 0 is no port")),
        (with_vip(|vip| vip.ports = Ports::Range(9, 9)), of_vip("port: 9-9 is no range")),
        (
            with_vip(|vip| vip.address = "10.1.11.2/32".parse().unwrap()),
            of_vip("address: 10.1.11.2 has the address 10.1.11.2 of a backend"),
        ),
        (
            with_vip(|vip| vip.address = "10.1.0.0/16".parse().unwrap()),
            of_vip("address: 10.1.0.0/16 has the address 10.1.11.2 of a backend"),
        ),
        (
            with_vip(|vip| vip.affinity = Affinity::Flow { timeout: Duration::from_secs(10) }),
            of_vip("affinity.type: `flow` is for udp only"),
        ),
        (
            with_vip(|vip| vip.affinity = Affinity::ClientIp { timeout: Duration::ZERO }),
            of_vip("affinity.timeout: 0ms is out of range: 1s to 24h"),
        ),
        (with_vip(|vip| vip.flow_entries = Some(5)), of_vip("flow_entries: 5 is no power of two")),
        (
            with_vip(|vip| (vip.protocol, vip.flow_entries) = (Protocol::Udp, Some(8))),
            of_vip("flow_entries: a VIP of udp without affinity"),
        ),
        (
            with_vip(|vip| vip.sources = vec!["2001:db8::/48".parse().unwrap()]),
            of_vip("sources: 2001:db8::/48 is of another family than the VIP"),
        ),
        (
            with_vip(|vip| vip.backend_set = Arc::new(vip.backend_set.as_ref().clone())),
            of_vip("backend_set: the set"),
        ),
        (
            Services { pools: vec!["203.0.113.1/24".parse().unwrap()], ..services() },
            "pool 203.0.113.1/24: pools: 203.0.113.1/24 has bits set beyond its length".to_owned(),
        ),
    ];
    for (services, expected) in table {
        let errors = errors(&node, services);
        assert!(errors.iter().any(|error| error.starts_with(&expected)), "{expected}: {errors:#?}");
    }
    let l2 = with_set(|set| set.encapsulation = crate::EncapsulationKind::L2);
    assert!(errors(&fixed, l2)[0].starts_with(&of_set("encapsulation: l2 sends to the backend itself")));
    let crossing = with_vip(|vip| vip.ports = Ports::Range(8000, 8999));
    let third = Vip { name: "third".to_owned(), ports: Ports::Range(8500, 9500), ..crossing.vips[1].clone() };
    let crossing = Services { vips: [crossing.vips.clone(), vec![third]].concat(), ..crossing };
    assert_eq!(
        errors(&node, crossing),
        [
            "VIP \"third\": port: 8500-9500 crosses 8000-8999 of the VIP \"other\": one must contain the other, or they must \
          have no port in common"
        ]
    );
}

#[test]
fn the_limits_of_the_node_count() {
    let node = node("limits: {vips: 1, backends: 2, tables_65537: 1, flows: 1024}\n");
    let mut services = services();
    services.vips[1].flow_entries = Some(2048);
    let errors = errors(&node, services);
    let fields = ["limits.vips", "limits.flows", "limits.tables_65537"];
    for field in fields {
        assert!(errors.iter().any(|error| error.starts_with(&format!("services: {field}: "))), "{errors:#?}");
    }
}

#[test]
fn entries_of_the_flow_table_are_taken_from_those_who_ask_for_the_most() {
    let of = |entries: &[Option<u32>], limit| {
        let mut services = services();
        let vip = services.vips[0].clone();
        let named = |(at, entries): (usize, &Option<u32>)| Vip {
            name: at.to_string(),
            flow_entries: *entries,
            ..vip.clone()
        };
        services.vips = entries.iter().enumerate().map(named).collect();
        let short = services.fit_flows(limit).into_iter().collect::<Vec<_>>().join(" ");
        (services.vips.iter().map(|vip| vip.flow_entries.unwrap_or(0)).collect::<Vec<_>>(), short)
    };
    type Case<'a> = (&'a [Option<u32>], u32, &'a [u32], &'a str);
    let cases: &[Case<'_>] = &[
        (&[], 0, &[], ""),
        (&[Some(512), None, Some(512)], 1024, &[512, 0, 512], ""),
        (&[Some(1 << 26), None, Some(512)], 1024, &[512, 0, 512], "0"),
        (&[Some(1 << 26), Some(1024), Some(4)], 1024, &[256, 256, 4], "0 1"),
        (&[Some(4), Some(4), Some(4)], 8, &[0, 0, 0], "0 1 2"),
    ];
    for (entries, limit, expected, short) in cases {
        assert_eq!(of(entries, *limit), (expected.to_vec(), (*short).to_owned()), "{entries:?} of {limit}");
    }
}

#[test]
fn many_errors_are_counted() {
    let mut services = services();
    let vip = services.vips[1].clone();
    services.vips.extend((0..1500).map(|_| vip.clone()));
    let errors = errors(&node(""), services);
    assert_eq!(errors.len(), 1001);
    assert!(errors[1000].ends_with("more errors are not listed"), "{}", errors[1000]);
}
