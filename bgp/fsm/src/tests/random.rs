//! Random sequences of events with virtual time: what holds after each of them, as the owner sees it.

use std::collections::BTreeSet;
use std::time::Duration;

use guideway_bgp_wire::{
    Capability, DecodeError, Families, Family, Message, Notification, Open, RouteRefresh, Update,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Bench, HIGHER, LOWER, both, config, ms, peer_open, restarting, secs};
use crate::{Action, Config, ConnectionId, Event, Jitter, RestartFlags, Side, State, Stop};

/// An event, or what else can happen. Connections are named by how many are younger.
#[derive(Debug, Clone)]
enum Step {
    Put(Event),
    Connected(Side),
    On(usize, On),
    Wait(Duration),
    /// Exactly to the next timeout.
    Next,
    Settings(u8),
    Restart(bool),
    Update,
}

/// Something about a connection.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)]
enum On {
    Open(u8),
    Message(Message),
    Malformed,
    Closed,
    Stuck,
}

fn said(which: u8) -> Open {
    let id = if which.is_multiple_of(2) { LOWER } else { HIGHER };
    match which / 2 {
        0 => peer_open(id),
        1 => restarting(peer_open(id), true),
        2 => Open { hold_time: 0, ..restarting(peer_open(id), false) },
        3 => Open::new(65000, 3, id, vec![Capability::family(Family::Ipv6)]),
        _ => Open::new(7, 90, id, vec![]),
    }
}

fn on() -> impl Strategy<Value = On> {
    prop_oneof![
        8 => (0..10u8).prop_map(On::Open),
        8 => Just(On::Message(Message::Keepalive)),
        1 => Just(On::Message(Message::Update(Update::default()))),
        1 => Just(On::Message(Message::RouteRefresh(RouteRefresh::request(Family::Ipv4)))),
        1 => (1..11u8).prop_map(|subcode| On::Message(Message::Notification(Notification::cease(subcode)))),
        1 => Just(On::Malformed),
        2 => Just(On::Closed),
        1 => Just(On::Stuck),
    ]
}

fn stop() -> impl Strategy<Value = Stop> {
    let limit = |restart| Stop::MaxPrefixes { family: Family::Ipv4, limit: 1, restart };
    prop_oneof![
        Just(Stop::Shutdown("bye".to_owned())),
        Just(Stop::Reset("why".to_owned())),
        Just(Stop::Deconfigured),
        Just(Stop::ConfigurationChange),
        Just(limit(None)),
        Just(limit(Some(secs(20)))),
        Just(Stop::OutOfResources),
        Just(Stop::Silent),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Put(Event::Start)),
        1 => stop().prop_map(|stop| Step::Put(Event::Stop(stop))),
        1 => Just(Step::Put(Event::ConnectFailed("refused".to_owned()))),
        1 => Just(Step::Put(Event::ConnectNow)),
        1 => Just(Step::Put(Event::BfdDown)),
        4 => Just(Step::Connected(Side::Outgoing)),
        4 => Just(Step::Connected(Side::Incoming)),
        16 => (0..3usize, on()).prop_map(|(connection, on)| Step::On(connection, on)),
        2 => (0..20_000u64).prop_map(|time| Step::Wait(ms(time))),
        3 => Just(Step::Next),
        1 => any::<u8>().prop_map(Step::Settings),
        1 => any::<bool>().prop_map(Step::Restart),
        1 => Just(Step::Update),
    ]
}

/// What an owner knows from the actions alone.
#[derive(Default)]
struct Owner {
    attempt: bool,
    open: BTreeSet<ConnectionId>,
    /// Those of them that have our OPEN, and those that have our KEEPALIVE.
    opened: BTreeSet<ConnectionId>,
    confirmed: BTreeSet<ConnectionId>,
    all: Vec<ConnectionId>,
    up: Option<ConnectionId>,
}

impl Owner {
    fn take(&mut self, actions: &[Action]) -> Result<(), TestCaseError> {
        for action in actions {
            match action {
                Action::Connect => {
                    prop_assert!(!self.attempt, "dials twice");
                    self.attempt = true;
                }
                Action::CancelConnect => {
                    prop_assert!(self.attempt, "cancels nothing");
                    self.attempt = false;
                }
                Action::Disconnect { connection } => {
                    prop_assert!(self.open.remove(connection), "closes what is not open");
                }
                Action::Send { connection, message } => {
                    prop_assert!(self.open.contains(connection), "sends on what is not open");
                    match message {
                        Message::Open(_) => self.opened.insert(*connection),
                        Message::Keepalive => self.confirmed.insert(*connection),
                        _ => false,
                    };
                }
                Action::Up { connection, .. } => {
                    prop_assert!(self.open.contains(connection) && self.up.is_none(), "two established");
                    self.up = Some(*connection);
                }
                Action::Down { .. } => prop_assert!(self.up.take().is_some(), "down without up"),
                Action::Deliver(_) => prop_assert!(self.up.is_some(), "delivers nothing"),
                Action::Failed(_) => {}
            }
        }
        Ok(())
    }
}

