//! The decap agent's maps.

/// What is done with packets for a [`DecapServiceKey`].
pub mod decap_service_kind {
    /// The inner packet is delivered as it is, to the VIP on `lo`.
    pub const AS_IS: u8 = 0;
    /// Destination address and port are translated to the target's, and back on the way out.
    pub const TRANSLATE: u8 = 1;
}

/// What packets a service is for. Zero in a field stands for any; the most specific key wins: (VIP, port, protocol, outer
/// destination), then (VIP, port, protocol), then (VIP).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DecapServiceKey {
    /// Inner destination: IPv6, or IPv4 as IPv4-mapped IPv6, in network byte order.
    pub vip: [u8; 16],
    /// Outer destination likewise, or zeros: it tells the Pods of a node apart when they are backends by their own
    /// address.
    pub outer: [u8; 16],
    /// Inner destination port as in the packet, or zero.
    pub port_be: u16,
    /// TCP or UDP by its IANA number, or zero.
    pub protocol: u8,
    /// Zero.
    pub reserved: [u8; 5],
}

/// Where translated packets go.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecapTarget {
    /// Address of a Pod or of this node, of the family of the VIP; as in [`DecapServiceKey::vip`].
    pub address: [u8; 16],
    /// Port as in the packet.
    pub port_be: u16,
    /// Zero.
    pub reserved: [u8; 6],
}

/// The value of [`DECAP_SERVICES`](crate::DECAP_SERVICES).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecapService {
    /// For [`decap_service_kind::TRANSLATE`].
    pub target: DecapTarget,
    /// One of [`decap_service_kind`].
    pub kind: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

/// A translated flow, as it stands in a reply: client and target.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DecapFlowKey {
    /// The client, as in [`DecapServiceKey::vip`].
    pub client: [u8; 16],
    /// The target.
    pub target: [u8; 16],
    /// Port of the client as in the packet.
    pub client_port_be: u16,
    /// Port of the target as in the packet.
    pub target_port_be: u16,
    /// TCP or UDP by its IANA number.
    pub protocol: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

/// What the client calls the target.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecapFlow {
    /// The VIP, as in [`DecapServiceKey::vip`].
    pub vip: [u8; 16],
    /// Its port as in the packet.
    pub port_be: u16,
    /// Zero.
    pub reserved: [u8; 6],
}

/// The element of [`DECAP_GLOBAL`](crate::DECAP_GLOBAL).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecapGlobal {
    /// UDP port of GUE, network byte order.
    pub gue_port_be: u16,
    /// Zero.
    pub reserved: [u8; 6],
}
