//! Timers: attempts, waits, the OPEN, hold and keepalive.

use guideway_bgp_wire::{Message, Open, Update};

use super::{
    Bench, IN, LOWER, OUT, cease, closed, config, connected, keepalive, ms, open, peer_open, received, secs,
    told,
};
use crate::{Action, Cause, Config, Event, HoldTime, Jitter, Session, Side, State};

fn refused() -> Event {
    Event::ConnectFailed("refused".to_owned())
}

#[test]
fn an_attempt_is_given_up_and_the_next_one_begins() {
    let mut bench = Bench::after(config(), []);
    for _ in 0..20 {
        assert_eq!(bench.due(), Some(secs(1)));
        let actions = bench.wait(secs(1));
        assert_eq!(actions, [Action::CancelConnect, Action::Failed(Cause::ConnectTimedOut), Action::Connect]);
    }
}

#[test]
fn a_failed_attempt_is_followed_by_a_wait_that_does_not_grow() {
    let mut bench = Bench::after(config(), []);
    for _ in 0..20 {
        bench.put(refused());
        assert_eq!((bench.session.state(), bench.due()), (State::Active, Some(secs(1))));
        assert_eq!(bench.session.next_attempt(), Some(bench.now + secs(1)));
        assert_eq!(bench.wait(secs(1)), [Action::Connect]);
    }
}

#[test]
fn a_peer_that_answers_and_refuses_is_dialled_less_and_less_often() {
    for refusal in [closed(OUT), cease(OUT, 5), keepalive(OUT)] {
        let mut bench = Bench::after(config(), []);
        for expected in [1, 2, 4, 8, 10, 10] {
            bench.put(connected(OUT));
            bench.put(refusal.clone());
            assert_eq!(bench.due(), Some(secs(expected)), "{refusal:?}");
            bench.wait(secs(expected));
        }
        // A session that lasted ten seconds was a success, and the peer is missed for a while.
        bench.put(connected(OUT));
        bench.put(open(OUT, peer_open(LOWER)));
        bench.confirm();
        bench.now += secs(10);
        bench.put(cease(OUT, 4));
        assert_eq!(bench.due(), Some(ms(250)));
    }
}

#[test]
fn a_session_that_flaps_is_dialled_less_and_less_often() {
    let mut bench = Bench::after(config(), []);
    for expected in [1, 2, 4, 8, 10] {
        bench.put(connected(OUT));
        bench.put(open(OUT, peer_open(LOWER)));
        bench.confirm();
        bench.put(cease(OUT, 4));
        assert_eq!(bench.due(), Some(secs(expected)));
        bench.wait(secs(expected));
    }
}

#[test]
fn a_long_wait_that_is_configured_stays_long() {
    let mut bench = Bench::after(Config { connect_retry: secs(60), ..config() }, [connected(OUT)]);
    bench.put(closed(OUT));
    assert_eq!(bench.due(), Some(secs(60)));
}

#[test]
fn jitter_shortens_attempts_and_waits_by_a_quarter_at_most() {
    let mut session = Session::new(config());
    let now = std::time::Instant::now();
    session.handle(Event::Start, now, Jitter(0));
    assert_eq!(session.poll_timeout(), Some(now + ms(750)));
    session.handle(refused(), now, Jitter(0));
    assert_eq!(session.poll_timeout(), Some(now + ms(750)));
}

#[test]
fn times_of_zero_do_not_spin() {
    let config = Config { connect_retry: secs(0), connect_timeout: secs(0), open_time: secs(0), ..config() };
    let mut bench = Bench::after(config, []);
    for _ in 0..50 {
        assert!(bench.due().unwrap() >= ms(7));
        bench.wait(bench.due().unwrap());
        bench.put(refused());
    }
}

#[test]
fn connect_now_dials_at_once() {
    // While waiting.
    let mut bench = Bench::after(config(), [refused()]);
    assert_eq!(bench.put(Event::ConnectNow), [Action::Connect]);
    // While an attempt is under way, whose SYN may be lost.
    assert_eq!(bench.put(Event::ConnectNow), [Action::CancelConnect, Action::Connect]);
    // A connection that said nothing for a second may be half dead; a young one is not.
    bench.put(connected(OUT));
    assert!(bench.put(Event::ConnectNow).is_empty());
    bench.now += secs(1);
    assert_eq!(bench.put(Event::ConnectNow), [Action::Disconnect { connection: OUT }, Action::Connect]);
    // The wait for a peer that refused is over.
    let mut bench = Bench::after(config(), []);
    for _ in 0..5 {
        bench.put(connected(OUT));
        bench.put(closed(OUT));
        bench.put(Event::ConnectNow);
    }
    bench.put(connected(OUT));
    bench.put(closed(OUT));
    assert_eq!(bench.due(), Some(secs(1)));
}

