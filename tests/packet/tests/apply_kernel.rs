//! Generations on the real kernel: while they change as fast as they can, every packet meets exactly one.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "pins/generation.rs"]
mod generation;
#[path = "pins/place.rs"]
mod place;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use generation::PACKET;
use guideway_abi::{ActiveWord, GenerationHeader, SetRecord, encapsulation};
use guideway_bpf::{Dataplane, TestProgram, TestRunOptions, xdp_action};
use place::Place;

const GENERATIONS: u64 = 60;

/// The mark of a generation, which every part of it that shows in a packet bears.
fn mark(generation: u64) -> [u8; 2] {
    u16::try_from(generation).unwrap().to_be_bytes()
}

/// How the packets of a generation travel; every other one is the same.
fn encapsulation_of(generation: u64) -> u8 {
    if generation.is_multiple_of(2) { encapsulation::IPIP } else { encapsulation::GRE }
}

/// Writes everything of a generation in the order of an agent: first what nobody refers to, last the word. What it
/// overwrites was used by the last but one, which no packet can meet since the grace period.
fn apply(dataplane: &Dataplane, generation: u64) {
    let word = ActiveWord::new(generation, u32::from(generation % 2 == 1));
    let bank = word.bank();
    let [high, low] = mark(generation);
    // Backend and table take turns, too.
    let backend = bank + 1;
    generation::write_backend(dataplane, backend, Ipv4Addr::new(10, high, low, 1));
    let table = generation::write_table(dataplane, bank.try_into().unwrap(), backend.try_into().unwrap());
    let header = GenerationHeader {
        outer_source_v4_be: u32::from_ne_bytes([172, 16, high, low]),
        ..generation::header(generation, bank)
    };
    let set = SetRecord { table, encapsulation: encapsulation_of(generation), ..SetRecord::default() };
    generation::write(dataplane, bank, &header, set);
    dataplane.activate(word);
    dataplane.grace_period().unwrap();
}

/// The generation that a packet shows in its outer source (the header's), its outer destination (the backend's), and its
/// encapsulation (the set's), which must agree.
fn generation_of(packet: &[u8]) -> u64 {
    assert_eq!(packet[26..28], [172, 16]);
    let marks = [&packet[28..30], &packet[31..33]];
    assert!(marks.iter().all(|mark| *mark == marks[0]), "a mix of generations: {marks:?}");
    let generation = u64::from(u16::from_be_bytes([marks[0][0], marks[0][1]]));
    let (protocol, length) = match encapsulation_of(generation) {
        encapsulation::GRE => (47, 24),
        _ => (4, 20),
    };
    assert_eq!((packet[23], packet.len()), (protocol, PACKET.len() + length), "generation {generation}");
    generation
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
