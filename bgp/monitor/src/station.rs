//! The connection to a BMP station.

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use guideway_bgp_wire::{Context, Message, Update};
use socket2::{SockRef, TcpKeepalive};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::bmp;
use crate::monitor::Hub;
use crate::queue::{Overflow, Queue, Taken};
use crate::settings::StationSettings;
use crate::view::{Direction, View};

/// How long a connection attempt takes at most.
const CONNECT: Duration = Duration::from_secs(10);
/// A station that takes nothing for so long is gone.
const STUCK: Duration = Duration::from_secs(60);
/// The first pause before another attempt, doubled until the longest (RFC 7854 section 3.2 wants a back-off).
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How many octets are written at once.
const CHUNK: usize = 64 * 1024;
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// How a station is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationStatus {
    /// Which one.
    pub address: SocketAddr,
    /// What it is being told.
    pub state: StationState,
    /// Since when.
    pub since: SystemTime,
    /// Connections that stood.
    pub connections: u64,
    /// Connections that were ended here because the station was too slow.
    pub too_slow: u64,
    /// Messages that were not sent because of that. The station was told the outcome later.
    pub lost: u64,
    /// Octets written.
    pub octets: u64,
    /// Why the last attempt or connection ended; empty when none did.
    pub last_error: String,
}

/// What a station is being told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StationState {
    /// Nothing: there is no connection.
    Down,
    /// All routes that there are.
    Dumping,
    /// What happens.
    Live,
}

/// Why a connection ended.
#[derive(Debug, Error)]
enum StationError {
    #[error("no answer")]
    NoAnswer,
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    #[error("connection lost: {0}")]
    Lost(#[source] io::Error),
    #[error("the station closed the connection")]
    Closed,
    #[error("the station took nothing for {} s", STUCK.as_secs())]
    Stuck,
    #[error("the station is too slow: more waited for it than it has buffer")]
    TooSlow,
}

/// The task of a station. It lives until [`Station::end`], or until this is dropped.
pub(crate) struct Station {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    settings: StationSettings,
    initiation: Vec<u8>,
    queue: Arc<Queue>,
    status: Mutex<StationStatus>,
    hub: Arc<Hub>,
}

impl Station {
    pub(crate) fn start(settings: StationSettings, initiation: Vec<u8>, hub: Arc<Hub>) -> Self {
        let status = StationStatus {
            address: settings.address,
            state: StationState::Down,
            since: SystemTime::now(),
            connections: 0,
            too_slow: 0,
            lost: 0,
            octets: 0,
            last_error: String::new(),
        };
        let queue = Arc::new(Queue::new(settings.buffer, Overflow::Break));
        let shared = Arc::new(Shared { settings, initiation, queue, status: Mutex::new(status), hub });
        Self { task: tokio::spawn(run(shared.clone())), shared }
    }

    pub(crate) fn settings(&self) -> &StationSettings {
        &self.shared.settings
    }

    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.shared.queue
    }

    pub(crate) fn status(&self) -> StationStatus {
        self.shared.status(|status| StationStatus { lost: self.shared.queue.lost(), ..status.clone() })
    }

    /// Tells what is left and says farewell.
    pub(crate) fn end(&self) {
        self.shared.queue.end();
    }

    /// Waits for that, a little.
    pub(crate) async fn finished(mut self) {
        // Ended by dropping it otherwise.
        let _ = timeout(FAREWELL, &mut self.task).await;
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        // One that was told to end has a little time for it; its connection does not outlive the time-outs anyway.
        if !self.shared.queue.is_ended() {
            self.task.abort();
        }
    }
}

