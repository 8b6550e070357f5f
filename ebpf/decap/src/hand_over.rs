//! A packet on its way to the next node that it may be for.

use core::hint::black_box;

use aya_ebpf::{
    bindings::{
        BPF_FIB_LKUP_RET_FWD_DISABLED, BPF_FIB_LKUP_RET_NO_NEIGH, BPF_FIB_LKUP_RET_SUCCESS,
        bpf_fib_lookup as FibLookup, xdp_action,
    },
    helpers::{bpf_fib_lookup, bpf_redirect, bpf_xdp_adjust_head},
};
use guideway_abi::{DecapCounter, DecapGlobal};
use guideway_packet::{
    Address, Checksum, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Family, Frame, IPV4_HEADER_LEN, IPV6_HEADER_LEN,
    PROTOCOL_UDP,
};
use guideway_xdp::Context;

use crate::{
    Verdict,
    deliver::{add_u64, update},
    packet::{Header, Packet},
};

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const UDP_CHECKSUM: usize = 6;
const DONT_FRAGMENT: u16 = 0x4000;

/// Where the packet goes, on the level of Ethernet.
enum Way {
    /// To this neighbour: its MAC address, then that of the interface, in words of the order of memory.
    Neighbour { ifindex: u32, macs: [u32; 3] },
    /// The kernel knows the route but not the neighbour, which it asks for when it forwards the packet itself.
    Kernel,
    /// The kernel forwards nothing that comes in here: back to the router or forwarder that sent the packet.
    Sender,
}

/// Sends the packet to `next`: gives the action of the program, or zero when there is no way. `taken` is the number of hops
/// that it has gone so far.
#[inline(never)]
pub fn send(context: &Context, global: &DecapGlobal, packet: &mut Packet, next: &Address, taken: u8) -> u32 {
    try_send(context, global, packet, *next, taken).unwrap_or(xdp_action::XDP_ABORTED)
}

#[inline(always)]
fn try_send(
    context: &Context,
    global: &DecapGlobal,
    packet: &mut Packet,
    next: Address,
    taken: u8,
) -> Verdict<u32> {
    const NO_WAY: DecapCounter = DecapCounter::DropNoNextHop;
    let family = if next.is_v4() { Family::V4 } else { Family::V6 };
    let (ttl, from) = read_outer(context, packet).ok_or(NO_WAY)?;
    if ttl <= 1 {
        return Err(NO_WAY);
    }
    let source =
        if family == packet.tunnel().outer { from } else { own_source(global, family).ok_or(NO_WAY)? };
    let (old_len, new_len) = (header_len(packet.tunnel().outer), header_len(family));
    let payload = packet.tunnel().outer_len - old_len;
    let way = find_way(context, &mut packet.fib, source, next, payload + new_len)?;

    // The UDP datagram: one more hop taken, and another pseudo header, of which only the addresses differ.
    let at = packet.outer() + old_len;
    let hops = context.view_mut::<2>(packet.hops_offset() + 2).ok_or(NO_WAY)?;
    let before = u16::from_le_bytes(*hops);
    hops[1] = taken + 1;
    let change = Checksum::zero().add(!before).add(u16::from_le_bytes(*hops));
    let change = add(change, packet.tunnel().destination, Term::Old);
    let change = add(change, from, Term::Old);
    let change = add(add(change, next, Term::New), source, Term::New);
    let field = context.view_mut::<2>(at + UDP_CHECKSUM).ok_or(NO_WAY)?;
    let old = u16::from_le_bytes(*field);
    if old != 0 {
        let new = change.add(!old).finish();
        *field = if new == 0 { [0xff; 2] } else { new.to_le_bytes() };
    }

    let ttl = if matches!(way, Way::Kernel) { ttl } else { ttl - 1 };
    if family == packet.tunnel().outer {
        readdress(context, packet, next, ttl)?;
    } else {
        packet.header = Header { source, next, ttl, payload };
        if !replace_header(context, packet) {
            return Err(NO_WAY);
        }
    }
    transmit(context, &way).ok_or(NO_WAY)
}

/// TTL and source.
#[inline(always)]
fn read_outer(context: &Context, packet: &Packet) -> Option<(u8, Address)> {
    match packet.tunnel().outer {
        Family::V4 => {
            let h = context.view::<IPV4_HEADER_LEN>(packet.outer())?;
            Some((h[8], Address::from_v4([h[12], h[13], h[14], h[15]])))
        }
        Family::V6 => {
            let ttl = context.view::<IPV6_HEADER_LEN>(packet.outer())?[7];
            Some((ttl, Address::from_bytes(*context.view::<16>(packet.outer() + 8)?)))
        }
    }
}

