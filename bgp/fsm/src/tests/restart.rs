//! Graceful restart: what the own OPENs say, and a peer that restarts.

use guideway_bgp_wire::{Families, Family, Message, Open};

use super::network::{Network, Word};
use super::{
    Bench, HIGHER, IN, LATER, LOWER, OUT, both, cease, closed, config, connected, down, keepalive, ms, open,
};
use super::{peer_open, restarting, secs};
use crate::{
    Action, Cause, Config, Event, GracefulRestart, HoldTime, Loss, RemoteAs, RestartFlags, State, Stop,
};

/// R bit and the families with an F bit of the OPEN that is sent.
fn flags(actions: &[Action]) -> (bool, Families) {
    let sent = actions.iter().find_map(|action| match action {
        Action::Send { message: Message::Open(open), .. } => open.graceful_restart(),
        _ => None,
    });
    let sent = sent.unwrap();
    assert!(sent.notification);
    let kept = sent.families.iter().filter(|(_, _, kept)| *kept);
    (sent.restarting, kept.filter_map(|(afi, safi, _)| Family::from_afi_safi(*afi, *safi)).collect())
}

fn restarted(forwarding: Families) -> Bench {
    let mut bench = Bench::new(config());
    let now = bench.now;
    bench.session.set_restart(RestartFlags { restarting: true, forwarding }, now);
    bench.put(Event::Start);
    bench
}

#[test]
fn the_r_bit_is_said_until_a_session_is_established() {
    let mut bench = restarted(both());
    assert_eq!(flags(&bench.put(connected(OUT))), (true, both()));
    bench.put(closed(OUT));
    assert_eq!(flags(&bench.put(connected(IN))), (true, both()), "an OPEN alone is no session");
    bench.put(open(IN, peer_open(LOWER)));
    bench.put(keepalive(IN));
    bench.put(closed(IN));
    // The F bits stay: a connection that broke did not stop the forwarder.
    assert_eq!(flags(&bench.put(connected(LATER))), (false, both()));
}

#[test]
fn the_r_bit_is_said_for_the_restart_time_only() {
    let v6 = [Family::Ipv6].into_iter().collect();
    for (time, restarting) in [(secs(119), true), (secs(120), false)] {
        let mut bench = restarted(v6);
        bench.now += time;
        assert_eq!(flags(&bench.put(connected(IN))), (restarting, v6));
    }
}

#[test]
fn without_a_restart_no_bit_is_said() {
    let mut bench = Bench::after(config(), []);
    assert_eq!(flags(&bench.put(connected(OUT))), (false, Families::NONE));
}

/// A peer that restarts dials anew while its former connection looks alive, whoever dialled that one.
#[test]
fn a_new_connection_replaces_the_former_one() {
    let said = || restarting(peer_open(LOWER), true);
    for first in [OUT, IN] {
        let mut bench =
            Bench::after(config(), [connected(first), open(first, said()), keepalive(first), Event::Timeout]);
        bench.wait(secs(2));
        assert!(bench.put(connected(LATER)).is_empty(), "its OPEN is waited for");
        let actions = bench.put(open(LATER, said()));
        assert_eq!(actions[0], Action::Disconnect { connection: first });
        assert_eq!(down(&actions), Some((&Cause::Replaced, Loss::Graceful)));
        let sent: Vec<_> = actions[2..]
            .iter()
            .map(|action| match action {
                Action::Send { connection: LATER, message } => message.name(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(sent, ["OPEN", "KEEPALIVE"]);
        assert_eq!(bench.session.negotiated(), None);
        let up = bench.put(keepalive(LATER));
        assert!(matches!(up[..], [Action::Up { connection: LATER, .. }]), "{up:?}");
    }
}

/// What is said on a connection that waits beside the session does not touch it until an OPEN is accepted.
#[test]
fn a_new_connection_that_says_nothing_good_changes_nothing() {
    let said = restarting(peer_open(LOWER), true);
    let wrong = Open { my_as: 7, capabilities: vec![], ..said.clone() };
    for event in [keepalive(LATER), cease(LATER, 2), closed(LATER), open(LATER, wrong)] {
        let mut bench = Bench::established(config(), said.clone());
        bench.wait(secs(2));
        bench.put(connected(LATER));
        let actions = bench.put(event);
        assert_eq!((down(&actions), bench.session.connection()), (None, Some(OUT)));
        assert_eq!(bench.session.find(LATER), None);
    }
    // One that says nothing at all is closed after a while.
    let mut bench =
        Bench::established(Config { hold_time: HoldTime::from_secs(0).unwrap(), ..config() }, said);
    bench.wait(secs(2));
    bench.put(connected(LATER));
    let actions = bench.wait(secs(30));
    assert!(actions.contains(&Action::Disconnect { connection: LATER }), "{actions:?}");
    assert_eq!(bench.session.connection(), Some(OUT));
}

/// A speaker that is killed and comes back: its peer keeps the routes from the first moment on.
#[test]
fn a_killed_speaker_loses_nothing() {
    for word in [Word::Closed, Word::None] {
        let restart = Some(GracefulRestart { restart_time: secs(60) });
        let configs = [(65001, LOWER, 65000), (65000, HIGHER, 65001)].map(|(own, id, peer)| Config {
            graceful_restart: restart,
            ..Config::new(own, id, RemoteAs::Is(peer))
        });
        let mut network = Network::new(configs, [2]);
        let flags = RestartFlags { restarting: false, forwarding: both() };
        let now = network.now;
        network.ends[0].session.set_restart(flags, now);
        network.start();
        network.run(secs(10));
        network.crash(0, word);
        network.run(ms(500));
        let now = network.now;
        network.ends[0].session.set_restart(RestartFlags { restarting: true, ..flags }, now);
        network.put(0, Event::Start);
        network.run(secs(5));
        network.agree().unwrap();
        let peer = &network.ends[1];
        assert!(
            peer.downs.iter().all(|(_, loss)| *loss == Loss::Graceful) && peer.downs.len() == 1,
            "{word:?}"
        );
        let seen = peer.up.as_ref().unwrap().1.graceful_restart.unwrap();
        assert_eq!((seen.restarting, seen.forwarding), (true, both()));
    }
}

/// It stops silently and comes back: not even the moment between costs a NOTIFICATION.
#[test]
fn a_silent_stop_is_graceful_for_the_peer() {
    let restart = Some(GracefulRestart { restart_time: secs(60) });
    for (stop, loss) in [(Stop::Silent, Loss::Graceful), (Stop::Shutdown("bye".to_owned()), Loss::Hard)] {
        let configs = [(65001, LOWER, 65000), (65000, HIGHER, 65001)].map(|(own, id, peer)| Config {
            graceful_restart: restart,
            ..Config::new(own, id, RemoteAs::Is(peer))
        });
        let mut network = Network::new(configs, [2]);
        network.start();
        network.run(secs(10));
        network.put(0, Event::Stop(stop));
        network.run(secs(5));
        assert_eq!(network.ends[1].downs.iter().map(|(_, loss)| *loss).collect::<Vec<_>>(), [loss]);
        assert_eq!(network.states()[0], State::Idle);
    }
}
