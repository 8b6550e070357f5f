//! Collisions in every order of events (RFC 4271 section 6.8, RFC 6286 section 2.3), against a peer of any make.

use std::net::Ipv4Addr;

use guideway_bgp_wire::Message;
use proptest::prelude::*;

use super::network::Network;
use super::{
    Bench, HIGHER, IN, LATER, LOWER, OUT, closed, config, connected, keepalive, ms, open, peer_open,
    restarting, secs, told,
};
use crate::session::{COLLISION_WAIT, CONFIRM_WAIT, TAKE_OVER_WAIT};
use crate::{Action, Config, ConnectionId, Event, RemoteAs, Side, State};

/// Who is told to go with Cease/Connection Collision Resolution.
fn lost(actions: &[Action]) -> Vec<ConnectionId> {
    let losers = told(actions).into_iter().filter(|(_, sent)| (sent.code, sent.subcode) == (6, 7));
    losers.map(|(connection, _)| connection).collect()
}

/// The higher identifier's own connection is kept, whichever OPEN comes first.
#[test]
fn the_connection_of_the_higher_identifier_is_kept() {
    for (id, kept, gone) in [(LOWER, OUT, IN), (HIGHER, IN, OUT)] {
        for order in [[OUT, IN], [IN, OUT]] {
            for dialled in [[OUT, IN], [IN, OUT]] {
                let mut bench = Bench::after(config(), dialled.map(connected));
                let mut losers = Vec::new();
                for connection in order {
                    losers.extend(lost(&bench.put(open(connection, peer_open(id)))));
                }
                assert_eq!(losers, [gone], "peer {id}, OPEN order {order:?}, dialled {dialled:?}");
                bench.put(keepalive(kept));
                bench.wait(CONFIRM_WAIT);
                assert_eq!(bench.session.connection(), Some(kept));
                assert_eq!(bench.states().0 == State::Established, kept == OUT);
            }
        }
    }
}

/// Equal identifiers: the AS numbers decide.
#[test]
fn equal_identifiers_leave_it_to_the_as_number() {
    for (local_as, kept) in [(65001, OUT), (64999, IN)] {
        let config = Config { local_as, router_id: LOWER, ..config() };
        let mut bench = Bench::after(config, [OUT, IN].map(connected));
        bench.put(open(OUT, peer_open(LOWER)));
        bench.put(open(IN, peer_open(LOWER)));
        bench.put(keepalive(kept));
        bench.wait(CONFIRM_WAIT);
        assert_eq!(bench.session.connection(), Some(kept), "own AS {local_as}");
    }
}

/// The identifiers are compared as unsigned numbers, not as text.
#[test]
fn identifiers_are_numbers() {
    let mut bench = Bench::after(
        Config { router_id: Ipv4Addr::new(9, 0, 0, 0), ..config() },
        [connected(OUT), connected(IN), open(OUT, peer_open(Ipv4Addr::new(200, 0, 0, 0)))],
    );
    assert_eq!(lost(&bench.put(open(IN, peer_open(Ipv4Addr::new(200, 0, 0, 0))))), [OUT]);
}

/// The KEEPALIVE of the connection that would lose is withheld; the peer's on it may come first.
#[test]
fn a_keepalive_on_the_losing_connection_does_not_establish_it() {
    let events = [connected(OUT), connected(IN), open(IN, peer_open(LOWER)), keepalive(IN)];
    let mut bench = Bench::after(config(), events);
    assert_eq!(bench.states(), (State::OpenSent, State::OpenConfirm));
    assert_eq!(lost(&bench.put(open(OUT, peer_open(LOWER)))), [IN]);
    bench.confirm();
    assert_eq!(bench.session.connection(), Some(OUT));
}

/// What is sent on the outgoing connection when our KEEPALIVE goes out.
fn confirms(actions: &[Action]) -> bool {
    let keepalive = Action::Send { connection: OUT, message: Message::Keepalive };
    actions.contains(&keepalive)
}

