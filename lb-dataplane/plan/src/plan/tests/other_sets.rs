//! VIPs that are given another set take what is remembered of their flows along.

use std::net::IpAddr;

use super::earlier::{Forwarder, members};
use super::*;
use crate::{BackendSet, SetLayout};

/// The VIPs `a` and `b`, each with its set.
const CAPACITIES: Capacities =
    Capacities { vips: 6, backends: 13, tables_large: 4, tables_small: 16, flow_buckets: 64 };

/// Sets by name, and the sets of the VIPs `a` and `b`.
fn desired(sets: &[(&str, &[u8])], of_vips: [&str; 2]) -> Desired {
    let [a, b] = of_vips;
    Desired {
        sets: sets.iter().map(|(name, names)| set(name, members(names))).collect(),
        vips: vec![vip("a", "203.0.113.10:80", a), vip("b", "203.0.113.20:80", b)].into(),
        ..nothing()
    }
}

/// Where packets of some flows of a VIP may go: those that are not the first ones.
fn candidates(forwarder: &Forwarder, vip: &str) -> Vec<Vec<IpAddr>> {
    let destination = if vip == "a" { "203.0.113.10:80" } else { "203.0.113.20:80" };
    let flows = (0..250).map(|n| tcp(&format!("198.51.100.{n}:1234"), destination));
    let verdicts = flows.map(|flow| match forwarder.maps.forward(&flow, Packet::Later) {
        Verdict::Encapsulated { destination, hops, .. } => [&[destination], &*hops].concat(),
        verdict => panic!("{verdict:?}"),
    });
    verdicts.collect()
}

fn firsts(candidates: &[Vec<IpAddr>]) -> Vec<IpAddr> {
    candidates.iter().map(|flow| flow[0]).collect()
}

/// Every flow that was at `homes` finds its backend.
fn assert_found(candidates: &[Vec<IpAddr>], homes: &[IpAddr]) {
    assert_eq!(candidates.len(), homes.len());
    for (candidates, home) in candidates.iter().zip(homes) {
        assert!(candidates.contains(home), "{home} is not among {candidates:?}");
    }
}

fn layout_of<'l>(desired: &Desired, layout: &'l Layout, name: &str) -> &'l SetLayout {
    let place = desired.sets.iter().position(|set| set.name == name).unwrap();
    layout.sets[place].as_ref().unwrap()
}

const APART: [(&str, &[u8]); 2] = [("a", &[1, 2, 3]), ("b", &[4, 5, 6])];

#[test]
fn flows_of_a_vip_that_gets_another_set_find_their_backend() {
    let mut forwarder = Forwarder::new(CAPACITIES);
    forwarder.advance(&desired(&APART, ["a", "b"]), 0);
    let homes = ["a", "b"].map(|vip| firsts(&candidates(&forwarder, vip)));

    let moved = desired(&APART, ["b", "b"]);
    let plan = forwarder.advance(&moved, 10);
    assert_eq!(plan.changes.at_risk, 0);
    // Nobody uses the former set: both places are of the new one.
    assert_eq!(plan.layout.usage.sets, 2);
    assert_eq!(plan.layout.next_deadline, Some(BootTime(610)));
    let [a, b] = ["a", "b"].map(|vip| candidates(&forwarder, vip));
    assert_found(&a, &homes[0]);
    // New ones go where those of the other VIP would.
    assert!(firsts(&a).iter().all(|backend| homes[1].contains(backend)));
    // The other VIP has nothing to do with it.
    assert!(b.iter().all(|flow| flow.len() == 1));
    assert_eq!(firsts(&b), homes[1]);
    // Backends of the set that nobody uses any more are probed on.
    assert_eq!(plan.layout.leaving.len(), 3);
    forwarder.assert_unchanged(&moved, 609);

    // Once the window is over, one place is enough.
    let plan = forwarder.advance(&moved, 610);
    assert_eq!(plan.layout.usage.sets, 1);
    assert_eq!((plan.layout.leaving.len(), plan.layout.next_deadline), (0, None));
    assert!(candidates(&forwarder, "a").iter().all(|flow| flow.len() == 1));
    forwarder.assert_unchanged(&moved, 610);
}

#[test]
fn a_vip_that_comes_back_finds_both() {
    let mut forwarder = Forwarder::new(CAPACITIES);
    let apart = desired(&APART, ["a", "b"]);
    forwarder.advance(&apart, 0);
    let before = firsts(&candidates(&forwarder, "a"));
    forwarder.advance(&desired(&APART, ["b", "b"]), 10);
    let meanwhile = firsts(&candidates(&forwarder, "a"));
    let plan = forwarder.advance(&apart, 20);
    let now = candidates(&forwarder, "a");
    assert_eq!(firsts(&now), before);
    assert_found(&now, &meanwhile);
    assert_eq!(plan.changes.at_risk, 0);
    assert!(candidates(&forwarder, "b").iter().all(|flow| flow.len() == 1));
    // Until then VIP `a` was alone in its set: the place is its own again.
    assert_eq!(plan.layout.usage.sets, 2);
}

