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
    /// The header. DF is set and the identification zero, as befits a datagram that is never fragmented (RFC 6864, 4.1).
    #[inline(always)]
    #[must_use]
    pub const fn to_bytes(self) -> [u8; IPV4_HEADER_LEN] {
        let length = self.total_length.to_be_bytes();
        let first = u32::from_le_bytes([0x45, self.traffic_class, length[0], length[1]]);
        let second = u32::from_le_bytes([0, 0, 0x40, 0]);
        let third = u32::from_le_bytes([OUTER_TTL, self.protocol, 0, 0]);
        let checksum = Checksum::zero()
            .add_u32(first)
            .add_u32(second)
            .add_u32(third)
            .add_u32(self.source)
            .add_u32(self.destination)
            .finish()
            .to_le_bytes();
        let (s, d) = (self.source.to_le_bytes(), self.destination.to_le_bytes());
        [
            0x45,
            self.traffic_class,
            length[0],
            length[1],
            0,
            0,
            0x40,
            0,
            OUTER_TTL,
            self.protocol,
            checksum[0],
            checksum[1],
            s[0],
            s[1],
            s[2],
            s[3],
            d[0],
            d[1],
            d[2],
            d[3],
        ]
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
    /// Source.
    pub source: [u8; 16],
    /// Destination.
    pub destination: [u8; 16],
}

impl OuterV6 {
    /// The first eight bytes of the header; source and destination follow.
    #[inline(always)]
    #[must_use]
    pub const fn first_bytes(&self) -> [u8; 8] {
        let length = self.payload_length.to_be_bytes();
        let label = self.flow_label.to_be_bytes();
        [
            0x60 | self.traffic_class >> 4,
            self.traffic_class << 4 | label[1] & 0x0f,
            label[2],
            label[3],
            length[0],
            length[1],
            self.next_header,
            OUTER_TTL,
        ]
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
pub const fn outer_source_v6(mut prefix: [u8; 16], host_mask: u32, hash: u32) -> [u8; 16] {
    let host = (hash & host_mask).to_le_bytes();
    prefix[12] |= host[0];
    prefix[13] |= host[1];
    prefix[14] |= host[2];
    prefix[15] |= host[3];
    prefix
}

/// UDP source port of GUE: entropy for ECMP and receive queues, of the dynamic ports (RFC 6335).
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // 14 bits
pub const fn gue_source_port(hash: u32) -> u16 {
    0xc000 | (hash & 0x3fff) as u16
}
