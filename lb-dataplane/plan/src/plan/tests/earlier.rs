//! Forwarders that join, and those that were there.

use std::collections::BTreeSet;
use std::net::IpAddr;

use guideway_abi::UNSETTLED;
use proptest::prelude::*;

use super::*;
use crate::Earlier;

pub(super) const ROOM: Capacities =
    Capacities { vips: 6, backends: 20, tables_large: 2, tables_small: 16, flow_buckets: 64 };

pub(super) fn members(names: &[u8]) -> Vec<Member> {
    names.iter().map(|name| member(&format!("be{name}"), &format!("10.0.0.{name}"))).collect()
}

pub(super) fn earlier(names: &[u8], replaced: u64) -> Earlier {
    Earlier {
        members: members(names).into(),
        seed: nothing().seed,
        table_size: TableSize::Small,
        replaced: BootTime(replaced),
    }
}

/// The same by another seed.
pub(super) fn by(seed: u8, earlier: Earlier) -> Earlier {
    Earlier { seed: Seed([seed; 16]), ..earlier }
}

/// The same without these.
fn without(dead: &[u8], mut earlier: Earlier) -> Earlier {
    let dead: Vec<String> = members(dead).into_iter().map(|member| member.name).collect();
    earlier.members.iter_mut().for_each(|member| member.healthy = !dead.contains(&member.name));
    earlier
}

/// One set.
pub(super) fn web(names: &[u8]) -> Desired {
    Desired {
        sets: vec![set("web", members(names))],
        vips: vec![vip("web", "203.0.113.10:80", "web")].into(),
        ..nothing()
    }
}

pub(super) fn with_earlier(desired: &Desired, earlier: &[Earlier]) -> Desired {
    let mut desired = desired.clone();
    desired.sets[0].earlier = earlier.iter().cloned().collect();
    desired
}

/// A forwarder.
pub(super) struct Forwarder {
    pub(super) maps: Maps,
    pub(super) installed: Installed,
}

impl Forwarder {
    pub(super) fn new(capacities: Capacities) -> Self {
        Self { maps: Maps::new(capacities), installed: Installed::empty(capacities) }
    }

    pub(super) fn advance(&mut self, desired: &Desired, now: u64) -> Plan {
        let plan = advance_at(&mut self.maps, &mut self.installed, desired, BootTime(now));
        assert_eq!(self.maps.read().unwrap(), self.installed);
        plan
    }

    /// With and without a memory.
    pub(super) fn assert_unchanged(&self, desired: &Desired, now: u64) {
        for installed in [&self.installed, &self.maps.read().unwrap()] {
            let outcome = plan(desired, installed, BootTime(now), &mut TableCache::new()).unwrap();
            assert!(matches!(outcome, Outcome::Unchanged(_)), "{:?}", outcome.layout());
        }
    }

    pub(super) fn layers(&self) -> &crate::layers::Layers {
        self.installed.sets[0].as_ref().unwrap().layers.as_ref().unwrap()
    }

    /// The candidates of each slot of the first set, by their addresses.
    pub(super) fn candidates(&self) -> Vec<[IpAddr; 4]> {
        let is_alive = |backend| self.maps.state(backend) != guideway_abi::backend_state::DEAD;
        let layers = self.layers();
        let slots = (0..layers.current.len()).map(|slot| layers.candidates(slot, |_| slot, is_alive));
        slots
            .map(|slot| {
                slot.map(|backend| crate::key::address(self.maps.backends[usize::from(backend)].address))
            })
            .collect()
    }

    /// Where packets of some flows go first.
    pub(super) fn backends(&self) -> Vec<IpAddr> {
        self.packets().into_iter().map(|(destination, _)| destination).collect()
    }

    /// What becomes of the packets of some flows, by addresses alone.
    pub(super) fn packets(&self) -> Vec<(IpAddr, Vec<IpAddr>)> {
        let flows = (0..200).map(|n| tcp(&format!("198.51.100.{n}:1234"), "203.0.113.10:80"));
        let verdicts = flows.map(|flow| match self.maps.forward(&flow, Packet::Later) {
            Verdict::Encapsulated { destination, hops, .. } => (destination, hops),
            verdict => panic!("{verdict:?}"),
        });
        verdicts.collect()
    }
}

