//! The packets that the driver makes, as it wants them: a whole frame and the parts that it writes anew each time.

use std::net::IpAddr;

use guideway_dataplane_plan::Protocol;

use crate::world::{FORWARDER_MAC, ROUTER_MAC};

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A TCP segment of an established connection.
    Ack,
    /// The first segment of a TCP connection.
    Syn,
    /// A UDP datagram.
    Udp,
}

impl Kind {
    /// Its transport protocol.
    pub(crate) const fn protocol(self) -> Protocol {
        match self {
            Self::Ack | Self::Syn => Protocol::Tcp,
            Self::Udp => Protocol::Udp,
        }
    }
}

/// Outer headers, from an IPv4 address to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// None.
    #[default]
    Bare,
    /// IP in IP.
    IpIp,
    /// GUE without a checksum.
    Gue,
    /// GRE.
    Gre,
}

/// Where a tunnel begins and ends.
const TUNNEL: [[u8; 4]; 2] = [[172, 16, 0, 1], [10, 1, 1, 2]];

/// A frame whose source address and port the driver varies; its source port is zero.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// The frame.
    pub(crate) bytes: Vec<u8>,
    /// 4 or 6: family of the header that is varied.
    pub(crate) family: u32,
    /// Bytes of outer headers.
    pub(crate) outer: usize,
}

impl Template {
    /// A frame of 64 bytes over IPv4 and of 84 over IPv6, and the outer headers before its packet.
    pub(crate) fn new(destination: IpAddr, kind: Kind, port: u16, tunnel: Tunnel) -> Self {
        let (packet, family) = packet(destination, kind, port);
        let outer = outer(tunnel, family, packet.len());
        let ethertype: [u8; 2] = if family == 4 || !outer.is_empty() { [8, 0] } else { [0x86, 0xdd] };
        let ethernet = [&FORWARDER_MAC[..], &ROUTER_MAC, &ethertype].concat();
        Self { bytes: [ethernet, outer.clone(), packet].concat(), family: family.into(), outer: outer.len() }
    }

    /// The driver's template: words of 8 bytes from 0, 6 and 14 on, the last six without the outer headers; and these.
    pub(crate) fn parts(&self) -> [u64; 12] {
        let word = |at: usize| {
            let mut word = [0; 8];
            let bytes = self.bytes.get(at..).unwrap_or_default();
            let len = bytes.len().min(8);
            word[..len].copy_from_slice(&bytes[..len]);
            u64::from_ne_bytes(word)
        };
        let mut parts = [0; 12];
        for (part, at) in parts.iter_mut().zip([0, 6]) {
            *part = word(at);
        }
        for (number, part) in parts[2..8].iter_mut().enumerate() {
            *part = word(14 + self.outer + 8 * number);
        }
        for (number, part) in parts[8..].iter_mut().enumerate() {
            *part = word(14 + 8 * number);
        }
        parts
    }
}

fn packet(destination: IpAddr, kind: Kind, port: u16) -> (Vec<u8>, u8) {
    let protocol = kind.protocol().number();
    let (mut packet, family, len) = match destination {
        IpAddr::V4(destination) => {
            let mut header = vec![0x45, 0, 0, 50, 0, 0, 0x40, 0, 64, protocol, 0, 0, 100, 64, 0, 0];
            header.extend(destination.octets());
            (header, 4, 50)
        }
        IpAddr::V6(destination) => {
            let mut header = vec![0x60, 0, 0, 0, 0, 30, protocol, 64];
            header.extend([0x20, 1, 0x0d, 0xb8, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            header.extend(destination.octets());
            (header, 6, 70)
        }
    };
    packet.extend([0, 0]);
    packet.extend(port.to_be_bytes());
    packet.extend(match kind {
        Kind::Ack => [0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0x12, 0x34, 0, 0],
        Kind::Syn => [0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0x12, 0x34, 0, 0],
        // With a checksum, though a wrong one: the program does not look at the payload.
        Kind::Udp => [0, 30, 0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    });
    packet.resize(len, 0);
    (packet, family)
}

fn outer(tunnel: Tunnel, family: u8, inner: usize) -> Vec<u8> {
    let inner_protocol = if family == 4 { 4 } else { 41 };
    let inner_ethertype: [u8; 2] = if family == 4 { [8, 0] } else { [0x86, 0xdd] };
    let (protocol, rest) = match tunnel {
        Tunnel::Bare => return Vec::new(),
        Tunnel::IpIp => (inner_protocol, vec![]),
        Tunnel::Gre => (47, [&[0, 0][..], &inner_ethertype].concat()),
        Tunnel::Gue => {
            let length = u16::try_from(12 + inner).unwrap_or(0).to_be_bytes();
            let udp = [0xc1, 0x23, 0x17, 0xc0, length[0], length[1], 0, 0];
            (17, [&udp[..], &[0, inner_protocol, 0, 0]].concat())
        }
    };
    let length = u16::try_from(20 + rest.len() + inner).unwrap_or(0).to_be_bytes();
    let mut header = vec![0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 64, protocol, 0, 0];
    header.extend(TUNNEL.concat());
    let sum = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum::<u32>();
    let sum = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap_or(0);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    [header, rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_varied_header_stands_behind_the_outer_ones() {
        let vip = "20.0.0.0".parse().expect("an address");
        for (tunnel, outer) in [(Tunnel::Bare, 0), (Tunnel::IpIp, 20), (Tunnel::Gre, 24), (Tunnel::Gue, 32)] {
            let template = Template::new(vip, Kind::Ack, 80, tunnel);
            assert_eq!((template.outer, template.bytes.len()), (outer, 64 + outer));
            let parts = template.parts();
            assert_eq!(parts[2].to_ne_bytes()[..2], [0x45, 0], "{tunnel:?}");
            let total = u16::from_be_bytes([template.bytes[16], template.bytes[17]]);
            assert_eq!(usize::from(total), 50 + outer);
        }
    }
}
