//! Addresses: requests, sharing, records, and that nothing is given away while somebody serves it.

use guideway_controller_crds::guideway::Cluster;
use serde_json::{Value, json};

use super::world::*;
use crate::{Change, ServiceStatus};

const V4: &str = "east/shop/web/80/v4";

fn finalizers(world: &World, name: &str) -> Value {
    world.objects[&("east".to_owned(), "Service", format!("shop/{name}"))]["metadata"]["finalizers"].clone()
}

fn exists(world: &World, name: &str) -> bool {
    world.objects.contains_key(&("east".to_owned(), "Service", format!("shop/{name}")))
}

/// Type, status and reason of each, by type.
fn conditions(world: &World, name: &str) -> Vec<String> {
    let id = ("east".to_owned(), "Service", format!("shop/{name}"));
    let conditions = world.objects[&id]["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let word = |one: &Value, field: &str| one[field].as_str().unwrap().replace("guideway.dev/", "");
    let mut conditions: Vec<String> = conditions
        .iter()
        .map(|one| ["type", "status", "reason"].map(|field| word(one, field)).join(" "))
        .collect();
    conditions.sort();
    conditions
}

#[test]
fn addresses_can_be_requested() {
    for (annotation, field, expected) in [
        (Some(("metallb.io/loadBalancerIPs", "203.0.113.7")), None, &["203.0.113.7"][..]),
        (Some(("metallb.universe.tf/loadBalancerIPs", "203.0.113.7")), None, &["203.0.113.7"]),
        (None, Some("203.0.113.8"), &["203.0.113.8"]),
        (Some(("metallb.io/loadBalancerIPs", "203.0.113.7")), Some("203.0.113.8"), &["203.0.113.7"]),
        (Some(("metallb.io/address-pool", "web")), None, &["203.0.113.0"]),
        (Some(("metallb.io/address-pool", "gone")), None, &[]),
        (Some(("metallb.io/loadBalancerIPs", "192.0.2.1")), None, &[]),
    ] {
        let mut world = web(|web| {
            if let Some((name, text)) = annotation {
                web["metadata"]["annotations"] = json!({name: text});
            }
            web["spec"]["loadBalancerIP"] = json!(field);
        });
        world.settle();
        assert_eq!(world.addresses("web"), expected, "{annotation:?} {field:?}");
    }
}

#[test]
fn a_request_that_cannot_be_read_changes_nothing() {
    let broken =
        |web: &mut Value| web["metadata"]["annotations"] = json!({"metallb.io/loadBalancerIPs": "much"});
    let mut world = web(broken);
    assert!(world.settle().vips().is_empty());
    assert!(world.addresses("web").is_empty() && world.told("metallb.io/loadBalancerIPs"));
    world.put("east", "Service", service("web"));
    world.settle();
    assert_eq!(world.addresses("web"), ["203.0.113.0"]);
    let mut again = service("web");
    broken(&mut again);
    world.put("east", "Service", again);
    assert_eq!(vips(&world.settle()), [V4], "it keeps what it has");
}

#[test]
fn a_refusal_is_an_event_and_a_condition() {
    let mut world = web(|web| web["metadata"]["annotations"] = json!({"metallb.io/address-pool": "gone"}));
    world.settle();
    assert!(world.told("UnknownPool"));
    let id = ("east".to_owned(), "Service", "shop/web".to_owned());
    let conditions = world.objects[&id]["status"]["conditions"].to_string();
    assert!(
        conditions.contains("guideway.dev/Addresses") && conditions.contains("there is no pool gone"),
        "{conditions}"
    );
}

#[test]
fn addresses_can_be_shared() {
    let shared = |name: &str, port: u16| {
        let mut service = service(name);
        service["metadata"]["annotations"] = json!({"metallb.io/allow-shared-ip": "key"});
        service["spec"]["ports"][0]["port"] = json!(port);
        service
    };
    let mut world = World::new();
    for (name, port) in [("a", 80), ("b", 443), ("c", 80)] {
        world.put("east", "Service", shared(name, port));
        world.put("east", "EndpointSlice", slice(name, "x", &[endpoint("10.1.0.1", "web-0", "n1")]));
    }
    let content = world.settle();
    content.check().unwrap();
    assert_eq!(
        (world.addresses("a"), world.addresses("b")),
        (vec!["203.0.113.0".into()], vec!["203.0.113.0".into()])
    );
    assert_eq!(world.addresses("c"), ["203.0.113.1"], "its port is taken");
}

#[test]
fn a_deleted_service_is_withdrawn_then_released_then_its_address_is_free() {
    let mut world = web(|_| {});
    world.index.apply(pool("web", &["203.0.113.0/32"]));
    let served = world.settle();
    assert_eq!(vips(&served), [V4]);
    world.put("east", "Service", service("next"));
    world.settle();
    assert!(world.addresses("next").is_empty() && world.told("PoolExhausted"));

    world.delete("east", "Service", "shop/web");
    assert!(exists(&world, "web"), "its finalizer holds it");
    let without = world.project();
    assert!(without.vips().is_empty());
    assert_eq!(finalizers(&world, "web"), json!([crate::FINALIZER]), "forwarders still serve it");
    world.index.settled(&served);
    world.project();
    assert!(exists(&world, "web") && world.addresses("next").is_empty(), "an older content says nothing");

    world.index.settled(&without);
    world.project();
    assert!(!exists(&world, "web"));
    world.settle();
    assert_eq!(world.addresses("next"), ["203.0.113.0"]);
}

#[test]
fn a_service_that_changes_its_type_is_released_too() {
    let mut world = web(|_| {});
    let served = world.settle();
    let mut other = service("web");
    other["spec"]["type"] = json!("ClusterIP");
    world.put("east", "Service", other);
    let without = world.project();
    assert_eq!(world.addresses("web"), ["203.0.113.0"]);
    world.index.settled(&served);
    world.project();
    assert_eq!(world.addresses("web"), ["203.0.113.0"]);
    world.index.settled(&without);
    world.project();
    assert!(world.addresses("web").is_empty());
    assert_eq!(finalizers(&world, "web"), json!([]));
    assert_eq!(conditions(&world, "web"), [""; 0], "nothing is said of what is not ours");
    assert!(world.index.project().services.is_empty());
}

#[test]
fn a_service_without_its_finalizer_keeps_no_conditions() {
    let mut world = web(|_| {});
    world.settle();
    let id = ("east".to_owned(), "Service", "shop/web".to_owned());
    let mut other = world.objects[&id].clone();
    other["spec"]["type"] = json!("ClusterIP");
    other["metadata"]["finalizers"] = json!([]);
    world.objects.remove(&id);
    world.put("east", "Service", other);
    world.settle();
    assert_eq!(conditions(&world, "web"), [""; 0]);
    assert!(world.index.project().services.is_empty());
}

/// Two controllers with forwarders of their own and a class each may serve one cluster.
#[test]
fn a_service_of_another_class_is_left_alone() {
    let of = |class: Option<&str>| {
        let mut world = web(|web| web["spec"]["loadBalancerClass"] = json!(class));
        world.settle();
        world
    };
    for class in [Some("guideway.dev/load-balancer"), None] {
        let theirs = of(class);
        let mut own = spec();
        own.load_balancer_class = Some("example.org/other".to_owned());
        own.default_class = false;
        let mut ours = theirs.restarted();
        ours.index = index();
        ours.index.apply(Change::Cluster(cluster("east"), Box::new(own)));
        for ((of, kind, _), object) in &theirs.objects {
            ours.index.apply(change(of, kind, object));
        }
        ours.index.apply(Change::Synced(cluster("east")));
        ours.settle();
        assert_eq!(ours.objects, theirs.objects, "{class:?}");
    }
    // It was ours until the class of the cluster changed.
    let mut world = of(None);
    let other = Cluster { default_class: false, ..spec() };
    world.index.apply(Change::Cluster(cluster("east"), Box::new(other)));
    world.settle();
    assert!(world.addresses("web").is_empty() && finalizers(&world, "web") == json!([]));
    // Another one takes it over.
    let id = ("east".to_owned(), "Service", "shop/web".to_owned());
    let mut taken = world.objects[&id].clone();
    taken["metadata"]["finalizers"] = json!([crate::FINALIZER]);
    world.objects.remove(&id);
    world.put("east", "Service", taken);
    world.settle();
    assert_eq!(finalizers(&world, "web"), json!([crate::FINALIZER]));
}

#[test]
fn another_address_comes_when_the_old_one_is_withdrawn() {
    let mut world = web(|_| {});
    world.settle();
    let mut moved = service("web");
    moved["spec"]["loadBalancerIP"] = json!("203.0.113.9");
    world.put("east", "Service", moved);
    let without = world.project();
    assert!(without.vips().is_empty());
    assert_eq!(world.addresses("web"), ["203.0.113.0"], "the record holds until nobody serves it");
    world.index.settled(&without);
    let content = world.settle();
    assert_eq!(world.addresses("web"), ["203.0.113.9"]);
    assert_eq!(vip(&content, V4).address, "203.0.113.9/32".parse().unwrap());
}

#[test]
fn a_restart_keeps_what_is_recorded_and_forgets_what_is_not() {
    let mut world = web(|_| {});
    world.put("east", "Service", service("api"));
    let content = world.settle();
    // Decided, but the controller dies before it is written.
    world.put("east", "Service", service("late"));
    let lost = world.index.project();
    assert_eq!(lost.services.len(), 1);
    let mut again = world.restarted();
    assert_eq!(again.project().digest(), content.digest());
    again.settle();
    assert_eq!(again.addresses("web"), world.addresses("web"));
    assert_eq!(again.addresses("api"), world.addresses("api"));
    assert_eq!(again.addresses("late"), ["203.0.113.2"]);
}

#[test]
fn a_restart_in_the_middle_of_a_deletion_goes_on() {
    let mut world = web(|_| {});
    world.settle();
    world.delete("east", "Service", "shop/web");
    world.project();
    let mut again = world.restarted();
    again.project();
    assert!(exists(&again, "web"));
    again.settle();
    assert!(!exists(&again, "web"));
}

#[test]
fn a_write_that_fails_is_tried_again() {
    let mut world = web(|_| {});
    let first = world.index.project().services.pop().unwrap();
    assert!(world.index.project().services.is_empty());
    world.index.retry(&first.service, &first.events);
    let second = world.index.project().services.pop().unwrap();
    assert_eq!(first, second);
    // What was told is not told again.
    world.index.retry(&first.service, &[]);
    let third = world.index.project().services.pop().unwrap();
    assert_eq!(third, ServiceStatus { events: Vec::new(), ..second });
}

#[test]
fn a_finalizer_that_somebody_takes_away_comes_back() {
    let mut world = web(|_| {});
    world.settle();
    let id = ("east".to_owned(), "Service", "shop/web".to_owned());
    let mut object = world.objects[&id].clone();
    object["metadata"]["finalizers"] = json!([]);
    world.put("east", "Service", object);
    assert_eq!(vips(&world.settle()), [V4]);
    assert_eq!(finalizers(&world, "web"), json!([crate::FINALIZER]));
}

#[test]
fn pools_come_and_go() {
    let mut world = web(|_| {});
    world.settle();
    world.index.apply(pool("web", &["198.51.100.0/30"]));
    let content = world.settle();
    assert_eq!(world.addresses("web"), ["203.0.113.0"], "nobody loses an address by it");
    assert!(world.told("no pool has 203.0.113.0: it is kept"));
    assert!(vips(&content).is_empty(), "nobody can have an address announced that no pool has");
    assert_eq!(conditions(&world, "web"), ["Accepted True Accepted", "Addresses False NotInPool"]);
    let pools: Vec<String> =
        content.pools().values().flat_map(|pool| &pool.prefixes).map(ToString::to_string).collect();
    assert_eq!(pools, ["198.51.100.0/30"]);
    world.index.apply(Change::ResourcesListed(guideway_controller_crds::Kind::IpAddressPool, [].into()));
    assert!(world.settle().pools().is_empty());
    world.index.apply(pool("web", &["203.0.113.0/30"]));
    assert_eq!(vips(&world.settle()), [V4], "it is as before");
    let as_before = ["Accepted True Accepted", "Addresses True Assigned", "Backends True Serving"];
    assert_eq!(conditions(&world, "web"), as_before);
}

#[test]
fn pools_are_for_namespaces_by_label() {
    let mut world = web(|_| {});
    world.index.apply(resource(
        "metallb.io",
        "IPAddressPool",
        "web",
        json!({
            "addresses": ["203.0.113.0/28"],
            "serviceAllocation": {"priority": 1, "namespaceSelectors": [{"matchLabels": {"tier": "front"}}]}
        }),
    ));
    world.settle();
    assert!(world.addresses("web").is_empty());
    world.put("east", "Namespace", json!({"metadata": {"name": "shop", "labels": {"tier": "front"}}}));
    world.settle();
    assert_eq!(world.addresses("web"), ["203.0.113.0"]);
}

#[test]
fn who_waits_for_a_key_gets_the_address_when_it_is_shared() {
    let request = |name: &str, port: u16, key: Option<&str>| {
        let mut service = service(name);
        service["metadata"]["annotations"] = json!({"metallb.io/loadBalancerIPs": "203.0.113.5"});
        if let Some(key) = key {
            service["metadata"]["annotations"]["metallb.io/allow-shared-ip"] = json!(key);
        }
        service["spec"]["ports"][0]["port"] = json!(port);
        service
    };
    let mut world = World::new();
    world.put("east", "Service", request("a", 80, None));
    world.settle();
    world.put("east", "Service", request("b", 81, Some("key")));
    world.settle();
    assert!(world.addresses("b").is_empty());
    world.put("east", "Service", request("a", 80, Some("key")));
    world.settle();
    assert_eq!(world.addresses("b"), ["203.0.113.5"]);
}

/// Somebody writes an address into the status of a Service that another one has: the older one has it, whichever was seen
/// first, and the same after a restart.
#[test]
fn of_two_that_record_an_address_the_older_one_has_it() {
    let recording = |name: &str, created: &str| {
        let mut service = service(name);
        service["metadata"]["creationTimestamp"] = json!(created);
        service["metadata"]["finalizers"] = json!(["guideway.dev/vip"]);
        service["status"] = json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}]}});
        service
    };
    // By their names the younger one would come first.
    let (old, new) = (recording("old", "2025-01-01T00:00:00Z"), recording("new", "2025-06-01T00:00:00Z"));
    for order in [[&old, &new], [&new, &old]] {
        let mut world = World::new();
        for service in order {
            world.put("east", "Service", service.clone());
            world.settle();
        }
        let content = world.settle();
        content.check().unwrap();
        assert_eq!(world.addresses("old"), ["203.0.113.9"]);
        assert_eq!(world.addresses("new").len(), 1);
        assert_ne!(world.addresses("new"), world.addresses("old"));
        let again = world.restarted().settle();
        assert_eq!(again.digest(), content.digest());
    }
}

