//! What sets were before, for forwarders that come later.

use std::time::Duration;

use guideway_controller_core::message::{
    FromForwarder, PastSet, Report, ReportScope, SetReport, ToForwarder,
};
use guideway_controller_core::{Budget, Content, Generation, Term};
use guideway_dataplane_config::{Backend, BackendSet, Seed, TableSize};

use super::bed::{Bed, Writes, content};
use crate::coordinator::Event;
use crate::{Settings, follower};

/// A content in which the set `c` has this backend, and a drain window of a minute.
fn with(backend: u8) -> Content {
    edited(backend, |_| {})
}

fn edited(backend: u8, edit: impl FnOnce(&mut BackendSet)) -> Content {
    let mut content = content("x", "aaa");
    let mut set = (**content.sets().get("a").unwrap()).clone();
    set.name = "c".to_owned();
    set.second_hop = true;
    set.backends =
        [Backend { name: backend.to_string(), address: [10, 0, 1, backend].into(), weight: 1 }].into();
    edit(&mut set);
    content.put_set(set).unwrap();
    content
}

fn led(forwarders: usize) -> Bed {
    let mut bed = Bed::new(forwarders);
    lead(&mut bed, "one", &with(0));
    bed
}

fn lead(bed: &mut Bed, leader: &str, desired: &Content) {
    bed.start(Settings::new(leader.to_owned(), Budget::UNLIMITED), desired);
    bed.pass(Duration::from_secs(3));
}

/// The backend and the seconds of each.
fn short(sets: &[PastSet]) -> Vec<(String, u64)> {
    sets.iter().map(|past| (past.set.backends[0].name.clone(), past.ago.as_secs())).collect()
}

fn expected(sets: &[(u8, u64)]) -> Vec<(String, u64)> {
    sets.iter().map(|(backend, seconds)| (backend.to_string(), *seconds)).collect()
}

/// What a forwarder was told of the past, one message after the other.
fn told(bed: &Bed, number: usize) -> Vec<Vec<(String, u64)>> {
    let to = bed.said.iter().filter(|(to, _)| *to == number);
    to.filter_map(|(_, message)| match message {
        ToForwarder::Past { sets, .. } => Some(short(sets)),
        _ => None,
    })
    .collect()
}

/// What a forwarder was told of the past and asked to prepare and to install, in order.
fn order(bed: &Bed, number: usize) -> Vec<(&'static str, usize)> {
    let to = bed.said.iter().filter(|(to, _)| *to == number);
    to.filter_map(|(_, message)| match message {
        ToForwarder::Past { sets, .. } => Some(("past", sets.len())),
        ToForwarder::Prepare { generation, .. } => Some(("prepare", usize::try_from(generation.0).unwrap())),
        ToForwarder::Commit { generation, .. } => Some(("commit", usize::try_from(generation.0).unwrap())),
        _ => None,
    })
    .collect()
}

/// What one that joins now knows.
fn joins(bed: &mut Bed) -> Vec<(String, u64)> {
    bed.add_forwarder();
    let joined = bed.forwarders.last().unwrap();
    assert!(joined.installed.is_some());
    short(&joined.past)
}

/// Another one joins and prepares nothing.
fn joins_silently(bed: &mut Bed) {
    bed.forwarders.extend(Bed::new(1).forwarders);
    let number = bed.forwarders.len() - 1;
    bed.forwarders[number].is_silent = true;
    bed.dial(number);
    bed.run();
}

#[test]
fn one_that_joins_is_told_before_it_prepares() {
    let mut bed = led(1);
    bed.wants(&with(1));
    bed.pass(Duration::from_secs(20));
    bed.wants(&with(2));
    bed.pass(Duration::from_secs(10));
    assert_eq!(joins(&mut bed), expected(&[(0, 30), (1, 10)]));
    assert_eq!(order(&bed, 1), [("past", 2), ("prepare", 3), ("commit", 3)]);
    assert!(bed.all_serve(&with(2)));
    assert_eq!(told(&bed, 0), [[]], "it was there, and there was nothing");
}