#[test]
fn a_passive_session_never_dials() {
    let mut bench = Bench::after(Config { passive: true, ..config() }, [Event::ConnectNow]);
    assert_eq!((bench.states(), bench.due()), ((State::Active, State::Active), None));
    for event in [connected(IN), open(IN, peer_open(LOWER)), keepalive(IN), closed(IN), Event::BfdDown] {
        let actions = bench.put(event);
        assert!(!actions.contains(&Action::Connect), "{actions:?}");
    }
    assert_eq!((bench.states(), bench.due()), ((State::Active, State::Active), None));
}

#[test]
fn dialling_goes_on_until_the_peers_open_is_accepted() {
    let mut bench = Bench::after(config(), [refused(), connected(IN)]);
    assert_eq!(bench.wait(secs(1)), [Action::Connect], "the incoming one may be half dead");
    let actions = bench.put(open(IN, peer_open(LOWER)));
    assert!(actions.contains(&Action::CancelConnect), "{actions:?}");
    assert_eq!(bench.session.next_attempt(), None);
    bench.put(closed(IN));
    assert_eq!(bench.session.next_attempt(), Some(bench.now + secs(1)));
}

#[test]
fn a_peer_that_says_no_open_is_given_up() {
    for side in [OUT, IN] {
        let passive = Config { passive: side == IN, ..config() };
        let mut bench = Bench::after(passive, [connected(side)]);
        assert_eq!(bench.due(), Some(secs(30)));
        let actions = bench.wait(secs(30));
        assert_eq!(told(&actions)[0].1.code, 4);
        assert!(
            matches!(actions.last(), Some(Action::Failed(cause)) if cause.to_string().contains("no OPEN for 30 s"))
        );
    }
}

/// Whatever the hold time is, also when there is none.
#[test]
fn a_peer_that_does_not_confirm_is_given_up() {
    for (hold_time, expected) in [(90, 30), (9, 9), (0, 30)] {
        let config = Config { hold_time: HoldTime::from_secs(hold_time).unwrap(), ..config() };
        let mut bench = Bench::after(config, [connected(OUT), open(OUT, peer_open(LOWER))]);
        let start = bench.now;
        while bench.session.state() == State::OpenConfirm {
            let due = bench.due().unwrap();
            bench.wait(due);
        }
        assert_eq!(bench.now - start, secs(expected));
    }
}

#[test]
fn a_peer_that_closes_before_its_open_is_told_apart() {
    for (events, early) in [(vec![], true), (vec![open(OUT, peer_open(LOWER))], false)] {
        let mut bench = Bench::after(config(), [connected(OUT)]);
        for event in events {
            bench.put(event);
        }
        let actions = bench.put(closed(OUT));
        let [Action::Failed(cause)] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!(cause.to_string().contains("shut down"), early, "{cause}");
    }
}

#[test]
fn the_hold_timer_is_restarted_by_keepalive_and_update() {
    let mut bench = Bench::established(config(), peer_open(LOWER));
    for message in [Message::Keepalive, Message::Update(Update::default())] {
        for _ in 0..2 {
            bench.wait(secs(4));
        }
        bench.put(received(OUT, message));
    }
    bench.wait(secs(4));
    bench.wait(secs(4));
    assert_eq!(bench.session.state(), State::Established);
    bench.wait(secs(1));
    assert_ne!(bench.session.state(), State::Established);
}

#[test]
fn keepalives_go_out_three_times_in_a_hold_time_unless_updates_do() {
    let mut bench = Bench::established(config(), peer_open(LOWER));
    let keepalive = |actions: &[Action]| {
        matches!(actions, [Action::Send { connection: OUT, message: Message::Keepalive }])
    };
    assert_eq!(bench.due(), Some(secs(3)));
    assert!(keepalive(&bench.wait(secs(3))));
    bench.wait(secs(2));
    let now = bench.now;
    bench.session.sent_update(now);
    assert_eq!(bench.due(), Some(secs(3)));
    // Each interval has its own jitter.
    bench.now += secs(3);
    bench.session.handle(Event::Timeout, bench.now, Jitter(0));
    assert_eq!(bench.session.poll_timeout(), Some(bench.now + ms(1000)), "the hold timer comes first");
    bench.put(super::keepalive(OUT));
    assert_eq!(bench.due(), Some(ms(2250)));
}

#[test]
fn without_a_hold_time_no_timer_runs() {
    let bench = Bench::established(config(), Open { hold_time: 0, ..peer_open(LOWER) });
    assert_eq!(bench.due(), None);
}

#[test]
fn a_late_timeout_does_all_that_is_due() {
    let mut bench = Bench::established(config(), peer_open(LOWER));
    let actions = bench.wait(secs(1000));
    assert_eq!(told(&actions).len(), 1);
    assert_eq!(bench.session.side_state(Side::Outgoing), State::Active);
    assert!(bench.due().is_some_and(|due| due > secs(0)));
}
