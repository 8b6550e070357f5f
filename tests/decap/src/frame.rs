//! Frames, built by other code than that of the programs.

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    EtherType, Ethernet2Header, IpNumber, IpPayloadSlice, Ipv4Header, Ipv6Header, TcpHeader, UdpHeader,
};

/// MAC addresses of all frames: destination, source.
pub const MACS: ([u8; 6], [u8; 6]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
/// Length of the longest payload.
pub const PORT: u16 = 6080;

/// TCP flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// SYN.
    Syn,
    /// ACK.
    Ack,
    /// FIN and ACK.
    Fin,
    /// RST.
    Rst,
    /// RST with this sequence number. (All others have 1000.)
    Reset(u32),
    /// ACK of this number. (All others acknowledge 2000.)
    Acknowledge(u32),
}

/// TCP or UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum L4 {
    /// TCP, with these flags.
    Tcp(Segment),
    /// UDP with a checksum.
    Udp,
    /// UDP with the checksum zero.
    UdpWithoutChecksum,
}

/// A packet from an IP header on.
#[must_use]
pub fn packet(from: SocketAddr, to: SocketAddr, l4: L4, traffic_class: u8, payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let protocol = match l4 {
        L4::Tcp(segment) => {
            let number = if let Segment::Reset(number) = segment { number } else { 1000 };
            let mut header = TcpHeader::new(from.port(), to.port(), number, 512);
            header.acknowledgment_number =
                if let Segment::Acknowledge(number) = segment { number } else { 2000 };
            header.syn = segment == Segment::Syn;
            header.ack = matches!(segment, Segment::Ack | Segment::Fin | Segment::Acknowledge(_));
            header.fin = segment == Segment::Fin;
            header.rst = matches!(segment, Segment::Rst | Segment::Reset(_));
            header.checksum = match (from.ip(), to.ip()) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    header.calc_checksum_ipv4_raw(from.octets(), to.octets(), payload).unwrap_or_default()
                }
                (IpAddr::V6(from), IpAddr::V6(to)) => {
                    header.calc_checksum_ipv6_raw(from.octets(), to.octets(), payload).unwrap_or_default()
                }
                _ => 0,
            };
            body.extend(header.to_bytes());
            IpNumber::TCP
        }
        L4::Udp | L4::UdpWithoutChecksum => {
            let udp = match (from.ip(), to.ip()) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => {
                    let ip = Ipv4Header {
                        source: source.octets(),
                        destination: destination.octets(),
                        ..Ipv4Header::default()
                    };
                    UdpHeader::with_ipv4_checksum(from.port(), to.port(), &ip, payload)
                }
                (IpAddr::V6(source), IpAddr::V6(destination)) => {
                    let ip = Ipv6Header {
                        source: source.octets(),
                        destination: destination.octets(),
                        ..Ipv6Header::default()
                    };
                    UdpHeader::with_ipv6_checksum(from.port(), to.port(), &ip, payload)
                }
                _ => UdpHeader::without_ipv4_checksum(from.port(), to.port(), payload.len()),
            };
            let Ok(mut udp) = udp else { return Vec::new() };
            if l4 == L4::UdpWithoutChecksum {
                udp.checksum = 0;
            }
            body.extend(udp.to_bytes());
            IpNumber::UDP
        }
    };
    body.extend(payload);
    ip(from.ip(), to.ip(), protocol, traffic_class, 64, &body)
}

/// An IP packet with any payload.
#[must_use]
pub fn ip(
    from: IpAddr,
    to: IpAddr,
    protocol: IpNumber,
    traffic_class: u8,
    ttl: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
            let Ok(mut header) = Ipv4Header::new(length, ttl, protocol, from.octets(), to.octets()) else {
                return bytes;
            };
            header.dscp = etherparse::IpDscp::try_new(traffic_class >> 2).unwrap_or_default();
            header.ecn = etherparse::IpEcn::try_new(traffic_class & 3).unwrap_or_default();
            header.header_checksum = header.calc_header_checksum();
            bytes.extend(header.to_bytes());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let header = Ipv6Header {
                traffic_class,
                flow_label: etherparse::Ipv6FlowLabel::ZERO,
                payload_length: u16::try_from(payload.len()).unwrap_or(u16::MAX),
                next_header: protocol,
                hop_limit: ttl,
                source: from.octets(),
                destination: to.octets(),
            };
            bytes.extend(header.to_bytes());
        }
        _ => {}
    }
    bytes.extend(payload);
    bytes
}

/// How a packet is wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// IP in IP.
    IpIp,
    /// GRE with these flags; each optional field is four bytes of 0xaa.
    Gre(u16),
    /// GUE with these further hops, of which some are taken, and with or without a checksum.
    Gue {
        /// The hops.
        hops: Vec<IpAddr>,
        /// How many are taken.
        taken: u8,
        /// Whether the UDP checksum is there.
        checksum: bool,
    },
}

impl Wrap {
    /// GUE with a checksum and these hops, none taken.
    #[must_use]
    pub fn gue(hops: &[IpAddr]) -> Self {
        Self::Gue { hops: hops.to_vec(), taken: 0, checksum: true }
    }
}

