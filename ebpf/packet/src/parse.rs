//! From the bytes of a frame to the flow that it belongs to.

mod ipv4;
mod ipv6;
#[cfg(test)]
mod tests;

use crate::{Address, Frame, PROTOCOL_UDP, UDP_HEADER_LEN};

/// EtherType of IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_VLAN: u16 = 0x8100;
const ETHERTYPE_QINQ: u16 = 0x88a8;

const ETHERNET_HEADER_LEN: usize = 14;
const VLAN_TAG_LEN: usize = 4;
/// More than an Ethernet header with its tags can have.
const L2_BOUND: usize = 32;
/// VLAN tags that a frame may carry (IEEE 802.1ad: one service and one customer tag).
pub const VLAN_TAGS_MAX: usize = 2;
/// IPv6 extension headers that are walked before the parser gives up.
pub const EXTENSION_HEADERS_MAX: usize = 6;

/// IANA protocol number of TCP.
pub const PROTOCOL_TCP: u8 = 6;
/// Length of a TCP header without options, in bytes.
pub const TCP_HEADER_LEN: usize = 20;

/// Address family of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Source and destination of a packet, as they stand in memory.
// With a tag of its own width the compiler copies it in whole words; the verifier refuses misaligned parts of them.
#[repr(u64)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Addresses {
    /// Of an IPv4 packet.
    V4 {
        /// Address of the client.
        source: u32,
        /// Address of the VIP.
        destination: u32,
    },
    /// Of an IPv6 packet.
    V6 {
        /// Address of the client.
        source: [u64; 2],
        /// Address of the VIP.
        destination: [u64; 2],
    },
}

impl Addresses {
    /// From `source` to `destination`; `None` when their families differ.
    #[must_use]
    pub const fn between(source: Address, destination: Address) -> Option<Self> {
        match (source.is_v4(), destination.is_v4()) {
            (true, true) => Some(Self::V4 { source: source.v4_bits(), destination: destination.v4_bits() }),
            (false, false) => Some(Self::V6 { source: source.words(), destination: destination.words() }),
            _ => None,
        }
    }

    /// The family.
    #[inline(always)]
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::V4 { .. } => Family::V4,
            Self::V6 { .. } => Family::V6,
        }
    }

    /// Address of the client.
    #[inline(always)]
    #[must_use]
    pub const fn source(&self) -> Address {
        match *self {
            Self::V4 { source, .. } => Address::from_v4(source.to_le_bytes()),
            Self::V6 { source, .. } => Address::from_words(source),
        }
    }

    /// Address of the VIP.
    #[inline(always)]
    #[must_use]
    pub const fn destination(&self) -> Address {
        match *self {
            Self::V4 { destination, .. } => Address::from_v4(destination.to_le_bytes()),
            Self::V6 { destination, .. } => Address::from_words(destination),
        }
    }
}

/// Both ports of a packet as [`Datagram::ports`] has them.
#[inline(always)]
#[must_use]
pub const fn ports(source_be: u16, destination_be: u16) -> u32 {
    source_be as u32 | (destination_be as u32) << 16
}

/// A whole TCP or UDP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Bytes of the Ethernet header and its VLAN tags.
    pub l2_len: usize,
    /// Bytes of the IP packet by its own header, 65,575 at most; the frame may be longer (Ethernet padding).
    pub ip_len: usize,
    /// Offset of the TCP or UDP header in the IP packet.
    pub l4_offset: usize,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    /// TCP or UDP, by its IANA number.
    pub protocol: u8,
    /// The four bytes of both ports, in the order of memory.
    pub ports: u32,
    /// Source and destination.
    pub addresses: Addresses,
}

impl Datagram {
    /// Port of the client, its two bytes in the order of memory.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // the low half is meant
    pub const fn source_port_be(&self) -> u16 {
        self.ports as u16
    }

    /// Port of the VIP, its two bytes in the order of memory.
    #[inline(always)]
    #[must_use]
    pub const fn destination_port_be(&self) -> u16 {
        (self.ports >> 16) as u16
    }
}

