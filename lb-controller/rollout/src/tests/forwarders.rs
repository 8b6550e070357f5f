//! Forwarders that are late, away, too small or new.

use std::time::{Duration, SystemTime};

use guideway_controller_core::message::Hello;
use guideway_controller_core::{Budget, L2};

use super::bed::{Bed, content, name, relay};
use crate::coordinator::{self, Aborted, Notice};
use crate::follower::Event;
use crate::{Coordinator, Settings};

#[test]
fn a_silent_forwarder_is_left_behind_and_fenced() {
    let mut bed = Bed::led(3);
    bed.forwarders[2].is_silent = true;
    let second = content("second", "aaa");
    bed.wants(&second);
    bed.pass(Duration::from_secs(9));
    assert!(bed.all_serve(&content("first", "aaa")));
    bed.pass(Duration::from_secs(2));
    assert!(bed.forwarders[..2].iter().all(|forwarder| forwarder.announced == bed.committed()));
    assert_eq!(bed.forwarders[2].announced, None);
    assert!(bed.notices.contains(&Notice::Fenced(name(2), bed.committed().unwrap().generation)));
    // It comes to itself.
    bed.forwarders[2].is_silent = false;
    bed.restart(2);
    bed.dial_all();
    bed.run();
    assert!(bed.all_serve(&second));
}

#[test]
fn forwarders_know_through_whom_they_reach_controllers() {
    let mut bed = Bed::led(3);
    let known = |bed: &Bed, number: usize| bed.forwarders[number].relays.iter().copied().collect::<Vec<_>>();
    assert_eq!(known(&bed, 0), [relay(1), relay(2)]);
    assert_eq!(known(&bed, 2), [relay(0), relay(1)]);
    // Who has no way of its own is none for others, and keeps what it knows.
    bed.cut(1);
    bed.run();
    assert_eq!(known(&bed, 0), [relay(2)]);
    assert_eq!(known(&bed, 1), [relay(0), relay(2)]);
    bed.dial(1);
    bed.run();
    assert_eq!(known(&bed, 0), [relay(1), relay(2)]);
    // A few of many are enough.
    let bed = Bed::led(40);
    assert_eq!(known(&bed, 7).len(), 16);
}

#[test]
fn the_leader_says_how_long_its_silence_may_be() {
    let mut bed = Bed::new(1);
    let own_silence = Duration::from_secs(2);
    let settings = Settings::new("one".to_owned(), Budget::UNLIMITED);
    bed.start(Settings { own_silence, ..settings }, &content("x", "aaa"));
    let follower = &mut bed.forwarders[0].machine;
    follower.handle(Event::Timeout, bed.now + Duration::from_millis(1999));
    assert!(follower.connection().is_some());
    follower.handle(Event::Timeout, bed.now + own_silence);
    assert!(follower.connection().is_none());
}

/// Its Forwarder object is deleted and made again.
#[test]
fn a_forwarder_that_nobody_takes_withdraws_until_it_is_taken_again() {
    let mut bed = Bed::led(3);
    let revoked = || Event::Revoked { reason: "there is no Forwarder lb-2".to_owned() };
    bed.cut(2);
    bed.follower(2, revoked());
    assert_eq!(bed.forwarders[2].announced, None);
    // Others go on; what it has is old by then.
    let second = content("second", "aaa");
    bed.wants(&second);
    bed.pass(Duration::from_secs(3));
    assert!(bed.forwarders[..2].iter().all(|forwarder| forwarder.announced == bed.committed()));
    assert_eq!(bed.forwarders[2].announced, None);
    bed.dial(2);
    bed.run();
    assert!(bed.all_serve(&second));
    // What it has is still what is committed: it hears that from the leader, and not before.
    bed.cut(2);
    bed.follower(2, revoked());
    bed.pass(Duration::from_secs(60));
    assert_eq!(bed.forwarders[2].announced, None);
    bed.dial(2);
    bed.pass(Duration::from_secs(1));
    assert!(bed.all_serve(&second));
}