/// One that has had all of `past` and then `desired`.
fn seen(past: &[Earlier], desired: &Desired) -> Forwarder {
    let mut forwarder = Forwarder::new(ROOM);
    let mut now = 0;
    for earlier in past {
        let mut then = desired.clone();
        then.leaving.clear();
        then.sets[0].members = earlier.members.clone();
        then.seed = earlier.seed;
        forwarder.advance(&then, now);
        now = earlier.replaced.0;
    }
    forwarder.advance(desired, now);
    forwarder
}

/// One that joins.
fn told(past: &[Earlier], desired: &Desired, now: u64) -> Forwarder {
    let mut forwarder = Forwarder::new(ROOM);
    let desired = with_earlier(desired, past);
    forwarder.advance(&desired, now);
    forwarder.assert_unchanged(&desired, now);
    forwarder.assert_unchanged(&with_earlier(&desired, &[]), now);
    forwarder
}

#[test]
fn who_joins_has_the_candidates_of_who_was_there() {
    let histories: [&[Earlier]; 4] = [
        &[earlier(&[1, 2, 3], 1_000)],
        &[earlier(&[1, 2, 3], 1_000), earlier(&[1, 2, 3, 4, 5], 1_200)],
        // It is as it was before.
        &[earlier(&[1, 2, 4], 1_000), earlier(&[1, 2, 3], 1_200)],
        // More than a slot can remember.
        &[earlier(&[1], 1_000), earlier(&[2], 1_100), earlier(&[3], 1_200), earlier(&[5], 1_300)],
    ];
    let desired = web(&[1, 2, 4]);
    for past in histories {
        let mut seen = seen(past, &desired);
        let mut told = told(past, &desired, 1_400);
        assert!(!told.layers().is_settled());
        assert!(told.candidates() == seen.candidates(), "{past:?}");
        assert_eq!(told.packets(), seen.packets());
        assert_eq!(told.layers().next_deadline(), seen.layers().next_deadline());
        // And forgets them with it.
        for now in [1_600, 1_700, 1_800, 1_900, 2_500, 3_100] {
            for one in [&mut seen, &mut told] {
                let outcome = plan(&desired, &one.installed, BootTime(now), &mut TableCache::new()).unwrap();
                if let Outcome::Plan(_) = outcome {
                    one.advance(&desired, now);
                }
            }
            assert!(told.candidates() == seen.candidates(), "{past:?} at {now}");
        }
        assert!(told.layers().is_settled());
    }
}

#[test]
fn who_joins_knows_of_backends_that_were_dead_and_of_another_seed() {
    let histories: [&[Earlier]; 6] = [
        &[without(&[2], earlier(&[1, 2, 4], 1_200))],
        &[earlier(&[1, 2, 4], 1_000), without(&[1, 2], earlier(&[1, 2, 4], 1_200))],
        &[earlier(&[1, 2, 3], 1_000), earlier(&[1, 2, 4], 1_100), without(&[2], earlier(&[1, 2, 4], 1_200))],
        &[by(8, earlier(&[1, 2, 4], 1_200))],
        &[by(8, earlier(&[1, 2, 3], 1_000)), by(8, earlier(&[1, 2, 4], 1_200))],
        &[by(8, earlier(&[1, 2, 3], 1_000)), earlier(&[1, 2, 4, 5], 1_200)],
    ];
    let desired = web(&[1, 2, 4]);
    for past in histories {
        let (mut seen, mut told) = (seen(past, &desired), told(past, &desired, 1_400));
        assert!(!told.layers().is_settled());
        assert_eq!(told.installed.header.previous_flow_key, seen.installed.header.previous_flow_key);
        for now in [1_400, 1_600, 1_700, 1_800, 3_100] {
            for one in [&mut seen, &mut told] {
                let outcome = plan(&desired, &one.installed, BootTime(now), &mut TableCache::new()).unwrap();
                if let Outcome::Plan(_) = outcome {
                    one.advance(&desired, now);
                }
            }
            assert!(told.candidates() == seen.candidates(), "{past:?} at {now}");
            assert_eq!(told.packets(), seen.packets(), "{past:?} at {now}");
        }
        assert!(told.layers().is_settled());
        assert_eq!(told.installed.header.previous_flow_key, FlowKey::default());
    }
    // One earlier key is all that there is.
    let older = [by(9, earlier(&[1, 5], 900)), by(8, earlier(&[1, 2, 3], 1_000)), earlier(&[1, 2], 1_200)];
    assert!(told(&older, &desired, 1_400).candidates() == told(&older[1..], &desired, 1_400).candidates());
}

