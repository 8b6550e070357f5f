//! Rollbacks.

use std::time::Duration;

use guideway_controller_core::Generation;

use super::bed::{Bed, content};
use crate::coordinator::{Event, Notice, Phase};

#[test]
fn an_earlier_content_is_a_new_generation_and_holds() {
    let mut bed = Bed::led(2);
    let (first, second, third) = (content("first", "aaa"), content("second", "aaa"), content("third", "aaa"));
    bed.wants(&second);
    bed.tell(Event::Rollback { generation: Generation(1) });
    bed.run();
    assert!(bed.all_serve(&first));
    assert_eq!(bed.committed().unwrap().generation.0, 3);
    bed.wants(&third);
    assert!(bed.all_serve(&first));
    // The next leader holds as well, and new forwarders get what is held.
    bed.kill_leader();
    bed.add_forwarder();
    bed.start_leader("two", &third);
    bed.pass(Duration::from_secs(5));
    assert!(bed.all_serve(&first));
    bed.tell(Event::Resume);
    bed.run();
    assert!(bed.all_serve(&third));
    assert_eq!(bed.store.record.as_ref().unwrap().rolled_back_to, None);
}

#[test]
fn the_content_comes_from_a_forwarder() {
    let mut bed = Bed::led(2);
    bed.wants(&content("second", "aaa"));
    bed.kill_leader();
    bed.start_leader("two", &content("second", "aaa"));
    bed.pass(Duration::from_secs(3));
    // One of them has lost it, and does not know.
    let lost = bed.forwarders[0].contents.keys().next().copied().unwrap();
    bed.forwarders[0].contents.remove(&lost);
    bed.tell(Event::Rollback { generation: Generation(1) });
    bed.run();
    assert!(bed.all_serve(&content("first", "aaa")));
}

#[test]
fn what_was_before_can_be_looked_at() {
    let mut bed = Bed::led(2);
    bed.wants(&content("second", "aaa"));
    bed.tell(Event::Look { generation: Generation(1) });
    let first = (Generation(1), Some(content("first", "aaa")));
    assert_eq!(bed.found, std::slice::from_ref(&first), "it is at hand");
    bed.found.clear();
    bed.kill_leader();
    bed.start_leader("two", &content("second", "aaa"));
    bed.pass(Duration::from_secs(3));
    // One of them has lost it, and does not know.
    let lost = bed.forwarders[0].contents.keys().next().copied().unwrap();
    bed.forwarders[0].contents.remove(&lost);
    bed.tell(Event::Look { generation: Generation(1) });
    bed.tell(Event::Look { generation: Generation(1) });
    bed.tell(Event::Look { generation: Generation(77) });
    assert_eq!(bed.found, [(Generation(77), None)]);
    bed.run();
    assert_eq!(bed.found[1..], std::slice::from_ref(&first)[..], "both wishes are one");
    bed.found.clear();
    // The other one loses it, too.
    bed.forwarders[1].contents.remove(&lost);
    bed.tell(Event::Look { generation: Generation(1) });
    bed.run();
    assert_eq!(bed.found, [(Generation(1), None)]);
    assert!(bed.all_serve(&content("second", "aaa")));
    assert_eq!(bed.committed().unwrap().generation.0, 2);
}

#[test]
fn a_look_does_not_last_for_ever_and_holds_nothing_up() {
    let mut bed = Bed::led(1);
    bed.wants(&content("second", "aaa"));
    bed.kill_leader();
    bed.start_leader("two", &content("second", "aaa"));
    bed.pass(Duration::from_secs(3));
    bed.forwarders[0].is_mute = true;
    bed.tell(Event::Look { generation: Generation(1) });
    bed.wants(&content("third", "aaa"));
    assert!(bed.all_serve(&content("third", "aaa")));
    assert_eq!(bed.found, []);
    bed.pass(Duration::from_secs(60));
    assert_eq!(bed.found, [(Generation(1), None)]);
    // Nor does it outlive the leader.
    bed.found.clear();
    bed.tell(Event::Look { generation: Generation(1) });
    bed.tell(Event::LostLeadership);
    assert_eq!(bed.found, [(Generation(1), None)]);
}

#[test]
fn what_nobody_has_is_declined() {
    let mut bed = Bed::led(2);
    bed.tell(Event::Rollback { generation: Generation(77) });
    assert!(matches!(bed.notices.last(), Some(Notice::Declined(_))));
    bed.wants(&content("second", "aaa"));
    assert!(bed.all_serve(&content("second", "aaa")));
}

#[test]
fn the_present_can_be_held() {
    let mut bed = Bed::led(2);
    bed.tell(Event::Rollback { generation: Generation(1) });
    bed.run();
    bed.wants(&content("second", "aaa"));
    assert!(bed.all_serve(&content("first", "aaa")));
    assert_eq!(bed.committed().unwrap().generation.0, 1);
    bed.tell(Event::Resume);
    bed.run();
    assert!(bed.all_serve(&content("second", "aaa")));
}

#[test]
fn above_the_budget_it_waits_and_as_a_whole() {
    let mut bed = Bed::led(2);
    let (first, second) = (content("first", "aaa"), content("second", "bba"));
    let waits = |bed: &Bed| {
        let rollout = bed.leader.as_ref().unwrap().state().rollout.unwrap();
        assert_eq!(rollout.phase, Phase::Held);
        rollout.stamp.generation
    };
    bed.wants(&second);
    let generation = waits(&bed);
    bed.tell(Event::Approve { generation });
    bed.run();
    assert!(bed.all_serve(&second));
    bed.tell(Event::Rollback { generation: Generation(1) });
    bed.run();
    assert!(bed.all_serve(&second), "nobody has agreed to that");
    let generation = waits(&bed);
    // Something else is wanted meanwhile, and does not matter.
    bed.wants(&content("third", "bba"));
    assert_eq!(waits(&bed), generation);
    bed.tell(Event::Approve { generation });
    bed.run();
    assert!(bed.all_serve(&first));
    assert_eq!(bed.store.record.as_ref().unwrap().rolled_back_to, Some(Generation(1)));
    // The consent is used up.
    bed.tell(Event::Resume);
    bed.run();
    assert!(bed.all_serve(&content("third", "aaa")));
    waits(&bed);
}

#[test]
fn one_that_waits_can_be_given_up() {
    let mut bed = Bed::led(2);
    bed.wants(&content("second", "bba"));
    let generation = bed.leader.as_ref().unwrap().state().rollout.unwrap().stamp.generation;
    bed.tell(Event::Approve { generation });
    bed.run();
    bed.tell(Event::Rollback { generation: Generation(1) });
    bed.run();
    bed.tell(Event::Resume);
    bed.run();
    assert!(bed.all_serve(&content("second", "bba")));
    assert_eq!(bed.leader.as_ref().unwrap().state().rollout, None);
}
