//! Section 6: the packet that is sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpDscp, IpEcn, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header};

use crate::parse::Packet;
use crate::{Encapsulation, World};

const GUE_PORT: u16 = 6080;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// The IP packet that is sent, and its EtherType. `inner` has its TTL lowered already.
pub(crate) fn encapsulate(
    world: &World,
    how: Encapsulation,
    to: IpAddr,
    further: &[IpAddr],
    packet: &Packet,
    inner: &[u8],
    hash: u32,
) -> (u16, Vec<u8>) {
    let v6 = packet.destination.is_ipv6();
    let inner_type: u16 = if v6 { 0x86dd } else { 0x0800 };
    let inner_protocol = if v6 { IpNumber::IPV6 } else { IpNumber::IPV4 };
    let outer = Outer { source: source(world, to, hash), destination: to, packet, hash };
    match how {
        Encapsulation::L2 => (inner_type, inner.to_vec()),
        Encapsulation::IpIp => outer.around(inner_protocol, inner),
        Encapsulation::Gre => {
            let gre = [&[0, 0], &inner_type.to_be_bytes()[..], inner].concat();
            outer.around(IpNumber::GRE, &gre)
        }
        Encapsulation::Gue => {
            let private = private_bytes(further);
            let words = u8::try_from(private.len() / 4).expect("nine words at most");
            let gue = [&[words, inner_protocol.0, 0, 0], &private[..]].concat();
            outer.around(IpNumber::UDP, &udp(&outer, &gue, inner))
        }
    }
}

/// The outer source: the configured prefix with host bits from the flow hash.
fn source(world: &World, to: IpAddr, hash: u32) -> IpAddr {
    let bytes = hash.to_le_bytes();
    match to {
        IpAddr::V4(_) => {
            let (prefix, host) =
                (world.outer_source_v4.network().octets(), world.outer_source_v4.hostmask().octets());
            let octet = |i: usize| prefix[i] | bytes[i] & host[i];
            Ipv4Addr::new(octet(0), octet(1), octet(2), octet(3)).into()
        }
        IpAddr::V6(_) => {
            let mut address = world.outer_source_v6.network().octets();
            let host = world.outer_source_v6.hostmask().octets();
            for i in 0..4 {
                address[12 + i] |= bytes[i] & host[12 + i];
            }
            Ipv6Addr::from(address).into()
        }
    }
}

struct Outer<'a> {
    source: IpAddr,
    destination: IpAddr,
    packet: &'a Packet,
    hash: u32,
}

impl Outer<'_> {
    fn around(&self, protocol: IpNumber, payload: &[u8]) -> (u16, Vec<u8>) {
        let length = u16::try_from(payload.len()).expect("an IP packet");
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut header = Ipv4Header::new(length, 64, protocol, source.octets(), destination.octets())
                    .expect("an IPv4 packet");
                header.dscp = IpDscp::try_new(self.packet.traffic_class >> 2).expect("six bits");
                header.ecn = IpEcn::try_new(self.packet.traffic_class & 3).expect("two bits");
                header.dont_fragment = true;
                header.header_checksum = header.calc_header_checksum();
                (0x0800, [&header.to_bytes(), payload].concat())
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let header = Ipv6Header {
                    traffic_class: self.packet.traffic_class,
                    flow_label: Ipv6FlowLabel::try_new(self.hash & 0x000f_ffff).expect("20 bits"),
                    payload_length: length,
                    next_header: protocol,
                    hop_limit: 64,
                    source: source.octets(),
                    destination: destination.octets(),
                };
                (0x86dd, [&header.to_bytes(), payload].concat())
            }
            _ => unreachable!("the source has the destination's family"),
        }
    }
}

/// The further hops as GUE carries them.
fn private_bytes(further: &[IpAddr]) -> Vec<u8> {
    if further.is_empty() {
        return Vec::new();
    }
    let all_v4 = further.iter().all(IpAddr::is_ipv4);
    let count = u8::try_from(further.len()).expect("three hops at most");
    let mut bytes = vec![1, if all_v4 { 4 } else { 6 }, count, 0];
    for hop in further {
        match hop {
            IpAddr::V4(hop) if all_v4 => bytes.extend(hop.octets()),
            IpAddr::V4(hop) => bytes.extend(hop.to_ipv6_mapped().octets()),
            IpAddr::V6(hop) => bytes.extend(hop.octets()),
        }
    }
    bytes
}

/// A datagram to the GUE port around a GUE header and the inner packet.
fn udp(outer: &Outer<'_>, gue: &[u8], inner: &[u8]) -> Vec<u8> {
    let port = 0xc000 | u16::try_from(outer.hash & 0x3fff).expect("14 bits");
    let length = u16::try_from(8 + gue.len() + inner.len()).expect("a UDP datagram");
    let checksum = if checksum_is_known(outer.packet) {
        let packet = outer.packet;
        let transport_at = packet.transport - packet.ip;
        let transport_len = u64::try_from(inner.len() - transport_at).expect("a length");
        // RFC 1071 numbers, modulo 65,535. A right segment and its pseudo header sum up to zero, and so does a right IPv4
        // header by itself.
        let ip_header = if packet.destination.is_ipv6() { sum(&inner[..transport_at]) } else { 0 };
        let inner_pseudo = pseudo_header(packet.source, packet.destination, packet.protocol, transport_len);
        let inner_sum = ip_header + 0xffff - inner_pseudo % 0xffff;
        let header = sum(&[port, GUE_PORT, length].map(u16::to_be_bytes).concat());
        let all = pseudo_header(outer.source, outer.destination, UDP, length.into())
            + header
            + sum(gue)
            + inner_sum;
        // The complement; zero would mean that there is none (RFC 768).
        0xffff - u16::try_from(all % 0xffff).expect("16 bits")
    } else {
        0
    };
    [&[port, GUE_PORT, length, checksum].map(u16::to_be_bytes).concat()[..], gue, inner].concat()
}

/// Whether a right inner checksum makes the sum over the inner packet known from its headers.
fn checksum_is_known(packet: &Packet) -> bool {
    let whole = packet.protocol == TCP
        || packet.checksum != 0 && usize::from(packet.udp_length) == packet.end - packet.transport;
    whole && packet.extensions == 0
}

fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: u64) -> u64 {
    let octets = |address| match address {
        IpAddr::V4(a) => sum(&Ipv4Addr::octets(&a)),
        IpAddr::V6(a) => sum(&Ipv6Addr::octets(&a)),
    };
    octets(source) + octets(destination) + u64::from(protocol) + length
}

/// The 16-bit words of an even number of bytes, added up.
fn sum(bytes: &[u8]) -> u64 {
    bytes.chunks(2).map(|w| u64::from(u16::from_be_bytes([w[0], w[1]]))).sum()
}
