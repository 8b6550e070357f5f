//! How an operator ends a session, and what comes after.

use guideway_bgp_wire::iana::cease;
use guideway_bgp_wire::{Family, Notification};

use super::{Bench, IN, LOWER, OUT, closed, config, connected, keepalive, ms, open, peer_open, secs, told};
use crate::{Action, Cause, Event, State, Stop};

fn limit(restart: Option<u64>) -> Stop {
    Stop::MaxPrefixes { family: Family::Ipv6, limit: 20_000, restart: restart.map(secs) }
}

#[test]
fn each_has_its_cease() {
    let text = "moving to rack 7";
    let rows = [
        (Stop::Shutdown(text.to_owned()), cease::ADMIN_SHUTDOWN, Some(text), vec![]),
        (Stop::Reset(text.to_owned()), cease::ADMIN_RESET, Some(text), vec![]),
        (Stop::Deconfigured, cease::PEER_DECONFIGURED, None, vec![]),
        (Stop::ConfigurationChange, cease::CONFIGURATION_CHANGE, None, vec![]),
        (limit(None), cease::MAX_PREFIXES, None, vec![0, 2, 1, 0, 0, 0x4e, 0x20]),
        (Stop::OutOfResources, cease::OUT_OF_RESOURCES, None, vec![]),
    ];
    for (stop, subcode, communication, data) in rows {
        let actions = Bench::established(config(), peer_open(LOWER)).put(Event::Stop(stop.clone()));
        let [(OUT, sent)] = told(&actions)[..] else { panic!("{actions:?}") };
        assert_eq!((sent.code, sent.subcode, sent.communication().as_deref()), (6, subcode, communication));
        if communication.is_none() {
            assert_eq!(sent.data, data);
        }
        assert!(
            matches!(actions.last(), Some(Action::Down { cause: Cause::Stopped(why), .. }) if *why == stop)
        );
    }
    let actions = Bench::established(config(), peer_open(LOWER)).put(Event::Stop(Stop::Silent));
    assert_eq!((told(&actions).len(), &actions[0]), (0, &Action::Disconnect { connection: OUT }));
}

/// After it: when the next attempt is due, and what a peer that connects meets.
#[test]
fn some_come_back_and_some_do_not() {
    let rows = [
        (Stop::Shutdown(String::new()), None, Some(cease::REJECTED)),
        (Stop::Deconfigured, None, Some(cease::REJECTED)),
        (Stop::Silent, None, None),
        (limit(None), None, Some(cease::REJECTED)),
        (limit(Some(600)), Some(600), Some(cease::REJECTED)),
        (Stop::OutOfResources, Some(10), Some(cease::REJECTED)),
    ];
    for (stop, due, answer) in rows {
        let mut bench = Bench::established(config(), peer_open(LOWER));
        bench.put(Event::Stop(stop.clone()));
        assert_eq!((bench.session.state(), bench.due()), (State::Idle, due.map(secs)), "{stop}");
        assert_eq!(bench.session.next_attempt(), due.map(|due| bench.now + secs(due)));
        for ignored in [Event::ConnectNow, Event::BfdDown] {
            assert!(bench.put(ignored).is_empty());
        }
        let actions = bench.put(connected(IN));
        let expected: Vec<_> = answer.into_iter().map(Notification::cease).collect();
        assert_eq!(told(&actions).into_iter().map(|(_, sent)| sent.clone()).collect::<Vec<_>>(), expected);
        assert_eq!(actions.last(), Some(&Action::Disconnect { connection: IN }), "{stop}");
        match due {
            Some(due) => assert_eq!(bench.wait(secs(due)), [Action::Connect], "{stop}"),
            None => assert_eq!(bench.put(Event::Start), [Action::Connect], "{stop}"),
        }
    }
    for stop in [Stop::Reset(String::new()), Stop::ConfigurationChange] {
        let mut bench = Bench::established(config(), peer_open(LOWER));
        bench.put(Event::Stop(stop.clone()));
        assert_eq!((bench.session.state(), bench.due()), (State::Active, Some(ms(250))), "{stop}");
        assert!(!bench.put(connected(IN)).is_empty(), "the peer may be faster");
        bench.put(open(IN, peer_open(LOWER)));
        bench.put(keepalive(IN));
        assert_eq!(bench.session.connection(), Some(IN));
    }
}

/// What comes back does not bring back what was stopped before.
#[test]
fn a_stopped_session_stays_stopped() {
    for first in [Stop::Shutdown(String::new()), Stop::Silent, limit(None)] {
        for second in
            [Stop::Reset(String::new()), Stop::ConfigurationChange, Stop::OutOfResources, limit(Some(5))]
        {
            let mut bench = Bench::after(config(), [Event::Stop(first.clone()), Event::Stop(second.clone())]);
            bench.wait(secs(3600));
            assert_eq!((bench.session.state(), bench.due()), (State::Idle, None), "{first}, {second}");
        }
    }
}

/// A prefix limit holds until its time is over, a start, or a reset by an operator.
#[test]
fn a_prefix_limit_can_be_lifted() {
    for (event, state) in [
        (Event::Start, State::Connect),
        (Event::Stop(Stop::Reset(String::new())), State::Active),
        (Event::Stop(Stop::ConfigurationChange), State::Idle),
        (Event::Stop(Stop::OutOfResources), State::Idle),
    ] {
        let mut bench = Bench::established(config(), peer_open(LOWER));
        bench.put(Event::Stop(limit(Some(600))));
        bench.put(event.clone());
        assert_eq!(bench.session.state(), state, "{event:?}");
        if state == State::Idle {
            assert_eq!(bench.due(), Some(secs(600)), "{event:?}");
        }
    }
}

/// A session that was never started says nothing to a peer that connects: the peer may keep routes for it.
#[test]
fn before_the_start_a_peer_is_sent_away_without_a_word() {
    let mut bench = Bench::new(config());
    assert_eq!(bench.put(connected(IN)), [Action::Disconnect { connection: IN }]);
}

/// The operator does not wait for a peer that refused before.
#[test]
fn a_stop_starts_the_back_off_anew() {
    let mut bench = Bench::after(config(), []);
    for _ in 0..5 {
        bench.put(connected(OUT));
        bench.put(closed(OUT));
        assert_eq!(bench.due(), Some(secs(1)));
        bench.put(Event::Stop(Stop::Reset(String::new())));
        assert_eq!(bench.wait(secs(1)), [Action::Connect]);
    }
}

/// Every connection is told and closed.
#[test]
fn a_stop_ends_everything() {
    let mut bench = Bench::after(config(), [connected(OUT), connected(IN)]);
    let actions = bench.put(Event::Stop(Stop::Shutdown(String::new())));
    assert_eq!(told(&actions).len(), 2);
    assert_eq!((bench.session.find(OUT), bench.session.find(IN), bench.due()), (None, None, None));
}

#[test]
fn bfd_down_ends_everything_and_dials_again() {
    let mut bench = Bench::established(config(), peer_open(LOWER));
    let actions = bench.put(Event::BfdDown);
    assert_eq!(told(&actions), [(OUT, &Notification::cease(cease::BFD_DOWN))]);
    assert_eq!((bench.session.state(), bench.due()), (State::Active, Some(ms(250))));
    // A session that is being made is as dead.
    let mut bench = Bench::after(config(), [connected(OUT), connected(IN)]);
    let actions = bench.put(Event::BfdDown);
    assert_eq!(actions.iter().filter(|action| matches!(action, Action::Failed(Cause::BfdDown))).count(), 2);
}
