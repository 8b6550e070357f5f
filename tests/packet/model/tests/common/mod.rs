//! A small world for the model's own tests: everything in it can be computed by hand.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)] // each test file uses its own part

use std::collections::BTreeMap;
use std::net::IpAddr;

use guideway_packet_model::{
    Backend, Encapsulation, Fib, FlowKey, FlowTable, Interface, Leg, PreviousTable, Region, Route, SecondHop,
    Session, Set, State, UNSETTLED, Vip, World,
};

pub const TOR: [u8; 6] = [2, 0, 0, 0, 0xaa, 1];
pub const FORWARDER: [u8; 6] = [2, 0, 0, 0, 0xbb, 1];
pub const OTHER: [u8; 6] = [2, 0, 0, 0, 0xbb, 2];
pub const OTHER_ROUTER: [u8; 6] = [2, 0, 0, 0, 0xaa, 2];
/// 100 jiffies to the tick, nearly: 2^7.
pub const TICK_SHIFT: u32 = 7;
pub const NOW: u64 = 1000 << TICK_SHIFT;

pub fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Backends 1 to 3 of IPv4 and 4 of IPv6, one set, one TCP VIP on port 80; all flow hashes are zero.
pub fn world() -> World {
    let backend = |text| Backend { address: address(text), epoch: 7, state: State::Serving };
    let leg = Leg { ifindex: 1, mtu: 1500, source: FORWARDER, destination: TOR };
    World {
        vips: vec![vip("203.0.113.10/32", 6, 80..=80)],
        pools: Vec::new(),
        sets: vec![set(&[1])],
        backends: [(1, "10.0.0.1"), (2, "10.0.0.2"), (3, "10.0.0.3"), (4, "fd00::4")]
            .map(|(index, text)| (index, backend(text)))
            .into(),
        flow_key: FlowKey { add: [0; 7], mix: [0, 0] },
        previous_flow_key: FlowKey { add: [0; 7], mix: [0, 0] },
        tag_key: [1, 2],
        tick_shift: TICK_SHIFT,
        outer_source_v4: "172.16.0.0/16".parse().unwrap(),
        outer_source_v6: "100::/64".parse().unwrap(),
        ingress: 1,
        legs: (1..=4).map(|index| (index, [Some(leg); 8])).collect(),
        legs_valid_until: u64::MAX,
        fib: fib(),
    }
}

pub fn fib() -> Fib {
    Fib {
        interfaces: BTreeMap::from([
            (1, Interface { mac: FORWARDER, mtu: 1500 }),
            (2, Interface { mac: OTHER, mtu: 1400 }),
        ]),
        routes: vec![
            Route {
                destination: "10.0.0.0/8".parse().unwrap(),
                via: Some(address("192.0.2.1")),
                ifindex: 1,
                mtu: None,
            },
            Route { destination: "10.0.0.2/32".parse().unwrap(), via: None, ifindex: 2, mtu: None },
            Route { destination: "10.0.0.3/32".parse().unwrap(), via: None, ifindex: 2, mtu: None },
        ],
        neighbours: BTreeMap::from([
            ((1, address("192.0.2.1")), TOR),
            ((2, address("10.0.0.2")), OTHER_ROUTER),
        ]),
    }
}

pub fn vip(net: &str, protocol: u8, ports: std::ops::RangeInclusive<u16>) -> Vip {
    let address = net.parse().unwrap();
    let session = Session::Plain;
    Vip {
        address,
        protocol,
        ports,
        set: 0,
        session,
        region: None,
        timeout: 100,
        sources: Vec::new(),
        index: 0,
    }
}

pub fn set(slots: &[u16]) -> Set {
    Set {
        table: Some(slots.to_vec()),
        previous: vec![None; 3],
        encapsulation: Encapsulation::IpIp,
        second_hop: SecondHop::No,
    }
}

/// Moves the one slot: from the last backend named over the others to the first.
pub fn unsettle(world: &mut World, backends: &[u16]) {
    world.sets[0].table = Some(vec![backends[0] | UNSETTLED]);
    world.sets[0].previous =
        backends[1..].iter().map(|&b| Some(PreviousTable { slots: vec![b], old_key: false })).collect();
}

/// Gives the VIP one bucket.
pub fn one_bucket(world: &mut World) -> FlowTable {
    world.vips[0].region = Some(Region { first: 1, buckets: 1 });
    FlowTable { buckets: vec![<_>::default(); 2] }
}

/// Ethernet, IPv4 and TCP or UDP without payload, to 203.0.113.10.
pub fn frame(protocol: u8, source_port: u16, port: u16, tcp_flags: u8) -> Vec<u8> {
    let mut transport = [source_port.to_be_bytes(), port.to_be_bytes()].concat();
    transport.resize(if protocol == 6 { 20 } else { 8 }, 0);
    if protocol == 6 {
        transport[12] = 0x50;
        transport[13] = tcp_flags;
    } else {
        transport[5] = 8;
    }
    let mut ip =
        vec![0x45, 0, 0, 20 + u8::try_from(transport.len()).unwrap(), 0, 1, 0x40, 0, 64, protocol, 0, 0];
    ip.extend([198, 51, 100, 7, 203, 0, 113, 10]);
    let sum: u32 = ip.chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    ip[10..12].copy_from_slice(&(!u16::try_from(folded).unwrap()).to_be_bytes());
    [&FORWARDER[..], &TOR, &[8, 0], &ip, &transport].concat()
}
