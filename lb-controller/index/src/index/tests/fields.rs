//! Each field of a Service, one by one.

use std::time::Duration;

use guideway_controller_core::Content;
use guideway_dataplane_config::{Affinity, EncapsulationKind, Ports, Probe, Protocol, TableSize};
use serde_json::json;

use super::world::*;

const V4: &str = "east/shop/web/80/v4";

#[test]
fn a_service_of_one_port() {
    let mut world = web(|_| {});
    assert!(world.project().vips().is_empty(), "an address is served when it is recorded, not before");
    let content = world.settle();
    content.check().unwrap();
    assert_eq!(world.addresses("web"), ["203.0.113.0"]);
    let vip = vip(&content, V4);
    assert_eq!(vip.address, "203.0.113.0/32".parse().unwrap());
    assert_eq!((vip.ports, vip.protocol), (Ports::One(80), Protocol::Tcp));
    assert_eq!((vip.owner.as_str(), vip.shard.as_str(), vip.set.as_str()), ("east/shop/web", "*", V4));
    assert!(vip.advertise.bgp && vip.advertise.l2.is_none() && vip.sources.is_empty());
    assert_eq!(backends(&content, V4), ["shop/web-0=1", "shop/web-1=1"]);
    let set = set(&content, V4);
    assert_eq!((set.encapsulation, set.second_hop), (EncapsulationKind::Gue, true));
    assert_eq!((set.table_size, set.drain_window), (TableSize::Small, Duration::from_secs(600)));
    assert!(set.health_check.is_none());
    assert!(world.told("203.0.113.0"));
}

#[test]
fn other_types_and_classes_are_somebody_elses() {
    for (field, value) in [
        ("type", json!("ClusterIP")),
        ("type", json!("NodePort")),
        ("type", json!(null)),
        ("loadBalancerClass", json!("example.com/other")),
    ] {
        let mut world = web(|web| web["spec"][field] = value.clone());
        let before = world.objects.clone();
        assert!(world.settle().vips().is_empty(), "{field}: {value}");
        assert_eq!(world.objects, before, "nothing is written to it");
    }
}

#[test]
fn classes_are_configured_for_each_cluster() {
    for (own, classless, class, ours) in [
        (None, true, None, true),
        (None, false, None, false),
        (None, false, Some("guideway.dev/load-balancer"), true),
        (Some("example.com/lb"), false, Some("example.com/lb"), true),
        (Some("example.com/lb"), true, Some("guideway.dev/load-balancer"), false),
        (Some("example.com/lb"), true, None, true),
    ] {
        let mut world = web(|web| web["spec"]["loadBalancerClass"] = json!(class));
        let mut spec = spec();
        spec.load_balancer_class = own.map(str::to_owned);
        spec.default_class = classless;
        world.index.apply(crate::Change::Cluster(cluster("east"), Box::new(spec)));
        assert_eq!(!world.settle().vips().is_empty(), ours, "{own:?} {classless} {class:?}");
    }
}

#[test]
fn namespaces_of_a_cluster_can_be_chosen() {
    let mut world = web(|_| {});
    let mut spec = spec();
    spec.namespaces.insert("other".to_owned());
    world.index.apply(crate::Change::Cluster(cluster("east"), Box::new(spec)));
    assert!(world.settle().vips().is_empty());
}

#[test]
fn all_ports_and_protocols() {
    let mut world = World::new();
    let mut web = service("web");
    web["spec"]["ports"] = json!([
        {"name": "http", "port": 80, "protocol": "TCP"},
        {"name": "https", "port": 443},
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
        {"name": "signal", "port": 3868, "protocol": "SCTP"},
    ]);
    world.put("east", "Service", web);
    let mut all = slice("web", "a", &[endpoint("10.1.0.1", "web-0", "n1")]);
    all["ports"] = json!([
        {"name": "http", "port": 8080}, {"name": "https", "port": 8443},
        {"name": "dns", "port": 5353, "protocol": "UDP"}, {"name": "dns-tcp", "port": 5353, "protocol": "TCP"},
        {"name": "signal", "port": 3868, "protocol": "SCTP"}
    ]);
    world.put("east", "EndpointSlice", all);
    let content = world.settle();
    content.check().unwrap();
    let names = ["dns-tcp", "dns", "http", "https"].map(|port| format!("east/shop/web/{port}/v4"));
    assert_eq!(vips(&content), names);
    assert_eq!(vip(&content, &names[1]).protocol, Protocol::Udp);
    assert!(world.told("SCTP cannot be balanced"));
}

