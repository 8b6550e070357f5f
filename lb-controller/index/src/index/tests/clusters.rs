//! Several clusters, known well or not.

use std::collections::BTreeSet;

use guideway_controller_core::Content;
use serde_json::json;

use super::world::*;
use crate::{Change, Contact, FINALIZER, ObjectName, Watched};

fn two() -> World {
    let mut world = web(|_| {});
    world.index.apply(Change::Cluster(cluster("west"), Box::new(spec())));
    world.index.apply(Change::Synced(cluster("west")));
    world.put("west", "Service", service("web"));
    world.put("west", "EndpointSlice", slice("web", "a", &[endpoint("10.2.0.1", "web-0", "n1")]));
    world
}

const BOTH: [&str; 2] = ["east/shop/web/80/v4", "west/shop/web/80/v4"];

#[test]
fn the_same_name_in_two_clusters() {
    let mut world = two();
    let content = world.settle();
    content.check().unwrap();
    assert_eq!(vips(&content), BOTH);
    assert_ne!(vip(&content, BOTH[0]).address, vip(&content, BOTH[1]).address);
    assert_eq!(backends(&content, BOTH[1]), ["shop/web-0=1"]);
    world.delete("west", "Service", "shop/web");
    assert_eq!(vips(&world.settle()), BOTH[..1]);
}

#[test]
fn a_cluster_that_is_gone_takes_its_services_along() {
    let mut world = two();
    world.settle();
    world.index.apply(Change::ClusterGone(cluster("west")));
    assert_eq!(vips(&world.settle()), BOTH[..1]);
    assert_eq!(world.index.services().count(), 1);
    world.put("west", "Service", service("other"));
    assert!(!world.index.is_dirty(), "objects of nobody's cluster");
}

#[test]
fn a_stale_cluster_keeps_its_state_and_nothing_is_written_to_it() {
    let mut world = two();
    let before = world.settle();
    world.index.apply(Change::Stale(cluster("west")));
    assert!(world.index.clusters().any(|(name, contact)| (name, contact) == ("west", Contact::Stale)));
    assert_eq!(world.settle().digest(), before.digest());
    world.put("west", "Service", service("late"));
    assert!(world.index.project().services.is_empty());
    world.index.apply(Change::Synced(cluster("west")));
    world.settle();
    let id = ("west".to_owned(), "Service", "shop/late".to_owned());
    assert!(world.objects[&id]["status"]["loadBalancer"]["ingress"].is_array());
}

#[test]
fn new_addresses_wait_for_the_records_of_all_clusters() {
    let mut world = two();
    world.settle();
    let mut again = World::empty();
    for name in ["east", "west"] {
        again.index.apply(Change::Cluster(cluster(name), Box::new(spec())));
    }
    again.put("east", "Service", service("new"));
    again.index.apply(Change::Synced(cluster("east")));
    again.settle();
    assert!(again.addresses("new").is_empty() && !again.told("AddressAssigned"));
    for ((of, kind, _), object) in world.objects.iter().filter(|((of, _, _), _)| of == "west") {
        again.put(of, kind, object.clone());
    }
    again.index.apply(Change::Synced(cluster("west")));
    again.settle();
    assert_eq!(again.addresses("new"), ["203.0.113.0"], "and never what is recorded there: 203.0.113.1");
}

/// Of `two` after a restart, while `west` does not answer: `east` with a new Service besides, which has no address yet.
fn without_west(world: &World, served: Option<&Content>) -> World {
    let mut again = World::empty();
    for name in ["east", "west"] {
        again.index.apply(Change::Cluster(cluster(name), Box::new(spec())));
    }
    served.into_iter().for_each(|served| again.index.resume(served));
    tell(&mut again, world, "east");
    again.put("east", "Service", service("new"));
    again.settle();
    assert!(again.addresses("new").is_empty() && again.index.awaited().eq(["west"]));
    again
}

/// Everything that a cluster has.
fn tell(again: &mut World, world: &World, of: &str) {
    for ((_, kind, _), object) in world.objects.iter().filter(|((other, _, _), _)| other == of) {
        again.put(of, kind, object.clone());
    }
    again.index.apply(Change::Synced(cluster(of)));
}

#[test]
fn nobody_waits_for_a_cluster_that_was_never_met() {
    let mut world = web(|_| {});
    let served = world.settle();
    for served in [None, Some(&served)] {
        let mut again = without_west(&world, served);
        again.index.apply(Change::Unmet(cluster("west")));
        again.settle();
        assert_eq!(again.addresses("new"), ["203.0.113.1"]);
        assert_eq!(again.index.awaited().count(), 0);
    }
}

/// Of `two` the addresses of `west`, and further ones.
fn held(more: &[&str]) -> Change {
    let ranges = ["203.0.113.1-203.0.113.1"].iter().chain(more);
    Change::Held(cluster("west"), ranges.map(|range| range.parse().unwrap()).collect())
}

