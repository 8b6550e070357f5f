//! The state machine: a table over all pairs, rules one by one, random sequences, and two cores against each other.

mod pair;
mod random;
mod rules;
mod table;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use guideway_bgp_wire::{Capability, Family, Message, Notification, Open};

use crate::{Action, Config, Event, HoldTime, Jitter, NextHop, Session, State};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 1, 2));

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn config() -> Config {
    Config {
        local_as: 65001,
        router_id: Ipv4Addr::new(10, 255, 1, 1),
        remote_as: 65000,
        hold_time: HoldTime::from_secs(9).unwrap(),
        connect_timeout: secs(10),
        connect_retry: secs(5),
        ipv4: Some(NextHop::Session),
        ipv6: Some(NextHop::Fixed("fd00:1::2".parse().unwrap())),
    }
}

fn peer_open() -> Open {
    let families = Family::ALL.map(Capability::family).to_vec();
    Open::new(65000, 90, Ipv4Addr::new(10, 255, 0, 1), families)
}

fn received(message: Message) -> Event {
    Event::Received(message)
}

fn notifications(actions: &[Action]) -> Vec<&Notification> {
    let sent = |action| match action {
        &Action::Send(Message::Notification(ref notification)) => Some(notification),
        _ => None,
    };
    actions.iter().filter_map(sent).collect()
}

/// A session with its own virtual time.
struct Bench {
    session: Session,
    now: Instant,
}

impl Bench {
    fn new(config: Config) -> Self {
        Self { session: Session::new(config), now: Instant::now() }
    }

    /// A session that was led to `state`.
    fn at(state: State) -> Self {
        let mut bench = Self::new(config());
        let path = [
            Event::Start,
            Event::Connected { local: LOCAL },
            received(Message::Open(peer_open())),
            received(Message::Keepalive),
        ];
        let events = match state {
            State::Idle => 0,
            State::Connect | State::Active => 1,
            State::OpenSent => 2,
            State::OpenConfirm => 3,
            State::Established => 4,
        };
        for event in path.into_iter().take(events) {
            bench.put(event);
        }
        if state == State::Active {
            bench.put(Event::ConnectFailed("refused".to_owned()));
        }
        assert_eq!(bench.session.state(), state);
        bench
    }

    fn put(&mut self, event: Event) -> Vec<Action> {
        self.session.handle(event, self.now, Jitter::NONE)
    }

    fn wait(&mut self, time: Duration) -> Vec<Action> {
        self.now += time;
        self.put(Event::Timeout)
    }

    /// Time until the next timeout.
    fn due(&self) -> Option<Duration> {
        self.session.poll_timeout().map(|at| at - self.now)
    }
}
