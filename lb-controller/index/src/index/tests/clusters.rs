//! Several clusters, known well or not.

use std::collections::BTreeSet;

use serde_json::json;

use super::world::*;
use crate::{Change, Contact, ObjectName, Watched};

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

#[test]
fn nobody_waits_for_a_cluster_that_was_never_met() {
    let mut world = two();
    let served = world.settle();
    for (served, is_given) in [(None, true), (Some(&served), false)] {
        let mut again = World::empty();
        for name in ["east", "west"] {
            again.index.apply(Change::Cluster(cluster(name), Box::new(spec())));
        }
        served.into_iter().for_each(|served| again.index.resume(served));
        again.put("east", "Service", service("new"));
        again.index.apply(Change::Synced(cluster("east")));
        again.settle();
        assert!(again.addresses("new").is_empty());
        again.index.apply(Change::Unmet(cluster("west")));
        again.settle();
        assert_eq!(
            !again.addresses("new").is_empty(),
            is_given,
            "forwarders serve what it has: {}",
            !is_given
        );
        assert_eq!(again.index.awaited().count(), usize::from(!is_given));
    }
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
