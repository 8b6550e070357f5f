//! A packet from its outside to its inside.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// A packet from its outside to its inside. What is not said has a sensible value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Packet {
    /// VLAN ids, outermost first. Of two tags the outer one is 802.1ad.
    pub vlan: Vec<u16>,
    /// EtherType, when not that of the next header.
    pub ethertype: Option<u16>,
    /// Outer header, for the decap program.
    pub outer_ipv4: Option<Ipv4>,
    /// Outer header, for the decap program.
    pub outer_ipv6: Option<Ipv6>,
    /// IPv4 header.
    pub ipv4: Option<Ipv4>,
    /// IPv6 header.
    pub ipv6: Option<Ipv6>,
    /// TCP header.
    pub tcp: Option<Tcp>,
    /// UDP header.
    pub udp: Option<Udp>,
    /// Bytes of payload behind the last header.
    pub payload: usize,
}

/// A value, or the name of one that a step `choose` found.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum Named<T> {
    /// The value.
    Value(T),
    /// Its name.
    Name(String),
}

impl<T: Copy> Named<T> {
    /// The value.
    ///
    /// # Panics
    ///
    /// When it is still a name.
    #[must_use]
    pub fn value(&self) -> T {
        match self {
            Self::Value(value) => *value,
            Self::Name(name) => panic!("no step `choose` before this found `{name}`"),
        }
    }
}

/// IPv4 header; lengths, protocol and checksum are right unless they are given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)] // RFC 791's fields
pub struct Ipv4 {
    pub src: Named<Ipv4Addr>,
    pub dst: Ipv4Addr,
    pub ttl: u8,
    pub tos: u8,
    pub id: u16,
    pub df: bool,
    pub mf: bool,
    /// In units of 8 bytes.
    pub offset: u16,
    /// Bytes of options (NOP), a multiple of 4.
    pub options: usize,
    pub version: u8,
    pub ihl: Option<u8>,
    pub total_length: Option<u16>,
    pub protocol: Option<u8>,
    pub checksum: Option<u16>,
}

impl Default for Ipv4 {
    fn default() -> Self {
        Self {
            src: Named::Value(Ipv4Addr::new(198, 51, 100, 7)),
            dst: Ipv4Addr::new(203, 0, 113, 10),
            ttl: 64,
            tos: 0,
            id: 0x1234,
            df: true,
            mf: false,
            offset: 0,
            options: 0,
            version: 4,
            ihl: None,
            total_length: None,
            protocol: None,
            checksum: None,
        }
    }
}

/// IPv6 header with its extension headers; lengths and next headers are right unless they are given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)] // RFC 8200's fields
pub struct Ipv6 {
    pub src: Named<Ipv6Addr>,
    pub dst: Ipv6Addr,
    pub hop_limit: u8,
    pub traffic_class: u8,
    pub flow_label: u32,
    pub version: u8,
    pub payload_length: Option<u16>,
    /// Next header of the last header before the payload.
    pub next_header: Option<u8>,
    pub extensions: Vec<Extension>,
}

impl Default for Ipv6 {
    fn default() -> Self {
        Self {
            src: Named::Value(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 7)),
            dst: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10),
            hop_limit: 64,
            traffic_class: 0,
            flow_label: 0,
            version: 6,
            payload_length: None,
            next_header: None,
            extensions: Vec::new(),
        }
    }
}

/// An extension header; lengths in bytes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // RFC 8200's names
pub enum Extension {
    HopByHop(usize),
    Routing(usize),
    DestinationOptions(usize),
    Authentication(usize),
    /// Offset in units of 8 bytes and the M flag.
    Fragment(u16, bool),
}

/// TCP header.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tcp {
    /// Source port.
    #[serde(default = "client_port")]
    pub sport: Named<u16>,
    /// Destination port.
    pub dport: u16,
    /// Flags; a SYN unless they are given.
    #[serde(default = "syn")]
    pub flags: Vec<TcpFlag>,
    /// Checksum, when it shall be wrong.
    pub checksum: Option<u16>,
}

/// A flag of a TCP header.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // RFC 9293's names
pub enum TcpFlag {
    Fin = 0x01,
    Syn = 0x02,
    Rst = 0x04,
    Psh = 0x08,
    Ack = 0x10,
    Urg = 0x20,
    Ece = 0x40,
    Cwr = 0x80,
}

/// UDP header.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Udp {
    /// Source port.
    #[serde(default = "client_port")]
    pub sport: Named<u16>,
    /// Destination port.
    pub dport: u16,
    /// Length, when it shall be wrong.
    pub length: Option<u16>,
    /// Checksum, when it shall be wrong, or zero: none.
    pub checksum: Option<u16>,
}

const fn client_port() -> Named<u16> {
    Named::Value(40_000)
}

fn syn() -> Vec<TcpFlag> {
    vec![TcpFlag::Syn]
}