#[test]
fn nobody_waits_long_for_a_cluster_of_which_it_is_known_what_it_has() {
    let mut world = two();
    let served = world.settle();
    let overdue = || Change::Overdue(cluster("west"));
    for (served, told) in [(None, vec![overdue(), held(&[])]), (Some(&served), vec![overdue()])] {
        let mut again = without_west(&world, served);
        again.tell_all(told);
        assert!(again.addresses("new").is_empty(), "it may have any");
    }
    let reserved = || held(&["203.0.113.2-203.0.113.3"]);
    for (told, is_there) in [
        (vec![reserved(), overdue()], true),
        (vec![overdue(), reserved()], true),
        (vec![reserved(), overdue()], false),
    ] {
        let mut again = without_west(&world, Some(&served));
        again.tell_all(told);
        assert_eq!(again.addresses("new"), ["203.0.113.4"], "203.0.113.1 to 203.0.113.3 are of west");
        let vips = |world: &mut World| vips(&world.settle());
        assert_eq!(vips(&mut again), BOTH, "it has no endpoints");
        for (name, address) in [("greedy", "203.0.113.1"), ("modest", "203.0.113.3")] {
            let mut service = service(name);
            service["metadata"]["annotations"] = json!({"metallb.io/loadBalancerIPs": address});
            again.put("east", "Service", service);
            again.settle();
            assert!(again.addresses(name).is_empty());
            assert!(
                again.told(&format!("{address} is in use in the cluster west, which has not answered yet"))
            );
        }
        // It answers, with its Service or without.
        if is_there {
            tell(&mut again, &world, "west");
            again.settle();
            assert!(again.addresses("greedy").is_empty(), "it is served for its owner");
        } else {
            again.index.apply(Change::Synced(cluster("west")));
            let content = again.project();
            assert!(content.vips().keys().all(|name| name.as_str() != BOTH[1]), "nobody has it any more");
            assert!(again.addresses("greedy").is_empty(), "forwarders still serve it");
            again.index.settled(&content);
            again.settle();
            assert_eq!(again.addresses("greedy"), ["203.0.113.1"]);
        }
        assert_eq!(again.addresses("modest"), ["203.0.113.3"]);
    }
}

#[test]
fn what_was_given_in_the_last_moment_is_its_again() {
    let mut world = two();
    let served = world.settle();
    let mut late = service("late");
    late["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    late["metadata"]["finalizers"] = json!([FINALIZER]);
    late["status"] = json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.2", "ipMode": "VIP"}]}});
    world.put("west", "Service", late);
    world.put("west", "EndpointSlice", slice("late", "a", &[endpoint("10.2.0.1", "late-0", "n1")]));
    let mut again = without_west(&world, Some(&served));
    let mut new = service("new");
    new["metadata"]["creationTimestamp"] = json!("2026-02-01T00:00:00Z");
    again.put("east", "Service", new);
    again.tell_all(vec![held(&[]), Change::Overdue(cluster("west"))]);
    assert_eq!(again.addresses("new"), ["203.0.113.2"], "nobody could know");
    tell(&mut again, &world, "west");
    let content = again.settle();
    assert_eq!(vip(&content, "west/shop/late/80/v4").address.to_string(), "203.0.113.2/32", "it is older");
    assert_eq!(again.addresses("new"), ["203.0.113.3"]);
}

#[test]
fn what_is_served_stays_until_its_cluster_is_known() {
    let mut world = two();
    let served = world.settle();
    let mut again = World::empty();
    for name in ["east", "west"] {
        again.index.apply(Change::Cluster(cluster(name), Box::new(spec())));
    }
    again.index.resume(&served);
    let content = again.settle();
    assert_eq!(vips(&content), BOTH);
    content.check().unwrap();
    for ((of, kind, _), object) in world.objects.iter().filter(|((of, _, _), _)| of == "east") {
        again.put(of, kind, object.clone());
    }
    again.index.apply(Change::Synced(cluster("east")));
    assert_eq!(vips(&again.settle()), BOTH, "one is known, the other still unreachable");
    again.index.apply(Change::Synced(cluster("west")));
    assert_eq!(vips(&again.settle()), BOTH[..1], "it has no Services any more");
}

#[test]
fn what_was_missed_is_known_by_a_list() {
    let mut world = two();
    world.put("east", "Node", node("n3", "10.0.0.3"));
    world.settle();
    let listed = |what, names: &[(&str, &str)]| {
        let names: BTreeSet<ObjectName> =
            names.iter().map(|(space, name)| ObjectName::new(space, name)).collect();
        Change::Listed(cluster("east"), what, names)
    };
    assert!(!world.index.apply(listed(Watched::Services, &[("shop", "web")])));
    assert!(!world.index.apply(listed(Watched::Slices, &[("shop", "web-a")])));
    assert!(!world.index.apply(listed(Watched::Nodes, &[("", "n1"), ("", "n2"), ("", "n3")])));
    assert!(world.index.apply(listed(Watched::Nodes, &[("", "n1")])));
    assert!(world.index.apply(listed(Watched::Slices, &[])));
    assert_eq!(vips(&world.settle()), BOTH[1..]);
    world.index.apply(listed(Watched::Services, &[]));
    world.settle();
    assert!(world.index.services().all(|service| &*service.service.cluster == "west"));
    assert!(!world.index.apply(listed(Watched::Namespaces, &[])));
}

#[test]
fn objects_without_names_are_ignored() {
    let mut world = World::new();
    world.settle();
    world.index.apply(change("east", "Service", &json!({"metadata": {}, "spec": {"type": "LoadBalancer"}})));
    world.index.apply(change(
        "east",
        "EndpointSlice",
        &json!({"metadata": {}, "addressType": "IPv4", "endpoints": []}),
    ));
    world.index.apply(change("east", "Node", &json!({"metadata": {}})));
    world.index.apply(change("east", "Namespace", &json!({"metadata": {}})));
    assert!(!world.index.is_dirty());
}
