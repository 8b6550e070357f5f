//! Layers of one that was told what came before.

use super::*;
use crate::layers::Former;

fn former(slots: &[u16], replaced: u64) -> Former {
    Former { slots: slots.into(), key: LayerKey::Present, dead: Vec::new(), replaced: BootTime(replaced) }
}

fn push<'a>(target: &'a [u16], dead: &'a [u16], now: u64) -> Push<'a, impl Fn(u16) -> bool + use<'a>> {
    Push {
        target,
        upcoming: None,
        is_alive: |backend| !dead.contains(&backend),
        now: BootTime(now),
        window: WINDOW,
        room: Room::ALL,
    }
}

#[test]
fn what_was_told_is_as_if_it_had_been_seen() {
    let past = [former(&[1, 1, 2, 2], 10), former(&[1, 3, 2, 4], 20)];
    let told = Layers::replayed(&past, None, &push(&[1, 3, 5, 5], &[], 50));
    let mut seen = Layers::settled([1, 1, 2, 2].into());
    for (target, now) in [([1, 3, 2, 4], 10), ([1, 3, 5, 5], 20)] {
        seen = push_at(&seen, &target, &[], now).layers;
    }
    assert_eq!(told, Pushed { layers: seen, held: 0, at_risk: 0 });
    assert_eq!(told.layers.candidates(3, |_| 3, |_| true), [5, 4, 2, 0]);
    assert_eq!(told.layers.until(), Some(BootTime(120)), "counted from the change and not from now");
    let nothing = Layers::replayed(&[], None, &push(&[1, 3, 5, 5], &[], 50));
    assert_eq!(nothing.layers, Layers::settled([1, 3, 5, 5].into()));
}

#[test]
fn what_was_here_meanwhile_is_a_candidate_too() {
    let past = [former(&[1], 10), former(&[2], 20)];
    // What is here is what is due, or what was told: nothing is new but the time.
    let at = |own: u16, dead: &[u16]| Layers::replayed(&past, Some(&[own]), &push(&[3], dead, 50));
    let told = Layers::replayed(&past, None, &push(&[3], &[], 50));
    assert_eq!(at(3, &[]), told);
    for own in [1, 2] {
        let pushed = at(own, &[]);
        assert_eq!((pushed.layers.current[0], pushed.at_risk, pushed.held), (3 | UNSETTLED, 0, 0));
        let mut others = candidates(&pushed.layers).split_off(1);
        others.sort_unstable();
        assert_eq!((others, pushed.layers.until()), (vec![1, 2], Some(BootTime(150))));
    }
    // It takes the place of what only others know.
    let longer = [former(&[1], 10), former(&[2], 20), former(&[5], 30)];
    let of_longer = |own: u16, dead: &[u16]| Layers::replayed(&longer, Some(&[own]), &push(&[3], dead, 50));
    assert_eq!(candidates(&of_longer(4, &[]).layers), [3, 4, 5]);
    assert_eq!(candidates(&at(4, &[]).layers), [3, 4, 2, 1]);
    // Unless it is dead.
    assert_eq!(candidates(&at(4, &[4]).layers), [3, 2, 1]);
    assert_eq!(candidates(&of_longer(4, &[4]).layers), [3, 5, 2, 1]);
    assert_eq!(candidates(&of_longer(4, &[1]).layers), [3, 4, 5, 2]);
    assert_eq!(candidates(&at(4, &[1]).layers), [3, 4, 2]);
    assert_eq!(candidates(&at(1, &[1, 2]).layers), [3]);
    // With nothing told it is a change as any other.
    let alone = Layers::replayed(&[], Some(&[4]), &push(&[3], &[], 50));
    assert_eq!(alone, push_at(&Layers::settled([4].into()), &[3], &[], 50));
}

