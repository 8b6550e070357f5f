//! One task for each peer: it runs the session core over TCP connections of both directions. A peer that is stuck blocks
//! nobody else.

mod act;
mod connections;
mod feed;
mod hold;
mod letters;
mod tell;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::select_all;
use guideway_bfd_client::Client;
use guideway_bgp_config::{Direction, PeerConfig, Remote};
use guideway_bgp_fsm::{self as fsm, Cause, ConnectionId, Event, Jitter, Negotiated, Session, Side};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::connection::{Connection, Input};
use crate::counters::Counters;
use crate::links::Links;
use crate::liveness::{Liveness, Word};
use crate::mailbox::Mailbox;
use crate::router::{PeerId, Router, SessionView};
use crate::status::SharedStatus;
use crate::tap::Tap;
pub(crate) use feed::Feeds;

/// Connections of one peer at once: one of each side, and a second one of the peer when it has started anew.
const CONNECTIONS: usize = 4;
/// How often the kernel's counters are looked at for a peer that is only waited for.
const LOOK: Duration = Duration::from_secs(5);
/// When no timer runs.
const LONG: Duration = Duration::from_secs(3600);

/// What the tasks of all peers share.
pub(crate) struct Surroundings {
    pub(crate) router: Arc<dyn Router>,
    pub(crate) taps: Vec<Arc<dyn Tap>>,
    pub(crate) bfd: Bfd,
    pub(crate) links: watch::Receiver<Links>,
}

/// Where BFD sessions come from. lb-bfd is only looked for when a peer has use for it.
pub(crate) struct Bfd {
    pub(crate) socket: Option<PathBuf>,
    pub(crate) name: String,
    pub(crate) client: OnceLock<Client>,
}

impl Bfd {
    pub(crate) fn client(&self) -> Option<&Client> {
        let socket = self.socket.as_ref()?;
        Some(self.client.get_or_init(|| Client::new(socket.clone(), &self.name)))
    }
}

/// How a task is reached.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    pub(crate) id: PeerId,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) status: SharedStatus,
    pub(crate) feeds: Feeds,
}

/// What ends a task by itself: a dynamic peer that has been gone for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Linger(pub(crate) Option<Duration>);

type Opening = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

pub(crate) struct Task {
    around: Arc<Surroundings>,
    contact: Contact,
    config: Arc<PeerConfig>,
    session: Session,
    linger: Linger,
    /// Since when there is no connection.
    alone_since: Instant,
    dial: Option<Opening>,
    /// The kernel's counters when the last attempt began.
    counters: Counters,
    /// What may keep a peer out that is only waited for; empty when nothing is known.
    suspicion: &'static str,
    looks_at: Instant,
    connections: Vec<Link>,
    last_connection: u64,
    /// Connections that are being closed.
    closing: JoinSet<()>,
    live: Option<Live>,
    links: watch::Receiver<Links>,
    /// The address of an unnumbered peer as its own connection showed it.
    learnt: Option<std::net::Ipv6Addr>,
    liveness: Liveness,
    /// The session core was told to start.
    started: bool,
    /// There must be no session, as an operator says with this text.
    shut: Option<String>,
    last_cause: Option<Cause>,
    /// The log knows of a malformed UPDATE of this session.
    malformed_told: bool,
    silent: bool,
}

struct Link {
    id: ConnectionId,
    side: Side,
    connection: Connection,
}

/// The session while it is established.
struct Live {
    view: Arc<SessionView>,
    connection: ConnectionId,
}

/// What the task waited for.
enum Step {
    Letters,
    Timeout,
    Dialled(io::Result<TcpStream>),
    Input(usize, Input),
    Changed,
    Links,
    Bfd(Word),
    Lingered,
    Look,
}

impl Task {
    pub(crate) fn new(
        around: Arc<Surroundings>,
        contact: Contact,
        config: Arc<PeerConfig>,
        linger: Linger,
        shut: Option<String>,
    ) -> Self {
        Self {
            session: Session::new(session_config(&config)),
            links: around.links.clone(),
            around,
            contact,
            config,
            linger,
            alone_since: Instant::now(),
            dial: None,
            counters: Counters::read(),
            suspicion: "",
            looks_at: Instant::now() + LOOK,
            connections: Vec::new(),
            last_connection: 0,
            closing: JoinSet::new(),
            live: None,
            learnt: None,
            liveness: Liveness::default(),
            started: false,
            shut,
            last_cause: None,
            malformed_told: false,
            silent: false,
        }
    }

