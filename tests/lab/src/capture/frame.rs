//! The headers of a captured packet that matter here: one IP header, or two when it is encapsulated, and the ports.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const IPIP: u8 = 4;
const IPV6_IN_IP: u8 = 41;
const TCP: u8 = 6;
const UDP: u8 = 17;
const TCP_SYN: u8 = 0x02;
const TCP_ACK: u8 = 0x10;

/// Addresses, protocol and ports of one IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Protocol of the payload (IANA number).
    pub protocol: u8,
    /// Source and destination port of TCP or UDP.
    pub ports: Option<(u16, u16)>,
    /// Flags byte of TCP.
    pub tcp_flags: Option<u8>,
}

/// The headers of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The first IP header.
    pub outer: Header,
    /// The second one, when the first carries IPv4 or IPv6.
    pub inner: Option<Header>,
}

impl Frame {
    /// Reads a packet from its network header on; `None` when it is neither IPv4 nor IPv6 or too short.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (outer, payload) = header(bytes)?;
        let inner = match outer.protocol {
            IPIP | IPV6_IN_IP => header(payload).map(|(inner, _)| inner),
            _ => None,
        };
        Some(Self { outer, inner })
    }

    /// The header of the flow: the inner one of an encapsulated packet.
    #[must_use]
    pub fn flow(&self) -> &Header {
        self.inner.as_ref().unwrap_or(&self.outer)
    }

    /// Whether the packet is encapsulated.
    #[must_use]
    pub fn is_encapsulated(&self) -> bool {
        self.inner.is_some()
    }
}

impl Header {
    /// The first packet of a TCP connection.
    #[must_use]
    pub fn is_syn(&self) -> bool {
        self.tcp_flags.is_some_and(|flags| flags & (TCP_SYN | TCP_ACK) == TCP_SYN)
    }

    /// The answer to it.
    #[must_use]
    pub fn is_syn_ack(&self) -> bool {
        self.tcp_flags.is_some_and(|flags| flags & (TCP_SYN | TCP_ACK) == TCP_SYN | TCP_ACK)
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ports {
            Some((source, destination)) => {
                let end = std::net::SocketAddr::new(self.source, source);
                write!(f, "{end} > {}", std::net::SocketAddr::new(self.destination, destination))
            }
            None => write!(f, "{} > {}", self.source, self.destination),
        }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Some(inner) => write!(f, "{} [{inner}]", self.outer),
            None => write!(f, "{}", self.outer),
        }
    }
}

fn header(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let (source, destination, protocol, payload): (IpAddr, IpAddr, u8, &[u8]) = match bytes.first()? >> 4 {
        4 => {
            let length = usize::from(bytes[0] & 0xf) * 4;
            let at = |place: usize| -> Option<Ipv4Addr> {
                Some(<[u8; 4]>::try_from(bytes.get(place..place + 4)?).ok()?.into())
            };
            (at(12)?.into(), at(16)?.into(), *bytes.get(9)?, bytes.get(length.max(20)..)?)
        }
        6 => {
            let at = |place: usize| -> Option<Ipv6Addr> {
                Some(<[u8; 16]>::try_from(bytes.get(place..place + 16)?).ok()?.into())
            };
            (at(8)?.into(), at(24)?.into(), *bytes.get(6)?, bytes.get(40..)?)
        }
        _ => return None,
    };
    let port = |place: usize| Some(u16::from_be_bytes([*payload.get(place)?, *payload.get(place + 1)?]));
    let ports = matches!(protocol, TCP | UDP).then(|| Some((port(0)?, port(2)?))).flatten();
    let tcp_flags = if protocol == TCP { payload.get(13).copied() } else { None };
    Some((Header { source, destination, protocol, ports, tcp_flags }, payload))
}

#[cfg(test)]
mod tests {
    use super::Frame;

    fn v4(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 1, 9, 2, 203, 0, 113, 10];
        packet.extend(payload);
        packet
    }

    fn tcp(flags: u8) -> Vec<u8> {
        let mut header = vec![0; 20];
        header[..4].copy_from_slice(&[0x27, 0x10, 0, 80]);
        header[13] = flags;
        header
    }

    #[test]
    fn a_plain_and_an_encapsulated_packet() {
        let plain = Frame::parse(&v4(6, &tcp(0x02))).unwrap();
        assert!(!plain.is_encapsulated() && plain.flow().is_syn());
        assert_eq!(plain.to_string(), "10.1.9.2:10000 > 203.0.113.10:80");

        let wrapped = Frame::parse(&v4(4, &v4(6, &tcp(0x12)))).unwrap();
        assert!(wrapped.is_encapsulated() && wrapped.flow().is_syn_ack());
        assert_eq!(wrapped.to_string(), "10.1.9.2 > 203.0.113.10 [10.1.9.2:10000 > 203.0.113.10:80]");
    }

    #[test]
    fn no_prefix_of_a_packet_panics() {
        let packet = v4(4, &v4(6, &tcp(0x12)));
        for length in 0..packet.len() {
            let _ = Frame::parse(&packet[..length]);
        }
    }
}
