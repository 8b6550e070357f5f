//! The control packet (RFC 5880 section 4.1), from and to bytes.
//!
//! ```text
//!   0                   1                   2                   3
//!   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//!  |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
//!  |            My Discriminator, Your Discriminator,              |
//!  |   Desired Min TX, Required Min RX, Required Min Echo RX       |
//!  |            Authentication Section, when A is set              |
//! ```

use thiserror::Error;

use crate::auth::Section;
use crate::interval::Interval;
use crate::state::{Diagnostic, State};

/// Octets of a packet without authentication.
pub const HEADER_LEN: usize = HEADER_OCTETS as usize;
const HEADER_OCTETS: u8 = 24;
/// Octets of the longest packet: SHA1 takes 28 more.
pub const MAX_LEN: usize = HEADER_LEN + 28;
const VERSION: u8 = 1;

mod bit {
    pub(super) const POLL: u8 = 0x20;
    pub(super) const FINAL: u8 = 0x10;
    pub(super) const CONTROL_PLANE_INDEPENDENT: u8 = 0x08;
    pub(super) const AUTHENTICATION: u8 = 0x04;
    pub(super) const DEMAND: u8 = 0x02;
    pub(super) const MULTIPOINT: u8 = 0x01;
}

/// What a packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Why the sender left its last state.
    pub diagnostic: Diagnostic,
    /// The sender's state.
    pub state: State,
    /// The sender wants an answer with Final.
    pub poll: bool,
    /// The answer to Poll.
    pub final_: bool,
    /// The sender's BFD does not share the fate of its control plane.
    pub control_plane_independent: bool,
    /// The sender wants no periodic packets while both are Up.
    pub demand: bool,
    /// After how many missing packets the sender is taken for gone. Never zero.
    pub detect_mult: u8,
    /// The sender's number of the session. Never zero.
    pub my_discriminator: u32,
    /// The receiver's number of the session; zero when the sender does not know it.
    pub your_discriminator: u32,
    /// The sender would not send more often.
    pub desired_min_tx: Interval,
    /// The sender can take no more often; zero: no periodic packets at all.
    pub required_min_rx: Interval,
    /// The sender can return echoes no more often; zero: none at all.
    pub required_min_echo_rx: Interval,
}

/// Why a packet is discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Discard {
    /// Not version 1.
    #[error("version {0} rather than 1")]
    Version(u8),
    /// The length field is too small for what the flags promise, or larger than the datagram.
    #[error("a length of {field} in a datagram of {datagram} octets")]
    Length {
        /// The field; zero when there was none.
        field: u8,
        /// Octets received.
        datagram: usize,
    },
    /// The multiplier is zero.
    #[error("a detection multiplier of zero")]
    DetectMult,
    /// The M bit is set.
    #[error("the multipoint bit is set")]
    Multipoint,
    /// Both P and F are set.
    #[error("Poll and Final at once")]
    PollAndFinal,
    /// The sender's discriminator is zero.
    #[error("My Discriminator is zero")]
    MyDiscriminator,
    /// The sender claims a session that it does not know our number of.
    #[error("Your Discriminator is zero in state {0}")]
    YourDiscriminator(State),
    /// No session has the number in Your Discriminator, or none waits for the sender.
    #[error("no session for it")]
    NoSession,
    /// The TTL is lower than it must be.
    #[error("a TTL of {ttl}, less than {least}")]
    Ttl {
        /// Received.
        ttl: u8,
        /// Allowed.
        least: u8,
    },
    /// It came from another address, to another address, or over another interface than the session is for.
    #[error("not the session's addresses or interface")]
    Endpoint,
    /// The packet has authentication and the session has not, or the other way round.
    #[error("authentication on one side only")]
    AuthenticationUse,
    /// Another kind of authentication.
    #[error("authentication of type {0}, not the session's")]
    AuthenticationKind(u8),
    /// The authentication section has a wrong length.
    #[error("an authentication section of a wrong length")]
    AuthenticationLength,
    /// No key has that number.
    #[error("key {0} is unknown")]
    UnknownKey(u8),
    /// The password or the digest is wrong.
    #[error("the digest or password of key {0} is wrong")]
    WrongDigest(u8),
    /// The sequence number is outside of the window: an old packet.
    #[error("the sequence number is outside of the window")]
    Sequence,
    /// This side is administratively down.
    #[error("the session is administratively down")]
    AdminDown,
}

