//! The decap agent's maps.

/// What is done with packets for a [`DecapServiceKey`].
pub mod decap_service_kind {
    /// The inner packet is delivered as it is, to the VIP on `lo`.
    pub const AS_IS: u8 = 0;
    /// Destination address and port are translated to the target's, and back on the way out.
    pub const TRANSLATE: u8 = 1;
    /// Dropped and counted: the VIP is of this node, but this port is not.
    pub const REFUSE: u8 = 2;
    /// As [`TRANSLATE`], of the flows that this node has; whatever begins is dropped and counted as for [`REFUSE`]. The
    /// target has left, and what it has goes on.
    pub const DRAIN: u8 = 3;
}

/// Bits of [`DecapService::specific`].
pub mod decap_specific {
    /// The VIP has keys with port and protocol.
    pub const PORT: u8 = 1;
    /// The VIP has keys with port, protocol and outer destination.
    pub const OUTER: u8 = 2;
}

/// Bits of [`DecapFlow::flags`]: segments that were seen since the last SYN.
pub mod decap_flow_flags {
    /// FIN of the client.
    pub const FIN_IN: u8 = 1;
    /// FIN of the target.
    pub const FIN_OUT: u8 = 2;
    /// RST of the target: its kernel does not have the connection.
    pub const RST_OUT: u8 = 4;
    /// RST of the client, with the sequence number that the target acknowledged last: the one with which it ends a connection
    /// (RFC 5961, 3.2). Others are not noted, as anybody can send them. The target takes it back when it acknowledges more.
    pub const RST_IN: u8 = 8;
    /// [`DecapFlow::acknowledged_be`](super::DecapFlow::acknowledged_be) came from the target.
    pub const ACKNOWLEDGED: u8 = 16;
}

/// What packets a service is for. Zero in a field stands for any; the most specific key wins: (VIP, port, protocol, outer
/// destination), then (VIP, port, protocol), then (VIP). Every VIP has the last one, which says whether it has the others.
#[repr(C, align(8))]
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
#[repr(C, align(8))]
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
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecapService {
    /// For [`decap_service_kind::TRANSLATE`] and [`decap_service_kind::DRAIN`].
    pub target: DecapTarget,
    /// One of [`decap_service_kind`].
    pub kind: u8,
    /// [`decap_specific`], in the value of a key of a VIP alone; else zero.
    pub specific: u8,
    /// Whether the VIP was put on `lo` by the agent (1) or not (0), likewise. The programs do not look at it.
    pub on_loopback: u8,
    /// Zero.
    pub reserved: [u8; 5],
}

/// A translated flow, as it stands in a reply: client and target.
#[repr(C, align(8))]
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
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecapFlow {
    /// The VIP, as in [`DecapServiceKey::vip`].
    pub vip: [u8; 16],
    /// Its port as in the packet.
    pub port_be: u16,
    /// [`decap_flow_flags`].
    pub flags: u8,
    /// Zero.
    pub reserved: u8,
    /// When a packet of the flow was last seen: nanoseconds of the kernel's coarse monotonic clock, shifted right by
    /// [`DECAP_TICK_SHIFT`].
    pub last_seen: u32,
    /// The client's sequence number that the target waits for, as in its last segment.
    pub acknowledged_be: u32,
    /// Zero.
    pub reserved_end: [u8; 4],
}

/// See [`DecapFlow::last_seen`]: a tick is 1.07 s.
pub const DECAP_TICK_SHIFT: u32 = 30;
/// A translated TCP flow that was not seen for more ticks gives its place to another VIP's: five minutes.
pub const DECAP_TCP_IDLE_TICKS: u32 = 280;
/// As [`DECAP_TCP_IDLE_TICKS`], for UDP: half a minute.
pub const DECAP_UDP_IDLE_TICKS: u32 = 28;
/// Elements of [`DECAP_FLOWS`](crate::DECAP_FLOWS).
pub const DECAP_FLOWS_MAX: u32 = 262_144;
/// Elements of [`DECAP_HALF_OPEN`](crate::DECAP_HALF_OPEN).
pub const DECAP_HALF_OPEN_MAX: u32 = 65_536;

/// The element of [`DECAP_GLOBAL`](crate::DECAP_GLOBAL).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecapGlobal {
    /// UDP port of GUE, network byte order.
    pub gue_port_be: u16,
    /// Whether replies may have to be translated (1); never goes back to 0.
    pub translates: u8,
    /// Zero.
    pub reserved: u8,
    /// Outer IPv4 source of packets that came in over IPv6 and are handed over to a next hop with an IPv4 address; zero:
    /// they are dropped.
    pub source_v4: [u8; 4],
    /// The other way round.
    pub source_v6: [u8; 16],
}
