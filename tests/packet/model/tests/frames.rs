//! Frames computed by hand, and properties of the outer checksum that RFC 768 and RFC 1071 give.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{FORWARDER, NOW, OTHER, OTHER_ROUTER, TOR, address, frame, unsettle, world};
use guideway_abi::Counter;
use guideway_packet_model::{Encapsulation, FlowKey, FlowTable, Outcome, SecondHop, Verdict, World, forward};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const PLENTY: usize = 216;

fn run(world: &World, frame: &[u8]) -> Outcome {
    forward(world, &mut FlowTable::default(), NOW, frame, PLENTY)
}

fn sent(world: &World, frame: &[u8]) -> Vec<u8> {
    let outcome = run(world, frame);
    assert_eq!(outcome.verdict, Verdict::Tx, "{outcome:?}");
    outcome.frame.unwrap()
}

fn ones_complement(bytes: &[u8]) -> u16 {
    let padded: Vec<u8> = bytes.iter().copied().chain(std::iter::once(0)).collect();
    let sum: u32 = padded.chunks_exact(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap()
}

/// As `common::frame`, with the transport checksum right.
fn checked(protocol: u8, tcp_flags: u8) -> Vec<u8> {
    let mut bytes = frame(protocol, 40_000, 80, tcp_flags);
    let length = u16::try_from(bytes.len() - 34).unwrap();
    let pseudo = [&bytes[26..34], &[0, protocol], &length.to_be_bytes(), &bytes[34..]].concat();
    let at = if protocol == 6 { 50 } else { 40 };
    bytes[at..at + 2].copy_from_slice(&ones_complement(&pseudo).to_be_bytes());
    bytes
}

#[test]
fn an_ipip_frame_byte_by_byte() {
    let before = frame(6, 40_000, 80, SYN);
    let outcome = run(&world(), &before);
    assert_eq!(outcome.sent, Some((0, 1, 40)));
    assert_eq!(outcome.counters, [("tx", 1)].into());
    let after = outcome.frame.unwrap();
    assert_eq!(after[..14], [&TOR[..], &FORWARDER, &[8, 0]].concat());
    // 172.16.0.0 to 10.0.0.1: 0x4500+0x3c+0x4000+0x4004+0xac10+0x0a00+0x0001 = 0x17b51, folded 0x7b52, inverted 0x84ad.
    #[rustfmt::skip]
    assert_eq!(after[14..34], [0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 4, 0x84, 0xad, 172, 16, 0, 0, 10, 0, 0, 1]);
    assert_eq!(after[42], 63, "TTL");
    assert_eq!(ones_complement(&after[34..54]), 0, "inner header checksum");
    assert_eq!(after[54..], before[34..]);
}

#[test]
fn the_hash_is_in_outer_source_port_label_and_leg() {
    let mut world = world();
    world.sets[0].table = Some(vec![4]);
    // (0 + source)(1 + ports) + 5 * 2^32: the upper half is that of the product and 5.
    world.flow_key = FlowKey { add: [0, 1, 5 << 32, 0, 0, 0, 0], mix: [1, 1] };
    let source = 0x0764_33c6_u64;
    let ports = 0x5000_409c_u64;
    let mut h = u32::try_from((source * (1 + ports) + (5 << 32)) >> 32 & 0xffff_ffff).unwrap();
    h ^= h >> 16;
    h ^= h >> 15;
    h ^= h >> 16;
    let ipip = sent(&world, &frame(6, 40_000, 80, SYN));
    assert_eq!(ipip[14..18], (0x6000_0000 | h & 0xf_ffff).to_be_bytes());
    assert_eq!(ipip[22..34], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(ipip[34..38], h.to_le_bytes());
    world.sets[0].encapsulation = Encapsulation::Gue;
    let gue = sent(&world, &frame(6, 40_000, 80, SYN));
    assert_eq!(gue[54..56], (0xc000 | u16::try_from(h & 0x3fff).unwrap()).to_be_bytes());
    let mut legs = [None; 8];
    legs[h as usize & 7] = world.legs[&4][0];
    world.legs.insert(4, legs);
    assert_eq!(run(&world, &frame(6, 40_000, 80, SYN)).counters, [("tx", 1)].into());
    world.legs.insert(4, [None; 8]);
    let asked = run(&world, &frame(6, 40_000, 80, SYN)).counters;
    assert_eq!(asked, [("fib_lookup", 1), ("drop_no_route", 1)].into());
}

#[test]
fn the_outer_udp_checksum_is_right_when_the_inner_one_is() {
    for (backend, at) in [(1, 34), (4, 54)] {
        for protocol in [6, 17] {
            let mut world = world();
            world.sets[0].table = Some(vec![backend]);
            world.sets[0].encapsulation = Encapsulation::Gue;
            world.vips[0].protocol = protocol;
            let after = sent(&world, &checked(protocol, ACK));
            let addresses = if backend == 1 { &after[26..34] } else { &after[22..54] };
            let length = u16::try_from(after.len() - at).unwrap();
            let pseudo = [addresses, &[0, 17], &length.to_be_bytes(), &after[at..]].concat();
            assert_eq!(after[at + 4..at + 6], length.to_be_bytes());
            assert_eq!(after[at + 8..at + 12], [0, 4, 0, 0], "GUE header");
            assert_ne!(after[at + 6..at + 8], [0, 0]);
            assert_eq!(ones_complement(&pseudo), 0, "backend {backend}, protocol {protocol}");
        }
    }
}

#[test]
fn without_an_inner_udp_checksum_there_is_no_outer_one() {
    let mut world = world();
    world.sets[0].encapsulation = Encapsulation::Gue;
    world.vips[0].protocol = 17;
    let after = sent(&world, &frame(17, 40_000, 80, 0));
    assert_eq!(after[40..42], [0, 0]);
}

#[test]
fn further_hops_are_carried_whatever_the_set_says() {
    let mut world = world();
    world.sets[0].second_hop = SecondHop::Yes;
    unsettle(&mut world, &[1, 2, 3]);
    let outcome = run(&world, &frame(6, 40_000, 80, ACK));
    assert_eq!(outcome.counters, [("second_hop", 1), ("tx", 1)].into());
    let after = outcome.frame.unwrap();
    assert_eq!(after[42..46], [3, 4, 0, 0]);
    assert_eq!(after[46..58], [1, 4, 2, 0, 10, 0, 0, 2, 10, 0, 0, 3]);
    unsettle(&mut world, &[1, 2, 4]);
    let after = sent(&world, &frame(6, 40_000, 80, ACK));
    assert_eq!(after[42..50], [9, 4, 0, 0, 1, 6, 2, 0]);
    assert_eq!(after[50..66], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2]);
    assert_eq!(after[66..82], [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4]);
    let syn = run(&world, &frame(6, 40_000, 80, SYN));
    assert_eq!(syn.counters, [("tx", 1)].into());
    assert_eq!(syn.frame.unwrap()[23], 4, "a SYN goes by IPIP");
}

#[test]
fn gre_and_l2() {
    let mut world = world();
    world.sets[0].encapsulation = Encapsulation::Gre;
    let before = frame(6, 40_000, 80, ACK);
    let gre = sent(&world, &before);
    assert_eq!(gre[23], 47);
    assert_eq!(gre[34..38], [0, 0, 8, 0]);
    world.sets[0].encapsulation = Encapsulation::L2;
    let l2 = sent(&world, &before);
    assert_eq!((l2.len(), l2[22]), (before.len(), 63));
    assert_eq!(l2[34..], before[34..]);
}

#[test]
fn the_kernel_is_asked() {
    let mut world = world();
    world.legs_valid_until = NOW - 1;
    let before = frame(6, 40_000, 80, ACK);
    let outcome = run(&world, &before);
    assert_eq!(outcome.counters, [("fib_lookup", 1), ("tx", 1)].into());
    world.legs_valid_until = NOW;
    assert_eq!(run(&world, &before).counters, [("tx", 1)].into());

    world.legs.clear();
    world.sets[0].encapsulation = Encapsulation::L2;
    assert_eq!(run(&world, &before).counters, [("fib_lookup", 1), ("drop_not_on_link", 1)].into());
    world.sets[0].table = Some(vec![2]);
    let outcome = run(&world, &before);
    assert_eq!(outcome.verdict, Verdict::Redirect(2));
    assert_eq!(outcome.frame.unwrap()[..12], [OTHER_ROUTER, OTHER].concat());
    world.sets[0].table = Some(vec![3]);
    assert!(run(&world, &before).counters.contains_key(Counter::DropNoNeighbour.name()));
}

#[test]
fn room_and_length() {
    let mut world = world();
    let before = frame(6, 40_000, 80, ACK);
    let with_room =
        |world: &World, room| forward(world, &mut FlowTable::default(), NOW, &before, room).counters;
    assert_eq!(with_room(&world, 20), [("tx", 1)].into());
    assert_eq!(with_room(&world, 19), [("drop_no_headroom", 1)].into());
    let mut leg = world.legs[&1][0].unwrap();
    leg.mtu = 60;
    world.legs.insert(1, [Some(leg); 8]);
    assert_eq!(with_room(&world, 0), [("drop_no_headroom", 1)].into());
    leg.mtu = 59;
    world.legs.insert(1, [Some(leg); 8]);
    assert_eq!(with_room(&world, 0), [("drop_too_big", 1)].into());
}

#[test]
fn a_wrong_header_checksum_stays_as_wrong() {
    let mut before = frame(6, 40_000, 80, ACK);
    before[24] ^= 0x40;
    let error = ones_complement(&before[14..34]);
    let after = sent(&world(), &before);
    assert_eq!(ones_complement(&after[34..54]), error);
}

#[test]
fn vlan_tags_and_padding_stay() {
    let plain = frame(6, 40_000, 80, ACK);
    let mut tagged = [&plain[..12], &[0x88, 0xa8, 0, 7, 0x81, 0, 0x20, 9], &plain[12..]].concat();
    tagged.extend([1, 2, 3]);
    let after = sent(&world(), &tagged);
    assert_eq!(after[12..22], [0x88, 0xa8, 0, 7, 0x81, 0, 0x20, 9, 8, 0]);
    assert_eq!(after[after.len() - 3..], [1, 2, 3]);
    assert_eq!(after[24..26], [0, 60], "padding is no part of the packet");
}

#[test]
fn what_is_not_for_a_vip_passes_as_it_is() {
    let mut other = frame(6, 40_000, 80, ACK);
    other[33] = 11;
    let outcome = run(&world(), &other);
    assert_eq!((outcome.verdict, outcome.frame), (Verdict::Pass, Some(other)));
    assert_eq!(run(&world(), &frame(6, 40_000, 81, ACK)).counters, [("drop_unknown_port", 1)].into());
    assert_eq!(run(&world(), &frame(17, 40_000, 80, 0)).counters, [("drop_unknown_port", 1)].into());
    assert_eq!(run(&world(), &[0; 14]).counters, [("pass", 1)].into());
    let mut expired = frame(6, 40_000, 80, ACK);
    expired[22] = 1;
    assert_eq!(run(&world(), &expired).counters, [("drop_ttl_expired", 1)].into());
    let mut empty = world();
    empty.sets[0].table = None;
    assert_eq!(run(&empty, &frame(6, 40_000, 80, ACK)).counters, [("drop_no_backend", 1)].into());
    let _ = address("::");
}
