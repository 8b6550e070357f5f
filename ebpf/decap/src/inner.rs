//! The packet inside of the tunnel.

use core::hint::black_box;

use guideway_abi::DecapCounter;
use guideway_packet::{
    Address, Family, Frame, IPV4_HEADER_LEN, IPV6_HEADER_LEN, PROTOCOL_TCP, Parsed, Problem, parse_ipv4,
    parse_ipv6,
};
use guideway_xdp::Context;

use crate::{
    Verdict,
    packet::{Packet, TcpPart},
};

/// Offset of the sequence number in a TCP header, and from there to the flags.
const TCP_SEQUENCE: usize = 4;
const TO_FLAGS: usize = 9;

/// Where the inner packet goes; `None`: it cannot be for a VIP.
#[inline(always)]
pub fn destination(context: &Context, packet: &Packet) -> Option<Address> {
    match packet.family() {
        Family::V4 => {
            let h = context.view::<IPV4_HEADER_LEN>(packet.inner())?;
            Some(Address::from_v4([h[16], h[17], h[18], h[19]]))
        }
        Family::V6 => {
            context.view::<IPV6_HEADER_LEN>(packet.inner())?;
            let address = Address::from_bytes(*context.view::<16>(packet.inner() + 24)?);
            // An IPv4-mapped address has no place on the wire (RFC 4942, 2.2), and would pass for an IPv4 VIP here.
            (!address.is_v4()).then_some(address)
        }
    }
}

/// Reads the inner packet up to its ports, and whether it fits into the outer one.
#[inline(always)]
pub fn read(context: &Context, packet: &mut &'static mut Packet) -> Verdict<()> {
    let tunnel = packet.tunnel();
    let offset = packet.inner();
    let h = context.view::<IPV4_HEADER_LEN>(offset).ok_or(DecapCounter::DropMalformed)?;
    let (version, len) = match packet.family() {
        Family::V4 => (4, usize::from(u16::from_be_bytes([h[2], h[3]]))),
        Family::V6 => (6, IPV6_HEADER_LEN + usize::from(u16::from_be_bytes([h[4], h[5]]))),
    };
    let before = offset - packet.outer();
    if tunnel.malformed
        || h[0] >> 4 != version
        || before + len > tunnel.outer_len
        || !context.reaches(packet.outer() + tunnel.outer_len)
    {
        return Err(DecapCounter::DropMalformed);
    }
    let parsed = match packet.family() {
        Family::V4 => parse_ipv4(context, offset),
        Family::V6 => parse_ipv6(context, offset),
    };
    let datagram = match parsed {
        Parsed::Datagram(datagram) => Some(datagram),
        Parsed::Other | Parsed::Broken { problem: Problem::Fragment | Problem::ExtensionHeaders, .. } => None,
        Parsed::Broken { problem: Problem::Malformed, .. } => return Err(DecapCounter::DropMalformed),
    };
    let mut tcp = TcpPart::default();
    if let Some(datagram) = &datagram
        && datagram.protocol == PROTOCOL_TCP
    {
        // The start of the packet is read anew: kept from before, the compiler cuts the pointer to the 32 bits that it is
        // declared with, which the verifier takes for a number.
        black_box(());
        let h = context.view::<{ TO_FLAGS + 1 }>(offset + datagram.l4_offset + TCP_SEQUENCE);
        let h = h.ok_or(DecapCounter::DropMalformed)?;
        tcp = TcpPart { flags: h[TO_FLAGS], sequence_be: u32::from_ne_bytes([h[0], h[1], h[2], h[3]]) };
    }
    packet.note(datagram, tcp);
    Ok(())
}
