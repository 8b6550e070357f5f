//! Reception (RFC 5880 section 6.8.6).

use std::time::Instant;

use super::{Remote, Session, Transition};
use crate::packet::{Decoded, Discard, Packet};
use crate::state::{Diagnostic, State};

impl Session {
    /// Takes a packet in that was found to be for this session.
    ///
    /// # Errors
    ///
    /// When the packet has to be discarded. Its sender counts as silent then.
    pub fn receive(&mut self, decoded: &Decoded<'_>, now: Instant) -> Result<Option<Transition>, Discard> {
        let packet = &decoded.packet;
        if packet.your_discriminator != 0 && packet.your_discriminator != self.discriminator {
            return Err(Discard::NoSession);
        }
        self.authenticate(decoded, now)?;
        self.remote = Remote {
            state: packet.state,
            diagnostic: packet.diagnostic,
            discriminator: packet.my_discriminator,
            desired_min_tx: packet.desired_min_tx,
            required_min_rx: packet.required_min_rx,
            required_min_echo_rx: packet.required_min_echo_rx,
            detect_mult: packet.detect_mult,
            demand: packet.demand,
            control_plane_independent: packet.control_plane_independent,
        };
        if self.polling && packet.final_ {
            self.polling = false;
            self.confirmed = self.advertised;
        }
        if self.state == State::AdminDown {
            return Err(Discard::AdminDown);
        }
        (self.last_received, self.heard) = (Some(now), true);
        let (state, diagnostic) = next_state(self.state, packet.state);
        let transition = self.enter(state, diagnostic);
        if self.echo_interval().is_none() {
            self.echo.stop();
        }
        self.settle();
        // An answer to Poll leaves at once (section 6.5), in the new state.
        self.final_due |= packet.poll;
        Ok(transition)
    }

    fn authenticate(&mut self, decoded: &Decoded<'_>, now: Instant) -> Result<(), Discard> {
        match (&self.config.authentication, decoded.section) {
            (None, None) => Ok(()),
            (Some(authentication), Some(section)) => {
                // Section 6.8.1: bfd.AuthSeqKnown ends after a silence of twice the detection time.
                let silence = self.last_received.map(|last| now.saturating_duration_since(last));
                if silence.is_none_or(|silence| silence >= 2 * self.detection_time()) {
                    self.window.forget();
                }
                let Packet { detect_mult, .. } = decoded.packet;
                section.verify(authentication, &mut self.window, detect_mult)
            }
            _ => Err(Discard::AuthenticationUse),
        }
    }
}

/// The table of states: own state and the peer's to the next own one.
pub(super) fn next_state(local: State, remote: State) -> (State, Diagnostic) {
    match (local, remote) {
        (State::Down, State::Down) => (State::Init, Diagnostic::NONE),
        (State::Down, State::Init) | (State::Init, State::Init | State::Up) => (State::Up, Diagnostic::NONE),
        (State::Init | State::Up, State::AdminDown) | (State::Up, State::Down) => {
            (State::Down, Diagnostic::NEIGHBOUR_SIGNALED_DOWN)
        }
        (State::AdminDown, _)
        | (State::Down, State::AdminDown | State::Up)
        | (State::Init, State::Down)
        | (State::Up, State::Init | State::Up) => (local, Diagnostic::NONE),
    }
}
