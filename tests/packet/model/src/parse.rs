//! Section 1: what a frame is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a frame turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Nothing to do with VIPs.
    Other,
    /// TCP or UDP that would be dropped if it were for a VIP's address.
    Broken(IpAddr, Broken),
    /// A whole packet of TCP or UDP.
    Packet(Packet),
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the counters' names
pub enum Broken {
    Fragment,
    Malformed,
    ExtensionHeaders,
}

/// A whole packet of TCP or UDP. Offsets count from the start of the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Where the IP header is.
    pub ip: usize,
    /// Where the TCP or UDP header is.
    pub transport: usize,
    /// Where the IP packet ends; Ethernet padding follows.
    pub end: usize,
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// IANA protocol number: TCP's or UDP's.
    pub protocol: u8,
    /// Both ports as they stand in the packet.
    pub ports: [u8; 4],
    /// TCP with SYN and without ACK.
    pub syn: bool,
    /// TTL or hop limit.
    pub ttl: u8,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// IPv6 extension headers between the IP header and the transport header.
    pub extensions: usize,
    /// The transport header's checksum.
    pub checksum: u16,
    /// Length that the UDP header gives; zero for TCP.
    pub udp_length: u16,
}

impl Packet {
    /// Length of the IP packet.
    #[must_use]
    pub const fn ip_len(&self) -> usize {
        self.end - self.ip
    }

    /// Destination port.
    #[must_use]
    pub const fn destination_port(&self) -> u16 {
        u16::from_be_bytes([self.ports[2], self.ports[3]])
    }
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const FRAGMENT: u8 = 44;
const MOST_EXTENSIONS: usize = 6;

/// Takes a frame apart.
#[must_use]
pub fn parse(frame: &[u8]) -> Parsed {
    whole(frame).unwrap_or(Parsed::Other)
}

fn word(frame: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]))
}

/// `None` when the frame ends before its destination address is known.
fn whole(frame: &[u8]) -> Option<Parsed> {
    let mut at = 12;
    for _ in 0..2 {
        if matches!(word(frame, at)?, 0x8100 | 0x88a8) {
            at += 4;
        }
    }
    let ethertype = word(frame, at)?;
    let ip = at + 2;
    match (ethertype, frame.get(ip)? >> 4) {
        (0x0800, 4) => ipv4(frame, ip),
        (0x86dd, 6) => ipv6(frame, ip),
        _ => Some(Parsed::Other),
    }
}

fn ipv4(frame: &[u8], ip: usize) -> Option<Parsed> {
    let header = frame.get(ip..ip + 20)?;
    let address =
        |at: usize| IpAddr::V4(Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]));
    let (source, destination, protocol) = (address(12), address(16), header[9]);
    if !matches!(protocol, TCP | UDP) {
        return Some(Parsed::Other);
    }
    let header_len = usize::from(header[0] & 0x0f) * 4;
    if header_len < 20 {
        return Some(Parsed::Broken(destination, Broken::Malformed));
    }
    // More fragments, or an offset; neither DF nor the reserved bit.
    if word(header, 6)? & 0x3fff != 0 {
        return Some(Parsed::Broken(destination, Broken::Fragment));
    }
    let head = Head {
        ip,
        transport: ip + header_len,
        end: ip + usize::from(word(header, 2)?),
        source,
        destination,
        protocol,
        ttl: header[8],
        traffic_class: header[1],
        extensions: 0,
    };
    Some(transport(frame, head))
}

fn ipv6(frame: &[u8], ip: usize) -> Option<Parsed> {
    let header = frame.get(ip..ip + 40)?;
    let address = |at: usize| {
        let bytes: [u8; 16] = header[at..at + 16].try_into().expect("sixteen bytes");
        Ipv6Addr::from(bytes)
    };
    let destination = address(24);
    if destination.to_ipv4_mapped().is_some() {
        return Some(Parsed::Other);
    }
    let broken = |why| Some(Parsed::Broken(IpAddr::V6(destination), why));
    let (mut next, mut at, mut extensions) = (header[6], ip + 40, 0);
    while is_extension(next) {
        extensions += 1;
        if extensions > MOST_EXTENSIONS {
            return broken(Broken::ExtensionHeaders);
        }
        // Next header and length; a fragment header has a fixed length (RFC 8200, section 4.5).
        let needed = if next == FRAGMENT { 8 } else { 2 };
        let Some(extension) = frame.get(at..at + needed) else { return broken(Broken::Malformed) };
        if next == FRAGMENT && word(extension, 2)? & !0b110 != 0 {
            // What follows the header of a later fragment is no header.
            return match extension[0] {
                TCP | UDP => broken(Broken::Fragment),
                next if is_extension(next) => broken(Broken::Fragment),
                _ => Some(Parsed::Other),
            };
        }
        at += match next {
            FRAGMENT => 8,
            // Authentication: in words of four bytes, less two (RFC 4302, section 2.2).
            51 => (usize::from(extension[1]) + 2) * 4,
            // In units of eight bytes, less the first (RFC 8200, section 4.3).
            _ => (usize::from(extension[1]) + 1) * 8,
        };
        next = extension[0];
    }
    if !matches!(next, TCP | UDP) {
        return Some(Parsed::Other);
    }
    let head = Head {
        ip,
        transport: at,
        end: ip + 40 + usize::from(word(header, 4)?),
        source: IpAddr::V6(address(8)),
        destination: IpAddr::V6(destination),
        protocol: next,
        ttl: header[7],
        traffic_class: header[0] << 4 | header[1] >> 4,
        extensions,
    };
    Some(transport(frame, head))
}

const fn is_extension(next: u8) -> bool {
    matches!(next, 0 | 43 | FRAGMENT | 51 | 60)
}

struct Head {
    ip: usize,
    transport: usize,
    end: usize,
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    ttl: u8,
    traffic_class: u8,
    extensions: usize,
}

fn transport(frame: &[u8], head: Head) -> Parsed {
    let at = head.transport;
    let length = if head.protocol == TCP { 20 } else { 8 };
    if at + length > head.end || head.end > frame.len() {
        return Parsed::Broken(head.destination, Broken::Malformed);
    }
    let header = &frame[at..at + length];
    let checksum_at = if head.protocol == TCP { 16 } else { 6 };
    let udp_length = if head.protocol == TCP { 0 } else { u16::from_be_bytes([header[4], header[5]]) };
    Parsed::Packet(Packet {
        ip: head.ip,
        transport: at,
        end: head.end,
        source: head.source,
        destination: head.destination,
        protocol: head.protocol,
        ports: header[..4].try_into().expect("four bytes"),
        syn: head.protocol == TCP && header[13] & 0x12 == 0x02,
        ttl: head.ttl,
        traffic_class: head.traffic_class,
        extensions: head.extensions,
        checksum: u16::from_be_bytes([header[checksum_at], header[checksum_at + 1]]),
        udp_length,
    })
}
