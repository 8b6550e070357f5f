//! One TCP connection with its buffers.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use guideway_bgp_wire::{Context, DecodeError, Frame, Message, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

/// Nothing more of an outlet is taken while this many octets wait to be sent.
const SEND_BUFFER: usize = 64 * 1024;
const READ_CHUNK: usize = 16 * 1024;
/// How long a last NOTIFICATION may take to reach the peer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A TCP connection that stands.
pub(crate) struct Connection {
    stream: TcpStream,
    local: SocketAddr,
    remote: SocketAddr,
    received: Vec<u8>,
    /// So many octets of `received` are done with.
    taken: usize,
    to_send: VecDeque<Arc<[u8]>>,
    /// So many octets of the first of them are sent.
    sent: usize,
    /// Octets that wait to be sent.
    waiting: usize,
    /// When the peer took octets last, or when they began to wait.
    progress: Instant,
    /// Octets that went and came, since they were asked for.
    traffic: Traffic,
}

/// What became of waiting for the connection.
#[derive(Debug)]
pub(crate) enum Input {
    /// The connection is gone.
    Closed(String),
    /// Octets came; [`Connection::message`] may have something.
    Readable,
    /// Octets went out.
    Progress,
    /// The peer took nothing for the time that was given.
    Stuck,
}

/// Octets of both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

impl Connection {
    /// Takes a stream that is connected.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        let (local, remote) = (canonical(stream.local_addr()?), canonical(stream.peer_addr()?));
        Ok(Self {
            stream,
            local,
            remote,
            received: Vec::new(),
            taken: 0,
            to_send: VecDeque::new(),
            sent: 0,
            waiting: 0,
            progress: Instant::now(),
            traffic: Traffic::default(),
        })
    }

    /// Sends what waits, as far as the peer takes it soon, and closes. Dropping a connection closes it at once.
    pub(crate) async fn close(self) {
        let _ = timeout(CLOSE_TIMEOUT, self.finish()).await;
    }

    /// The socket.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Own end.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// The peer's end.
    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Octets since this was asked for last.
    pub(crate) fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }

    /// True when more of an outlet may be queued.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting < SEND_BUFFER
    }

    /// Queues octets.
    pub(crate) fn send(&mut self, octets: Arc<[u8]>) {
        if self.to_send.is_empty() {
            self.progress = Instant::now();
        }
        self.waiting += octets.len();
        self.to_send.push_back(octets);
    }

    /// The next message of the receive buffer; `seen` gets its octets.
    pub(crate) fn message(
        &mut self,
        context: &Context,
        seen: impl FnOnce(&[u8]),
    ) -> Option<Result<Message, DecodeError>> {
        match frame(&self.received[self.taken..]) {
            Ok(Frame::Incomplete) => None,
            Ok(Frame::Complete { length }) => {
                let octets = &self.received[self.taken..self.taken + length];
                self.taken += length;
                seen(octets);
                Some(Message::decode(octets, context))
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Forgets what was received: it cannot be read.
    pub(crate) fn discard(&mut self) {
        self.received.clear();
        self.taken = 0;
    }

    /// Waits until the connection has something to tell. May be dropped and called again at any time, but not after
    /// [`Input::Closed`]. `limit` is how long the peer may take nothing.
    pub(crate) async fn next(&mut self, limit: Duration) -> Input {
        self.transfer(limit).await.unwrap_or_else(Input::Closed)
    }

    /// One read or write; the error says why the connection is over.
    async fn transfer(&mut self, limit: Duration) -> Result<Input, String> {
        let ready = if self.to_send.is_empty() {
            self.stream.ready(Interest::READABLE).await
        } else {
            tokio::select! {
                ready = self.stream.ready(Interest::READABLE | Interest::WRITABLE) => ready,
                () = sleep_until(self.progress + limit) => return Ok(Input::Stuck),
            }
        };
        let ready = ready.map_err(|error| error.to_string())?;
        if ready.is_writable() && !self.to_send.is_empty() {
            match self.write() {
                Ok(count) => self.traffic.sent += count as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // What the peer said last counts more than that it listens no longer: read on when there is something.
                Err(error) if !ready.is_readable() => return Err(error.to_string()),
                Err(_) => {
                    self.to_send.clear();
                    (self.sent, self.waiting) = (0, 0);
                }
            }
        }
        if !ready.is_readable() {
            return Ok(Input::Progress);
        }
        // All whole messages were taken before: what is left is less than one.
        self.received.drain(..self.taken);
        self.taken = 0;
        let mut chunk = [0; READ_CHUNK];
        match self.stream.try_read(&mut chunk) {
            Ok(0) => Err("the peer closed it".to_owned()),
            Ok(count) => {
                self.traffic.received += count as u64;
                self.received.extend_from_slice(&chunk[..count]);
                Ok(Input::Readable)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Input::Progress),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Writes as much as the kernel takes.
    fn write(&mut self) -> io::Result<usize> {
        let mut total = 0;
        while let Some(first) = self.to_send.front() {
            let count = match self.stream.try_write(&first[self.sent..]) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && total > 0 => break,
                Err(error) => return Err(error),
            };
            total += count;
            self.sent += count;
            self.waiting -= count;
            self.progress = Instant::now();
            if self.sent == first.len() {
                self.to_send.pop_front();
                self.sent = 0;
            }
        }
        Ok(total)
    }

    /// Sends the rest and waits for the peer's end of the stream: a socket that is closed with unread octets resets the
    /// connection, and the peer might never see the NOTIFICATION.
    async fn finish(mut self) -> io::Result<()> {
        for octets in std::mem::take(&mut self.to_send) {
            self.stream.write_all(&octets[self.sent..]).await?;
            self.sent = 0;
        }
        self.stream.shutdown().await?;
        let mut chunk = [0; 1024];
        while self.stream.read(&mut chunk).await? > 0 {}
        Ok(())
    }
}

/// An IPv4 address as such, also where a socket for both families has it in IPv6 form.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip if ip == address.ip() => address,
        ip => SocketAddr::new(ip, address.port()),
    }
}
