//! What packets see.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;

use guideway_bpf::{TestProgram, TestRunOptions, xdp_action};

/// TCP with ACK.
const ACK: u8 = 0x10;
/// TCP with SYN.
const SYN: u8 = 0x02;
const TCP: u8 = 6;
const UDP: u8 = 17;
/// Clients of each destination.
const CLIENTS: u8 = 12;

/// What became of each packet: verdict and bytes.
pub type Seen = Vec<(u32, Vec<u8>)>;

/// Sends all packets through the pinned program.
pub fn probe(root: &Path) -> Seen {
    let program = TestProgram::open(&root.join("forwarder")).unwrap();
    packets()
        .iter()
        .map(|packet| {
            let out = program.run(packet, &TestRunOptions::default()).unwrap();
            (out.retval, out.packet)
        })
        .collect()
}

/// Backends, all with IPv4 addresses, that the packets to 203.0.113.`last` and this TCP port were sent to.
pub fn backends(seen: &Seen, last: u8, port: u16) -> BTreeSet<Ipv4Addr> {
    let destination = [203, 0, 113, last];
    let is_it = |packet: &[u8]| {
        packet[12..14] == [8, 0] && packet[30..34] == destination && packet[36..38] == port.to_be_bytes()
    };
    let sent = packets().into_iter().zip(seen).filter(|(packet, _)| is_it(packet));
    sent.filter(|(_, (verdict, _))| *verdict == xdp_action::TX)
        .map(|(_, (_, out))| Ipv4Addr::new(out[30], out[31], out[32], out[33]))
        .collect()
}

/// New flows, flows that were seen to begin and such that were not, of several clients to every destination that the
/// history knows, and to some that it does not.
fn packets() -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for client in 1..=CLIENTS {
        for (flags, client_port) in [(SYN, 40_000), (ACK, 40_000), (ACK, 41_000)] {
            let segment = tcp(client_port, flags);
            for (last, port) in [(10, 80), (11, 80), (11, 81), (11, 82), (130, 443), (10, 81), (200, 80)] {
                packets.push(v4(client, last, port, &segment));
            }
            packets.push(v6(client, [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10], &segment));
            packets.push(v6(client, [0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x77], &segment));
        }
        for port in [8000, 8009, 53] {
            packets.push(v4(client, 12, port, &udp()));
        }
    }
    packets
}

/// A header without its destination port.
struct Transport {
    protocol: u8,
    source_port: u16,
    rest: Vec<u8>,
}

fn udp() -> Transport {
    Transport { protocol: UDP, source_port: 40_000, rest: vec![0, 8, 0, 0] }
}

fn tcp(source_port: u16, flags: u8) -> Transport {
    Transport {
        protocol: TCP,
        source_port,
        rest: vec![0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0],
    }
}

/// From 192.0.2.`client` to 203.0.113.`last`. The forwarder looks at no checksum.
fn v4(client: u8, last: u8, port: u16, transport: &Transport) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let length = 20 + 4 + u8::try_from(transport.rest.len()).unwrap();
    frame.extend([
        0x45,
        0,
        0,
        length,
        0,
        0,
        0,
        0,
        64,
        transport.protocol,
        0,
        0,
        192,
        0,
        2,
        client,
        203,
        0,
        113,
        last,
    ]);
    finish(frame, port, transport)
}

fn v6(client: u8, destination: [u8; 16], transport: &Transport) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd];
    let length = 4 + u8::try_from(transport.rest.len()).unwrap();
    frame.extend([0x60, 0, 0, 0, 0, length, transport.protocol, 64]);
    frame.extend([0x20, 1, 0xd, 0xb8, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, client]);
    frame.extend(destination);
    finish(frame, 80, transport)
}

fn finish(mut frame: Vec<u8>, port: u16, transport: &Transport) -> Vec<u8> {
    frame.extend(transport.source_port.to_be_bytes());
    frame.extend(port.to_be_bytes());
    frame.extend(&transport.rest);
    frame
}
