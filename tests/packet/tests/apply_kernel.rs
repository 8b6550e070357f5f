//! Generations on the real kernel: while they change as fast as they can, every packet meets exactly one.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used)]

#[path = "pins/place.rs"]
mod place;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use guideway_abi::{
    ActiveWord, BackendRecord, GenerationHeader, IPPROTO_UDP, VipBucket, VipEntry, VipRecord, entry_kind,
    next_hop_mode, table_kind,
};
use guideway_bpf::{Dataplane, TableKind, TestProgram, TestRunOptions, xdp_action};
use place::{CAPACITIES, Place};

const GENERATIONS: u64 = 60;

/// A UDP packet without payload from 192.0.2.1:1000 to 203.0.113.10:53.
const PACKET: [u8; 42] = [
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0x7c, 0xc5, 192, 0, 2, 1,
    203, 0, 113, 10, 3, 232, 0, 53, 0, 8, 0, 0,
];

/// The mark of a generation, which every part of it that shows in a packet bears.
fn mark(generation: u64) -> [u8; 2] {
    u16::try_from(generation).unwrap().to_be_bytes()
}

/// Writes everything of a generation in the order of an agent: first what nobody refers to, last the word. What it
/// overwrites was used by the last but one, which no packet can meet since the grace period.
fn apply(dataplane: &Dataplane, generation: u64) {
    let word = ActiveWord::new(generation, u32::from(generation % 2 == 1));
    let bank = word.bank();
    let [high, low] = mark(generation);
    // Backend, table and VIP records take turns, too.
    let backend = bank + 1;
    let address = Ipv4Addr::new(10, high, low, 1).to_ipv6_mapped().octets();
    let record = BackendRecord { address, family: 4, identity: generation, ..BackendRecord::default() };
    dataplane.write_backend(backend, &record).unwrap();
    let slots = vec![u16::try_from(backend).unwrap(); TableKind::Small.slots() as usize];
    dataplane.write_table(TableKind::Small, bank, &slots).unwrap();
    let vip = VipRecord { table: bank, table_kind: table_kind::SMALL, ..VipRecord::default() };
    dataplane.write_vips(bank * CAPACITIES.vips, &[vip]).unwrap();
    let entry = VipEntry {
        address: Ipv4Addr::new(203, 0, 113, 10).to_ipv6_mapped().octets(),
        port_be: 53_u16.to_be(),
        protocol: IPPROTO_UDP,
        kind: entry_kind::VIP,
        vip: 0,
    };
    let bucket =
        VipBucket { entries: [entry, VipEntry::default(), VipEntry::default(), VipEntry::default()] };
    dataplane.write_buckets(bank * CAPACITIES.buckets(), &[bucket]).unwrap();
    let header = GenerationHeader {
        generation,
        bucket_base: bank * CAPACITIES.buckets(),
        vip_base: bank * CAPACITIES.vips,
        next_hop_mode: next_hop_mode::FIXED,
        next_hop_mtu: 1500,
        next_hop_ifindex: 1,
        outer_source_v4_be: u32::from_ne_bytes([172, 16, high, low]),
        next_hop_destination_mac: [2, 0, 0, 0, high, low],
        ..GenerationHeader::default()
    };
    dataplane.write_header(bank, &header).unwrap();
    dataplane.activate(word);
    dataplane.grace_period().unwrap();
}

/// The generation that a packet shows in its MAC address, outer source and outer destination, which must agree.
fn generation_of(packet: &[u8]) -> u64 {
    assert_eq!(packet.len(), PACKET.len() + 20);
    let marks = [&packet[4..6], &packet[28..30], &packet[31..33]];
    assert!(marks.iter().all(|mark| *mark == marks[0]), "a mix of generations: {marks:?}");
    u64::from(u16::from_be_bytes([marks[0][0], marks[0][1]]))
}

#[test]
fn a_packet_meets_exactly_one_generation_and_never_an_older_one() {
    let place = Place::new();
    let dataplane = place.open().unwrap();
    apply(&dataplane, 1);
    let done = AtomicBool::new(false);
    let packets = thread::scope(|scope| {
        let packets = scope.spawn(|| {
            let program = TestProgram::open(&place.root.join("forwarder")).unwrap();
            let (mut packets, mut newest) = (0_u64, 0);
            while !done.load(Ordering::Relaxed) {
                let out = program.run(&PACKET, &TestRunOptions::default()).unwrap();
                assert_eq!(out.retval, xdp_action::TX);
                let generation = generation_of(&out.packet);
                assert!(generation >= newest, "generation {generation} after {newest}");
                newest = generation;
                packets += 1;
            }
            packets
        });
        for generation in 2..=GENERATIONS {
            apply(&dataplane, generation);
            if packets.is_finished() {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
        packets.join().unwrap()
    });
    // As many packets as generations, or the test has shown nothing.
    assert!(packets > GENERATIONS, "{packets}");
    assert_eq!(dataplane.active().generation(), GENERATIONS);
}

#[test]
fn what_is_prepared_is_not_seen_before_its_word() {
    let place = Place::new();
    let word = {
        let dataplane = place.open().unwrap();
        apply(&dataplane, 7);
        let word = dataplane.active();
        apply(&dataplane, 8);
        // Back to what a process leaves that dies just before the store: generation 8 is whole but for its word.
        dataplane.activate(word);
        word
    };
    let dataplane = place.open().unwrap();
    assert_eq!(dataplane.active(), word);
    let out = dataplane.test_run(&PACKET, &TestRunOptions::default()).unwrap();
    assert_eq!(generation_of(&out.packet), 7);
    // The next process goes on from there.
    apply(&dataplane, 8);
    let out = dataplane.test_run(&PACKET, &TestRunOptions::default()).unwrap();
    assert_eq!(generation_of(&out.packet), 8);
}
