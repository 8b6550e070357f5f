//! A session with its socket and its counts.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use guideway_bfd::packet::MAX_LEN;
use guideway_bfd::{Admin, Endpoint, Jitter, Session, State, Transition};

use crate::board::{Board, Counts, Report};
use crate::engine::echo::{self, Came};
use crate::engine::socket::Sender;

/// How often the end of a session is told: one packet can be lost.
const FAREWELLS: u8 = 3;
const FAREWELL_INTERVAL: Duration = Duration::from_millis(20);

/// What the timing thread keeps for a session.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) endpoint: Endpoint,
    pub(crate) session: Session,
    /// `None` while the socket cannot be made: the address or the interface is missing.
    pub(crate) sender: Option<Sender>,
    pub(crate) board: Arc<Board>,
    pub(crate) counts: Counts,
    since_unix_ms: u64,
    /// The board does not say yet what is so.
    pub(crate) unpublished: bool,
    /// Set when the session ends: how often that is still to be told, and when.
    leaving: Option<(u8, Instant)>,
}

/// What became of a session that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Stays,
    Gone,
}

impl Slot {
    pub(crate) fn new(endpoint: Endpoint, session: Session, sender: Option<Sender>) -> Self {
        let (counts, since_unix_ms) = (Counts::default(), unix_ms());
        let board = Arc::new(Board::new(Report::of(&session, counts, since_unix_ms)));
        Self { endpoint, session, sender, board, counts, since_unix_ms, unpublished: false, leaving: None }
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    pub(crate) fn leave(&mut self, now: Instant) {
        let transition = self.session.set_admin(Admin::Down);
        self.note(transition);
        self.leaving.get_or_insert((FAREWELLS, now));
    }

    /// Keeps the books about a transition; says whether there was one.
    pub(crate) fn note(&mut self, transition: Option<Transition>) -> bool {
        self.unpublished = true;
        let Some(Transition { from, to, diagnostic }) = transition else { return false };
        self.since_unix_ms = unix_ms();
        if from == State::Up && to == State::Down {
            self.counts.downs += 1;
            self.counts.last_down = Some((self.since_unix_ms, diagnostic));
        }
        true
    }

    /// Does what is due; says whether the state changed.
    pub(crate) fn run(&mut self, now: Instant, mut jitter: impl FnMut() -> Jitter) -> (Fate, bool) {
        let transition = self.session.timeout(now);
        let changed = transition.is_some() && self.note(transition);
        let mut buffer = [0; MAX_LEN];
        while let Some(length) = self.session.transmit(now, jitter(), &mut buffer) {
            self.send(&buffer[..length]);
        }
        if let Some(wire) = self.sender.as_mut().and_then(|sender| sender.wire.as_mut())
            && echo::transmit(wire, &mut self.session, now, jitter())
        {
            self.counts.echoes_sent += 1;
            self.unpublished = true;
        }
        if let Some((left, due)) = &mut self.leaving
            && *due <= now
        {
            *left -= 1;
            *due = now + FAREWELL_INTERVAL;
            if *left == 0 {
                return (Fate::Gone, changed);
            }
            let length = self.session.repeat(now, &mut buffer);
            self.send(&buffer[..length]);
        }
        (Fate::Stays, changed)
    }

    pub(crate) fn has_wire(&self) -> bool {
        self.sender.as_ref().is_some_and(|sender| sender.wire.is_some())
    }

    /// Takes in what has come on the wire of echoes, and sends the peer's echoes back.
    pub(crate) fn read_echoes(&mut self, now: Instant) {
        let Some(wire) = self.sender.as_mut().and_then(|sender| sender.wire.as_mut()) else { return };
        let (session, counts) = (&mut self.session, &mut self.counts);
        let reflect = session.returns_echoes();
        wire.read(self.endpoint.remote, reflect, |came| match came {
            Came::Own(payload) if session.receive_echo(&payload, now) => counts.echoes_received += 1,
            Came::Own(_) => {}
            Came::TurnedRound => counts.echoes_returned += 1,
        });
        self.unpublished = true;
    }

    fn send(&mut self, packet: &[u8]) {
        self.unpublished = true;
        let Some(sender) = &self.sender else { return };
        // An error has its reason elsewhere (no route, no neighbour, a link that is down): detection tells.
        match sender.socket.send_to(packet, &sender.destination) {
            Ok(_) => self.counts.sent += 1,
            Err(_) => self.counts.send_errors += 1,
        }
    }

    /// When [`Slot::run`] has something to do.
    pub(crate) fn due(&self) -> Option<Instant> {
        let farewell = self.leaving.map(|(_, due)| due);
        [self.session.poll_timeout(), farewell].into_iter().flatten().min()
    }

    /// Puts what is so on the board; says whether it got there.
    pub(crate) fn publish(&mut self) -> bool {
        if self.unpublished {
            let report = Report::of(&self.session, self.counts, self.since_unix_ms);
            self.unpublished = !self.board.try_write(report);
        }
        !self.unpublished
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
