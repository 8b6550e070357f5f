//! Single rules: negotiation, hold time, back-off, what is advertised.

use std::collections::BTreeSet;

use guideway_bgp_wire::iana::{capability, cease};
use guideway_bgp_wire::{
    AsWidth, Capability, Families, Family, Message, MpReach, Open, RouteRefresh, Update,
};

use super::{Bench, LOCAL, config, notifications, peer_open, received, secs};
use crate::{Action, Cause, Config, Event, HoldTime, Jitter, NextHop, Session, State, Stop, Timer};

fn open_sent(config: Config) -> Bench {
    let mut bench = Bench::new(config);
    bench.put(Event::Start);
    bench.put(Event::Connected { local: LOCAL });
    bench
}

fn updates(bench: &mut Bench) -> Vec<Update> {
    let now = bench.now;
    std::iter::from_fn(|| match bench.session.poll_update(now)? {
        Message::Update(update) => Some(update),
        other => panic!("{} is no UPDATE", other.name()),
    })
    .collect()
}

fn prefixes(texts: &[&str]) -> BTreeSet<ipnet::IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn the_open_says_what_is_configured() {
    let mut bench = Bench::new(Config { local_as: 4_200_000_001, ..config() });
    bench.put(Event::Start);
    let actions = bench.put(Event::Connected { local: LOCAL });
    let [Action::Send(Message::Open(open))] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!((open.my_as, open.asn(), open.hold_time), (23456, 4_200_000_001, 9));
    assert_eq!(open.families(), Families::NONE.with(Family::Ipv4).with(Family::Ipv6));
    assert!(open.capabilities.contains(&Capability::RouteRefresh));
}

#[test]
fn the_hold_time_is_the_smaller_one() {
    for (own, theirs, agreed) in [(9, 90, 9), (90, 30, 30), (0, 90, 0), (90, 0, 0), (3, 3, 3)] {
        let hold_time = HoldTime::from_secs(own).unwrap();
        let mut bench = open_sent(Config { hold_time, ..config() });
        bench.put(received(Message::Open(Open { hold_time: theirs, ..peer_open() })));
        bench.put(received(Message::Keepalive));
        assert_eq!(bench.session.state(), State::Established);
        let negotiated = bench.session.negotiated().unwrap();
        assert_eq!(negotiated.hold_time, secs(agreed), "{own} and {theirs}");
        if agreed == 0 {
            assert_eq!(bench.due(), None, "no timers with a hold time of zero");
        }
    }
    assert_eq!((HoldTime::from_secs(1), HoldTime::from_secs(2)), (None, None));
}

#[test]
fn a_peer_that_closes_before_its_open_is_told_apart() {
    for (state, early) in [(State::OpenSent, true), (State::OpenConfirm, false), (State::Established, false)]
    {
        let actions = Bench::at(state).put(Event::Closed("the peer closed it".to_owned()));
        let [Action::Down(cause)] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!(cause.to_string().contains("shut down"), early, "{state}: {cause}");
    }
}

/// No hold time is agreed on, and the peer stops talking before its KEEPALIVE: the session does not hang.
#[test]
fn a_peer_without_hold_time_is_not_waited_for_for_ever() {
    let mut bench = open_sent(config());
    bench.put(received(Message::Open(Open { hold_time: 0, ..peer_open() })));
    assert_eq!(bench.session.state(), State::OpenConfirm);
    let actions = bench.wait(secs(240));
    assert_eq!(notifications(&actions)[0].code, 4);
    assert_eq!(bench.session.state(), State::Idle);
}

#[test]
fn a_wrong_open_is_refused_with_the_right_notification() {
    let wrong_as = Open::new(65009, 90, peer_open().router_id, vec![]);
    let v4_only = Config { ipv4: None, ..config() };
    let internal = Config { remote_as: 65001, ..config() };
    let same_id = Open::new(65001, 90, internal.router_id, Family::ALL.map(Capability::family).to_vec());
    let no_v6 = Open::new(65000, 90, peer_open().router_id, vec![Capability::family(Family::Ipv4)]);
    let rows = [
        ("AS", config(), wrong_as, (2u8, 2u8), vec![]),
        ("identifier", internal, same_id, (2, 3), vec![]),
        ("families", v4_only, no_v6, (2, 7), vec![capability::MULTIPROTOCOL, 4, 0, 2, 0, 1]),
    ];
    for (name, config, open, (code, subcode), data) in rows {
        let mut bench = open_sent(config);
        let actions = bench.put(received(Message::Open(open)));
        let sent = notifications(&actions);
        assert_eq!((sent[0].code, sent[0].subcode, &sent[0].data), (code, subcode, &data), "{name}");
        assert!(matches!(actions.last(), Some(Action::Down(Cause::Sent { .. }))), "{name}");
        assert_eq!(bench.session.state(), State::Idle);
    }
}

#[test]
fn only_common_families_are_advertised() {
    let mut bench = open_sent(config());
    let open = Open::new(65000, 90, peer_open().router_id, vec![Capability::family(Family::Ipv6)]);
    bench.put(received(Message::Open(open)));
    bench.put(received(Message::Keepalive));
    bench.session.set_prefixes(prefixes(&["203.0.113.10/32", "2001:db8::10/128"]));
    let sent = updates(&mut bench);
    assert_eq!(sent.len(), 2);
    assert!(matches!(&sent[0].attributes.mp_reach, Some(MpReach::Ipv6 { nlri, .. }) if nlri.len() == 1));
    assert_eq!(sent[1].ends_rib_of(), Some(Family::Ipv6));
    assert_eq!(bench.session.advertised(), &prefixes(&["2001:db8::10/128"]));
}