/// There is one earlier flow key for all sets, and what is installed may need it.
#[test]
fn another_seed_counts_where_nothing_needs_the_key() {
    let desired = web(&[1, 2]);
    let past = [by(8, earlier(&[1, 3], 1_000))];
    let with_past = with_earlier(&desired, &past);
    // As it was before what is told: nothing of it can be found any more.
    let mut rotated = Forwarder::new(ROOM);
    rotated.advance(&Desired { seed: Seed([9; 16]), ..desired.clone() }, 900);
    rotated.advance(&with_past, 1_100);
    let key = rotated.installed.header.previous_flow_key;
    assert!(!rotated.layers().is_settled() && key != FlowKey::default());
    assert!(!rotated.candidates().iter().flatten().any(|address| *address == IpAddr::from([10, 0, 0, 3])));
    rotated.assert_unchanged(&with_past, 1_100);
    // A new set beside one that is settled, and by the same key.
    let mut two = desired.clone();
    two.sets
        .push(crate::BackendSet { earlier: past.iter().cloned().collect(), ..set("new", members(&[1, 2])) });
    two.vips.push(vip("new", "203.0.113.11:80", "new"));
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&desired, 1_000);
    forwarder.advance(&two, 1_100);
    let layers = |at: usize| forwarder.installed.sets[at].as_ref().unwrap().layers.as_ref().unwrap();
    let unsettled: Vec<u32> = (0..2).map(|at| layers(at).unsettled()).collect();
    assert_eq!(unsettled, [0, 16_381]);
    forwarder.assert_unchanged(&two, 1_100);
}

#[test]
fn what_was_longer_ago_than_the_window_does_not_count() {
    let desired = web(&[1, 2]);
    let past = [earlier(&[1, 2, 3], 1_000), earlier(&[1, 2, 4], 1_200)];
    let of = |past: &[Earlier], now| told(past, &desired, now).candidates();
    let those_there = |past: &[Earlier], desired: &Desired, until: u64| {
        let mut forwarder = seen(past, desired);
        for now in [1_600, 1_700, 1_800, 1_900].into_iter().filter(|now| *now <= until) {
            if let Outcome::Plan(_) =
                plan(desired, &forwarder.installed, BootTime(now), &mut TableCache::new()).unwrap()
            {
                forwarder.advance(desired, now);
            }
        }
        forwarder.candidates()
    };
    for now in [1_599, 1_600, 1_799] {
        assert!(of(&past, now) == those_there(&past, &desired, now), "{now}");
    }
    // What a slot was held for counts for a window from when it was given away.
    let past_of_held =
        [earlier(&[1], 1_000), earlier(&[2], 1_100), earlier(&[3], 1_200), earlier(&[5], 1_300)];
    let with_another = web(&[1, 2, 4]);
    let of_held = |now| told(&past_of_held, &with_another, now);
    assert!(!of_held(1_950).layers().is_settled() && of_held(3_200).layers().is_settled());
    assert!(of_held(1_950).candidates() == those_there(&past_of_held, &with_another, 1_950));
    let over = told(&past, &desired, 1_800);
    assert!(over.layers().is_settled());
    assert_eq!(over.installed.backends.iter().filter(|record| record.family != 0).count(), 2);
    // Nor is anything remembered for longer when the clock says that it is still to come.
    let future = told(&[earlier(&[1, 2, 3], 9_000)], &desired, 1_000);
    assert_eq!(future.layers().until(), Some(BootTime(1_600)));
}

#[test]
fn the_dead_are_no_candidates() {
    let past = [earlier(&[1, 2, 3], 1_000), earlier(&[1, 2, 4], 1_200)];
    let mut desired = web(&[1, 2, 5]);
    // One that has left, and one that is still there.
    desired.leaving = vec![Member { healthy: false, ..members(&[3]).remove(0) }];
    let dead: IpAddr = "10.0.0.3".parse().unwrap();
    let candidates = told(&past, &desired, 1_300).candidates();
    assert!(candidates == seen(&past, &desired).candidates());
    assert!(!candidates.iter().flatten().any(|address| *address == dead));

    // One that cannot serve now gets no slots in earlier tables.
    desired.leaving.clear();
    desired.sets[0].members[1].healthy = false;
    let mut refilled = past.clone();
    for earlier in &mut refilled {
        earlier.members[1].healthy = false;
    }
    let dead: IpAddr = "10.0.0.2".parse().unwrap();
    let candidates = told(&refilled, &desired, 1_300).candidates();
    assert!(candidates == seen(&refilled, &desired).candidates());
    assert!(!candidates.iter().flatten().any(|address| *address == dead));
    // When that was not said, its slots have nothing else to remember.
    let unsaid = told(&past, &desired, 1_300).candidates();
    assert!(!unsaid.iter().flatten().any(|address| *address == dead));

    // Nobody could serve, or nobody had a weight.
    let mut nobody = past.clone();
    nobody[0].members.iter_mut().for_each(|member| member.healthy = false);
    assert!(told(&nobody, &desired, 1_300).candidates() == told(&past[1..], &desired, 1_300).candidates());
    nobody[1].members.iter_mut().for_each(|member| member.weight = Weight(0));
    assert!(told(&nobody, &desired, 1_300).layers().is_settled());
}