/// Why a TCP or UDP packet cannot be forwarded by its flow.
// As wide as what a datagram has in its place, for the same reason as [`Addresses`].
#[repr(u64)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// One fragment of several: all but the first have no ports.
    Fragment,
    /// Lengths or headers that contradict each other.
    Malformed,
    /// More than [`EXTENSION_HEADERS_MAX`] extension headers.
    ExtensionHeaders,
}

/// What a frame is to a forwarder.
#[repr(u64)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Neither TCP nor UDP over IP: nothing for a forwarder.
    Other,
    /// TCP or UDP, whole and well-formed as far as a forwarder looks.
    Datagram(Datagram),
    /// For `destination`, but not to be forwarded.
    Broken {
        /// Destination of the packet.
        destination: Address,
        /// What is wrong.
        problem: Problem,
    },
}

/// The Ethernet header with its VLAN tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L2 {
    /// Length in bytes.
    pub len: usize,
    /// EtherType of what follows.
    pub ethertype: u16,
}

/// Reads the Ethernet header and up to [`VLAN_TAGS_MAX`] tags; `None` when the frame ends within them.
#[inline(always)]
pub fn parse_l2<F: Frame + ?Sized>(frame: &F) -> Option<L2> {
    let mut len = ETHERNET_HEADER_LEN;
    let mut ethertype = u16::from_be_bytes(*frame.view::<2>(len - 2)?);
    let mut tags = 0;
    while tags < VLAN_TAGS_MAX && (ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ) {
        len += VLAN_TAG_LEN;
        ethertype = u16::from_be_bytes(*frame.view::<2>(len - 2)?);
        tags += 1;
    }
    Some(L2 { len: frame.meet(len, L2_BOUND), ethertype })
}

/// Reads a frame up to its ports.
///
/// A frame that ends before its destination address can be read is [`Parsed::Other`]: the kernel may judge it.
#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F) -> Parsed {
    let Some(l2) = parse_l2(frame) else { return Parsed::Other };
    match l2.ethertype {
        ETHERTYPE_IPV4 => parse_ipv4(frame, l2.len),
        ETHERTYPE_IPV6 => parse_ipv6(frame, l2.len),
        _ => Parsed::Other,
    }
}

/// As [`parse`], for an IPv4 packet behind `l2_len` bytes.
#[inline(always)]
pub fn parse_ipv4<F: Frame + ?Sized>(frame: &F, l2_len: usize) -> Parsed {
    ipv4::parse(frame, l2_len).unwrap_or(Parsed::Other)
}

/// As [`parse`], for an IPv6 packet behind `l2_len` bytes.
#[inline(always)]
pub fn parse_ipv6<F: Frame + ?Sized>(frame: &F, l2_len: usize) -> Parsed {
    ipv6::parse(frame, l2_len).unwrap_or(Parsed::Other)
}

/// What an IP header says, before anything is known of its payload.
#[derive(Clone, Copy)]
struct Ip {
    addresses: Addresses,
    traffic_class: u8,
    ttl: u8,
    /// Offset of the IP header in the frame.
    offset: usize,
    /// Length of the whole packet by its header.
    len: usize,
}

impl Ip {
    #[inline(always)]
    const fn broken(&self, problem: Problem) -> Parsed {
        Parsed::Broken { destination: self.addresses.destination(), problem }
    }

    /// The packet with the header of `protocol` (TCP or UDP) `l4_offset` bytes into the IP packet.
    #[inline(always)]
    fn datagram<F: Frame + ?Sized>(&self, frame: &F, protocol: u8, l4_offset: usize) -> Parsed {
        let header_len = if protocol == PROTOCOL_TCP { TCP_HEADER_LEN } else { UDP_HEADER_LEN };
        let too_short = l4_offset + header_len > self.len;
        if too_short || !frame.reaches(self.offset + self.len) {
            return self.broken(Problem::Malformed);
        }
        let Some(ports) = frame.view::<4>(self.offset + l4_offset) else {
            return self.broken(Problem::Malformed);
        };
        Parsed::Datagram(Datagram {
            l2_len: self.offset,
            ip_len: self.len,
            l4_offset,
            traffic_class: self.traffic_class,
            ttl: self.ttl,
            protocol,
            ports: u32::from_le_bytes(*ports),
            addresses: self.addresses,
        })
    }
}

#[inline(always)]
const fn is_forwarded(protocol: u8) -> bool {
    protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP
}