/// FRR must have gone on after it has read our OPEN: our KEEPALIVE follows its own, a moment later, whether its connection is here
/// or not.
#[test]
fn the_keepalive_on_an_own_connection_that_would_win_follows_that_of_the_peer() {
    for dialled in [vec![OUT], vec![OUT, IN], vec![IN, OUT]] {
        let mut bench = Bench::after(config(), dialled.iter().copied().map(connected));
        assert!(!confirms(&bench.put(open(OUT, peer_open(LOWER)))));
        assert_eq!(bench.due(), Some(COLLISION_WAIT));
        assert!(bench.wait(ms(300)).is_empty());
        assert!(bench.put(keepalive(OUT)).is_empty());
        assert_eq!(bench.due(), Some(CONFIRM_WAIT));
        assert!(bench.wait(CONFIRM_WAIT - ms(1)).is_empty());
        // A connection that comes in now meets one that is ahead, and another KEEPALIVE changes nothing.
        assert!(bench.put(connected(LATER)).is_empty());
        assert!(bench.put(keepalive(OUT)).is_empty());
        let actions = bench.wait(ms(1));
        assert!(confirms(&actions) && bench.session.connection() == Some(OUT), "{actions:?}");
        assert_eq!(lost(&actions), [LATER]);
    }
}

/// A peer that says no KEEPALIVE before it has ours, or late.
#[test]
fn the_keepalive_of_the_peer_is_waited_for_no_longer_than_a_second() {
    for late in [false, true] {
        let mut bench = Bench::after(config(), [connected(OUT), open(OUT, peer_open(LOWER))]);
        assert!(bench.wait(COLLISION_WAIT - ms(1)).is_empty());
        if late {
            assert!(bench.put(keepalive(OUT)).is_empty());
        }
        let mut actions = bench.wait(ms(1));
        assert!(confirms(&actions), "{actions:?}");
        if !late {
            actions = bench.put(keepalive(OUT));
        }
        assert!(matches!(actions.last(), Some(Action::Up { connection: OUT, .. })), "{actions:?}");
    }
}

/// On any other connection there is nothing to wait for when no other one can win.
#[test]
fn any_other_keepalive_goes_out_at_once() {
    for (connection, id) in [(OUT, HIGHER), (IN, LOWER), (IN, HIGHER)] {
        let mut bench = Bench::after(config(), [connected(connection)]);
        let actions = bench.put(open(connection, peer_open(id)));
        assert_eq!(actions[0], Action::Send { connection, message: Message::Keepalive });
        assert_eq!(bench.put(keepalive(connection)).len(), 1);
        assert_eq!(bench.session.connection(), Some(connection));
    }
    // The peer's own connection is kept; ours is lost and the KEEPALIVE does not wait for anything more.
    let mut bench = Bench::after(config(), [OUT, IN].map(connected));
    let actions = bench.put(open(IN, peer_open(HIGHER)));
    assert_eq!(lost(&actions), [OUT]);
    assert_eq!(actions.last(), Some(&Action::Send { connection: IN, message: Message::Keepalive }));
}

/// The one that would win never says OPEN: the other one is not held up for longer than a second.
#[test]
fn a_dead_winner_is_given_up() {
    let events = [connected(OUT), connected(IN), open(IN, peer_open(LOWER)), keepalive(IN)];
    let mut bench = Bench::after(config(), events);
    assert_eq!(bench.due(), Some(COLLISION_WAIT));
    let actions = bench.wait(COLLISION_WAIT);
    assert_eq!(lost(&actions), [OUT]);
    assert!(matches!(actions.last(), Some(Action::Up { connection: IN, .. })), "{actions:?}");
}

/// It closes: the other one goes on at once.
#[test]
fn a_closed_winner_is_not_waited_for() {
    let mut bench = Bench::after(config(), [connected(OUT), connected(IN), open(IN, peer_open(LOWER))]);
    let actions = bench.put(closed(OUT));
    assert!(
        matches!(actions[..], [Action::Send { connection: IN, message: Message::Keepalive }]),
        "{actions:?}"
    );
}

/// A connection that the peer dialled meets one that has our KEEPALIVE: it gets no OPEN before that one has failed.
#[test]
fn a_connection_beside_one_that_is_ahead_waits() {
    for (id, loses) in [(LOWER, true), (HIGHER, false)] {
        let mut bench = Bench::after(config(), [connected(OUT), open(OUT, peer_open(id))]);
        assert!(bench.put(connected(IN)).is_empty());
        let actions = bench.put(open(IN, peer_open(id)));
        assert_eq!(lost(&actions), if loses { vec![IN] } else { vec![] }, "{id}");
        let mut established = Vec::new();
        established.extend(bench.confirm());
        assert_eq!(bench.session.connection(), Some(OUT));
        assert_eq!(lost(&established), if loses { vec![] } else { vec![IN] });
    }
}