#[test]
fn those_that_have_left_are_drained_and_probed() {
    let mut forwarder = Forwarder::new(ROOM);
    let desired = with_earlier(&web(&[1, 2]), &[earlier(&[1, 2, 3], 1_000)]);
    let plan = forwarder.advance(&desired, 1_100);
    insta::assert_snapshot!(summary(&plan.ops), @r"
    ZeroBackendStats 1
    WriteBackend 1 family 4 epoch 0
    ZeroBackendStats 2
    WriteBackend 2 family 4 epoch 0
    ZeroBackendStats 3
    WriteBackend 3 family 4 epoch 0
    ZeroVipStats 0
    WriteTable table 0 of size 16381 { 1: 5461, 2: 5460, 3: 5460 } unsettled 0
    WriteTableMeta table 0 of size 16381 until 0
    WriteTableMeta table 0 of size 16381 until 1600
    WriteTable table 1 of size 16381 { 1: 8191, 2: 8190 } unsettled 5464
    WriteTableMeta table 1 of size 16381 until 0
    WriteVips 0.. 6 with set 0 flows ffffffff
    WriteVip4Buckets 0.. 1 with 2 entries
    WriteVip6Buckets 0.. 1 with 0 entries
    WriteSets 0.. 1<[0]
    WriteBackendStates 0.. xssdxxxx
    WriteHeader 0 generation 1 vips 0 sets 0 states 0
    Activate 1 in bank 0
    ");
    assert_eq!(
        plan.layout.leaving,
        [Leaving { index: BackendIndex(3), address: "10.0.0.3".parse().unwrap(), is_member: false }]
    );
    assert_eq!(plan.layout.next_deadline, Some(BootTime(1_600)));
    let web = plan.layout.sets[0].as_ref().unwrap();
    assert!(web.unsettled > 5_000 && web.held == 0 && web.at_risk == 0, "{web:?}");
    // It is found dead.
    let mut dead = desired.clone();
    dead.leaving = vec![Member { healthy: false, ..members(&[3]).remove(0) }];
    forwarder.advance(&dead, 1_200);
    assert!(forwarder.layers().unsettled() < 10);
}

#[test]
fn the_digest_is_that_of_those_who_were_there() {
    let desired = web(&[1, 2]);
    let past = [earlier(&[1, 2, 3], 1_000)];
    let digest = seen(&past, &desired).installed.digest();
    assert_eq!(told(&past, &desired, 1_100).installed.digest(), digest);
    assert_eq!(told(&[], &desired, 1_100).installed.digest(), digest);
}

#[test]
fn a_set_that_stands_there_settled_learns_what_was_before() {
    let desired = web(&[1, 2]);
    let past = [earlier(&[1, 3], 1_000), earlier(&[1, 4], 1_100)];
    let joined = told(&past, &desired, 1_200);
    // It had what it has.
    let mut late = Forwarder::new(ROOM);
    late.advance(&desired, 1_000);
    let with_past = with_earlier(&desired, &past);
    let learnt = late.advance(&with_past, 1_200);
    assert!(late.candidates() == joined.candidates());
    assert_eq!(learnt.changes.at_risk, 0);
    late.assert_unchanged(&with_past, 1_200);
    late.assert_unchanged(&desired, 1_300);

    // It had something else, which is remembered for a drain window from now on, and is asked first.
    let mut other = Forwarder::new(ROOM);
    other.advance(&web(&[5, 6]), 1_000);
    other.advance(&with_past, 1_200);
    let set = |slot: &[IpAddr; 4]| -> BTreeSet<IpAddr> { slot.iter().copied().collect() };
    for (other, joined) in other.candidates().iter().zip(joined.candidates()) {
        assert_eq!(other[0], joined[0]);
        assert!(other[1] > members(&[4])[0].address, "{other:?}");
        let missing: Vec<IpAddr> = set(&joined).difference(&set(other)).copied().collect();
        assert!(missing.len() <= 1, "{other:?} {joined:?}");
    }
    other.assert_unchanged(&with_past, 1_200);
    assert_eq!(other.layers().until(), Some(BootTime(1_800)));

    // It had what the others had, and changes a little later than they did.
    let mut behind = Forwarder::new(ROOM);
    behind.advance(&web(&[1, 4]), 900);
    let told = behind.advance(&with_past, 1_110);
    assert!(behind.candidates() == joined.candidates());
    assert_eq!(told.layout.sets[0].as_ref().unwrap().until, Some(BootTime(1_710)));
}

#[test]
fn a_set_in_doubt_learns_nothing() {
    let desired = web(&[1, 2]);
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&web(&[1, 3]), 1_000);
    forwarder.advance(&desired, 1_100);
    let past = with_earlier(&desired, &[earlier(&[4, 5], 1_000), earlier(&[1, 3], 1_100)]);
    forwarder.assert_unchanged(&past, 1_200);
    forwarder.advance(&past, 1_700);
    assert!(forwarder.layers().is_settled(), "nothing is left of it");
}

