//! Objects as users write them.

use serde_json::{Value, json};

/// Pools, who announces them, forwarders, and how changes are made.
pub fn lab(namespace: &str) -> Vec<Value> {
    let object = |group: &str, kind: &str, name: &str, spec: Value| {
        let version = if group == "metallb.io" { "v1beta1" } else { "v1alpha1" };
        json!({
            "apiVersion": format!("{group}/{version}"), "kind": kind,
            "metadata": {"namespace": namespace, "name": name}, "spec": spec
        })
    };
    vec![
        object(
            "metallb.io",
            "IPAddressPool",
            "web",
            json!({"addresses": ["203.0.113.0/28", "2001:db8:10:1::/124"]}),
        ),
        object("metallb.io", "BGPAdvertisement", "all", json!({})),
        forwarder(namespace, "fw1"),
        forwarder(namespace, "fw2"),
        object("guideway.dev", "Rollout", "default", json!({})),
    ]
}

/// A forwarder that may connect.
pub fn forwarder(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "guideway.dev/v1alpha1", "kind": "Forwarder",
        "metadata": {"namespace": namespace, "name": name}, "spec": {}
    })
}

/// The ToR as one forwarder sees it: each has an AS number of its own.
pub fn peer(namespace: &str, forwarder: u8) -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta2", "kind": "BGPPeer",
        "metadata": {"namespace": namespace, "name": format!("tor-of-fw{forwarder}")},
        "spec": {
            "myASN": 65000 + u32::from(forwarder), "peerASN": 65000, "holdTime": "9s",
            "peerAddress": guideway_lab::addresses::Leg::forwarder(forwarder).tor_v4(),
            "nodeSelectors": [{"matchLabels": {"kubernetes.io/hostname": format!("fw{forwarder}")}}]
        }
    })
}

/// A Service without a selector: its slices are written by hand. Port 8080 goes to port 80 of the Pods.
pub fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "default", "name": name},
        "spec": {"type": "LoadBalancer", "ports": [{"name": "http", "port": 8080, "targetPort": 80}]}
    })
}

/// What Kubernetes says of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Ready,
    NotReady,
    /// Terminating, and serving.
    Drains,
}

/// A slice of Pods of one family, each with its address and node, and whether it is ready.
pub fn slice(service: &str, suffix: &str, pods: &[(&str, &str, bool)]) -> Value {
    let endpoint = |ready| if ready { Endpoint::Ready } else { Endpoint::NotReady };
    let pods: Vec<_> =
        pods.iter().map(|(address, node, ready)| (*address, *node, endpoint(*ready))).collect();
    slice_of(service, suffix, &pods)
}

/// [`slice`], with Pods that may drain as well.
pub fn slice_of(service: &str, suffix: &str, pods: &[(&str, &str, Endpoint)]) -> Value {
    let is_v6 = pods.first().is_some_and(|(address, ..)| address.contains(':'));
    let endpoints: Vec<Value> = pods
        .iter()
        .map(|(address, node, endpoint)| {
            json!({
                "addresses": [address], "nodeName": node,
                "conditions": {
                    "ready": *endpoint == Endpoint::Ready,
                    "serving": *endpoint != Endpoint::NotReady,
                    "terminating": *endpoint == Endpoint::Drains
                },
                "targetRef": {"kind": "Pod", "namespace": "default", "name": format!("pod-{}", address.replace(['.', ':'], "-"))}
            })
        })
        .collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "namespace": "default", "name": format!("{service}-{suffix}"),
            "labels": {"kubernetes.io/service-name": service}
        },
        "addressType": if is_v6 { "IPv6" } else { "IPv4" },
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        "endpoints": endpoints
    })
}

/// A ConfigMap of this many bytes.
pub fn config_map(name: &str, size: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": name},
        "data": {"text": "x".repeat(size)}
    })
}

/// A node that is ready, which may say that balancers shall leave it out.
pub fn node(name: &str, address: &str, is_left_out: bool) -> Value {
    let label = "node.kubernetes.io/exclude-from-external-load-balancers";
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": if is_left_out { json!({label: ""}) } else { json!({}) }},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}],
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Lab", "message": "",
                "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"
            }]
        }
    })
}

/// A shard of these forwarders.
pub fn shard(namespace: &str, name: &str, members: &[&str]) -> Value {
    json!({
        "apiVersion": "guideway.dev/v1alpha1", "kind": "Shard",
        "metadata": {"namespace": namespace, "name": name}, "spec": {"members": members}
    })
}

/// How changes go out.
pub fn rollout(namespace: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "guideway.dev/v1alpha1", "kind": "Rollout",
        "metadata": {"namespace": namespace, "name": "default"}, "spec": spec
    })
}

/// A pool that is answered for on the link alone, called `link`; the other one is announced to routers alone.
pub fn link(namespace: &str, prefixes: &[&str]) -> [Value; 3] {
    let object = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "metallb.io/v1beta1", "kind": kind,
            "metadata": {"namespace": namespace, "name": name}, "spec": spec
        })
    };
    [
        object("IPAddressPool", "link", json!({"addresses": prefixes, "autoAssign": false})),
        object("BGPAdvertisement", "all", json!({"ipAddressPools": ["web"]})),
        object("L2Advertisement", "link", json!({"ipAddressPools": ["link"]})),
    ]
}