    /// Runs until the mailbox has an end, or the peer is gone for long.
    pub(crate) async fn run(mut self) {
        self.bind_bfd();
        // What the first OPEN says of a restart is in the mailbox already.
        if let Some(stop) = self.letters() {
            self.end(stop).await;
            return;
        }
        self.start();
        loop {
            self.fill();
            match self.step().await {
                Step::Letters => {
                    if let Some(stop) = self.letters() {
                        self.end(stop).await;
                        return;
                    }
                }
                Step::Timeout => self.timeout(),
                Step::Dialled(result) => self.dialled(result),
                Step::Input(index, input) => self.input(index, input),
                Step::Changed => {}
                Step::Links => self.links_changed(),
                Step::Bfd(word) => self.bfd(word),
                Step::Lingered => return,
                Step::Look => self.look(),
            }
            self.rest();
            while self.closing.try_join_next().is_some() {}
        }
    }

    /// Waits for one thing to happen.
    async fn step(&mut self) -> Step {
        let timeout = self.session.poll_timeout().unwrap_or_else(|| Instant::now() + LONG);
        let lingers = self.connections.is_empty().then_some(self.linger.0).flatten();
        let lingered = self.alone_since + lingers.unwrap_or(LONG);
        let limit = self.live.as_ref().map(|live| live.view.negotiated.send_hold_time());
        let limit = limit.unwrap_or(Negotiated::LONGEST_SEND_HOLD_TIME);
        let established = self.live.as_ref().map(|live| live.connection);
        let has_room =
            self.connections.iter().any(|link| Some(link.id) == established && link.connection.has_room());
        let (looks, looks_at) = (self.waits_for_signed_segments(), self.looks_at);
        let mut changes = if has_room { self.contact.feeds.changes() } else { Vec::new() };
        let changed = async {
            if changes.is_empty() {
                std::future::pending::<()>().await;
            }
            let waiting = changes.iter_mut().map(|receiver| {
                Box::pin(async {
                    if receiver.changed().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                })
            });
            select_all(waiting).await;
        };
        let inputs = async {
            if self.connections.is_empty() {
                std::future::pending::<()>().await;
            }
            let waiting = self.connections.iter_mut().map(|link| Box::pin(link.connection.next(limit)));
            let (input, index, _) = select_all(waiting).await;
            (index, input)
        };
        let dialled = async {
            match &mut self.dial {
                Some(opening) => opening.as_mut().await,
                None => std::future::pending().await,
            }
        };
        let unnumbered = matches!(self.config.remote, Remote::LinkLocal { .. });
        tokio::select! {
            () = self.contact.mailbox.arrived() => Step::Letters,
            () = sleep_until(timeout.into()) => Step::Timeout,
            result = dialled => Step::Dialled(result),
            (index, input) = inputs => Step::Input(index, input),
            () = changed => Step::Changed,
            Ok(()) = self.links.changed(), if unnumbered => Step::Links,
            word = self.liveness.changed() => Step::Bfd(word),
            () = sleep_until(lingered.into()), if lingers.is_some() => Step::Lingered,
            () = sleep_until(looks_at.into()), if looks => Step::Look,
        }
    }

    /// A timer is due. What has arrived counts first: a speaker that was held up must not take the peer for silent.
    fn timeout(&mut self) {
        let mut index = 0;
        while index < self.connections.len() {
            let arrived = self.connections[index].connection.next(LONG).now_or_never();
            let before = self.connections.len();
            if let Some(input) = arrived {
                self.input(index, input);
            }
            if self.connections.len() == before {
                index += 1;
            }
        }
        self.put(Event::Timeout);
    }

    fn put(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.session.handle(event, Instant::now(), Jitter(rand::random())) {
                events.extend(self.act(action));
            }
        }
        self.tell();
    }

    /// The end of the task: the session ends, and the last words are given a moment to arrive.
    async fn end(&mut self, stop: fsm::Stop) {
        self.silent = stop == fsm::Stop::Silent;
        self.put(Event::Stop(stop));
        self.dial = None;
        self.connections.clear();
        while self.closing.join_next().await.is_some() {}
    }
}

/// What the session core is to know of the settings.
pub(crate) fn session_config(config: &PeerConfig) -> fsm::Config {
    let mut session = config.session.clone();
    session.passive |= config.direction == Direction::Passive;
    session
}
