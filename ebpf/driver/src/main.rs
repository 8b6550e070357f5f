//! Times a program by `BPF_PROG_TEST_RUN` with many repetitions.
//!
//! The kernel does not restore the packet between repetitions: a program that encapsulates would do its work once and
//! meet its own output from then on. So the kernel repeats the [`driver`], which turns whatever the last repetition
//! left into the next packet and tail-calls the program under test. What the driver itself costs is measured by a
//! program that does nothing ([`empty`]); what no encapsulation can do without, by [`encap_floor`].
#![no_std]
#![no_main]

mod packet;

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::ProgramArray,
    helpers::bpf_xdp_adjust_head,
    macros::{btf_map, xdp},
    programs::XdpContext,
};
use guideway_xdp::Context;

/// The program under test. The index is a constant, so that the kernel makes a plain jump of the tail call.
#[btf_map]
static PROGRAM: ProgramArray<1> = ProgramArray::new();

/// Makes the next packet and hands it to the program under test; `XDP_ABORTED` when there is no such program.
#[xdp(frags)]
pub fn driver(ctx: XdpContext) -> u32 {
    if packet::next(&Context::new(&ctx)).is_some() {
        // SAFETY: nothing of this program is needed after the jump, and nothing waits to be dropped.
        unsafe { PROGRAM.tail_call(&ctx, 0) };
    }
    xdp_action::XDP_ABORTED
}

/// Does nothing.
#[xdp(frags)]
pub fn empty(_: XdpContext) -> u32 {
    xdp_action::XDP_TX
}

/// Drops: the far end of a link, where packets are to cost as little as they can.
#[xdp(frags)]
pub fn drop(_: XdpContext) -> u32 {
    xdp_action::XDP_DROP
}

/// Puts a constant Ethernet and IPv4 header in front of the packet, and looks at none of it.
#[xdp(frags)]
pub fn encap_floor(ctx: XdpContext) -> u32 {
    match encapsulate(&Context::new(&ctx)) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_ABORTED,
    }
}

const HEADERS: [u8; 34] = [
    2, 0, 0, 0, 0xaa, 1, 2, 0, 0, 0, 0xbb, 1, 8, 0, // Ethernet
    0x45, 0, 0, 70, 0, 0, 0x40, 0, 64, 4, 0x6f, 0x45, 172, 16, 0, 1, 10, 1, 11, 2, // IPv4
];

#[inline(always)]
fn encapsulate(context: &Context) -> Option<()> {
    // SAFETY: the helper takes the program's own context; pointers into the packet are fetched after it.
    if unsafe { bpf_xdp_adjust_head(context.as_ptr(), -20) } != 0 {
        return None;
    }
    *context.view_mut::<34>(0)? = HEADERS;
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
