//! Records of MRT files (RFC 6396): messages and state changes of BGP sessions with microseconds, also those with path
//! identifiers (RFC 8050), and whole tables ([`table`]).
//!
//! Bytes only: there is no file here, and the time is an argument.

pub mod table;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::view::{Direction, View};

/// BGP4MP_ET: BGP4MP with extended timestamp (RFC 6396 section 4.4).
const BGP4MP_ET: u16 = 17;
/// AS_TRANS (RFC 6793 section 9), where a number does not fit.
const AS_TRANS: u16 = 23456;

/// Subtypes (RFC 6396 section 4.4, RFC 8050 section 3).
mod subtype {
    pub(super) const STATE_CHANGE: u16 = 0;
    pub(super) const MESSAGE: u16 = 1;
    pub(super) const MESSAGE_AS4: u16 = 4;
    pub(super) const STATE_CHANGE_AS4: u16 = 5;
    pub(super) const MESSAGE_LOCAL: u16 = 6;
    pub(super) const MESSAGE_AS4_LOCAL: u16 = 7;
    pub(super) const MESSAGE_ADDPATH: u16 = 8;
    pub(super) const MESSAGE_AS4_ADDPATH: u16 = 9;
    pub(super) const MESSAGE_LOCAL_ADDPATH: u16 = 10;
    pub(super) const MESSAGE_AS4_LOCAL_ADDPATH: u16 = 11;
}

/// A state of RFC 4271 section 8.2.2, with its number in RFC 6396 section 4.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum State {
    /// No session.
    Idle = 1,
    /// Waiting for the connection.
    Connect = 2,
    /// Waiting for the peer's connection.
    Active = 3,
    /// Waiting for the peer's OPEN.
    OpenSent = 4,
    /// Waiting for the peer's KEEPALIVE.
    OpenConfirm = 5,
    /// Established.
    Established = 6,
}

/// A whole message that came from the peer or went there.
#[must_use]
pub fn message(view: &View, direction: Direction, message: &[u8], now: SystemTime) -> Vec<u8> {
    let subtype = match (view.has_short_as(), direction, view.has_path_ids(direction)) {
        (true, Direction::Received, false) => subtype::MESSAGE,
        (true, Direction::Received, true) => subtype::MESSAGE_ADDPATH,
        (true, Direction::Sent, false) => subtype::MESSAGE_LOCAL,
        (true, Direction::Sent, true) => subtype::MESSAGE_LOCAL_ADDPATH,
        (false, Direction::Received, false) => subtype::MESSAGE_AS4,
        (false, Direction::Received, true) => subtype::MESSAGE_AS4_ADDPATH,
        (false, Direction::Sent, false) => subtype::MESSAGE_AS4_LOCAL,
        (false, Direction::Sent, true) => subtype::MESSAGE_AS4_LOCAL_ADDPATH,
    };
    let mut out = begin(view, subtype, now);
    out.extend_from_slice(message);
    finish(out)
}

/// A session went from one state to another.
#[must_use]
pub fn state_change(view: &View, from: State, to: State, now: SystemTime) -> Vec<u8> {
    let subtype = if view.has_short_as() { subtype::STATE_CHANGE } else { subtype::STATE_CHANGE_AS4 };
    let mut out = begin(view, subtype, now);
    out.extend_from_slice(&(from as u16).to_be_bytes());
    out.extend_from_slice(&(to as u16).to_be_bytes());
    finish(out)
}

/// The header (RFC 6396 section 3), still without length, and what all of these records begin with.
fn begin(view: &View, subtype: u16, now: SystemTime) -> Vec<u8> {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(&u32::try_from(since.as_secs()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(&BGP4MP_ET.to_be_bytes());
    out.extend_from_slice(&subtype.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&since.subsec_micros().to_be_bytes());
    for asn in [view.peer_as, view.local_as] {
        if view.has_short_as() {
            out.extend_from_slice(&u16::try_from(asn).unwrap_or(AS_TRANS).to_be_bytes());
        } else {
            out.extend_from_slice(&asn.to_be_bytes());
        }
    }
    out.extend_from_slice(&u16::try_from(view.interface_index).unwrap_or(0).to_be_bytes());
    match (view.remote_address(), view.local_address()) {
        (IpAddr::V4(remote), IpAddr::V4(local)) => {
            out.extend_from_slice(&1u16.to_be_bytes());
            out.extend_from_slice(&remote.octets());
            out.extend_from_slice(&local.octets());
        }
        (remote, local) => {
            out.extend_from_slice(&2u16.to_be_bytes());
            out.extend_from_slice(&v6(remote));
            out.extend_from_slice(&v6(local));
        }
    }
    out
}

fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The length is that of everything behind the header, microseconds included (RFC 6396 section 3).
fn finish(mut out: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(out.len() - 12).unwrap_or(u32::MAX).to_be_bytes();
    out[8..12].copy_from_slice(&length);
    out
}
