//! Two sessions and what is between them: TCP connections with delays that keep the order of their bytes, links that are
//! cut and heal, ends that die and come back. Virtual time, no sockets.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use guideway_bgp_wire::Message;

use super::literal::Literal;
use super::ms;
use crate::{Action, Cause, Config, ConnectionId, Event, Jitter, Loss, Negotiated, Session, Side, State};

/// One speaker.
pub(super) struct End {
    pub(super) session: Session,
    /// Stands in for the session.
    pub(super) literal: Option<Literal>,
    /// The attempt that was asked for last.
    attempt: Option<ConnectionId>,
    pub(super) open: Vec<ConnectionId>,
    /// The connection and what was agreed on, while it is up.
    pub(super) up: Option<(ConnectionId, Negotiated)>,
    pub(super) ups: usize,
    pub(super) downs: Vec<(Cause, Loss)>,
    pub(super) failures: Vec<Cause>,
    pub(super) dialled: Vec<Instant>,
    pub(super) delivered: Vec<Message>,
}

impl End {
    fn new(config: Config) -> Self {
        Self {
            session: Session::new(config),
            literal: None,
            attempt: None,
            open: Vec::new(),
            up: None,
            ups: 0,
            downs: Vec::new(),
            failures: Vec::new(),
            dialled: Vec::new(),
            delivered: Vec::new(),
        }
    }

    fn due(&self) -> Option<Instant> {
        self.literal.as_ref().map_or_else(|| self.session.poll_timeout(), Literal::poll_timeout)
    }
}

/// What arrives at an end.
#[derive(Debug, Clone)]
enum Parcel {
    /// The SYN of a dialled connection.
    Syn,
    /// The answer to it.
    SynAck,
    Bytes(Vec<u8>),
    /// The connection was closed at the other end.
    Fin,
}

/// The ends and the link. Connections have the same name at both ends.
pub(super) struct Network {
    pub(super) ends: [End; 2],
    pub(super) now: Instant,
    /// In the order of arrival, then of sending.
    under_way: BTreeMap<(Instant, u64), (usize, ConnectionId, Parcel)>,
    /// The latest arrival of each connection at each end: TCP keeps the order.
    latest: BTreeMap<(usize, ConnectionId), Instant>,
    sent: u64,
    next: u64,
    delays: VecDeque<Duration>,
    /// Nothing arrives until then; a SYN is lost, bytes are sent again.
    pub(super) cut_until: Option<Instant>,
    pub(super) jitter: u32,
    /// Which end dials first at each connection, for tests that look at it.
    pub(super) dialler: BTreeMap<ConnectionId, usize>,
}

impl Network {
    /// Delays are taken in turn, again and again.
    pub(super) fn new(configs: [Config; 2], delays: impl IntoIterator<Item = u64>) -> Self {
        let mut delays: VecDeque<_> = delays.into_iter().map(ms).collect();
        if delays.is_empty() {
            delays.push_back(ms(1));
        }
        Self {
            ends: configs.map(End::new),
            now: Instant::now(),
            under_way: BTreeMap::new(),
            latest: BTreeMap::new(),
            sent: 0,
            next: 0,
            delays,
            cut_until: None,
            jitter: u32::MAX / 2,
            dialler: BTreeMap::new(),
        }
    }

    pub(super) fn start(&mut self) {
        for end in [0, 1] {
            self.put(end, Event::Start);
        }
    }

    pub(super) fn states(&self) -> [State; 2] {
        self.ends.each_ref().map(|end| end.session.state())
    }

    /// The link carries nothing for this long.
    pub(super) fn cut(&mut self, time: Duration) {
        self.cut_until = Some(self.now + time);
    }

    fn delay(&mut self) -> Duration {
        self.delays.rotate_left(1);
        self.delays[0]
    }

    fn post(&mut self, to: usize, connection: ConnectionId, parcel: Parcel) {
        let delay = self.delay();
        let mut arrival = self.now + delay;
        if let Some(until) = self.cut_until.filter(|until| self.now < *until) {
            if matches!(parcel, Parcel::Syn | Parcel::SynAck) {
                return;
            }
            // The kernel sends again, later and later.
            arrival = until + delay + (until - self.now) / 2;
        }
        let latest = self.latest.entry((to, connection)).or_insert(arrival);
        arrival = arrival.max(*latest);
        *latest = arrival;
        self.sent += 1;
        self.under_way.insert((arrival, self.sent), (to, connection, parcel));
    }

    pub(super) fn put(&mut self, at: usize, event: Event) {
        // Jitter differs from call to call and between the ends.
        self.jitter = self.jitter.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let end = &mut self.ends[at];
        let actions = match &mut end.literal {
            Some(literal) => literal.handle(event, self.now),
            None => end.session.handle(event, self.now, Jitter(self.jitter)),
        };
        for action in actions {
            self.act(at, action);
        }
    }

