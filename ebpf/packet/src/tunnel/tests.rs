use std::vec::Vec;

use etherparse::{IpNumber, PacketBuilder};
use proptest::prelude::*;

use super::*;
use crate::parse_l2;

extern crate std;

const GUE_PORT_BE: u16 = 6080_u16.to_be();

fn parse(frame: &[u8]) -> Option<Tunnel> {
    parse_tunnel(frame, parse_l2(frame)?, GUE_PORT_BE)
}

fn ip4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .write(&mut out, IpNumber(protocol), payload)
        .expect("writes to memory");
    out
}

fn gue(header: &[u8]) -> Vec<u8> {
    let payload = [header, &[0x45; 20]].concat();
    let mut out = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv6([1; 16], [2; 16], 64)
        .udp(50_000, 6080)
        .write(&mut out, &payload)
        .expect("writes to memory");
    out
}

#[test]
fn gre_with_its_options() {
    for (flags, len) in [(0x0000_u16, 4), (0x8000, 8), (0x2000, 8), (0x1000, 8), (0xb000, 16)] {
        let mut header = flags.to_be_bytes().to_vec();
        header.extend([0x86, 0xdd]);
        header.resize(60, 0);
        let tunnel = parse(&ip4(47, &header)).expect("a tunnel");
        assert_eq!((tunnel.kind, tunnel.inner), (TunnelKind::Gre, Family::V6));
        assert_eq!(tunnel.inner_offset, 14 + 20 + len, "{flags:#x}");
    }
    for flags in [0x4000_u16, 0x0800, 0x0400, 1, 7] {
        let header = [flags.to_be_bytes(), [8, 0]].concat();
        assert_eq!(parse(&ip4(47, &header)), None, "{flags:#x}");
    }
}

#[test]
fn gue_with_and_without_hops() {
    let tunnel = parse(&gue(&[0, 4, 0, 0])).expect("a tunnel");
    assert_eq!((tunnel.hops.count, tunnel.malformed, tunnel.inner_offset), (0, false, 14 + 40 + 12));

    let header = [3, 41, 0, 0, 1, 4, 2, 1, 10, 0, 0, 3, 10, 0, 0, 4];
    let frame = gue(&header);
    let tunnel = parse(&frame).expect("a tunnel");
    assert!(!tunnel.malformed);
    assert_eq!((tunnel.inner, tunnel.inner_offset), (Family::V6, 14 + 40 + 8 + 16));
    assert_eq!((tunnel.hops.count, tunnel.hops.taken), (2, 1));
    assert_eq!(tunnel.hops.address(&frame[..], 1), Some(Address::from_v4([10, 0, 0, 4])));
    assert_eq!(tunnel.hops.address(&frame[..], 2), None);

    // The longest ones.
    let header = [&[13, 4, 0, 0, 1, 6, 3, 0][..], &[7; 16], &[8; 16], &[9; 16]].concat();
    let frame = gue(&header);
    let tunnel = parse(&frame).expect("a tunnel");
    assert_eq!((tunnel.malformed, tunnel.inner_offset), (false, 14 + 40 + 8 + 56));
    for (index, byte) in [(0, 7), (1, 8), (2, 9)] {
        assert_eq!(tunnel.hops.address(&frame[..], index), Some(Address::from_bytes([byte; 16])));
    }
    assert_eq!(tunnel.hops.address(&frame[..], 3), None);
}

#[test]
fn what_is_not_gue_of_ours_is_none_and_what_is_wrong_is_malformed() {
    for header in [[0x40, 4, 0, 0], [0x20, 4, 0, 0], [0, 59, 0, 0]] {
        assert_eq!(parse(&gue(&header)), None, "{header:?}");
    }
    let wrong: [&[u8]; 7] = [
        &[0, 4, 0x80, 0],
        &[1, 4, 0, 0, 1, 4, 0, 0],
        &[2, 4, 0, 0, 2, 4, 1, 0, 10, 0, 0, 3],
        &[2, 4, 0, 0, 1, 5, 1, 0, 10, 0, 0, 3],
        &[2, 4, 0, 0, 1, 4, 1, 2, 10, 0, 0, 3],
        &[2, 4, 0, 0, 1, 4, 2, 0, 10, 0, 0, 3],
        &[5, 4, 0, 0, 1, 4, 4, 0, 10, 0, 0, 3, 10, 0, 0, 3, 10, 0, 0, 3, 10, 0, 0, 3],
    ];
    for header in wrong {
        assert!(parse(&gue(header)).expect("a tunnel").malformed, "{header:?}");
    }
    // The datagram ends before the outer packet does.
    let mut frame = gue(&[0, 4, 0, 0]);
    frame[14 + 40 + 5] -= 1;
    assert!(parse(&frame).expect("a tunnel").malformed);
}

#[test]
fn ecn_as_rfc_6040_has_it() {
    // Rows: inner Not-ECT, ECT(1), ECT(0), CE; columns: outer likewise. Figure 4 of the RFC.
    let table = [
        [Some(0), Some(0), Some(0), None],
        [Some(1), Some(1), Some(1), Some(3)],
        [Some(2), Some(1), Some(2), Some(3)],
        [Some(3), Some(3), Some(3), Some(3)],
    ];
    for (inner, row) in (0..).zip(table) {
        for (outer, expected) in (0..).zip(row) {
            assert_eq!(decapsulated_ecn(outer, inner), expected, "outer {outer}, inner {inner}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_parsed(frame: Vec<u8>, protocol in prop::sample::select(std::vec![4_u8, 17, 41, 47])) {
        let _ = parse(&frame);
        let frame = ip4(protocol, &frame);
        if let Some(tunnel) = parse(&frame) {
            prop_assert!(tunnel.inner_offset <= 14 + 20 + 8 + 4 + 124);
            for index in 0..=255 {
                let _ = tunnel.hops.address(&frame[..], index);
            }
        }
    }
}