#[test]
fn four_hundred_ports() {
    let mut world = World::new();
    let mut web = service("web");
    let ports = |target: bool| -> Vec<serde_json::Value> {
        let port = |n| json!({"name": format!("p{n}"), "port": if target { 20_000 + n } else { 10_000 + n }});
        (0..400).map(port).collect()
    };
    web["spec"]["ports"] = json!(ports(false));
    world.put("east", "Service", web);
    let mut all = slice("web", "a", &[endpoint("10.1.0.1", "web-0", "n1")]);
    all["ports"] = json!(ports(true));
    world.put("east", "EndpointSlice", all);
    let content = world.settle();
    assert_eq!((content.vips().len(), content.sets().len()), (400, 1));
    assert_eq!(world.addresses("web").len(), 1);
}

/// The set of each VIP, by the names of their ports.
fn set_of_ports(content: &Content) -> Vec<(String, String)> {
    let port = |name: &str| name.split('/').nth(3).unwrap().to_owned();
    content.vips().values().map(|vip| (port(vip.name.as_str()), port(vip.set.as_str()))).collect()
}

#[test]
fn ports_with_the_same_backends_have_one_set() {
    let mut world = World::new();
    let mut web = service("web");
    // In any order: the lowest one gives the name.
    let ports = [
        json!({"name": "https", "port": 443, "targetPort": "https"}),
        json!({"name": "quic", "port": 443, "protocol": "UDP", "targetPort": "https"}),
        json!({"name": "http", "port": 80, "targetPort": "http"}),
    ];
    web["spec"]["ports"] = json!(ports);
    let slice = |name: &str, endpoints: &[serde_json::Value], ports: &[(&str, &str, u16)]| {
        let mut slice = slice("web", name, endpoints);
        let port = |(name, protocol, port): &(&str, &str, u16)| json!({"name": name, "port": port, "protocol": protocol});
        slice["ports"] = ports.iter().map(port).collect();
        slice
    };
    let all = [("http", "TCP", 8080), ("https", "TCP", 8443), ("quic", "UDP", 8443)];
    let first = endpoint("10.1.0.1", "web-0", "n1");
    world.put("east", "Service", web.clone());
    world.put("east", "EndpointSlice", slice("a", std::slice::from_ref(&first), &all));
    let content = world.settle();
    content.check().unwrap();
    let pairs = |pairs: [(&str, &str); 3]| pairs.map(|(port, set)| (port.to_owned(), set.to_owned()));
    assert_eq!(set_of_ports(&content), pairs([("http", "http"), ("https", "http"), ("quic", "http")]));
    web["spec"]["ports"].as_array_mut().unwrap().reverse();
    world.put("east", "Service", web.clone());
    assert_eq!(world.settle().digest(), content.digest(), "the order of ports does not matter");

    // One port that a Pod does not have.
    let second = endpoint("10.1.0.2", "web-1", "n1");
    world.put("east", "EndpointSlice", slice("b", std::slice::from_ref(&second), &all[1..]));
    let apart = world.settle();
    assert_eq!(set_of_ports(&apart), pairs([("http", "http"), ("https", "https"), ("quic", "https")]));
    let backends = |port: &str| set(&apart, &format!("east/shop/web/{port}/v4")).backends.len();
    assert_eq!((backends("http"), backends("https")), (1, 2));
    // And the other way round: names say nothing about who it was before.
    world.put("east", "EndpointSlice", slice("b", &[second], &all));
    assert_eq!(set_of_ports(&world.settle()), set_of_ports(&content));

    // Checks of other ports are other checks.
    web["metadata"]["annotations"] = json!({"guideway.dev/health-check": "tcp"});
    world.put("east", "Service", web);
    let checked = world.settle();
    let apart = pairs([("http", "http"), ("https", "https"), ("quic", "https")]);
    assert_eq!(set_of_ports(&checked), apart);
}

