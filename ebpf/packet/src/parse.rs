//! From the bytes of a frame to the flow that it belongs to.

mod ipv4;
mod ipv6;
#[cfg(test)]
mod tests;

use crate::{Address, Frame};

/// EtherType of IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_VLAN: u16 = 0x8100;
const ETHERTYPE_QINQ: u16 = 0x88a8;

const ETHERNET_HEADER_LEN: usize = 14;
const VLAN_TAG_LEN: usize = 4;
/// VLAN tags that a frame may carry (IEEE 802.1ad: one service and one customer tag).
pub const VLAN_TAGS_MAX: usize = 2;
/// IPv6 extension headers that are walked before the parser gives up.
pub const EXTENSION_HEADERS_MAX: usize = 6;

pub(crate) const PROTOCOL_TCP: u8 = 6;
pub(crate) const PROTOCOL_UDP: u8 = 17;
const TCP_HEADER_LEN: usize = 20;
const UDP_HEADER_LEN: usize = 8;

/// Address family of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The five-tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Family of both addresses.
    pub family: Family,
    /// Address of the client.
    pub source: Address,
    /// Address of the VIP.
    pub destination: Address,
    /// Port of the client, as in the packet: the two bytes in the order of memory.
    pub source_port_be: u16,
    /// Port of the VIP, likewise.
    pub destination_port_be: u16,
    /// TCP or UDP, by its IANA number.
    pub protocol: u8,
}

/// A whole TCP or UDP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Bytes of the Ethernet header and its VLAN tags.
    pub l2_len: usize,
    /// Bytes of the IP packet by its own header, 65,575 at most; the frame may be longer (Ethernet padding).
    pub ip_len: usize,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    /// The flow.
    pub flow: Flow,
}

/// Why a TCP or UDP packet cannot be forwarded by its flow.
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
    Some(L2 { len, ethertype })
}

/// Reads a frame up to its ports.
///
/// A frame that ends before its destination address can be read is [`Parsed::Other`]: the kernel may judge it.
#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F) -> Parsed {
    let Some(l2) = parse_l2(frame) else { return Parsed::Other };
    let parsed = match l2.ethertype {
        ETHERTYPE_IPV4 => ipv4::parse(frame, l2.len),
        ETHERTYPE_IPV6 => ipv6::parse(frame, l2.len),
        _ => None,
    };
    parsed.unwrap_or(Parsed::Other)
}

/// What an IP header says, before anything is known of its payload.
#[derive(Clone, Copy)]
struct Ip {
    family: Family,
    source: Address,
    destination: Address,
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
        Parsed::Broken { destination: self.destination, problem }
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
            traffic_class: self.traffic_class,
            ttl: self.ttl,
            flow: Flow {
                family: self.family,
                source: self.source,
                destination: self.destination,
                source_port_be: u16::from_le_bytes([ports[0], ports[1]]),
                destination_port_be: u16::from_le_bytes([ports[2], ports[3]]),
                protocol,
            },
        })
    }
}

#[inline(always)]
const fn is_forwarded(protocol: u8) -> bool {
    protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP
}
