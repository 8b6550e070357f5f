//! Which sessions there are, who wants them, and until when they are held for a client that vanished.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use guideway_bfd::{Endpoint, Seed, Session};
use rand::RngExt;
use tracing::{info, warn};

use crate::board::{Board, Report};
use crate::engine::echo::{Wire, interface_towards};
use crate::engine::slot::Slot;
use crate::engine::{Engine, Order, socket};
use crate::spec::{Key, Wanted};

/// A client's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Attachment(u64);

/// A session as the registry knows it.
#[derive(Debug)]
struct Entry {
    wanted: Wanted,
    discriminator: u32,
    board: Arc<Board>,
    /// Clients that want it, with their names.
    owners: BTreeMap<Attachment, String>,
    /// When it ends if nobody comes for it.
    held_until: Option<Instant>,
    interface: Option<u32>,
    /// Why it has no socket, or none for echo packets.
    problem: Option<String>,
    /// It has a socket to send from.
    bound: bool,
    /// The count at the last look: a socket that fails anew may be bound to what is gone.
    send_errors: u64,
}

/// A session with what is known of it, for those who look.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) wanted: Wanted,
    pub(crate) discriminator: u32,
    pub(crate) report: Report,
    pub(crate) owners: Vec<String>,
    pub(crate) held_for: Option<Duration>,
    pub(crate) problem: Option<String>,
}

/// No room for another session.
#[derive(Debug, thiserror::Error)]
#[error("there are {0} sessions already, which is lb-bfd's --max-sessions")]
pub(crate) struct Full(usize);

/// All sessions.
#[derive(Debug)]
pub(crate) struct Registry {
    engine: Arc<Engine>,
    hold: Duration,
    max_sessions: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    sessions: HashMap<Key, Entry>,
    last_attachment: u64,
}