/// It would win, and the one ahead is not established in time.
#[test]
fn a_connection_that_wins_takes_over() {
    let events = [connected(OUT), open(OUT, peer_open(HIGHER)), connected(IN), open(IN, peer_open(HIGHER))];
    let mut bench = Bench::after(config(), events);
    let actions = bench.wait(TAKE_OVER_WAIT);
    assert_eq!(lost(&actions), [OUT]);
    assert_eq!(bench.states(), (State::Active, State::OpenConfirm));
    bench.put(keepalive(IN));
    assert_eq!(bench.session.connection(), Some(IN));
}

/// An established session is never given up for a new connection without graceful restart, nor for one that is no
/// younger than the session.
#[test]
fn an_established_session_wins() {
    for (said, age) in [(peer_open(HIGHER), secs(60)), (restarting(peer_open(HIGHER), true), ms(999))] {
        let mut bench = Bench::established(config(), said.clone());
        bench.wait(ms(1));
        bench.now += age - ms(1);
        bench.put(keepalive(OUT));
        bench.put(connected(IN));
        assert_eq!(lost(&bench.put(open(IN, said))), [IN]);
        assert_eq!(bench.session.connection(), Some(OUT));
    }
}

/// Of two connections that the peer dialled, the newer one is kept: it gave up the other.
#[test]
fn the_peers_newer_connection_is_kept() {
    let mut bench = Bench::after(config(), [connected(IN)]);
    assert_eq!(lost(&bench.put(connected(LATER))), [IN]);
    bench.put(open(LATER, peer_open(LOWER)));
    bench.put(keepalive(LATER));
    assert_eq!(bench.session.connection(), Some(LATER));
}

/// An attempt that comes about although it was cancelled is closed without a word.
#[test]
fn an_attempt_that_comes_too_late_is_closed() {
    let mut bench = Bench::after(config(), [connected(IN)]);
    let actions = bench.put(open(IN, peer_open(LOWER)));
    assert_eq!(actions.last(), Some(&Action::CancelConnect));
    assert_eq!(bench.put(connected(OUT)), [Action::Disconnect { connection: OUT }]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Two of us that dial at the same moment, with any delays: established at once, on one connection; when both connections
    /// came about before an OPEN was read, the one of the higher identifier.
    #[test]
    fn two_that_dial_at_once_agree(
        delays in proptest::collection::vec(1..50u64, 1..30), higher in 0..2usize, offset in 0..30u64
    ) {
        let ids = [LOWER, HIGHER];
        let mut network = Network::new([0, 1].map(|end| Config {
            graceful_restart: None,
            ..Config::new(65001, ids[usize::from(end == higher)], RemoteAs::Internal)
        }), delays);
        network.put(0, Event::Start);
        network.run(ms(offset));
        network.put(1, Event::Start);
        let until = network.now + secs(3);
        let up = |network: &Network| network.ends.iter().all(|end| end.up.is_some());
        prop_assert!(network.run_until(until, up), "{:?}", network.states());
        network.run(secs(5));
        network.agree().map_err(TestCaseError::fail)?;
        for end in &network.ends {
            prop_assert_eq!((end.ups, end.downs.len()), (1, 0));
            // Only who dialled before the other one was started was refused.
            prop_assert!(end.failures.len() <= usize::from(offset > 0), "{:?}", end.failures);
        }
    }
}

/// With equal delays both connections come about before an OPEN is read.
#[test]
fn two_that_dial_at_the_same_moment_keep_that_of_the_higher_identifier() {
    for higher in [0, 1] {
        let ids = [LOWER, HIGHER];
        let configs =
            [0, 1].map(|end| Config::new(65001, ids[usize::from(end == higher)], RemoteAs::Internal));
        let mut network = Network::new(configs, [5]);
        network.start();
        network.run(secs(1));
        network.agree().unwrap();
        let (kept, _) = network.ends[0].up.clone().unwrap();
        assert_eq!(network.dialler[&kept], higher);
        let sides = network
            .ends
            .each_ref()
            .map(|end| Side::ALL.map(|side| end.session.side_state(side) == State::Established));
        assert_eq!(sides[higher], [true, false]);
        assert_eq!(sides[1 - higher], [false, true]);
    }
}
