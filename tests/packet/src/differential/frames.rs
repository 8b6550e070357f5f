//! Frames: valid, nearly valid, and broken.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use guideway_dataplane_plan::{Ports, VipKey};
use ipnet::IpNet;

use crate::case_file::{Extension, Ipv4, Ipv6, Named, Packet, Step, Tcp, TcpFlag, Udp, WorldSpec, parse_key};
use crate::frame::build;

use super::random::Random;

/// Clients of each family; few, so that flows come again.
const CLIENTS: u8 = 3;
/// Ports of each client.
const CLIENT_PORTS: u64 = 6;
const SHORTEST: usize = 14;

/// A step that sends a frame.
pub(super) fn step(random: &mut Random, spec: &WorldSpec) -> Step {
    let keys: Vec<VipKey> = spec.vips.keys().filter_map(|text| parse_key(text).ok()).collect();
    let frame = frame(random, &keys).iter().map(|byte| format!("{byte:02x}")).collect();
    Step { frame: Some(frame), no_headroom: random.one_in(50), ..Step::default() }
}

/// A frame, mostly to one of these VIPs.
pub(super) fn frame(random: &mut Random, keys: &[VipKey]) -> Vec<u8> {
    let mut bytes = build(&packet(random, keys)).bytes;
    if random.one_in(6) {
        spoil(random, &mut bytes);
    }
    bytes
}

fn packet(random: &mut Random, keys: &[VipKey]) -> Packet {
    let key = if keys.is_empty() || random.one_in(12) { None } else { Some(*random.of(keys)) };
    let address = address(random, key.map(|key| key.address));
    let port = port(random, key.map(|key| key.ports));
    let tcp = match key {
        Some(key) if !random.one_in(20) => key.protocol.number() == 6,
        _ => random.one_in(2),
    };
    let mut packet = Packet { payload: payload(random), vlan: vlan(random), ..Packet::default() };
    match address {
        IpAddr::V4(dst) => packet.ipv4 = Some(ipv4(random, dst)),
        IpAddr::V6(dst) => packet.ipv6 = Some(ipv6(random, dst)),
    }
    let sport = Named::Value(40_000 + u16::try_from(random.below(CLIENT_PORTS)).expect("a few"));
    let checksum = match random.below(12) {
        0 => Some(0),
        1 => Some(random.short()),
        _ => None,
    };
    if tcp {
        packet.tcp = Some(Tcp { sport, dport: port, flags: flags(random), checksum });
    } else {
        let length = random.one_in(30).then(|| random.short());
        packet.udp = Some(Udp { sport, dport: port, length, checksum });
    }
    packet
}

fn address(random: &mut Random, net: Option<IpNet>) -> IpAddr {
    match net {
        Some(IpNet::V4(net)) => {
            // Often one of a few addresses, for the same reason.
            let hosts = 1 << (32 - net.prefix_len());
            let among = if random.one_in(2) { hosts.min(2) } else { hosts };
            let host = u32::try_from(random.below(among)).expect("host bits");
            Ipv4Addr::from(u32::from(net.network()) | host).into()
        }
        Some(IpNet::V6(net)) => {
            let mask = if net.prefix_len() == 128 { 0 } else { u128::MAX >> net.prefix_len() };
            let host = u128::from(random.next()) << 64 | u128::from(random.next());
            let few = if random.one_in(2) { 1 } else { u128::MAX };
            Ipv6Addr::from(u128::from(net.network()) | host & mask & few).into()
        }
        None if random.one_in(2) => Ipv4Addr::new(203, 0, 112 + random.byte(3), random.byte(255)).into(),
        None if random.one_in(8) => Ipv4Addr::new(203, 0, 113, 10).to_ipv6_mapped().into(),
        None => {
            Ipv6Addr::new(0x2001, 0xdb8, 0, random.byte(2).into(), 0, 0, 0, random.byte(20).into()).into()
        }
    }
}

fn port(random: &mut Random, ports: Option<Ports>) -> u16 {
    match ports {
        Some(Ports::One(port)) if !random.one_in(8) => port,
        Some(Ports::Range(first, last)) if !random.one_in(8) => {
            first + u16::try_from(random.below(u64::from(last - first) + 1)).expect("a port")
        }
        _ => *random.of(&[0, 1, 53, 80, 81, 443, 8000, 8080, 8085, 8090, 8999, 9000, 59_999, 60_000, 65_535]),
    }
}

fn payload(random: &mut Random) -> usize {
    match random.below(10) {
        0 => random.index(1600),
        1 => 1380 + random.index(100),
        2 => 0,
        _ => random.index(64),
    }
}

