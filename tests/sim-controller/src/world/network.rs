//! Connections and what they do with messages.

use std::time::Duration;

use guideway_controller_core::message::{FromForwarder, ToForwarder};
use guideway_controller_rollout::{ConnectionId, coordinator, follower};

use super::{Item, World};
use crate::check::Violation;
use crate::scenario::Links;

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) controller: usize,
    pub(super) controller_epoch: u64,
    pub(super) forwarder: usize,
    pub(super) forwarder_epoch: u64,
    /// When the last message of each direction arrives.
    up: Duration,
    down: Duration,
    is_broken: bool,
}

/// Something on its way.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "it lives until it arrives")]
pub(super) enum Packet {
    Up(ConnectionId, FromForwarder),
    Down(ConnectionId, ToForwarder),
    /// The other side closed it.
    ClosedUp(ConnectionId),
    ClosedDown(ConnectionId),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Packet {
    fn place(&self) -> (ConnectionId, Direction) {
        match self {
            Self::Up(id, _) | Self::ClosedUp(id) => (*id, Direction::Up),
            Self::Down(id, _) | Self::ClosedDown(id) => (*id, Direction::Down),
        }
    }
}

impl World {
    pub(super) fn connect(&mut self, forwarder: usize, controller: usize) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let connection = Connection {
            controller,
            controller_epoch: self.controllers[controller].epoch,
            forwarder,
            forwarder_epoch: self.forwarders[forwarder].epoch,
            up: self.now,
            down: self.now,
            is_broken: false,
        };
        self.connections.insert(id, connection);
        id
    }

    pub(super) fn is_cut(&self, forwarder: usize, controller: usize) -> bool {
        self.cut.contains(&(forwarder, controller))
    }

    pub(super) fn sends(&mut self, packet: Packet) {
        let (id, direction) = packet.place();
        let longest = if self.is_calm { Duration::from_millis(10) } else { self.scenario.delay };
        let mut at = self.now + Duration::from_micros(200) + self.up_to(longest);
        let is_lost = self.trouble(self.scenario.loss);
        let links = self.scenario.links;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let is_cut = self.cut.contains(&(connection.forwarder, connection.controller));
        if connection.is_broken || is_cut {
            // Nobody hears of it: silence is all that there is to notice.
            connection.is_broken |= links == Links::Streams;
            return;
        }
        if links == Links::Streams {
            if is_lost {
                self.breaks(id);
                return;
            }
            let last = if direction == Direction::Up { &mut connection.up } else { &mut connection.down };
            at = at.max(*last + Duration::from_nanos(1));
            *last = at;
        } else if is_lost {
            return;
        } else if self.trouble(self.scenario.loss) {
            let again = at + self.up_to(Duration::from_secs(3));
            self.at(again, Item::Packet(packet.clone()));
        }
        self.at(at, Item::Packet(packet));
    }

    /// Both sides hear of it, sooner or later.
    pub(super) fn breaks(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if std::mem::replace(&mut connection.is_broken, true) {
            return;
        }
        for packet in [Packet::ClosedUp(id), Packet::ClosedDown(id)] {
            let time = self.up_to(Duration::from_millis(200));
            self.after(time, Item::Packet(packet));
        }
    }

    /// What a process had is gone when it is.
    pub(super) fn breaks_all(&mut self, is_its: impl Fn(&Connection) -> bool) {
        let ids: Vec<ConnectionId> =
            self.connections.iter().filter(|(_, connection)| is_its(connection)).map(|(id, _)| *id).collect();
        for id in ids {
            self.breaks(id);
        }
    }

    pub(super) fn arrives(&mut self, packet: Packet) -> Result<(), Violation> {
        let (id, direction) = packet.place();
        let Some(connection) = self.connections.get(&id) else { return Ok(()) };
        let (controller, forwarder) = (connection.controller, connection.forwarder);
        let is_there = match direction {
            Direction::Up => self.controllers[controller].epoch == connection.controller_epoch,
            Direction::Down => self.forwarders[forwarder].epoch == connection.forwarder_epoch,
        };
        if !is_there {
            // A process that is gone answers no one.
            if !matches!(packet, Packet::ClosedUp(_) | Packet::ClosedDown(_)) {
                self.breaks(id);
            }
            return Ok(());
        }
        match packet {
            Packet::Up(connection, message) => self.hears(controller, forwarder, connection, message),
            Packet::ClosedUp(connection) => {
                let forwarder = super::forwarder::name(forwarder);
                self.run_controller(controller, coordinator::Event::Disconnected { forwarder, connection })
            }
            Packet::Down(connection, message) => self.obeys(forwarder, connection, message),
            Packet::ClosedDown(connection) => {
                self.run_forwarder(forwarder, follower::Event::Disconnected { connection })?;
                self.dials_again(forwarder);
                Ok(())
            }
        }
    }
}
