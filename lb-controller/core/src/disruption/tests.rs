use guideway_dataplane_config::{Backend, EncapsulationKind};
use proptest::collection::btree_map;
use proptest::prelude::*;

use super::*;
use crate::Routing;

const SLOTS: u32 = 16_381;

/// Backends by number, with weights; an address is that of the number unless it is moved.
pub(crate) fn set(name: &str, weights: impl IntoIterator<Item = (u8, u16)>) -> BackendSet {
    let backend =
        |(number, weight)| Backend { name: format!("b{number}"), address: [10, 0, 0, number].into(), weight };
    BackendSet {
        name: name.into(),
        table_size: TableSize::Small,
        encapsulation: EncapsulationKind::IpIp,
        second_hop: false,
        drain_window: std::time::Duration::from_secs(60),
        health_check: None,
        backends: weights.into_iter().map(backend).collect(),
    }
}

pub(crate) fn content(sets: impl IntoIterator<Item = BackendSet>) -> Content {
    let mut content = Content::new(Seed::new([1; 16]), Routing::default());
    sets.into_iter().for_each(|set| content.put_set(set).unwrap());
    content
}

fn moved(old: BackendSet, new: BackendSet) -> Moved {
    let disruption = predict(&content([old]), &content([new]));
    disruption.sets.first().map_or(Moved { slots: SLOTS, ..Moved::default() }, |set| set.moved)
}

#[test]
fn what_lives_is_told_from_what_is_gone() {
    let five = || (0..5).map(|number| (number, 1));
    assert_eq!(moved(set("a", five()), set("a", five())), Moved { slots: SLOTS, live: 0, dead: 0 });
    // Nothing but the table counts.
    let mut checked = set("a", five());
    checked.second_hop = true;
    assert_eq!(moved(set("a", five()), checked), Moved { slots: SLOTS, live: 0, dead: 0 });
    // A backend less: its fifth is lost, and hardly anything else moves.
    let less = moved(set("a", five()), set("a", (0..4).map(|number| (number, 1))));
    assert!((3270..3280).contains(&less.dead) && less.live < SLOTS / 25, "{less:?}");
    // A backend more takes its sixth from those that live.
    let more = moved(set("a", five()), set("a", (0..6).map(|number| (number, 1))));
    assert!(more.dead == 0 && (2700..4000).contains(&more.live), "{more:?}");
    // Drained is not dead.
    let drained = moved(set("a", five()), set("a", (0..5).map(|number| (number, u16::from(number > 0)))));
    assert!(drained.dead == 0 && (3270..4300).contains(&drained.live), "{drained:?}");
    // Another pod of the same name.
    let mut replaced = set("a", five());
    Arc::make_mut(&mut replaced.backends)[0].address = "10.0.1.1".parse().unwrap();
    assert!(moved(set("a", five()), replaced).dead.abs_diff(less.dead) < 5);
    // All of them at once.
    let none = moved(set("a", five()), set("a", []));
    assert_eq!((none.live, none.dead), (0, SLOTS));
    let weightless = moved(set("a", five()), set("a", (0..5).map(|number| (number, 0))));
    assert_eq!((weightless.live, weightless.dead), (SLOTS, 0));
    let mut larger = set("a", five());
    larger.table_size = TableSize::Large;
    assert_eq!(moved(set("a", five()), larger).live, SLOTS);
    assert_eq!(moved(set("a", []), set("a", five())), Moved { slots: SLOTS, live: 0, dead: 0 });
}

#[test]
fn new_sets_cost_nothing_and_another_seed_everything() {
    let one = content([set("a", [(1, 1), (2, 1)])]);
    assert_eq!(predict(&content([]), &one), Disruption::default());
    let mut other = one.clone();
    other.put_seed(Seed::new([2; 16]));
    let disruption = predict(&one, &other);
    let [only] = &disruption.sets[..] else { panic!("{disruption:?}") };
    assert!((400..600).contains(&only.moved.live_permille()), "{only:?}");
    assert!(!disruption.is_harmless() && predict(&one, &one).is_harmless());
}

#[test]
fn many_sets_are_estimated() {
    let sets = |last: u8| {
        (0..u16::try_from(EXACT_SETS).unwrap() + 2)
            .map(move |number| set(&format!("s{number:04}"), [(1, number + 1), (2, 500), (last, 700)]))
    };
    let disruption = predict(&content(sets(3)), &content(sets(4)));
    assert_eq!(disruption.sets.len(), EXACT_SETS + 2);
    assert_eq!(disruption.sets.iter().filter(|set| !set.exact).count(), 2);
    let [.., exact, estimate] = &disruption.sets[EXACT_SETS - 1..=EXACT_SETS] else { panic!() };
    assert!(exact.exact && !estimate.exact);
    assert!(exact.moved.dead.abs_diff(estimate.moved.dead) < 50, "{exact:?} {estimate:?}");
    // The same change of many sets is one comparison.
    let same =
        |last: u8| (0..3 * EXACT_SETS).map(move |number| set(&format!("s{number:04}"), [(1, 1), (last, 1)]));
    let disruption = predict(&content(same(3)), &content(same(4)));
    assert!(disruption.sets.len() == 3 * EXACT_SETS && disruption.sets.iter().all(|set| set.exact));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// The tables move at least what the shares differ.
    #[test]
    fn shares_are_a_lower_bound(
        old in btree_map(0..8_u8, 0..4_u16, 1..6), new in btree_map(0..8_u8, 0..4_u16, 1..6),
    ) {
        prop_assume!(old.values().any(|weight| *weight > 0));
        let (old, new) = (set("a", old), set("a", new));
        let exact = moved(old.clone(), new.clone());
        let guess = estimate(&Plan::of(&old), &Plan::of(&new));
        // A slot for each backend is lost by rounding.
        prop_assert!(guess.live <= exact.live + 8 && guess.dead.abs_diff(exact.dead) <= 8, "{:?} {:?}", guess, exact);
    }
}