#[test]
fn that_there_is_nothing_is_said_once() {
    let mut bed = led(1);
    // What decides about no table.
    let mut other = edited(0, |set| set.drain_window = Duration::from_secs(30));
    bed.wants(&other);
    other.put_pool(guideway_controller_core::Pool { name: "y".parse().unwrap(), prefixes: Vec::new() });
    bed.wants(&other);
    // A set that is new, and one without a second hop.
    let mut new = with(0);
    let backend = |name: &str| Backend { name: name.to_owned(), address: [10, 0, 2, 1].into(), weight: 1 };
    let mut set = (**new.sets().get("a").unwrap()).clone();
    set.backends = [backend("another")].into();
    new.put_set(set.clone()).unwrap();
    set.name = "d".to_owned();
    set.second_hop = true;
    new.put_set(set).unwrap();
    bed.wants(&new);
    assert!(bed.all_serve(&new));
    assert_eq!(joins(&mut bed), []);
    assert_eq!(order(&bed, 1), [("past", 0), ("prepare", 4), ("commit", 4)]);
}

#[test]
fn what_was_before_counts_for_three_drain_windows() {
    let mut bed = led(1);
    bed.wants(&with(1));
    bed.pass(Duration::from_secs(30));
    bed.wants(&with(2));
    bed.pass(Duration::from_millis(149_999));
    assert_eq!(joins(&mut bed), expected(&[(0, 179), (1, 149)]));
    bed.pass(Duration::from_secs(2));
    assert_eq!(joins(&mut bed), expected(&[(1, 151)]));
    bed.pass(Duration::from_secs(30));
    assert_eq!(joins(&mut bed), []);
}

#[test]
fn what_helps_nobody_is_forgotten() {
    let cases =
        [("removed", content("x", "aaa")), ("no second hop", edited(1, |set| set.second_hop = false))];
    for (what, after) in cases {
        let mut bed = led(1);
        bed.wants(&with(1));
        assert_eq!(joins(&mut bed), expected(&[(0, 0)]), "{what}");
        bed.wants(&after);
        assert!(bed.all_serve(&after), "{what}");
        assert_eq!(joins(&mut bed), [], "{what}");
        // As it was: what it was before that is forgotten still.
        bed.wants(&with(1));
        assert_eq!(joins(&mut bed), [], "{what}");
    }
}

#[test]
fn another_size_makes_other_tables() {
    let mut bed = led(1);
    bed.wants(&with(1));
    let after = edited(1, |set| set.table_size = TableSize::Large);
    bed.wants(&after);
    assert!(bed.all_serve(&after));
    assert_eq!(joins(&mut bed), expected(&[(0, 0), (1, 0)]));
}

#[test]
fn each_connection_is_told_once() {
    let mut bed = led(2);
    bed.wants(&with(1));
    bed.cut(1);
    bed.dial(1);
    bed.run();
    assert_eq!(told(&bed, 1), [vec![], expected(&[(0, 0)])]);
    // It is there, and sees the rest for itself.
    bed.pass(Duration::from_secs(5));
    bed.wants(&with(2));
    bed.pass(Duration::from_secs(5));
    assert_eq!(told(&bed, 1).len(), 2);
    bed.restart(1);
    bed.dial(1);
    bed.run();
    assert_eq!(told(&bed, 1)[2..], [expected(&[(0, 10), (1, 5)])]);
    assert_eq!(told(&bed, 0), [[]]);
}

#[test]
fn who_has_installed_nothing_is_told_what_was_replaced_meanwhile() {
    let mut bed = led(1);
    bed.wants(&with(1));
    joins_silently(&mut bed);
    assert_eq!(order(&bed, 1), [("past", 1), ("prepare", 2)]);
    bed.pass(Duration::from_secs(1));
    bed.wants(&with(2));
    assert_eq!(bed.committed().unwrap().digest, with(2).digest());
    bed.pass(Duration::from_secs(8));
    assert_eq!(order(&bed, 1).len(), 2, "it is asked nothing that this matters to");
    bed.forwarders[1].is_silent = false;
    bed.pass(Duration::from_secs(3));
    assert_eq!(order(&bed, 1)[2..], [("past", 2), ("prepare", 3), ("commit", 3)]);
    assert_eq!(short(&bed.forwarders[1].past), expected(&[(0, 10), (1, 9)]));
    assert!(bed.all_serve(&with(2)));
    // From here on it sees for itself.
    bed.wants(&with(3));
    assert!(bed.all_serve(&with(3)));
    assert_eq!(told(&bed, 1).len(), 2);
}

#[test]
fn what_does_not_hold_any_more_is_taken_back() {
    let mut bed = led(1);
    bed.wants(&with(1));
    joins_silently(&mut bed);
    assert_eq!(told(&bed, 1), [expected(&[(0, 0)])]);
    bed.wants(&content("x", "aaa"));
    bed.forwarders[1].is_silent = false;
    bed.pass(Duration::from_secs(11));
    assert_eq!(told(&bed, 1)[1..], [[]]);
    assert!(bed.all_serve(&content("x", "aaa")));
}

