//! RFC 4724, 8538, 9494 and 7313 as the one who keeps routes for others; limits.

use guideway_bgp_wire::{Community, Families, Family};

use super::{Bench, address, announce, attributes, id, secs, session, settings, with_community};
use crate::loc::{
    GracefulSession, Limit, LimitAction, LimitReached, LongLivedFamily, RefusedSession, Session, SessionEnd,
};

const A: &str = "203.0.113.1/32";
const B: &str = "203.0.113.2/32";

fn long_lived(n: u8, stale: u64) -> Session {
    let family = |family| LongLivedFamily { family, forwarding: true, stale_time: secs(stale) };
    Session { long_lived: Family::ALL.map(family).to_vec(), ..session(n) }
}

#[test]
fn a_speaker_that_comes_back_in_time_is_no_event() {
    let mut bench = Bench::new(settings());
    bench.up(1);
    bench.announce(1, &[A, B]);
    bench.loc.end_of_rib(id(1), Family::Ipv4);
    assert_eq!(bench.told(), ["203.0.113.1/32: 1", "203.0.113.2/32: 1"]);
    let changes = bench.changes;

    bench.down(1, SessionEnd::Graceful);
    assert_eq!(bench.kept(), [format!("{A} 1 stale"), format!("{B} 1 stale")]);
    bench.at(119).up(1);
    bench.announce(1, &[A]);
    assert_eq!(bench.kept(), [format!("{A} 1 fresh"), format!("{B} 1 stale")]);
    bench.settle();
    assert_eq!(bench.changes, changes);
    bench.at(200);
    bench.loc.end_of_rib(id(1), Family::Ipv4);
    assert_eq!(bench.told(), ["203.0.113.1/32: 1"]);
    assert_eq!(bench.changes, changes + 1);
}

#[test]
fn when_stale_paths_go() {
    type Then = fn(&mut Bench);
    let forget = |families, forwarding| Session {
        graceful: Some(GracefulSession { restart_time: secs(120), families, forwarding }),
        ..session(1)
    };
    let both = super::families();
    let cases: [(&str, Then, &[&str]); 9] = [
        (
            "in time",
            |bench| {
                bench.at(119);
            },
            &["203.0.113.1/32: 1"],
        ),
        (
            "too late",
            |bench| {
                bench.at(120);
            },
            &[],
        ),
        (
            "back, and silent for too long",
            |bench| {
                bench.at(10).up(1);
                bench.at(311);
            },
            &[],
        ),
        (
            "back, and not silent for too long",
            |bench| {
                bench.at(10).up(1);
                bench.at(309);
            },
            &["203.0.113.1/32: 1"],
        ),
        (
            "back without graceful restart",
            |bench| {
                bench.up_with(1, Session { graceful: None, ..session(1) });
            },
            &[],
        ),
        (
            "gone again before it told anything",
            |bench| {
                bench.at(10).up(1);
                bench.down(1, SessionEnd::Graceful);
            },
            &[],
        ),
        ("gone for good", |bench| bench.down(1, SessionEnd::Hard), &[]),
        (
            "End-of-RIB",
            |bench| {
                bench.up(1);
                bench.loc.end_of_rib(id(1), Family::Ipv4);
            },
            &[],
        ),
        (
            "End-of-RIB of the other family",
            |bench| {
                bench.up(1);
                bench.loc.end_of_rib(id(1), Family::Ipv6);
            },
            &["203.0.113.1/32: 1"],
        ),
    ];
    let start = || {
        let mut bench = Bench::new(settings());
        bench.up(1);
        bench.announce(1, &[A]);
        bench.down(1, SessionEnd::Graceful);
        assert_eq!(bench.told(), ["203.0.113.1/32: 1"]);
        bench
    };
    for (what, then, left) in cases {
        let mut bench = start();
        then(&mut bench);
        assert_eq!(bench.told(), left, "{what}");
    }
    for (what, session, left) in [
        ("without the F bit", forget(both, Families::NONE), 0),
        ("without the family", forget(Families::NONE.with(Family::Ipv6), both), 0),
        ("with the F bit", forget(both, both), 1),
        (
            "the family is not agreed on any more",
            Session { families: Families::NONE.with(Family::Ipv6), ..session(1) },
            0,
        ),
    ] {
        let mut bench = start();
        bench.up_with(1, session);
        assert_eq!(bench.told().len(), left, "{what}");
    }
}

