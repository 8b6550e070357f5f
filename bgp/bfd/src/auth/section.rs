//! The authentication section (RFC 5880 sections 4.2 to 4.4), written and verified (sections 6.7.2 to 6.7.4).

use md5::Md5;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::{Authentication, Key, Kind};
use crate::packet::{Discard, HEADER_LEN, MAX_LEN, mark_authenticated};

/// Where in the section what stands.
mod field {
    use std::ops::Range;

    pub(super) const KEY_ID: usize = 2;
    pub(super) const PASSWORD: usize = 3;
    pub(super) const SEQUENCE: Range<usize> = 4..8;
    pub(super) const DIGEST: usize = 8;
}

/// The authentication section of a received packet, not yet verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section<'a> {
    /// The whole packet, as long as its length field says.
    packet: &'a [u8],
}

impl<'a> Section<'a> {
    /// The packet must have at least two octets behind the header.
    pub(crate) fn of(packet: &'a [u8]) -> Result<Self, Discard> {
        let section = &packet[HEADER_LEN..];
        // The section ends where the packet ends.
        if usize::from(section[1]) != section.len() || section.len() <= field::KEY_ID {
            return Err(Discard::AuthenticationLength);
        }
        Ok(Self { packet })
    }

    fn octets(self) -> &'a [u8] {
        &self.packet[HEADER_LEN..]
    }

    /// Verifies the section with the session's keys. `detect_mult` is the packet's.
    ///
    /// # Errors
    ///
    /// When the packet has to be discarded.
    pub fn verify(
        self,
        authentication: &Authentication,
        window: &mut Window,
        detect_mult: u8,
    ) -> Result<(), Discard> {
        let octets = self.octets();
        let kind = authentication.kind();
        if octets[0] != kind as u8 {
            return Err(Discard::AuthenticationKind(octets[0]));
        }
        let id = octets[field::KEY_ID];
        let key = authentication.keys().iter().find(|key| key.id() == id).ok_or(Discard::UnknownKey(id))?;
        let Some(digest_len) = kind.digest_len() else {
            let equal = octets[field::PASSWORD..].ct_eq(key.secret());
            return if bool::from(equal) { Ok(()) } else { Err(Discard::WrongDigest(id)) };
        };
        if octets.len() != field::DIGEST + digest_len {
            return Err(Discard::AuthenticationLength);
        }
        let mut number = [0; 4];
        number.copy_from_slice(&octets[field::SEQUENCE]);
        let number = u32::from_be_bytes(number);
        if !window.admits(number, kind, detect_mult) {
            return Err(Discard::Sequence);
        }
        let mut expected = [0; Key::LONGEST];
        let start = HEADER_LEN + field::DIGEST;
        digest(kind, key, &self.packet[..start], &mut expected);
        if !bool::from(self.packet[start..].ct_eq(&expected[..digest_len])) {
            return Err(Discard::WrongDigest(id));
        }
        window.last = Some(number);
        Ok(())
    }
}

/// Which sequence numbers are received (RFC 5880 sections 6.7.3 and 6.7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// bfd.RcvAuthSeq while bfd.AuthSeqKnown is 1.
    last: Option<u32>,
}

impl Window {
    /// Forgets the last number (section 6.8.1: after a silence of twice the detection time).
    pub fn forget(&mut self) {
        self.last = None;
    }

    fn admits(self, number: u32, kind: Kind, detect_mult: u8) -> bool {
        let Some(last) = self.last else { return true };
        let ahead = number.wrapping_sub(last);
        let least = u32::from(kind.is_meticulous());
        (least..=3 * u32::from(detect_mult)).contains(&ahead)
    }
}

/// Appends the section to the packet of `length` octets in `buffer` and returns the new length. `sequence` is
/// bfd.XmitAuthSeq, which the kinds with a digest carry.
pub fn sign(
    buffer: &mut [u8; MAX_LEN],
    length: usize,
    authentication: &Authentication,
    sequence: u32,
) -> usize {
    let kind = authentication.kind();
    let Some(key) = authentication.keys().first() else { return length };
    let body =
        kind.digest_len().map_or(field::PASSWORD + key.secret().len(), |digest| field::DIGEST + digest);
    let end = length + body;
    mark_authenticated(buffer, end);
    let section = &mut buffer[length..end];
    section[0] = kind as u8;
    section[1] = u8::try_from(body).unwrap_or(u8::MAX);
    section[field::KEY_ID] = key.id();
    let Some(digest_len) = kind.digest_len() else {
        section[field::PASSWORD..].copy_from_slice(key.secret());
        return end;
    };
    section[field::KEY_ID + 1] = 0;
    section[field::SEQUENCE].copy_from_slice(&sequence.to_be_bytes());
    let mut result = [0; Key::LONGEST];
    let start = length + field::DIGEST;
    digest(kind, key, &buffer[..start], &mut result);
    buffer[start..end].copy_from_slice(&result[..digest_len]);
    end
}

/// The digest over the packet with the key, filled up with zeros, in the digest's place.
fn digest(kind: Kind, key: &Key, packet: &[u8], result: &mut [u8; Key::LONGEST]) {
    match kind {
        Kind::Simple => {}
        Kind::KeyedMd5 | Kind::MeticulousMd5 => {
            let digest = Md5::new().chain_update(packet).chain_update(&key.padded()[..16]).finalize();
            result[..16].copy_from_slice(&digest);
        }
        Kind::KeyedSha1 | Kind::MeticulousSha1 => {
            let digest = Sha1::new().chain_update(packet).chain_update(key.padded()).finalize();
            result.copy_from_slice(&digest);
        }
    }
}

#[cfg(test)]
mod tests;
