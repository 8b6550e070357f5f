//! What comes next, told before it comes.

use super::earlier::{Forwarder, ROOM, members, web};
use super::*;

fn announcing(names: &[u8], next: &[u8]) -> Desired {
    let mut desired = web(names);
    desired.sets[0].upcoming = Some(members(next).into());
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
    forwarder.advance(&web(&[1, 2]), 6);
    assert_eq!(forwarder.candidates(), announced);
    forwarder.advance(&web(&[1, 2]), 5 + 600);
    assert!(forwarder.layers().is_settled());
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