#[test]
fn a_set_learns_as_soon_as_nothing_is_in_doubt() {
    let mut desired = web(&[2]);
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&web(&[3]), 1_000);
    forwarder.advance(&desired, 1_100);
    desired.sets[0].earlier = vec![earlier(&[4], 1_100)].into();
    forwarder.assert_unchanged(&desired, 1_200);
    desired.leaving = vec![Member { healthy: false, ..members(&[3]).remove(0) }];
    let settled = forwarder.advance(&desired, 1_200);
    assert_eq!((settled.changes.unsettled, settled.layout.next_deadline), (0, Some(BootTime(1_200))));
    let learnt = forwarder.advance(&desired, 1_200);
    assert_eq!((learnt.changes.unsettled, learnt.layout.next_deadline), (16_381, Some(BootTime(1_700))));
    forwarder.assert_unchanged(&desired, 1_200);
}

#[test]
fn without_a_second_hop_nothing_is_learnt() {
    let mut desired = web(&[1, 2]);
    desired.sets[0].second_hop = false;
    let mut forwarder = Forwarder::new(ROOM);
    let plan = forwarder.advance(&with_earlier(&desired, &[earlier(&[1, 3], 1_000)]), 1_100);
    assert!(forwarder.layers().is_settled());
    assert_eq!(plan.changes.backends_added, 2);
}

#[test]
fn a_change_of_the_seed_leaves_no_other_past() {
    let past = [earlier(&[1, 3], 1_000)];
    let mut desired = web(&[1, 2]);
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&desired, 1_000);
    desired.seed = Seed([8; 16]);
    let rotated = forwarder.advance(&with_earlier(&desired, &past), 1_100);
    assert_eq!((rotated.changes.unsettled, rotated.changes.backends_added), (16_381, 0));
    forwarder.assert_unchanged(&with_earlier(&desired, &past), 1_100);
}

#[test]
fn a_change_of_size_looks_after_what_was_before() {
    let mut desired = web(&[1, 2]);
    let mut forwarder = Forwarder::new(Capacities { tables_large: 4, ..ROOM });
    forwarder.advance(&desired, 1_000);
    let before = forwarder.backends();
    desired.sets[0].members = members(&[2, 3]).into();
    desired.sets[0].table_size = TableSize::Large;
    let resized = forwarder.advance(&desired, 1_100);
    let layout = resized.layout.sets[0].as_ref().unwrap();
    assert_eq!((layout.at_risk, layout.unsettled), (0, 65_537));
    for ((destination, hops), before) in forwarder.packets().into_iter().zip(&before) {
        assert!(destination == *before || hops.contains(before), "{before} of {destination}, {hops:?}");
    }
    // Who joins now knows as much, and so does who was started anew.
    let past = with_earlier(&desired, &[earlier(&[1, 2], 1_100)]);
    let mut joined = Forwarder::new(Capacities { tables_large: 4, ..ROOM });
    joined.advance(&past, 1_200);
    assert_eq!(joined.packets(), forwarder.packets());
    forwarder.assert_unchanged(&past, 1_200);
    // What was told before counts for nothing while that is in doubt, and afterwards all is settled.
    let window = desired.sets[0].drain_window.as_secs();
    forwarder.advance(&desired, 1_100 + window);
    assert!(forwarder.layers().is_settled());
    assert!(forwarder.packets().iter().all(|(_, hops)| hops.is_empty()));
}

