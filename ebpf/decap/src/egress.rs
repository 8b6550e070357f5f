//! Replies of translated flows.

use core::ptr;

use aya_ebpf::{
    bindings::{BPF_F_MARK_MANGLED_0, BPF_F_PSEUDO_HDR, TC_ACT_UNSPEC},
    helpers::generated::{bpf_csum_diff, bpf_l3_csum_replace, bpf_l4_csum_replace, bpf_skb_store_bytes},
    programs::TcContext,
};
use guideway_abi::{DecapCounter, DecapFlow, DecapFlowKey, decap_flow_flags};
use guideway_packet::{
    Address, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Family, Frame, IPV4_HEADER_LEN, IPV6_HEADER_LEN, PROTOCOL_TCP,
    PROTOCOL_UDP, TCP_HEADER_LEN, UDP_HEADER_LEN, parse_l2,
};

use crate::{flow, maps, skb::Skb};

/// Leaves the packet to the next program, or to the interface. The same number for clsact and tcx.
pub const NEXT: i32 = TC_ACT_UNSPEC;

/// The longest headers that are looked at: Ethernet with two tags, IPv4 with options, TCP.
const HEADERS_MAX: u32 = 22 + 60 + 20;
const HOP_BY_HOP: u8 = 0;
const FRAGMENT_BITS: u16 = 0x3fff;
const FIN: u8 = 1;
const RST: u8 = 4;
const ACK: u8 = 16;

/// What a reply tells of itself.
struct Reply {
    family: Family,
    /// Offset of the IP header.
    offset: usize,
    /// Offset of the TCP or UDP header.
    l4: usize,
    tcp_flags: u8,
    /// The number that it acknowledges, if it has ACK.
    acknowledged_be: u32,
    key: DecapFlowKey,
}

/// Gives the packet the VIP as its source if it is the reply of a translated flow.
#[inline(always)]
pub fn translate(ctx: &TcContext) {
    if maps::global().is_none_or(|global| global.translates == 0) {
        return;
    }
    let skb = Skb::new(ctx);
    skb.pull(HEADERS_MAX);
    let Some(reply) = read(&skb) else { return };
    let Some(found) = flow::find(&reply.key) else { return };
    note(found, &reply);
    let found = *found;
    if rewrite(&skb, &reply, &found).is_some() {
        maps::count(DecapCounter::Replied);
    }
}

#[inline(always)]
fn note(found: &mut DecapFlow, reply: &Reply) {
    let now = flow::now();
    if found.last_seen != now {
        found.last_seen = now;
    }
    if reply.tcp_flags & RST != 0 {
        found.flags |= decap_flow_flags::RST_OUT;
        return;
    }
    if reply.tcp_flags & ACK != 0
        && (found.acknowledged_be != reply.acknowledged_be
            || found.flags & decap_flow_flags::ACKNOWLEDGED == 0)
    {
        // Who acknowledges more than when the client's RST came has not taken it.
        found.acknowledged_be = reply.acknowledged_be;
        found.flags = found.flags & !decap_flow_flags::RST_IN | decap_flow_flags::ACKNOWLEDGED;
    }
    if reply.tcp_flags & FIN != 0 {
        found.flags |= decap_flow_flags::FIN_OUT;
    }
}