/// What stands for the source of the other family, which cannot be kept.
#[inline(always)]
fn own_source(global: &DecapGlobal, family: Family) -> Option<Address> {
    let source = match family {
        Family::V4 => Address::from_v4(global.source_v4),
        Family::V6 => Address::from_bytes(global.source_v6),
    };
    (source.words()[1] >> 32 != 0 || source.words()[0] != 0).then_some(source)
}

#[inline(always)]
fn find_way(
    context: &Context,
    fib: &mut FibLookup,
    source: Address,
    next: Address,
    len: usize,
) -> Verdict<Way> {
    // SAFETY: the struct is plain numbers, for which zero is a value.
    *fib = unsafe { core::mem::zeroed() };
    fib.ifindex = context.ingress_ifindex();
    // The kernel compares this with the MTU of the route.
    fib.__bindgen_anon_1.tot_len = len as u16;
    if next.is_v4() {
        fib.family = AF_INET;
        fib.__bindgen_anon_3.ipv4_src = source.v4_bits();
        fib.__bindgen_anon_4.ipv4_dst = next.v4_bits();
    } else {
        fib.family = AF_INET6;
        fib.__bindgen_anon_3.ipv6_src = halves(source);
        fib.__bindgen_anon_4.ipv6_dst = halves(next);
    }
    // SAFETY: the helper takes the program's own context and a struct of the size that is passed.
    let result = unsafe { bpf_fib_lookup(context.as_ptr().cast(), fib, size_of::<FibLookup>() as i32, 0) };
    match u32::try_from(result).unwrap_or(u32::MAX) {
        BPF_FIB_LKUP_RET_SUCCESS => {
            // SAFETY: `smac` and `dmac` are twelve bytes that follow each other from a multiple of four on.
            let [a, b, c] = unsafe { *(&raw const fib.smac).cast::<[u32; 3]>() };
            let macs = [b >> 16 | c << 16, c >> 16 | a << 16, a >> 16 | b << 16];
            Ok(Way::Neighbour { ifindex: fib.ifindex, macs })
        }
        BPF_FIB_LKUP_RET_NO_NEIGH => Ok(Way::Kernel),
        BPF_FIB_LKUP_RET_FWD_DISABLED => Ok(Way::Sender),
        _ => Err(DecapCounter::DropNoNextHop),
    }
}

/// Another destination and TTL in the same header.
#[inline(always)]
fn readdress(context: &Context, packet: &Packet, next: Address, ttl: u8) -> Verdict<()> {
    const NO_WAY: DecapCounter = DecapCounter::DropNoNextHop;
    let at = packet.outer();
    match packet.tunnel().outer {
        Family::V4 => {
            let h = context.view_mut::<IPV4_HEADER_LEN>(at).ok_or(NO_WAY)?;
            let before = u16::from_le_bytes([h[8], h[9]]);
            h[8] = ttl;
            let after = u16::from_le_bytes([h[8], h[9]]);
            [h[16], h[17], h[18], h[19]] = next.v4_bits().to_le_bytes();
            let change = Checksum::zero()
                .add(!before)
                .add(after)
                .add_u32(!packet.tunnel().destination.v4_bits())
                .add_u32(next.v4_bits());
            update(context, at + 10, change)
        }
        Family::V6 => {
            context.view_mut::<IPV6_HEADER_LEN>(at).ok_or(NO_WAY)?[7] = ttl;
            *context.view_mut::<16>(at + 24).ok_or(NO_WAY)? = next.to_bytes();
            Ok(())
        }
    }
}

/// A header of the other family in place of this one.
#[inline(never)]
fn replace_header(context: &Context, packet: &Packet) -> bool {
    try_replace_header(context, packet).is_some()
}

