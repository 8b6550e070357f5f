//! The table of section 5 and the flow table, step by step.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{NOW, TICK_SHIFT, frame, one_bucket, set, unsettle, vip, world};
use guideway_packet_model::{FlowTable, Found, Outcome, SecondHop, Session, State, World, find, forward};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

fn at(world: &World, flows: &mut FlowTable, ticks: u64, frame: &[u8]) -> Outcome {
    forward(world, flows, NOW + (ticks << TICK_SHIFT), frame, 216)
}

/// Backend that a packet goes to, and the events.
fn went(outcome: &Outcome) -> (u16, Vec<&'static str>) {
    let events = outcome.counters.keys().copied().filter(|&name| name != "tx").collect();
    (outcome.sent.unwrap().1, events)
}

#[test]
fn a_connection_over_a_change_without_second_hop() {
    let mut world = world();
    let mut flows = one_bucket(&mut world);
    unsettle(&mut world, &[2, 1]);
    let (syn, ack) = (frame(6, 1, 80, SYN), frame(6, 1, 80, ACK));
    // An older connection: no entry.
    assert_eq!(went(&at(&world, &mut flows, 0, &frame(6, 9, 80, ACK))), (1, vec!["flow_miss"]));
    // A new one is followed even when the slot moves on, also by its SYN once more.
    assert_eq!(went(&at(&world, &mut flows, 0, &syn)), (2, vec!["flow_insert", "flow_miss"]));
    unsettle(&mut world, &[3, 2, 1]);
    assert_eq!(went(&at(&world, &mut flows, 1, &syn)), (2, vec!["flow_hit"]));
    assert!(flows.buckets[1][0].half_open);
    assert_eq!(went(&at(&world, &mut flows, 2, &ack)), (2, vec!["flow_hit"]));
    assert!(!flows.buckets[1][0].half_open);
    assert_eq!(flows.buckets[1][0].last_use, 1002);
    // A SYN takes no live connection from its backend.
    assert_eq!(went(&at(&world, &mut flows, 3, &syn)), (2, vec!["flow_hit"]));
    assert!(!flows.buckets[1][0].half_open);
    // The backend died, or another one has its index.
    world.backends.get_mut(&2).unwrap().state = State::Dead;
    assert_eq!(went(&at(&world, &mut flows, 4, &ack)), (1, vec!["flow_miss"]));
    world.backends.get_mut(&2).unwrap().state = State::Draining;
    assert_eq!(went(&at(&world, &mut flows, 4, &ack)), (2, vec!["flow_hit"]));
    world.backends.get_mut(&2).unwrap().epoch = 8;
    assert_eq!(went(&at(&world, &mut flows, 4, &ack)), (1, vec!["flow_miss"]));
    assert_eq!(went(&at(&world, &mut flows, 5, &syn)), (3, vec!["flow_insert", "flow_miss"]));
    assert_eq!(flows.buckets[1][0].backend, 3);
    assert_eq!(flows.buckets[0], <[_; 4]>::default(), "another region");
}

#[test]
fn entries_end() {
    let mut world = world();
    let mut flows = one_bucket(&mut world);
    unsettle(&mut world, &[2, 1]);
    let (syn, ack) = (frame(6, 1, 80, SYN), frame(6, 1, 80, ACK));
    at(&world, &mut flows, 0, &syn);
    let ended = flows.clone();
    assert_eq!(went(&at(&world, &mut ended.clone(), 16, &ack)).0, 2);
    assert_eq!(went(&at(&world, &mut ended.clone(), 17, &ack)).0, 1);
    at(&world, &mut flows, 0, &ack);
    assert_eq!(went(&at(&world, &mut flows.clone(), 100, &ack)).0, 2);
    assert_eq!(went(&at(&world, &mut flows.clone(), 101, &ack)).0, 1);
    // A clock that went back is no reason to follow an entry.
    flows.buckets[1][0].last_use = 1001;
    assert_eq!(went(&at(&world, &mut flows, 0, &ack)).0, 1);
}

#[test]
fn a_full_bucket_gives_up_what_is_half_open_longest() {
    let mut world = world();
    let mut flows = one_bucket(&mut world);
    unsettle(&mut world, &[2, 1]);
    for port in 1..=4 {
        at(&world, &mut flows, port.into(), &frame(6, port, 80, SYN));
    }
    at(&world, &mut flows, 5, &frame(6, 1, 80, ACK)); // confirmed
    assert_eq!(went(&at(&world, &mut flows, 6, &frame(6, 5, 80, SYN))).1, ["flow_insert", "flow_miss"]);
    assert_eq!(
        went(&at(&world, &mut flows, 6, &frame(6, 2, 80, ACK))),
        (1, vec!["flow_miss"]),
        "it had to go"
    );
    for port in [1, 3, 4, 5] {
        assert_eq!(went(&at(&world, &mut flows, 7, &frame(6, port, 80, ACK))).0, 2, "{port}");
    }
    let full = at(&world, &mut flows, 8, &frame(6, 6, 80, SYN));
    assert_eq!(went(&full), (1, vec!["flow_full", "flow_miss"]), "where its ACK will go");
}

#[test]
fn without_region_everything_goes_to_the_current_backend() {
    let mut world = world();
    unsettle(&mut world, &[2, 1]);
    for flags in [SYN, ACK, SYN | ACK] {
        assert_eq!(went(&at(&world, &mut FlowTable::default(), 0, &frame(6, 1, 80, flags))), (2, vec![]));
    }
}