/// A network that repeats what is said, and late, does not make the leader forget what it has heard since.
#[test]
fn an_introduction_that_comes_again_changes_nothing() {
    let mut bed = Bed::led(2);
    let is_current = |bed: &Bed| bed.leader.as_ref().unwrap().state().forwarders[&name(0)].current;
    assert!(is_current(&bed));
    let connection = bed.forwarders[0].connection.unwrap();
    let (hello, time_of_day) = (Hello::default(), SystemTime::UNIX_EPOCH);
    bed.tell(coordinator::Event::Connected { forwarder: name(0), connection, hello, time_of_day });
    assert!(is_current(&bed), "it had installed nothing when it said that");
}

#[test]
fn most_of_them_being_silent_stops_the_change() {
    let mut bed = Bed::led(3);
    bed.forwarders[1].is_silent = true;
    bed.forwarders[2].is_silent = true;
    bed.wants(&content("second", "aaa"));
    bed.pass(Duration::from_secs(11));
    assert!(bed.all_serve(&content("first", "aaa")));
    assert!(bed.notices.iter().any(|notice| matches!(notice, Notice::Aborted(_, Aborted::TooFew(1, 3)))));
}

#[test]
fn one_that_refuses_stops_the_change_for_all() {
    let mut bed = Bed::led(3);
    bed.forwarders[1].refuses = Some("no room for 3 VIPs".to_owned());
    let second = content("second", "aaa");
    bed.wants(&second);
    assert!(bed.all_serve(&content("first", "aaa")));
    let state = bed.leader.as_ref().unwrap().state();
    let aborted = state.aborted.map(|(_, why)| why);
    assert_eq!(aborted, Some(Aborted::Refused(name(1), vec!["no room for 3 VIPs".to_owned()])));
    assert!(
        bed.forwarders.iter().all(|forwarder| forwarder.prepared.is_none_or(|stamp| stamp.generation.0 == 1))
    );
    // It is tried again after a while, with another number, and at once when something else is wanted.
    bed.forwarders[1].refuses = None;
    bed.pass(Duration::from_secs(29));
    assert!(!bed.all_serve(&second));
    bed.pass(Duration::from_secs(2));
    assert!(bed.all_serve(&second));
    assert_eq!(bed.committed().unwrap().generation.0, 3);
}

#[test]
fn one_that_is_taken_away_does_not_stop_anything_any_more() {
    let mut bed = Bed::led(3);
    bed.forwarders[2].refuses = Some("no room".to_owned());
    let second = content("second", "aaa");
    bed.wants(&second);
    bed.cut(2);
    bed.run();
    bed.pass(Duration::from_secs(3));
    assert_eq!(bed.committed().unwrap().digest, second.digest());
    // When it comes back it cannot serve, and has no say.
    bed.dial(2);
    bed.run();
    bed.pass(Duration::from_secs(1));
    assert_eq!(bed.forwarders[2].announced, None);
    assert!(bed.notices.iter().any(|notice| matches!(notice, Notice::Incapable(..))));
    bed.wants(&content("third", "aaa"));
    assert_eq!(bed.committed().unwrap().digest, content("third", "aaa").digest());
}

#[test]
fn a_restart_is_waited_for() {
    let mut bed = Bed::led(3);
    bed.cut(1);
    bed.wants(&content("second", "aaa"));
    bed.pass(Duration::from_secs(1));
    assert_eq!(bed.committed().unwrap().generation.0, 1);
    bed.dial(1);
    bed.run();
    assert!(bed.all_serve(&content("second", "aaa")));
    assert!(!bed.notices.iter().any(|notice| matches!(notice, Notice::Fenced(..))));
}

