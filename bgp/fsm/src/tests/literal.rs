//! A speaker that does what RFC 4271 says to the letter: it sends OPEN on every connection at once, confirms what it
//! gets at once, and looks for collisions only when an OPEN comes. Sessions against it must come up without a flap, also when
//! it is as slow and as forgetful as FRR 8.4.

use std::time::{Duration, Instant};

use guideway_bgp_wire::{Message, Notification, Open};
use proptest::collection::vec;
use proptest::prelude::*;

use super::network::Network;
use super::{HIGHER, LOWER, ms, secs};
use crate::negotiate::negotiate;
use crate::offer::offer;
use crate::{
    Action, Cause, Config, ConnectionId, Event, GracefulRestart, HoldTime, Loss, RemoteAs, RestartFlags,
    Side, State,
};

/// What it does with a connection that it dialled and that comes about beside one that is ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Late {
    /// OPEN, as on any other.
    Open,
    /// It closes it.
    Close,
}

/// The speaker.
#[derive(Debug)]
pub(super) struct Literal {
    config: Config,
    late: Late,
    retry: Duration,
    started: bool,
    dialling: bool,
    retry_at: Option<Instant>,
    links: Vec<Link>,
    frr: Option<Frr>,
}

/// What FRR 8.4 does besides: its main thread takes what has come in the meantime in one go; and when it has closed the
/// connection that it dialled itself for the sake of ours, it closes the session at the end of the go.
#[derive(Debug)]
struct Frr {
    busy: Duration,
    go_at: Option<Instant>,
    inbox: Vec<(ConnectionId, Message)>,
    closes: bool,
}

#[derive(Debug)]
struct Link {
    id: ConnectionId,
    side: Side,
    state: State,
    received: Option<Open>,
}

impl Literal {
    fn new(config: Config, late: Late, retry: Duration) -> Self {
        Self {
            config,
            late,
            retry,
            started: false,
            dialling: false,
            retry_at: None,
            links: Vec::new(),
            frr: None,
        }
    }

    /// One that takes nothing that comes for so long after something came.
    fn frr(self, busy: Duration) -> Self {
        Self { frr: Some(Frr { busy, go_at: None, inbox: Vec::new(), closes: false }), ..self }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.retry_at.into_iter().chain(self.frr.as_ref().and_then(|frr| frr.go_at)).min()
    }

    pub(super) fn handle(&mut self, event: Event, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        if event == Event::Timeout {
            self.go(now, &mut actions);
        }
        match event {
            Event::Start => {
                self.started = true;
                self.retry_at = Some(now);
            }
            Event::Timeout if self.retry_at.is_some_and(|at| at <= now) => {
                self.retry_at = None;
                if !self.dialling
                    && !self.links.iter().any(|link| link.side == Side::Outgoing)
                    && !self.is_ahead()
                {
                    self.dialling = true;
                    actions.push(Action::Connect);
                }
            }
            Event::Connected { connection, side } => {
                let late = side == Side::Outgoing && self.is_ahead() && self.late == Late::Close;
                self.dialling &= side != Side::Outgoing;
                if late || !self.started {
                    return vec![Action::Disconnect { connection }];
                }
                self.links.push(Link { id: connection, side, state: State::OpenSent, received: None });
                let open = Message::Open(self.open());
                actions.push(Action::Send { connection, message: open });
            }
            Event::Closed { connection, why } => self.remove(connection, Cause::Closed(why), &mut actions),
            Event::Received { connection, message } => match &mut self.frr {
                Some(frr) => {
                    frr.inbox.push((connection, message));
                    frr.go_at.get_or_insert(now + frr.busy);
                }
                None => self.received(connection, message, &mut actions),
            },
            _ => {}
        }
        if self.started && self.links.is_empty() && !self.dialling && self.retry_at.is_none() {
            self.retry_at = Some(now + self.retry);
        }
        actions
    }

    fn go(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let Some(frr) = self.frr.as_mut().filter(|frr| frr.go_at.is_some_and(|at| at <= now)) else { return };
        frr.go_at = None;
        for (connection, message) in std::mem::take(&mut frr.inbox) {
            self.received(connection, message, actions);
        }
        let closes = self.frr.as_mut().is_some_and(|frr| std::mem::take(&mut frr.closes));
        if let Some(link) = self.links.iter().find(|link| closes && link.state == State::Established) {
            let (connection, sent) = (link.id, Notification::cease(7));
            actions.push(Action::Send { connection, message: Message::Notification(sent.clone()) });
            actions.push(Action::Disconnect { connection });
            self.remove(connection, Cause::Received(sent), actions);
        }
    }

