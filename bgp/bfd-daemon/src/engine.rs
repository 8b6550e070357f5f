//! The timing threads: sockets and clock around the sessions. They wait for nobody, write no log and allocate only when a
//! session comes or goes. The second one steps in when the first does not get its CPU.
//!
//! ```text
//!   registry ──orders: bounded channel and eventfd──► engine ──UDP──► peers
//!   registry, admin, metrics ◄──boards──────────────── engine
//!   watchers ◄──socket pair: a state changed────────── engine
//! ```

pub(crate) mod echo;
mod receive;
mod runner;
pub(crate) mod slot;
pub(crate) mod socket;
mod threads;

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use guideway_bfd::endpoint::{MULTIHOP_PORT, SINGLE_HOP_PORT};
use guideway_bfd::{Config, Hops};
use nix::sys::epoll::{Epoll, EpollCreateFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use socket2::Domain;
use thiserror::Error;
use tokio::sync::oneshot;
use tracing::warn;

use crate::priority;
use receive::Port;
use runner::Runner;
use slot::Slot;
use socket::Sender;
use threads::{Sources, Turns};

/// Orders under way; who gives more waits.
const ORDERS: usize = 256;
/// A stack is locked into memory: no more than is needed.
const STACK: usize = 256 << 10;

/// What the timing thread is told.
#[derive(Debug)]
pub(crate) enum Order {
    /// A new session.
    Add(Box<Slot>),
    /// Other settings for the session with this discriminator.
    Configure(u32, Config, Hops),
    /// Another socket for it.
    Rebind(u32, Option<u32>, Sender),
    /// The session ends, and its peer is told.
    Remove(u32),
    /// All sessions end, then the thread.
    Stop,
}

/// Why the timing thread does not run.
#[derive(Debug, Error)]
pub enum StartError {
    /// A port cannot be had in either family.
    #[error(
        "UDP port {port} cannot be listened on; if it is in use, another BFD daemon runs on this machine (in this network \
         namespace)"
    )]
    Bind {
        /// The port.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The kernel gives no thread or no descriptor.
    #[error("the timing thread cannot be started")]
    Start(#[source] io::Error),
}

/// What is counted beside the sessions.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// Datagrams that no session is for.
    pub(crate) stray: AtomicU64,
    /// By how much a turn was too late at most, in microseconds.
    pub(crate) latest_us: AtomicU64,
    /// How many turns were late by [`Totals::LATE`] or more.
    pub(crate) late: AtomicU64,
}

impl Totals {
    /// What a session with short intervals begins to feel.
    const LATE: Duration = Duration::from_millis(10);

    fn woke(&self, wanted: Option<Instant>, now: Instant) {
        let late = wanted.map(|wanted| now.saturating_duration_since(wanted)).unwrap_or_default();
        if late >= Self::LATE {
            self.late.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.latest_us.fetch_max(micros, Ordering::Relaxed);
    }
}

/// The timing threads, as others see them.
#[derive(Debug)]
pub(crate) struct Engine {
    orders: SyncSender<Order>,
    wake: Arc<EventFd>,
    /// Readable when a state changed; to be taken once.
    changes: Mutex<Option<UnixStream>>,
    pub(crate) totals: Arc<Totals>,
    pub(crate) scheduling: String,
    thread: JoinHandle<()>,
}

impl Engine {
    /// Opens the sockets and starts the thread.
    pub(crate) async fn start() -> Result<Self, StartError> {
        let mut ports = Vec::new();
        for port in [SINGLE_HOP_PORT, MULTIHOP_PORT] {
            let mut failed = None;
            for domain in [Domain::IPV4, Domain::IPV6] {
                match socket::receiver(domain, port) {
                    Ok(socket) => ports.push(Port { socket, port }),
                    Err(source) => {
                        warn!(port, ?domain, %source, "no packets of this family are received");
                        failed = Some(source);
                    }
                }
            }
            if let Some(source) = failed
                && !ports.iter().any(|open| open.port == port)
            {
                return Err(StartError::Bind { port, source });
            }
        }
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let wake = EventFd::from_flags(flags).map_err(|code| StartError::Start(code.into()))?;
        let wake = Arc::new(wake);
        let (thread_changes, changes) = UnixStream::pair().map_err(StartError::Start)?;
        for end in [&thread_changes, &changes] {
            end.set_nonblocking(true).map_err(StartError::Start)?;
        }
        let echoes =
            Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(|code| StartError::Start(code.into()))?;
        let (orders, receiver) = sync_channel(ORDERS);
        let totals = Arc::new(Totals::default());
        let sources = Arc::new(Sources { ports, wake: Arc::clone(&wake), echoes });
        let turns = Arc::new(Turns::new(Runner {
            sources,
            orders: receiver,
            changes: thread_changes,
            slots: Vec::new(),
            numbers: Vec::new(),
            due: Vec::new(),
            random: SmallRng::from_rng(&mut rand::rng()),
            stopping: false,
            control: receive::control_buffer(),
            totals: Arc::clone(&totals),
            wanted: None,
        }));
        let places = priority::places();
        let second = match &places {
            None => None,
            Some(places) => {
                let (place, turns) = (places.second, Arc::clone(&turns));
                let body = move || {
                    priority::follow(&place);
                    turns.stand_by();
                };
                Some(spawn("bfd-standby", body)?.thread().clone())
            }
        };
        let (ready, scheduling) = oneshot::channel();
        let body = move || {
            // Nobody waits for it any more only when the start has failed.
            let _ = ready.send(priority::raise(places.as_ref()));
            turns.lead(second.as_ref());
        };
        let thread = spawn("bfd-timing", body)?;
        let scheduling = scheduling.await.unwrap_or_default();
        Ok(Self { orders, wake, changes: Mutex::new(Some(changes)), totals, scheduling, thread })
    }

    /// Gives an order. Waits when too many are under way, which ends soon: the timing thread takes them all at each turn.
    pub(crate) fn order(&self, order: Order) {
        let mut order = order;
        while let Err(TrySendError::Full(back)) = self.orders.try_send(order) {
            order = back;
            let _ = self.wake.write(1);
            std::thread::yield_now();
        }
        // A full counter wakes the thread as well.
        let _ = self.wake.write(1);
    }

    /// Readable when a state changed. For one watcher: `None` for the second.
    pub(crate) fn take_changes(&self) -> Option<UnixStream> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether the thread has ended, which it does only after [`Order::Stop`].
    pub(crate) fn is_dead(&self) -> bool {
        self.thread.is_finished()
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(body);
    thread.map_err(StartError::Start)
}