#[test]
fn a_change_of_size_without_room_is_said_to_be_a_risk() {
    let mut desired = web(&[1, 2]);
    // One table of each size and the next one. What was before can stay where it is, once.
    let mut forwarder = Forwarder::new(Capacities { tables_small: 2, tables_large: 2, ..ROOM });
    forwarder.advance(&desired, 1_000);
    desired.sets[0].table_size = TableSize::Large;
    let resized = forwarder.advance(&desired, 1_100);
    assert_eq!(resized.layout.sets[0].as_ref().unwrap().at_risk, 0);
    desired.sets[0].table_size = TableSize::Small;
    desired.sets[0].members = members(&[2, 3]).into();
    let back = forwarder.advance(&desired, 1_200);
    assert_eq!(back.layout.sets[0].as_ref().unwrap().at_risk, 65_537);
    assert!(matches!(forwarder.layers().previous, [Some(_), None, None]));
}

#[test]
fn a_past_that_finds_no_place_for_its_backends_is_left_out() {
    let desired = web(&[1, 2]);
    let past = [earlier(&[1, 3, 4], 1_000)];
    let with_past = with_earlier(&desired, &past);
    let mut forwarder = Forwarder::new(Capacities { backends: 4, ..ROOM });
    let plan = forwarder.advance(&with_past, 1_100);
    assert!(forwarder.layers().is_settled());
    assert_eq!((plan.changes.backends_added, plan.changes.at_risk), (2, 0));
    // It can have room once the generation before is gone; then it has not.
    assert_eq!(plan.layout.next_deadline, Some(BootTime(1_100)));
    forwarder.assert_unchanged(&with_past, 1_100);
    assert_eq!(validate(&with_past, &forwarder.maps.capacities), []);

    // A part of the map is held for now.
    let mut forwarder = Forwarder::new(Capacities { backends: 6, ..ROOM });
    forwarder.advance(&web(&[6, 7]), 300);
    let mut later = with_past.clone();
    later.sets[0].drain_window = std::time::Duration::from_secs(1);
    later.sets[0].earlier = [earlier(&[1, 3, 4], 400)].into_iter().collect();
    let without = forwarder.advance(&later, 400);
    assert_eq!(without.layout.next_deadline, Some(BootTime(400)));
    forwarder.assert_unchanged(&later, 400);
}

#[test]
fn one_set_is_left_out_and_another_is_not() {
    let mut desired = web(&[1, 2]);
    desired.sets.push(set("dns", members(&[1, 5])));
    desired.vips.push(vip("dns", "203.0.113.53:53", "dns"));
    desired.sets[0].earlier = [earlier(&[6, 7, 8], 1_000)].into_iter().collect();
    desired.sets[1].earlier = [earlier(&[1, 9], 1_000)].into_iter().collect();
    let mut forwarder = Forwarder::new(Capacities { backends: 5, ..ROOM });
    let plan = forwarder.advance(&desired, 1_100);
    let unsettled: Vec<bool> = plan.layout.sets.iter().flatten().map(|set| set.unsettled > 0).collect();
    assert_eq!(unsettled, [false, true]);
    forwarder.assert_unchanged(&desired, 1_100);
}

#[test]
fn a_past_that_finds_no_place_for_its_tables_is_left_out() {
    let desired = web(&[1, 2]);
    let past = [earlier(&[1, 3], 1_000), earlier(&[4, 5], 1_050)];
    let with_past = with_earlier(&desired, &past);
    let with = |tables_small| {
        let mut forwarder = Forwarder::new(Capacities { tables_small, ..ROOM });
        let plan = forwarder.advance(&with_past, 1_100);
        assert_eq!(plan.changes.at_risk, 0);
        forwarder.assert_unchanged(&with_past, 1_100);
        let none = crate::key::address([0; 16]);
        let candidates = forwarder.candidates();
        candidates.iter().map(|slot| slot.iter().filter(|address| **address != none).count()).max()
    };
    assert_eq!([2, 3, 4, 5].map(with), [1, 2, 3, 3].map(Some));

    // What a set remembers itself comes first.
    let mut forwarder = Forwarder::new(Capacities { tables_small: 3, ..ROOM });
    forwarder.advance(&web(&[6, 7]), 1_000);
    let plan = forwarder.advance(&with_past, 1_100);
    assert_eq!((plan.changes.at_risk, plan.layout.usage.tables_small), (0, 2));
    for slot in forwarder.candidates() {
        assert!(slot[1] > members(&[5])[0].address, "{slot:?}");
    }
    forwarder.assert_unchanged(&with_past, 1_100);
}

