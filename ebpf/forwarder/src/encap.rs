//! Writes the outer header and the Ethernet header in front of it.

use aya_ebpf::helpers::bpf_xdp_adjust_head;
use guideway_abi::Counter;
use guideway_packet::{
    Datagram, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Family, Frame, IPV4_HEADER_LEN, IPV6_HEADER_LEN,
    decrement_ttl_v4,
};
use guideway_xdp::Context;

use crate::{Verdict, next_hop::NextHop, outer::Outer};

/// Lowers the inner TTL (RFC 2003, 3.1), makes room and writes the outer and the Ethernet header.
#[inline(always)]
pub fn write(context: &Context, datagram: &Datagram, outer: &Outer, next_hop: &NextHop) -> Verdict<()> {
    lower_ttl(context, datagram).ok_or(Counter::DropInternal)?;
    match outer {
        Outer::V4(outer) => {
            make_room::<IPV4_HEADER_LEN>(context, datagram.l2_len, next_hop, ETHERTYPE_IPV4)?;
            let at = context.view_mut::<IPV4_HEADER_LEN>(datagram.l2_len).ok_or(Counter::DropInternal)?;
            *at = outer.to_bytes();
        }
        Outer::V6(outer) => {
            make_room::<IPV6_HEADER_LEN>(context, datagram.l2_len, next_hop, ETHERTYPE_IPV6)?;
            let at = context.view_mut::<IPV6_HEADER_LEN>(datagram.l2_len).ok_or(Counter::DropInternal)?;
            at[..8].copy_from_slice(&outer.first_bytes());
            at[8..24].copy_from_slice(&outer.source);
            at[24..].copy_from_slice(&outer.destination);
        }
    }
    Ok(())
}

#[inline(always)]
fn lower_ttl(context: &Context, datagram: &Datagram) -> Option<()> {
    match datagram.flow.family {
        Family::V4 => {
            let h = context.view_mut::<IPV4_HEADER_LEN>(datagram.l2_len)?;
            let checksum = decrement_ttl_v4(u16::from_le_bytes([h[10], h[11]]), h[8], h[9]);
            h[8] = h[8].wrapping_sub(1);
            [h[10], h[11]] = checksum.to_le_bytes();
        }
        Family::V6 => {
            let h = context.view_mut::<IPV6_HEADER_LEN>(datagram.l2_len)?;
            h[7] = h[7].wrapping_sub(1);
        }
    }
    Some(())
}

/// Moves the Ethernet header, with its VLAN tags, `ROOM` bytes to the front.
#[inline(always)]
fn make_room<const ROOM: usize>(
    context: &Context,
    l2_len: usize,
    next_hop: &NextHop,
    ethertype: u16,
) -> Verdict<()> {
    // SAFETY: the helper takes the program's own context; every pointer into the packet is fetched again after it.
    if unsafe { bpf_xdp_adjust_head(context.as_ptr(), -(ROOM as i32)) } != 0 {
        return Err(Counter::DropNoHeadroom);
    }
    // The tags stand between the MAC addresses and the last EtherType.
    if l2_len >= 18 {
        move_four::<ROOM>(context, 12)?;
    }
    if l2_len >= 22 {
        move_four::<ROOM>(context, 16)?;
    }
    let macs = context.view_mut::<12>(0).ok_or(Counter::DropInternal)?;
    macs[..6].copy_from_slice(&next_hop.destination_mac);
    macs[6..].copy_from_slice(&next_hop.source_mac);
    let last = context.view_mut::<2>(l2_len - 2).ok_or(Counter::DropInternal)?;
    *last = ethertype.to_be_bytes();
    Ok(())
}

#[inline(always)]
fn move_four<const ROOM: usize>(context: &Context, offset: usize) -> Verdict<()> {
    let tag = *context.view::<4>(offset + ROOM).ok_or(Counter::DropInternal)?;
    *context.view_mut::<4>(offset).ok_or(Counter::DropInternal)? = tag;
    Ok(())
}