#[test]
fn a_session_that_ends_hard_or_without_graceful_restart_keeps_nothing() {
    for (session, end) in [
        (session(1), SessionEnd::Hard),
        (Session { graceful: None, ..session(1) }, SessionEnd::Graceful),
        // RFC 9494 section 3: nothing without the other capability.
        (Session { graceful: None, ..long_lived(1, 100) }, SessionEnd::Graceful),
    ] {
        let mut bench = Bench::new(settings());
        bench.up_with(1, session);
        bench.announce(1, &[A]);
        bench.down(1, end);
        assert!(bench.told().is_empty());
        assert!(bench.loc.sources().is_empty());
        assert_eq!(bench.loc.poll_timeout(), None);
    }
}

#[test]
fn the_own_limit_ends_a_long_restart_time() {
    let mut bench = Bench::new(crate::loc::Settings { restart_limit: secs(30), ..settings() });
    bench.up(1);
    bench.announce(1, &[A]);
    bench.down(1, SessionEnd::Graceful);
    bench.at(29);
    assert_eq!(bench.told().len(), 1);
    bench.at(30);
    assert!(bench.told().is_empty());
}

#[test]
fn long_lived_paths() {
    let mut bench = Bench::new(settings());
    bench.up_with(1, long_lived(1, 1000));
    bench.announce(1, &[A]);
    bench.update(1, &announce(1, &[B], &with_community(1, Community::NO_LLGR)));
    bench.settle();
    bench.down(1, SessionEnd::Graceful);
    bench.at(119);
    assert_eq!(bench.kept(), [format!("{A} 1 stale"), format!("{B} 1 stale")]);
    // RFC 9494 section 4.2: told again with LLGR_STALE; who does not want it is not kept.
    let changes = bench.changes;
    bench.at(121);
    assert_eq!(bench.kept(), [format!("{A} 1 long-lived")]);
    assert_eq!(bench.changes, changes + 2);
    assert!(bench.loc.candidates(&super::net(A))[0].long_lived);
    bench.at(1119);
    assert_eq!(bench.told(), ["203.0.113.1/32: 1"]);
    bench.at(1120);
    assert!(bench.told().is_empty());
    assert!(bench.loc.sources().is_empty());
}

#[test]
fn long_lived_paths_after_a_return() {
    let start = || {
        let mut bench = Bench::new(settings());
        bench.up_with(1, long_lived(1, 1000));
        bench.announce(1, &[A, B]);
        bench.down(1, SessionEnd::Graceful);
        bench.at(200);
        bench.settle();
        bench
    };
    // Its own F bit counts, not that of graceful restart.
    let mut bench = start();
    let mut session = long_lived(1, 1000);
    session.long_lived[0].forwarding = false;
    bench.up_with(1, session);
    assert!(bench.told().is_empty());
    // Told again: not long-lived any more, and the router hears of it.
    let mut bench = start();
    bench.up_with(1, long_lived(1, 1000));
    let changes = bench.changes;
    bench.announce(1, &[A]);
    bench.settle();
    assert_eq!(bench.changes, changes + 1);
    assert_eq!(bench.kept(), [format!("{A} 1 fresh"), format!("{B} 1 long-lived")]);
    // Gone once more: what is long-lived keeps its own deadline, what was fresh gets a new one.
    bench.down(1, SessionEnd::Graceful);
    assert_eq!(bench.kept(), [format!("{A} 1 stale"), format!("{B} 1 long-lived")]);
    bench.at(1119);
    assert_eq!(bench.told().len(), 2);
    bench.at(1120);
    assert_eq!(bench.told(), ["203.0.113.1/32: 1"]);
    bench.at(200 + 120 + 1000);
    assert!(bench.told().is_empty());
}

