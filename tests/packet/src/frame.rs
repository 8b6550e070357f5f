//! From a case's packet to the bytes of a frame. Written by hand, not by etherparse, because most cases are about
//! packets that a library refuses to build.

use crate::case_file::{Extension, Ipv4, Ipv6, Packet, Tcp, Udp};

/// MAC address of the ToR, from which the frames come.
pub const TOR_MAC: [u8; 6] = [0x02, 0, 0, 0, 0xaa, 1];
/// MAC address of the forwarder.
pub const FORWARDER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0xbb, 1];

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A frame and where its IP packet begins.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Bytes of the Ethernet header with its tags.
    pub l2_len: usize,
    /// Bytes of the first IP packet as built.
    pub ip_len: usize,
    /// Bytes of the outer header; zero when there is none.
    pub outer_len: usize,
}

/// Builds the frame of a packet.
#[must_use]
pub fn build(packet: &Packet) -> Frame {
    let (transport, protocol) = transport(packet);
    let mut outer_len = 0;
    let mut ip = innermost(packet, transport, protocol);
    let mut ethertype = if packet.ipv6.is_some() { 0x86dd } else { 0x0800 };
    let inner_protocol = if packet.ipv6.is_some() { 41 } else { 4 };
    if let Some(header) = &packet.outer_ipv4 {
        outer_len = 20 + header.options;
        ip = ipv4(header, inner_protocol, &ip);
        ethertype = 0x0800;
    } else if let Some(header) = &packet.outer_ipv6 {
        outer_len = 40;
        ip = ipv6(header, inner_protocol, &ip);
        ethertype = 0x86dd;
    }
    let mut bytes = [FORWARDER_MAC, TOR_MAC].concat();
    for (i, id) in packet.vlan.iter().enumerate() {
        let service_tag = i + 1 < packet.vlan.len();
        bytes.extend(if service_tag { 0x88a8_u16 } else { 0x8100 }.to_be_bytes());
        bytes.extend(id.to_be_bytes());
    }
    bytes.extend(packet.ethertype.unwrap_or(ethertype).to_be_bytes());
    let l2_len = bytes.len();
    bytes.extend(&ip);
    Frame { bytes, l2_len, ip_len: ip.len(), outer_len }
}

fn innermost(packet: &Packet, transport: Vec<u8>, protocol: u8) -> Vec<u8> {
    match (&packet.ipv4, &packet.ipv6) {
        (Some(header), None) => ipv4(header, protocol, &transport),
        (None, Some(header)) => ipv6(header, protocol, &transport),
        (None, None) => transport,
        (Some(_), Some(_)) => {
            panic!("a packet has either ipv4 or ipv6; outer headers are outer_ipv4 and outer_ipv6")
        }
    }
}