#[test]
fn candidates_are_alive_and_differ() {
    let mut world = world();
    world.sets[0].second_hop = SecondHop::Yes;
    let mut flows = FlowTable::default();
    let mut further = |world: &World| at(world, &mut flows, 0, &frame(6, 1, 80, ACK)).further;
    unsettle(&mut world, &[1, 1, 2]);
    assert_eq!(further(&world), [2]);
    unsettle(&mut world, &[1, 0, 2]);
    assert_eq!(further(&world), [2]);
    unsettle(&mut world, &[1, 2, 3]);
    world.backends.get_mut(&2).unwrap().state = State::Dead;
    world.backends.get_mut(&1).unwrap().state = State::Dead;
    assert_eq!(further(&world), [3], "the current one counts even if it is dead");
}

#[test]
fn sticky_udp() {
    let mut world = world();
    let mut flows = one_bucket(&mut world);
    world.vips[0].session = Session::Sticky;
    world.vips[0].protocol = 17;
    let datagram = frame(17, 1, 80, 0);
    assert_eq!(went(&at(&world, &mut flows, 0, &datagram)), (1, vec!["flow_insert", "flow_miss"]));
    world.sets[0] = set(&[2]);
    assert_eq!(went(&at(&world, &mut flows, 0, &datagram)), (1, vec!["flow_hit"]));
    assert_eq!(went(&at(&world, &mut flows, 0, &frame(17, 2, 80, 0))).0, 2);
    world.backends.get_mut(&1).unwrap().state = State::Dead;
    assert_eq!(went(&at(&world, &mut flows, 0, &datagram)), (2, vec!["flow_insert", "flow_miss"]));
    world.vips[0].region = None;
    assert_eq!(went(&at(&world, &mut flows, 0, &datagram)), (2, vec![]));
}

#[test]
fn client_ip() {
    let mut world = world();
    let mut flows = one_bucket(&mut world);
    world.vips[0].session = Session::ClientIp;
    assert_eq!(
        went(&at(&world, &mut flows, 0, &frame(6, 1, 80, ACK))),
        (1, vec!["flow_miss"]),
        "no SYN, no entry"
    );
    assert_eq!(went(&at(&world, &mut flows, 0, &frame(6, 1, 80, SYN))).1, ["flow_insert", "flow_miss"]);
    world.sets[0] = set(&[2]);
    assert_eq!(went(&at(&world, &mut flows, 0, &frame(6, 2, 80, SYN))), (1, vec!["flow_hit"]));
    world.backends.get_mut(&1).unwrap().state = State::Draining;
    assert_eq!(went(&at(&world, &mut flows, 0, &frame(6, 2, 80, ACK))).0, 1);
    // Nobody can be asked for the client's other connections: they keep the entry.
    assert_eq!(went(&at(&world, &mut flows, 0, &frame(6, 3, 80, SYN))), (1, vec!["flow_hit"]));
    // With second hop a new connection leaves it, and the one that stays is found.
    world.sets[0].second_hop = SecondHop::Yes;
    unsettle(&mut world, &[3, 2, 1]);
    let outcome = at(&world, &mut flows, 0, &frame(6, 2, 80, ACK));
    assert_eq!((went(&outcome), outcome.further), ((1, vec!["flow_hit", "second_hop"]), vec![3, 2]));
    assert_eq!(
        went(&at(&world, &mut flows, 0, &frame(6, 4, 80, SYN))),
        (3, vec!["flow_insert", "flow_miss"])
    );
    let outcome = at(&world, &mut flows, 0, &frame(6, 2, 80, ACK));
    assert_eq!((went(&outcome), outcome.further), ((3, vec!["flow_hit", "second_hop"]), vec![2, 1]));
}

#[test]
fn the_most_specific_vip() {
    let vips = [
        vip("203.0.113.0/24", 6, 443..=443),
        vip("203.0.113.128/25", 6, 0..=u16::MAX),
        vip("203.0.113.130/32", 6, 0..=u16::MAX),
        vip("203.0.113.130/32", 6, 8000..=8999),
        vip("203.0.113.130/32", 6, 8080..=8089),
        vip("203.0.113.130/32", 6, 8080..=8080),
        vip("2001:db8::/64", 17, 53..=53),
    ];
    let which =
        |address: &str, protocol, port| match find(&vips, &[], common::address(address), protocol, port) {
            Found::Vip(found) => {
                vips.iter().position(|vip| vip == found).map_or(-9, |i| i32::try_from(i).unwrap())
            }
            Found::UnknownPort => -1,
            Found::Nothing => -2,
        };
    for (address, protocol, port, expected) in [
        ("203.0.113.1", 6, 443, 0),
        ("203.0.113.1", 6, 80, -1),
        ("203.0.113.128", 6, 443, 1),
        ("203.0.113.255", 6, 1, 1),
        ("203.0.113.255", 17, 1, -1),
        ("203.0.113.130", 6, 443, 2),
        ("203.0.113.130", 6, 8090, 3),
        ("203.0.113.130", 6, 8081, 4),
        ("203.0.113.130", 6, 8080, 5),
        ("203.0.114.1", 6, 443, -2),
        ("2001:db8::ffff", 17, 53, 6),
        ("2001:db8::ffff", 6, 53, -1),
        ("2001:db8:0:1::", 17, 53, -2),
    ] {
        assert_eq!(which(address, protocol, port), expected, "{address} {protocol} {port}");
    }
}
