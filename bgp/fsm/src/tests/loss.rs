//! What becomes of the routes: a row for each way to end a session (RFC 4724, RFC 8538, RFC 9384).

use guideway_bgp_wire::{
    Capability, DecodeError, Family, GracefulRestart as Restart, Message, Notification, Open,
};

use super::{
    Bench, IN, LOWER, OUT, cease, closed, config, connected, down, open, peer_open, received, restarting,
    secs, told,
};
use crate::{Cause, Config, Event, Loss, Stop};

const HARD: Loss = Loss::Hard;
const GRACEFUL: Loss = Loss::Graceful;

/// What the peer says: nothing about graceful restart, graceful restart, the same with the N bit.
fn peers() -> [Open; 3] {
    [peer_open(LOWER), restarting(peer_open(LOWER), false), restarting(peer_open(LOWER), true)]
}

type Row = (&'static str, Event, [Loss; 3]);

fn rows() -> Vec<Row> {
    let hard_reset = Message::Notification(Notification::hard_reset(&Notification::cease(4)));
    let limit = Stop::MaxPrefixes { family: Family::Ipv4, limit: 10, restart: None };
    vec![
        ("connection closed", closed(OUT), [HARD, GRACEFUL, GRACEFUL]),
        ("NOTIFICATION received", cease(OUT, 4), [HARD, HARD, GRACEFUL]),
        ("Hard Reset received", received(OUT, hard_reset), [HARD, HARD, HARD]),
        (
            "error",
            Event::Malformed { connection: OUT, error: DecodeError::NotSynchronized },
            [HARD, HARD, GRACEFUL],
        ),
        ("unexpected message", open(OUT, peer_open(LOWER)), [HARD, HARD, GRACEFUL]),
        ("send hold timer", Event::SendStuck { connection: OUT }, [HARD, HARD, GRACEFUL]),
        ("shutdown", Event::Stop(Stop::Shutdown("bye".to_owned())), [HARD, HARD, HARD]),
        ("reset", Event::Stop(Stop::Reset("why".to_owned())), [HARD, HARD, GRACEFUL]),
        ("deconfigured", Event::Stop(Stop::Deconfigured), [HARD, HARD, HARD]),
        ("configuration", Event::Stop(Stop::ConfigurationChange), [HARD, HARD, GRACEFUL]),
        ("prefix limit", Event::Stop(limit), [HARD, HARD, HARD]),
        ("resources", Event::Stop(Stop::OutOfResources), [HARD, HARD, GRACEFUL]),
        ("silent", Event::Stop(Stop::Silent), [HARD, GRACEFUL, GRACEFUL]),
        ("BFD down", Event::BfdDown, [HARD, HARD, HARD]),
    ]
}

#[test]
fn each_ending_loses_what_it_should() {
    for (name, event, losses) in rows() {
        for (said, expected) in peers().into_iter().zip(losses) {
            let mut bench = Bench::established(config(), said.clone());
            let actions = bench.put(event.clone());
            let (_, loss) = down(&actions).unwrap();
            assert_eq!(loss, expected, "{name}, the peer said {said:?}");
            // A session of ours without graceful restart keeps nothing.
            let mut bench = Bench::established(Config { graceful_restart: None, ..config() }, said);
            assert_eq!(down(&bench.put(event.clone())).unwrap().1, HARD, "{name}, not offered");
        }
    }
}

#[test]
fn the_hold_timer_loses_what_it_should() {
    for (said, expected) in peers().into_iter().zip([HARD, HARD, GRACEFUL]) {
        let mut bench = Bench::established(config(), said);
        let actions = bench.wait(secs(9));
        let (cause, loss) = down(&actions).unwrap();
        assert_eq!(loss, expected);
        assert!(matches!(cause, Cause::Sent { notification, .. } if notification.code == 4), "{cause}");
    }
}

#[test]
fn a_peer_that_restarts_loses_nothing() {
    for said in [restarting(peer_open(LOWER), false), restarting(peer_open(LOWER), true)] {
        let mut bench = Bench::established(config(), said.clone());
        bench.wait(secs(2));
        bench.put(connected(IN));
        let actions = bench.put(open(IN, said));
        assert_eq!(down(&actions), Some((&Cause::Replaced, GRACEFUL)));
        assert!(told(&actions).is_empty(), "RFC 4724 section 4.2: without a NOTIFICATION");
    }
}

/// A peer that lists no family, or only one that was not agreed on, asks for nothing to be kept.
#[test]
fn without_an_agreed_family_nothing_is_kept() {
    for families in [vec![], vec![(Family::Ipv6.afi(), 1, true)], vec![(25, 70, true)]] {
        let restart = Restart { restarting: false, notification: true, restart_time: 120, families };
        let capabilities = vec![Capability::family(Family::Ipv4), Capability::GracefulRestart(restart)];
        let mut bench = Bench::established(config(), Open::new(65000, 90, LOWER, capabilities));
        assert_eq!(down(&bench.put(closed(OUT))).unwrap().1, HARD);
    }
}

/// Before a session is established the peer has no routes to forget.
#[test]
fn a_connection_that_is_not_established_gets_no_hard_reset() {
    let said = restarting(peer_open(LOWER), true);
    let mut bench = Bench::after(config(), [connected(OUT), open(OUT, said)]);
    let actions = bench.put(Event::Stop(Stop::Deconfigured));
    assert_eq!(told(&actions), [(OUT, &Notification::cease(3))]);
}

/// What ends hard is a Hard Reset when the peer would keep routes over a NOTIFICATION, with the reason inside.
#[test]
fn what_is_hard_is_told_as_a_hard_reset() {
    for (said, wrapped) in peers().into_iter().zip([false, false, true]) {
        let mut bench = Bench::established(config(), said);
        let actions = bench.put(Event::Stop(Stop::Shutdown("maintenance".to_owned())));
        let (_, sent) = told(&actions)[0];
        assert_eq!(sent.is_hard(), wrapped);
        assert_eq!(sent.communication().as_deref(), Some("maintenance"));
    }
}
