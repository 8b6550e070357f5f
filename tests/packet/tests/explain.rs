//! What `explain` says of a flow is what the loaded program (and the model, which has to agree with it) does with its
//! packets, settled or not.

use std::net::{IpAddr, SocketAddr};

use guideway_dataplane_plan::{
    Encapsulation, Explanation, FiveTuple, Protocol, SetEncapsulation, Steering, explain,
};
use guideway_packet_model::{Flow, Outcome, Verdict, flow_hash};
use guideway_packet_tests::case_file::{Change, Ipv4, Ipv6, Named, NextHop, Packet, Step, Tcp, TcpFlag, Udp};
use guideway_packet_tests::fixture::Headroom;
use guideway_packet_tests::frame::build;
use guideway_packet_tests::history::Stage;

/// Each is explained after each change, which builds a whole table.
const FLOWS: u16 = 8;

const WORLD: &str = r#"{
    seed: explained,
    sets: {
        ipip: { members: [a weight 1, b weight 2, a6 weight 3, c down, d weight 0] },
        gue: { members: [a, b6], encapsulation: gue, second_hop: true, table: small },
        gre: { members: [b, c], encapsulation: gre, table: small },
        l2: { members: [link4, side4], encapsulation: l2, table: small },
        none: { members: [a down] },
    },
    vips: {
        "203.0.113.10:80/tcp": ipip, "[2001:db8::10]:80/tcp": ipip, "203.0.113.10:53/udp": ipip,
        "203.0.113.10:443/tcp": gue, "[2001:db8::10]:443/tcp": { set: gue, client_ip: 10m },
        "203.0.113.10:8000-8999/tcp": { set: gre, flow_entries: 64 }, "203.0.113.10:8000-8999/udp": { set: gre, sticky: 30s },
        "203.0.113.10:443/udp": { set: gue, sources: [198.51.100.0/30, 198.51.100.8/32] },
        "[2001:db8::10]:443/udp": { set: gue, sources: ["2001:db8:ffff::7/128"] },
        "203.0.113.0/24:any/tcp": l2, "[2001:db8::/64]:9/tcp": none,
    },
}"#;

const CHANGES: [&str; 4] = [
    "{ seed: explained again }",
    "{ vips: { '203.0.113.10:443/udp': { set: gue, sources: [198.51.100.4/30] } }, sets: { gue: { members: [a, b6, c] }, gre: { members: [b, c, d] }, ipip: { members: [a, b, a6, c] } } }",
    "{ sets: { gue: { members: [b6, c6] }, gre: { members: [c, d weight 3] } } }",
    "{ sets: { gue: { members: [b6, c6 down] }, gre: { members: [c down, a] } } }",
];

fn change(text: &str) -> Change {
    serde_saphyr::from_str(text).expect("a change")
}

fn packet(flow: &FiveTuple, flags: &[TcpFlag]) -> Packet {
    let mut packet = Packet::default();
    match (flow.source.ip(), flow.destination.ip()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            packet.ipv4 = Some(Ipv4 { src: Named::Value(src), dst, ..Ipv4::default() });
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            packet.ipv6 = Some(Ipv6 { src: Named::Value(src), dst, ..Ipv6::default() });
        }
        _ => panic!("two families"),
    }
    let (sport, dport) = (Named::Value(flow.source.port()), flow.destination.port());
    match flow.protocol {
        Protocol::Tcp => packet.tcp = Some(Tcp { sport, dport, flags: flags.to_vec(), checksum: None }),
        Protocol::Udp => packet.udp = Some(Udp { sport, dport, length: None, checksum: None }),
    }
    packet
}

/// Source and destination of the outer header of a frame without VLAN tags.
fn outer(frame: &[u8]) -> (IpAddr, IpAddr) {
    fn address<const N: usize>(bytes: &[u8]) -> [u8; N] {
        bytes.try_into().expect("an address")
    }
    if frame[14] >> 4 == 4 {
        (address::<4>(&frame[26..30]).into(), address::<4>(&frame[30..34]).into())
    } else {
        (address::<16>(&frame[22..38]).into(), address::<16>(&frame[38..54]).into())
    }
}

fn send(stage: &mut Stage, flow: &FiveTuple, flags: &[TcpFlag]) -> Outcome {
    stage.fixture().forget_flows().expect("an empty flow table");
    let frame = build(&packet(flow, flags)).bytes;
    stage.fixture().check(&frame, Headroom::Usual).unwrap_or_else(|e| panic!("{flow:?}: {e:#}"))
}

