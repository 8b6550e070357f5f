//! What comes next, told before it comes.

use std::net::IpAddr;

use guideway_abi::backend_state;

use super::earlier::{Forwarder, ROOM, by, earlier, members, web, with_earlier};
use super::*;
use crate::Upcoming;

fn upcoming(names: &[u8]) -> Upcoming {
    Upcoming { members: members(names).into(), seed: nothing().seed, table_size: TableSize::Small }
}

fn announcing(names: &[u8], next: &[u8]) -> Desired {
    let mut desired = web(names);
    desired.sets[0].upcoming = Some(upcoming(next));
    desired
}

#[test]
fn new_flows_stay_where_they_went_and_others_find_who_comes() {
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&web(&[1, 2]), 0);
    let before = forwarder.candidates();
    let announced = announcing(&[1, 2], &[1, 2, 3]);
    forwarder.advance(&announced, 5);
    forwarder.assert_unchanged(&announced, 5);
    let meanwhile = forwarder.candidates();
    forwarder.advance(&web(&[1, 2, 3]), 6);
    let after = forwarder.candidates();
    let mut moved = 0;
    for ((before, meanwhile), after) in before.iter().zip(&meanwhile).zip(&after) {
        assert_eq!(before[0], meanwhile[0]);
        if after[0] == before[0] {
            assert_eq!((meanwhile, after), (before, before));
        } else {
            assert_eq!((meanwhile[1], after[1]), (after[0], before[0]));
            moved += 1;
        }
    }
    assert!(moved > 4000, "{moved}");
}

/// Otherwise changes that never come would fill the places for those that do.
#[test]
fn what_is_given_up_leaves_nothing_behind() {
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&web(&[1, 2]), 0);
    forwarder.advance(&web(&[2, 3]), 10);
    let (before, layers) = (forwarder.candidates(), forwarder.layers().clone());
    for next in 4..8 {
        forwarder.advance(&announcing(&[2, 3], &[2, 3, next]), 20 + u64::from(next));
        assert_ne!(forwarder.candidates(), before);
    }
    forwarder.advance(&web(&[2, 3]), 30);
    assert_eq!(forwarder.candidates(), before);
    assert_eq!(forwarder.layers().next_deadline(), layers.next_deadline());
    // There is a place for the next one.
    let plan = forwarder.advance(&web(&[2, 3, 9]), 31);
    assert_eq!(plan.layout.sets[0].as_ref().unwrap().held, 0);
}

/// The maps do not say which candidates were only announced.
#[test]
fn who_has_forgotten_that_it_was_announced_remembers_it_as_a_candidate() {
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&web(&[1, 2]), 0);
    forwarder.advance(&announcing(&[1, 2], &[1, 2, 3]), 5);
    let announced = forwarder.candidates();
    forwarder.installed = forwarder.maps.read().unwrap();
    forwarder.assert_unchanged(&web(&[1, 2]), 6);
    assert_eq!(forwarder.candidates(), announced);
    forwarder.advance(&web(&[1, 2]), 5 + 600);
    assert!(forwarder.layers().is_settled());
}

/// A backend that answers again is a candidate before it is given flows: other forwarders probe it at other moments.
#[test]
fn who_is_not_healthy_yet_is_a_candidate_when_it_will_be() {
    let without = |dead: u8, mut desired: Desired| {
        desired.sets[0].members[usize::from(dead) - 1].healthy = false;
        desired
    };
    let state = |forwarder: &Forwarder| {
        let index = forwarder.installed.backends.iter().position(|record| record.address[15] == 2).unwrap();
        forwarder.maps.state(u16::try_from(index).unwrap())
    };
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&web(&[1, 2, 3]), 0);
    let whole = forwarder.candidates();
    let dead = without(2, web(&[1, 2, 3]));
    forwarder.advance(&dead, 10);
    let meanwhile = forwarder.candidates();
    assert_eq!(state(&forwarder), backend_state::DEAD);
    let rising = without(2, announcing(&[1, 2, 3], &[1, 2, 3]));
    forwarder.advance(&rising, 20);
    forwarder.assert_unchanged(&rising, 20);
    // It may be sent packets, but no new flows, also those of clients that stay.
    assert_eq!(state(&forwarder), backend_state::DRAINING);
    let announced = forwarder.candidates();
    // Once more: it has failed again.
    forwarder.advance(&dead, 21);
    assert_eq!((forwarder.candidates(), state(&forwarder)), (meanwhile.clone(), backend_state::DEAD));
    forwarder.advance(&rising, 22);
    assert_eq!(forwarder.candidates(), announced);
    forwarder.advance(&web(&[1, 2, 3]), 23);
    assert_eq!(state(&forwarder), backend_state::SERVING);
    let mut returned = 0;
    for (((whole, meanwhile), announced), after) in
        whole.iter().zip(&meanwhile).zip(&announced).zip(&forwarder.candidates())
    {
        assert_eq!(after[0], whole[0]);
        if meanwhile == whole {
            assert_eq!((announced, after), (whole, whole));
        } else {
            assert_eq!((announced[0], announced[1]), (meanwhile[0], whole[0]));
            assert_eq!((after[0], after[1]), (whole[0], meanwhile[0]));
            returned += 1;
        }
    }
    assert!(returned > 4000, "{returned}");
}

