//! The timing thread: sockets and clock around the sessions. It waits for nobody, writes no log and allocates only when a
//! session comes or goes.
//!
//! ```text
//!   registry ──orders: bounded channel and eventfd──► engine ──UDP──► peers
//!   registry, admin, metrics ◄──boards──────────────── engine
//!   watchers ◄──socket pair: a state changed────────── engine
//! ```

pub(crate) mod echo;
mod receive;
pub(crate) mod slot;
pub(crate) mod socket;

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use guideway_bfd::endpoint::{MULTIHOP_PORT, SINGLE_HOP_PORT};
use guideway_bfd::{Config, Hops, Jitter};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use socket2::Domain;
use thiserror::Error;
use tokio::sync::oneshot;
use tracing::warn;

use crate::priority;
use receive::Port;
use slot::{Fate, Slot};
use socket::Sender;

/// Orders under way; who gives more waits.
const ORDERS: usize = 256;
/// How soon a report that somebody read just then is written again.
const PUBLISH_AGAIN: Duration = Duration::from_millis(1);
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

/// What the timing thread counts beside its sessions.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// Datagrams that no session is for.
    pub(crate) stray: AtomicU64,
    /// By how much the thread got the CPU too late at most, in microseconds.
    pub(crate) latest_us: AtomicU64,
    /// How often it was late by [`Totals::LATE`] or more.
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

/// The timing thread, as others see it.
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
        let (ready, scheduling) = oneshot::channel();
        let thread_wake = Arc::clone(&wake);
        let totals = Arc::new(Totals::default());
        let thread_totals = Arc::clone(&totals);
        let body = move || {
            // Nobody waits for it any more only when the start has failed.
            let _ = ready.send(priority::raise());
            let random = SmallRng::from_rng(&mut rand::rng());
            let mut runner = Runner {
                ports,
                orders: receiver,
                wake: thread_wake,
                changes: thread_changes,
                slots: Vec::new(),
                numbers: Vec::new(),
                due: Vec::new(),
                random,
                stopping: false,
                control: receive::control_buffer(),
                echoes,
                totals: thread_totals,
                wanted: None,
            };
            runner.run();
        };
        let thread = std::thread::Builder::new().name("bfd-timing".to_owned()).stack_size(STACK).spawn(body);
        let thread = thread.map_err(StartError::Start)?;
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

struct Runner {
    ports: Vec<Port>,
    orders: Receiver<Order>,
    wake: Arc<EventFd>,
    changes: UnixStream,
    slots: Vec<Slot>,
    /// The discriminator of each slot, in the same order: close together, to be searched for each packet.
    numbers: Vec<u32>,
    /// When each slot has something to do, in the same order. `None`: never.
    due: Vec<Option<Instant>>,
    random: SmallRng,
    stopping: bool,
    control: Vec<u8>,
    /// The sockets of echo packets.
    echoes: Epoll,
    totals: Arc<Totals>,
    /// When the thread wanted to wake.
    wanted: Option<Instant>,
}

impl Runner {
    fn run(&mut self) {
        while !(self.stopping && self.slots.is_empty()) {
            // Nothing that came before this moment counts as missing: packets are taken in before clocks are looked at.
            // That holds after a long wait for the CPU too.
            let now = Instant::now();
            self.totals.woke(self.wanted, now);
            let mut changed = self.receive(now);
            self.take_orders(now);
            changed |= self.run_due(now);
            if changed {
                // One octet that nobody has read yet says enough.
                let _ = self.changes.write(&[0]);
            }
            self.wait();
        }
    }

    fn run_due(&mut self, now: Instant) -> bool {
        let mut changed = false;
        let mut index = 0;
        while index < self.slots.len() {
            if self.due[index].is_none_or(|due| due > now) {
                index += 1;
                continue;
            }
            let slot = &mut self.slots[index];
            let random = &mut self.random;
            let (fate, news) = slot.run(now, || Jitter::new(random.random()));
            changed |= news;
            if fate == Fate::Gone {
                self.slots.swap_remove(index);
                self.numbers.swap_remove(index);
                self.due.swap_remove(index);
                continue;
            }
            self.due[index] = if slot.publish() { slot.due() } else { Some(now + PUBLISH_AGAIN) };
            index += 1;
        }
        changed
    }

    /// Makes the next turn look at a slot.
    fn touch(&mut self, index: usize, now: Instant) {
        self.due[index] = Some(now);
    }

    fn take_orders(&mut self, now: Instant) {
        let _ = self.wake.read();
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Add(slot) => {
                    self.numbers.push(slot.session.discriminator());
                    self.listen(slot.sender.as_ref());
                    self.slots.push(*slot);
                    self.due.push(Some(now));
                }
                Order::Configure(discriminator, config, hops) => self.with(discriminator, now, |slot| {
                    slot.endpoint.hops = hops;
                    slot.session.set_config(config);
                }),
                Order::Rebind(discriminator, interface, sender) => {
                    self.listen(Some(&sender));
                    self.with(discriminator, now, |slot| {
                        slot.endpoint.interface = interface;
                        slot.sender = Some(sender);
                    });
                }
                Order::Remove(discriminator) => self.with(discriminator, now, |slot| slot.leave(now)),
                Order::Stop => {
                    self.stopping = true;
                    for index in 0..self.slots.len() {
                        self.slots[index].leave(now);
                        self.touch(index, now);
                    }
                }
            }
        }
    }

    /// Wakes the thread when echo packets come. The kernel forgets the socket when it is closed.
    fn listen(&self, sender: Option<&Sender>) {
        if let Some(wire) = sender.and_then(|sender| sender.wire.as_ref()) {
            // Without it the packets are read when something else wakes the thread, which is soon.
            let _ = self.echoes.add(&wire.socket, EpollEvent::new(EpollFlags::EPOLLIN, 0));
        }
    }

    fn with(&mut self, discriminator: u32, now: Instant, change: impl FnOnce(&mut Slot)) {
        if let Some(index) = self.numbers.iter().position(|number| *number == discriminator) {
            change(&mut self.slots[index]);
            self.slots[index].unpublished = true;
            self.touch(index, now);
        }
    }

    /// Sleeps until a packet or an order comes or something is due.
    fn wait(&mut self) {
        self.wanted = self.due.iter().flatten().min().copied();
        let timeout =
            self.wanted.map(|due| TimeSpec::from_duration(due.saturating_duration_since(Instant::now())));
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut places: [PollFd<'_>; receive::MAX_PORTS + 2] = std::array::from_fn(|place| {
            readable(match place {
                0 => self.wake.as_fd(),
                1 => self.echoes.0.as_fd(),
                place => self.ports.get(place - 2).map_or(self.wake.as_fd(), |port| port.socket.as_fd()),
            })
        });
        // Whatever it returns, the next turn looks at everything.
        let _ = ppoll(&mut places, timeout, None);
    }
}
