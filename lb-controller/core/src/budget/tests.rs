use proptest::collection::btree_map;
use proptest::prelude::*;

use super::*;
use crate::disruption::tests::{content, set};
use crate::{Advertise, Vip};
use guideway_dataplane_config::{Affinity, Ports, Protocol, Seed, TableSize};

/// Steps to `to`, each with its cost.
fn walk(from: &Content, to: &Content, budget: &Budget) -> Vec<(Content, Disruption)> {
    let mut steps: Vec<(Content, Disruption)> = Vec::new();
    let mut at = from.clone();
    loop {
        let Step { now, rest } = split(&at, to, budget);
        steps.push((now.clone(), predict(&at, &now)));
        assert_eq!(rest, now != *to);
        if !rest {
            return steps;
        }
        assert!(steps.len() < 500, "it does not come to an end");
        at = now;
    }
}

#[test]
fn a_large_change_goes_in_steps() {
    let from = content([set("a", [(1, 1), (2, 1)])]);
    let to = content([set("a", [(1, 1), (2, 1), (3, 1), (4, 1)])]);
    let budget = Budget { moved_permille: 100, disturbed: 10 };
    assert!(!budget.allows(&predict(&from, &to)));
    let steps = walk(&from, &to, &budget);
    // Half of the slots move, a tenth at a time.
    assert!((5..9).contains(&steps.len()), "{}", steps.len());
    for (_, disruption) in &steps {
        let permille = disruption.sets.iter().map(|set| set.moved.live_permille()).max().unwrap_or(0);
        assert!(permille <= 130, "{permille}");
    }
    assert_eq!(steps.last().unwrap().0, to);
    assert_eq!(split(&from, &to, &Budget::UNLIMITED), Step { now: to, rest: false });
}

#[test]
fn what_is_dead_does_not_wait() {
    let old = |name: &str| set(name, [(1, 1), (2, 1), (3, 1)]);
    let new = |name: &str| set(name, [(2, 1), (3, 1), (4, 1), (5, 1)]);
    let (from, to) = (content(["a", "b"].map(old)), content(["a", "b", "c"].map(new)));
    let step = split(&from, &to, &Budget { moved_permille: 50, disturbed: 1 });
    assert!(step.rest);
    for name in ["a", "b"] {
        let set = step.now.sets().get(name).unwrap();
        assert!(!set.backends.iter().any(|backend| backend.name == "b1"), "{set:?}");
    }
    // The second set waits with the shares that it had, the new one is there.
    let weights: Vec<u16> = step.now.sets().get("b").unwrap().backends.iter().map(|one| one.weight).collect();
    assert_eq!(weights, [1, 1, 0, 0]);
    assert!(step.now.sets().contains_key("c"));
}

#[test]
fn what_needs_consent_waits_and_nothing_else_does() {
    let equal = |name: &str, count: u8| set(name, (1..=count).map(|number| (number, 1)));
    let from = content([equal("a", 2), equal("b", 41)]);
    let to = content([equal("a", 4), equal("b", 42), equal("c", 1)]);
    let budget = Budget { moved_permille: 100, disturbed: 1 };
    let step = harmless(&from, &to, &budget);
    assert!(step.rest);
    assert!(budget.allows(&predict(&from, &step.now)));
    assert_eq!(step.now.sets().get("b"), to.sets().get("b"));
    assert!(step.now.sets().contains_key("c"));
    let weights: Vec<u16> = step.now.sets().get("a").unwrap().backends.iter().map(|one| one.weight).collect();
    assert_eq!(weights, [1, 1, 0, 0]);
    // The rest stays where it is until somebody consents.
    assert_eq!(harmless(&step.now, &to, &budget), step);
    assert_eq!(harmless(&from, &to, &Budget::UNLIMITED), Step { now: to, rest: false });
}

#[test]
fn other_slots_for_all_need_consent() {
    let of = |sizes: [TableSize; 2], count| {
        let sized = |(name, table_size)| BackendSet {
            table_size,
            ..set(name, (1..=count).map(|number| (number, 1)))
        };
        content(["a", "b"].into_iter().zip(sizes).map(sized))
    };
    let budget = Budget { moved_permille: 100, disturbed: 5 };
    let (small, large) = (TableSize::Small, TableSize::Large);
    let from = of([small, small], 41);
    // One gets a table of another size, and both a backend.
    let to = of([large, small], 42);
    let step = harmless(&from, &to, &budget);
    assert!(step.rest && budget.allows(&predict(&from, &step.now)));
    assert_eq!(step.now.sets().get("b"), to.sets().get("b"));
    let waiting = step.now.sets().get("a").unwrap();
    let new = waiting.backends.iter().find(|backend| backend.name == "b42").unwrap();
    assert_eq!((waiting.table_size, new.weight), (small, 0));
    assert_eq!(harmless(&step.now, &to, &budget), step);
    // By another seed.
    let mut rotated = of([small, small], 42);
    rotated.put_seed(Seed::new([9; 16]));
    let step = harmless(&from, &rotated, &budget);
    assert!(step.rest && step.now == of([small, small], 42));
    assert_eq!(harmless(&step.now, &rotated, &budget), step);
    assert_eq!(harmless(&from, &rotated, &Budget::UNLIMITED), Step { now: rotated, rest: false });
}