#[test]
fn the_last_of_a_set_are_enough() {
    let mut bed = led(1);
    for backend in 1..=35 {
        bed.wants(&with(backend));
        bed.pass(Duration::from_millis(100));
    }
    let told = joins(&mut bed);
    let backends: Vec<String> = (3..35).map(|backend: u8| backend.to_string()).collect();
    assert_eq!(told.into_iter().map(|(backend, _)| backend).collect::<Vec<_>>(), backends);
}

#[test]
fn an_earlier_content_replaces_as_well() {
    let mut bed = led(1);
    bed.wants(&with(1));
    bed.tell(Event::Rollback { generation: Generation(1) });
    bed.run();
    assert!(bed.all_serve(&with(0)));
    assert_eq!(joins(&mut bed), expected(&[(0, 0), (1, 0)]));
}

/// The leader dies, and another one leads after ten seconds.
fn change_the_leader(bed: &mut Bed, desired: &Content) {
    bed.kill_leader();
    bed.pass(Duration::from_secs(10));
    bed.said.clear();
    lead(bed, "two", desired);
}

fn asked_for(bed: &Bed) -> Vec<(usize, u64)> {
    let asked = bed.said.iter().filter_map(|(to, message)| match message {
        ToForwarder::SendContent { generation, .. } => Some((*to, generation.0)),
        _ => None,
    });
    asked.collect()
}

#[test]
fn another_leader_knows_it_from_what_forwarders_keep() {
    let mut bed = led(2);
    bed.wants(&with(1));
    bed.pass(Duration::from_secs(20));
    bed.wants(&with(2));
    bed.pass(Duration::from_secs(5));
    change_the_leader(&mut bed, &with(2));
    assert_eq!(asked_for(&bed), [(0, 1), (0, 2)], "what is committed is what is wanted");
    assert_eq!(told(&bed, 0), [expected(&[(0, 37), (1, 17)])], "two seconds after it was elected");
    assert_eq!(joins(&mut bed), expected(&[(0, 38), (1, 18)]));
    // Its own come after these.
    bed.wants(&with(3));
    assert_eq!(joins(&mut bed), expected(&[(0, 38), (1, 18), (2, 0)]));
    // The same one leads again.
    bed.tell(Event::LostLeadership);
    bed.run();
    bed.tell(Event::BecameLeader);
    bed.dial_all();
    bed.pass(Duration::from_secs(3));
    assert_eq!(joins(&mut bed), expected(&[(0, 41), (1, 21), (2, 3)]));
}

#[test]
fn another_leader_recollects_no_more_than_drain_windows_reach() {
    let mut bed = led(1);
    bed.wants(&with(1));
    bed.pass(Duration::from_secs(100));
    bed.wants(&with(2));
    bed.pass(Duration::from_secs(75));
    change_the_leader(&mut bed, &with(2));
    assert_eq!(asked_for(&bed), [(0, 2)], "the first one was replaced more than three minutes ago");
    assert_eq!(joins(&mut bed), expected(&[(1, 88)]));
    // Nor where nobody looks after anything.
    let mut bed = led(1);
    bed.wants(&edited(1, |set| set.second_hop = false));
    change_the_leader(&mut bed, &edited(1, |set| set.second_hop = false));
    assert_eq!(asked_for(&bed), []);
    assert_eq!(joins(&mut bed), []);
}

#[test]
fn who_joins_while_a_leader_recollects_is_told_first() {
    let mut bed = led(1);
    bed.wants(&with(1));
    bed.kill_leader();
    bed.said.clear();
    bed.start(Settings::new("two".to_owned(), Budget::UNLIMITED), &with(2));
    bed.add_forwarder();
    bed.pass(Duration::from_secs(1));
    assert_eq!(order(&bed, 1), [], "others may have something to say still");
    assert_eq!(bed.forwarders[0].installed.unwrap().digest, with(1).digest(), "nothing is proposed");
    bed.pass(Duration::from_secs(2));
    assert_eq!(order(&bed, 1)[0], ("past", 1));
    assert_eq!(order(&bed, 1)[1].0, "prepare");
    assert!(bed.all_serve(&with(2)));
    assert_eq!(short(&bed.forwarders[1].past)[0], ("0".to_owned(), 2));
}

