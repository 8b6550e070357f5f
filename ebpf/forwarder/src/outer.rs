//! Outer headers, from the lengths and addresses of a packet.

use guideway_abi::{BackendRecord, GenerationHeader};
use guideway_packet::{
    Address, Addresses, Checksum, Datagram, Frame, GUE_HEADER_LEN, GUE_PORT, IPV6_HEADER_LEN, OuterV4,
    OuterV6, PROTOCOL_IPIP, PROTOCOL_IPV6, PROTOCOL_TCP, PROTOCOL_UDP, UDP_HEADER_LEN, gue_source_port,
    inner_sum_v4, inner_sum_v6, outer_source_v4, outer_source_v6,
};
use guideway_xdp::Context;

use crate::{l3_at, l4_at};

/// An outer IPv4 header in front of `ip_len` bytes.
#[inline(always)]
pub fn v4(
    header: &GenerationHeader,
    backend: &BackendRecord,
    traffic_class: u8,
    hash: u32,
    protocol: u8,
    total_length: usize,
) -> OuterV4 {
    OuterV4 {
        total_length: total_length as u16,
        traffic_class,
        protocol,
        source: outer_source_v4(header.outer_source_v4_be, header.outer_source_v4_host_mask_be, hash),
        destination: Address::from_bytes(backend.address).v4_bits(),
    }
}

/// An outer IPv6 header of a packet of `total_length` bytes.
#[inline(always)]
pub fn v6(
    header: &GenerationHeader,
    backend: &BackendRecord,
    traffic_class: u8,
    hash: u32,
    next_header: u8,
    total_length: usize,
) -> OuterV6 {
    let prefix = Address::from_bytes(header.outer_source_v6).words();
    OuterV6 {
        payload_length: (total_length - IPV6_HEADER_LEN) as u16,
        traffic_class,
        flow_label: hash & 0x000f_ffff,
        next_header,
        source: outer_source_v6(prefix, header.outer_source_v6_host_mask_be, hash),
        destination: Address::from_bytes(backend.address).words(),
    }
}

/// The protocol number of the packet inside of an IP tunnel.
#[inline(always)]
pub const fn inner_protocol(datagram: &Datagram) -> u8 {
    match datagram.addresses {
        Addresses::V4 { .. } => PROTOCOL_IPIP,
        Addresses::V6 { .. } => PROTOCOL_IPV6,
    }
}

/// A UDP header and a GUE header, as words in the order of memory.
pub struct Gue {
    pub words: [u32; 3],
}

impl Gue {
    /// In front of `private_len` bytes of private data and a packet of `protocol` and `ip_len` bytes; `sum` is that of the
    /// packet, of the private data and of the outer addresses, if it is known.
    #[inline(always)]
    pub fn new(hash: u32, protocol: u8, private_len: usize, ip_len: usize, sum: Option<Checksum>) -> Self {
        let length = (UDP_HEADER_LEN + GUE_HEADER_LEN + private_len + ip_len) as u16;
        let ports = u32::from(gue_source_port(hash).to_be()) | u32::from(GUE_PORT.to_be()) << 16;
        let gue = (private_len as u32 / 4) & 0x1f | u32::from(protocol) << 8;
        let checksum = match sum {
            None => 0,
            Some(sum) => {
                // The length stands in the header and in the pseudo header.
                let sum = sum
                    .add_u32(ports)
                    .add(length.to_be())
                    .add(length.to_be())
                    .add(u16::from(PROTOCOL_UDP).to_be())
                    .add_u32(gue)
                    .finish();
                // Zero would mean none (RFC 768).
                if sum == 0 { 0xffff } else { sum }
            }
        };
        Self { words: [ports, u32::from(length.to_be()) | u32::from(checksum) << 16, gue] }
    }
}

/// `sum` and that of the inner packet; `None` when its headers do not tell.
#[inline(always)]
pub fn inner_sum(context: &Context, datagram: &Datagram, sum: Checksum) -> Option<Checksum> {
    let segment = datagram.ip_len - datagram.l4_offset;
    if datagram.protocol != PROTOCOL_TCP {
        let at = l4_at(datagram);
        let [_, _, _, _, high, low, checksum @ ..] = *context.view::<UDP_HEADER_LEN>(at)?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if checksum == [0, 0] || length != segment {
            return None;
        }
    }
    match datagram.addresses {
        Addresses::V4 { source, destination } => {
            Some(inner_sum_v4(sum, source, destination, datagram.protocol, segment as u16))
        }
        Addresses::V6 { .. } if datagram.l4_offset != IPV6_HEADER_LEN => None,
        Addresses::V6 { .. } => {
            let h = context.view::<8>(l3_at(datagram))?;
            let first = u32::from_le_bytes([h[0], h[1], h[2], h[3]]);
            // As it will be sent, with the hop limit lowered.
            Some(inner_sum_v6(sum, first, u16::from_le_bytes([h[6], h[7].wrapping_sub(1)])))
        }
    }
}
