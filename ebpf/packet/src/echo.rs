//! BFD's echo function (RFC 5880, section 6.4): a neighbour sends packets that are addressed to itself, to see them again.

use crate::{Addresses, Datagram};

/// UDP port of BFD echo packets (RFC 5881, section 4), as it lies in memory.
const ECHO_PORT_BE: u16 = 3785_u16.to_be();
/// A packet with this TTL comes from a neighbour and from nobody else (RFC 5082).
const NEIGHBOURS_TTL: u8 = 255;
const PROTOCOL_UDP: u8 = 17;

impl Datagram {
    /// Whether a neighbour sends this packet to itself by way of us. It is answered to no other than its sender on the link,
    /// packet for packet, so that nobody can be hurt with it.
    #[inline(always)]
    #[must_use]
    pub const fn is_bfd_echo(&self) -> bool {
        let to_itself = match self.addresses {
            Addresses::V4 { source, destination } => source == destination,
            Addresses::V6 { source, destination } => {
                source[0] == destination[0] && source[1] == destination[1]
            }
        };
        self.destination_port_be() == ECHO_PORT_BE
            && self.protocol == PROTOCOL_UDP
            && self.ttl == NEIGHBOURS_TTL
            && to_itself
    }
}
