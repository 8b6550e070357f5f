//! The decap program of a backend: an XDP program that takes the outer header off packets for this backend's VIPs, so
//! that the kernel delivers the inner packet to the VIP on `lo`. All else goes to the kernel untouched.
#![no_std]
#![no_main]

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::{HashMap, PerCpuArray},
    helpers::bpf_xdp_adjust_head,
    macros::{btf_map, xdp},
    programs::XdpContext,
};
use guideway_abi::{DECAP_VIPS_MAX, DecapCounter};
use guideway_packet::{
    Address, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Frame, IPV4_HEADER_LEN, IPV6_HEADER_LEN, PROTOCOL_IPIP,
    PROTOCOL_IPV6, parse_l2,
};

use guideway_xdp::Context;

#[btf_map]
static DECAP_VIPS: HashMap<[u8; 16], u8, { DECAP_VIPS_MAX as usize }> = HashMap::new();
#[btf_map]
static DECAP_COUNTERS: PerCpuArray<u64, { DecapCounter::COUNT as usize }> = PerCpuArray::new();

/// Entry point.
#[xdp(frags)]
pub fn decap(ctx: XdpContext) -> u32 {
    let context = Context::new(&ctx);
    let counter = match take_off(&context) {
        Ok(()) => DecapCounter::Decapsulated,
        Err(counter) => counter,
    };
    if let Some(packets) = DECAP_COUNTERS.get_ptr_mut(counter.index()) {
        // SAFETY: the element belongs to this CPU and XDP programs of one CPU do not interrupt each other.
        unsafe { *packets += 1 };
    }
    match counter {
        DecapCounter::DropMalformed => xdp_action::XDP_DROP,
        _ => xdp_action::XDP_PASS,
    }
}

#[inline(always)]
fn take_off(context: &Context) -> Result<(), DecapCounter> {
    let l2 = parse_l2(context).ok_or(DecapCounter::Pass)?;
    match l2.ethertype {
        ETHERTYPE_IPV4 => {
            let h = context.view::<IPV4_HEADER_LEN>(l2.len).ok_or(DecapCounter::Pass)?;
            // Options in an outer header and fragments of the outer packet are left to the kernel.
            let fragment = u16::from_be_bytes([h[6], h[7]]) & 0x3fff != 0;
            if h[0] != 0x45 || fragment {
                return Err(DecapCounter::Pass);
            }
            let len = usize::from(u16::from_be_bytes([h[2], h[3]]));
            inner::<IPV4_HEADER_LEN>(context, l2.len, h[9], len)
        }
        ETHERTYPE_IPV6 => {
            let h = context.view::<IPV6_HEADER_LEN>(l2.len).ok_or(DecapCounter::Pass)?;
            let len = IPV6_HEADER_LEN + usize::from(u16::from_be_bytes([h[4], h[5]]));
            inner::<IPV6_HEADER_LEN>(context, l2.len, h[6], len)
        }
        _ => Err(DecapCounter::Pass),
    }
}

/// Checks the packet inside of an outer header of `OUTER` bytes and takes that header off.
#[inline(always)]
fn inner<const OUTER: usize>(
    context: &Context,
    l2_len: usize,
    protocol: u8,
    outer_len: usize,
) -> Result<(), DecapCounter> {
    let at = l2_len + OUTER;
    let (destination, inner_len, ethertype) = match protocol {
        PROTOCOL_IPIP => {
            let h = context.view::<IPV4_HEADER_LEN>(at).ok_or(DecapCounter::Pass)?;
            let destination = Address::from_v4([h[16], h[17], h[18], h[19]]);
            (destination, usize::from(u16::from_be_bytes([h[2], h[3]])), ETHERTYPE_IPV4)
        }
        PROTOCOL_IPV6 => {
            let h = context.view::<IPV6_HEADER_LEN>(at).ok_or(DecapCounter::Pass)?;
            let destination = Address::from_bytes([
                h[24], h[25], h[26], h[27], h[28], h[29], h[30], h[31], h[32], h[33], h[34], h[35], h[36],
                h[37], h[38], h[39],
            ]);
            let len = IPV6_HEADER_LEN + usize::from(u16::from_be_bytes([h[4], h[5]]));
            (destination, len, ETHERTYPE_IPV6)
        }
        _ => return Err(DecapCounter::Pass),
    };
    // SAFETY: the value is not used, only whether it is there.
    if unsafe { DECAP_VIPS.get(&destination.to_bytes()) }.is_none() {
        return Err(DecapCounter::Pass);
    }
    let version = context.view::<1>(at).ok_or(DecapCounter::Pass)?[0] >> 4;
    let expected = if protocol == PROTOCOL_IPIP { 4 } else { 6 };
    if version != expected || OUTER + inner_len > outer_len || !context.reaches(l2_len + outer_len) {
        return Err(DecapCounter::DropMalformed);
    }
    strip::<OUTER>(context, l2_len, ethertype).ok_or(DecapCounter::DropMalformed)
}

/// Moves the Ethernet header over the outer header and gives it the inner EtherType.
#[inline(always)]
fn strip<const OUTER: usize>(context: &Context, l2_len: usize, ethertype: u16) -> Option<()> {
    // From the back, since the places overlap when there is a second tag.
    let last = context.view_mut::<2>(l2_len + OUTER - 2)?;
    *last = ethertype.to_be_bytes();
    if l2_len >= 22 {
        move_back::<4, OUTER>(context, 16)?;
    }
    if l2_len >= 18 {
        move_back::<4, OUTER>(context, 12)?;
    }
    move_back::<12, OUTER>(context, 0)?;
    // SAFETY: the helper takes the program's own context; no pointer into the packet is used after it.
    (unsafe { bpf_xdp_adjust_head(context.as_ptr(), OUTER as i32) } == 0).then_some(())
}

#[inline(always)]
fn move_back<const N: usize, const OUTER: usize>(context: &Context, offset: usize) -> Option<()> {
    let bytes = *context.view::<N>(offset)?;
    *context.view_mut::<N>(offset + OUTER)? = bytes;
    Some(())
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // The verifier proves that no path comes here.
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