    fn is_ahead(&self) -> bool {
        self.links.iter().any(|link| link.state >= State::OpenConfirm)
    }

    fn open(&self) -> Open {
        offer(&self.config, RestartFlags::default())
    }

    fn received(&mut self, connection: ConnectionId, message: Message, actions: &mut Vec<Action>) {
        let Some(index) = self.links.iter().position(|link| link.id == connection) else { return };
        match (self.links[index].state, message) {
            (State::OpenSent, Message::Open(open)) => {
                // FRR looks at those that it has only opened, too.
                let ahead = if self.frr.is_some() { State::OpenSent } else { State::OpenConfirm };
                if let Some(other) =
                    self.links.iter().find(|other| other.id != connection && other.state >= ahead)
                {
                    let own = u32::from(self.config.router_id) > u32::from(open.router_id);
                    let kept = if own { Side::Outgoing } else { Side::Incoming };
                    let stays = other.state == State::Established || other.side == kept;
                    let loser = if stays { connection } else { other.id };
                    if let Some(frr) = self.frr.as_mut().filter(|_| !stays) {
                        frr.closes |= other.side == Side::Outgoing;
                    }
                    let message = Message::Notification(Notification::cease(7));
                    actions.push(Action::Send { connection: loser, message });
                    actions.push(Action::Disconnect { connection: loser });
                    self.links.retain(|link| link.id != loser);
                    if stays {
                        return;
                    }
                }
                let link = self.links.iter_mut().find(|link| link.id == connection).unwrap();
                (link.state, link.received) = (State::OpenConfirm, Some(open));
                actions.push(Action::Send { connection, message: Message::Keepalive });
            }
            (State::OpenConfirm, Message::Keepalive) => {
                self.links[index].state = State::Established;
                let received = self.links[index].received.clone().unwrap();
                let negotiated = Box::new(negotiate(&self.config, &self.open(), &received).unwrap());
                actions.push(Action::Up { connection, negotiated });
            }
            (_, Message::Notification(notification)) => {
                actions.push(Action::Disconnect { connection });
                self.remove(connection, Cause::Received(notification), actions);
            }
            (State::Established, Message::Keepalive) => {}
            (state, message) => panic!("{} in {state}", message.name()),
        }
    }

    fn remove(&mut self, connection: ConnectionId, cause: Cause, actions: &mut Vec<Action>) {
        let Some(index) = self.links.iter().position(|link| link.id == connection) else { return };
        if self.links.remove(index).state == State::Established {
            actions.push(Action::Down { cause, loss: Loss::Hard });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_session_with_it_comes_up_without_a_flap(
        delays in vec(1..60u64, 1..40),
        (higher, closes, restart, first) in any::<(bool, bool, bool, bool)>(),
        offset in prop_oneof![0..80u64, 0..3000u64],
        retry in 300..5000u64,
        busy in proptest::option::of(0..200u64),
    ) {
        let ids = if higher { [HIGHER, LOWER] } else { [LOWER, HIGHER] };
        let configs = [(65001, ids[0], 65000), (65000, ids[1], 65001)].map(|(own, id, peer)| Config {
            hold_time: HoldTime::from_secs(0).unwrap(),
            graceful_restart: restart.then_some(GracefulRestart { restart_time: secs(60) }),
            ..Config::new(own, id, RemoteAs::Is(peer))
        });
        let late = if closes { Late::Close } else { Late::Open };
        let mut literal = Literal::new(configs[1].clone(), late, ms(retry));
        if let Some(busy) = busy {
            literal = literal.frr(ms(busy));
        }
        let mut network = Network::new(configs, delays);
        network.ends[1].literal = Some(literal);
        network.put(usize::from(first), Event::Start);
        network.run(ms(offset));
        network.put(usize::from(!first), Event::Start);
        network.run(secs(20));
        network.agree().map_err(TestCaseError::fail)?;
        for end in &network.ends {
            prop_assert_eq!((end.ups, end.downs.as_slice()), (1, &[][..]));
        }
    }
}
