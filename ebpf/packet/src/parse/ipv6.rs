//! IPv6 and its extension headers (RFC 8200).

use super::{Addresses, EXTENSION_HEADERS_MAX, Ip, Parsed, Problem, is_forwarded};
use crate::{Address, Frame, IPV6_HEADER_LEN};

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// More than the header and all extension headers together can have.
const EXTENSION_BYTES_BOUND: usize = 0x4000;

const FRAGMENT_HEADER_LEN: usize = 8;
/// Offset and M flag; the two bits between them are reserved.
const FRAGMENT_BITS: u16 = 0xfff9;

/// `None`: nothing for a forwarder.
#[inline(always)]
pub(super) fn parse<F: Frame + ?Sized>(frame: &F, offset: usize) -> Option<Parsed> {
    let (ip, mut next_header) = header(frame, offset)?;
    let mut at = IPV6_HEADER_LEN;
    for _ in 0..EXTENSION_HEADERS_MAX {
        let len = match next_header {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | AUTHENTICATION => {
                let Some(&[next, units]) = frame.view::<2>(offset + at) else {
                    return Some(ip.broken(Problem::Malformed));
                };
                // RFC 4302, 2.2: the authentication header counts in units of four octets, less two.
                let len = if next_header == AUTHENTICATION {
                    (usize::from(units) + 2) * 4
                } else {
                    (usize::from(units) + 1) * 8
                };
                next_header = next;
                len
            }
            FRAGMENT => {
                let Some(f) = frame.view::<FRAGMENT_HEADER_LEN>(offset + at) else {
                    return Some(ip.broken(Problem::Malformed));
                };
                next_header = f[0];
                // RFC 6946: a fragment header on a whole packet (an atomic fragment) is like any other header.
                if u16::from_be_bytes([f[2], f[3]]) & FRAGMENT_BITS != 0 {
                    let concerns_us = is_forwarded(next_header) || is_extension(next_header);
                    return if concerns_us { Some(ip.broken(Problem::Fragment)) } else { None };
                }
                FRAGMENT_HEADER_LEN
            }
            _ => break,
        };
        at = frame.meet(at + len, EXTENSION_BYTES_BOUND);
    }
    if is_forwarded(next_header) {
        Some(ip.datagram(frame, next_header, at))
    } else if is_extension(next_header) {
        Some(ip.broken(Problem::ExtensionHeaders))
    } else {
        None
    }
}

/// What the header says, and the next header.
#[inline(always)]
fn header<F: Frame + ?Sized>(frame: &F, offset: usize) -> Option<(Ip, u8)> {
    let h = frame.view::<IPV6_HEADER_LEN>(offset)?;
    if h[0] >> 4 != 6 {
        return None;
    }
    let destination = Address::from_bytes(sixteen(h, 24));
    if destination.is_v4() {
        // IPv4-mapped addresses have no place on the wire (RFC 4942, 2.2), and would pass for an IPv4 VIP here.
        return None;
    }
    let ip = Ip {
        addresses: Addresses::V6 {
            source: Address::from_bytes(sixteen(h, 8)).words(),
            destination: destination.words(),
        },
        traffic_class: h[0] << 4 | h[1] >> 4,
        ttl: h[7],
        offset,
        len: IPV6_HEADER_LEN + usize::from(u16::from_be_bytes([h[4], h[5]])),
    };
    Some((ip, h[6]))
}

#[inline(always)]
const fn is_extension(next_header: u8) -> bool {
    matches!(next_header, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS)
}

#[inline(always)]
const fn sixteen(h: &[u8; IPV6_HEADER_LEN], at: usize) -> [u8; 16] {
    [
        h[at],
        h[at + 1],
        h[at + 2],
        h[at + 3],
        h[at + 4],
        h[at + 5],
        h[at + 6],
        h[at + 7],
        h[at + 8],
        h[at + 9],
        h[at + 10],
        h[at + 11],
        h[at + 12],
        h[at + 13],
        h[at + 14],
        h[at + 15],
    ]
}
