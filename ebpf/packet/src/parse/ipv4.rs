//! IPv4 (RFC 791).

use super::{Addresses, Ip, Parsed, Problem, is_forwarded};
use crate::{Frame, IPV4_HEADER_LEN};

const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// `None`: nothing for a forwarder.
#[inline(always)]
pub(super) fn parse<F: Frame + ?Sized>(frame: &F, offset: usize) -> Option<Parsed> {
    let h = frame.view::<IPV4_HEADER_LEN>(offset)?;
    let protocol = h[9];
    if h[0] >> 4 != 4 || !is_forwarded(protocol) {
        return None;
    }
    let header_len = usize::from(h[0] & 0x0f) * 4;
    let ip = Ip {
        addresses: Addresses::V4 {
            source: u32::from_le_bytes([h[12], h[13], h[14], h[15]]),
            destination: u32::from_le_bytes([h[16], h[17], h[18], h[19]]),
        },
        traffic_class: h[1],
        ttl: h[8],
        offset,
        len: usize::from(u16::from_be_bytes([h[2], h[3]])),
    };
    let fragment = u16::from_be_bytes([h[6], h[7]]) & (MORE_FRAGMENTS | FRAGMENT_OFFSET);
    Some(if header_len < IPV4_HEADER_LEN {
        ip.broken(Problem::Malformed)
    } else if fragment != 0 {
        ip.broken(Problem::Fragment)
    } else if header_len == IPV4_HEADER_LEN {
        // By itself, so that offsets are constants where there are no options, which is nearly always.
        ip.datagram(frame, protocol, IPV4_HEADER_LEN)
    } else {
        ip.datagram(frame, protocol, header_len)
    })
}