    fn act(&mut self, at: usize, action: Action) {
        match action {
            Action::Connect => {
                assert!(self.ends[at].attempt.is_none(), "dials twice");
                self.next += 1;
                let connection = ConnectionId(self.next);
                self.dialler.insert(connection, at);
                let now = self.now;
                self.ends[at].attempt = Some(connection);
                self.ends[at].dialled.push(now);
                self.post(1 - at, connection, Parcel::Syn);
            }
            Action::CancelConnect => {
                let attempt = self.ends[at].attempt.take().expect("an attempt to cancel");
                self.post(1 - at, attempt, Parcel::Fin);
            }
            Action::Disconnect { connection } => {
                let position = self.ends[at].open.iter().position(|open| *open == connection);
                self.ends[at].open.remove(position.expect("a connection to close"));
                self.post(1 - at, connection, Parcel::Fin);
            }
            Action::Send { connection, message } => {
                assert!(self.ends[at].open.contains(&connection), "sends on a closed connection");
                let bytes = message.encode(&self.ends[at].session.context(connection)).unwrap();
                self.post(1 - at, connection, Parcel::Bytes(bytes));
            }
            Action::Up { connection, negotiated } => {
                assert!(self.ends[at].up.is_none() && self.ends[at].open.contains(&connection));
                self.ends[at].up = Some((connection, *negotiated));
                self.ends[at].ups += 1;
            }
            Action::Down { cause, loss } => {
                assert!(self.ends[at].up.take().is_some(), "down without up");
                self.ends[at].downs.push((cause, loss));
            }
            Action::Failed(cause) => self.ends[at].failures.push(cause),
            Action::Deliver(message) => self.ends[at].delivered.push(message),
        }
    }

    fn arrive(&mut self, at: usize, connection: ConnectionId, parcel: Parcel) {
        match parcel {
            Parcel::Syn => {
                self.ends[at].open.push(connection);
                self.post(1 - at, connection, Parcel::SynAck);
                self.put(at, Event::Connected { connection, side: Side::Incoming });
            }
            Parcel::SynAck => {
                if self.ends[at].attempt == Some(connection) {
                    self.ends[at].attempt = None;
                    self.ends[at].open.push(connection);
                    self.put(at, Event::Connected { connection, side: Side::Outgoing });
                }
            }
            _ if !self.ends[at].open.contains(&connection) => {
                // Nobody is there: the kernel answers with a RST.
                if let Parcel::Bytes(_) = parcel {
                    self.post(1 - at, connection, Parcel::Fin);
                }
            }
            Parcel::Bytes(bytes) => {
                let event = match Message::decode(&bytes, &self.ends[at].session.context(connection)) {
                    Ok(message) => Event::Received { connection, message },
                    Err(error) => Event::Malformed { connection, error },
                };
                self.put(at, event);
            }
            Parcel::Fin => {
                self.ends[at].open.retain(|open| *open != connection);
                self.put(at, Event::Closed { connection, why: "closed by the peer".to_owned() });
            }
        }
    }

    /// An UPDATE of the end's own making.
    pub(super) fn write(&mut self, at: usize, message: &Message) {
        let connection = self.ends[at].session.connection().expect("an established session");
        let bytes = message.encode(&self.ends[at].session.context(connection)).unwrap();
        self.post(1 - at, connection, Parcel::Bytes(bytes));
    }

    /// The speaker dies, and one without memory takes its place. Its kernel closes the connections, or the whole machine
    /// is gone and nobody says a word.
    pub(super) fn crash(&mut self, at: usize, word: Word) {
        let config = self.ends[at].session.config().clone();
        let old = std::mem::replace(&mut self.ends[at], End::new(config));
        if word == Word::Closed {
            for connection in old.open.into_iter().chain(old.attempt) {
                self.post(1 - at, connection, Parcel::Fin);
            }
        }
    }

    /// Lets time go on, from one thing that happens to the next.
    pub(super) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        self.run_until(until, |_| false);
    }

    /// The same, until something is so; false when it never was.
    pub(super) fn run_until(&mut self, until: Instant, so: impl Fn(&Self) -> bool) -> bool {
        let mut steps = 0;
        loop {
            if so(self) {
                return true;
            }
            steps += 1;
            assert!(steps < 200_000, "it spins");
            let arrival = self.under_way.keys().next().map(|(at, _)| *at);
            let timeouts = self.ends.iter().filter_map(End::due);
            let Some(at) = arrival.into_iter().chain(timeouts).min().filter(|at| *at <= until) else {
                self.now = until;
                return so(self);
            };
            self.now = self.now.max(at);
            let first =
                self.under_way.first_key_value().filter(|((at, _), _)| *at <= self.now).map(|(key, _)| *key);
            match first.and_then(|key| self.under_way.remove(&key)) {
                Some((to, connection, parcel)) => {
                    // What is on its way when the link is cut does not get through.
                    if self.cut_until.is_some_and(|until| self.now < until) {
                        self.post(to, connection, parcel);
                    } else {
                        self.arrive(to, connection, parcel);
                    }
                }
                None => {
                    for end in [0, 1] {
                        if self.ends[end].due().is_some_and(|at| at <= self.now) {
                            self.put(end, Event::Timeout);
                            let left = self.ends[end].due();
                            assert!(left.is_none_or(|at| at > self.now), "a due timer was left");
                        }
                    }
                }
            }
        }
    }

    /// Both are established, on the same connection, and see the same agreement from both sides.
    pub(super) fn agree(&self) -> Result<(), String> {
        let [Some((mine, a)), Some((theirs, b))] = self.ends.each_ref().map(|end| end.up.as_ref()) else {
            return Err(format!(
                "{:?}; failures {:?}",
                self.states(),
                self.ends.each_ref().map(|end| &end.failures)
            ));
        };
        let [first, second] = self.ends.each_ref().map(|end| end.open.len());
        let same = mine == theirs
            && a.hold_time == b.hold_time
            && a.families == b.families
            && a.context == b.context.mirrored()
            && a.external == b.external
            && a.graceful_restart.is_some() == b.graceful_restart.is_some()
            && a.open_sent == b.open_received
            && a.open_received == b.open_sent
            && (first, second) == (1, 1);
        if same { Ok(()) } else { Err(format!("{mine:?} {theirs:?}\n{a:?}\n{b:?}\n{first} {second}")) }
    }
}

/// What the kernel of a speaker that died says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// That the connections are closed.
    Closed,
    /// Nothing.
    None,
}