impl Shared {
    fn status<T>(&self, look: impl FnOnce(&mut StationStatus) -> T) -> T {
        look(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn enter(&self, state: StationState) {
        self.status(|status| (status.state, status.since) = (state, SystemTime::now()));
    }
}

async fn run(shared: Arc<Shared>) {
    let address = shared.settings.address;
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        let outcome = tokio::select! {
            stream = connect(&shared.settings) => match stream {
                Ok(stream) => Connection::new(stream, &shared).speak().await,
                Err(error) => Err(error),
            },
            () = shared.queue.ended() => return,
        };
        let Err(error) = outcome else { return };
        shared.queue.shut();
        shared.enter(StationState::Down);
        let text = error.to_string();
        let is_new = shared.status(|status| {
            status.too_slow += u64::from(matches!(error, StationError::TooSlow));
            std::mem::replace(&mut status.last_error, text.clone()) != text
        });
        if is_new {
            warn!(station = %address, "BMP: {text}");
        }
        if begun.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = shared.queue.ended() => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn connect(settings: &StationSettings) -> Result<TcpStream, StationError> {
    let attempt = async {
        let socket = match settings.address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(local) = settings.local_address {
            socket.bind(SocketAddr::new(local, 0))?;
        }
        let stream = socket.connect(settings.address).await?;
        stream.set_nodelay(true)?;
        let reference = SockRef::from(&stream);
        reference.set_tcp_keepalive(&TcpKeepalive::new().with_time(STUCK).with_interval(STUCK / 4))?;
        reference.set_tcp_user_timeout(Some(STUCK))?;
        Ok(stream)
    };
    match timeout(CONNECT, attempt).await {
        Ok(result) => result.map_err(StationError::Connect),
        Err(_) => Err(StationError::NoAnswer),
    }
}

struct Connection<'a> {
    shared: &'a Shared,
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
}

impl<'a> Connection<'a> {
    fn new(stream: TcpStream, shared: &'a Shared) -> Self {
        let (reader, writer) = stream.into_split();
        Self { shared, reader, writer }
    }

    /// Until the station or this side ends it; `Ok` when there is nothing more to tell.
    async fn speak(mut self) -> Result<(), StationError> {
        let shared = self.shared;
        shared.enter(StationState::Dumping);
        shared.status(|status| status.connections += 1);
        info!(station = %shared.settings.address, "BMP: connected");
        // What happens during the dump waits in the queue and is told after it: a route that changed meanwhile is told
        // once too often, never too early.
        let views = shared.hub.open(&shared.queue);
        self.write(&shared.initiation).await?;
        for view in views {
            self.dump(&view).await?;
        }
        shared.enter(StationState::Live);
        shared.status(|status| status.last_error.clear());
        let interval = shared.settings.statistics;
        let mut due = interval.map(|interval| Instant::now() + interval);
        loop {
            let statistics = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let taken = tokio::select! {
                taken = shared.queue.take(CHUNK) => taken,
                error = closed(&mut self.reader) => return Err(error),
                () = statistics => {
                    due = interval.map(|interval| Instant::now() + interval);
                    self.statistics().await?;
                    continue;
                }
            };
            match taken {
                Taken::Messages(messages) => self.write(&messages.concat()).await?,
                Taken::Broken => return Err(StationError::TooSlow),
                Taken::Ended => {
                    self.write(&bmp::termination()).await?;
                    return self.writer.shutdown().await.map_err(StationError::Lost);
                }
            }
        }
    }

    /// A session with all its routes, and an End-of-RIB marker for each family (RFC 7854 section 3.3).
    async fn dump(&mut self, view: &View) -> Result<(), StationError> {
        let Shared { settings, hub, .. } = self.shared;
        self.write(&bmp::peer_up(view, SystemTime::now())).await?;
        let tables = [(Direction::Received, settings.adj_rib_in), (Direction::Sent, settings.adj_rib_out)];
        for (direction, _) in tables.into_iter().filter(|(_, is_wanted)| *is_wanted) {
            let mut updates = match direction {
                Direction::Received => hub.tables.adj_rib_in(view),
                Direction::Sent => hub.tables.adj_rib_out(view),
            };
            let marker = |family| Message::Update(Update::end_of_rib(family)).encode(&Context::default());
            updates.extend(view.families.iter().filter_map(|family| marker(family).ok()));
            let now = SystemTime::now();
            let monitoring = |update: &Vec<u8>| bmp::route_monitoring(view, direction, update, now);
            for updates in updates.chunks(16) {
                self.write(&updates.iter().flat_map(monitoring).collect::<Vec<u8>>()).await?;
            }
        }
        Ok(())
    }

    async fn statistics(&mut self) -> Result<(), StationError> {
        for view in self.shared.hub.views() {
            let counts = self.shared.hub.tables.counts(&view);
            self.write(&bmp::statistics(&view, &counts, SystemTime::now())).await?;
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), StationError> {
        tokio::select! {
            result = timeout(STUCK, self.writer.write_all(bytes)) => match result {
                Ok(result) => result.map_err(StationError::Lost)?,
                Err(_) => return Err(StationError::Stuck),
            },
            () = self.shared.queue.broken() => return Err(StationError::TooSlow),
            error = closed(&mut self.reader) => return Err(error),
        }
        self.shared.status(|status| status.octets += bytes.len() as u64);
        Ok(())
    }
}

/// Reads until the connection ends: a station has nothing to say (RFC 7854 section 3.1).
async fn closed(reader: &mut OwnedReadHalf) -> StationError {
    let mut ignored = [0; 256];
    loop {
        match reader.read(&mut ignored).await {
            Ok(0) => return StationError::Closed,
            Ok(_) => {}
            Err(error) => return StationError::Lost(error),
        }
    }
}
