use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

mod replay;

const WINDOW: Duration = Duration::from_secs(100);
const NOW: BootTime = BootTime(1_000);

fn push_at(layers: &Layers, target: &[u16], dead: &[u16], now: u64) -> Pushed {
    layers.push(&Push {
        target,
        upcoming: None,
        is_alive: |backend| !dead.contains(&backend),
        now: BootTime(now),
        window: WINDOW,
        room: Room::ALL,
    })
}

fn rotate_at(layers: &Layers, rotation: Rotation, target: &[u16], now: u64) -> Result<Layers, RotateError> {
    let now = BootTime(now);
    let push = Push { target, upcoming: None, is_alive: |_| true, now, window: WINDOW, room: Room::ALL };
    layers.rotate(rotation, &push)
}

/// The candidates of a layer with a single slot.
fn candidates(layers: &Layers) -> Vec<u16> {
    let candidates = layers.candidates(0, |_| 0, |_| true);
    candidates.into_iter().filter(|&backend| backend != 0).collect()
}

/// A set with one slot, which is given to each backend of `targets` at its time.
fn after(targets: &[(u16, u64)], dead: &[u16]) -> Pushed {
    let mut pushed = Pushed { layers: Layers::settled([targets[0].0].into()), held: 0, at_risk: 0 };
    for &(target, now) in &targets[1..] {
        pushed = push_at(&pushed.layers, &[target], dead, now);
    }
    pushed
}

