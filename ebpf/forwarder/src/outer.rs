//! The outer header of a packet: which one, before any of it is written.

use guideway_abi::{BackendRecord, Counter, GenerationHeader};
use guideway_packet::{
    Address, Datagram, Family, IPV4_HEADER_LEN, IPV6_HEADER_LEN, OuterV4, OuterV6, PROTOCOL_IPIP,
    PROTOCOL_IPV6, outer_source_v4, outer_source_v6,
};

use crate::Verdict;

/// The outer header of a packet.
pub enum Outer {
    V4(OuterV4),
    V6(OuterV6),
}

impl Outer {
    /// The outer header that takes a packet to a backend.
    #[inline(always)]
    pub fn towards(
        header: &GenerationHeader,
        backend: &BackendRecord,
        datagram: &Datagram,
        hash: u64,
    ) -> Verdict<Self> {
        let protocol = match datagram.flow.family {
            Family::V4 => PROTOCOL_IPIP,
            Family::V6 => PROTOCOL_IPV6,
        };
        let traffic_class = datagram.traffic_class;
        match backend.family {
            4 => Ok(Self::V4(OuterV4 {
                total_length: length(datagram.ip_len + IPV4_HEADER_LEN)?,
                traffic_class,
                protocol,
                source: outer_source_v4(header.outer_source_v4_be, header.outer_source_v4_host_mask_be, hash),
                destination: Address::from_bytes(backend.address).v4_bits(),
            })),
            6 => Ok(Self::V6(OuterV6 {
                payload_length: length(datagram.ip_len)?,
                traffic_class,
                flow_label: hash as u32,
                next_header: protocol,
                source: outer_source_v6(header.outer_source_v6, header.outer_source_v6_host_mask_be, hash),
                destination: backend.address,
            })),
            _ => Err(Counter::DropInternal),
        }
    }

    /// Length of the encapsulated packet.
    #[inline(always)]
    pub fn ip_len(&self) -> u16 {
        match self {
            Self::V4(outer) => outer.total_length,
            // A packet that came in one frame is far from the 65,535 bytes at which this would matter.
            Self::V6(outer) => outer.payload_length.saturating_add(IPV6_HEADER_LEN as u16),
        }
    }
}

#[inline(always)]
fn length(bytes: usize) -> Verdict<u16> {
    if bytes > u16::MAX as usize { Err(Counter::DropTooBig) } else { Ok(bytes as u16) }
}
