//! Ethernet frames with echo packets (RFC 5881 sections 4 and 5), and of control packets as much as echoing needs: who the
//! peer is on the link.
//!
//! An echo packet is addressed to its own sender, so that the peer's forwarding sends it back; it leaves by the peer's MAC
//! address and never by a route.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::endpoint::ECHO_PORT;
use crate::session::ECHO_LEN;

/// Octets of the longest frame that is made: Ethernet, IPv6, UDP, payload.
pub const ECHO_FRAME_LEN: usize = ETHERNET + 40 + UDP + ECHO_LEN;
/// Octets of a received frame that are looked at; longer ones are not BFD's.
pub const MAX_FRAME_LEN: usize = 256;
/// The TTL of an echo packet when it leaves its sender (RFC 5881 section 5).
pub const ECHO_TTL: u8 = 255;

const ETHERNET: usize = 14;
const UDP: usize = 8;
const UDP_PROTOCOL: u8 = 17;
/// CS6, as control packets have.
const TRAFFIC_CLASS: u8 = 0xc0;

/// An Ethernet address.
pub type Mac = [u8; 6];

/// A frame with a UDP datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Who it is for.
    pub destination_mac: Mac,
    /// Who sent it.
    pub source_mac: Mac,
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Destination port.
    pub port: u16,
    /// What the datagram carries.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads a frame; `None` when it holds no whole UDP datagram without extension headers.
    #[must_use]
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let destination_mac = *frame.first_chunk()?;
        let source_mac = *frame.get(6..)?.first_chunk()?;
        let packet = frame.get(ETHERNET..)?;
        let (source, destination, ttl, datagram) = match frame.get(12..ETHERNET)? {
            [0x08, 0x00] => ipv4(packet)?,
            [0x86, 0xdd] => ipv6(packet)?,
            _ => return None,
        };
        let [_, _, p0, p1, l0, l1, ..] = *datagram.first_chunk::<UDP>()?;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let payload = datagram.get(UDP..length)?;
        let port = u16::from_be_bytes([p0, p1]);
        Some(Self { destination_mac, source_mac, source, destination, ttl, port, payload })
    }
}

fn ipv4(packet: &[u8]) -> Option<(IpAddr, IpAddr, u8, &[u8])> {
    let header: &[u8; 20] = packet.first_chunk()?;
    let length = usize::from(header[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    // No fragments: neither an offset nor the promise of more.
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff;
    if header[0] >> 4 != 4 || header[9] != UDP_PROTOCOL || fragment != 0 || length < 20 {
        return None;
    }
    let address = |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
    Some((address(12).into(), address(16).into(), header[8], packet.get(length..total)?))
}

fn ipv6(packet: &[u8]) -> Option<(IpAddr, IpAddr, u8, &[u8])> {
    let header: &[u8; 40] = packet.first_chunk()?;
    if header[0] >> 4 != 6 || header[6] != UDP_PROTOCOL {
        return None;
    }
    let end = 40 + usize::from(u16::from_be_bytes([header[4], header[5]]));
    let address = |at: usize| header[at..].first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets));
    Some((address(8)?.into(), address(24)?.into(), header[7], packet.get(40..end)?))
}

/// Writes an echo packet from and to `own`, by way of `peer`, and tells its length.
pub fn write_echo(
    buffer: &mut [u8; ECHO_FRAME_LEN],
    own_mac: Mac,
    peer: Mac,
    own: IpAddr,
    payload: &[u8; ECHO_LEN],
) -> usize {
    buffer.fill(0);
    buffer[..6].copy_from_slice(&peer);
    buffer[6..12].copy_from_slice(&own_mac);
    let datagram_len = u16::try_from(UDP + ECHO_LEN).unwrap_or(u16::MAX);
    let (start, pseudo) = match own {
        IpAddr::V4(own) => {
            buffer[12..ETHERNET].copy_from_slice(&[0x08, 0x00]);
            let header = &mut buffer[ETHERNET..ETHERNET + 20];
            header[0] = 0x45;
            header[1] = TRAFFIC_CLASS;
            header[2..4].copy_from_slice(&(20 + datagram_len).to_be_bytes());
            header[6] = 0x40;
            header[8] = ECHO_TTL;
            header[9] = UDP_PROTOCOL;
            header[12..16].copy_from_slice(&own.octets());
            header[16..20].copy_from_slice(&own.octets());
            let check = checksum(0, header);
            header[10..12].copy_from_slice(&check.to_be_bytes());
            (ETHERNET + 20, sum(0, &[own.octets(), own.octets()].concat()))
        }
        IpAddr::V6(own) => {
            buffer[12..ETHERNET].copy_from_slice(&[0x86, 0xdd]);
            let header = &mut buffer[ETHERNET..ETHERNET + 40];
            // The traffic class lies across the first two octets.
            header[0] = 0x60 | TRAFFIC_CLASS >> 4;
            header[1] = TRAFFIC_CLASS << 4;
            header[4..6].copy_from_slice(&datagram_len.to_be_bytes());
            header[6] = UDP_PROTOCOL;
            header[7] = ECHO_TTL;
            header[8..24].copy_from_slice(&own.octets());
            header[24..40].copy_from_slice(&own.octets());
            (ETHERNET + 40, sum(0, &[own.octets(), own.octets()].concat()))
        }
    };
    let end = start + UDP + ECHO_LEN;
    let datagram = &mut buffer[start..end];
    datagram[0..2].copy_from_slice(&ECHO_PORT.to_be_bytes());
    datagram[2..4].copy_from_slice(&ECHO_PORT.to_be_bytes());
    datagram[4..6].copy_from_slice(&datagram_len.to_be_bytes());
    datagram[UDP..].copy_from_slice(payload);
    let pseudo = pseudo + u32::from(UDP_PROTOCOL) + u32::from(datagram_len);
    let check = match checksum(pseudo, datagram) {
        // Zero would say that there is none.
        0 => u16::MAX,
        check => check,
    };
    datagram[6..8].copy_from_slice(&check.to_be_bytes());
    end
}