#[test]
fn a_family_without_a_next_hop_is_not_offered() {
    let config = Config { ipv6: Some(NextHop::Session), ..config() };
    assert_eq!(config.families(LOCAL), Families::NONE.with(Family::Ipv4));
    assert_eq!(config.families("fd00::1".parse().unwrap()), Families::NONE.with(Family::Ipv6));
}

#[test]
fn routes_carry_the_right_attributes() {
    for (config, path, preference) in
        [(config(), vec![65001], None), (Config { remote_as: 65001, ..config() }, vec![], Some(100))]
    {
        let mut bench = open_sent(config.clone());
        bench.session.set_prefixes(prefixes(&["203.0.113.10/32"]));
        let open = Open::new(config.remote_as, 90, peer_open().router_id, vec![]);
        bench.put(received(Message::Open(open)));
        assert!(updates(&mut bench).is_empty(), "nothing before the session is established");
        bench.put(received(Message::Keepalive));
        let sent = updates(&mut bench);
        let attributes = &sent[0].attributes;
        let asns: Vec<u32> =
            attributes.as_path.iter().flat_map(|p| &p.segments).flat_map(|s| s.asns.clone()).collect();
        assert_eq!((asns, attributes.local_pref), (path, preference));
        assert_eq!(attributes.next_hop.map(std::net::IpAddr::from), Some(LOCAL));
    }
}

#[test]
fn an_old_speaker_is_written_to_with_two_octets() {
    let mut bench = open_sent(config());
    let open = Open { capabilities: vec![], ..peer_open() };
    bench.put(received(Message::Open(open)));
    assert_eq!(bench.session.context().as_width, AsWidth::Two);
}

#[test]
fn a_refresh_is_answered() {
    let mut bench = Bench::at(State::Established);
    bench.session.set_prefixes(prefixes(&["203.0.113.10/32"]));
    updates(&mut bench);
    bench.put(received(Message::RouteRefresh(RouteRefresh {
        subtype: 1,
        ..RouteRefresh::request(Family::Ipv4)
    })));
    assert!(updates(&mut bench).is_empty(), "a marker of RFC 7313 is no request");
    bench.put(received(Message::RouteRefresh(RouteRefresh::request(Family::Ipv4))));
    assert_eq!(updates(&mut bench).len(), 1);
}

#[test]
fn a_lost_session_forgets_what_was_advertised() {
    let mut bench = Bench::at(State::Established);
    bench.session.set_prefixes(prefixes(&["203.0.113.10/32"]));
    updates(&mut bench);
    bench.put(Event::Closed("reset".to_owned()));
    assert!(bench.session.advertised().is_empty());
    assert!(updates(&mut bench).is_empty());
}

#[test]
fn failures_back_off_and_a_lasting_session_resets() {
    let mut bench = Bench::at(State::Active);
    for expected in [5, 10, 10, 10] {
        assert_eq!(bench.due(), Some(secs(expected)));
        bench.wait(secs(expected));
        bench.put(Event::ConnectFailed("refused".to_owned()));
    }
    bench.wait(secs(10));
    let establish = |bench: &mut Bench| {
        bench.put(Event::Connected { local: LOCAL });
        bench.put(received(Message::Open(peer_open())));
        bench.put(received(Message::Keepalive));
        assert_eq!(bench.session.state(), State::Established);
    };
    establish(&mut bench);
    bench.put(Event::Closed("reset".to_owned()));
    assert_eq!(bench.due(), Some(secs(10)), "a session that flaps goes on backing off");
    bench.wait(secs(10));
    establish(&mut bench);
    for _ in 0..20 {
        bench.wait(secs(3));
        bench.put(received(Message::Keepalive));
    }
    bench.put(Event::Closed("reset".to_owned()));
    assert_eq!(bench.due(), Some(secs(5)));
}

#[test]
fn jitter_shortens_waits_by_a_quarter_at_most() {
    let mut session = Session::new(config());
    let now = std::time::Instant::now();
    session.handle(Event::Start, now, Jitter(0));
    session.handle(Event::ConnectFailed("refused".to_owned()), now, Jitter(0));
    assert_eq!(session.poll_timeout(), Some(now + secs(5) * 3 / 4));
}

#[test]
fn updates_and_keepalives_of_the_peer_restart_the_hold_timer() {
    let mut bench = Bench::at(State::Established);
    for message in [Message::Keepalive, Message::Update(Update::default())] {
        bench.wait(secs(3));
        bench.wait(secs(3));
        bench.put(received(message));
        assert_eq!(bench.session.deadline(Timer::Hold), Some(bench.now + secs(9)));
    }
}

#[test]
fn a_malformed_update_is_counted() {
    let mut bench = Bench::at(State::Established);
    bench.put(Event::Malformed(guideway_bgp_wire::DecodeError::MissingWellKnown(1)));
    assert_eq!((bench.session.malformed_updates(), bench.session.state()), (1, State::Established));
}

#[test]
fn each_stop_has_its_cease() {
    let rows = [
        (Stop::Shutdown("maintenance".to_owned()), cease::ADMIN_SHUTDOWN, Some("maintenance")),
        (Stop::Deconfigured, cease::PEER_DECONFIGURED, None),
        (Stop::ConfigurationChange, cease::CONFIGURATION_CHANGE, None),
    ];
    for (stop, subcode, text) in rows {
        let actions = Bench::at(State::Established).put(Event::Stop(stop));
        let sent = notifications(&actions);
        assert_eq!((sent[0].code, sent[0].subcode, sent[0].communication().as_deref()), (6, subcode, text));
    }
}
