//! New settings for a session that lives.

use std::net::Ipv4Addr;

use guideway_bgp_wire::{Capability, Families, Family, Message, Role};

use super::{
    Bench, LATER, LOWER, OUT, both, closed, config, connected, keepalive, open, peer_open, restarting, secs,
};
use crate::session::COLLISION_WAIT;
use crate::{Action, Change, Config, Event, GracefulRestart, HoldTime, RemoteAs, RestartFlags, State, Stop};

type Row = (&'static str, fn(&mut Config), Change);

const LIVE: Change = Change::Live;
const RESET: Change = Change::NeedsReset;

fn rows() -> Vec<Row> {
    vec![
        ("nothing", |_| {}, Change::Nothing),
        ("connect timeout", |config| config.connect_timeout = secs(7), LIVE),
        ("connect retry", |config| config.connect_retry = secs(7), LIVE),
        ("open time", |config| config.open_time = secs(7), LIVE),
        ("passive", |config| config.passive = true, LIVE),
        // Other words for the same peer.
        ("any external AS", |config| config.remote_as = RemoteAs::External, LIVE),
        ("strict without a role", |config| config.strict_role = true, LIVE),
        ("paths of no family", |config| config.add_path_send = Families::NONE, Change::Nothing),
        ("another AS of the peer", |config| config.remote_as = RemoteAs::Is(64999), RESET),
        ("internal", |config| config.remote_as = RemoteAs::Internal, RESET),
        ("own AS", |config| config.local_as = 64998, RESET),
        ("router id", |config| config.router_id = Ipv4Addr::new(10, 0, 0, 6), RESET),
        ("hold time", |config| config.hold_time = HoldTime::from_secs(10).unwrap(), RESET),
        ("families", |config| config.families = [Family::Ipv4].into_iter().collect(), RESET),
        ("next hops", |config| config.extended_next_hop = true, RESET),
        ("paths sent", |config| config.add_path_send = both(), RESET),
        ("paths received", |config| config.add_path_receive = both(), RESET),
        ("role", |config| config.role = Some(Role::Customer), RESET),
        ("no graceful restart", |config| config.graceful_restart = None, RESET),
        (
            "restart time",
            |config| config.graceful_restart = Some(GracefulRestart { restart_time: secs(60) }),
            RESET,
        ),
        ("long-lived", |config| config.long_lived = Some(secs(60)), RESET),
    ]
}

#[test]
fn a_session_is_reset_only_for_what_its_open_said() {
    for (name, change, expected) in rows() {
        let mut new = config();
        change(&mut new);
        let mut bench = Bench::established(config(), restarting(peer_open(LOWER), true));
        let now = bench.now;
        assert_eq!(bench.session.set_config(new.clone(), now), expected, "{name}");
        assert_eq!((bench.session.state(), bench.session.config()), (State::Established, &new), "{name}");
        // The second time nothing is new.
        assert_eq!(bench.session.set_config(new.clone(), now), Change::Nothing, "{name}");
        // The same while the peer's OPEN is awaited, as far as it is not about the peer.
        let mut bench = Bench::after(config(), [connected(OUT)]);
        let now = bench.now;
        let about_the_peer = name == "another AS of the peer" || name == "internal";
        let expected = if about_the_peer { LIVE } else { expected };
        assert_eq!(bench.session.set_config(new.clone(), now), expected, "{name}, OPEN sent");
        // Without a connection everything is for the next OPEN.
        let mut bench = Bench::after(config(), []);
        let now = bench.now;
        assert_ne!(bench.session.set_config(new, now), RESET, "{name}, no connection");
    }
}

#[test]
fn the_next_session_has_the_new_settings() {
    let mut bench = Bench::established(config(), peer_open(LOWER));
    let now = bench.now;
    let new = Config { hold_time: HoldTime::from_secs(30).unwrap(), ..config() };
    assert_eq!(bench.session.set_config(new, now), RESET);
    assert_eq!(bench.session.negotiated().unwrap().hold_time, secs(9), "until then the former ones hold");
    bench.put(Event::Stop(Stop::ConfigurationChange));
    bench.put(connected(LATER));
    bench.put(open(LATER, peer_open(LOWER)));
    bench.put(keepalive(LATER));
    assert_eq!(bench.session.negotiated().unwrap().hold_time, secs(30));
}

/// The AS that the peer must have changes while its OPEN is on its way: it is judged by the new one.
#[test]
fn an_open_is_judged_by_the_new_settings() {
    let mut bench = Bench::after(config(), [connected(OUT)]);
    let now = bench.now;
    bench.session.set_config(Config { remote_as: RemoteAs::Is(64999), ..config() }, now);
    assert!(matches!(bench.put(open(OUT, peer_open(LOWER))).last(), Some(Action::Failed(_))));
}

/// An own restart between two OPENs is no change of the settings.
#[test]
fn the_flags_of_a_restart_are_no_settings() {
    let mut bench = Bench::established(config(), restarting(peer_open(LOWER), true));
    let now = bench.now;
    bench.session.set_restart(RestartFlags { restarting: true, forwarding: both() }, now);
    assert_eq!(bench.session.set_config(Config { open_time: secs(5), ..config() }, now), LIVE);
}

/// A strict role is no reason to end a session with a peer that has told a fitting one.
#[test]
fn a_role_may_become_strict() {
    let role = Config { role: Some(Role::Customer), ..config() };
    for (said, expected) in [(Some(Role::Provider), LIVE), (None, RESET)] {
        let mut peer = peer_open(LOWER);
        peer.capabilities.extend(said.map(Capability::Role));
        let mut bench = Bench::established(role.clone(), peer);
        let now = bench.now;
        let strict = Config { strict_role: true, ..role.clone() };
        assert_eq!(bench.session.set_config(strict, now), expected, "{said:?}");
    }
}

#[test]
fn passive_and_back() {
    let passive = Config { passive: true, ..config() };
    let mut bench = Bench::after(config(), []);
    let now = bench.now;
    bench.session.set_config(passive.clone(), now);
    let actions = bench.wait(secs(1));
    assert_eq!(
        (actions.first(), bench.due()),
        (Some(&Action::CancelConnect), None),
        "the attempt is the last one"
    );
    let now = bench.now;
    bench.session.set_config(config(), now);
    assert_eq!(bench.due(), Some(secs(0)));
    assert_eq!(bench.wait(secs(0)), [Action::Connect]);
    // A connection that was dialled stays.
    bench.put(connected(OUT));
    let now = bench.now;
    bench.session.set_config(passive, now);
    assert!(bench.put(open(OUT, peer_open(LOWER))).is_empty());
    let actions = bench.wait(COLLISION_WAIT);
    assert!(matches!(actions[..], [Action::Send { message: Message::Keepalive, .. }]), "{actions:?}");
    bench.put(closed(OUT));
    assert_eq!(bench.due(), None);
}