/// A packet whose header has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// What it says.
    pub packet: Packet,
    /// Its authentication, not yet verified.
    pub section: Option<Section<'a>>,
}

impl Packet {
    /// Reads a datagram: all checks of RFC 5880 section 6.8.6 that need no session.
    ///
    /// # Errors
    ///
    /// When the packet has to be discarded.
    pub fn decode(datagram: &[u8]) -> Result<Decoded<'_>, Discard> {
        let short =
            Discard::Length { field: datagram.get(3).copied().unwrap_or(0), datagram: datagram.len() };
        let header: &[u8; HEADER_LEN] = datagram.first_chunk().ok_or(short)?;
        let [first, flags, detect_mult, length, ..] = *header;
        if first >> 5 != VERSION {
            return Err(Discard::Version(first >> 5));
        }
        let authenticated = flags & bit::AUTHENTICATION != 0;
        // An authentication section has at least type and length.
        let least = if authenticated { HEADER_LEN + 2 } else { HEADER_LEN };
        let length = usize::from(length);
        if length < least || length > datagram.len() {
            return Err(short);
        }
        if detect_mult == 0 {
            return Err(Discard::DetectMult);
        }
        if flags & bit::MULTIPOINT != 0 {
            return Err(Discard::Multipoint);
        }
        let word =
            |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (my_discriminator, your_discriminator) = (word(4), word(8));
        if my_discriminator == 0 {
            return Err(Discard::MyDiscriminator);
        }
        let state = State::from_bits(flags >> 6);
        if your_discriminator == 0 && !matches!(state, State::Down | State::AdminDown) {
            return Err(Discard::YourDiscriminator(state));
        }
        let (poll, final_) = (flags & bit::POLL != 0, flags & bit::FINAL != 0);
        if poll && final_ {
            // Section 6.5: never both.
            return Err(Discard::PollAndFinal);
        }
        let packet = Self {
            diagnostic: Diagnostic::from_bits(first),
            state,
            poll,
            final_,
            control_plane_independent: flags & bit::CONTROL_PLANE_INDEPENDENT != 0,
            demand: flags & bit::DEMAND != 0,
            detect_mult,
            my_discriminator,
            your_discriminator,
            desired_min_tx: Interval::from_micros(word(12)),
            required_min_rx: Interval::from_micros(word(16)),
            required_min_echo_rx: Interval::from_micros(word(20)),
        };
        let section = if authenticated { Some(Section::of(&datagram[..length])?) } else { None };
        Ok(Decoded { packet, section })
    }

    /// Writes the packet without authentication; [`crate::auth::sign`] appends it.
    pub fn encode(&self, buffer: &mut [u8; MAX_LEN]) -> usize {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        buffer[0] = VERSION << 5 | self.diagnostic.bits();
        buffer[1] = (self.state as u8) << 6
            | flag(self.poll, bit::POLL)
            | flag(self.final_, bit::FINAL)
            | flag(self.control_plane_independent, bit::CONTROL_PLANE_INDEPENDENT)
            | flag(self.demand, bit::DEMAND);
        buffer[2] = self.detect_mult;
        buffer[3] = HEADER_OCTETS;
        let words = [
            self.my_discriminator,
            self.your_discriminator,
            self.desired_min_tx.micros(),
            self.required_min_rx.micros(),
            self.required_min_echo_rx.micros(),
        ];
        for (place, word) in buffer[4..].chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        HEADER_LEN
    }
}

/// Sets what authentication adds to the header.
pub(crate) fn mark_authenticated(buffer: &mut [u8; MAX_LEN], length: usize) {
    buffer[1] |= bit::AUTHENTICATION;
    buffer[3] = u8::try_from(length).unwrap_or(u8::MAX);
}

#[cfg(test)]
mod tests;
