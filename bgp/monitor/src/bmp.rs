//! Messages of the BGP Monitoring Protocol, version 3 (RFC 7854), with Adj-RIB-Out (RFC 8671).
//!
//! Bytes only: there is no connection here, and the time is an argument.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use guideway_bgp_wire::Family;

use crate::view::{Direction, View};

/// RFC 7854 section 4.1.
const VERSION: u8 = 3;
/// Octets of the common header.
const HEADER_LEN: usize = 6;
/// The longest text in a TLV; nobody reads more.
const MAX_TEXT: usize = 4096;

/// Message types (RFC 7854 section 4.1).
mod kind {
    pub(super) const ROUTE_MONITORING: u8 = 0;
    pub(super) const STATISTICS: u8 = 1;
    pub(super) const PEER_DOWN: u8 = 2;
    pub(super) const PEER_UP: u8 = 3;
    pub(super) const INITIATION: u8 = 4;
    pub(super) const TERMINATION: u8 = 5;
}

/// Bits of the peer flags (RFC 7854 section 4.2, RFC 8671 section 4).
mod flag {
    /// The peer's address is an IPv6 one.
    pub(super) const V: u8 = 0x80;
    /// After the policy.
    pub(super) const L: u8 = 0x40;
    /// AS numbers of two octets.
    pub(super) const A: u8 = 0x20;
    /// Adj-RIB-Out.
    pub(super) const O: u8 = 0x10;
}

/// Why a session ended (RFC 7854 section 4.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DownReason {
    /// This side ended it with this NOTIFICATION, a whole message.
    LocalNotification(Vec<u8>),
    /// This side ended it without one; an event of RFC 4271 section 8.1, 0 when none fits.
    Local(u16),
    /// The peer ended it with this NOTIFICATION.
    RemoteNotification(Vec<u8>),
    /// The connection broke, or the peer closed it.
    Remote,
    /// The peer is not configured any more.
    Deconfigured,
}

/// Figures of a Statistics Report (RFC 7854 section 4.8, RFC 8671 section 6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Routes in Adj-RIB-In: IPv4, IPv6.
    pub received: [u64; 2],
    /// Routes in Adj-RIB-Out: IPv4, IPv6.
    pub sent: [u64; 2],
}

/// The first message: who is speaking (section 4.3).
#[must_use]
pub fn initiation(system_name: &str, description: &str) -> Vec<u8> {
    let mut out = begin(kind::INITIATION);
    tlv(&mut out, 1, text(description).as_bytes());
    tlv(&mut out, 2, text(system_name).as_bytes());
    finish(out)
}

/// The last message (section 4.5): the connection is closed on purpose.
#[must_use]
pub fn termination() -> Vec<u8> {
    let mut out = begin(kind::TERMINATION);
    // Reason 0: closed by the administrator.
    tlv(&mut out, 1, &0u16.to_be_bytes());
    finish(out)
}

/// A session is established (section 4.10).
#[must_use]
pub fn peer_up(view: &View, now: SystemTime) -> Vec<u8> {
    let mut out = begin(kind::PEER_UP);
    // RFC 8671 section 5: Peer Up and Peer Down are about the peer, whatever the direction of its routes.
    peer_header(&mut out, view, 0, now);
    out.extend_from_slice(&address(view.local_address()));
    out.extend_from_slice(&view.local.port().to_be_bytes());
    out.extend_from_slice(&view.remote.port().to_be_bytes());
    out.extend_from_slice(&view.open_sent);
    out.extend_from_slice(&view.open_received);
    finish(out)
}

/// A session is over (section 4.9).
#[must_use]
pub fn peer_down(view: &View, reason: &DownReason, now: SystemTime) -> Vec<u8> {
    let mut out = begin(kind::PEER_DOWN);
    peer_header(&mut out, view, 0, now);
    match reason {
        DownReason::LocalNotification(message) => {
            out.push(1);
            out.extend_from_slice(message);
        }
        DownReason::Local(event) => {
            out.push(2);
            out.extend_from_slice(&event.to_be_bytes());
        }
        DownReason::RemoteNotification(message) => {
            out.push(3);
            out.extend_from_slice(message);
        }
        DownReason::Remote => out.push(4),
        DownReason::Deconfigured => out.push(5),
    }
    finish(out)
}

/// An UPDATE, as a whole message, that came from the peer (section 4.6) or went there (RFC 8671).
#[must_use]
pub fn route_monitoring(view: &View, direction: Direction, update: &[u8], now: SystemTime) -> Vec<u8> {
    let mut out = begin(kind::ROUTE_MONITORING);
    // What came is not filtered yet, what goes is.
    let flags = match direction {
        Direction::Received => 0,
        Direction::Sent => flag::O | flag::L,
    };
    peer_header(&mut out, view, flags, now);
    out.extend_from_slice(update);
    finish(out)
}

/// Numbers of routes (section 4.8).
#[must_use]
pub fn statistics(view: &View, counts: &Counts, now: SystemTime) -> Vec<u8> {
    let mut out = begin(kind::STATISTICS);
    peer_header(&mut out, view, 0, now);
    // Adj-RIB-In and post-policy Adj-RIB-Out, together and by family.
    let tables = [(7, 9, counts.received), (15, 17, counts.sent)];
    let families =
        || Family::ALL.into_iter().enumerate().filter(|(_, family)| view.families.contains(*family));
    let figures = u32::try_from(tables.len() * (1 + families().count())).unwrap_or(0);
    out.extend_from_slice(&figures.to_be_bytes());
    for (total, by_family, counts) in tables {
        tlv(&mut out, total, &counts.iter().sum::<u64>().to_be_bytes());
        for (index, family) in families() {
            let mut value = family.afi().to_be_bytes().to_vec();
            value.push(family.safi());
            value.extend_from_slice(&counts[index].to_be_bytes());
            tlv(&mut out, by_family, &value);
        }
    }
    finish(out)
}

/// The common header (section 4.1), still without length.
fn begin(kind: u8) -> Vec<u8> {
    vec![VERSION, 0, 0, 0, 0, kind]
}

fn finish(mut out: Vec<u8>) -> Vec<u8> {
    debug_assert!(out.len() >= HEADER_LEN);
    let length = u32::try_from(out.len()).unwrap_or(u32::MAX).to_be_bytes();
    out[1..5].copy_from_slice(&length);
    out
}

/// The per-peer header (section 4.2) of a global instance peer.
fn peer_header(out: &mut Vec<u8>, view: &View, flags: u8, now: SystemTime) {
    let remote = view.remote_address();
    let family = if remote.is_ipv6() { flag::V } else { 0 };
    let width = if view.has_short_as() { flag::A } else { 0 };
    out.extend_from_slice(&[0, flags | family | width]);
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&address(remote));
    out.extend_from_slice(&view.peer_as.to_be_bytes());
    out.extend_from_slice(&view.peer_router_id.octets());
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    // RFC 7854 counts seconds in 32 bits.
    out.extend_from_slice(&u32::try_from(since.as_secs()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(&since.subsec_micros().to_be_bytes());
}

/// An address in 16 octets; an IPv4 one is in the last four (section 4.2).
fn address(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let mut out = [0; 16];
            out[12..].copy_from_slice(&address.octets());
            out
        }
        IpAddr::V6(address) => address.octets(),
    }
}

fn tlv(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(value);
}

/// At most as much of a text as a TLV is to have.
fn text(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