#[test]
fn nobody_waits_for_one_whose_addresses_on_a_link_are_to_be_anothers() {
    let owned_by = |owner: usize| {
        let mut content = content("first", "aaa");
        let mut vip = (**content.vips().values().next().unwrap()).clone();
        vip.advertise.l2 = Some(L2 { owner: Some(name(owner)), interfaces: Vec::new() });
        content.put_vip(vip);
        content
    };
    let mut bed = Bed::led(3);
    bed.wants(&owned_by(1));
    assert!(bed.all_serve(&owned_by(1)));
    bed.cut(1);
    bed.wants(&owned_by(2));
    bed.pass(Duration::from_millis(100));
    assert_eq!(bed.committed().unwrap().digest, owned_by(2).digest());
    bed.dial(1);
    bed.run();
    assert!(bed.all_serve(&owned_by(2)));
}

#[test]
fn one_that_was_away_for_long_catches_up_before_it_is_fenced() {
    let mut bed = Bed::led(3);
    bed.cut(1);
    bed.pass(Duration::from_secs(3));
    for number in 0..40 {
        bed.wants(&content(&format!("change {number}"), "aaa"));
    }
    bed.pass(Duration::from_secs(500));
    bed.dial(1);
    bed.run();
    assert!(bed.all_serve(&content("change 39", "aaa")));
    assert!(!bed.notices.iter().any(|notice| matches!(notice, Notice::Fenced(..))));
}

#[test]
fn the_last_one_that_serves_is_never_fenced() {
    let mut bed = Bed::led(1);
    bed.kill_leader();
    // Something was committed elsewhere, and nobody here knows what it is.
    let record = bed.store.record.as_mut().unwrap();
    let committed = record.committed.as_mut().unwrap();
    committed.generation = committed.generation.next();
    committed.digest = content("lost", "aaa").digest();
    record.rolled_back_to = Some(committed.generation);
    bed.start_leader("two", &content("wanted", "aaa"));
    bed.pass(Duration::from_secs(60));
    assert!(bed.all_serve(&content("first", "aaa")));
    assert!(!bed.notices.iter().any(|notice| matches!(notice, Notice::Fenced(..))));
}

#[test]
fn nothing_is_committed_without_forwarders() {
    let mut bed = Bed::led(2);
    bed.cut(0);
    bed.cut(1);
    bed.pass(Duration::from_secs(3));
    let second = content("second", "aaa");
    bed.wants(&second);
    bed.pass(Duration::from_secs(60));
    assert_eq!(bed.committed().unwrap().generation.0, 1);
    bed.dial_all();
    bed.run();
    assert!(bed.all_serve(&second));
}

#[test]
fn a_new_forwarder_begins_with_what_is_committed() {
    let mut bed = Bed::led(1);
    bed.add_forwarder();
    bed.run();
    assert!(bed.all_serve(&content("first", "aaa")));
    assert_eq!(bed.committed().unwrap().generation.0, 1);
}

/// A leader that knows nothing but the record waits for what it can get, and for nothing else.
#[test]
fn what_is_committed_is_forthcoming_while_somebody_has_it() {
    let lead = |bed: &mut Bed, leader: &str| {
        bed.kill_leader();
        let budget = Budget { moved_permille: 1000, disturbed: 1 };
        bed.leader = Some(Coordinator::new(Settings::new(leader.to_owned(), budget)));
        bed.tell(coordinator::Event::BecameLeader);
        let state = bed.leader.as_ref().unwrap().state();
        assert!(state.committed.is_some() && !state.is_forthcoming, "nobody is there");
        bed.dial_all();
        bed.run();
        bed.leader.as_ref().unwrap().state().is_forthcoming
    };
    let mut bed = Bed::led(2);
    bed.forwarders.remove(0);
    assert!(lead(&mut bed, "two"), "it has said that it has it, and given it");
    bed.kill_leader();
    bed.forwarders.clear();
    bed.add_forwarder();
    assert!(!lead(&mut bed, "three"), "all that are there have nothing");
}