/// Backends to which the slot is given, with times; the dead; candidates; held.
type Case = (&'static [(u16, u64)], &'static [u16], &'static [u16], u32);

#[test]
fn what_becomes_of_a_slot() {
    let cases: &[Case] = &[
        (&[(1, 0), (1, 10)], &[], &[1], 0),
        (&[(1, 0), (2, 10)], &[], &[2, 1], 0),
        (&[(1, 0), (2, 10)], &[1], &[2], 0),
        (&[(1, 0), (2, 10), (3, 20)], &[], &[3, 2, 1], 0),
        (&[(1, 0), (2, 10), (3, 20), (4, 30)], &[], &[4, 3, 2, 1], 0),
        (&[(1, 0), (2, 10), (3, 20), (4, 30), (5, 40)], &[], &[4, 3, 2, 1], 1),
        (&[(1, 0), (2, 10), (3, 20), (4, 30), (5, 40)], &[4], &[5, 3, 2, 1], 0),
        (&[(1, 0), (2, 10), (3, 20), (4, 30), (5, 40)], &[1], &[5, 4, 3, 2], 0),
        (&[(1, 0), (2, 10), (1, 20)], &[], &[1, 2], 0),
        (&[(1, 0), (2, 10), (3, 20), (1, 30)], &[], &[1, 3, 2], 0),
        (&[(1, 0), (2, 10), (3, 20), (2, 30)], &[], &[2, 3, 1], 0),
        (&[(1, 0), (2, 10), (3, 20), (4, 30), (2, 40)], &[], &[2, 4, 3, 1], 0),
        // The oldest is over at 110, the former present one at 120; a held slot moves then.
        (&[(1, 0), (2, 10), (2, 109)], &[], &[2, 1], 0),
        (&[(1, 0), (2, 10), (2, 110)], &[], &[2], 0),
        (&[(1, 0), (2, 10), (3, 20), (3, 110)], &[], &[3, 2], 0),
        (&[(1, 0), (2, 10), (3, 20), (4, 30), (4, 119)], &[], &[4, 3, 2], 0),
        (&[(1, 0), (2, 10), (3, 20), (4, 30), (4, 120)], &[], &[4, 3], 0),
        (&[(1, 0), (2, 10), (3, 20), (4, 30), (5, 40), (5, 109)], &[], &[4, 3, 2, 1], 1),
        (&[(1, 0), (2, 10), (3, 20), (4, 30), (5, 40), (5, 110)], &[], &[5, 4, 3, 2], 0),
        (&[(1, 0), (2, 10), (3, 20), (3, 120)], &[], &[3], 0),
    ];
    for (targets, dead, expected, held) in cases {
        let pushed = after(targets, dead);
        assert_eq!(
            (&candidates(&pushed.layers)[..], pushed.held),
            (*expected, *held),
            "{targets:?} without {dead:?}"
        );
        assert_eq!(pushed.layers.is_settled(), expected.len() == 1, "{targets:?}");
    }
}

#[test]
fn the_former_table_serves_as_it_is() {
    let before = Layers::settled([1, 1, 2, 2].into());
    let pushed = push_at(&before, &[1, 3, 2, 3], &[], 0);
    assert_eq!(*pushed.layers.current, [1, 3 | UNSETTLED, 2, 3 | UNSETTLED]);
    let [Some(first), None, None] = &pushed.layers.previous else { panic!("{pushed:?}") };
    assert!(Arc::ptr_eq(&first.slots, &before.current));
    assert_eq!((pushed.layers.unsettled(), pushed.layers.until()), (2, Some(BootTime(100))));
    // And nothing is made anew when nothing changes.
    let again = push_at(&pushed.layers, &[1, 3, 2, 3], &[], 50).layers;
    assert!(Arc::ptr_eq(&again.current, &pushed.layers.current));
    assert_eq!(again, pushed.layers);
    let over = push_at(&again, &[1, 3, 2, 3], &[], 100).layers;
    assert_eq!(over, Layers::settled([1, 3, 2, 3].into()));
}

#[test]
fn without_room_nothing_is_remembered_and_that_is_said() {
    let room = |room, layers: &Layers, target: &[u16]| {
        layers.push(&Push {
            target,
            upcoming: None,
            is_alive: |_| true,
            now: BootTime(50),
            window: WINDOW,
            room,
        })
    };
    let settled = Layers::settled([1, 2].into());
    let pushed = room(Room::NONE, &settled, &[3, 2]);
    assert_eq!((pushed.layers, pushed.at_risk), (Layers::settled([3, 2].into()), 1));
    // What is remembered already goes on.
    let two = after(&[(1, 0), (2, 10)], &[]).layers;
    let pushed = room(Room::NONE, &two, &[3]);
    assert_eq!((candidates(&pushed.layers), pushed.at_risk), (vec![3, 1], 1));
    let pushed = room(Room(1), &two, &[3]);
    assert_eq!((candidates(&pushed.layers), pushed.at_risk), (vec![3, 2], 1));
    let pushed = room(Room(2), &two, &[3]);
    assert_eq!((candidates(&pushed.layers), pushed.at_risk), (vec![3, 2, 1], 0));
    let three = after(&[(1, 0), (2, 10), (3, 20)], &[]).layers;
    let pushed = room(Room(2), &three, &[4]);
    assert_eq!((candidates(&pushed.layers), pushed.at_risk), (vec![4, 3, 2], 1));
    let pushed = room(Room(1), &three, &[4]);
    assert_eq!((candidates(&pushed.layers), pushed.at_risk), (vec![4, 3, 1], 1));
    // Nor is a slot held for want of room.
    let four = after(&[(1, 0), (2, 10), (3, 20), (4, 30)], &[]).layers;
    assert_eq!(candidates(&room(Room::NONE, &four, &[5]).layers), [5, 3, 2, 1]);
}

#[test]
fn what_comes_next_is_the_last_candidate() {
    let announce = |layers: &Layers, target: &[u16], upcoming: &[u16], now| {
        layers.push(&Push {
            target,
            upcoming: Some(upcoming),
            is_alive: |backend| backend != 9,
            now: BootTime(now),
            window: WINDOW,
            room: Room::ALL,
        })
    };
    let settled = Layers::settled([1, 2, 3].into());
    let announced = announce(&settled, &[1, 2, 3], &[1, 4, 9], 0).layers;
    assert_eq!(announced.candidates(1, |_| 1, |_| true), [2, 4, 0, 0]);
    assert_eq!(*announced.current, [1, 2 | UNSETTLED, 3], "the dead are not announced");
    assert_eq!(announce(&announced, &[1, 2, 3], &[1, 4, 9], 50).layers, announced);
    // When it comes, all forwarders have the same candidates, before and after.
    let come = push_at(&announced, &[1, 4, 3], &[], 60).layers;
    assert_eq!(come.candidates(1, |_| 1, |_| true), [4, 2, 0, 0]);
    // As long as it is announced it is announced anew.
    let renewed = announce(&announced, &[1, 2, 3], &[1, 4, 9], 100).layers;
    assert_eq!(renewed.until(), Some(BootTime(200)));
    // A second change announced before the first has come finds a place too, and a third; a fourth does not.
    let two = announce(&announced, &[1, 2, 3], &[1, 5, 3], 70).layers;
    let three = announce(&two, &[1, 2, 3], &[1, 6, 3], 80).layers;
    let mut found = three.candidates(1, |_| 1, |_| true);
    found[1..].sort_unstable();
    assert_eq!(found, [2, 4, 5, 6]);
    assert_eq!(announce(&three, &[1, 2, 3], &[1, 7, 3], 80).layers, three);
    let mut found = push_at(&two, &[1, 5, 3], &[], 90).layers.candidates(1, |_| 1, |_| true);
    found[1..].sort_unstable();
    assert_eq!(found, [5, 0, 2, 4]);
}

#[test]
fn a_change_of_seed_leaves_all_in_doubt_and_is_not_followed_by_another() {
    let before = after(&[(1, 0), (2, 10)], &[]).layers;
    let rotated = rotate_at(&before, Rotation::New, &[5], 20).unwrap();
    assert_eq!(candidates(&rotated), [5, 2, 1]);
    assert!(rotated.previous.iter().flatten().all(|layer| layer.key == LayerKey::Earlier));
    let again = rotate_at(&rotated, Rotation::New, &[6], 30);
    assert_eq!(again, Err(RotateError::InDoubt { until: BootTime(120) }));
    // A change finds a place before the two.
    let pushed = push_at(&rotated, &[6], &[], 40).layers;
    assert_eq!(candidates(&pushed), [6, 5, 2, 1]);
    let keys: Vec<LayerKey> = pushed.previous.iter().flatten().map(|layer| layer.key).collect();
    assert_eq!(keys, [LayerKey::Present, LayerKey::Earlier, LayerKey::Earlier]);
    // There is no fourth place, until the older of the two is over.
    let held = push_at(&pushed, &[7], &[], 109);
    assert_eq!((candidates(&held.layers), held.held), (vec![6, 5, 2, 1], 1));
    assert_eq!(candidates(&push_at(&held.layers, &[7], &[], 110).layers), [7, 6, 5, 2]);
    assert_eq!(candidates(&push_at(&held.layers, &[7], &[], 120).layers), [7, 6, 5]);
    // And with three of them none for what is the present table.
    let three = after(&[(1, 0), (2, 10), (3, 20), (4, 30)], &[]).layers;
    let refused = rotate_at(&three, Rotation::New, &[5], 40);
    assert_eq!(refused, Err(RotateError::InDoubt { until: BootTime(110) }));
    assert_eq!(candidates(&rotate_at(&three, Rotation::New, &[5], 110).unwrap()), [5, 4, 3, 2]);
}

#[test]
fn a_change_of_size_leaves_all_in_doubt_and_forgets_the_oldest() {
    let resize = |layers: &Layers, target: &[u16], now, room| {
        let is_alive = |_: u16| true;
        let now = BootTime(now);
        layers.resize(&Push { target, upcoming: None, is_alive, now, window: WINDOW, room })
    };
    let before = after(&[(1, 0), (2, 10)], &[]).layers;
    let resized = resize(&before, &[5, 5], 20, Room::ALL);
    assert_eq!((candidates(&resized.layers), resized.at_risk), (vec![5, 2, 1], 0));
    let layers: Vec<(LayerKey, u64)> =
        resized.layers.previous.iter().flatten().map(|layer| (layer.key, layer.until.0)).collect();
    assert_eq!(layers, [(LayerKey::Present, 120), (LayerKey::Present, 110)]);
    assert_eq!(*resized.layers.current, [5 | UNSETTLED; 2]);
    // A third one at once has no place for the oldest.
    let again = resize(&resized.layers, &[6], 30, Room::ALL);
    assert_eq!((candidates(&again.layers), again.at_risk), (vec![6, 5, 2, 1], 0));
    let third = resize(&again.layers, &[7, 7], 40, Room::ALL);
    assert_eq!((candidates(&third.layers), third.at_risk), (vec![7, 6, 5, 2], 1));
    // With less room, less is remembered.
    let first = resize(&before, &[5, 5], 20, Room(1));
    assert_eq!((candidates(&first.layers), first.at_risk), (vec![5, 2], 1));
    let neither = resize(&before, &[5, 5], 20, Room::NONE);
    assert_eq!((neither.layers, neither.at_risk), (Layers::settled([5, 5].into()), 1));
    // A change waits for a place, and in the end there is what is due.
    let pushed = push_at(&resized.layers, &[7, 5], &[], 25).layers;
    assert_eq!(candidates(&pushed), [7, 5, 2, 1]);
    let held = push_at(&pushed, &[8, 5], &[], 30);
    assert_eq!((candidates(&held.layers), held.held), (vec![7, 5, 2, 1], 1));
    let pushed = push_at(&held.layers, &[8, 5], &[], 110).layers;
    assert_eq!(candidates(&pushed), [8, 7, 5, 2]);
    let settled = push_at(&pushed, &[8, 5], &[], 210);
    assert_eq!(settled.layers, Layers::settled([8, 5].into()));
    // Once all backends of the latest layer are dead there is a place again, for a change of either kind.
    let moved = push_at(&resize(&before, &[5, 5], 20, Room::ALL).layers, &[6, 6], &[], 110).layers;
    let dead = push_at(&moved, &[6, 6], &[5], 111).layers;
    assert_eq!(candidates(&dead), [6, 2]);
    let resized = resize(&dead, &[7], 112, Room::ALL);
    assert_eq!((candidates(&resized.layers), resized.at_risk), (vec![7, 6, 2], 0));
    assert_eq!(candidates(&rotate_at(&dead, Rotation::New, &[7], 112).unwrap()), [7, 6, 2]);
    // Nor does a slot wait for a layer whose last candidates have just died.
    let twice = resize(&Layers::settled([3, 2, 3].into()), &[1], 0, Room::ALL).layers;
    let twice = resize(&twice, &[3, 2, 1], 0, Room::ALL).layers;
    let table =
        |pushed: &Pushed| pushed.layers.current.iter().map(|slot| slot & !UNSETTLED).collect::<Vec<_>>();
    let filled = push_at(&twice, &[3, 2, 5], &[], 1).layers;
    let filled = push_at(&filled, &[3, 5, 5], &[], 1).layers;
    let held = push_at(&filled, &[3, 4, 5], &[], 1);
    assert_eq!((table(&held), held.held), (vec![3, 5, 5], 1));
    let moved = push_at(&filled, &[4, 4, 5], &[3], 1);
    assert_eq!((table(&moved), moved.held), (vec![4, 4, 5], 0));
    assert_eq!(moved.layers.candidates(1, |layer| layer.slots.len() / 2, |_| true), [4, 5, 2, 1]);
    // The seed changes with the size.
    let rotated = rotate_at(&before, Rotation::New, &[5, 5], 20).unwrap();
    assert_eq!(candidates(&rotated), [5, 2, 1]);
}

#[test]
fn what_will_be_counted_otherwise_is_a_candidate_by_its_own_count() {
    let announced = |layers: &Layers, slots: &[u16], key, now| {
        let (target, now) = (&layers.current, BootTime(now));
        let push = Push { target, upcoming: None, is_alive: |_| true, now, window: WINDOW, room: Room::ALL };
        layers.announce(&slots.into(), key, &push)
    };
    let all = |layers: &Layers, slot: usize, other: usize| {
        layers.candidates(slot, |layer| if layer.counts_as(&layers.current) { slot } else { other }, |_| true)
    };
    let settled = Layers::settled([1, 2].into());
    let next = announced(&settled, &[3, 4], LayerKey::Earlier, 0).unwrap();
    assert_eq!([all(&next, 0, 1), all(&next, 1, 1)], [[1, 4, 0, 0], [2, 4, 0, 0]]);
    assert_eq!((next.until(), next.unsettled()), (Some(BootTime(100)), 2));
    assert_eq!(announced(&next, &[3, 4], LayerKey::Earlier, 50).as_ref(), Some(&next), "once is enough");
    let larger = announced(&settled, &[3, 4, 5], LayerKey::Present, 0).unwrap();
    assert_eq!(all(&larger, 0, 2), [1, 5, 0, 0]);
    // What is no candidate of a settled slot does not become one by it.
    let doubt = push_at(&settled, &[1, 3], &[], 0).layers;
    assert_eq!(all(&announced(&doubt, &[5, 5], LayerKey::Earlier, 1).unwrap(), 0, 0), [1, 5, 0, 0]);
    assert_eq!(all(&announced(&doubt, &[5, 5], LayerKey::Earlier, 1).unwrap(), 1, 0), [3, 2, 5, 0]);
    // It comes, and is the present table; and if nobody remembers what was announced, too.
    let come = rotate_at(&next, Rotation::Back, &[3, 4], 10).unwrap();
    assert_eq!(come, rotate_at(&settled, Rotation::New, &[3, 4], 10).unwrap());
    let of_three = announced(&doubt, &[5, 5], LayerKey::Earlier, 1).unwrap();
    let of_four = announced(&of_three, &[6, 6, 6], LayerKey::Present, 2).unwrap();
    assert_eq!(announced(&of_four, &[7, 7], LayerKey::Earlier, 3), None, "there is no fifth place");
    let come = rotate_at(&of_three, Rotation::Back, &[5, 5], 10).unwrap();
    assert_eq!(all(&come, 0, 1), [5, 3, 2, 0]);
    assert!(come.previous.iter().flatten().all(|layer| layer.key == LayerKey::Earlier));
    // What has become another one meanwhile counts as what was by that key before.
    let other = rotate_at(&of_four, Rotation::Back, &[5, 6], 10);
    assert_eq!(other, Err(RotateError::InDoubt { until: BootTime(100) }));
    let other = rotate_at(&of_three, Rotation::Back, &[5, 6], 10).unwrap();
    assert_eq!(all(&other, 1, 1), [6, 3, 2, 5]);
    let other = rotate_at(&next, Rotation::Back, &[3, 6], 10).unwrap();
    assert_eq!([all(&other, 0, 1), all(&other, 1, 1)], [[3, 2, 0, 0], [6, 2, 4, 0]]);
}

#[test]
fn a_seed_may_change_back() {
    let settled = Layers::settled([1, 2].into());
    let there = rotate_at(&settled, Rotation::New, &[3, 4], 10).unwrap();
    let back = rotate_at(&there, Rotation::Back, &[1, 2], 20).unwrap();
    let layers: Vec<(&[u16], LayerKey)> =
        back.previous.iter().flatten().map(|layer| (&*layer.slots, layer.key)).collect();
    assert_eq!(layers, [(&[3, 4][..], LayerKey::Earlier)]);
    assert_eq!(back.candidates(0, |_| 1, |_| true), [1, 4, 0, 0]);
    let elsewhere = rotate_at(&there, Rotation::Back, &[5, 2], 20).unwrap();
    assert_eq!(
        elsewhere.candidates(0, |layer| usize::from(layer.key == LayerKey::Earlier), |_| true),
        [5, 4, 1, 0]
    );
}

/// The slot of a flow that has these slots by the present key and by the earlier one.
fn by_keys(present: usize, earlier: usize) -> impl Fn(&Layer) -> usize {
    move |layer| if layer.key == LayerKey::Present { present } else { earlier }
}

/// Flows of a set over any history, each with a slot by each key and size.
struct World {
    layers: Layers,
    /// The present one and the other.
    keys: [usize; 2],
    /// Backend of each flow, and when it may be moved once its slot has another backend.
    flows: Vec<(u16, Option<BootTime>)>,
    dead: BTreeSet<u16>,
}

const SLOTS: usize = 12;

/// The slot of a flow in a table.
fn slot_of(flow: usize, key: usize, slots: usize) -> usize {
    (flow * [1, 5, 7, 11][key % 4] + key) % slots
}

impl World {
    fn candidates(&self, flow: usize) -> Vec<u16> {
        let slot = slot_of(flow, self.keys[0], self.layers.current.len());
        let slot_in = |layer: &Layer| {
            let key = self.keys[usize::from(layer.key == LayerKey::Earlier)];
            slot_of(flow, key, layer.slots.len())
        };
        let candidates = self.layers.candidates(slot, slot_in, |backend| !self.dead.contains(&backend));
        candidates.into_iter().filter(|&backend| backend != 0).collect()
    }

    /// Flows that lost their backend begin anew.
    fn look(&mut self, now: BootTime) {
        for flow in 0..SLOTS {
            let candidates = self.candidates(flow);
            assert!(candidates.len() <= 4);
            let (backend, until) = self.flows[flow];
            if self.dead.contains(&backend) || until.is_some_and(|until| until <= now) {
                self.flows[flow] = (candidates[0], None);
            } else {
                assert!(
                    candidates.contains(&backend),
                    "flow {flow} at {backend} until {until:?}: {candidates:?}"
                );
                let until = if candidates[0] == backend { None } else { until.or(Some(now.after(WINDOW))) };
                self.flows[flow] = (backend, until);
            }
        }
    }
}

proptest! {
    #[test]
    fn no_flow_loses_a_live_backend(
        steps in proptest::collection::vec(
            ((proptest::sample::select(vec![SLOTS, SLOTS, SLOTS, 7]), proptest::collection::vec(1_u16..7, SLOTS)),
             proptest::collection::btree_set(1_u16..7, 0..3), 0_u64..90, proptest::option::weighted(0.15, any::<bool>()), any::<bool>(),
             proptest::option::weighted(0.2, (any::<bool>(), proptest::collection::vec(1_u16..7, 7)))),
            1..30,
        ),
    ) {
        let mut now = NOW;
        let mut world: Option<World> = None;
        let mut last_target: Option<Vec<u16>> = None;
        for ((size, mut target), dead, seconds, rotates, same, announces) in steps {
            now = BootTime(now.0 + seconds);
            let mut size = size;
            if let Some(world) = &world && world.layers.previous.iter().all(Option::is_some) {
                // What has no place is lost.
                size = world.layers.current.len();
            }
            target.truncate(size);
            let target = last_target.filter(|last: &Vec<u16>| same && last.len() == size).unwrap_or(target);
            // What is due is alive.
            let dead: BTreeSet<u16> = dead.into_iter().filter(|backend| !target.contains(backend)).collect();
            let Some(world) = &mut world else {
                let layers = Layers::settled(target.as_slice().into());
                let flows = (0..SLOTS).map(|flow| (target[slot_of(flow, 1, size)], None)).collect();
                world = Some(World { layers, keys: [1, 1], flows, dead });
                last_target = Some(target);
                continue;
            };
            // Who was dead has lost its flows.
            let lost = world.dead.union(&dead).copied().collect::<BTreeSet<u16>>();
            world.dead = dead;
            for (backend, until) in &mut world.flows {
                if lost.contains(backend) {
                    *until = Some(NOW);
                }
            }
            let push = Push {
                target: &target,
                upcoming: None,
                is_alive: |backend| !world.dead.contains(&backend),
                now,
                window: WINDOW,
                room: Room::ALL,
            };
            let rotation = rotates.map(|is_back| {
                if is_back && world.keys[0] != world.keys[1] { Rotation::Back } else { Rotation::New }
            });
            let rotated = rotation.map(|rotation| world.layers.rotate(rotation, &push));
            match (rotated, rotation) {
                (Some(Ok(layers)), Some(rotation)) => {
                    world.layers = layers;
                    world.keys = match (rotation, world.keys) {
                        (Rotation::New, [present, other]) => [present.max(other) + 1, present],
                        (Rotation::Back, [present, other]) => [other, present],
                    };
                }
                _ => {
                    if size != world.layers.current.len() {
                        let resized = world.layers.resize(&push);
                        prop_assert_eq!(resized.at_risk, 0);
                        world.layers = resized.layers;
                    }
                    let pushed = world.layers.push(&push);
                    prop_assert_eq!(&pushed, &world.layers.push(&push), "deterministic");
                    prop_assert_eq!(&pushed.layers.push(&push).layers, &pushed.layers, "done at once");
                    prop_assert_eq!(pushed.at_risk, 0);
                    let differs = pushed.layers.current.iter().zip(&target).filter(|(slot, target)| *slot & !UNSETTLED != **target);
                    prop_assert_eq!(differs.count(), pushed.held as usize);
                    world.layers = pushed.layers;
                }
            }
            if world.layers.is_settled() {
                prop_assert_eq!(&*world.layers.current, target.as_slice());
            }
            prop_assert_eq!(world.layers.is_settled(), world.layers.next_deadline().is_none());
            world.look(now);
            let needs_key = |layer: &Layer| layer.key == LayerKey::Earlier && layer.until > now;
            if let Some((by_another_key, slots)) = announces
                && !world.layers.previous.iter().flatten().any(needs_key)
            {
                let key = if by_another_key { LayerKey::Earlier } else { LayerKey::Present };
                world.keys[1] = world.keys[0].max(world.keys[1]) + 1;
                let slots: Slots = slots.as_slice().into();
                // The one that is present after a step, held slots and all.
                let target: Vec<u16> = world.layers.current.iter().map(|slot| slot & !UNSETTLED).collect();
                let dead = world.dead.clone();
                let is_alive = |backend| !dead.contains(&backend);
                let push = Push { target: &target, upcoming: None, is_alive: &is_alive, now, window: WINDOW, room: Room::ALL };
                if let Some(announced) = world.layers.announce(&slots, key, &push) {
                    world.layers = announced;
                    let is_whole = world.layers.previous.iter().flatten().any(|layer| layer.slots == slots);
                    for flow in 0..SLOTS {
                        let at = slot_of(flow, world.keys[usize::from(by_another_key)], slots.len());
                        let backend = slots[at];
                        prop_assert!(!is_whole || world.dead.contains(&backend) || world.candidates(flow).contains(&backend));
                    }
                }
                world.look(now);
            }
            last_target = Some(target);
        }
    }

    /// However often the target changes, it is reached when everything old is over.
    #[test]
    fn in_the_end_there_is_the_target(
        targets in proptest::collection::vec(proptest::collection::vec(1_u16..7, SLOTS), 1..10),
    ) {
        let mut layers = Layers::settled(targets[0].as_slice().into());
        let mut now = NOW.0;
        for target in &targets {
            layers = push_at(&layers, target, &[], now).layers;
            now += 7;
        }
        let last = targets.last().unwrap();
        let mut rounds = BTreeMap::new();
        while let Some(deadline) = layers.next_deadline() {
            layers = push_at(&layers, last, &[], deadline.0).layers;
            *rounds.entry(deadline).or_insert(0) += 1;
            prop_assert!(rounds.len() < 8);
        }
        prop_assert_eq!(layers, Layers::settled(last.as_slice().into()));
    }
}