/// One that dies and answers again before anybody has looked is none that flows have to leave.
#[test]
fn who_will_be_healthy_loses_no_flows_when_its_slots_go_to_others() {
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&web(&[1, 2, 3]), 0);
    let before = forwarder.candidates();
    let mut rising = announcing(&[1, 2, 3], &[1, 2, 3]);
    rising.sets[0].members[1].healthy = false;
    forwarder.advance(&rising, 10);
    for (before, after) in before.iter().zip(forwarder.candidates()) {
        assert!(after[0] == before[0] || after[1] == before[0], "{before:?} {after:?}");
    }
}

#[test]
fn equal_generations_have_equal_digests_whatever_is_announced() {
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&web(&[1, 2]), 0);
    let digest = forwarder.installed.digest();
    forwarder.advance(&announcing(&[1, 2], &[1]), 1);
    assert_eq!(forwarder.installed.digest(), digest);
    forwarder.advance(&web(&[1]), 2);
    assert_ne!(forwarder.installed.digest(), digest);
}

/// `desired`, announcing that its first set will be that of `next`.
fn becoming(desired: &Desired, next: &Desired) -> Desired {
    let mut desired = desired.clone();
    let crate::BackendSet { members, table_size, .. } = next.sets[0].clone();
    desired.sets[0].upcoming = Some(Upcoming { members, seed: next.seed, table_size });
    desired
}

fn with_seed(seed: u8, desired: Desired) -> Desired {
    Desired { seed: Seed([seed; 16]), ..desired }
}

fn large(mut desired: Desired) -> Desired {
    desired.sets[0].table_size = TableSize::Large;
    desired
}

/// Whether each flow's way in `packets` leads over where it is first in `others`.
fn finds(packets: &[(IpAddr, Vec<IpAddr>)], others: &[(IpAddr, Vec<IpAddr>)]) -> bool {
    std::iter::zip(packets, others).all(|((first, hops), (other, _))| first == other || hops.contains(other))
}

const NEVER: Option<BootTime> = None;

#[test]
fn another_seed_and_another_size_are_announced() {
    let nexts = [
        with_seed(9, web(&[1, 2])),
        large(web(&[1, 2])),
        with_seed(9, large(web(&[1, 2]))),
        with_seed(9, web(&[2, 3])),
        large(web(&[2, 3])),
    ];
    for next in nexts {
        for forgets in [false, true] {
            let mut forwarder = Forwarder::new(ROOM);
            forwarder.advance(&web(&[1, 2]), 0);
            let (before, key) = (forwarder.packets(), forwarder.installed.header.flow_key);
            let announcing = becoming(&web(&[1, 2]), &next);
            forwarder.advance(&announcing, 5);
            forwarder.assert_unchanged(&announcing, 5);
            let announced = forwarder.packets();
            let firsts =
                |packets: &[(IpAddr, Vec<IpAddr>)]| packets.iter().map(|(to, _)| *to).collect::<Vec<_>>();
            assert_eq!((firsts(&before), key), (firsts(&announced), forwarder.installed.header.flow_key));
            if forgets {
                forwarder.installed = forwarder.maps.read().unwrap();
            }
            forwarder.advance(&next, 6);
            forwarder.assert_unchanged(&next, 6);
            let after = forwarder.packets();
            assert_ne!(firsts(&before), firsts(&after));
            assert!(finds(&announced, &after) && finds(&after, &before), "{next:?}");
            // As if it had not been announced.
            let mut other = Forwarder::new(ROOM);
            other.advance(&web(&[1, 2]), 0);
            other.advance(&next, 6);
            assert_eq!(other.packets(), after);
            assert_eq!(forwarder.layers().until(), Some(BootTime(606)));
            forwarder.advance(&next, 606);
            assert_eq!(forwarder.layers().until(), NEVER);
        }
    }
}

#[test]
fn another_seed_that_does_not_come_leaves_nothing_behind() {
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&web(&[1, 2, 3]), 0);
    forwarder.advance(&web(&[1, 2]), 10);
    let (before, layers) = (forwarder.packets(), forwarder.layers().clone());
    for seed in 8..12 {
        let next = with_seed(seed, web(&[1, 2]));
        forwarder.advance(&becoming(&web(&[1, 2]), &next), 20 + u64::from(seed));
        assert_eq!(forwarder.installed.header.previous_flow_key, crate::digest::flow_key(&next.seed));
        assert_ne!(forwarder.packets(), before);
    }
    forwarder.advance(&web(&[1, 2]), 40);
    assert_eq!((forwarder.packets(), forwarder.layers()), (before, &layers));
    assert_eq!(forwarder.installed.header.previous_flow_key, FlowKey::default());
}

