//! Outer headers: IP in IP (RFC 2003), generic packet tunnelling in IPv6 (RFC 2473), GRE (RFC 2784), GUE
//! (draft-ietf-intarea-gue-09).

use crate::Checksum;

/// Length of an IPv4 header without options, in bytes.
pub const IPV4_HEADER_LEN: usize = 20;
/// Length of an IPv6 header, in bytes.
pub const IPV6_HEADER_LEN: usize = 40;
/// IANA protocol number of IPv4 in IP.
pub const PROTOCOL_IPIP: u8 = 4;
/// IANA protocol number of IPv6 in IP.
pub const PROTOCOL_IPV6: u8 = 41;
/// IANA protocol number of UDP.
pub const PROTOCOL_UDP: u8 = 17;
/// IANA protocol number of GRE.
pub const PROTOCOL_GRE: u8 = 47;
/// Length of a UDP header, in bytes.
pub const UDP_HEADER_LEN: usize = 8;
/// Length of a GRE header without optional fields, in bytes.
pub const GRE_HEADER_LEN: usize = 4;
/// Length of a GUE header without private data, in bytes.
pub const GUE_HEADER_LEN: usize = 4;
/// UDP port of GUE.
pub const GUE_PORT: u16 = 6080;
/// TTL or hop limit of the outer header: a tunnel counts as one hop for the inner packet, whatever its length.
pub const OUTER_TTL: u8 = 64;

/// An outer IPv4 header.
#[derive(Clone, Copy, Debug)]
pub struct OuterV4 {
    /// Length of the packet with this header, in bytes.
    pub total_length: u16,
    /// DSCP and ECN, copied from the inner header (RFC 2983, 4; RFC 6040, 4.1, normal mode).
    pub traffic_class: u8,
    /// What follows, by its IANA number.
    pub protocol: u8,
    /// Source, in the order of memory.
    pub source: u32,
    /// Destination, in the order of memory.
    pub destination: u32,
}

impl OuterV4 {
    /// The header as words in the order of memory. DF is set and the identification zero, as befits a datagram that is
    /// never fragmented (RFC 6864, 4.1).
    #[inline(always)]
    #[must_use]
    pub const fn to_words(self) -> [u32; IPV4_HEADER_LEN / 4] {
        let first = 0x45 | (self.traffic_class as u32) << 8 | (self.total_length.to_be() as u32) << 16;
        let second = u32::from_le_bytes([0, 0, 0x40, 0]);
        let third = OUTER_TTL as u32 | (self.protocol as u32) << 8;
        let checksum = Checksum::zero()
            .add_u32(first)
            .add_u32(second)
            .add_u32(third)
            .add_u32(self.source)
            .add_u32(self.destination)
            .finish();
        [first, second, third | (checksum as u32) << 16, self.source, self.destination]
    }
}

/// An outer IPv6 header.
#[derive(Clone, Copy, Debug)]
pub struct OuterV6 {
    /// Length of what follows this header, in bytes.
    pub payload_length: u16,
    /// DSCP and ECN, copied from the inner header.
    pub traffic_class: u8,
    /// Flow label; the lower 20 bits are used (RFC 6438: entropy for ECMP inside of the tunnel).
    pub flow_label: u32,
    /// What follows, by its IANA number.
    pub next_header: u8,
    /// Source, as two words in the order of memory.
    pub source: [u64; 2],
    /// Destination likewise.
    pub destination: [u64; 2],
}

impl OuterV6 {
    /// The header as words in the order of memory.
    #[inline(always)]
    #[must_use]
    pub const fn to_words(self) -> [u64; IPV6_HEADER_LEN / 8] {
        let [_, label @ ..] = self.flow_label.to_be_bytes();
        let length = self.payload_length.to_be_bytes();
        let first = u64::from_le_bytes([
            0x60 | self.traffic_class >> 4,
            self.traffic_class << 4 | label[0] & 0x0f,
            label[1],
            label[2],
            length[0],
            length[1],
            self.next_header,
            OUTER_TTL,
        ]);
        let ([a, b], [c, d]) = (self.source, self.destination);
        [first, a, b, c, d]
    }
}

/// The outer IPv4 source of a flow, in the order of memory: the prefix with its host bits filled from the flow hash, so
/// that receive queues and ECMP behind the forwarder see as many addresses as there are flows.
#[inline(always)]
#[must_use]
pub const fn outer_source_v4(prefix: u32, host_mask: u32, hash: u32) -> u32 {
    prefix | hash & host_mask
}

/// The outer IPv6 source of a flow: as [`outer_source_v4`], in the last four bytes of the prefix.
#[inline(always)]
#[must_use]
pub const fn outer_source_v6(prefix: [u64; 2], host_mask: u32, hash: u32) -> [u64; 2] {
    [prefix[0], prefix[1] | ((hash & host_mask) as u64) << 32]
}

/// UDP source port of GUE: entropy for ECMP and receive queues, of the dynamic ports (RFC 6335).
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // 14 bits
pub const fn gue_source_port(hash: u32) -> u16 {
    0xc000 | (hash & 0x3fff) as u16
}

/// The part of a one's complement sum that the packet inside of a tunnel adds, known from its headers alone: a segment
/// with a right checksum sums to zero together with its pseudo header, and an IPv4 header sums to zero by itself.
///
/// `first` and `next` are the first four bytes of an inner IPv6 header and its next header and hop limit.
#[inline(always)]
#[must_use]
pub const fn inner_sum_v6(sum: Checksum, first: u32, next: u16) -> Checksum {
    // Addresses and length stand in the header and in the pseudo header, and cancel out.
    let next_header = (next & 0xff) << 8;
    sum.add_u32(first).add(next).add(!next_header)
}

/// As [`inner_sum_v6`], for an inner IPv4 packet with a segment of `length` bytes of `protocol`.
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // halves are meant
pub const fn inner_sum_v4(
    sum: Checksum,
    source: u32,
    destination: u32,
    protocol: u8,
    length: u16,
) -> Checksum {
    sum.add_u32(!source).add_u32(!destination).add(!((protocol as u16) << 8)).add(!length.to_be())
}
