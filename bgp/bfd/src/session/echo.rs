//! The echo function (RFC 5880 sections 6.4, 6.8.5, 6.8.8 and 6.8.9): own packets that the peer returns unread.
//!
//! Echoes are waited for only once the first has come back: a peer that promises to return them and does not never takes
//! the session down.

use std::time::{Duration, Instant};

use super::Session;
use crate::interval::Jitter;
use crate::state::State;

/// Octets of an echo packet's payload.
pub const ECHO_LEN: usize = 20;
const MAGIC: [u8; 4] = *b"gw\0\x01";

/// What an echo packet carries. Only its sender reads it (RFC 5880 section 6.8.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EchoPayload {
    /// The sender's number of the session.
    pub discriminator: u32,
    pub(super) nonce: u64,
    pub(super) sequence: u32,
}

impl EchoPayload {
    /// Reads one; `None` when it is somebody else's.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; ECHO_LEN] = bytes.first_chunk()?;
        let [m0, m1, m2, m3, d0, d1, d2, d3, n0, n1, n2, n3, n4, n5, n6, n7, s0, s1, s2, s3] = *bytes;
        ([m0, m1, m2, m3] == MAGIC).then_some(Self {
            discriminator: u32::from_be_bytes([d0, d1, d2, d3]),
            nonce: u64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7]),
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
        })
    }

    fn encode(self) -> [u8; ECHO_LEN] {
        let mut bytes = [0; ECHO_LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&self.discriminator.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.nonce.to_be_bytes());
        bytes[16..].copy_from_slice(&self.sequence.to_be_bytes());
        bytes
    }
}

#[derive(Debug)]
pub(super) struct Echo {
    nonce: u64,
    sequence: u32,
    last_sent: Option<Instant>,
    /// Set from the first echo that came back in this time of being Up.
    last_received: Option<Instant>,
    last_sequence: u32,
    jitter: Jitter,
}

impl Echo {
    pub(super) fn new(nonce: u64) -> Self {
        Self {
            nonce,
            sequence: 0,
            last_sent: None,
            last_received: None,
            last_sequence: 0,
            jitter: Jitter::default(),
        }
    }

    pub(super) fn stop(&mut self) {
        (self.last_sent, self.last_received) = (None, None);
        // What is still on its way counts no more.
        self.last_sequence = self.sequence;
    }

    pub(super) fn is_proven(&self) -> bool {
        self.last_received.is_some()
    }
}

impl Session {
    /// How often echo packets leave, without jitter; `None`: not at all.
    #[must_use]
    pub fn echo_interval(&self) -> Option<Duration> {
        let wanted = self.config.echo_tx.filter(|_| self.state == State::Up)?;
        // Section 6.8.9: no more often than the peer can take; not at all when it says zero.
        let least = self.remote.required_min_echo_rx;
        (!least.is_zero()).then(|| wanted.max(least).time())
    }

    /// Whether the peer was promised its echo packets back.
    #[must_use]
    pub fn returns_echoes(&self) -> bool {
        !self.config.echo_rx.is_zero()
    }

    /// Whether echoes come back, so that their absence means something.
    #[must_use]
    pub fn is_echo_proven(&self) -> bool {
        self.echo.is_proven()
    }

    /// The payload of the echo packet that is due.
    pub fn transmit_echo(&mut self, now: Instant, jitter: Jitter) -> Option<[u8; ECHO_LEN]> {
        if self.next_echo().is_none_or(|due| due > now) {
            return None;
        }
        let echo = &mut self.echo;
        echo.sequence = echo.sequence.wrapping_add(1);
        (echo.last_sent, echo.jitter) = (Some(now), jitter);
        let payload =
            EchoPayload { discriminator: self.discriminator, nonce: echo.nonce, sequence: echo.sequence };
        Some(payload.encode())
    }

    /// Takes an echo packet in that came back. Says whether it was this session's, and new.
    pub fn receive_echo(&mut self, payload: &EchoPayload, now: Instant) -> bool {
        let echo = &mut self.echo;
        let ahead = echo.sequence.wrapping_sub(payload.sequence);
        let new = payload.sequence.wrapping_sub(echo.last_sequence);
        // Sent since the last that came back, and not more than was sent.
        let fits = new != 0 && ahead.checked_add(new) == Some(echo.sequence.wrapping_sub(echo.last_sequence));
        if payload.discriminator != self.discriminator || payload.nonce != echo.nonce || !fits {
            return false;
        }
        echo.last_sequence = payload.sequence;
        if self.echo_interval().is_some() {
            self.echo.last_received = Some(now);
            self.settle();
        }
        true
    }

    pub(super) fn next_echo(&self) -> Option<Instant> {
        let interval = self.echo_interval()?;
        match self.echo.last_sent {
            None => self.last_received,
            Some(last) => last.checked_add(self.echo.jitter.apply(interval, self.config.detect_mult)),
        }
    }

    /// Section 6.8.5: when this side's own multiplier of echoes is missing.
    pub(super) fn echo_deadline(&self) -> Option<Instant> {
        let interval = self.echo_interval()?;
        self.echo.last_received?.checked_add(interval * u32::from(self.config.detect_mult))
    }
}