/// The key of a TCP or UDP packet. Lengths are not looked at: a packet that the hardware cuts into segments, which may be
/// longer than its header can say, is like any other.
#[inline(always)]
fn read(skb: &Skb) -> Option<Reply> {
    let l2 = parse_l2(skb)?;
    let offset = l2.len;
    let (family, protocol, l4, source, destination) = match l2.ethertype {
        ETHERTYPE_IPV4 => {
            let h = skb.view::<IPV4_HEADER_LEN>(offset)?;
            let fragment = u16::from_be_bytes([h[6], h[7]]) & FRAGMENT_BITS != 0;
            if h[0] < 0x45 || h[0] > 0x4f || fragment {
                return None;
            }
            let l4 = offset + usize::from(h[0] & 0x0f) * 4;
            let source = Address::from_v4([h[12], h[13], h[14], h[15]]);
            (Family::V4, h[9], l4, source, Address::from_v4([h[16], h[17], h[18], h[19]]))
        }
        ETHERTYPE_IPV6 => {
            let mut protocol = skb.view::<IPV6_HEADER_LEN>(offset)?[6];
            let source = Address::from_bytes(*skb.view::<16>(offset + 8)?);
            let destination = Address::from_bytes(*skb.view::<16>(offset + 24)?);
            let mut l4 = offset + IPV6_HEADER_LEN;
            // The kernel puts one before a segment above 64 KiB (RFC 2675).
            if protocol == HOP_BY_HOP {
                let &[next, units] = skb.view::<2>(l4)?;
                if units != 0 {
                    return None;
                }
                protocol = next;
                l4 += 8;
            }
            (Family::V6, protocol, l4, source, destination)
        }
        _ => return None,
    };
    let (ports, tcp_flags, acknowledged_be) = match protocol {
        PROTOCOL_TCP => {
            let h = skb.view::<TCP_HEADER_LEN>(l4)?;
            ([h[0], h[1], h[2], h[3]], h[13], u32::from_ne_bytes([h[8], h[9], h[10], h[11]]))
        }
        PROTOCOL_UDP => {
            let h = skb.view::<UDP_HEADER_LEN>(l4)?;
            ([h[0], h[1], h[2], h[3]], 0, 0)
        }
        _ => return None,
    };
    let key = DecapFlowKey {
        client: destination.to_bytes(),
        target: source.to_bytes(),
        client_port_be: u16::from_le_bytes([ports[2], ports[3]]),
        target_port_be: u16::from_le_bytes([ports[0], ports[1]]),
        protocol,
        reserved: [0; 3],
    };
    Some(Reply { family, offset, l4, tcp_flags, acknowledged_be, key })
}

/// The helpers update the checksum whether it is complete or will be completed by the hardware.
#[inline(always)]
fn rewrite(skb: &Skb, reply: &Reply, flow: &DecapFlow) -> Option<()> {
    let is_tcp = reply.key.protocol == PROTOCOL_TCP;
    let checksum = (reply.l4 + if is_tcp { 16 } else { 6 }) as u32;
    // A UDP checksum of zero is none, and stays so.
    let mark = if is_tcp { 0 } else { u64::from(BPF_F_MARK_MANGLED_0) };
    let pseudo = u64::from(BPF_F_PSEUDO_HDR) | mark;
    let ptr = skb.as_ptr();
    match reply.family {
        Family::V4 => {
            let old = u64::from(Address::from_bytes(reply.key.target).v4_bits());
            let vip = Address::from_bytes(flow.vip).v4_bits();
            let new = u64::from(vip);
            // SAFETY: the helpers take the program's own context, and check offsets.
            done(unsafe { bpf_l4_csum_replace(ptr, checksum, old, new, pseudo | 4) })?;
            // SAFETY: as above.
            done(unsafe { bpf_l3_csum_replace(ptr, reply.offset as u32 + 10, old, new, 4) })?;
            store(skb, reply.offset + 12, &vip)?;
        }
        Family::V6 => {
            let mut old = words(reply.key.target);
            let mut new = words(flow.vip);
            // SAFETY: both are sixteen bytes.
            let difference = unsafe { bpf_csum_diff(old.as_mut_ptr(), 16, new.as_mut_ptr(), 16, 0) };
            let difference = u64::try_from(difference).ok()?;
            // SAFETY: the helper takes the program's own context, and checks the offset.
            done(unsafe { bpf_l4_csum_replace(ptr, checksum, 0, difference, pseudo) })?;
            store(skb, reply.offset + 8, &new)?;
        }
    }
    let (old, new) = (u64::from(reply.key.target_port_be), u64::from(flow.port_be));
    // SAFETY: as above.
    done(unsafe { bpf_l4_csum_replace(ptr, checksum, old, new, mark | 2) })?;
    store(skb, reply.l4, &flow.port_be)
}

#[inline(always)]
fn store<T>(skb: &Skb, offset: usize, value: &T) -> Option<()> {
    let from = ptr::from_ref(value).cast_mut().cast();
    // SAFETY: the value is read only, and as long as is said; the helper checks the offset.
    done(unsafe { bpf_skb_store_bytes(skb.as_ptr(), offset as u32, from, size_of::<T>() as u32, 0) })
}

#[inline(always)]
fn done(result: i64) -> Option<()> {
    (result == 0).then_some(())
}

#[inline(always)]
fn words(bytes: [u8; 16]) -> [u32; 4] {
    // SAFETY: both are sixteen bytes of plain numbers.
    unsafe { core::mem::transmute(bytes) }
}