fn vlan(random: &mut Random) -> Vec<u16> {
    let tags = match random.below(16) {
        0 | 1 => 1,
        2 => 2,
        3 if random.one_in(4) => 3,
        _ => 0,
    };
    (0..tags).map(|_| random.short()).collect()
}

fn flags(random: &mut Random) -> Vec<TcpFlag> {
    use TcpFlag::{Ack, Cwr, Ece, Fin, Psh, Rst, Syn, Urg};
    let usual: &[&[TcpFlag]] =
        &[&[Syn], &[Syn], &[Ack], &[Ack], &[Ack, Psh], &[Ack, Fin], &[Rst], &[Syn, Ece, Cwr]];
    match random.below(10) {
        0 => [Fin, Syn, Rst, Psh, Ack, Urg, Ece, Cwr].into_iter().filter(|_| random.one_in(2)).collect(),
        _ => random.of(usual).to_vec(),
    }
}

fn ttl(random: &mut Random) -> u8 {
    if random.one_in(20) { random.byte(3) } else { 64 }
}

fn ipv4(random: &mut Random, dst: Ipv4Addr) -> Ipv4 {
    let usual = Ipv4::default();
    Ipv4 {
        src: Named::Value(source_v4(random)),
        dst,
        ttl: ttl(random),
        tos: if random.one_in(4) { random.byte(255) } else { 0 },
        id: random.short(),
        df: random.one_in(2),
        mf: random.one_in(40),
        offset: if random.one_in(40) { random.short() & 0x1fff } else { 0 },
        options: if random.one_in(10) { 4 * random.index(11) } else { 0 },
        ihl: random.one_in(60).then(|| random.byte(15)),
        total_length: random.one_in(40).then(|| random.short() >> random.below(16)),
        protocol: random.one_in(60).then(|| *random.of(&[1, 4, 41, 47, 58, 132])),
        checksum: random.one_in(30).then(|| *random.of(&[0, 0xffff, 0x1234, 0xfeff, 0xff00])),
        ..usual
    }
}

fn ipv6(random: &mut Random, dst: Ipv6Addr) -> Ipv6 {
    let count = match random.below(12) {
        0 => random.index(9),
        1 => 1,
        _ => 0,
    };
    Ipv6 {
        src: Named::Value(source_v6(random)),
        dst,
        hop_limit: ttl(random),
        traffic_class: if random.one_in(4) { random.byte(255) } else { 0 },
        flow_label: u32::from(random.short()),
        payload_length: random.one_in(40).then(|| random.short() >> random.below(16)),
        next_header: random
            .one_in(60)
            .then(|| *random.of(&[1, 4, 41, 47, 50, 58, 59, 132, 135, 0, 43, 44, 51, 60])),
        extensions: (0..count).map(|_| extension(random)).collect(),
        ..Ipv6::default()
    }
}

fn source_v4(random: &mut Random) -> Ipv4Addr {
    match random.below(20) {
        0 => Ipv4Addr::new(198, 51, 100 + random.byte(1), random.byte(255)),
        1 => Ipv4Addr::from_bits(u32::from(random.short()) << 16 | u32::from(random.short())),
        _ => Ipv4Addr::new(198, 51, 100, 1 + random.byte(CLIENTS)),
    }
}

fn source_v6(random: &mut Random) -> Ipv6Addr {
    match random.below(20) {
        0 => Ipv6Addr::new(0x2001, 0xdb8 + random.short() % 2, 0xffff, 0, 0, 0, 0, random.short()),
        1 => Ipv6Addr::from_bits(u128::from(random.next()) << 64 | u128::from(random.next())),
        _ => Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1 + u16::from(random.byte(CLIENTS))),
    }
}

fn extension(random: &mut Random) -> Extension {
    let eights = 8 * (1 + random.index(4));
    match random.below(6) {
        0 => Extension::HopByHop(eights),
        1 => Extension::Routing(eights),
        2 => Extension::DestinationOptions(eights),
        3 => Extension::Authentication(8 + 4 * random.index(5)),
        4 => Extension::Fragment(0, false),
        _ => {
            Extension::Fragment(if random.one_in(2) { 0 } else { random.short() & 0x1fff }, random.one_in(2))
        }
    }
}

/// Changes bytes near the headers, cuts or pads.
fn spoil(random: &mut Random, bytes: &mut Vec<u8>) {
    match random.below(4) {
        0 => bytes.truncate(SHORTEST.max(random.index(bytes.len() + 1))),
        1 => bytes.extend((0..random.below(64)).map(|n| u8::try_from(n).expect("a few"))),
        _ => {
            for _ in 0..=random.below(3) {
                let at = random.index(bytes.len().min(80));
                bytes[at] =
                    if random.one_in(2) { bytes[at] ^ 1 << random.below(8) } else { random.byte(255) };
            }
        }
    }
}