#[test]
fn another_seed_is_said_where_there_is_a_place_and_a_key() {
    // Flows of three earlier changes, and nobody could rotate.
    let mut forwarder = Forwarder::new(ROOM);
    for (names, now) in [([1, 2], 0), ([2, 3], 10), ([3, 4], 20), ([4, 5], 25)] {
        forwarder.advance(&web(&names), now);
    }
    let announcing = becoming(&web(&[4, 5]), &with_seed(9, web(&[4, 5])));
    forwarder.assert_unchanged(&announcing, 30);
    // It is made up for when the first of them is over.
    forwarder.advance(&announcing, 610);
    forwarder.assert_unchanged(&announcing, 610);
    assert!(!forwarder.layers().is_settled());
    // The key is that of the seed before.
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&with_seed(9, web(&[1, 2])), 0);
    forwarder.advance(&web(&[1, 2]), 10);
    forwarder.assert_unchanged(&becoming(&web(&[1, 2]), &with_seed(8, web(&[1, 2]))), 20);
    // To which it may go back.
    let back = becoming(&web(&[1, 2]), &with_seed(9, web(&[2, 3])));
    forwarder.advance(&back, 20);
    let announced = forwarder.packets();
    forwarder.advance(&with_seed(9, web(&[2, 3])), 21);
    assert!(finds(&announced, &forwarder.packets()) && finds(&forwarder.packets(), &announced));
}

/// What others know of the past is of flows that there are.
#[test]
fn what_was_by_another_seed_comes_before_what_will_be() {
    let past = [by(8, earlier(&[1, 3], 1_000))];
    let next = with_seed(9, web(&[1, 2]));
    let mut told = Forwarder::new(ROOM);
    told.advance(&with_earlier(&web(&[1, 2]), &past), 1_100);
    let key = told.installed.header.previous_flow_key;
    assert_eq!(key, crate::digest::flow_key(&past[0].seed));
    told.assert_unchanged(&becoming(&with_earlier(&web(&[1, 2]), &past), &next), 1_100);
    // A set that comes while another one is announced.
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&becoming(&web(&[1, 2]), &next), 1_090);
    let mut two = becoming(&web(&[1, 2]), &next);
    let new = set("new", members(&[1, 2]));
    two.sets.push(crate::BackendSet { earlier: past.iter().cloned().collect(), ..new });
    two.vips.push(vip("new", "203.0.113.11:80", "new"));
    forwarder.advance(&two, 1_100);
    forwarder.assert_unchanged(&two, 1_100);
    assert_eq!(forwarder.installed.header.previous_flow_key, key);
    let unsettled =
        |at: usize| forwarder.installed.sets[at].as_ref().unwrap().layers.as_ref().unwrap().unsettled();
    assert_eq!([unsettled(0), unsettled(1)], [0, 16_381]);
}

/// Without a second hop nothing is said; and what cannot be made room for must not keep the seed from changing.
#[test]
fn a_seed_changes_whether_or_not_it_could_be_announced() {
    for tables_small in 6..12 {
        let room = Capacities { tables_small, ..ROOM };
        let mut desired = web(&[1, 2]);
        desired.sets.push(set("api", members(&[3, 4])));
        desired.vips.push(vip("api", "203.0.113.11:80", "api"));
        let next = with_seed(9, desired.clone());
        let mut forwarder = Forwarder::new(room);
        forwarder.advance(&desired, 0);
        let mut announcing = becoming(&desired, &next);
        announcing.sets[1].upcoming = becoming(&desired, &next).sets[0]
            .upcoming
            .clone()
            .map(|upcoming| Upcoming { members: members(&[3, 4]).into(), ..upcoming });
        let plan = plan(&announcing, &forwarder.installed, BootTime(5), &mut TableCache::new()).unwrap();
        let is_announced = matches!(plan, Outcome::Plan(_));
        assert_eq!(is_announced, tables_small >= 7, "{tables_small}");
        if is_announced {
            forwarder.advance(&announcing, 5);
        }
        forwarder.advance(&next, 6);
        assert_eq!(forwarder.layers().unsettled(), 16_381);
    }
    let mut alone = web(&[1, 2]);
    alone.sets[0].second_hop = false;
    let mut forwarder = Forwarder::new(ROOM);
    forwarder.advance(&alone, 0);
    forwarder.assert_unchanged(&becoming(&alone, &with_seed(9, web(&[1, 2]))), 5);
}