fn same(stage: &Stage, explained: Option<&Encapsulation>, outcome: &Outcome, flow: &FiveTuple) {
    let Some(explained) = explained else {
        assert_eq!(outcome.verdict, Verdict::Drop, "{flow:?}");
        return;
    };
    let (_, backend, _) =
        outcome.sent.unwrap_or_else(|| panic!("{flow:?} is explained and was not sent: {outcome:?}"));
    assert_eq!(explained.backend.0, backend, "{flow:?}");
    let world = stage.world().expect("a world");
    let hops: Vec<IpAddr> = outcome.further.iter().map(|hop| world.backends[hop].address).collect();
    assert_eq!(explained.hops, hops, "{flow:?}");
    if explained.encapsulation != SetEncapsulation::L2 {
        let frame = outcome.frame.as_ref().expect("a frame");
        assert_eq!((explained.outer_source, explained.outer_destination), outer(frame), "{flow:?}");
    }
}

fn check(stage: &mut Stage, flow: &FiveTuple) {
    let desired = stage.desired().expect("a desired state");
    let installed = stage.fixture().installed().expect("what is installed");
    let syn = send(stage, flow, &[TcpFlag::Syn]);
    let later = send(stage, flow, &[TcpFlag::Ack]);
    match explain(&desired, &installed, flow).unwrap_or_else(|e| panic!("{flow:?}: {e}")) {
        Explanation::NotAVip => assert_eq!(syn.verdict, Verdict::Pass, "{flow:?}"),
        Explanation::UnknownPort => assert!(syn.counters.contains_key("drop_unknown_port"), "{flow:?}"),
        Explanation::Source(_) => assert!(syn.counters.contains_key("drop_source"), "{flow:?}"),
        Explanation::Vip(steering) => {
            let Steering { first_packet, later_packet, flow_hash: hash, .. } = steering;
            same(stage, first_packet.as_ref(), &syn, flow);
            same(stage, later_packet.as_ref(), &later, flow);
            let (a, b) = (flow.source.port().to_be_bytes(), flow.destination.port().to_be_bytes());
            let modelled = Flow {
                source: flow.source.ip(),
                destination: flow.destination.ip(),
                ports: [a[0], a[1], b[0], b[1]],
                protocol: flow.protocol.number(),
            };
            assert_eq!(hash, flow_hash(&stage.world().expect("a world").flow_key, &modelled), "{flow:?}");
        }
    }
}

#[test]
fn explained_as_forwarded() {
    let mut stage = Stage::new(NextHop::Fixed, Some(&change(WORLD))).unwrap_or_else(|e| panic!("{e:#}"));
    let destinations = [
        ("203.0.113.10:80", Protocol::Tcp),
        ("[2001:db8::10]:80", Protocol::Tcp),
        ("203.0.113.10:53", Protocol::Udp),
        ("203.0.113.10:443", Protocol::Tcp),
        ("[2001:db8::10]:443", Protocol::Tcp),
        ("203.0.113.10:8080", Protocol::Tcp),
        ("203.0.113.10:8080", Protocol::Udp),
        ("203.0.113.77:22", Protocol::Tcp),
        ("203.0.113.77:22", Protocol::Udp),
        ("[2001:db8::1]:9", Protocol::Tcp),
        ("203.0.114.1:80", Protocol::Tcp),
        ("203.0.113.10:443", Protocol::Udp),
        ("[2001:db8::10]:443", Protocol::Udp),
    ];
    let mut changes = CHANGES.iter();
    loop {
        for (destination, protocol) in destinations {
            let destination: SocketAddr = destination.parse().expect("an address");
            let client: IpAddr = if destination.is_ipv4() { "198.51.100.7" } else { "2001:db8:ffff::7" }
                .parse()
                .expect("an address");
            for n in 0..FLOWS {
                let source = SocketAddr::new(client, 1024 + n);
                check(&mut stage, &FiveTuple { source, destination, protocol });
            }
        }
        let Some(next) = changes.next() else { break };
        let step = Step { install: Some(change(next)), ..Step::default() };
        stage.step(&step).unwrap_or_else(|e| panic!("{next}: {e:#}"));
    }
}