/// Two share an address, without endpoints, so that what is served does not change. The older one changes: it must not share
/// any more, and cannot have what it asks for. Then it has nothing, and takes nothing from the other one; and the projection
/// ends although the record is still there.
#[test]
fn who_is_refused_takes_no_address_from_a_younger_one() {
    let shared = |name: &str, created: &str, port: u16| {
        let mut service = service(name);
        service["metadata"]["creationTimestamp"] = json!(created);
        service["metadata"]["annotations"] = json!({"metallb.io/allow-shared-ip": "key"});
        service["spec"]["ports"][0]["port"] = json!(port);
        service
    };
    let both = |old: &mut Value| {
        old["spec"]["ipFamilies"] = json!(["IPv4", "IPv6"]);
        old["spec"]["ipFamilyPolicy"] = json!("RequireDualStack");
    };
    let asks = |old: &mut Value, addresses: &str| {
        old["metadata"]["annotations"]["metallb.io/loadBalancerIPs"] = json!(addresses);
    };
    type Case<'a> = (&'a str, &'a dyn Fn(&mut Value));
    let cases: [Case<'_>; 3] = [
        ("there is no other family", &both),
        ("the other one asked for is in no pool", &|old| {
            both(old);
            asks(old, "203.0.113.0,2001:db8::1");
        }),
        ("a family is missing", &|old| {
            both(old);
            asks(old, "203.0.113.0");
        }),
    ];
    for (what, change) in cases {
        let mut world = World::new();
        world.index.apply(pool("web", &["203.0.113.0/31"]));
        world.put("east", "Service", shared("old", "2025-01-01T00:00:00Z", 80));
        world.settle();
        world.put("east", "Service", shared("new", "2025-06-01T00:00:00Z", 443));
        world.settle();
        assert_eq!(world.addresses("new"), world.addresses("old"));
        world.put("east", "Service", service("third"));
        world.settle();
        let mut old = shared("old", "2025-01-01T00:00:00Z", 443);
        change(&mut old);
        world.put("east", "Service", old);
        let content = world.settle();
        assert!(vips(&content).is_empty());
        assert_eq!(world.addresses("new"), ["203.0.113.0"], "{what}");
        assert_eq!(world.addresses("old"), [""; 0], "{what}");
        let mut again = world.restarted_with(&[pool("web", &["203.0.113.0/31"])]);
        assert_eq!(again.settle().digest(), content.digest(), "{what}");
    }
}