impl Registry {
    pub(crate) fn new(engine: Arc<Engine>, hold: Duration, max_sessions: usize) -> Self {
        Self { engine, hold, max_sessions, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new stream.
    pub(crate) fn attach(&self) -> Attachment {
        let mut inner = self.inner();
        inner.last_attachment += 1;
        Attachment(inner.last_attachment)
    }

    /// Makes the session or takes it over, with these settings.
    pub(crate) fn want(
        &self,
        attachment: Attachment,
        client: &str,
        wanted: Wanted,
    ) -> Result<Arc<Board>, Full> {
        let mut inner = self.inner();
        let count = inner.sessions.len();
        if let Some(entry) = inner.sessions.get_mut(&wanted.key) {
            if entry.wanted.config != wanted.config || entry.wanted.hops != wanted.hops {
                let config = wanted.config.clone();
                self.engine.order(Order::Configure(entry.discriminator, config, wanted.hops));
            }
            let rebind = entry.wanted.config.has_echo() != wanted.config.has_echo();
            entry.wanted = wanted;
            if rebind {
                self.rebind(entry);
            }
            entry.held_until = None;
            entry.owners.insert(attachment, client.to_owned());
            return Ok(Arc::clone(&entry.board));
        }
        if count >= self.max_sessions {
            return Err(Full(count));
        }
        let discriminator = loop {
            let number = rand::rng().random_range(1..=u32::MAX);
            if inner.sessions.values().all(|entry| entry.discriminator != number) {
                break number;
            }
        };
        let (endpoint, sender, problem) = bind(&wanted);
        let bound = sender.is_some();
        if let Some(problem) = &problem {
            warn!(peer = %wanted.key.remote, %problem, "the session lacks a socket");
        }
        let seed = Seed { sequence: rand::rng().random(), nonce: rand::rng().random() };
        let session = Session::new(wanted.config.clone(), discriminator, seed, Instant::now());
        let slot = Slot::new(endpoint, session, sender);
        let board = Arc::clone(&slot.board);
        info!(peer = %wanted.key.remote, client, "session added");
        self.engine.order(Order::Add(Box::new(slot)));
        let entry = Entry {
            discriminator,
            board: Arc::clone(&board),
            owners: BTreeMap::from([(attachment, client.to_owned())]),
            held_until: None,
            interface: endpoint.interface,
            problem,
            bound,
            send_errors: 0,
            wanted,
        };
        inner.sessions.insert(entry.wanted.key.clone(), entry);
        Ok(board)
    }

    /// The client does not want the session any more.
    pub(crate) fn release(&self, attachment: Attachment, key: &Key) {
        let mut inner = self.inner();
        let Some(entry) = inner.sessions.get_mut(key) else { return };
        entry.owners.remove(&attachment);
        if entry.owners.is_empty() && entry.held_until.is_none() {
            self.engine.order(Order::Remove(entry.discriminator));
            info!(peer = %key.remote, "session removed: nobody wants it any more");
            inner.sessions.remove(key);
        }
    }

    /// The client's stream is gone: what it wanted is held.
    pub(crate) fn detach(&self, attachment: Attachment, client: &str) {
        let until = Instant::now() + self.hold;
        let mut held = 0;
        for entry in self.inner().sessions.values_mut() {
            if entry.owners.remove(&attachment).is_some() && entry.owners.is_empty() {
                entry.held_until = Some(until);
                held += 1;
            }
        }
        if held > 0 {
            info!(client, held, seconds = self.hold.as_secs(), "the client is gone; its sessions are held");
        }
    }

    /// Ends what was held for long enough, and binds again what has no working socket. To be called every second or so.
    pub(crate) fn tend(&self) {
        let now = Instant::now();
        let mut inner = self.inner();
        inner.sessions.retain(|key, entry| {
            let stays = entry.held_until.is_none_or(|until| until > now);
            if !stays {
                self.engine.order(Order::Remove(entry.discriminator));
                info!(peer = %key.remote, "session removed: no client came back for it");
            }
            stays
        });
        for entry in inner.sessions.values_mut() {
            let errors = entry.board.read().counts.send_errors;
            let fails = errors != entry.send_errors;
            entry.send_errors = errors;
            let index = entry.wanted.key.interface.as_deref().and_then(interface_index);
            // A socket that works keeps its source port, even where the one for echo packets is missing.
            if !entry.bound || fails || index != entry.interface {
                self.rebind(entry);
            }
        }
    }

    fn rebind(&self, entry: &mut Entry) {
        let (endpoint, sender, problem) = bind(&entry.wanted);
        (entry.interface, entry.problem, entry.bound) = (endpoint.interface, problem, sender.is_some());
        if let Some(sender) = sender {
            self.engine.order(Order::Rebind(entry.discriminator, endpoint.interface, sender));
        }
    }

    /// Every session, in the order of its key.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let now = Instant::now();
        let row = |entry: &Entry| Row {
            wanted: entry.wanted.clone(),
            discriminator: entry.discriminator,
            report: entry.board.read(),
            owners: entry.owners.values().cloned().collect(),
            held_for: entry.held_until.map(|until| until.saturating_duration_since(now)),
            problem: entry.problem.clone(),
        };
        let mut rows: Vec<Row> = self.inner().sessions.values().map(row).collect();
        rows.sort_by(|left, right| left.wanted.key.cmp(&right.wanted.key));
        rows
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// Where the session is on this machine now, and its socket or why there is none.
fn bind(wanted: &Wanted) -> (Endpoint, Option<socket::Sender>, Option<String>) {
    let Key { remote, local, interface, .. } = &wanted.key;
    let index = interface.as_deref().and_then(interface_index);
    let endpoint = Endpoint { remote: *remote, local: *local, interface: index, hops: wanted.hops };
    if let (Some(name), None) = (interface, index) {
        // No packet fits an interface that is not there.
        let nowhere = Endpoint { interface: Some(0), ..endpoint };
        return (nowhere, None, Some(format!("there is no interface {name}")));
    }
    let mut sender = match socket::sender(&endpoint, interface.as_deref()) {
        Ok(sender) => sender,
        Err(error) => return (endpoint, None, Some(format!("no socket: {error}"))),
    };
    let mut problem = None;
    if wanted.config.has_echo() {
        let name = interface.clone().or_else(|| interface_towards(*remote));
        match name.as_deref().map(|name| Wire::open(name, *remote)) {
            Some(Ok(wire)) => sender.wire = Some(wire),
            Some(Err(error)) => problem = Some(format!("no socket for echo packets: {error}")),
            None => problem = Some(format!("no echo packets: {remote} is on no link of ours")),
        }
    }
    (endpoint, Some(sender), problem)
}

fn interface_index(name: &str) -> Option<u32> {
    nix::net::if_::if_nametoindex(name).ok()
}
