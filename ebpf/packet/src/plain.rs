//! The headers of nearly all packets, read in few words: TCP or UDP behind an Ethernet header without tags, with neither
//! IP options nor extension headers, and whole.

use crate::{
    Addresses, Datagram, Frame, IPV4_HEADER_LEN, IPV6_HEADER_LEN, PROTOCOL_TCP, PROTOCOL_UDP, TCP_HEADER_LEN,
    UDP_HEADER_LEN,
};

const L2_LEN: usize = 14;
/// Bytes that a [`PlainV4`] has at least.
pub const PLAIN_V4_LEN: usize = L2_LEN + IPV4_HEADER_LEN + UDP_HEADER_LEN;
/// Bytes that a [`PlainV6`] has at least.
pub const PLAIN_V6_LEN: usize = L2_LEN + IPV6_HEADER_LEN + UDP_HEADER_LEN;

/// An IPv4 packet as above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainV4 {
    /// As [`Datagram::ip_len`].
    pub ip_len: usize,
    /// As [`Datagram::traffic_class`].
    pub traffic_class: u8,
    /// TTL, protocol and header checksum, in the order of memory.
    pub ttl_word: u32,
    /// As [`Datagram::ports`].
    pub ports: u32,
    /// Address of the client, in the order of memory.
    pub source: u32,
    /// Address of the VIP likewise.
    pub destination: u32,
}

impl PlainV4 {
    /// Where a frame has the [`ttl_word`](Self::ttl_word).
    pub const TTL_AT: usize = L2_LEN + 8;

    /// From the first bytes of `frame`, whose EtherType is that of IPv4. `None`: [`parse_ipv4`](crate::parse_ipv4) says what
    /// it is.
    #[inline(always)]
    #[must_use]
    pub fn of<F: Frame + ?Sized>(frame: &F, h: &[u8; PLAIN_V4_LEN]) -> Option<Self> {
        // Version, header length and all of the fragment's fields but DF and the reserved bit.
        const KIND: u64 = 0xff3f_0000_0000_00ff;
        const PLAIN: u64 = 0x45;
        let first = u64::from_le_bytes(part::<8, 14, _>(h));
        if first & KIND != PLAIN {
            return None;
        }
        let packet = Self::read(h);
        if is_whole(frame, packet.protocol(), IPV4_HEADER_LEN, packet.ip_len) { Some(packet) } else { None }
    }

    /// From the first bytes of a frame for which [`of`](Self::of) gave a packet before.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // parts of words are meant
    pub fn read(h: &[u8; PLAIN_V4_LEN]) -> Self {
        let first = u64::from_le_bytes(part::<8, 14, _>(h));
        Self {
            ip_len: usize::from(((first >> 16) as u16).swap_bytes()),
            traffic_class: (first >> 8) as u8,
            ttl_word: u32::from_le_bytes(part::<4, 22, _>(h)),
            source: u32::from_le_bytes(part::<4, 26, _>(h)),
            destination: u32::from_le_bytes(part::<4, 30, _>(h)),
            ports: u32::from_le_bytes(part::<4, 34, _>(h)),
        }
    }

    /// As [`Datagram::protocol`].
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // a part of the word is meant
    pub const fn protocol(&self) -> u8 {
        (self.ttl_word >> 8) as u8
    }

    /// The TTL.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // the low byte is meant
    pub const fn ttl(&self) -> u8 {
        self.ttl_word as u8
    }

    /// Source and destination.
    #[inline(always)]
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        Addresses::V4 { source: self.source, destination: self.destination }
    }

    /// The packet as the parser gives it.
    #[inline(always)]
    #[must_use]
    pub const fn datagram(&self) -> Datagram {
        Datagram {
            l2_len: L2_LEN,
            ip_len: self.ip_len,
            l4_offset: IPV4_HEADER_LEN,
            traffic_class: self.traffic_class,
            ttl: self.ttl(),
            protocol: self.protocol(),
            ports: self.ports,
            addresses: self.addresses(),
        }
    }
}

/// An IPv6 packet as above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainV6 {
    /// The first eight bytes of the header, in the order of memory.
    pub first: u64,
    /// As [`Datagram::ip_len`].
    pub ip_len: usize,
    /// As [`Datagram::ports`].
    pub ports: u32,
    /// Address of the client, in the order of memory.
    pub source: [u64; 2],
    /// Address of the VIP likewise.
    pub destination: [u64; 2],
}

impl PlainV6 {
    /// Where a frame has the hop limit.
    pub const HOP_LIMIT_AT: usize = L2_LEN + 7;

    /// From the first bytes of `frame`, whose EtherType is that of IPv6. `None`: [`parse_ipv6`](crate::parse_ipv6) says what
    /// it is. Destinations that begin with 64 zero bits are left to it too, as IPv4-mapped ones are among them.
    #[inline(always)]
    #[must_use]
    pub fn of<F: Frame + ?Sized>(frame: &F, h: &[u8; PLAIN_V6_LEN]) -> Option<Self> {
        let packet = Self::read(h);
        let is_plain = packet.first & 0xf0 == 0x60
            && packet.destination[0] != 0
            && is_whole(frame, packet.protocol(), IPV6_HEADER_LEN, packet.ip_len);
        if is_plain { Some(packet) } else { None }
    }

