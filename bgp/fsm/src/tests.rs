//! The state machine: a table over all pairs, rules one by one, random sequences, and two sessions against each other.

mod collisions;
mod heal;
mod literal;
mod loss;
mod negotiation;
mod network;
mod pairs;
mod random;
mod refusals;
mod restart;
mod retries;
mod settings;
mod stops;
mod table;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use guideway_bgp_wire::{
    Capability, Families, Family, GracefulRestart as Restart, Message, Notification, Open,
};

use crate::session::CONFIRM_WAIT;
use crate::{
    Action, Cause, Config, ConnectionId, Event, GracefulRestart, HoldTime, Jitter, Loss, RemoteAs, Session,
    Side, State,
};

/// Dialled by the session under test.
const OUT: ConnectionId = ConnectionId(1);
/// Dialled by the peer.
const IN: ConnectionId = ConnectionId(2);
/// Dialled by the peer later.
const LATER: ConnectionId = ConnectionId(3);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn both() -> Families {
    Family::ALL.into_iter().collect()
}

/// AS 65001, identifier 10.0.0.5, hold time 9 s, graceful restart.
fn config() -> Config {
    Config {
        hold_time: HoldTime::from_secs(9).unwrap(),
        graceful_restart: Some(GracefulRestart { restart_time: secs(120) }),
        ..Config::new(65001, Ipv4Addr::new(10, 0, 0, 5), RemoteAs::Is(65000))
    }
}

/// A peer with a lower identifier: the outgoing connection is kept.
const LOWER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// A peer with a higher identifier: the incoming connection is kept.
const HIGHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

fn peer_open(router_id: Ipv4Addr) -> Open {
    let mut capabilities = Family::ALL.map(Capability::family).to_vec();
    capabilities.push(Capability::RouteRefresh);
    Open::new(65000, 90, router_id, capabilities)
}

/// The capabilities of graceful restart.
fn restarting(mut open: Open, notification: bool) -> Open {
    let families = Family::ALL.map(|family| (family.afi(), family.safi(), true)).to_vec();
    let restart = Restart { restarting: false, notification, restart_time: 120, families };
    open.capabilities.push(Capability::GracefulRestart(restart));
    open
}

fn received(connection: ConnectionId, message: Message) -> Event {
    Event::Received { connection, message }
}

fn open(connection: ConnectionId, open: Open) -> Event {
    received(connection, Message::Open(open))
}

fn keepalive(connection: ConnectionId) -> Event {
    received(connection, Message::Keepalive)
}

fn closed(connection: ConnectionId) -> Event {
    Event::Closed { connection, why: "reset".to_owned() }
}

fn cease(connection: ConnectionId, subcode: u8) -> Event {
    received(connection, Message::Notification(Notification::cease(subcode)))
}

fn connected(connection: ConnectionId) -> Event {
    let side = if connection == OUT { Side::Outgoing } else { Side::Incoming };
    Event::Connected { connection, side }
}

/// The notifications that were sent, with their connections.
fn told(actions: &[Action]) -> Vec<(ConnectionId, &Notification)> {
    let sent = |action| match action {
        &Action::Send { connection, message: Message::Notification(ref notification) } => {
            Some((connection, notification))
        }
        _ => None,
    };
    actions.iter().filter_map(sent).collect()
}

/// How the session went down.
fn down(actions: &[Action]) -> Option<(&Cause, Loss)> {
    actions.iter().find_map(|action| match action {
        Action::Down { cause, loss } => Some((cause, *loss)),
        _ => None,
    })
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

    /// One that was started and got these events, timeouts when one is due and after two seconds at most.
    fn after(config: Config, events: impl IntoIterator<Item = Event>) -> Self {
        let mut bench = Self::new(config);
        bench.put(Event::Start);
        for event in events {
            if event == Event::Timeout {
                bench.now += bench.due().unwrap_or(secs(2)).min(secs(2));
            }
            bench.put(event);
        }
        bench
    }

    /// Established on the outgoing connection with a peer that said this.
    fn established(config: Config, said: Open) -> Self {
        let mut bench = Self::after(config, [connected(OUT), open(OUT, said)]);
        bench.confirm();
        assert_eq!(bench.session.state(), State::Established);
        bench
    }

    /// The peer confirms the outgoing connection, and this side does when it is time.
    fn confirm(&mut self) -> Vec<Action> {
        let mut actions = self.put(keepalive(OUT));
        if self.session.state() != State::Established {
            actions.extend(self.wait(CONFIRM_WAIT));
        }
        actions
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

    /// The states of both sides.
    fn states(&self) -> (State, State) {
        (self.session.side_state(Side::Outgoing), self.session.side_state(Side::Incoming))
    }
}