#[test]
fn a_slot_that_others_hold_is_held() {
    let past = [former(&[1], 10), former(&[2], 20), former(&[3], 30), former(&[6], 40)];
    let told = |own: Option<&[u16]>| Layers::replayed(&past, own, &push(&[4], &[], 50));
    assert_eq!((candidates(&told(None).layers), told(None).held), (vec![6, 3, 2, 1], 1));
    let own = told(Some(&[1]));
    assert_eq!((candidates(&own.layers), own.held), (vec![6, 1, 3, 2], 1));
    // Not for those that nobody else knows.
    assert_eq!(candidates(&told(Some(&[5])).layers), [4, 5, 6]);
}

#[test]
fn with_little_room_the_latest_are_remembered() {
    let past = [former(&[1, 1], 10), former(&[2, 1], 20)];
    let with =
        |own: Option<&[u16]>, room| Layers::replayed(&past, own, &Push { room, ..push(&[3, 3], &[], 50) });
    let first = with(None, Room(1));
    let of = |layers: &Layers, slot| layers.candidates(slot, |_| slot, |_| true);
    assert_eq!((of(&first.layers, 0), of(&first.layers, 1)), ([3, 2, 0, 0], [3, 1, 0, 0]));
    assert_eq!(first.at_risk, 0, "nobody knew it before");
    let own = with(Some(&[4, 3]), Room(1));
    assert_eq!((of(&own.layers, 0), of(&own.layers, 1)), ([3, 4, 0, 0], [3, 1, 0, 0]));
    assert_eq!(own.at_risk, 0);
    let neither = with(Some(&[4, 3]), Room::NONE);
    assert_eq!((neither.layers, neither.at_risk), (Layers::settled([3, 3].into()), 1));
}

#[test]
fn what_comes_next_is_announced_besides() {
    let upcoming = Push { upcoming: Some(&[9, 8]), ..push(&[3, 3], &[], 50) };
    let told = Layers::replayed(&[former(&[1, 3], 10)], None, &upcoming).layers;
    assert_eq!(told.candidates(0, |_| 0, |_| true), [3, 1, 9, 0]);
    assert_eq!(told.candidates(1, |_| 1, |_| true), [3, 8, 0, 0]);
}

#[test]
fn who_was_dead_meanwhile_is_taken_for_dead_then() {
    // The slot of 1 was 2's while 1 was dead, and is 1's again.
    let dead = Former { dead: vec![1], ..former(&[2], 20) };
    let told = |past: &[Former]| Layers::replayed(past, None, &push(&[1], &[], 50)).layers;
    assert_eq!(candidates(&told(std::slice::from_ref(&dead))), [1, 2]);
    // What was before the death is no candidate for that; what was before 1 is.
    assert_eq!(candidates(&told(&[former(&[1], 10), dead.clone()])), [1, 2]);
    assert_eq!(candidates(&told(&[former(&[3], 5), former(&[1], 10), dead])), [1, 2, 3]);
}

#[test]
fn what_was_before_another_seed_is_found_by_the_earlier_key() {
    let by_former = |slots: &[u16], replaced| Former { key: LayerKey::Earlier, ..former(slots, replaced) };
    let past = [by_former(&[1, 2], 10), by_former(&[3, 2], 20)];
    let told = Layers::replayed(&past, None, &push(&[4, 4], &[], 50)).layers;
    let seen = push_at(&Layers::settled([1, 2].into()), &[3, 2], &[], 10).layers;
    let seen = rotate_at(&seen, Rotation::New, &[4, 4], 20).unwrap();
    assert_eq!(told, push_at(&seen, &[4, 4], &[], 50).layers);
    assert_eq!(told.candidates(1, by_keys(1, 0), |_| true), [4, 3, 1, 0]);
    // And what came afterwards, by the present one.
    let past = [&past[1..], &[former(&[4, 5], 30)]].concat();
    let told = Layers::replayed(&past, None, &push(&[4, 4], &[], 50)).layers;
    assert_eq!(told.candidates(1, by_keys(1, 0), |_| true), [4, 5, 3, 0]);
    // It is not looked for where slots have been given to others meanwhile.
    let own = Layers::replayed(&past[..1], Some(&[7, 4]), &push(&[4, 4], &[], 50));
    assert_eq!((candidates(&own.layers), own.layers.unsettled()), (vec![4, 7], 1));
}

