//! The TCP connection of a peer with its buffers.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use guideway_bgp_fsm::Event;
use guideway_bgp_wire::{Context, Frame, MAX_MESSAGE_LEN, Message, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::error;

use super::socket;
use crate::config::PeerConfig;

/// No more UPDATEs are made while this many octets wait to be sent.
const SEND_BUFFER: usize = 64 * 1024;
const READ_CHUNK: usize = 16 * 1024;
/// How long a last NOTIFICATION may take to reach the peer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the peer may take nothing when no hold time was agreed on.
const WRITE_TIMEOUT: Duration = Duration::from_secs(90);

type Opening = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// A connection in any of its stages.
pub(super) struct Connection {
    config: PeerConfig,
    stage: Stage,
}

enum Stage {
    Closed,
    Opening(Opening),
    Open(Open),
}

struct Open {
    stream: TcpStream,
    received: Vec<u8>,
    to_send: Vec<u8>,
    /// When the peer took octets last, or when they began to wait.
    progress: Instant,
}

/// What became of waiting for the connection.
pub(super) enum Input {
    /// The connection stands, from this address.
    Connected(IpAddr),
    /// The attempt failed.
    ConnectFailed(String),
    /// The connection is gone.
    Closed(String),
    /// Octets came; [`Connection::message`] may have something.
    Readable,
    /// Octets went out.
    Progress,
}

impl Connection {
    pub(super) fn closed(config: PeerConfig) -> Self {
        Self { config, stage: Stage::Closed }
    }

    /// Starts to connect.
    pub(super) fn open(&mut self) {
        let config = self.config.clone();
        self.stage = Stage::Opening(Box::pin(async move { socket::connect(&config).await }));
    }

    /// Sends what waits, as far as the peer takes it soon, and closes.
    pub(super) async fn close(&mut self) {
        if let Stage::Open(open) = std::mem::replace(&mut self.stage, Stage::Closed) {
            let _ = timeout(CLOSE_TIMEOUT, open.finish()).await;
        }
    }

    /// True when another UPDATE may be queued.
    pub(super) fn has_room(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.to_send.len() + MAX_MESSAGE_LEN <= SEND_BUFFER)
    }

    /// Queues a message.
    pub(super) fn send(&mut self, message: &Message, context: &Context) {
        let Stage::Open(open) = &mut self.stage else { return };
        match message.encode(context) {
            Ok(bytes) => {
                if open.to_send.is_empty() {
                    open.progress = Instant::now();
                }
                open.to_send.extend_from_slice(&bytes);
            }
            // The session makes no message that does not fit.
            Err(error) => error!(%error, message = message.name(), "a message cannot be written"),
        }
    }

    /// The next message of the receive buffer.
    pub(super) fn message(&mut self, context: &Context) -> Option<Event> {
        let Stage::Open(open) = &mut self.stage else { return None };
        match frame(&open.received) {
            Ok(Frame::Incomplete) => None,
            Ok(Frame::Complete { length }) => {
                let message: Vec<u8> = open.received.drain(..length).collect();
                Some(Message::decode(&message, context).map_or_else(Event::Malformed, Event::Received))
            }
            Err(error) => Some(Event::Malformed(error)),
        }
    }

    /// Waits until the connection has something to tell. May be dropped and called again at any time.
    pub(super) async fn next(&mut self, hold_time: Option<Duration>) -> Input {
        match &mut self.stage {
            Stage::Closed => std::future::pending().await,
            Stage::Opening(opening) => {
                let opened = opening.await;
                self.stage = Stage::Closed;
                self.opened(opened)
            }
            Stage::Open(open) => {
                let limit = hold_time.filter(|time| !time.is_zero()).unwrap_or(WRITE_TIMEOUT);
                let done = open.transfer(limit).await;
                done.unwrap_or_else(|why| {
                    self.stage = Stage::Closed;
                    Input::Closed(why)
                })
            }
        }
    }

    fn opened(&mut self, opened: io::Result<TcpStream>) -> Input {
        let local = opened.and_then(|stream| Ok((stream.local_addr()?.ip(), stream)));
        match local {
            Ok((local, stream)) => {
                let (received, to_send) = (Vec::with_capacity(READ_CHUNK), Vec::new());
                self.stage = Stage::Open(Open { stream, received, to_send, progress: Instant::now() });
                Input::Connected(local)
            }
            Err(error) => Input::ConnectFailed(error.to_string()),
        }
    }
}

impl Open {
    /// One read or write; the error says why the connection is over.
    async fn transfer(&mut self, limit: Duration) -> Result<Input, String> {
        let ready = if self.to_send.is_empty() {
            self.stream.ready(Interest::READABLE).await
        } else {
            tokio::select! {
                ready = self.stream.ready(Interest::READABLE | Interest::WRITABLE) => ready,
                () = sleep_until(self.progress + limit) => {
                    return Err(format!("the peer took no data for {limit:?}"));
                }
            }
        };
        let ready = ready.map_err(|error| error.to_string())?;
        if ready.is_writable() && !self.to_send.is_empty() {
            match self.stream.try_write(&self.to_send) {
                Ok(count) => {
                    self.to_send.drain(..count);
                    self.progress = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // What the peer said last counts more than that it listens no longer: read on when there is something.
                Err(error) if !ready.is_readable() => return Err(error.to_string()),
                Err(_) => self.to_send.clear(),
            }
        }
        if !ready.is_readable() {
            return Ok(Input::Progress);
        }
        let mut chunk = [0; READ_CHUNK];
        match self.stream.try_read(&mut chunk) {
            Ok(0) => Err("the peer closed it".to_owned()),
            Ok(count) => {
                self.received.extend_from_slice(&chunk[..count]);
                Ok(Input::Readable)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Input::Progress),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Sends the rest and waits for the peer's end of the stream: a socket that is closed with unread octets resets the
    /// connection, and the peer might never see the NOTIFICATION.
    async fn finish(mut self) -> io::Result<()> {
        self.stream.write_all(&self.to_send).await?;
        self.stream.shutdown().await?;
        let mut chunk = [0; 1024];
        while self.stream.read(&mut chunk).await? > 0 {}
        Ok(())
    }
}
