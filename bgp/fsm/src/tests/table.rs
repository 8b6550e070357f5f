//! Every event in every state: the state after it and what is done.

use guideway_bgp_wire::{DecodeError, Family, Message, Notification, RouteRefresh, Update};

use super::{Bench, LOCAL, peer_open, received, secs};
use crate::State::{self, Active, Connect, Established, Idle, OpenConfirm, OpenSent};
use crate::{Action, Event, Stop};

/// A short form of the actions: C connect, D disconnect, U up, d down, O/K/N/R messages with the codes of N.
fn short(actions: &[Action]) -> String {
    let one = |action: &Action| match action {
        Action::Connect => "C".to_owned(),
        Action::Disconnect => "D".to_owned(),
        Action::Up(_) => "U".to_owned(),
        Action::Down(_) => "d".to_owned(),
        Action::Send(Message::Notification(sent)) => format!("N{}/{}", sent.code, sent.subcode),
        Action::Send(message) => message.name()[..1].to_owned(),
    };
    actions.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Name, event, and one column for each state in the order of `State::ALL`.
type Row = (&'static str, Event, [(State, &'static str); 6]);

fn rows() -> Vec<Row> {
    let stop = || Event::Stop(Stop::Shutdown("bye".to_owned()));
    let update = || Message::Update(Update::end_of_rib(Family::Ipv4));
    let refresh = Message::RouteRefresh(RouteRefresh::request(Family::Ipv4));
    let cease = Message::Notification(Notification::new(6, 2));
    vec![
        (
            "start",
            Event::Start,
            [
                (Connect, "C"),
                (Connect, ""),
                (Active, ""),
                (OpenSent, ""),
                (OpenConfirm, ""),
                (Established, ""),
            ],
        ),
        (
            "stop",
            stop(),
            [
                (Idle, ""),
                (Idle, "D d"),
                (Idle, "d"),
                (Idle, "N6/2 D d"),
                (Idle, "N6/2 D d"),
                (Idle, "N6/2 D d"),
            ],
        ),
        (
            "connected",
            Event::Connected { local: LOCAL },
            [
                (Idle, "D"),
                (OpenSent, "O"),
                (OpenSent, "O"),
                (OpenSent, ""),
                (OpenConfirm, ""),
                (Established, ""),
            ],
        ),
        (
            "connect failed",
            Event::ConnectFailed("refused".to_owned()),
            [(Idle, ""), (Active, "d"), (Active, ""), (OpenSent, ""), (OpenConfirm, ""), (Established, "")],
        ),
        (
            "closed",
            Event::Closed("reset".to_owned()),
            [(Idle, ""), (Active, "d"), (Active, ""), (Active, "d"), (Idle, "d"), (Idle, "d")],
        ),
        (
            "OPEN",
            received(Message::Open(peer_open())),
            [
                (Idle, ""),
                (Idle, "D d"),
                (Active, ""),
                (OpenConfirm, "K"),
                (Idle, "N5/2 D d"),
                (Idle, "N5/3 D d"),
            ],
        ),
        (
            "KEEPALIVE",
            received(Message::Keepalive),
            [
                (Idle, ""),
                (Idle, "D d"),
                (Active, ""),
                (Idle, "N5/1 D d"),
                (Established, "U"),
                (Established, ""),
            ],
        ),
        (
            "UPDATE",
            received(update()),
            [
                (Idle, ""),
                (Idle, "D d"),
                (Active, ""),
                (Idle, "N5/1 D d"),
                (Idle, "N5/2 D d"),
                (Established, ""),
            ],
        ),
        (
            "ROUTE-REFRESH",
            received(refresh),
            [
                (Idle, ""),
                (Idle, "D d"),
                (Active, ""),
                (Idle, "N5/1 D d"),
                (Idle, "N5/2 D d"),
                (Established, ""),
            ],
        ),
        (
            "NOTIFICATION",
            received(cease),
            [(Idle, ""), (Idle, "D d"), (Active, ""), (Idle, "D d"), (Idle, "D d"), (Idle, "D d")],
        ),
        (
            "malformed header",
            Event::Malformed(DecodeError::NotSynchronized),
            [
                (Idle, ""),
                (Idle, "D d"),
                (Active, ""),
                (Idle, "N1/1 D d"),
                (Idle, "N1/1 D d"),
                (Idle, "N1/1 D d"),
            ],
        ),
        (
            "malformed UPDATE that can be survived",
            Event::Malformed(DecodeError::MissingWellKnown(1)),
            [
                (Idle, ""),
                (Idle, "D d"),
                (Active, ""),
                (Idle, "N3/3 D d"),
                (Idle, "N3/3 D d"),
                (Established, ""),
            ],
        ),
        (
            "timeout before anything is due",
            Event::Timeout,
            [(Idle, ""), (Connect, ""), (Active, ""), (OpenSent, ""), (OpenConfirm, ""), (Established, "")],
        ),
    ]
}

#[test]
fn every_event_in_every_state() {
    for (name, event, columns) in rows() {
        for (from, (to, actions)) in State::ALL.into_iter().zip(columns) {
            let mut bench = Bench::at(from);
            let done = bench.put(event.clone());
            assert_eq!((bench.session.state(), short(&done).as_str()), (to, actions), "{name} in {from}");
        }
    }
}

/// The first timer of each state, and the hold timer.
#[test]
fn every_timer_in_its_state() {
    let rows = [
        (Connect, secs(10), Connect, "D d C"),
        (Active, secs(5), Connect, "C"),
        (OpenSent, secs(240), Idle, "N4/0 D d"),
        (OpenConfirm, secs(3), OpenConfirm, "K"),
        (OpenConfirm, secs(9), Idle, "N4/0 D d"),
        (Established, secs(3), Established, "K"),
        (Established, secs(9), Idle, "N4/0 D d"),
    ];
    for (from, time, to, actions) in rows {
        let mut bench = Bench::at(from);
        assert_eq!(bench.wait(time - secs(1) / 1000).len(), usize::from(time == secs(9)), "{from} too early");
        let done = bench.wait(secs(1) / 1000);
        assert_eq!((bench.session.state(), short(&done).as_str()), (to, actions), "{from} after {time:?}");
    }
}

#[test]
fn a_session_that_failed_starts_again_by_itself_and_a_stopped_one_does_not() {
    for state in [OpenSent, OpenConfirm, Established] {
        let mut bench = Bench::at(state);
        bench.put(received(Message::Notification(Notification::new(6, 4))));
        assert_eq!(bench.due(), Some(secs(5)), "{state}");
        assert_eq!(short(&bench.wait(secs(5))), "C", "{state}");
        let mut bench = Bench::at(state);
        bench.put(Event::Stop(Stop::Deconfigured));
        assert_eq!(bench.due(), None, "{state}");
        assert_eq!(short(&bench.put(Event::Start)), "C", "{state}");
    }
}
