//! One connection of a session.

use std::time::{Duration, Instant};

use guideway_bgp_wire::Open;

use super::State;
use crate::backoff::Jitter;
use crate::config::{Config, RestartFlags};
use crate::event::{ConnectionId, Side};
use crate::negotiate::Negotiated;

/// A connection and how far it is.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: ConnectionId,
    pub(super) side: Side,
    /// When it was connected.
    pub(super) since: Instant,
    /// When the own OPEN was sent.
    pub(super) opened: Option<Instant>,
    /// What the own OPEN was made from, or is made from when it is not sent yet.
    pub(super) config: Config,
    pub(super) flags: RestartFlags,
    pub(super) phase: Phase,
    /// When the peer has been silent for too long.
    pub(super) hold: Option<Instant>,
    /// When the next KEEPALIVE is due.
    pub(super) keepalive: Option<Instant>,
    /// The KEEPALIVE interval with the latest jitter.
    pub(super) keepalive_every: Duration,
    /// When a collision is decided without the other connection's OPEN.
    pub(super) decide: Option<Instant>,
    /// When our KEEPALIVE goes out although that of the peer is not here, or soon after it.
    pub(super) confirm: Option<Instant>,
}

/// How far a connection is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Incoming beside one that is ahead: the own OPEN is withheld, the peer's is awaited.
    Listening,
    /// The same, and the peer's OPEN is here: it takes over unless the one ahead is established soon.
    Parked(Open),
    /// The own OPEN is sent.
    OpenSent(Open),
    /// Both OPENs are exchanged.
    OpenConfirm(Box<Agreed>, Keepalive),
    /// Since then.
    Established(Box<Agreed>, Instant),
}

/// The KEEPALIVE that accepts the peer's OPEN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keepalive {
    /// Withheld while another connection can still win, or for a time; the peer's is not here.
    Withheld,
    /// Withheld, and the peer's is here.
    Awaited,
    /// Sent.
    Sent,
}

/// The peer's OPEN and what was agreed on with it.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) received: Open,
    pub(super) negotiated: Negotiated,
}

impl Link {
    pub(super) fn state(&self) -> State {
        match self.phase {
            Phase::Listening | Phase::Parked(_) => State::Active,
            Phase::OpenSent(_) => State::OpenSent,
            Phase::OpenConfirm(..) => State::OpenConfirm,
            Phase::Established(..) => State::Established,
        }
    }

    pub(super) fn is_established(&self) -> bool {
        matches!(self.phase, Phase::Established(..))
    }

    /// Our KEEPALIVE is sent, and the peer may take the session for established; or it will be sent, whatever else comes.
    pub(super) fn is_committed(&self) -> bool {
        self.confirm.is_some()
            || matches!(self.phase, Phase::OpenConfirm(_, Keepalive::Sent) | Phase::Established(..))
    }

    /// The peer has not sent its OPEN.
    pub(super) fn is_unheard(&self) -> bool {
        matches!(self.phase, Phase::Listening | Phase::OpenSent(_))
    }

    pub(super) fn agreed(&self) -> Option<&Agreed> {
        match &self.phase {
            Phase::OpenConfirm(agreed, _) | Phase::Established(agreed, _) => Some(agreed),
            Phase::Listening | Phase::Parked(_) | Phase::OpenSent(_) => None,
        }
    }

    pub(super) fn negotiated(&self) -> Option<&Negotiated> {
        self.agreed().map(|agreed| &agreed.negotiated)
    }

    pub(super) fn deadlines(&self) -> impl Iterator<Item = Instant> {
        [self.hold, self.keepalive, self.decide, self.confirm].into_iter().flatten()
    }

    /// The hold timer starts anew; there is none with a hold time of zero (RFC 4271 section 4.2).
    pub(super) fn restart_hold(&mut self, now: Instant) {
        let time = self.negotiated().map(|negotiated| negotiated.hold_time);
        self.hold = time.filter(|time| !time.is_zero()).and_then(|time| now.checked_add(time));
    }

    pub(super) fn restart_keepalive(&mut self, now: Instant) {
        let every = self.keepalive_every;
        self.keepalive = if every.is_zero() { None } else { now.checked_add(every) };
    }

    /// RFC 4271 section 10: each interval has its own jitter.
    pub(super) fn start_keepalive(&mut self, now: Instant, jitter: Jitter) {
        let interval = self.negotiated().map(|negotiated| negotiated.keepalive_interval);
        self.keepalive_every = jitter.apply(interval.unwrap_or_default());
        self.restart_keepalive(now);
    }
}
