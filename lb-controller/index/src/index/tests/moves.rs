//! Shards: who announces a Service, and that a move takes nothing away before something is there.

use std::collections::BTreeSet;

use guideway_controller_core::{Content, ForwarderName};
use serde_json::json;

use super::world::*;

const V4: &str = "east/shop/web/80/v4";

/// Who announces the VIP.
fn announcers(content: &Content) -> Vec<String> {
    let shard = &content.shards()[&vip(content, V4).shard];
    let all: BTreeSet<&ForwarderName> = shard.members.iter().chain(&shard.leaving).collect();
    all.into_iter().map(ToString::to_string).collect()
}

fn pin(world: &mut World, shard: &str) {
    let mut pinned = service("web");
    pinned["metadata"]["annotations"] = json!({"guideway.dev/shard": shard});
    world.put("east", "Service", pinned);
}

fn four() -> World {
    let mut world = web(|_| {});
    for lb in ["lb3", "lb4"] {
        world.index.apply(forwarder(lb, None, false));
    }
    world
}

#[test]
fn everybody_announces_unless_a_shard_says_otherwise() {
    let mut world = four();
    assert_eq!(announcers(&world.settle()), ["lb1", "lb2", "lb3", "lb4"]);
    world.index.apply(shuffled("pairs", 2));
    let content = world.settle();
    content.check().unwrap();
    assert_eq!(vip(&content, V4).shard.as_str(), "pairs/east/shop");
    assert_eq!(announcers(&content).len(), 2);
    assert_eq!(content.shards().len(), 1);
}

#[test]
fn a_pinned_service_moves_make_before_break() {
    let mut world = four();
    world.index.apply(pinned("a", &["lb1", "lb2"]));
    world.index.apply(pinned("b", &["lb2", "lb3"]));
    pin(&mut world, "a");
    world.settle();
    pin(&mut world, "b");
    let on_the_way = world.project();
    on_the_way.check().unwrap();
    assert_eq!(announcers(&on_the_way), ["lb1", "lb2", "lb3"]);
    assert_eq!(announcers(&world.project()), ["lb1", "lb2", "lb3"], "until it is served so");
    world.index.settled(&on_the_way);
    let there = world.project();
    assert_eq!((announcers(&there), vip(&there, V4).shard.as_str()), (vec!["lb2".into(), "lb3".into()], "b"));
    assert_eq!(there.shards().len(), 1);
    assert_eq!(world.restarted_with(&[pinned("b", &["lb2", "lb3"])]).settle().digest(), there.digest());
}

#[test]
fn a_move_can_change_its_goal_on_the_way() {
    let mut world = four();
    for (name, member) in [("a", "lb1"), ("b", "lb2"), ("c", "lb3")] {
        world.index.apply(pinned(name, &[member]));
    }
    pin(&mut world, "a");
    world.settle();
    pin(&mut world, "b");
    world.project();
    pin(&mut world, "c");
    let on_the_way = world.project();
    on_the_way.check().unwrap();
    assert_eq!(announcers(&on_the_way), ["lb1", "lb2", "lb3"]);
    pin(&mut world, "a");
    world.project();
    let back = world.settle();
    assert_eq!((announcers(&back), vip(&back, V4).shard.as_str()), (vec!["lb1".into()], "a"));
    assert_eq!(back.shards().len(), 1);
}

#[test]
fn who_is_drained_leaves_when_the_others_announce() {
    let mut world = web(|_| {});
    world.settle();
    world.index.apply(forwarder("lb1", None, true));
    world.index.apply(forwarder("lb3", None, false));
    let on_the_way = world.project();
    assert_eq!(announcers(&on_the_way), ["lb1", "lb2", "lb3"]);
    world.index.settled(&on_the_way);
    assert!(world.index.is_dirty());
    assert_eq!(announcers(&world.project()), ["lb2", "lb3"]);
}

#[test]
fn a_restart_on_the_way_goes_on() {
    let mut world = four();
    world.index.apply(pinned("a", &["lb1"]));
    world.index.apply(pinned("b", &["lb2"]));
    pin(&mut world, "a");
    let before = world.settle();
    pin(&mut world, "b");
    let on_the_way = world.project();
    for served in [before, on_the_way] {
        let shards = [pinned("a", &["lb1"]), pinned("b", &["lb2"])];
        let mut again = world.restarted_with(&shards);
        again.index.resume(&served);
        let first = again.project();
        first.check().unwrap();
        assert_eq!(announcers(&first), ["lb1", "lb2"]);
        assert_eq!(announcers(&again.settle()), ["lb2"]);
    }
}

#[test]
fn a_new_forwarder_takes_over_few_tenants() {
    let mut world = World::new();
    for lb in 3..=8 {
        world.index.apply(forwarder(&format!("lb{lb}"), None, false));
    }
    world.index.apply(shuffled("pairs", 2));
    for tenant in 0..40 {
        let mut service = service("web");
        service["metadata"]["namespace"] = json!(format!("t{tenant}"));
        world.put("east", "Service", service);
        let mut slice = slice("web", "a", &[endpoint("10.1.0.1", "web-0", "n1")]);
        slice["metadata"]["namespace"] = json!(format!("t{tenant}"));
        world.put("east", "EndpointSlice", slice);
    }
    world.index.apply(pool("web", &["203.0.113.0/24"]));
    let before = world.settle();
    assert_eq!(before.shards().len(), 40);
    world.index.apply(forwarder("lb9", None, false));
    let after = world.settle();
    let moved =
        before.shards().iter().filter(|(name, shard)| after.shards()[*name].members != shard.members).count();
    assert!((1..25).contains(&moved), "{moved} of 40, two ninths are nine");
}
