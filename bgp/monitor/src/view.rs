//! A session as BMP and MRT want to know it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use guideway_bgp_wire::{AsWidth, Context, Families};

/// Names a session's peer, for as long as the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerNumber(pub u32);

/// An established session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Whose it is.
    pub peer: PeerNumber,
    /// The own end of the connection.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// Index of the interface that has the local address; 0 when it is not known.
    pub interface_index: u32,
    /// Own AS number.
    pub local_as: u32,
    /// The peer's AS number.
    pub peer_as: u32,
    /// The peer's BGP identifier.
    pub peer_router_id: Ipv4Addr,
    /// How messages of the session are written.
    pub context: Context,
    /// Families that both sides have.
    pub families: Families,
    /// The own OPEN, header included.
    pub open_sent: Vec<u8>,
    /// The peer's OPEN, header included.
    pub open_received: Vec<u8>,
}

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The peer: the message is about Adj-RIB-In.
    Received,
    /// This speaker: it is about Adj-RIB-Out.
    Sent,
}

impl View {
    /// Address of the peer. An IPv4 address in IPv6 notation, which a socket of both families has, is an IPv4 address.
    pub(crate) fn remote_address(&self) -> IpAddr {
        self.remote.ip().to_canonical()
    }

    pub(crate) fn local_address(&self) -> IpAddr {
        self.local.ip().to_canonical()
    }

    pub(crate) fn has_short_as(&self) -> bool {
        self.context.as_width == AsWidth::Two
    }

    /// True when prefixes are written with path identifiers in this direction, in any family.
    pub(crate) fn has_path_ids(&self, direction: Direction) -> bool {
        let families = match direction {
            Direction::Received => self.context.add_path_receive,
            Direction::Sent => self.context.add_path_send,
        };
        !families.is_empty()
    }
}