#[test]
fn a_vip_that_leaves_a_set_to_others_goes_on_from_a_copy() {
    for name in ["c", "b"] {
        let mut forwarder = Forwarder::new(CAPACITIES);
        let both: [(&str, &[u8]); 2] = [("a", &[1, 2, 3]), (name, &[2, 3, 4])];
        forwarder.advance(&desired(&both, ["a", "a"]), 0);
        let homes = ["a", "b"].map(|vip| firsts(&candidates(&forwarder, vip)));
        // A set that nobody used before.
        let moved = desired(&both, ["a", name]);
        let plan = forwarder.advance(&moved, 10);
        assert_eq!((plan.changes.at_risk, plan.layout.usage.sets), (0, 2));
        let [a, b] = ["a", "b"].map(|vip| candidates(&forwarder, vip));
        assert!(a.iter().all(|flow| flow.len() == 1));
        assert_eq!(firsts(&a), homes[0]);
        assert_found(&b, &homes[1]);
        assert!(b.iter().any(|flow| flow.len() > 1));
        forwarder.assert_unchanged(&moved, 609);
        forwarder.advance(&moved, 610);
        assert!(candidates(&forwarder, "b").iter().all(|flow| flow.len() == 1));
    }
}

#[test]
fn sets_of_the_same_backends_are_exchanged_without_a_doubt() {
    let mut forwarder = Forwarder::new(CAPACITIES);
    let alike: [(&str, &[u8]); 2] = [("a", &[1, 2, 3]), ("b", &[1, 2, 3])];
    forwarder.advance(&desired(&alike, ["a", "b"]), 0);
    let homes = firsts(&candidates(&forwarder, "a"));
    let moved = desired(&alike, ["b", "b"]);
    let plan = forwarder.advance(&moved, 10);
    assert_eq!((plan.changes.unsettled, plan.changes.tables_written, plan.layout.usage.sets), (0, 0, 1));
    let now = candidates(&forwarder, "a");
    assert!(now.iter().all(|flow| flow.len() == 1));
    assert_eq!(firsts(&now), homes);
}

#[test]
fn what_is_in_doubt_stays_so_in_another_set() {
    let mut forwarder = Forwarder::new(CAPACITIES);
    forwarder.advance(&desired(&APART, ["a", "b"]), 0);
    let first = firsts(&candidates(&forwarder, "a"));
    forwarder.advance(&desired(&[("a", &[1, 2]), ("b", &[4, 5, 6])], ["a", "b"]), 10);
    let second = firsts(&candidates(&forwarder, "a"));
    let moved = desired(&[("b", &[4, 5, 6])], ["b", "b"]);
    let plan = forwarder.advance(&moved, 20);
    assert_eq!(plan.changes.at_risk, 0);
    let now = candidates(&forwarder, "a");
    assert_found(&now, &first);
    assert_found(&now, &second);
    forwarder.assert_unchanged(&moved, 600);
    // The set itself changes too: the VIP's slots follow as far as there is room for candidates.
    let shrunk = desired(&[("b", &[4, 5])], ["b", "b"]);
    let third = firsts(&now);
    forwarder.advance(&shrunk, 600);
    let now = candidates(&forwarder, "a");
    for homes in [&first, &second, &third] {
        assert_found(&now, homes);
    }
}

#[test]
fn a_set_of_another_size_or_without_a_second_hop() {
    let large = |desired: Desired| Desired {
        sets: desired
            .sets
            .into_iter()
            .map(|set| match set.name == "b" {
                true => BackendSet { table_size: TableSize::Large, ..set },
                false => set,
            })
            .collect(),
        ..desired
    };
    let mut forwarder = Forwarder::new(CAPACITIES);
    forwarder.advance(&large(desired(&APART, ["a", "b"])), 0);
    let homes = firsts(&candidates(&forwarder, "a"));
    let moved = large(desired(&APART, ["b", "b"]));
    forwarder.advance(&moved, 10);
    assert_found(&candidates(&forwarder, "a"), &homes);
    assert!(candidates(&forwarder, "b").iter().all(|flow| flow.len() == 1));
    forwarder.assert_unchanged(&moved, 100);

    // Without one, a flow that has no entry is from before the change and goes to its former backend.
    let plain = |mut desired: Desired| {
        desired.sets.iter_mut().for_each(|set| set.second_hop = false);
        desired
    };
    let mut forwarder = Forwarder::new(CAPACITIES);
    forwarder.advance(&plain(desired(&APART, ["a", "b"])), 0);
    let homes = ["a", "b"].map(|vip| firsts(&candidates(&forwarder, vip)));
    forwarder.advance(&plain(desired(&APART, ["b", "b"])), 10);
    assert_eq!(["a", "b"].map(|vip| firsts(&candidates(&forwarder, vip))), homes);
}

