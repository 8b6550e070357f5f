//! The headers of nearly all packets: TCP or UDP behind an Ethernet header without tags, with neither IP options nor
//! extension headers, and whole. A view of them reads what is asked for, when it is asked for, in words.

use guideway_abi::FlowKey;

use crate::hash::{flow_hash_v4, flow_hash_v6};
use crate::{
    Addresses, Checksum, Datagram, Frame, IPV4_HEADER_LEN, IPV6_HEADER_LEN, PROTOCOL_IPIP, PROTOCOL_IPV6,
    PROTOCOL_TCP, PROTOCOL_UDP, TCP_HEADER_LEN, UDP_HEADER_LEN, inner_sum_v4, inner_sum_v6,
};

const L2_LEN: usize = 14;
const V4_LEN: usize = L2_LEN + IPV4_HEADER_LEN + UDP_HEADER_LEN;
const V6_LEN: usize = L2_LEN + IPV6_HEADER_LEN + UDP_HEADER_LEN;

/// A frame that may be as above. But for [`is_plain`](Self::is_plain), what is said of it is true if it is.
pub trait Plain<'p>: Copy {
    /// The first bytes of the frame.
    type Bytes: 'p;
    /// How many there are.
    const LEN: usize = size_of::<Self::Bytes>();
    /// Length of the IP header.
    const HEADER_LEN: usize;
    /// Protocol number of such a packet in a tunnel.
    const IN_TUNNEL: u8;

    /// A view of the first bytes of a frame, whose EtherType is that of the family.
    fn over(bytes: &'p Self::Bytes) -> Self;

    /// Whether version, header length and fragment fields are those of a plain packet. If not, the parser says what it is.
    fn has_plain_header(self) -> bool;
    /// As [`Datagram::ip_len`].
    fn ip_len(self) -> usize;
    /// As [`Datagram::traffic_class`].
    fn traffic_class(self) -> u8;
    /// As [`Datagram::ttl`].
    fn ttl(self) -> u8;
    /// As [`Datagram::protocol`].
    fn protocol(self) -> u8;
    /// As [`Datagram::ports`].
    fn ports(self) -> u32;
    /// Source and destination.
    fn addresses(self) -> Addresses;
    /// Length and checksum of the UDP header, in the order of memory.
    fn udp_word(self) -> u32;
    /// Its [`flow_hash`](crate::flow_hash()).
    fn flow_hash(self, key: &FlowKey) -> u32;
    /// `sum` and the part that the packet adds inside of a tunnel, with its TTL lowered, when the checksum of its segment is
    /// right: see [`inner_sum_v4`] and [`inner_sum_v6`].
    fn with_right_segment(self, sum: Checksum) -> Checksum;

    /// Whether `frame`, of which this is the start, holds a whole plain packet.
    #[inline(always)]
    fn is_plain<F: Frame + ?Sized>(self, frame: &F) -> bool {
        if !self.has_plain_header() {
            return false;
        }
        let least = match self.protocol() {
            PROTOCOL_TCP => Self::HEADER_LEN + TCP_HEADER_LEN,
            PROTOCOL_UDP => Self::HEADER_LEN + UDP_HEADER_LEN,
            _ => return false,
        };
        self.ip_len() >= least && frame.reaches(L2_LEN + self.ip_len())
    }

    /// The packet as the parser gives it.
    #[inline(always)]
    fn datagram(self) -> Datagram {
        Datagram {
            l2_len: L2_LEN,
            ip_len: self.ip_len(),
            l4_offset: Self::HEADER_LEN,
            traffic_class: self.traffic_class(),
            ttl: self.ttl(),
            protocol: self.protocol(),
            ports: self.ports(),
            addresses: self.addresses(),
        }
    }

    /// As [`with_right_segment`](Self::with_right_segment); `None` when the headers do not tell: without a UDP checksum, or
    /// with a UDP length that is not that of the segment.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // parts of a word are meant
    fn inner_sum(self, sum: Checksum) -> Option<Checksum> {
        if self.protocol() != PROTOCOL_TCP {
            let word = self.udp_word();
            let length = usize::from((word as u16).swap_bytes());
            if word >> 16 == 0 || length != self.ip_len() - Self::HEADER_LEN {
                return None;
            }
        }
        Some(self.with_right_segment(sum))
    }
}

/// An IPv4 frame.
#[derive(Clone, Copy, Debug)]
pub struct PlainV4<'p>(&'p [u8; V4_LEN]);

impl PlainV4<'_> {
    /// Where a frame has the [`ttl_word`](Self::ttl_word).
    pub const TTL_AT: usize = L2_LEN + 8;

    /// TTL, protocol and header checksum, in the order of memory.
    #[inline(always)]
    #[must_use]
    pub fn ttl_word(self) -> u32 {
        u32::from_le_bytes(part::<4, 22, _>(self.0))
    }

    /// Address of the client, in the order of memory.
    #[inline(always)]
    #[must_use]
    pub fn source(self) -> u32 {
        u32::from_le_bytes(part::<4, 26, _>(self.0))
    }

    /// Address of the VIP likewise.
    #[inline(always)]
    #[must_use]
    pub fn destination(self) -> u32 {
        u32::from_le_bytes(part::<4, 30, _>(self.0))
    }

    /// The first eight bytes of the header, in the order of memory.
    #[inline(always)]
    fn first(self) -> u64 {
        u64::from_le_bytes(part::<8, 14, _>(self.0))
    }
}