#[test]
fn what_had_another_size_is_found_by_its_own_count() {
    let past = [former(&[1, 2], 10), former(&[3, 2], 20)];
    let told = Layers::replayed(&past, None, &push(&[4, 5, 6], &[], 50));
    let seen = push_at(&Layers::settled([1, 2].into()), &[3, 2], &[], 10).layers;
    let seen = seen.resize(&Push { now: BootTime(20), ..push(&[4, 5, 6], &[], 50) });
    assert_eq!(told, seen);
    assert_eq!(told.layers.candidates(2, |_| 0, |_| true), [6, 3, 1, 0]);
    // Back to the former size: what was before that is another count again.
    let past = [&past[1..], &[former(&[4, 5, 6], 30)]].concat();
    let told = Layers::replayed(&past, None, &push(&[7, 7], &[], 50)).layers;
    let slot_in = |layer: &Layer| layer.slots.len() - 2;
    assert_eq!(told.candidates(1, slot_in, |_| true), [7, 5, 3, 0]);
    // It is not looked for where slots have been given to others meanwhile.
    let own = Layers::replayed(&past, Some(&[8, 7]), &push(&[7, 7], &[], 50));
    assert_eq!((candidates(&own.layers), own.layers.unsettled()), (vec![7, 8], 1));
}

fn table() -> impl Strategy<Value = Vec<u16>> {
    proptest::collection::vec(1_u16..7, SLOTS)
}

