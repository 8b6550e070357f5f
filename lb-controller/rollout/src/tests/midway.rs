//! Forwarders that say how they stand in the midst of a change.

use std::time::Duration;

use super::bed::{Bed, content};
use crate::follower::Event;

/// It has nothing prepared any more and the new generation not installed yet: it is asked to prepare once more, and never
/// does. The next change does not wait for that.
#[test]
fn a_keepalive_during_an_installation_does_not_hold_up_the_next_change() {
    let mut bed = Bed::led(2);
    bed.forwarders[1].is_stuck = true;
    let second = content("second", "aaa");
    bed.wants(&second);
    assert_eq!(bed.committed().unwrap().digest, second.digest());
    bed.pass(Duration::from_millis(1500));
    assert_eq!(bed.forwarders[1].machine.standing().prepared, None);
    assert!(!bed.all_serve(&second));
    bed.forwarders[1].is_stuck = false;
    let kept = bed.forwarders[1].kept;
    bed.follower(1, Event::Kept { result: Ok(kept) });
    bed.run();
    assert!(bed.all_serve(&second));
    let third = content("third", "aaa");
    bed.wants(&third);
    assert!(bed.all_serve(&third), "{:?}", bed.leader.as_ref().unwrap().state().rollout);
}