    /// From the first bytes of a frame for which [`of`](Self::of) gave a packet before.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // a part of a word is meant
    pub fn read(h: &[u8; PLAIN_V6_LEN]) -> Self {
        let first = u64::from_le_bytes(part::<8, 14, _>(h));
        Self {
            first,
            ip_len: IPV6_HEADER_LEN + usize::from(((first >> 32) as u16).swap_bytes()),
            ports: u32::from_le_bytes(part::<4, 54, _>(h)),
            source: [u64::from_le_bytes(part::<8, 22, _>(h)), u64::from_le_bytes(part::<8, 30, _>(h))],
            destination: [u64::from_le_bytes(part::<8, 38, _>(h)), u64::from_le_bytes(part::<8, 46, _>(h))],
        }
    }

    /// As [`Datagram::traffic_class`].
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // parts of a word are meant
    pub const fn traffic_class(&self) -> u8 {
        (self.first << 4) as u8 | (self.first >> 12) as u8 & 0x0f
    }

    /// As [`Datagram::protocol`].
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // a part of a word is meant
    pub const fn protocol(&self) -> u8 {
        (self.first >> 48) as u8
    }

    /// The hop limit.
    #[inline(always)]
    #[must_use]
    pub const fn hop_limit(&self) -> u8 {
        (self.first >> 56) as u8
    }

    /// Source and destination.
    #[inline(always)]
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        Addresses::V6 { source: self.source, destination: self.destination }
    }

    /// The packet as the parser gives it.
    #[inline(always)]
    #[must_use]
    pub const fn datagram(&self) -> Datagram {
        Datagram {
            l2_len: L2_LEN,
            ip_len: self.ip_len,
            l4_offset: IPV6_HEADER_LEN,
            traffic_class: self.traffic_class(),
            ttl: self.hop_limit(),
            protocol: self.protocol(),
            ports: self.ports,
            addresses: self.addresses(),
        }
    }
}

/// Whether a packet of TCP or UDP has room for its header, and the frame for the packet.
#[inline(always)]
fn is_whole<F: Frame + ?Sized>(frame: &F, protocol: u8, header_len: usize, ip_len: usize) -> bool {
    let least = match protocol {
        PROTOCOL_TCP => header_len + TCP_HEADER_LEN,
        PROTOCOL_UDP => header_len + UDP_HEADER_LEN,
        _ => return false,
    };
    ip_len >= least && frame.reaches(L2_LEN + ip_len)
}

/// `N` bytes from `AT` on. Taken as a whole, and not byte by byte, since the compiler makes one load of it only then.
#[inline(always)]
fn part<const N: usize, const AT: usize, const LEN: usize>(h: &[u8; LEN]) -> [u8; N] {
    const { assert!(AT + N <= LEN) };
    let mut part = [0; N];
    part.copy_from_slice(&h[AT..AT + N]);
    part
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::{Parsed, parse_ipv4, parse_ipv6};

    fn plain(v6: bool, frame: &[u8]) -> Option<Datagram> {
        if v6 {
            PlainV6::of(frame, frame.first_chunk()?).map(|plain| plain.datagram())
        } else {
            PlainV4::of(frame, frame.first_chunk()?).map(|plain| plain.datagram())
        }
    }

    proptest! {
        /// What is plain is what the parser says it is, and what the parser takes without options is plain.
        #[test]
        fn plain_packets_are_what_the_parser_says(
            v6: bool,
            udp: bool,
            mut frame in proptest::collection::vec(any::<u8>(), 30..120),
            right in any::<[bool; 4]>(),
        ) {
            let len = frame.len() - 14;
            frame[14] = match (right[0], v6) { (true, false) => 0x45, (true, true) => 0x60, _ => frame[14] };
            let protocol = if udp { PROTOCOL_UDP } else { PROTOCOL_TCP };
            if right[1] {
                frame[if v6 { 20 } else { 23 }] = protocol;
            }
            if right[2] {
                let len = u8::try_from(if v6 { len.saturating_sub(40) } else { len }).expect("short");
                let at = if v6 { 18 } else { 16 };
                frame[at..at + 2].copy_from_slice(&[0, len]);
            }
            if right[3] && !v6 {
                frame[20..22].copy_from_slice(&[0x40, 0]);
            }
            let parsed = if v6 { parse_ipv6(&frame[..], 14) } else { parse_ipv4(&frame[..], 14) };
            match (plain(v6, &frame), parsed) {
                (Some(plain), parsed) => prop_assert_eq!(Parsed::Datagram(plain), parsed),
                (None, Parsed::Datagram(parsed)) => {
                    let header_len = if v6 { IPV6_HEADER_LEN } else { IPV4_HEADER_LEN };
                    let low: Vec<u8> = frame.iter().skip(38).take(8).copied().collect();
                    prop_assert!(parsed.l4_offset != header_len || v6 && low == [0; 8]);
                }
                (None, _) => {}
            }
        }
    }
}