#[test]
fn session_affinity() {
    let client = |seconds| Affinity::ClientIp { timeout: Duration::from_secs(seconds) };
    for (spec, expected, event) in [
        (json!({}), Affinity::None, false),
        (json!({"sessionAffinity": "None"}), Affinity::None, false),
        (json!({"sessionAffinity": "ClientIP"}), client(10_800), false),
        (
            json!({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}}),
            client(60),
            false,
        ),
        (
            json!({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 0}}}),
            client(10_800),
            true,
        ),
    ] {
        let mut world =
            web(|web| web["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone()));
        assert_eq!(vip(&world.settle(), V4).affinity, expected, "{spec}");
        assert_eq!(world.told("InvalidService"), event);
    }
}

#[test]
fn affinity_of_annotations() {
    let annotated = |annotations: serde_json::Value, field: Option<&str>| {
        let mut world = web(|web| {
            web["metadata"]["annotations"] = annotations.clone();
            web["spec"]["sessionAffinity"] = json!(field);
        });
        let affinity = vip(&world.settle(), V4).affinity;
        (affinity, world.told("Invalid"))
    };
    let client = |seconds| Affinity::ClientIp { timeout: Duration::from_secs(seconds) };
    let both = json!({"guideway.dev/affinity": "client-ip", "guideway.dev/affinity-timeout": "1m"});
    assert_eq!(annotated(both.clone(), None), (client(60), false));
    assert_eq!(annotated(both, Some("ClientIP")), (client(10_800), true), "the field holds");
    let flow = json!({"guideway.dev/affinity": "flow"});
    assert_eq!(annotated(flow, None), (Affinity::None, true), "there is no port of UDP");
}

#[test]
fn source_ranges() {
    for (ranges, expected) in [
        (json!(null), Some(vec![])),
        (json!([]), Some(vec![])),
        (
            json!(["192.0.2.0/24", "198.51.100.7/24", "192.0.2.0/24"]),
            Some(vec!["192.0.2.0/24", "198.51.100.0/24"]),
        ),
        (json!(["0.0.0.0/0", "192.0.2.0/24"]), Some(vec![])),
        (json!(["192.0.2.0/24", "nonsense"]), Some(vec!["192.0.2.0/24"])),
        (json!(["nonsense"]), None),
        (json!(["2001:db8::/32"]), None),
        (json!(["::ffff:192.0.2.0/120"]), None),
    ] {
        let mut world = web(|web| web["spec"]["loadBalancerSourceRanges"] = ranges.clone());
        let content = world.settle();
        let sources =
            content.vips().get(V4).map(|vip| vip.sources.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(sources, expected.map(|nets| nets.into_iter().map(str::to_owned).collect()), "{ranges}");
        let reported = ranges.to_string().contains("nonsense") || ranges.to_string().contains(':');
        assert_eq!(world.told("loadBalancerSourceRanges"), reported, "{ranges}");
    }
}

#[test]
fn source_ranges_of_the_annotation_that_kube_proxy_knows() {
    let name = "service.beta.kubernetes.io/load-balancer-source-ranges";
    for (field, expected) in [(json!(null), "192.0.2.0/24"), (json!(["198.51.100.0/24"]), "198.51.100.0/24")]
    {
        let mut world = web(|web| {
            web["metadata"]["annotations"] = json!({name: "192.0.2.0/24"});
            web["spec"]["loadBalancerSourceRanges"] = field.clone();
        });
        assert_eq!(vip(&world.settle(), V4).sources, [expected.parse().unwrap()]);
    }
}

#[test]
fn more_source_ranges_than_fit_let_nobody_in() {
    let ranges: Vec<String> = (0..1025).map(|n| format!("10.{}.{}.0/24", n / 256, n % 256)).collect();
    let mut world = web(|web| web["spec"]["loadBalancerSourceRanges"] = json!(ranges));
    assert!(world.settle().vips().is_empty());
    assert!(world.told("1025 prefixes"));
}

#[test]
fn families() {
    for (families, policy, expected) in [
        (json!(["IPv4"]), "SingleStack", vec!["203.0.113.0"]),
        (json!(["IPv6"]), "SingleStack", vec!["2001:db8::"]),
        (json!(["IPv4", "IPv6"]), "RequireDualStack", vec!["203.0.113.0", "2001:db8::"]),
        (json!(["IPv6", "IPv4"]), "RequireDualStack", vec!["2001:db8::", "203.0.113.0"]),
        (json!(["IPv4", "IPv6"]), "PreferDualStack", vec!["203.0.113.0", "2001:db8::"]),
        (json!(["IPv4"]), "PreferDualStack", vec!["203.0.113.0"]),
        (json!(null), "SingleStack", vec!["203.0.113.0"]),
    ] {
        let mut world = web(|web| {
            web["spec"]["ipFamilies"] = families.clone();
            web["spec"]["ipFamilyPolicy"] = json!(policy);
        });
        let mut v6 = slice("web", "v6", &[endpoint("fd00::1", "web-0", "n1")]);
        v6["addressType"] = json!("IPv6");
        world.put("east", "EndpointSlice", v6);
        let content = world.settle();
        content.check().unwrap();
        assert_eq!(world.addresses("web"), expected, "{families} {policy}");
        assert_eq!(content.vips().len(), expected.len());
        for name in vips(&content) {
            let found = backends(&content, &name).len();
            assert_eq!(found, if name.ends_with("v6") { 1 } else { 2 }, "{name}");
        }
    }
}

#[test]
fn a_second_family_comes_without_taking_the_first_away() {
    let mut world = web(|_| {});
    world.settle();
    let mut both = service("web");
    both["spec"]["ipFamilies"] = json!(["IPv4", "IPv6"]);
    both["spec"]["ipFamilyPolicy"] = json!("RequireDualStack");
    world.put("east", "Service", both);
    assert_eq!(vips(&world.project()), [V4], "it is served while the other address is not recorded");
    world.settle();
    assert_eq!(world.addresses("web"), ["203.0.113.0", "2001:db8::"]);
}

#[test]
fn fields_that_say_nothing_about_traffic_from_outside_change_nothing() {
    let plain = web(|_| {}).settle();
    for (field, value) in [
        ("internalTrafficPolicy", json!("Local")),
        ("internalTrafficPolicy", json!("Cluster")),
        ("allocateLoadBalancerNodePorts", json!(false)),
        ("externalTrafficPolicy", json!("Local")), // in Pod mode
        ("healthCheckNodePort", json!(30_000)),
        ("trafficDistribution", json!("PreferClose")),
        ("clusterIP", json!("10.96.0.1")),
        ("externalIPs", json!(["192.0.2.1"])),
    ] {
        let content = web(|web| web["spec"][field] = value.clone()).settle();
        assert_eq!(content.digest(), plain.digest(), "{field}: {value}");
    }
    let ports = web(|web| web["spec"]["ports"][0]["nodePort"] = json!(31_000)).settle();
    assert_eq!(ports.digest(), plain.digest());
}

#[test]
fn annotations_change_how_packets_travel() {
    let mut world = web(|web| {
        web["metadata"]["annotations"] = json!({
            "guideway.dev/encapsulation": "ipip", "guideway.dev/second-hop": "false",
            "guideway.dev/table-size": "65537", "guideway.dev/drain-window": "30s",
            "guideway.dev/flow-entries": "100", "guideway.dev/weights": "web-0=3",
            "guideway.dev/health-check": "tcp", "guideway.dev/ip-mode": "Proxy", "guideway.dev/nonsense": "1"
        });
    });
    let content = world.settle();
    content.check().unwrap();
    let set = set(&content, V4);
    assert_eq!((set.encapsulation, set.second_hop), (EncapsulationKind::IpIp, false));
    assert_eq!((set.table_size, set.drain_window), (TableSize::Large, Duration::from_secs(30)));
    assert_eq!(backends(&content, V4), ["shop/web-0=3", "shop/web-1=1"]);
    let check = set.health_check.as_ref().unwrap();
    assert_eq!((&check.probe, check.port.get()), (&Probe::Tcp, 8080), "the port to which packets go");
    assert_eq!(vip(&content, V4).flow_entries, Some(128));
    let id = ("east".to_owned(), "Service", "shop/web".to_owned());
    assert_eq!(world.objects[&id]["status"]["loadBalancer"]["ingress"][0]["ipMode"], "Proxy");
    assert!(world.told("guideway.dev/nonsense"));
}

#[test]
fn a_policy_says_what_annotations_do_not() {
    let mut world = web(|web| {
        web["metadata"]["annotations"] =
            json!({"guideway.dev/encapsulation": "gre", "guideway.dev/backend-policy": "slow"});
    });
    let policy = |name: &str, spec| resource("guideway.dev", "BackendPolicy", name, spec);
    assert!(world.index.apply(policy("slow", json!({"encapsulation": "ipip", "drainWindow": "20s"}))));
    world.index.apply(policy("all", json!({"drainWindow": "40s", "tableSize": 65537, "services": {}})));
    let set = set(&world.settle(), V4).clone();
    assert_eq!(set.encapsulation, EncapsulationKind::Gre, "the annotation");
    assert_eq!(set.drain_window, Duration::from_secs(20), "the policy that it names");
    assert_eq!(set.table_size, TableSize::Large, "the policy that is for it");
}

#[test]
fn what_is_named_and_missing_is_an_event() {
    let mut world = web(|web| {
        web["metadata"]["annotations"] =
            json!({"guideway.dev/backend-policy": "gone", "guideway.dev/shard": "lost"});
    });
    assert_eq!(vips(&world.settle()), [V4]);
    assert!(world.told("BackendPolicy gone") && world.told("Shard lost"));
}

#[test]
fn events_are_told_once() {
    let mut world = web(|web| web["metadata"]["annotations"] = json!({"guideway.dev/nonsense": "1"}));
    world.settle();
    let nonsense =
        |world: &World| world.events.iter().filter(|event| event.message.contains("nonsense")).count();
    assert_eq!(nonsense(&world), 1);
    world.put("east", "EndpointSlice", slice("web", "b", &[endpoint("10.1.0.3", "web-3", "n1")]));
    world.settle();
    assert_eq!(nonsense(&world), 1);
}