/// An encapsulated packet, from the outer IP header on.
#[must_use]
pub fn encapsulated(
    from: IpAddr,
    to: IpAddr,
    wrap: &Wrap,
    traffic_class: u8,
    ttl: u8,
    inner: &[u8],
) -> Vec<u8> {
    let is_v6 = inner.first().is_some_and(|first| first >> 4 == 6);
    let number = if is_v6 { IpNumber::IPV6 } else { IpNumber::IPV4 };
    match wrap {
        Wrap::IpIp => ip(from, to, number, traffic_class, ttl, inner),
        Wrap::Gre(flags) => {
            let ethertype: u16 = if is_v6 { 0x86dd } else { 0x0800 };
            let mut bytes = [flags.to_be_bytes(), ethertype.to_be_bytes()].concat();
            for option in [0x8000, 0x2000, 0x1000] {
                if flags & option != 0 {
                    bytes.extend([0xaa; 4]);
                }
            }
            bytes.extend(inner);
            ip(from, to, IpNumber::GRE, traffic_class, ttl, &bytes)
        }
        Wrap::Gue { hops, taken, checksum } => {
            let private = private_data(hops, *taken);
            let words = u8::try_from(private.len() / 4).unwrap_or(0);
            let mut payload = vec![words, number.0, 0, 0];
            payload.extend(private);
            payload.extend(inner);
            let from_port = SocketAddr::new(from, 0xc123);
            let l4 = if *checksum { L4::Udp } else { L4::UdpWithoutChecksum };
            let mut bytes = packet(from_port, SocketAddr::new(to, PORT), l4, traffic_class, &payload);
            set_ttl(&mut bytes, ttl);
            bytes
        }
    }
}

fn private_data(hops: &[IpAddr], taken: u8) -> Vec<u8> {
    if hops.is_empty() {
        return Vec::new();
    }
    let all_v4 = hops.iter().all(IpAddr::is_ipv4);
    let count = u8::try_from(hops.len()).unwrap_or(0);
    let mut bytes = vec![1, if all_v4 { 4 } else { 6 }, count, taken];
    for hop in hops {
        match hop {
            IpAddr::V4(hop) if all_v4 => bytes.extend(hop.octets()),
            IpAddr::V4(hop) => bytes.extend(hop.to_ipv6_mapped().octets()),
            IpAddr::V6(hop) => bytes.extend(hop.octets()),
        }
    }
    bytes
}

/// Gives an IP packet another TTL, and the right checksum.
pub fn set_ttl(packet: &mut [u8], ttl: u8) {
    if packet[0] >> 4 == 6 {
        packet[7] = ttl;
    } else if let Ok((mut header, _)) = Ipv4Header::from_slice(packet) {
        header.time_to_live = ttl;
        header.header_checksum = header.calc_header_checksum();
        packet[..header.header_len()].copy_from_slice(&header.to_bytes());
    }
}

/// An IP packet with an Ethernet header and VLAN tags.
#[must_use]
pub fn ethernet(macs: ([u8; 6], [u8; 6]), tags: &[u16], packet: &[u8]) -> Vec<u8> {
    let inner = if packet[0] >> 4 == 6 { EtherType::IPV6 } else { EtherType::IPV4 };
    let header = Ethernet2Header { destination: macs.0, source: macs.1, ether_type: inner };
    let mut bytes = header.to_bytes()[..12].to_vec();
    for (index, tag) in tags.iter().enumerate() {
        let outer_of_two = index == 0 && tags.len() == 2;
        bytes.extend(if outer_of_two { [0x88, 0xa8] } else { [0x81, 0x00] });
        bytes.extend(tag.to_be_bytes());
    }
    bytes.extend(inner.0.to_be_bytes());
    bytes.extend(packet);
    bytes
}

/// Whether all checksums of a packet, from its IP header on, are right as far as etherparse knows them.
#[must_use]
pub fn checksums_are_right(packet: &[u8]) -> bool {
    let Ok(sliced) = etherparse::SlicedPacket::from_ip(packet) else { return false };
    let payload = match &sliced.net {
        Some(etherparse::NetSlice::Ipv4(ip)) => {
            if ip.header().to_header().calc_header_checksum() != ip.header().header_checksum() {
                return false;
            }
            ip.payload().clone()
        }
        Some(etherparse::NetSlice::Ipv6(ip)) => ip.payload().clone(),
        _ => return false,
    };
    l4_is_right(&sliced, &payload)
}

fn l4_is_right(sliced: &etherparse::SlicedPacket<'_>, payload: &IpPayloadSlice<'_>) -> bool {
    let addresses = match &sliced.net {
        Some(etherparse::NetSlice::Ipv4(ip)) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        Some(etherparse::NetSlice::Ipv6(ip)) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        _ => return false,
    };
    if payload.ip_number == IpNumber::UDP && payload.payload[6..8] == [0, 0] {
        return true;
    }
    folded(addresses, payload.ip_number, payload.payload) == 0xffff
}

/// The one's complement sum over pseudo header and payload.
fn folded((from, to): (IpAddr, IpAddr), number: IpNumber, payload: &[u8]) -> u16 {
    let mut bytes = Vec::new();
    for address in [from, to] {
        match address {
            IpAddr::V4(address) => bytes.extend(address.octets()),
            IpAddr::V6(address) => bytes.extend(address.octets()),
        }
    }
    let length = u32::try_from(payload.len()).unwrap_or(0);
    bytes.extend(length.to_be_bytes());
    bytes.extend([0, 0, 0, number.0]);
    bytes.extend(payload);
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    let mut sum: u64 = bytes.chunks(2).map(|pair| u64::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(0)
}