#[inline(always)]
fn try_replace_header(context: &Context, packet: &Packet) -> Option<()> {
    let Header { source, next, ttl, payload } = packet.header;
    const DIFFERENCE: i32 = (IPV6_HEADER_LEN - IPV4_HEADER_LEN) as i32;
    let tags_len = packet.outer();
    let (l2, tag0, tag1) = (
        *context.view::<12>(0)?,
        *context.view::<4>(12)?,
        // Without a second tag these bytes are read and not used.
        *context.view::<4>(16)?,
    );
    let by = match packet.tunnel().outer {
        Family::V4 => -DIFFERENCE,
        Family::V6 => DIFFERENCE,
    };
    // SAFETY: the helper takes the program's own context; no pointer into the packet is used after it.
    if unsafe { bpf_xdp_adjust_head(context.as_ptr(), by) } != 0 {
        return None;
    }
    *context.view_mut::<12>(0)? = l2;
    if tags_len >= 18 {
        *context.view_mut::<4>(12)? = tag0;
    }
    if tags_len >= 22 {
        *context.view_mut::<4>(16)? = tag1;
    }
    let ethertype = match packet.tunnel().outer {
        Family::V4 => ETHERTYPE_IPV6,
        Family::V6 => ETHERTYPE_IPV4,
    };
    // As for the strip: no negative offset from a pointer.
    *context.view_mut::<2>(black_box(tags_len - 2) & 0x1f)? = ethertype.to_be_bytes();
    let class = packet.tunnel().traffic_class;
    match packet.tunnel().outer {
        Family::V4 => {
            let length = (payload as u16).to_be_bytes();
            *context.view_mut::<8>(tags_len)? =
                [0x60 | class >> 4, class << 4, 0, 0, length[0], length[1], PROTOCOL_UDP, ttl];
            *context.view_mut::<16>(tags_len + 8)? = source.to_bytes();
            *context.view_mut::<16>(tags_len + 24)? = next.to_bytes();
        }
        Family::V6 => {
            let first =
                0x45 | u32::from(class) << 8 | u32::from(((payload + IPV4_HEADER_LEN) as u16).to_be()) << 16;
            let second = u32::from(DONT_FRAGMENT.to_be()) << 16;
            let third = u32::from(ttl) | u32::from(PROTOCOL_UDP) << 8;
            let (source, next) = (source.v4_bits(), next.v4_bits());
            let sum = Checksum::zero().add_u32(first).add_u32(second).add_u32(third);
            let sum = sum.add_u32(source).add_u32(next).finish();
            for (i, word) in
                [first, second, third | u32::from(sum) << 16, source, next].into_iter().enumerate()
            {
                *context.view_mut::<4>(tags_len + 4 * i)? = word.to_le_bytes();
            }
        }
    }
    Some(())
}

#[inline(always)]
fn transmit(context: &Context, way: &Way) -> Option<u32> {
    let mac = context.view_mut::<12>(0)?;
    match *way {
        Way::Kernel => Some(xdp_action::XDP_PASS),
        Way::Sender => {
            let [a, b, c, d, e, f, g, h, i, j, k, l] = *mac;
            *mac = [g, h, i, j, k, l, a, b, c, d, e, f];
            Some(xdp_action::XDP_TX)
        }
        Way::Neighbour { ifindex, macs } => {
            // SAFETY: twelve bytes of plain numbers each.
            *mac = unsafe { core::mem::transmute::<[u32; 3], [u8; 12]>(macs) };
            if ifindex == context.ingress_ifindex() {
                return Some(xdp_action::XDP_TX);
            }
            // SAFETY: the helper takes numbers.
            unsafe { bpf_redirect(ifindex, 0) };
            Some(xdp_action::XDP_REDIRECT)
        }
    }
}

/// Which side of RFC 1624's equation 3 a number stands on.
#[derive(Clone, Copy)]
enum Term {
    Old,
    New,
}

#[inline(always)]
fn add(sum: Checksum, address: Address, term: Term) -> Checksum {
    if address.is_v4() {
        let bits = address.v4_bits();
        return sum.add_u32(if matches!(term, Term::Old) { !bits } else { bits });
    }
    let [a, b] = address.words();
    match term {
        Term::Old => add_u64(add_u64(sum, !a), !b),
        Term::New => add_u64(add_u64(sum, a), b),
    }
}

#[inline(always)]
const fn header_len(family: Family) -> usize {
    match family {
        Family::V4 => IPV4_HEADER_LEN,
        Family::V6 => IPV6_HEADER_LEN,
    }
}

#[inline(always)]
fn halves(address: Address) -> [u32; 4] {
    let [a, b] = address.words();
    [a as u32, (a >> 32) as u32, b as u32, (b >> 32) as u32]
}