proptest! {
    /// As long as nothing of them was over in between, who was there and who was told have the same layers, whoever is
    /// dead at present.
    #[test]
    fn who_was_there_and_who_was_told_agree(
        tables in proptest::collection::vec((table(), 0_u64..40), 1..5),
        dead in proptest::collection::btree_set(1_u16..7, 0..3),
        later in 0_u64..100,
    ) {
        let mut now = NOW.0;
        let mut seen = Layers::settled(tables[0].0.as_slice().into());
        let mut held = 0;
        let mut past: Vec<Former> = Vec::new();
        for pair in tables.windows(2) {
            now += pair[1].1;
            past.push(former(&pair[0].0, now));
            let pushed = push_at(&seen, &pair[1].0, &[], now);
            seen = pushed.layers;
            held += pushed.held;
        }
        let last = &tables.last().unwrap().0;
        let over = past.first().map_or(now, |oldest| oldest.replaced.0) + 100;
        prop_assume!(now < over);
        now = (now + later).min(over - 1);
        let told = Layers::replayed(&past, None, &push(last, &[], now));
        prop_assert_eq!(&told.layers, &push_at(&seen, last, &[], now).layers);

        // The dead died at last.
        let dead: Vec<u16> = dead.into_iter().filter(|backend| !last.contains(backend)).collect();
        let seen = push_at(&seen, last, &dead, now).layers;
        let told = Layers::replayed(&past, None, &push(last, &dead, now)).layers;
        for slot in (0..SLOTS).filter(|_| held == 0) {
            let of = |layers: &Layers| layers.candidates(slot, |_| slot, |backend| !dead.contains(&backend));
            prop_assert_eq!(of(&seen), of(&told));
        }
    }

    /// The same with backends that are dead for a while, and a seed that changes.
    #[test]
    fn who_was_told_of_deaths_and_of_a_seed_agrees(
        steps in proptest::collection::vec(
            (table(), proptest::collection::btree_set(1_u16..7, 0..3), 0_u64..20),
            2..7,
        ),
        turns_at in proptest::option::of(1_usize..3),
    ) {
        let mut now = NOW.0;
        let mut seen: Option<Layers> = None;
        let mut past: Vec<Former> = Vec::new();
        let mut last: Option<(Vec<u16>, Vec<u16>, LayerKey)> = None;
        let mut held = BTreeSet::new();
        for (at, (table, dead, seconds)) in steps.into_iter().enumerate() {
            let dead: Vec<u16> = dead.into_iter().collect();
            let Some(alive) = (1..7).find(|backend| !dead.contains(backend)) else { continue };
            let live = |backend| if dead.contains(&backend) { alive } else { backend };
            let table: Vec<u16> = table.into_iter().map(live).collect();
            let key = if turns_at.is_some_and(|turn| at < turn) { LayerKey::Earlier } else { LayerKey::Present };
            let Some(before) = seen else {
                seen = Some(Layers::settled(table.as_slice().into()));
                last = Some((table, dead, key));
                continue;
            };
            now += seconds;
            if let Some((slots, dead, key)) = last.take() {
                past.push(Former { slots: slots.into(), key, dead, replaced: BootTime(now) });
            }
            let turned = if turns_at == Some(at) {
                let Ok(turned) = rotate_at(&before, Rotation::New, &table, now) else { return Ok(()) };
                turned
            } else {
                before
            };
            let pushed = push_at(&turned, &table, &dead, now);
            // A held slot is decided about again at another time than it is told.
            held.extend((0..SLOTS).filter(|&at| pushed.layers.current[at] & !UNSETTLED != table[at]));
            seen = Some(pushed.layers);
            last = Some((table, dead, key));
        }
        let (Some(seen), Some((table, dead, LayerKey::Present))) = (seen, last) else { return Ok(()) };
        if past.first().is_some_and(|oldest| now >= oldest.replaced.0 + 100) {
            return Ok(());
        }
        let told = Layers::replayed(&past, None, &push(&table, &dead, now)).layers;
        let seen = push_at(&seen, &table, &dead, now).layers;
        for slot in (0..SLOTS).filter(|slot| !held.contains(slot)) {
            for earlier in 0..SLOTS {
                let of = |layers: &Layers| layers.candidates(slot, by_keys(slot, earlier), |backend| !dead.contains(&backend));
                prop_assert_eq!(of(&seen), of(&told), "slot {} and {} of {:?} and {:?}", slot, earlier, &seen, &told);
            }
        }
    }

    /// Whatever was told, flows that were opened here or in the last table of the others are found, and nothing is in doubt
    /// for longer than it would be without.
    #[test]
    fn nothing_is_lost_that_is_known_here(
        own in table(),
        past in proptest::collection::vec((table(), 0_u64..60), 0..4),
        target in table(),
        dead in proptest::collection::btree_set(1_u16..7, 0..3),
        room in proptest::sample::select(vec![Room::ALL, Room(1)]),
    ) {
        let now = NOW.0;
        let mut ago = 0;
        let mut past: Vec<Former> = past
            .into_iter()
            .map(|(slots, seconds)| {
                ago += seconds;
                former(&slots, now - ago.min(99))
            })
            .collect();
        past.reverse();
        let dead: Vec<u16> = dead.into_iter().filter(|backend| !target.contains(backend)).collect();
        let push = Push { room, ..push(&target, &dead, now) };
        let pushed = Layers::replayed(&past, Some(&own), &push);
        prop_assert_eq!(pushed.at_risk, 0);
        prop_assert!(pushed.layers.until().is_none_or(|until| until.0 <= now + 100));
        prop_assert_eq!(&pushed.layers.push(&push).layers, &pushed.layers, "done at once");
        for (slot, own) in own.iter().enumerate() {
            let found = pushed.layers.candidates(slot, |_| slot, |backend| !dead.contains(&backend));
            prop_assert!(dead.contains(own) || found.contains(own), "{:?} of {}", found, slot);
            prop_assert!(!dead.contains(&found[0]));
        }
        // Settled ones stay so when they are told the same again.
        if pushed.layers.is_settled() {
            let again = Layers::replayed(&past, Some(&target), &push);
            prop_assert_eq!(&again.layers, &pushed.layers);
        }
    }
}
