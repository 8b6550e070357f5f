//! Whoever dies, wherever it is.

use std::time::Duration;

use super::bed::{Bed, content};

#[test]
fn a_change_costs_one_write() {
    let mut bed = Bed::led(3);
    assert!(bed.all_serve(&content("first", "aaa")));
    let before = bed.store.count;
    for number in 0..5 {
        bed.wants(&content(&format!("change {number}"), "aaa"));
    }
    assert!(bed.all_serve(&content("change 4", "aaa")));
    assert_eq!(bed.store.count - before, 5);
    assert_eq!(bed.committed().unwrap().generation.0, 6);
}

#[test]
fn the_leader_dies_before_each_of_its_actions() {
    let mut outcomes = std::collections::BTreeSet::new();
    for actions in 0.. {
        let mut bed = Bed::led(3);
        let (old, new) = (content("first", "aaa"), content("second", "aaa"));
        bed.dies_after = Some(actions);
        bed.wants(&new);
        if bed.leader.is_some() {
            assert!(actions > 7, "{actions} actions are too few");
            break;
        }
        // Nobody leads: they serve, and they serve one of the two.
        assert!(bed.forwarders.iter().all(|forwarder| forwarder.announced == forwarder.installed));
        bed.pass(Duration::from_secs(1000));
        assert!(bed.forwarders.iter().all(|forwarder| forwarder.announced.is_some()));
        let is_committed = bed.committed().unwrap().digest == new.digest();
        outcomes.insert(is_committed);
        // The next one wants what it finds, or something else.
        if is_committed {
            bed.start_leader("two", &old);
            bed.pass(Duration::from_secs(3));
            assert!(bed.all_serve(&old), "{actions}");
        } else {
            bed.start_leader("two", &new);
            bed.pass(Duration::from_secs(3));
            assert!(bed.all_serve(&new), "{actions}");
        }
    }
    assert_eq!(outcomes.len(), 2);
}

#[test]
fn what_was_committed_is_finished_by_a_leader_who_does_not_know_its_content() {
    let (first, second) = (content("first", "aaa"), content("second", "aaa"));
    let mut bed = Bed::led(3);
    // Proposed, three times Prepare, the write.
    bed.dies_after = Some(5);
    bed.wants(&second);
    assert!(bed.leader.is_none() && bed.all_serve(&first));
    assert_eq!(bed.committed().unwrap().digest, second.digest());
    // It has lost the knowledge of what is wanted, too: an operator holds projections.
    bed.store.record.as_mut().unwrap().rolled_back_to = Some(bed.committed().unwrap().generation);
    bed.start_leader("two", &first);
    assert!(bed.all_serve(&second));
    let committed = bed.committed().unwrap();
    assert_eq!(bed.leader.as_ref().unwrap().content(committed.generation), Some(&second));
}

#[test]
fn a_forwarder_restarts_between_prepared_and_commit() {
    let mut bed = Bed::led(2);
    bed.forwarders[1].is_silent = true;
    let second = content("second", "aaa");
    bed.wants(&second);
    assert_eq!(bed.forwarders[0].prepared.map(|stamp| stamp.digest), Some(second.digest()));
    bed.restart(0);
    bed.dial_all();
    bed.run();
    // The other one comes to it.
    bed.forwarders[1].is_silent = false;
    bed.restart(1);
    bed.dial_all();
    bed.run();
    assert!(bed.all_serve(&second));
}

#[test]
fn all_forwarders_restart_when_it_is_committed_and_nobody_has_installed_it() {
    let mut bed = Bed::led(3);
    bed.dies_after = Some(5);
    let second = content("second", "aaa");
    bed.wants(&second);
    for number in 0..3 {
        // The disk is gone, too: only the controllers know it.
        bed.forwarders[number].prepared = None;
        bed.restart(number);
    }
    bed.start_leader("two", &second);
    bed.pass(Duration::from_secs(3));
    assert!(bed.all_serve(&second));
    assert_eq!(bed.committed().unwrap().generation.0, 2);
}

#[test]
fn forwarders_serve_on_without_a_leader_and_over_restarts() {
    let mut bed = Bed::led(2);
    bed.kill_leader();
    for _ in 0..3 {
        bed.pass(Duration::from_secs(100_000));
        bed.restart(0);
    }
    assert!(bed.all_serve(&content("first", "aaa")));
}