impl Owner {
    /// Those that make both speakers come to the same answer: our KEEPALIVE is on one connection only, and then no other one
    /// has our OPEN.
    fn keeps_to_the_rules(&self) -> Result<(), TestCaseError> {
        let still = |which: &BTreeSet<ConnectionId>| which.intersection(&self.open).count();
        prop_assert!(
            still(&self.confirmed) == 0 || still(&self.opened) == 1,
            "the peer may prefer another one"
        );
        Ok(())
    }
}

/// What the owner would do; `None` when it cannot happen.
fn event(step: Step, bench: &mut Bench, owner: &mut Owner) -> Option<Event> {
    match step {
        Step::Put(Event::ConnectFailed(why)) => {
            std::mem::take(&mut owner.attempt).then_some(Event::ConnectFailed(why))
        }
        Step::Put(event) => Some(event),
        Step::Connected(side) => {
            let connection = ConnectionId(owner.all.len() as u64);
            if side == Side::Outgoing && !std::mem::take(&mut owner.attempt) {
                return None;
            }
            owner.all.push(connection);
            owner.open.insert(connection);
            Some(Event::Connected { connection, side })
        }
        Step::On(which, on) => {
            let connection = *owner.all.iter().rev().nth(which)?;
            Some(match on {
                On::Open(open) => Event::Received { connection, message: Message::Open(said(open)) },
                On::Message(message) => Event::Received { connection, message },
                On::Malformed => Event::Malformed { connection, error: DecodeError::NotSynchronized },
                On::Closed => {
                    owner.open.remove(&connection);
                    Event::Closed { connection, why: "reset".to_owned() }
                }
                On::Stuck => Event::SendStuck { connection },
            })
        }
        Step::Wait(time) => {
            bench.now += time;
            Some(Event::Timeout)
        }
        Step::Next => {
            bench.now = bench.session.poll_timeout().unwrap_or(bench.now).max(bench.now);
            Some(Event::Timeout)
        }
        Step::Settings(which) => {
            let config = Config {
                passive: which & 1 != 0,
                open_time: secs(u64::from(which / 16) + 1),
                families: if which & 2 != 0 { both() } else { Families::NONE.with(Family::Ipv6) },
                ..config()
            };
            bench.session.set_config(config, bench.now);
            None
        }
        Step::Restart(restarting) => {
            bench.session.set_restart(RestartFlags { restarting, forwarding: both() }, bench.now);
            None
        }
        Step::Update => {
            bench.session.sent_update(bench.now);
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_keeps_the_invariants(steps in vec(step(), 0..80), jitter in any::<u32>()) {
        let mut bench = Bench::new(config());
        let mut owner = Owner::default();
        let mut stopped = true;
        for step in steps {
            let Some(event) = event(step, &mut bench, &mut owner) else { continue };
            match &event {
                Event::Start => stopped = false,
                Event::Stop(Stop::Shutdown(_) | Stop::Deconfigured | Stop::Silent) => stopped = true,
                Event::Stop(Stop::MaxPrefixes { restart: None, .. }) => stopped = true,
                _ => {}
            }
            let (is_timeout, is_stop) = (event == Event::Timeout, matches!(event, Event::Stop(_)));
            let actions = bench.session.handle(event, bench.now, Jitter(jitter));
            owner.take(&actions)?;
            owner.keeps_to_the_rules()?;

            let (session, state) = (&bench.session, bench.session.state());
            prop_assert_eq!(session.connection(), owner.up);
            prop_assert_eq!(session.negotiated().is_some(), state == State::Established);
            prop_assert_eq!(owner.up.is_some(), state == State::Established);
            prop_assert_eq!(owner.attempt, session.side_state(Side::Outgoing) == State::Connect);
            // Every connection is either in use or closed, and there are two at most.
            let used: BTreeSet<_> = owner.all.iter().filter(|id| session.find(**id).is_some()).copied().collect();
            prop_assert_eq!(&used, &owner.open);
            prop_assert!(used.len() <= 2);
            if stopped || is_stop {
                prop_assert!(owner.open.is_empty() && !owner.attempt, "something is left after a stop");
            }
            prop_assert!(!stopped || (state == State::Idle && session.poll_timeout().is_none()));
            // It never gets stuck: something is always due, unless it was stopped, waits for the peer, or is established with
            // no hold time.
            let patient = session.config().passive && used.is_empty()
                || session.negotiated().is_some_and(|agreed| agreed.hold_time.is_zero());
            prop_assert!(session.poll_timeout().is_some() || stopped || patient, "{:?}", state);
            if is_timeout {
                prop_assert!(session.poll_timeout().is_none_or(|at| at > bench.now), "a due timer was left");
            }
        }
    }
}
