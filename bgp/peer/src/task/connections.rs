//! Connections of a peer: made, accepted, read, gone.

use std::io;
use std::net::IpAddr;
use std::time::Instant;

use guideway_bgp_config::Remote;
use guideway_bgp_fsm::{ConnectionId, Event, Side};
use tokio::net::TcpStream;
use tracing::{debug, warn};

use super::{CONNECTIONS, Link, Task};
use crate::connection::{Connection, Input};
use crate::counters::Counters;
use crate::socket;

impl Task {
    pub(super) fn dialled(&mut self, result: io::Result<TcpStream>) {
        self.dial = None;
        match result.and_then(Connection::new) {
            Ok(connection) => self.connected(Side::Outgoing, connection),
            Err(error) => {
                let suspicion = Counters::read().suspicion(self.counters, &self.config);
                let why =
                    if suspicion.is_empty() { error.to_string() } else { format!("{error}; {suspicion}") };
                self.put(Event::ConnectFailed(why));
            }
        }
    }

    /// A connection that the listener accepted for this peer.
    pub(super) fn accepted(&mut self, stream: TcpStream) {
        if let Some(reason) = self.held() {
            debug!(reason, "connection of the peer refused");
            return;
        }
        if self.connections.len() >= CONNECTIONS {
            debug!("connection of the peer refused: it has too many already");
            return;
        }
        let adopted = socket::adopt(&stream, &self.config).and_then(|()| Connection::new(stream));
        match adopted {
            Ok(connection) => {
                if let IpAddr::V6(address) = connection.remote().ip()
                    && let Remote::LinkLocal { address: None, .. } = self.config.remote
                {
                    self.learnt = Some(address);
                    self.bind_bfd();
                }
                self.connected(Side::Incoming, connection);
            }
            Err(error) => warn!(%error, "a connection of the peer cannot be used"),
        }
    }

    fn connected(&mut self, side: Side, connection: Connection) {
        if self.connections.is_empty() && side == Side::Incoming {
            self.counters = Counters::read();
        }
        self.last_connection += 1;
        let id = ConnectionId(self.last_connection);
        self.connections.push(Link { id, side, connection });
        self.put(Event::Connected { connection: id, side });
    }

    pub(super) fn input(&mut self, index: usize, input: Input) {
        let Some(link) = self.connections.get_mut(index) else { return };
        let id = link.id;
        let traffic = link.connection.take_traffic();
        {
            let mut record = self.contact.status.lock();
            record.status.received.octets += traffic.received;
            record.status.sent.octets += traffic.sent;
        }
        match input {
            Input::Progress => {}
            Input::Readable => self.read(id),
            Input::Closed(why) => {
                self.remove(id);
                self.put(Event::Closed { connection: id, why });
            }
            Input::Stuck => self.put(Event::SendStuck { connection: id }),
        }
    }

    /// Takes every whole message out of the receive buffer.
    fn read(&mut self, id: ConnectionId) {
        loop {
            let context = self.session.context(id);
            let Some(link) = self.connections.iter_mut().find(|link| link.id == id) else { return };
            let (status, taps) = (&self.contact.status, &self.around.taps);
            let live = self.live.as_ref().filter(|live| live.connection == id);
            let message = link.connection.message(&context, |octets| {
                status.lock().status.received.count(octets);
                if let Some(live) = live {
                    taps.iter().for_each(|tap| tap.received(&live.view, octets));
                }
            });
            match message {
                None => return,
                Some(Ok(message)) => self.put(Event::Received { connection: id, message }),
                Some(Err(error)) => {
                    self.put(Event::Malformed { connection: id, error });
                    // What follows in the stream means nothing any more.
                    if let Some(link) = self.connections.iter_mut().find(|link| link.id == id) {
                        link.connection.discard();
                    }
                    return;
                }
            }
        }
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        let index = self.connections.iter().position(|link| link.id == id)?;
        let link = self.connections.swap_remove(index);
        if self.connections.is_empty() {
            self.alone_since = Instant::now();
        }
        Some(link.connection)
    }
}