#[test]
fn a_bad_past_is_refused() {
    let mut desired = with_earlier(&web(&[1, 2]), &[earlier(&[1, 3], 1_000), earlier(&[4, 5], 1_050)]);
    assert_eq!(validate(&desired, &Capacities { backends: 3, ..ROOM }), [], "its backends need no room");
    desired.sets[0].earlier[1].members[0].name = "be5".into();
    let refused = plan(&desired, &Installed::empty(ROOM), NOW, &mut TableCache::new());
    let source = TableError::DuplicateName { name: "be5".into() };
    assert_eq!(refused, Err(PlanError::Set { set: "web".into(), source }));
    let many = (0..17_000).map(|n| member(&format!("m{n}"), "10.0.0.1"));
    desired.sets[0].earlier[1].members = many.collect();
    let refused = plan(&desired, &Installed::empty(ROOM), NOW, &mut TableCache::new());
    let Err(PlanError::Set { source: TableError::TooManyMembers { members: 17_000, .. }, .. }) = refused
    else {
        panic!("{refused:?}");
    };
}

#[test]
fn a_cache_knows_what_was_before() {
    let mut cache = TableCache::new();
    let mut forwarder = Forwarder::new(ROOM);
    let steps = [
        with_earlier(&web(&[1, 2]), &[]),
        with_earlier(&web(&[1, 2]), &[earlier(&[1, 2], 1_000)]),
        with_earlier(&web(&[1, 2]), &[earlier(&[1, 3], 1_100), earlier(&[1, 2], 1_100)]),
        with_earlier(&web(&[1, 2]), &[earlier(&[1, 2], 1_200)]),
        web(&[1, 2, 3]),
    ];
    for (step, desired) in steps.iter().enumerate() {
        let now = BootTime(1_200 + 50 * step as u64);
        let with = plan(desired, &forwarder.installed, now, &mut cache).unwrap();
        assert_eq!(with, plan(desired, &forwarder.installed, now, &mut TableCache::new()).unwrap());
        let lost = plan(desired, &forwarder.maps.read().unwrap(), now, &mut TableCache::new()).unwrap();
        assert_eq!(with.layout(), lost.layout());
        if let Outcome::Plan(plan) = with {
            plan.ops.iter().for_each(|op| forwarder.maps.apply(op));
            forwarder.installed = plan.installed;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// As long as nothing was over in between.
    #[test]
    fn any_history_is_known_to_who_joins(
        history in proptest::collection::vec((proptest::collection::btree_set(1_u8..7, 1..6), 0_u64..200), 1..5),
        last in proptest::collection::btree_set(1_u8..7, 1..6),
    ) {
        let mut now = 1_000;
        let mut past: Vec<Earlier> = Vec::new();
        for (names, seconds) in &history {
            let names: Vec<u8> = names.iter().copied().collect();
            now += seconds;
            if past.last().is_none_or(|earlier| *earlier.members != members(&names)) {
                past.push(earlier(&names, now));
            }
        }
        let last: Vec<u8> = last.into_iter().collect();
        past.pop_if(|earlier| *earlier.members == members(&last));
        let desired = web(&last);
        prop_assume!(past.first().is_none_or(|oldest| now < oldest.replaced.0 + 600));
        let (seen, told) = (seen(&past, &desired), told(&past, &desired, now));
        prop_assert!(told.candidates() == seen.candidates());
        let doubts = |forwarder: &Forwarder| -> Vec<bool> {
            forwarder.layers().current.iter().map(|slot| slot & UNSETTLED != 0).collect()
        };
        prop_assert!(doubts(&told) == doubts(&seen));
        prop_assert_eq!(told.layers().next_deadline(), seen.layers().next_deadline());
        prop_assert_eq!(told.layers().until(), seen.layers().until());
    }
}
