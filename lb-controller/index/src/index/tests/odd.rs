//! Whatever objects say, the content that follows from them is one that forwarders take.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::*;
use crate::FINALIZER;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("http".to_owned()),
        Just("x".repeat(300)),
        Just("a\nb\u{202e}".to_owned()),
        Just(" ".to_owned()),
        "\\PC{0,12}",
    ]
}

/// Mostly the same, so that objects belong together.
fn mostly(usual: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(usual.to_owned()), 1 => text()]
}

fn address() -> impl Strategy<Value = String> {
    let odd = [
        "10.1.0.1",
        "10.1.0.2",
        "203.0.113.3",
        "0.0.0.0",
        "127.0.0.1",
        "224.0.0.1",
        "fd00::1",
        "::1",
        "fe80::1",
        "::ffff:10.0.0.1",
        "2001:db8::3",
        "255.255.255.255",
        "x",
        "",
    ];
    proptest::sample::select(odd.to_vec()).prop_map(str::to_owned)
}

fn port() -> impl Strategy<Value = i32> {
    prop_oneof![3 => Just(80), 1 => proptest::sample::select(vec![-1, 0, 1, 81, 65_535, 65_536, i32::MAX])]
}

fn protocol() -> impl Strategy<Value = Value> {
    let odd = vec![json!("TCP"), json!("UDP"), json!("SCTP"), json!("tcp"), json!("")];
    prop_oneof![3 => Just(json!(null)), 1 => proptest::sample::select(odd)]
}

/// An address for endpoints or for VIPs, mostly.
fn usual(usual: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(usual.to_owned()), 2 => address()]
}

fn annotation() -> impl Strategy<Value = (String, String)> {
    let names = [
        "endpoint-mode",
        "encapsulation",
        "weights",
        "affinity",
        "flow-entries",
        "health-check",
        "table-size",
        "shard",
    ];
    let values = [
        "Node",
        "Pod",
        "l2",
        "ipip",
        "*=0",
        "*=65535",
        "flow",
        "client-ip",
        "4",
        "67108864",
        "http",
        "tcp",
        "65537",
        "lb1",
    ];
    (proptest::sample::select(names.to_vec()), proptest::sample::select(values.to_vec()))
        .prop_map(|(name, value)| (format!("guideway.dev/{name}"), value.to_owned()))
}

fn service_object() -> impl Strategy<Value = Value> {
    let ports = prop::collection::vec((mostly("http"), port(), protocol()), 1..4);
    let record = prop::collection::vec(usual("203.0.113.3"), 0..4);
    let annotations = prop::collection::vec(annotation(), 0..4);
    let families =
        proptest::sample::select(vec![json!(null), json!(["IPv4"]), json!(["IPv6", "IPv4"]), json!(["x"])]);
    let policy = proptest::sample::select(vec!["SingleStack", "PreferDualStack", "RequireDualStack", "x"]);
    let ranges = prop::collection::vec(
        proptest::sample::select(vec![
            "10.0.0.0/8",
            "10.0.0.1/8",
            "::/0",
            "0.0.0.0/0",
            "::ffff:0:0/96",
            "::/64",
            "x",
            "fd00::/8",
        ]),
        0..3,
    );
    (mostly("web"), ports, record, annotations, families, policy, (ranges, any::<bool>(), port(), prop::bool::weighted(0.8))).prop_map(
        |(name, ports, record, annotations, families, policy, (ranges, local, health, finalizer))| {
            let ports: Vec<Value> =
                ports.iter().map(|(name, port, protocol)| json!({"name": name, "port": port, "protocol": protocol})).collect();
            let annotations: serde_json::Map<String, Value> =
                annotations.into_iter().map(|(name, value)| (name, json!(value))).collect();
            let record: Vec<Value> = record.iter().map(|ip| json!({"ip": ip})).collect();
            json!({
                "metadata": {
                    "namespace": "shop", "name": name, "annotations": annotations,
                    "finalizers": if finalizer { vec![FINALIZER] } else { vec![] }
                },
                "spec": {
                    "type": "LoadBalancer", "ports": ports, "ipFamilies": families, "ipFamilyPolicy": policy,
                    "loadBalancerSourceRanges": ranges, "healthCheckNodePort": health,
                    "externalTrafficPolicy": if local { "Local" } else { "Cluster" }
                },
                "status": {"loadBalancer": {"ingress": record}}
            })
        },
    )
}

fn slice_object() -> impl Strategy<Value = Value> {
    let endpoints = prop::collection::vec(
        (usual("10.1.0.1"), text(), prop::option::of(any::<bool>()), any::<bool>()),
        0..5,
    );
    let ports = prop::collection::vec((mostly("http"), prop::option::of(port()), protocol()), 1..3);
    let family = proptest::sample::select(vec!["IPv4", "IPv4", "IPv4", "IPv6", "FQDN", ""]);
    (mostly("web"), text(), family, endpoints, ports).prop_map(|(service, name, family, endpoints, ports)| {
        let endpoints: Vec<Value> = endpoints
            .iter()
            .map(|(address, pod, ready, ends)| {
                json!({
                    "addresses": [address], "nodeName": pod,
                    "conditions": {"ready": ready, "serving": true, "terminating": ends},
                    "targetRef": {"kind": "Pod", "namespace": "shop", "name": pod}
                })
            })
            .collect();
        let ports: Vec<Value> =
            ports.iter().map(|(name, port, protocol)| json!({"name": name, "port": port, "protocol": protocol})).collect();
        json!({
            "metadata": {"namespace": "shop", "name": name, "labels": {"kubernetes.io/service-name": service}},
            "addressType": family, "endpoints": endpoints, "ports": ports
        })
    })
}

fn node_object() -> impl Strategy<Value = Value> {
    (text(), address(), address()).prop_map(|(name, one, two)| {
        let mut node = node(&name, &one);
        node["status"]["addresses"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "InternalIP", "address": two}));
        node
    })
}

fn object() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        4 => service_object().prop_map(|object| ("Service", object)),
        4 => slice_object().prop_map(|object| ("EndpointSlice", object)),
        1 => node_object().prop_map(|object| ("Node", object)),
    ]
}

static SERVED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn odd_objects_give_a_content_that_forwarders_take() {
    any_objects();
    // Not only because nothing is ever served.
    assert!(SERVED.load(Ordering::Relaxed) > 10, "{SERVED:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    fn any_objects(objects in prop::collection::vec(object(), 4..24)) {
        let mut world = World::new();
        world.index.apply(pinned("lb1", &["lb1"]));
        for (kind, object) in &objects {
            world.index.apply(change("east", kind, object));
            let content = world.index.project().content;
            prop_assert_eq!(content.check(), Ok(()));
            SERVED.fetch_add(content.vips().len(), Ordering::Relaxed);
            world.index.settled(&content);
        }
    }
}