#[test]
fn one_that_knows_may_be_late() {
    let mut bed = led(1);
    bed.wants(&with(1));
    bed.kill_leader();
    bed.said.clear();
    bed.start(Settings::new("two".to_owned(), Budget::UNLIMITED), &with(1));
    bed.cut(0);
    bed.forwarders.extend(Bed::new(1).forwarders);
    bed.dial(1);
    bed.pass(Duration::from_secs(6));
    assert_eq!(order(&bed, 1), []);
    bed.dial_all();
    bed.run();
    assert_eq!(order(&bed, 1), [("past", 1), ("prepare", 2), ("commit", 2)]);
    assert_eq!(short(&bed.forwarders[1].past), expected(&[(0, 6)]));
}

#[test]
fn what_one_does_not_send_another_one_does_and_nobody_is_waited_for_for_ever() {
    for all in [false, true] {
        let mut bed = led(2);
        bed.wants(&with(1));
        bed.forwarders[0].is_mute = true;
        bed.forwarders[1].is_mute = all;
        bed.kill_leader();
        lead(&mut bed, "two", &with(2));
        bed.pass(Duration::from_secs(1));
        let served = bed.forwarders[0].installed.map(|stamp| stamp.digest);
        assert_eq!(served == Some(with(2).digest()), !all, "nothing is proposed while it is waited for");
        bed.pass(Duration::from_secs(10));
        assert!(bed.all_serve(&with(2)), "{all}");
        let of_zero = |told: &(String, u64)| told.0 == "0";
        assert_eq!(joins(&mut bed).iter().any(of_zero), !all, "{all}");
    }
}

#[test]
fn one_that_keeps_less_takes_nothing_from_what_others_keep() {
    let mut bed = led(1);
    bed.wants(&with(1));
    bed.add_forwarder();
    bed.pass(Duration::from_secs(5));
    bed.wants(&with(2));
    // A clock that is ahead.
    for at in bed.forwarders[1].since.values_mut() {
        *at += Duration::from_secs(60);
    }
    change_the_leader(&mut bed, &with(2));
    let told: Vec<String> = joins(&mut bed).into_iter().map(|(backend, _)| backend).collect();
    assert_eq!(told, ["0", "1"]);
}

#[test]
fn nothing_is_proposed_while_a_leader_recollects() {
    let mut bed = led(1);
    bed.wants(&with(1));
    bed.forwarders[0].is_mute = true;
    change_the_leader(&mut bed, &with(1));
    assert_eq!(asked_for(&bed), [(0, 1), (0, 1)], "again after a second");
    bed.wants(&with(2));
    bed.pass(Duration::from_secs(3));
    assert_eq!(order(&bed, 0), []);
    bed.pass(Duration::from_secs(2));
    assert!(bed.all_serve(&with(2)));
}

#[test]
fn a_clock_that_was_set_turns_nothing_around() {
    let mut bed = led(1);
    bed.wants(&with(1));
    bed.pass(Duration::from_secs(20));
    let second = bed.committed().unwrap();
    bed.wants(&with(2));
    *bed.forwarders[0].since.get_mut(&second).unwrap() += Duration::from_secs(60);
    change_the_leader(&mut bed, &with(2));
    assert_eq!(joins(&mut bed), expected(&[(0, 13), (1, 13)]));
}

#[test]
fn who_is_dead_now_was_dead_before_a_new_leader() {
    let mut bed = led(1);
    bed.wants(&with(1));
    bed.kill_leader();
    bed.start(Settings::new("two".to_owned(), Budget::UNLIMITED), &with(1));
    bed.reports(0, ReportScope::Whole, "c", &["0"]);
    bed.pass(Duration::from_secs(3));
    bed.add_forwarder();
    let of_zero = bed.forwarders[1].past.iter().filter(|past| past.set.backends[0].name == "0");
    assert_eq!(of_zero.map(|past| past.unhealthy.clone()).collect::<Vec<_>>(), [[0]]);
}

#[test]
fn what_was_decided_before_the_leader_died_replaces_something_now() {
    let mut bed = led(1);
    bed.wants(&with(1));
    bed.pass(Duration::from_secs(5));
    // Written, and nobody was told.
    bed.store.writes = Writes::DoneInDoubt;
    bed.wants(&with(2));
    assert_eq!(bed.committed().unwrap().digest, with(2).digest());
    assert_eq!(bed.forwarders[0].installed.unwrap().digest, with(1).digest());
    bed.store.writes = Writes::Done;
    change_the_leader(&mut bed, &with(2));
    assert!(bed.all_serve(&with(2)));
    assert_eq!(joins(&mut bed), expected(&[(0, 18), (1, 1)]), "when there was a leader who knew");
}

