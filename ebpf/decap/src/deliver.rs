//! An inner packet on its way into the kernel.

use core::hint::black_box;

use aya_ebpf::helpers::bpf_xdp_adjust_head;
use guideway_abi::{DecapCounter, DecapService};
use guideway_packet::{
    Address, Checksum, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Family, Frame, IPV4_HEADER_LEN, PROTOCOL_TCP,
    decapsulated_ecn,
};
use guideway_xdp::Context;

use crate::{Verdict, maps, packet::Packet};

const TCP_CHECKSUM: usize = 16;
const UDP_CHECKSUM: usize = 6;

/// Gives the packet, whose flow is remembered, the target as its destination. A function of its own, as are all that need
/// much of the stack.
#[inline(never)]
pub fn translate(context: &Context, packet: &Packet, service: &DecapService) -> Verdict<()> {
    // A fragment has no ports, and other protocols have none of these.
    let datagram = packet.datagram().ok_or(DecapCounter::DropUnknownPort)?;
    let vip = datagram.addresses.destination();
    let target = Address::from_bytes(service.target.address);
    let l4 = packet.l4(datagram);
    let port = context.view_mut::<2>(l4 + 2).ok_or(DecapCounter::DropMalformed)?;
    *port = service.target.port_be.to_le_bytes();
    // RFC 1624, equation 3, over the addresses of the pseudo header and the port.
    let ports = Checksum::zero().add(!datagram.destination_port_be()).add(service.target.port_be);
    let (addresses, all) = match packet.family() {
        Family::V4 => {
            let to = context.view_mut::<4>(packet.inner() + 16).ok_or(DecapCounter::DropMalformed)?;
            *to = target.v4_bits().to_le_bytes();
            let both = |sum: Checksum| sum.add_u32(!vip.v4_bits()).add_u32(target.v4_bits());
            (Some(both(Checksum::zero())), both(ports))
        }
        Family::V6 => {
            let to = context.view_mut::<16>(packet.inner() + 24).ok_or(DecapCounter::DropMalformed)?;
            *to = target.to_bytes();
            let ([a, b], [c, d]) = (vip.words(), target.words());
            (None, add_u64(add_u64(add_u64(add_u64(ports, !a), !b), c), d))
        }
    };
    if let Some(addresses) = addresses {
        update(context, packet.inner() + 10, addresses)?;
    }
    if datagram.protocol == PROTOCOL_TCP {
        update(context, l4 + TCP_CHECKSUM, all)?;
    } else {
        let field = context.view_mut::<2>(l4 + UDP_CHECKSUM).ok_or(DecapCounter::DropMalformed)?;
        let old = u16::from_le_bytes(*field);
        // RFC 768: zero means that there is none, and a sum of zero is sent as all ones.
        if old != 0 {
            let new = all.add(!old).finish();
            *field = if new == 0 { [0xff; 2] } else { new.to_le_bytes() };
        }
    }
    maps::count(DecapCounter::Translated);
    Ok(())
}

/// Takes everything between the Ethernet header and the inner packet out.
#[inline(always)]
pub fn strip(context: &Context, packet: &Packet) -> Verdict<()> {
    carry_ecn(context, packet)?;
    let ethertype = match packet.family() {
        Family::V4 => ETHERTYPE_IPV4,
        Family::V6 => ETHERTYPE_IPV6,
    };
    move_l2(context, packet, ethertype).ok_or(DecapCounter::DropMalformed)
}

/// Marks of congestion that the outer header got on its way: RFC 6040, 4.2.
#[inline(always)]
fn carry_ecn(context: &Context, packet: &Packet) -> Verdict<()> {
    let first = context.view_mut::<2>(packet.inner()).ok_or(DecapCounter::DropMalformed)?;
    let old = match packet.family() {
        Family::V4 => first[1] & 3,
        Family::V6 => first[1] >> 4 & 3,
    };
    let new = decapsulated_ecn(packet.tunnel().traffic_class, old).ok_or(DecapCounter::DropCongested)?;
    if new == old {
        return Ok(());
    }
    match packet.family() {
        Family::V4 => {
            let before = u16::from_le_bytes(*first);
            first[1] = first[1] & !3 | new;
            let sum = Checksum::zero().add(!before).add(u16::from_le_bytes(*first));
            update(context, packet.inner() + 10, sum)
        }
        Family::V6 => {
            first[1] = first[1] & !0x30 | new << 4;
            Ok(())
        }
    }
}

/// Moves the Ethernet header and its tags up to the inner packet.
#[inline(always)]
fn move_l2(context: &Context, packet: &Packet, ethertype: u16) -> Option<()> {
    let (l2_len, by) = (packet.outer(), (packet.inner() - packet.outer()) & 0xff);
    if by < IPV4_HEADER_LEN {
        return None;
    }
    // From the back, since the places overlap when there is a second tag.
    // The verifier wants offsets from a pointer that are not negative, and the compiler must not see that this is one.
    *context.view_mut::<2>(black_box(l2_len + by - 2) & 0xff)? = ethertype.to_be_bytes();
    if l2_len >= 22 {
        move_by::<4>(context, 16, by)?;
    }
    if l2_len >= 18 {
        move_by::<4>(context, 12, by)?;
    }
    move_by::<12>(context, 0, by)?;
    // SAFETY: the helper takes the program's own context; no pointer into the packet is used after it.
    (unsafe { bpf_xdp_adjust_head(context.as_ptr(), by as i32) } == 0).then_some(())
}

#[inline(always)]
fn move_by<const N: usize>(context: &Context, offset: usize, by: usize) -> Option<()> {
    let bytes = *context.view::<N>(offset)?;
    *context.view_mut::<N>(offset + by)? = bytes;
    Some(())
}

/// Applies a difference to a checksum field: RFC 1624, equation 3. A wrong one stays wrong.
#[inline(always)]
pub fn update(context: &Context, offset: usize, difference: Checksum) -> Verdict<()> {
    let field = context.view_mut::<2>(offset).ok_or(DecapCounter::DropMalformed)?;
    *field = difference.add(!u16::from_le_bytes(*field)).finish().to_le_bytes();
    Ok(())
}

#[inline(always)]
pub fn add_u64(sum: Checksum, words: u64) -> Checksum {
    sum.add_u32(words as u32).add_u32((words >> 32) as u32)
}