#[allow(clippy::cast_possible_truncation)] // parts of words are meant
impl<'p> Plain<'p> for PlainV4<'p> {
    type Bytes = [u8; V4_LEN];
    const HEADER_LEN: usize = IPV4_HEADER_LEN;
    const IN_TUNNEL: u8 = PROTOCOL_IPIP;

    #[inline(always)]
    fn over(bytes: &'p Self::Bytes) -> Self {
        Self(bytes)
    }

    #[inline(always)]
    fn has_plain_header(self) -> bool {
        // Version, header length and all of the fragment's fields but DF and the reserved bit.
        const KIND: u64 = 0xff3f_0000_0000_00ff;
        self.first() & KIND == 0x45
    }

    #[inline(always)]
    fn ip_len(self) -> usize {
        usize::from(((self.first() >> 16) as u16).swap_bytes())
    }

    #[inline(always)]
    fn traffic_class(self) -> u8 {
        (self.first() >> 8) as u8
    }

    #[inline(always)]
    fn ttl(self) -> u8 {
        self.ttl_word() as u8
    }

    #[inline(always)]
    fn protocol(self) -> u8 {
        (self.ttl_word() >> 8) as u8
    }

    #[inline(always)]
    fn ports(self) -> u32 {
        u32::from_le_bytes(part::<4, 34, _>(self.0))
    }

    #[inline(always)]
    fn addresses(self) -> Addresses {
        Addresses::V4 { source: self.source(), destination: self.destination() }
    }

    #[inline(always)]
    fn udp_word(self) -> u32 {
        u32::from_le_bytes(part::<4, 38, _>(self.0))
    }

    #[inline(always)]
    fn flow_hash(self, key: &FlowKey) -> u32 {
        flow_hash_v4(key, self.source(), self.ports())
    }

    #[inline(always)]
    fn with_right_segment(self, sum: Checksum) -> Checksum {
        let length = (self.ip_len() - IPV4_HEADER_LEN) as u16;
        inner_sum_v4(sum, self.source(), self.destination(), self.protocol(), length)
    }
}

/// An IPv6 frame. Of those whose destination begins with 64 zero bits none is said to be plain, as IPv4-mapped ones are
/// among them.
#[derive(Clone, Copy, Debug)]
pub struct PlainV6<'p>(&'p [u8; V6_LEN]);

impl PlainV6<'_> {
    /// Where a frame has the hop limit.
    pub const HOP_LIMIT_AT: usize = L2_LEN + 7;

    /// Address of the VIP, in the order of memory.
    #[inline(always)]
    #[must_use]
    pub fn destination(self) -> [u64; 2] {
        [u64::from_le_bytes(part::<8, 38, _>(self.0)), u64::from_le_bytes(part::<8, 46, _>(self.0))]
    }

    /// The same as words of 32 bits.
    #[inline(always)]
    #[must_use]
    pub fn destination_words(self) -> [u32; 4] {
        let h = self.0;
        [part::<4, 38, _>(h), part::<4, 42, _>(h), part::<4, 46, _>(h), part::<4, 50, _>(h)]
            .map(u32::from_le_bytes)
    }

    /// Address of the client as words of 32 bits, in the order of memory.
    #[inline(always)]
    fn source_words(self) -> [u32; 4] {
        let h = self.0;
        [part::<4, 22, _>(h), part::<4, 26, _>(h), part::<4, 30, _>(h), part::<4, 34, _>(h)]
            .map(u32::from_le_bytes)
    }

    /// The first eight bytes of the header, in the order of memory.
    #[inline(always)]
    fn first(self) -> u64 {
        u64::from_le_bytes(part::<8, 14, _>(self.0))
    }
}

#[allow(clippy::cast_possible_truncation)] // parts of words are meant
impl<'p> Plain<'p> for PlainV6<'p> {
    type Bytes = [u8; V6_LEN];
    const HEADER_LEN: usize = IPV6_HEADER_LEN;
    const IN_TUNNEL: u8 = PROTOCOL_IPV6;

    #[inline(always)]
    fn over(bytes: &'p Self::Bytes) -> Self {
        Self(bytes)
    }

    #[inline(always)]
    fn has_plain_header(self) -> bool {
        self.first() & 0xf0 == 0x60 && self.destination()[0] != 0
    }

    #[inline(always)]
    fn ip_len(self) -> usize {
        IPV6_HEADER_LEN + usize::from(((self.first() >> 32) as u16).swap_bytes())
    }

    #[inline(always)]
    fn traffic_class(self) -> u8 {
        (self.first() << 4) as u8 | (self.first() >> 12) as u8 & 0x0f
    }

    #[inline(always)]
    fn ttl(self) -> u8 {
        (self.first() >> 56) as u8
    }

    #[inline(always)]
    fn protocol(self) -> u8 {
        (self.first() >> 48) as u8
    }

    #[inline(always)]
    fn ports(self) -> u32 {
        u32::from_le_bytes(part::<4, 54, _>(self.0))
    }

    #[inline(always)]
    fn addresses(self) -> Addresses {
        let source =
            [u64::from_le_bytes(part::<8, 22, _>(self.0)), u64::from_le_bytes(part::<8, 30, _>(self.0))];
        Addresses::V6 { source, destination: self.destination() }
    }

    #[inline(always)]
    fn udp_word(self) -> u32 {
        u32::from_le_bytes(part::<4, 58, _>(self.0))
    }

    #[inline(always)]
    fn flow_hash(self, key: &FlowKey) -> u32 {
        flow_hash_v6(key, self.source_words(), self.ports())
    }

    #[inline(always)]
    fn with_right_segment(self, sum: Checksum) -> Checksum {
        let next = (self.first() >> 48) as u16;
        inner_sum_v6(sum, self.first() as u32, next.wrapping_sub(0x100))
    }
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
mod tests;