#[test]
fn no_restart_time_begins_the_long_life_at_once() {
    let mut bench = Bench::new(settings());
    let graceful =
        GracefulSession { restart_time: secs(0), families: super::families(), forwarding: super::families() };
    bench.up_with(1, Session { graceful: Some(graceful), ..long_lived(1, 50) });
    bench.announce(1, &[A]);
    bench.down(1, SessionEnd::Graceful);
    assert_eq!(bench.kept(), [format!("{A} 1 long-lived")]);
    bench.at(50);
    assert!(bench.told().is_empty());
}

#[test]
fn without_a_limit_nothing_lives_long() {
    let mut bench = Bench::new(crate::loc::Settings { long_lived_limit: None, ..settings() });
    bench.up_with(1, long_lived(1, 1000));
    bench.announce(1, &[A]);
    bench.down(1, SessionEnd::Graceful);
    bench.at(120);
    assert!(bench.told().is_empty());
}

#[test]
fn an_enhanced_refresh_sweeps_what_was_not_told_again() {
    let mut bench = Bench::new(settings());
    bench.up(1);
    bench.announce(1, &[A, B]);
    bench.loc.refresh_ends(id(1), Family::Ipv4);
    assert_eq!(bench.told().len(), 2);
    bench.loc.refresh_begins(bench.now, id(1), Family::Ipv4);
    bench.announce(1, &[B]);
    let changes = bench.changes;
    bench.settle();
    assert_eq!(bench.changes, changes);
    bench.loc.refresh_ends(id(1), Family::Ipv4);
    assert_eq!(bench.told(), ["203.0.113.2/32: 1"]);
    // An end that does not come.
    bench.loc.refresh_begins(bench.now, id(1), Family::Ipv4);
    bench.at(299);
    assert_eq!(bench.told().len(), 1);
    bench.at(300);
    assert!(bench.told().is_empty());
    // A session that ends in between.
    bench.announce(1, &[A]);
    bench.loc.refresh_begins(bench.now, id(1), Family::Ipv4);
    bench.down(1, SessionEnd::Graceful);
    assert_eq!(bench.kept(), [format!("{A} 1 stale")]);
}

#[test]
fn limits() {
    let limited = |action| Session { limit: Limit { prefixes: 1, action }, ..session(1) };
    let update = announce(1, &[A, B], &attributes(1));
    let mut bench = Bench::new(settings());
    bench.up_with(1, limited(LimitAction::Reset));
    let error = bench.loc.update(bench.now, id(1), &update).unwrap_err();
    assert_eq!(error, LimitReached { family: Family::Ipv4, limit: 1 });

    bench.up_with(1, limited(LimitAction::Block));
    bench.update(1, &update);
    assert_eq!(bench.told(), ["203.0.113.1/32: 1"]);
    assert_eq!(bench.loc.sources()[0].blocked, 1);
    // What is told again is no new prefix, nor is one of the other family.
    bench.announce(1, &[A]);
    bench.announce(1, &["2001:db8::1/128"]);
    assert_eq!(bench.loc.sources()[0].blocked, 1);

    bench.up_with(1, limited(LimitAction::Warn));
    bench.update(1, &update);
    assert_eq!(bench.told().len(), 2);
}

#[test]
fn two_speakers_with_one_identifier() {
    let mut bench = Bench::new(settings());
    bench.up(1);
    bench.announce(1, &[A]);
    let other = session(2);
    let refused = bench.loc.up(bench.now, id(1), other.clone()).unwrap_err();
    assert_eq!(refused, RefusedSession::IdentifierInUse { id: id(1), other: address(1) });
    assert!(refused.to_string().contains("10.255.1.1 is in use by the speaker at 10.1.1.2"), "{refused}");
    assert_eq!(bench.told(), ["203.0.113.1/32: 1"]);
    // It has moved: once the former session has ended, the identifier is its own.
    bench.down(1, SessionEnd::Graceful);
    bench.up_with(1, other);
    bench.update(1, &announce(2, &[A], &attributes(2)));
    assert_eq!(bench.told.values().collect::<Vec<_>>(), ["10.1.1.2"]);
    assert_eq!(bench.told(), ["203.0.113.1/32: 1"]);
    assert_eq!(bench.told.values().collect::<Vec<_>>(), ["10.1.2.2"]);
}
