//! Intervals, Poll Sequences, transmission and detection (RFC 5880 sections 6.8.2 to 6.8.5, 6.8.7).

use std::time::{Duration, Instant};

use super::{Intervals, Session, Transition};
use crate::auth;
use crate::interval::{Interval, Jitter};
use crate::packet::{HEADER_LEN, MAX_LEN, Packet};
use crate::state::{Diagnostic, State};

impl Session {
    /// When [`Session::timeout`], [`Session::transmit`] or [`Session::transmit_echo`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let transmit = if self.final_due { self.last_received } else { self.next_transmit() };
        [transmit, self.detection_deadline(), self.next_echo(), self.echo_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Notices silence. Packets that have arrived must be taken in before.
    pub fn timeout(&mut self, now: Instant) -> Option<Transition> {
        if self.detection_deadline().is_some_and(|deadline| deadline <= now) {
            self.heard = false;
            // Section 6.8.1: the peer may come back with another one.
            self.remote.discriminator = 0;
            if matches!(self.state, State::Init | State::Up) {
                return self.enter(State::Down, Diagnostic::DETECTION_TIME_EXPIRED);
            }
        }
        if self.echo_deadline().is_some_and(|deadline| deadline <= now) {
            // Section 6.8.5.
            return self.enter(State::Down, Diagnostic::ECHO_FAILED);
        }
        None
    }

    /// Writes the packet that is due and tells its length; to be asked until there is none.
    pub fn transmit(&mut self, now: Instant, jitter: Jitter, buffer: &mut [u8; MAX_LEN]) -> Option<usize> {
        if self.final_due {
            // Outside of the schedule (section 6.8.7).
            self.final_due = false;
            return Some(self.write(buffer, Answer::Final));
        }
        if self.next_transmit().is_none_or(|due| due > now) {
            return None;
        }
        (self.expedite, self.last_sent, self.jitter) = (false, Some(now), jitter);
        Some(self.write(buffer, Answer::No))
    }

    /// Writes a packet outside of the schedule: the farewell of a session that ends is said more than once.
    pub fn repeat(&mut self, now: Instant, buffer: &mut [u8; MAX_LEN]) -> usize {
        self.last_sent = Some(now);
        self.write(buffer, Answer::No)
    }

    /// How often packets leave, without jitter; `None`: not at all.
    #[must_use]
    pub fn transmit_interval(&self) -> Option<Duration> {
        let remote = &self.remote;
        // Section 6.8.7: a peer that receives nothing, or that wants quiet while all is well.
        let demand = remote.demand && self.state == State::Up && remote.state == State::Up && !self.polling;
        if remote.required_min_rx.is_zero() || demand {
            return None;
        }
        // Section 6.8.3: no slower than before while the peer may not know it.
        let desired = self.advertised.desired_min_tx.min(self.confirmed.desired_min_tx);
        Some(desired.max(remote.required_min_rx).time())
    }

    /// After how long a silence the peer is taken for gone (section 6.8.4).
    #[must_use]
    pub fn detection_time(&self) -> Duration {
        // Section 6.8.3: no less than before while the peer may not know that it shall send more often.
        let required = self.advertised.required_min_rx.max(self.confirmed.required_min_rx);
        required.max(self.remote.desired_min_tx).time() * u32::from(self.remote.detect_mult)
    }

    pub(super) fn settle(&mut self) {
        let wanted = self.wanted();
        if self.state != State::Up {
            // Only a session that is Up has something to lose: no Poll Sequence.
            (self.advertised, self.confirmed, self.polling) = (wanted, wanted, false);
        } else if !self.polling && self.advertised != wanted {
            (self.advertised, self.polling, self.expedite) = (wanted, true, true);
        }
    }

    fn wanted(&self) -> Intervals {
        let mut wanted = Intervals {
            desired_min_tx: self.config.desired_min_tx,
            required_min_rx: self.config.required_min_rx,
        };
        if self.state != State::Up {
            // Section 6.8.3: no faster than once a second.
            wanted.desired_min_tx = wanted.desired_min_tx.max(Interval::SLOW);
        }
        if self.echo.is_proven() {
            // The same section: echoes watch the path, so control packets may be rare.
            wanted.required_min_rx = wanted.required_min_rx.max(Interval::SLOW);
        }
        wanted
    }

    fn next_transmit(&self) -> Option<Instant> {
        // Section 6.8.7: who is passive answers only.
        if self.config.passive && self.remote.discriminator == 0 {
            return None;
        }
        let interval = self.transmit_interval()?;
        let Some(last) = self.last_sent else { return Some(self.created) };
        if self.expedite {
            return Some(last);
        }
        last.checked_add(self.jitter.apply(interval, self.config.detect_mult))
    }

    fn detection_deadline(&self) -> Option<Instant> {
        self.last_received.filter(|_| self.heard)?.checked_add(self.detection_time())
    }

    /// Section 6.8.7.
    fn write(&mut self, buffer: &mut [u8; MAX_LEN], answer: Answer) -> usize {
        let packet = Packet {
            diagnostic: self.diagnostic,
            state: self.state,
            poll: self.polling && answer == Answer::No,
            final_: answer == Answer::Final,
            control_plane_independent: true,
            demand: false,
            detect_mult: self.config.detect_mult,
            my_discriminator: self.discriminator,
            your_discriminator: self.remote.discriminator,
            desired_min_tx: self.advertised.desired_min_tx,
            required_min_rx: self.advertised.required_min_rx,
            required_min_echo_rx: self.config.echo_rx,
        };
        let length = packet.encode(buffer);
        let Some(authentication) = &self.config.authentication else { return length };
        let mut header = [0; HEADER_LEN];
        header.copy_from_slice(&buffer[..HEADER_LEN]);
        // Sections 6.7.3 and 6.7.4: each packet, or each that says something new.
        if authentication.kind().is_meticulous() || header != self.previous {
            self.sequence = self.sequence.wrapping_add(1);
        }
        self.previous = header;
        auth::sign(buffer, length, authentication, self.sequence)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    No,
    Final,
}
