//! Faults of the store, and two leaders.

use std::time::Duration;

use guideway_controller_core::{Generation, Term};

use super::bed::{Bed, Writes, content};
use crate::coordinator::Role;

#[test]
fn a_write_whose_answer_is_lost_is_found_out() {
    for writes in [Writes::DoneInDoubt, Writes::LostInDoubt] {
        let mut bed = Bed::led(2);
        bed.store.writes = writes;
        let second = content("second", "aaa");
        bed.wants(&second);
        assert!(bed.all_serve(&content("first", "aaa")), "nobody knows yet");
        bed.wants(&content("third", "aaa"));
        bed.store.writes = Writes::Done;
        bed.pass(Duration::from_secs(2));
        assert!(bed.all_serve(&content("third", "aaa")));
        assert_eq!(bed.committed().unwrap().generation.0, 3);
    }
}

#[test]
fn somebody_else_changes_the_object() {
    let mut bed = Bed::led(2);
    bed.store.version += 7;
    bed.wants(&content("second", "aaa"));
    assert!(bed.all_serve(&content("second", "aaa")));
    assert_eq!(bed.store.record.as_ref().unwrap().term, Term(1));
}

#[test]
fn a_leader_who_was_replaced_commits_nothing() {
    let mut bed = Bed::led(2);
    let record = bed.store.record.as_mut().unwrap();
    record.term = Term(9);
    record.leader = "another".to_owned();
    bed.store.version += 1;
    bed.wants(&content("second", "aaa"));
    assert!(bed.resigned);
    assert_eq!(bed.leader.as_ref().unwrap().state().role, Role::Standby);
    assert!(bed.all_serve(&content("first", "aaa")));
    assert!(bed.forwarders.iter().all(|forwarder| forwarder.connection.is_none()));
}

#[test]
fn a_lost_record_begins_above_what_forwarders_have_seen() {
    let mut bed = Bed::led(2);
    for number in 0..5 {
        bed.wants(&content(&format!("change {number}"), "aaa"));
    }
    bed.kill_leader();
    bed.store.record = None;
    bed.start_leader("two", &content("change 4", "aaa"));
    bed.pass(Duration::from_secs(5));
    let record = bed.store.record.clone().unwrap();
    assert!(record.term > Term(1), "{record:?}");
    assert!(record.committed.unwrap().generation > Generation(6), "{record:?}");
    assert!(bed.all_serve(&content("change 4", "aaa")));
    // Under the leader's hands, too.
    bed.store.record = None;
    bed.store.version = 0;
    bed.wants(&content("last", "aaa"));
    bed.pass(Duration::from_secs(5));
    assert!(bed.all_serve(&content("last", "aaa")));
    assert!(bed.committed().unwrap().generation > record.committed.unwrap().generation);
}
