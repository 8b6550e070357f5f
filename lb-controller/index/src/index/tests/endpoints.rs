//! Endpoints of one Service, in both modes.

use guideway_dataplane_config::Probe;
use serde_json::{Value, json};

use super::world::*;

const V4: &str = "east/shop/web/80/v4";

/// The backends of `web` with these endpoints, the Service and its slice changed.
fn of(
    endpoints: &[Value],
    service: impl Fn(&mut Value),
    change: impl Fn(&mut Value),
) -> (Vec<String>, World) {
    let mut world = web(service);
    let mut slice = slice("web", "a", endpoints);
    change(&mut slice);
    world.put("east", "EndpointSlice", slice);
    let content = world.settle();
    content.check().unwrap();
    (backends(&content, V4), world)
}

fn with(number: u8, conditions: Value) -> Value {
    let mut endpoint = endpoint(&format!("10.1.0.{number}"), &format!("web-{number}"), &format!("n{number}"));
    endpoint["conditions"] = conditions;
    endpoint
}

#[test]
fn conditions() {
    let ready = json!({"ready": true, "serving": true, "terminating": false});
    let ends = json!({"ready": false, "serving": true, "terminating": true});
    for (name, one, two, expected) in [
        ("both ready", ready.clone(), ready.clone(), &["shop/web-1=1", "shop/web-2=1"][..]),
        ("nothing said counts as ready", json!(null), json!({}), &["shop/web-1=1", "shop/web-2=1"]),
        ("not ready", ready.clone(), json!({"ready": false}), &["shop/web-1=1"]),
        (
            "not ready though serving",
            ready.clone(),
            json!({"ready": false, "serving": true}),
            &["shop/web-1=1"],
        ),
        ("terminating and serving drains", ready.clone(), ends.clone(), &["shop/web-1=1", "shop/web-2=0"]),
        (
            "terminating and not serving",
            ready,
            json!({"ready": false, "serving": false, "terminating": true}),
            &["shop/web-1=1"],
        ),
        ("only those that end are left", ends.clone(), ends, &["shop/web-1=1", "shop/web-2=1"]),
        ("nobody", json!({"ready": false}), json!({"ready": false}), &[]),
    ] {
        let (found, _) = of(&[with(1, one), with(2, two)], |_| {}, |_| {});
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn addresses_that_are_not_ready_can_be_published() {
    let unready = [
        with(1, json!({"ready": false})),
        with(2, json!({"ready": false, "serving": false, "terminating": true})),
    ];
    let (found, _) = of(&unready, |web| web["spec"]["publishNotReadyAddresses"] = json!(true), |_| {});
    assert_eq!(found, ["shop/web-1=1", "shop/web-2=1"]);
    let (found, world) = of(&unready, |_| {}, |_| {});
    assert!(found.is_empty());
    let id = ("east".to_owned(), "Service", "shop/web".to_owned());
    let conditions = world.objects[&id]["status"]["conditions"].to_string();
    assert!(conditions.contains("NoEndpoints"), "{conditions}");
    assert_eq!(world.addresses("web"), ["203.0.113.0"], "the address stays");
}

#[test]
fn several_slices_are_one() {
    let mut world = web(|_| {});
    world.put("east", "EndpointSlice", slice("web", "b", &[endpoint("10.1.0.3", "web-2", "n1")]));
    // The same Pod in two slices, and one of both lags behind.
    let mut late = endpoint("10.1.0.2", "web-1", "n2");
    late["conditions"] = json!({"ready": false, "serving": true, "terminating": true});
    world.put("east", "EndpointSlice", slice("web", "c", &[late]));
    assert_eq!(backends(&world.settle(), V4), ["shop/web-0=1", "shop/web-1=1", "shop/web-2=1"]);
    world.delete("east", "EndpointSlice", "shop/web-a");
    assert_eq!(backends(&world.settle(), V4), ["shop/web-1=0", "shop/web-2=1"]);
}

#[test]
fn a_slice_can_move_to_another_service() {
    let mut world = web(|_| {});
    world.put("east", "Service", service("api"));
    world.settle();
    let mut moved = slice("web", "a", &[endpoint("10.1.0.1", "web-0", "n1")]);
    moved["metadata"]["labels"]["kubernetes.io/service-name"] = json!("api");
    world.put("east", "EndpointSlice", moved);
    assert_eq!(vips(&world.settle()), ["east/shop/api/80/v4"]);
}

#[test]
fn target_ports_may_differ() {
    let mut world = web(|web| {
        web["metadata"]["annotations"] = json!({"guideway.dev/health-check": "tcp"});
        web["spec"]["ports"] = json!([{"name": "http", "port": 80, "targetPort": "http"}]);
    });
    for (suffix, port, address) in [("a", 8080, "10.1.0.1"), ("b", 9090, "10.1.0.2")] {
        let mut slice = slice("web", suffix, &[endpoint(address, &format!("web-{suffix}"), "n1")]);
        slice["ports"] = json!([{"name": "http", "port": port}]);
        world.put("east", "EndpointSlice", slice);
    }
    let content = world.settle();
    let name = "east/shop/web/http/v4";
    assert_eq!(backends(&content, name), ["shop/web-a=1", "shop/web-b=1"]);
    assert!(set(&content, name).health_check.is_none() && world.told("several target ports"));
}

#[test]
fn a_health_check_that_comes_before_the_endpoints_is_right() {
    let mut world = World::new();
    let mut web = service("web");
    web["metadata"]["annotations"] = json!({"guideway.dev/health-check": "tcp"});
    world.put("east", "Service", web);
    assert!(world.settle().vips().is_empty());
    assert!(!world.told("health check"));
    world.put("east", "EndpointSlice", slice("web", "a", &[endpoint("10.1.0.1", "web-0", "n1")]));
    assert!(set(&world.settle(), V4).health_check.is_some() && !world.told("health check"));
}

#[test]
fn ports_of_other_names_are_not_meant() {
    let (found, _) =
        of(&[with(1, json!({}))], |_| {}, |slice| slice["ports"] = json!([{"name": "admin", "port": 1}]));
    assert!(found.is_empty());
    let (found, _) =
        of(&[with(1, json!({}))], |_| {}, |slice| slice["ports"] = json!([{"port": 1, "protocol": "UDP"}]));
    assert!(found.is_empty());
    let (found, _) = of(&[with(1, json!({}))], |_| {}, |slice| slice["ports"] = json!([{"port": null}]));
    assert_eq!(found, ["shop/web-1=1"], "every port");
}

#[test]
fn bad_endpoints_leave_the_others_alone() {
    for (bad, part) in [
        ("203.0.113.5", "address of a pool"),
        ("127.0.0.1", "no unicast"),
        ("nonsense", "no unicast"),
        ("fd00::1", "no unicast"),
        ("224.0.0.1", "no unicast"),
    ] {
        let (found, world) = of(&[with(1, json!({})), endpoint(bad, "web-9", "n1")], |_| {}, |_| {});
        assert_eq!(found, ["shop/web-1=1"], "{bad}");
        assert!(world.told(part), "{bad}: {:?}", world.events);
    }
    let (found, world) =
        of(&[json!({"addresses": ["web.example"]})], |_| {}, |slice| slice["addressType"] = json!("FQDN"));
    assert!(found.is_empty() && world.told("FQDN"));
}

#[test]
fn names_are_unique_and_stable() {
    let nameless = json!({"addresses": ["10.1.0.9"]});
    let twice = endpoint("10.1.0.8", "web-1", "n1");
    let (found, _) = of(&[with(1, json!({})), twice, nameless], |_| {}, |_| {});
    assert_eq!(found, ["10.1.0.8=1", "10.1.0.9=1", "shop/web-1=1"]);
}

#[test]
fn weights_of_slices_and_annotations() {
    let two = [with(1, json!({})), with(2, json!({}))];
    let canary = |slice: &mut Value| slice["metadata"]["annotations"] = json!({"guideway.dev/weight": "10"});
    let (found, _) = of(&two, |_| {}, canary);
    assert_eq!(found, ["shop/web-1=10", "shop/web-2=10"]);
    let named = |web: &mut Value| web["metadata"]["annotations"] = json!({"guideway.dev/weights": "web-2=0"});
    let (found, _) = of(&two, named, canary);
    assert_eq!(found, ["shop/web-1=10", "shop/web-2=0"]);
    let none = |web: &mut Value| web["metadata"]["annotations"] = json!({"guideway.dev/weights": "*=0"});
    let (found, world) = of(&two, none, |_| {});
    assert!(found.is_empty() && world.told("weight 0"));
    let bad = |slice: &mut Value| slice["metadata"]["annotations"] = json!({"guideway.dev/weight": "much"});
    let (found, world) = of(&two, |_| {}, bad);
    assert!(found.len() == 2 && world.told("guideway.dev/weight"));
}

#[test]
fn weights_by_the_labels_of_nodes() {
    let mut world = web(|_| {});
    let rules =
        json!({"services": {}, "weights": [{"nodes": {"matchLabels": {"size": "big"}}, "weight": 4}]});
    world.index.apply(resource("guideway.dev", "BackendPolicy", "sizes", rules));
    let mut big = node("n2", "10.0.0.2");
    big["metadata"]["labels"] = json!({"size": "big"});
    world.put("east", "Node", big);
    assert_eq!(backends(&world.settle(), V4), ["shop/web-0=1", "shop/web-1=4"]);
}

#[test]
fn topology_hints() {
    let hinted = |number: u8, zone: Option<&str>| {
        let mut endpoint = with(number, json!({}));
        if let Some(zone) = zone {
            endpoint["hints"] = json!({"forZones": [{"name": zone}]});
        }
        endpoint
    };
    let for_node = |endpoint: &Value, node: &str| {
        let mut endpoint = endpoint.clone();
        endpoint["hints"]["forNodes"] = json!([{"name": node}]);
        endpoint
    };
    let (a, b, none) = (hinted(1, Some("a")), hinted(2, Some("b")), hinted(2, None));
    for (name, zone, endpoints, expected) in [
        ("every endpoint has hints", Some("a"), [a.clone(), b.clone()], &["shop/web-1=1"][..]),
        ("one has none", Some("a"), [a.clone(), none], &["shop/web-1=1", "shop/web-2=1"]),
        ("no endpoint for the zone", Some("c"), [a.clone(), b.clone()], &["shop/web-1=1", "shop/web-2=1"]),
        ("the shard has no zone", None, [a.clone(), b.clone()], &["shop/web-1=1", "shop/web-2=1"]),
        // `PreferSameNode`: no forwarder is a node, so the zones beside the nodes are what is left.
        ("for nodes as well", Some("a"), [for_node(&a, "n1"), for_node(&b, "n2")], &["shop/web-1=1"]),
        ("for nodes of another zone", Some("b"), [for_node(&a, "lb1"), b], &["shop/web-2=1"]),
        (
            "for nodes alone",
            Some("a"),
            [1, 2].map(|number| for_node(&hinted(number, None), "lb1")),
            &["shop/web-1=1", "shop/web-2=1"],
        ),
    ] {
        let mut world = web(|_| {});
        for lb in ["lb1", "lb2"] {
            world.index.apply(forwarder(lb, zone, false));
        }
        world.put("east", "EndpointSlice", slice("web", "a", &endpoints));
        assert_eq!(backends(&world.settle(), V4), expected, "{name}");
    }
}

/// Node mode, `externalTrafficPolicy` as given.
fn node_mode(web: &mut Value, policy: &str) {
    web["metadata"]["annotations"] = json!({"guideway.dev/endpoint-mode": "Node"});
    web["spec"]["externalTrafficPolicy"] = json!(policy);
    web["spec"]["healthCheckNodePort"] = json!(if policy == "Local" { 31_234 } else { 0 });
}

#[test]
fn nodes_pass_packets_on() {
    let (found, world) = of(&[with(1, json!({}))], |web| node_mode(web, "Cluster"), |_| {});
    assert_eq!(found, ["n1=1", "n2=1"], "whether they have endpoints or not");
    let content = world.index.content.clone();
    let set = set(&content, V4);
    assert!(!set.second_hop && set.health_check.is_none());
    let (found, _) = of(&[], |web| node_mode(web, "Cluster"), |_| {});
    assert_eq!(found, ["n1=1", "n2=1"]);
}

#[test]
fn local_nodes_have_endpoints_and_are_asked() {
    let mut third = with(3, json!({}));
    third["nodeName"] = json!("n2");
    let (found, world) = of(&[with(2, json!({})), third], |web| node_mode(web, "Local"), |_| {});
    assert_eq!(found, ["n2=2"], "each endpoint gets the same share");
    let content = world.index.content.clone();
    let check = set(&content, V4).health_check.clone().unwrap();
    assert_eq!(check.port.get(), 31_234);
    assert_eq!(check.probe, Probe::Http { path: "/healthz".into(), host: None, expect: 200..=200 });
    let ends = json!({"ready": false, "serving": true, "terminating": true});
    let (found, _) = of(&[with(1, json!({})), with(2, ends.clone())], |web| node_mode(web, "Local"), |_| {});
    assert_eq!(found, ["n1=1", "n2=0"]);
    let (found, _) = of(&[with(2, ends)], |web| node_mode(web, "Local"), |_| {});
    assert_eq!(found, ["n2=1"]);
    let (found, world) = of(&[json!({"addresses": ["10.1.0.1"]})], |web| node_mode(web, "Local"), |_| {});
    assert!(found.is_empty() && world.told("no nodeName"));
}

#[test]
fn nodes_that_take_no_packets() {
    for (name, change, expected) in [
        ("not ready", json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}), "n2=0"),
        (
            "being removed",
            json!({"spec": {"taints": [{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}]}}),
            "n2=0",
        ),
        (
            "excluded",
            json!({"metadata": {"labels": {"node.kubernetes.io/exclude-from-external-load-balancers": ""}}}),
            "",
        ),
        ("cordoned", json!({"spec": {"unschedulable": true}}), "n2=1"),
    ] {
        let mut world = web(|web| node_mode(web, "Cluster"));
        let mut second = node("n2", "10.0.0.2");
        for part in ["status", "spec", "metadata"] {
            if let Some(fields) = change[part].as_object() {
                if second[part].is_null() {
                    second[part] = json!({});
                }
                second[part].as_object_mut().unwrap().extend(fields.clone());
            }
        }
        world.put("east", "Node", second);
        let found = backends(&world.settle(), V4);
        let expected: Vec<&str> = ["n1=1", expected].into_iter().filter(|text| !text.is_empty()).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn nodes_are_reached_by_the_other_family_unless_frames_go_to_themselves() {
    for (encapsulation, reached) in [("ipip", true), ("l2", false)] {
        let mut world = web(|web| {
            node_mode(web, "Cluster");
            web["metadata"]["annotations"]["guideway.dev/encapsulation"] = json!(encapsulation);
            web["spec"]["ipFamilies"] = json!(["IPv6"]);
        });
        let content = world.settle();
        content.check().unwrap();
        assert_eq!(!content.vips().is_empty(), reached, "{encapsulation}");
        assert_eq!(world.told("no InternalIP"), !reached);
    }
}

#[test]
fn what_makes_no_sense_in_node_mode_is_reported() {
    let (found, world) = of(
        &[],
        |web| {
            node_mode(web, "Cluster");
            web["metadata"]["annotations"]["guideway.dev/second-hop"] = json!("true");
            web["metadata"]["annotations"]["guideway.dev/ip-mode"] = json!("Proxy");
            web["metadata"]["annotations"]["guideway.dev/health-check"] = json!("tcp");
        },
        |_| {},
    );
    assert_eq!(found, ["n1=1", "n2=1"]);
    assert!(world.told("second-hop") && world.told("ip-mode") && world.told("health-check-port"));
}

#[test]
fn a_node_that_comes_and_goes() {
    let mut world = web(|web| node_mode(web, "Cluster"));
    world.settle();
    world.put("east", "Node", node("n3", "10.0.0.3"));
    assert_eq!(backends(&world.settle(), V4), ["n1=1", "n2=1", "n3=1"]);
    world.delete("east", "Node", "n1");
    assert_eq!(backends(&world.settle(), V4), ["n2=1", "n3=1"]);
    let before = world.index.work();
    world.put("east", "Node", node("n2", "10.0.0.2"));
    world.project();
    assert_eq!(world.index.work(), before, "a heartbeat is nothing");
}
