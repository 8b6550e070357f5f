//! The packets that the driver makes, as it wants them: a whole frame and the words that it varies.

use std::net::IpAddr;

use guideway_dataplane_plan::Protocol;

use crate::world::{FORWARDER_MAC, ROUTER_MAC};

/// A frame whose source address and port the driver varies; its source port is zero.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// 64 bytes for IPv4, 84 for IPv6.
    pub(crate) bytes: Vec<u8>,
    /// 4 or 6.
    pub(crate) family: u32,
}

impl Template {
    /// A packet with 10 bytes behind its TCP header, or 22 behind its UDP header.
    pub(crate) fn new(destination: IpAddr, protocol: Protocol, port: u16) -> Self {
        let mut bytes = [FORWARDER_MAC, ROUTER_MAC].concat();
        let family = match destination {
            IpAddr::V4(destination) => {
                bytes.extend([8, 0, 0x45, 0, 0, 50, 0, 0, 0x40, 0, 64, protocol.number(), 0, 0]);
                bytes.extend([100, 64, 0, 0]);
                bytes.extend(destination.octets());
                4
            }
            IpAddr::V6(destination) => {
                bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 30, protocol.number(), 64]);
                bytes.extend([0x20, 1, 0x0d, 0xb8, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
                bytes.extend(destination.octets());
                6
            }
        };
        let len = if family == 4 { 64 } else { 84 };
        bytes.extend([0, 0]);
        bytes.extend(port.to_be_bytes());
        bytes.extend(match protocol {
            Protocol::Tcp => [0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0],
            Protocol::Udp => [0, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        });
        bytes.resize(len, 0);
        Self { bytes, family }
    }

    /// The words of the driver's template: bytes 0 to 7, 6 to 13, and the 48 from 14 on.
    pub(crate) fn words(&self) -> [u64; 8] {
        [0, 6, 14, 22, 30, 38, 46, 54].map(|at| {
            let mut word = [0; 8];
            word.copy_from_slice(&self.bytes[at..at + 8]);
            u64::from_ne_bytes(word)
        })
    }
}
