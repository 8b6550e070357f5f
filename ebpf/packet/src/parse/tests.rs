use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::vec::Vec;

use etherparse::{IpNumber, PacketBuilder, SlicedPacket, TransportSlice};
use proptest::prelude::*;

use super::*;

extern crate std;

const VIP4: [u8; 4] = [203, 0, 113, 10];
const CLIENT4: [u8; 4] = [10, 1, 9, 2];

fn tcp4() -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4(CLIENT4, VIP4, 64)
        .tcp(40_000, 80, 1, 1024)
        .write(&mut out, b"hello")
        .expect("writes to memory");
    out
}

fn udp6() -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv6([1; 16], [2; 16], 64)
        .udp(40_000, 53)
        .write(&mut out, b"hello")
        .expect("writes to memory");
    out
}

fn datagram(frame: &[u8]) -> Datagram {
    match parse(frame) {
        Parsed::Datagram(datagram) => datagram,
        other => panic!("expected a datagram, got {other:?}"),
    }
}

#[test]
fn tcp_over_ipv4() {
    let d = datagram(&tcp4());
    assert_eq!((d.l2_len, d.ip_len, d.ttl), (14, 45, 64));
    assert_eq!(IpAddr::from(d.addresses.destination()), IpAddr::V4(Ipv4Addr::from(VIP4)));
    assert_eq!(u16::from_be(d.destination_port_be()), 80);
    assert_eq!(u16::from_be(d.source_port_be()), 40_000);
}

#[test]
fn udp_over_ipv6() {
    let d = datagram(&udp6());
    assert_eq!((d.l2_len, d.ip_len, d.ttl), (14, 53, 64));
    assert_eq!(IpAddr::from(d.addresses.destination()), IpAddr::V6(Ipv6Addr::from([2; 16])));
}

#[test]
fn a_frame_cut_at_any_length_is_never_a_datagram() {
    for whole in [tcp4(), udp6()] {
        for len in 0..whole.len() {
            assert!(!matches!(parse(&whole[..len]), Parsed::Datagram(_)), "cut at {len}");
        }
    }
}

#[test]
fn padding_behind_the_packet_is_not_part_of_it() {
    let mut frame = tcp4();
    frame.resize(100, 0);
    assert_eq!(datagram(&frame).ip_len, 45);
}

#[test]
fn an_ipv4_mapped_destination_in_ipv6_is_not_ours() {
    let mut frame = udp6();
    frame[38..54].copy_from_slice(&Address::from_v4(VIP4).to_bytes());
    assert_eq!(parse(&frame[..]), Parsed::Other);
}

proptest! {
    #[test]
    fn any_bytes_are_parsed(frame: Vec<u8>) {
        let _ = parse(&frame[..]);
    }

    /// etherparse as oracle: what it takes for whole TCP or UDP, we take for the same flow.
    #[test]
    fn mutated_packets_agree_with_etherparse(v6: bool, changes in prop::collection::vec((0_usize..80, any::<u8>()), 0..4)) {
        let mut frame = if v6 { udp6() } else { tcp4() };
        for (at, value) in changes {
            let at = at % frame.len();
            frame[at] = value;
        }
        let Ok(sliced) = SlicedPacket::from_ethernet(&frame) else { return Ok(()) };
        let ports = match sliced.transport {
            Some(TransportSlice::Tcp(tcp)) => Some((tcp.source_port(), tcp.destination_port(), IpNumber::TCP)),
            Some(TransportSlice::Udp(udp)) => Some((udp.source_port(), udp.destination_port(), IpNumber::UDP)),
            _ => None,
        };
        if let (Some((source, destination, protocol)), Parsed::Datagram(d)) = (ports, parse(&frame[..])) {
            prop_assert_eq!(u16::from_be(d.source_port_be()), source);
            prop_assert_eq!(u16::from_be(d.destination_port_be()), destination);
            prop_assert_eq!(d.protocol, protocol.0);
        } else if ports.is_some() {
            // More VLAN tags or extension headers than the program walks, or a fragment: never a silent pass of plain IP.
            let plain = matches!(parse_l2(&frame[..]), Some(l2) if l2.len == 14);
            prop_assert!(!plain || !matches!(parse(&frame[..]), Parsed::Other), "{:?}", parse(&frame[..]));
        }
    }
}