#[test]
fn without_room_it_is_said_to_be_a_risk() {
    // Two sets and their next tables fill it.
    let full = Capacities { tables_small: 4, ..CAPACITIES };
    let sets: [(&str, &[u8]); 2] = [("a", &[1, 2, 3]), ("b", &[4, 5, 6])];
    let third = |of_vips| {
        let mut desired = desired(&sets, of_vips);
        let mut vips = desired.vips.to_vec();
        vips.push(vip("c", "203.0.113.30:80", "a"));
        desired.vips = vips.into();
        desired
    };
    let mut forwarder = Forwarder::new(full);
    forwarder.advance(&third(["a", "b"]), 0);
    let plan = forwarder.advance(&third(["b", "b"]), 10);
    assert_eq!(plan.changes.at_risk, u64::from(TableSize::Small.get()));
    let moved = third(["b", "b"]);
    assert_eq!(layout_of(&moved, &plan.layout, "b").at_risk, TableSize::Small.get());
    assert!(candidates(&forwarder, "a").iter().all(|flow| flow.len() == 1));
    forwarder.assert_unchanged(&moved, 10);
}

#[test]
fn places_that_sets_need_are_given_back() {
    let full = Capacities { tables_small: 7, ..CAPACITIES };
    let mut forwarder = Forwarder::new(full);
    let with = |sets: &[(&str, &[u8])], of_vips, others: &[&str]| {
        let mut desired = desired(sets, of_vips);
        let mut vips = desired.vips.to_vec();
        for (at, set) in (30..).zip(others) {
            vips.push(vip(set, &format!("203.0.113.{at}:80"), set));
        }
        desired.vips = vips.into();
        desired
    };
    forwarder.advance(&with(&APART, ["a", "b"], &["a"]), 0);
    let plan = forwarder.advance(&with(&APART, ["b", "b"], &["a"]), 10);
    assert_eq!((plan.changes.at_risk, plan.layout.usage.sets), (0, 3));
    // A third set comes: it is never refused for the sake of what is remembered.
    let three: [(&str, &[u8]); 3] = [APART[0], APART[1], ("c", &[7])];
    let plan = forwarder.advance(&with(&three, ["b", "b"], &["a", "c"]), 20);
    assert!(plan.changes.at_risk > 0);
    assert_eq!(plan.layout.usage.sets, 3);
}

/// The other set may check something else of it, so that only what is said of those who leave counts.
#[test]
fn a_backend_that_another_set_keeps_is_asked_after_until_it_is_said_to_be_dead() {
    let dead = |mut desired: Desired| {
        let last = &mut desired.sets[1].members[2];
        (last.healthy, last.weight) = (false, Weight(1));
        desired
    };
    let mut forwarder = Forwarder::new(CAPACITIES);
    forwarder.advance(&desired(&[("a", &[1, 2]), ("b", &[4, 5, 3])], ["a", "b"]), 0);
    forwarder.advance(&desired(&[("a", &[1, 2, 3]), ("b", &[4, 5, 3])], ["a", "b"]), 10);
    let without = desired(&[("a", &[1, 2]), ("b", &[4, 5, 3])], ["a", "b"]);
    let plan = forwarder.advance(&without, 20);
    let address: IpAddr = "10.0.0.3".parse().unwrap();
    let names: Vec<_> = plan.layout.leaving.iter().map(|one| (one.address, one.is_member)).collect();
    assert_eq!(names, [(address, true)]);
    assert_eq!(plan.layout.usage.backends, 5);
    let waits = |forwarder: &Forwarder| candidates(forwarder, "a").iter().any(|flow| flow.contains(&address));
    assert!(waits(&forwarder));

    let unhealthy = dead(without.clone());
    let plan = forwarder.advance(&unhealthy, 30);
    assert_eq!(plan.layout.leaving.len(), 1);
    assert!(waits(&forwarder), "the other set's check is not about these flows");

    let mut gone = unhealthy;
    gone.leaving = vec![Member { healthy: false, ..members(&[3]).remove(0) }];
    forwarder.advance(&gone, 40);
    assert!(!waits(&forwarder));
}