#[test]
fn what_is_prepared_and_not_committed_replaces_nothing() {
    let mut bed = led(2);
    bed.forwarders[1].refuses = Some("there is no room".to_owned());
    bed.wants(&with(1));
    assert!(bed.all_serve(&with(0)));
    assert_eq!(joins(&mut bed), []);
}

#[test]
fn a_leader_whose_term_is_over_says_nothing_of_the_past() {
    let mut bed = led(1);
    let connection = bed.forwarders[0].connection.unwrap();
    let of = |term, backend| ToForwarder::Past {
        term: Term(term),
        sets: std::sync::Arc::new(vec![PastSet {
            set: with(backend).sets().get("c").cloned().unwrap(),
            unhealthy: vec![0],
            seed: *with(backend).seed(),
            ago: Duration::from_secs(7),
        }]),
    };
    bed.follower(0, follower::Event::Received { connection, message: of(1, 5) });
    assert_eq!(short(&bed.forwarders[0].past), expected(&[(5, 7)]));
    bed.follower(0, follower::Event::Received { connection, message: of(0, 6) });
    assert_eq!(short(&bed.forwarders[0].past), expected(&[(5, 7)]));
    assert_eq!(bed.forwarders[0].connection, None, "the other one is to be looked for");
}

#[test]
fn what_was_before_another_seed_is_told_with_it() {
    let mut bed = led(1);
    bed.wants(&with(1));
    bed.pass(Duration::from_secs(10));
    let mut seeded = with(1);
    seeded.put_seed(Seed::new([8; 16]));
    bed.wants(&seeded);
    assert!(bed.all_serve(&seeded));
    bed.pass(Duration::from_secs(5));
    bed.add_forwarder();
    let of_c = |past: &&PastSet| past.set.name == "c";
    let told = bed.forwarders[1].past.iter().filter(of_c);
    let told: Vec<_> = told.map(|past| (past.set.backends[0].name.as_str(), past.seed)).collect();
    let before = *with(1).seed();
    assert_eq!(told, [("0", before), ("1", before)]);
}

impl Bed {
    /// A forwarder says which backends of the set it takes for dead.
    fn reports(&mut self, number: usize, scope: ReportScope, set: &str, dead: &[&str]) {
        let unhealthy = dead.iter().map(|dead| (*dead).to_owned()).collect();
        let sets = vec![SetReport { name: set.parse().unwrap(), unhealthy }];
        let message = FromForwarder::Report(Report { scope, sets, ..Report::default() });
        let connection = self.forwarders[number].connection.unwrap();
        self.tell(Event::Received { forwarder: super::bed::name(number), connection, message });
    }
}

/// Whether the backend was dead, and the seconds, of each.
fn health(sets: &[PastSet]) -> Vec<(bool, u64)> {
    sets.iter().map(|past| (!past.unhealthy.is_empty(), past.ago.as_secs())).collect()
}

#[test]
fn a_backend_is_dead_while_any_forwarder_says_so() {
    use ReportScope::{Changes, Whole};
    let mut bed = led(2);
    let joined = |bed: &mut Bed| {
        bed.add_forwarder();
        health(&bed.forwarders.last().unwrap().past)
    };
    assert_eq!(joined(&mut bed), []);
    bed.reports(0, Whole, "c", &["0"]);
    bed.reports(1, Changes, "c", &["0"]);
    bed.pass(Duration::from_secs(10));
    bed.reports(0, Changes, "c", &[]);
    assert_eq!(joined(&mut bed), [(false, 10), (true, 0)], "the other one says so still");
    // It comes anew, and what it said holds until it says something else.
    bed.cut(1);
    bed.dial(1);
    bed.run();
    assert_eq!(joined(&mut bed), [(false, 10), (true, 0)]);
    bed.reports(1, Whole, "another", &[]);
    bed.pass(Duration::from_secs(5));
    assert_eq!(joined(&mut bed), [(false, 15), (true, 5)]);
}

#[test]
fn what_a_forwarder_said_goes_with_it() {
    let mut bed = led(2);
    bed.reports(1, ReportScope::Whole, "c", &["0"]);
    bed.cut(1);
    let absence = Settings::new("one".to_owned(), Budget::UNLIMITED).absence;
    bed.pass(absence.min(Duration::from_secs(30)));
    bed.pass(absence.saturating_sub(Duration::from_secs(30)) + Duration::from_secs(1));
    bed.add_forwarder();
    let told = health(&bed.forwarders.last().unwrap().past);
    assert!(told.iter().all(|(dead, ago)| !dead || *ago > 0), "nothing is so now: {told:?}");
}