fn vip(number: u8, set: &str) -> Vip {
    Vip {
        name: format!("v{number}").parse().unwrap(),
        address: format!("203.0.113.{number}/32").parse().unwrap(),
        ports: Ports::One(80),
        protocol: Protocol::Tcp,
        set: set.parse().unwrap(),
        affinity: Affinity::None,
        flow_entries: None,
        sources: Vec::new(),
        shard: "all".parse().unwrap(),
        advertise: Advertise::default(),
        owner: String::new(),
    }
}

#[test]
fn vips_move_a_few_at_a_time() {
    let with = |set_name: &str, backends: &[(u8, u16)]| {
        let mut content = content([set(set_name, backends.iter().copied())]);
        (0..5).for_each(|number| content.put_vip(vip(number, set_name)));
        content
    };
    let (old, new) = (with("old", &[(1, 1)]), with("new", &[(1, 1), (2, 1)]));
    let budget = Budget { moved_permille: 1000, disturbed: 2 };
    let steps = walk(&old, &new, &budget);
    let moved: Vec<usize> = steps.iter().map(|(_, disruption)| disruption.vips.len()).collect();
    assert_eq!(moved, [2, 2, 1]);
    assert!(steps[0].0.sets().contains_key("old"));
    // Each of them moves half of its slots, whoever is disturbed besides.
    let VipDisruption::Moved { moved, .. } = &steps[0].1.vips[0] else { panic!("{:?}", steps[0].1) };
    assert!((450..550).contains(&moved.live_permille()), "{moved:?}");
    let small = Budget { moved_permille: 100, disturbed: 10 };
    assert!(!small.allows(&predict(&old, &new)));
    let held = harmless(&old, &new, &small);
    assert!(held.rest && small.allows(&predict(&old, &held.now)));
    assert_eq!(harmless(&held.now, &new, &small), held);
    // Sets of the same backends are no matter.
    let same = with("new", &[(1, 1)]);
    assert_eq!(predict(&old, &same), Disruption::default());
    assert_eq!(walk(&old, &same, &small).len(), 1);
}

#[test]
fn no_vip_waits_with_backends_that_are_not_its_own() {
    let put = |content: &mut Content, number: u8, set: &str| content.put_vip(vip(number, set));
    // Two VIPs of a set. One goes to another set, and the set itself changes too.
    let mut from = content([set("a", [(1, 1), (2, 1)])]);
    put(&mut from, 1, "a");
    put(&mut from, 2, "a");
    let to = |a: &[(u8, u16)], b: &[(u8, u16)]| {
        let mut to = content([set("a", a.iter().copied()), set("b", b.iter().copied())]);
        put(&mut to, 1, "a");
        put(&mut to, 2, "b");
        to
    };
    let set_of = |content: &Content, number: u8| -> String {
        content.vips().values().find(|vip| vip.name.as_str() == format!("v{number}")).unwrap().set.to_string()
    };
    let none = Budget { moved_permille: 0, disturbed: 0 };
    // The set is as it was: the VIP waits there.
    let step = harmless(&from, &to(&[(1, 1), (2, 1)], &[(1, 1), (2, 1), (3, 5)]), &none);
    assert_eq!((step.rest, set_of(&step.now, 2)), (true, "a".to_owned()));
    // It has another backend less: nobody waits for what the other VIP is served by.
    let step = harmless(&from, &to(&[(1, 1)], &[(1, 1), (2, 1), (3, 5)]), &none);
    assert_eq!((step.rest, set_of(&step.now, 2)), (false, "b".to_owned()));
    // A backend of the VIP is gone: it does not wait for what is dead.
    let step = harmless(&from, &to(&[(1, 1), (2, 1)], &[(2, 1), (3, 5)]), &none);
    assert_eq!((step.rest, set_of(&step.now, 2)), (false, "b".to_owned()));
    // The set is gone: it stays for this VIP, without the dead.
    let mut alone = content([set("b", [(2, 1), (3, 5)])]);
    put(&mut alone, 2, "b");
    let step = harmless(&from, &alone, &none);
    assert_eq!((step.rest, set_of(&step.now, 2)), (true, "a".to_owned()));
    let left: Vec<(String, u16)> =
        step.now.sets()["a"].backends.iter().map(|b| (b.name.clone(), b.weight)).collect();
    assert_eq!(left, [("b2".to_owned(), 1), ("b3".to_owned(), 0)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever changes: it comes to the end, and no step costs much more than it may.
    #[test]
    fn every_walk_ends(
        old in btree_map(0..8_u8, 1..4_u16, 1..6), new in btree_map(0..8_u8, 0..4_u16, 1..6),
        permille in 100..400_u32,
    ) {
        let (from, to) = (content([set("a", old)]), content([set("a", new)]));
        let budget = Budget { moved_permille: permille, disturbed: 1 };
        let steps = walk(&from, &to, &budget);
        prop_assert!(steps.len() <= 2 + 2 * 1000 / permille as usize, "{} steps", steps.len());
        for (_, disruption) in &steps[..steps.len() - 1] {
            let cost = disruption.sets.iter().map(|set| set.moved.live_permille()).max().unwrap_or(0);
            prop_assert!(cost <= permille + 100, "{} of {}", cost, permille);
        }
    }
}
