//! What `explain` says of a flow is what the loaded program does with its packets.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use guideway_bpf::xdp_action;
use guideway_dataplane_plan::{
    BackendSet, Desired, Explanation, FiveTuple, Member, NextHop, Protocol, TableSize, Weight, explain,
};
use guideway_packet_tests::fixture::{Fixture, backend_address, desired};
use guideway_packet_tests::frame::build;
use guideway_packet_tests::scenario::{self, Ipv4, Ipv6, Packet, Ports};

const FLOWS: u16 = 2_000;
/// One flow in so many is explained, since that builds a whole table each time.
const EXPLAINED: u16 = 50;

/// The fixture's VIPs, all over one set of five backends with different weights, one of them down.
fn shared_set(table_size: TableSize, next_hop: NextHop) -> Desired {
    let member = |name: &str, address: &str, weight, healthy| Member {
        name: name.to_owned(),
        address: address.parse().expect("an address"),
        weight: Weight(weight),
        healthy,
    };
    let set = BackendSet {
        name: "shared".to_owned(),
        table_size,
        members: vec![
            member("a", "10.1.11.1", 1, true),
            member("b", "10.1.11.2", 2, true),
            member("c", "fd00:11::3", 3, true),
            member("d", "10.1.11.4", 4, false),
            member("e", "10.1.11.5", 0, true),
        ],
    };
    let mut desired = desired(next_hop);
    desired.sets = vec![set];
    for vip in &mut desired.vips {
        vip.set = "shared".to_owned();
    }
    desired
}

fn packet(v6: bool, sport: u16, protocol: Protocol) -> (Packet, FiveTuple) {
    let mut packet = Packet::default();
    let (source, destination): (IpAddr, IpAddr) = if v6 {
        let header = Ipv6::default();
        packet.ipv6 = Some(header.clone());
        (header.src.into(), header.dst.into())
    } else {
        let header = Ipv4::default();
        packet.ipv4 = Some(header.clone());
        (header.src.into(), header.dst.into())
    };
    let dport = match protocol {
        Protocol::Tcp => 80,
        Protocol::Udp => 53,
    };
    let ports = Some(Ports { sport, dport });
    match protocol {
        Protocol::Tcp => packet.tcp = ports,
        Protocol::Udp => packet.udp = ports,
    }
    let flow = FiveTuple {
        source: SocketAddr::new(source, sport),
        destination: SocketAddr::new(destination, dport),
        protocol,
    };
    (packet, flow)
}

/// Source and destination of the outer header of a frame without VLAN tags.
fn outer(frame: &[u8]) -> (IpAddr, IpAddr) {
    fn sixteen(bytes: &[u8]) -> IpAddr {
        <[u8; 16]>::try_from(bytes).expect("sixteen bytes").into()
    }
    fn four(bytes: &[u8]) -> IpAddr {
        <[u8; 4]>::try_from(bytes).expect("four bytes").into()
    }
    match frame[14] >> 4 {
        4 => (four(&frame[26..30]), four(&frame[30..34])),
        6 => (sixteen(&frame[22..38]), sixteen(&frame[38..54])),
        version => panic!("IP version {version}"),
    }
}

fn explained_as_forwarded(table_size: TableSize) {
    let fixture = Fixture::new(scenario::Program::Forwarder, scenario::NextHop::NothingInstalled)
        .unwrap_or_else(|e| panic!("{e:#}"));
    let desired = shared_set(table_size, fixture.back_by_up0());
    fixture.install(&desired).expect("the first generation");
    let mut spread = BTreeMap::<IpAddr, u32>::new();
    for v6 in [false, true] {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            for sport in 0..FLOWS {
                let (packet, flow) = packet(v6, 1024 + sport, protocol);
                let run = fixture.send(&build(&packet).bytes, false).expect("a test run");
                assert_eq!(run.retval, xdp_action::TX);
                let (source, destination) = outer(&run.packet);
                *spread.entry(destination).or_default() += 1;
                if sport % EXPLAINED != 0 {
                    continue;
                }
                let Explanation::Vip(steering) = explain(&desired, &flow).expect("an explanation") else {
                    panic!("{flow:?} is for a VIP");
                };
                let encapsulation = steering.encapsulation.expect("a healthy backend");
                let explained = (encapsulation.outer_source, encapsulation.outer_destination);
                assert_eq!((source, destination), explained, "{flow:?}");
            }
        }
    }
    // Weights 1:2:3; the backend that is down and the one without weight get nothing.
    let total = f64::from(FLOWS) * 4.0;
    for (address, weight) in [("10.1.11.1", 1.0), ("10.1.11.2", 2.0), ("fd00:11::3", 3.0)] {
        let share = f64::from(spread[&address.parse().expect("an address")]) / total;
        let ideal = weight / 6.0;
        // Five standard deviations of a binomial share.
        let tolerance = 5.0 * (ideal * (1.0 - ideal) / total).sqrt() + 0.01;
        assert!((share - ideal).abs() < tolerance, "{address} has {share:.3}, its weight {ideal:.3}");
    }
    assert_eq!(spread.len(), 3, "{spread:?}");
}

#[test]
fn explained_as_forwarded_with_a_large_table() {
    explained_as_forwarded(TableSize::Large);
}

#[test]
fn explained_as_forwarded_with_a_small_table() {
    explained_as_forwarded(TableSize::Small);
}

#[test]
fn a_new_generation_takes_over_from_one_packet_to_the_next() {
    let fixture = Fixture::new(scenario::Program::Forwarder, scenario::NextHop::Fixed)
        .unwrap_or_else(|e| panic!("{e:#}"));
    let (packet, _) = packet(false, 5000, Protocol::Tcp);
    let frame = build(&packet).bytes;
    let destination = |fixture: &Fixture| outer(&fixture.send(&frame, false).expect("a test run").packet).1;
    assert_eq!(destination(&fixture), backend_address("be4"));

    let mut changed = shared_set(TableSize::Small, fixture.back_by_up0());
    fixture.install(&changed).expect("a second generation");
    assert_ne!(destination(&fixture), backend_address("be6"));
    let counted = fixture.counts().expect("counters");
    assert_eq!(counted.counters["tx"], 2);

    for member in &mut changed.sets[0].members {
        member.healthy = false;
    }
    fixture.install(&changed).expect("a third generation");
    assert_eq!(
        fixture.send(&frame, false).expect("a test run").retval,
        xdp_action::DROP,
        "no stale table is left"
    );
    assert_eq!(fixture.counts().expect("counters").counters["drop_no_backend"], 1);

    changed.vips.clear();
    fixture.install(&changed).expect("a fourth generation");
    assert_eq!(
        fixture.send(&frame, false).expect("a test run").retval,
        xdp_action::PASS,
        "not a VIP any more"
    );
}