/// Turns a peer's echo packet round as a router on its way would: back to the MAC address that it came from, with one less
/// TTL. `frame` must be one that [`Frame::parse`] reads.
pub fn turn_round(frame: &mut [u8]) {
    let Some((ethernet, packet)) = frame.split_first_chunk_mut::<ETHERNET>() else { return };
    let (destination, rest) = ethernet.split_at_mut(6);
    destination.swap_with_slice(&mut rest[..6]);
    if rest[6..8] == [0x86, 0xdd] {
        if let Some(hops) = packet.get_mut(7) {
            *hops = hops.saturating_sub(1);
        }
        return;
    }
    let length = packet.first().map_or(0, |first| usize::from(first & 0x0f) * 4);
    let Some(header) = packet.get_mut(..length).filter(|header| header.len() >= 20) else { return };
    header[8] = header[8].saturating_sub(1);
    header[10..12].fill(0);
    let check = checksum(0, header);
    header[10..12].copy_from_slice(&check.to_be_bytes());
}

fn sum(start: u32, octets: &[u8]) -> u32 {
    octets.chunks(2).fold(start, |sum, pair| {
        sum + u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]))
    })
}

/// The Internet checksum (RFC 1071).
fn checksum(start: u32, octets: &[u8]) -> u16 {
    let mut sum = sum(start, octets);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWN: Mac = [2, 0, 0, 0, 0, 1];
    const PEER: Mac = [2, 0, 0, 0, 0, 2];

    #[test]
    fn an_echo_goes_to_the_peer_and_comes_back() {
        for own in ["10.1.1.2", "fd00:1::2"] {
            let own: IpAddr = own.parse().unwrap();
            let payload = [7; ECHO_LEN];
            let mut buffer = [0; ECHO_FRAME_LEN];
            let length = write_echo(&mut buffer, OWN, PEER, own, &payload);
            let frame = Frame::parse(&buffer[..length]).unwrap();
            let sent = Frame {
                destination_mac: PEER,
                source_mac: OWN,
                source: own,
                destination: own,
                ttl: 255,
                port: ECHO_PORT,
                payload: &payload,
            };
            assert_eq!(frame, sent);
            // Every checksum covers itself: the sum over all is zero.
            let start = if own.is_ipv4() { ETHERNET + 20 } else { ETHERNET + 40 };
            let pseudo = match own {
                IpAddr::V4(own) => sum(0, &[own.octets(), own.octets()].concat()),
                IpAddr::V6(own) => sum(0, &[own.octets(), own.octets()].concat()),
            };
            let datagram = &buffer[start..length];
            assert_eq!(checksum(pseudo + 17 + u32::try_from(datagram.len()).unwrap(), datagram), 0);
            let header = start - ETHERNET;
            assert!(header == 40 || checksum(0, &buffer[ETHERNET..start]) == 0);
            turn_round(&mut buffer[..length]);
            let back = Frame::parse(&buffer[..length]).unwrap();
            assert_eq!(back, Frame { destination_mac: OWN, source_mac: PEER, ttl: 254, ..sent });
            assert!(header == 40 || checksum(0, &buffer[ETHERNET..start]) == 0);
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_or_not(mut bytes in prop::collection::vec(any::<u8>(), 0..120), kind in 0..3_u8) {
            if let Some(place) = bytes.get_mut(12..16) {
                match kind {
                    0 => place.copy_from_slice(&[0x08, 0x00, 0x45, 0]),
                    1 => place.copy_from_slice(&[0x86, 0xdd, 0x60, 0]),
                    _ => {}
                }
            }
            let read = Frame::parse(&bytes).is_some();
            turn_round(&mut bytes);
            prop_assert_eq!(read, Frame::parse(&bytes).is_some());
        }
    }
}
