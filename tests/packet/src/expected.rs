//! The frame that the documentation promises.

use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header};
use siphasher::sip::SipHasher13;

use crate::fixture::{OUTER_V4_HOST_BITS, OUTER_V4_PREFIX, OUTER_V6_HOST_BITS, OUTER_V6_PREFIX};
use crate::frame::{Frame, checksum};

/// The encapsulated frame: MAC addresses of the next hop, the same VLAN tags, the outer header, the inner packet with
/// its TTL lowered by one, and whatever the frame had behind the packet.
#[must_use]
pub fn encapsulated(
    frame: &Frame,
    backend: IpAddr,
    flow_key: [u64; 2],
    source_mac: [u8; 6],
    destination_mac: [u8; 6],
) -> Vec<u8> {
    let ip = &frame.bytes[frame.l2_len..];
    let v6 = ip[0] >> 4 == 6;
    let traffic_class = if v6 { ip[0] << 4 | ip[1] >> 4 } else { ip[1] };
    let ip_len = frame.ip_len;
    let hash = flow_hash(flow_key, ip, v6);
    let low = u32::try_from(hash & 0xffff_ffff).expect("32 bits").to_le_bytes();
    let protocol = if v6 { IpNumber::IPV6 } else { IpNumber::IPV4 };

    let mut out = [destination_mac, source_mac].concat();
    out.extend(&frame.bytes[12..frame.l2_len - 2]);
    match backend {
        IpAddr::V4(backend) => {
            out.extend(0x0800_u16.to_be_bytes());
            let source = u32::from(OUTER_V4_PREFIX) | u32::from_be_bytes(low) & OUTER_V4_HOST_BITS;
            let payload = u16::try_from(ip_len).expect("an IPv4 packet");
            let mut h =
                Ipv4Header::new(payload, 64, protocol, Ipv4Addr::from(source).octets(), backend.octets())
                    .expect("a header");
            h.dscp = etherparse::IpDscp::try_new(traffic_class >> 2).expect("six bits");
            h.ecn = etherparse::IpEcn::try_new(traffic_class & 3).expect("two bits");
            h.dont_fragment = true;
            h.header_checksum = h.calc_header_checksum();
            out.extend(h.to_bytes());
        }
        IpAddr::V6(backend) => {
            out.extend(0x86dd_u16.to_be_bytes());
            let host = u128::from(u32::from_be_bytes(low) & OUTER_V6_HOST_BITS);
            let label = u32::try_from(hash & 0x000f_ffff).expect("20 bits");
            let h = Ipv6Header {
                traffic_class,
                flow_label: Ipv6FlowLabel::try_new(label).expect("20 bits"),
                payload_length: u16::try_from(ip_len).expect("an IPv6 packet"),
                next_header: protocol,
                hop_limit: 64,
                source: Ipv6Addr::from(u128::from(OUTER_V6_PREFIX) | host).octets(),
                destination: backend.octets(),
            };
            out.extend(h.to_bytes());
        }
    }
    let inner_at = out.len();
    out.extend(ip);
    lower_ttl(&mut out[inner_at..], v6);
    out
}

/// The frame without its outer header.
#[must_use]
pub fn decapsulated(frame: &Frame) -> Vec<u8> {
    let inner = &frame.bytes[frame.l2_len + frame.outer_len..];
    let ethertype: u16 = if inner[0] >> 4 == 6 { 0x86dd } else { 0x0800 };
    [&frame.bytes[..frame.l2_len - 2], &ethertype.to_be_bytes(), inner].concat()
}

fn lower_ttl(ip: &mut [u8], v6: bool) {
    if v6 {
        ip[7] -= 1;
        return;
    }
    let header_len = usize::from(ip[0] & 0x0f) * 4;
    let was_right = checksum(&ip[..header_len]) == 0;
    let old = u32::from(u16::from_be_bytes([ip[10], ip[11]]));
    ip[8] -= 1;
    if was_right {
        ip[10..12].fill(0);
        let sum = checksum(&ip[..header_len]);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
    } else {
        // As wrong as before: the sum of the header changes by 0x0100 and the field by as much the other way.
        let new = (old + 0x0100) % 0xffff;
        ip[10..12].copy_from_slice(&u16::try_from(new).expect("16 bits").to_be_bytes());
    }
}

/// SipHash-1-3 of source, destination, ports, protocol and three zeros.
fn flow_hash(key: [u64; 2], ip: &[u8], v6: bool) -> u64 {
    let (addresses, protocol, l4) = if v6 {
        let (protocol, l4) = skip_extensions(ip);
        (&ip[8..40], protocol, l4)
    } else {
        (&ip[12..20], ip[9], usize::from(ip[0] & 0x0f) * 4)
    };
    let mut hasher = SipHasher13::new_with_keys(key[0], key[1]);
    hasher.write(addresses);
    hasher.write(&ip[l4..l4 + 4]);
    hasher.write(&[protocol, 0, 0, 0]);
    hasher.finish()
}

fn skip_extensions(ip: &[u8]) -> (u8, usize) {
    let (mut next, mut at) = (ip[6], 40);
    loop {
        let len = match next {
            0 | 43 | 60 => (usize::from(ip[at + 1]) + 1) * 8,
            44 => 8,
            51 => (usize::from(ip[at + 1]) + 2) * 4,
            _ => return (next, at),
        };
        next = ip[at];
        at += len;
    }
}