fn transport(packet: &Packet) -> (Vec<u8>, u8) {
    let payload = (0..=250_u8).cycle().take(packet.payload);
    let (header, protocol) = match (&packet.tcp, &packet.udp) {
        (Some(header), None) => (tcp(header), TCP),
        (None, Some(header)) => (udp(header, packet.payload), UDP),
        _ => (Vec::new(), 253), // RFC 3692: for experiments
    };
    let mut bytes: Vec<u8> = header.into_iter().chain(payload).collect();
    let (given, at) = match (&packet.tcp, &packet.udp) {
        (Some(header), None) => (header.checksum, 16),
        (None, Some(header)) => (header.checksum, 6),
        _ => return (bytes, protocol),
    };
    let checksum = given.unwrap_or_else(|| match transport_checksum(packet, protocol, &bytes) {
        0 if protocol == UDP => 0xffff, // RFC 768
        checksum => checksum,
    });
    bytes[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    (bytes, protocol)
}

/// RFC 9293, section 3.1, and RFC 8200, section 8.1.
fn transport_checksum(packet: &Packet, protocol: u8, transport: &[u8]) -> u16 {
    let addresses = match (&packet.ipv4, &packet.ipv6) {
        (Some(h), _) => [h.src.value().octets(), h.dst.octets()].concat(),
        (None, Some(h)) => [h.src.value().octets(), h.dst.octets()].concat(),
        (None, None) => Vec::new(),
    };
    let length = u32::try_from(transport.len()).expect("a segment").to_be_bytes();
    let mut all = [&addresses[..], &length, &[0, 0, 0, protocol], transport].concat();
    if all.len() % 2 == 1 {
        all.push(0);
    }
    checksum(&all)
}

fn tcp(header: &Tcp) -> Vec<u8> {
    let mut h = vec![0; 20];
    h[..2].copy_from_slice(&header.sport.value().to_be_bytes());
    h[2..4].copy_from_slice(&header.dport.to_be_bytes());
    h[12] = 0x50;
    h[13] = header.flags.iter().fold(0, |flags, &flag| flags | flag as u8);
    h
}

fn udp(header: &Udp, payload: usize) -> Vec<u8> {
    let length = header.length.unwrap_or_else(|| u16::try_from(8 + payload).expect("a UDP datagram"));
    [header.sport.value(), header.dport, length, 0].into_iter().flat_map(u16::to_be_bytes).collect()
}

fn ipv4(header: &Ipv4, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header_len = 20 + header.options;
    let total = u16::try_from(header_len + payload.len()).expect("an IPv4 packet");
    let ihl = header.ihl.unwrap_or_else(|| u8::try_from(header_len / 4).expect("at most 60 bytes of header"));
    let flags = u16::from(header.df) << 14 | u16::from(header.mf) << 13 | header.offset;
    let mut h = vec![header.version << 4 | ihl, header.tos];
    h.extend(header.total_length.unwrap_or(total).to_be_bytes());
    h.extend(header.id.to_be_bytes());
    h.extend(flags.to_be_bytes());
    h.extend([header.ttl, header.protocol.unwrap_or(protocol), 0, 0]);
    h.extend(header.src.value().octets());
    h.extend(header.dst.octets());
    h.resize(header_len, 1);
    let checksum = header.checksum.unwrap_or_else(|| checksum(&h));
    h[10..12].copy_from_slice(&checksum.to_be_bytes());
    [h, payload.to_vec()].concat()
}

fn ipv6(header: &Ipv6, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let last = header.next_header.unwrap_or(protocol);
    let mut rest = payload.to_vec();
    let mut next = last;
    for extension in header.extensions.iter().rev() {
        rest = [extension_header(*extension, next), rest].concat();
        next = number(*extension);
    }
    let payload_length = u16::try_from(rest.len()).expect("an IPv6 packet");
    let first = u32::from(header.version) << 28 | u32::from(header.traffic_class) << 20 | header.flow_label;
    let mut h = first.to_be_bytes().to_vec();
    h.extend(header.payload_length.unwrap_or(payload_length).to_be_bytes());
    h.extend([next, header.hop_limit]);
    h.extend(header.src.value().octets());
    h.extend(header.dst.octets());
    h.extend(rest);
    h
}

const fn number(extension: Extension) -> u8 {
    match extension {
        Extension::HopByHop(_) => 0,
        Extension::Routing(_) => 43,
        Extension::Fragment(..) => 44,
        Extension::Authentication(_) => 51,
        Extension::DestinationOptions(_) => 60,
    }
}

fn extension_header(extension: Extension, next: u8) -> Vec<u8> {
    let octet = |n: usize| u8::try_from(n).expect("an extension header");
    match extension {
        Extension::HopByHop(len) | Extension::Routing(len) | Extension::DestinationOptions(len) => {
            let mut h = vec![0; len];
            h[..2].copy_from_slice(&[next, octet(len / 8 - 1)]);
            h
        }
        Extension::Authentication(len) => {
            let mut h = vec![0; len];
            h[..2].copy_from_slice(&[next, octet(len / 4 - 2)]);
            h
        }
        Extension::Fragment(offset, more) => {
            let [a, b] = (offset << 3 | u16::from(more)).to_be_bytes();
            vec![next, 0, a, b, 0, 0, 0, 1]
        }
    }
}

/// RFC 1071 over a header whose checksum field is zero.
#[must_use]
pub fn checksum(header: &[u8]) -> u16 {
    let mut sum: u32 = header.chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded")
}
