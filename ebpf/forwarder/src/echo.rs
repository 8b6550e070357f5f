//! BFD echo packets of neighbours go back from here: neither the agent nor the scheduler can delay them.

use guideway_abi::Counter;
use guideway_packet::{Datagram, ETHERTYPE_IPV4, lowered_ttl_v4, parse_l2};
use guideway_xdp::Context;

/// What becomes of a packet that is for no VIP.
#[inline(always)]
pub fn or(counter: Counter, datagram: &Datagram) -> Counter {
    if counter as u32 == Counter::Pass as u32 && datagram.is_bfd_echo() { Counter::BfdEcho } else { counter }
}

/// Turns the frame round: to the MAC address that it came from, with its TTL lowered as a router does. False when the
/// frame is not as it was a moment ago.
#[inline(never)]
pub fn reflect(context: &Context) -> bool {
    turn(context).is_some()
}

#[inline(always)]
fn turn(context: &Context) -> Option<()> {
    let l2 = parse_l2(context)?;
    if l2.ethertype == ETHERTYPE_IPV4 {
        let word = context.view_mut::<4>(l2.len + 8)?;
        *word = lowered_ttl_v4(u32::from_le_bytes(*word)).to_le_bytes();
    } else {
        let h = context.view_mut::<8>(l2.len)?;
        h[7] = h[7].wrapping_sub(1);
    }
    let macs = context.words_mut::<3>(0)?;
    // SAFETY: the words lie within the packet, and no other reference to them is held.
    unsafe {
        let [a, b, c] = macs.read_unaligned();
        // Destination: the four bytes of a and the lower half of b; source: the upper half of b and c.
        let (destination, source) =
            (u64::from(a) | u64::from(b as u16) << 32, u64::from(b >> 16) | u64::from(c) << 16);
        macs.write_unaligned([
            source as u32,
            (source >> 32) as u32 | (destination as u32) << 16,
            (destination >> 16) as u32,
        ]);
    }
    Some(())
}
