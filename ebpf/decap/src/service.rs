//! Which service a packet is for.

use guideway_abi::{DecapService, DecapServiceKey, decap_specific};
use guideway_packet::Address;

use crate::{maps::DECAP_SERVICES, packet::Packet};

/// The services of a VIP of this node.
pub struct Services {
    whole: &'static DecapService,
}

impl Services {
    /// `None`: no VIP of this node.
    #[inline(always)]
    pub fn of(vip: Address, packet: &mut Packet) -> Option<Self> {
        packet.key = DecapServiceKey {
            vip: vip.to_bytes(),
            outer: [0; 16],
            port_be: 0,
            protocol: 0,
            reserved: [0; 5],
        };
        lookup(&packet.key).map(|whole| Self { whole })
    }

    /// The most specific one for a packet that came to the node by the address `outer`.
    #[inline(always)]
    pub fn find(&self, packet: &mut Packet, outer: Address) -> &'static DecapService {
        if self.whole.specific == 0 {
            return self.whole;
        }
        if let Some(service) = self.exact(packet, outer) {
            return service;
        }
        if self.whole.specific & decap_specific::PORT != 0
            && let Some(service) = with_port(packet, Address::from_words([0; 2]))
        {
            return service;
        }
        self.whole
    }

    /// The one for the port and for this outer destination alone.
    #[inline(always)]
    pub fn exact(&self, packet: &mut Packet, outer: Address) -> Option<&'static DecapService> {
        if self.whole.specific & decap_specific::OUTER == 0 {
            return None;
        }
        with_port(packet, outer)
    }
}

#[inline(always)]
fn with_port(packet: &mut Packet, outer: Address) -> Option<&'static DecapService> {
    let datagram = packet.datagram()?;
    let (port_be, protocol) = (datagram.destination_port_be(), datagram.protocol);
    packet.key.outer = outer.to_bytes();
    packet.key.port_be = port_be;
    packet.key.protocol = protocol;
    lookup(&packet.key)
}

#[inline(always)]
fn lookup(key: &DecapServiceKey) -> Option<&'static DecapService> {
    // SAFETY: an element that is removed or replaced meanwhile may be given another service's content before this program
    // ends: its packet is then treated as that service's, one time, as if the change had come a moment earlier.
    unsafe { DECAP_SERVICES.get(key) }
}
