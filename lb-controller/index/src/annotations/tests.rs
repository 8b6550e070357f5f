use std::num::{NonZeroU8, NonZeroU16};

use guideway_dataplane_config::Probe;

use super::*;

fn of(pairs: &[(&str, &str)]) -> (Annotations, Vec<Problem>) {
    parse(&pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
}

/// One annotation of ours.
fn one(name: &str, text: &str) -> (Annotations, Vec<Problem>) {
    of(&[(&format!("{PREFIX}{name}"), text)])
}

#[test]
fn every_annotation_is_read() {
    let day = |seconds| Duration::from_secs(seconds);
    let nothing = Annotations::default;
    for (name, text, expected) in [
        ("endpoint-mode", "Pod", Annotations { endpoint_mode: Some(EndpointMode::Pod), ..nothing() }),
        ("endpoint-mode", "Node", Annotations { endpoint_mode: Some(EndpointMode::Node), ..nothing() }),
        ("backend-policy", "slow", Annotations { backend_policy: Some("slow".into()), ..nothing() }),
        ("encapsulation", "ipip", Annotations { encapsulation: Some(EncapsulationKind::IpIp), ..nothing() }),
        ("encapsulation", "gue", Annotations { encapsulation: Some(EncapsulationKind::Gue), ..nothing() }),
        ("encapsulation", "gre", Annotations { encapsulation: Some(EncapsulationKind::Gre), ..nothing() }),
        ("encapsulation", "l2", Annotations { encapsulation: Some(EncapsulationKind::L2), ..nothing() }),
        ("second-hop", "true", Annotations { second_hop: Some(true), ..nothing() }),
        ("affinity", "none", Annotations { affinity: Some(AffinityChoice::None), ..nothing() }),
        ("affinity", "flow", Annotations { affinity: Some(AffinityChoice::Flow(day(120))), ..nothing() }),
        (
            "affinity",
            "client-ip",
            Annotations { affinity: Some(AffinityChoice::ClientIp(day(10_800))), ..nothing() },
        ),
        ("table-size", "65537", Annotations { table_size: Some(TableSize::Large), ..nothing() }),
        ("drain-window", "1m30s", Annotations { drain_window: Some(day(90)), ..nothing() }),
        ("flow-entries", "1000", Annotations { flow_entries: Some(1024), ..nothing() }),
        ("shard", "gold", Annotations { shard: Some("gold".into()), ..nothing() }),
        ("ip-mode", "Proxy", Annotations { ip_mode: Some(IpMode::Proxy), ..nothing() }),
        ("health-check", "none", Annotations { health_check: Some(HealthCheckPolicy::Off), ..nothing() }),
        (
            "health-check",
            "tcp",
            Annotations { health_check: Some(health::check(Probe::Tcp, None)), ..nothing() },
        ),
        (
            "weights",
            "web-0=3, *=0",
            Annotations {
                weights: Weights { named: BTreeMap::from([("web-0".to_owned(), 3)]), rest: Some(0) },
                ..nothing()
            },
        ),
    ] {
        assert_eq!(one(name, text), (expected, vec![]), "{name}: {text}");
    }
}

#[test]
fn a_health_check_of_many_annotations() {
    let (annotations, problems) = of(&[
        ("guideway.dev/health-check", "http"),
        ("guideway.dev/health-check-port", "10256"),
        ("guideway.dev/health-check-path", "/healthz"),
        ("guideway.dev/health-check-host", "probe.example"),
        ("guideway.dev/health-check-expect", "200"),
        ("guideway.dev/health-check-interval", "2s"),
        ("guideway.dev/health-check-timeout", "100ms"),
        ("guideway.dev/health-check-rise", "1"),
        ("guideway.dev/health-check-fall", "9"),
    ]);
    let probe =
        Probe::Http { path: "/healthz".into(), host: Some("probe.example".into()), expect: 200..=200 };
    let expected = HealthCheckPolicy::On {
        probe,
        port: NonZeroU16::new(10256),
        interval: Duration::from_secs(2),
        timeout: Duration::from_millis(100),
        rise: NonZeroU8::MIN,
        fall: NonZeroU8::new(9).unwrap(),
    };
    assert_eq!((annotations.health_check, problems), (Some(expected), vec![]));
}

#[test]
fn a_wrong_value_is_named_and_counts_as_absent() {
    for (name, text, part) in [
        ("endpoint-mode", "pods", "is not one of Pod, Node"),
        ("endpoint-mode", "", "is not one of"),
        ("encapsulation", "vxlan", "ipip, gue, gre, l2"),
        ("second-hop", "yes", "true, false"),
        ("affinity", "sticky", "none, flow, client-ip"),
        ("table-size", "65536", "65537, 16381"),
        ("drain-window", "10", "no time from 1s to 1day"),
        ("drain-window", "0s", "no time from"),
        ("drain-window", "2d", "no time from"),
        ("flow-entries", "3", "no number from 4 to 67108864"),
        ("flow-entries", "-4", "no number"),
        ("flow-entries", "99999999999999999999", "no number"),
        ("shard", " gold", "is no name"),
        ("ip-mode", "vip", "VIP, Proxy"),
        ("health-check", "icmp", "none, tcp, http"),
        ("weights", "web-0", "is not as in web-0=3"),
        ("weights", "web-0=3,web-0=4", "twice"),
        ("weights", "web-0=65536", "is not as in"),
        ("weights", ",", "is empty"),
        ("endpoint-mod", "Pod", "write guideway.dev/endpoint-mode or remove it"),
        ("weight", "3", "belongs on an EndpointSlice"),
        ("zzz", "3", "remove it"),
    ] {
        let (annotations, problems) = one(name, text);
        assert_eq!(annotations, Annotations::default(), "{name}: {text}");
        assert_eq!(problems.len(), 1, "{name}: {text}: {problems:?}");
        assert_eq!(problems[0].annotation, format!("guideway.dev/{name}"));
        assert!(problems[0].reason.contains(part), "{}", problems[0].reason);
    }
}

#[test]
fn what_belongs_to_a_check_is_checked_with_it() {
    for (pairs, wrong) in [
        (&[("guideway.dev/health-check-port", "80")][..], "guideway.dev/health-check-port"),
        (
            &[("guideway.dev/health-check", "tcp"), ("guideway.dev/health-check-path", "/")],
            "guideway.dev/health-check-path",
        ),
        (
            &[("guideway.dev/health-check", "none"), ("guideway.dev/health-check-rise", "1")],
            "guideway.dev/health-check-rise",
        ),
        (
            &[("guideway.dev/health-check", "http"), ("guideway.dev/health-check-path", "x")],
            "guideway.dev/health-check-path",
        ),
        (
            &[("guideway.dev/health-check", "http"), ("guideway.dev/health-check-expect", "399-200")],
            "guideway.dev/health-check-expect",
        ),
        (
            &[("guideway.dev/health-check", "tcp"), ("guideway.dev/health-check-timeout", "2s")],
            "guideway.dev/health-check-timeout",
        ),
        (
            &[("guideway.dev/health-check", "ping"), ("guideway.dev/health-check-rise", "1")],
            "guideway.dev/health-check",
        ),
        (&[("guideway.dev/affinity-timeout", "2s")], "guideway.dev/affinity-timeout"),
    ] {
        let (_, problems) = of(pairs);
        let names: Vec<&str> = problems.iter().map(|problem| problem.annotation.as_str()).collect();
        assert_eq!(names, [wrong]);
    }
}

#[test]
fn one_wrong_annotation_leaves_the_others_alone() {
    let (annotations, problems) = of(&[
        ("guideway.dev/table-size", "1"),
        ("guideway.dev/shard", "gold"),
        ("metallb.io/loadBalancerIPs", "x"),
    ]);
    assert_eq!(annotations.shard.as_deref(), Some("gold"));
    assert_eq!(annotations.table_size, None);
    assert!(annotations.addresses.broken);
    assert_eq!(problems.len(), 2);
}

#[test]
fn metallb_is_understood_with_both_prefixes() {
    let (annotations, problems) = of(&[
        ("metallb.universe.tf/loadBalancerIPs", "203.0.113.9"),
        ("metallb.universe.tf/address-pool", "old"),
        ("metallb.io/address-pool", "new"),
        ("metallb.io/allow-shared-ip", "dns"),
        ("metallb.io/ip-allocated-from-pool", "web"),
        ("example.com/whatever", "x"),
    ]);
    let expected = AddressRequest {
        addresses: vec!["203.0.113.9".parse().unwrap()],
        pool: Some("new".into()),
        sharing_key: Some("dns".into()),
        broken: false,
    };
    assert_eq!((annotations.addresses, problems), (expected, vec![]));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_reported(name in "[a-z-]{0,20}", text in "\\PC{0,80}") {
        let (annotations, problems) = one(&name, &text);
        proptest::prop_assert!(problems.len() <= 1);
        if !problems.is_empty() {
            proptest::prop_assert_eq!(annotations, Annotations::default());
        }
        for known in NAMES {
            let _ = one(known, &text);
        }
    }
}
