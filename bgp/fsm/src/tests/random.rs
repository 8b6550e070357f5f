//! Random sequences of events with virtual time.

use std::time::Duration;

use guideway_bgp_wire::{DecodeError, Family, Message, Notification, Open, RouteRefresh, Update};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Bench, LOCAL, config, peer_open, received};
use crate::{Action, Event, Jitter, State, Stop, Timer};

#[derive(Debug, Clone)]
enum Step {
    Put(Event),
    Wait(Duration),
    /// Exactly to the next timeout.
    Next,
    Prefixes(u8),
    Write,
}

fn step() -> impl Strategy<Value = Step> {
    let event = prop_oneof![
        Just(Event::Start),
        Just(Event::Stop(Stop::Shutdown("bye".to_owned()))),
        Just(Event::Stop(Stop::Deconfigured)),
        Just(Event::ConnectFailed("refused".to_owned())),
        Just(Event::Closed("reset".to_owned())),
        Just(received(Message::Open(Open { hold_time: 0, ..peer_open() }))),
        Just(received(Message::Open(Open::new(1, 9, peer_open().router_id, vec![])))),
        Just(received(Message::Update(Update::default()))),
        Just(received(Message::RouteRefresh(RouteRefresh::request(Family::Ipv4)))),
        Just(received(Message::Notification(Notification::new(6, 4)))),
        Just(Event::Malformed(DecodeError::NotSynchronized)),
        Just(Event::Malformed(DecodeError::MissingWellKnown(1))),
        Just(Event::Timeout),
    ];
    // The events of the good path come often enough that Established is reached.
    let good = prop_oneof![
        Just(Event::Start),
        Just(Event::Connected { local: LOCAL }),
        Just(received(Message::Open(peer_open()))),
        Just(received(Message::Keepalive)),
    ];
    prop_oneof![
        2 => event.prop_map(Step::Put),
        5 => good.prop_map(Step::Put),
        1 => (0..20_000u64).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        2 => Just(Step::Next),
        1 => any::<u8>().prop_map(Step::Prefixes),
        1 => Just(Step::Write),
    ]
}

/// What an owner of the session knows from the actions alone.
#[derive(Default)]
struct Owner {
    connecting: bool,
    connected: bool,
    up: bool,
}

impl Owner {
    fn take(&mut self, actions: &[Action]) -> Result<(), TestCaseError> {
        for action in actions {
            match action {
                Action::Connect => {
                    prop_assert!(!self.connecting && !self.connected, "connects twice");
                    self.connecting = true;
                }
                Action::Disconnect => (self.connecting, self.connected) = (false, false),
                Action::Send(_) => prop_assert!(self.connected, "sends without a connection"),
                Action::Up(_) => {
                    prop_assert!(self.connected && !self.up);
                    self.up = true;
                }
                Action::Down(_) => self.up = false,
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_sequence_keeps_the_invariants(steps in vec(step(), 0..60), jitter in any::<u32>()) {
        let mut bench = Bench::new(config());
        let mut owner = Owner::default();
        let mut stopped = true;
        for step in steps {
            let event = match step {
                Step::Put(event) => event,
                Step::Wait(time) => { bench.now += time; Event::Timeout }
                Step::Next => {
                    if let Some(at) = bench.session.poll_timeout() { bench.now = bench.now.max(at); }
                    Event::Timeout
                }
                Step::Prefixes(count) => {
                    let prefix = |n: u8| ipnet::IpNet::from(std::net::IpAddr::from([203, 0, 113, n]));
                    bench.session.set_prefixes((0..count).map(prefix).collect());
                    continue;
                }
                Step::Write => {
                    let update = bench.session.poll_update(bench.now);
                    prop_assert!(update.is_none() || owner.up);
                    continue;
                }
            };
            match &event {
                // The owner reports a connection only when it was asked for one (or an incoming one in Active).
                Event::Connected { .. } => {
                    if !owner.connecting && bench.session.state() != State::Active { continue; }
                    (owner.connecting, owner.connected) = (false, true);
                }
                Event::ConnectFailed(_) => {
                    if !owner.connecting { continue; }
                    owner.connecting = false;
                }
                Event::Closed(_) | Event::Received(_) | Event::Malformed(_) if !owner.connected => continue,
                Event::Closed(_) => owner.connected = false,
                Event::Start => stopped = false,
                Event::Stop(_) => stopped = true,
                _ => {}
            }
            let timeout = event == Event::Timeout;
            let actions = bench.session.handle(event, bench.now, Jitter(jitter));
            owner.take(&actions)?;

            let (session, state) = (&bench.session, bench.session.state());
            prop_assert_eq!(owner.up, state == State::Established);
            prop_assert_eq!(owner.connecting, state == State::Connect);
            prop_assert_eq!(
                owner.connected,
                matches!(state, State::OpenSent | State::OpenConfirm | State::Established)
            );
            let negotiated = matches!(state, State::OpenConfirm | State::Established);
            prop_assert_eq!(session.negotiated().is_some(), negotiated);
            let silent = session.negotiated().is_some_and(|agreed| agreed.hold_time.is_zero());
            let endless = state == State::Established && silent;
            let holds = matches!(state, State::OpenSent | State::OpenConfirm) || (negotiated && !silent);
            prop_assert_eq!(session.deadline(Timer::Hold).is_some(), holds);
            prop_assert_eq!(session.deadline(Timer::Keepalive).is_some(), negotiated && !silent);
            prop_assert_eq!(session.deadline(Timer::IdleHold).is_some(), state == State::Idle && !stopped);
            // It never gets stuck: something is always due, unless it was stopped or is established with no hold time.
            prop_assert!(session.poll_timeout().is_some() || stopped || endless);
            if timeout {
                prop_assert!(session.poll_timeout().is_none_or(|at| at > bench.now), "a due timer was left");
            }
            if state != State::Established {
                prop_assert!(session.advertised().is_empty());
            }
        }
    }
}
