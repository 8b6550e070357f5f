//! The packet as XDP hands it over to the programs.
#![no_std]
// The target has no stable inline assembly, and its `core` is built from source anyway.
#![feature(asm_experimental_arch)]

use core::arch::asm;

use aya_ebpf::{
    EbpfContext, bindings::xdp_md, helpers::generated::bpf_xdp_get_buff_len, programs::XdpContext,
};
use guideway_packet::Frame;

/// The packet's context. Pointers into the packet are fetched anew for each access, since `bpf_xdp_adjust_head` makes
/// older ones invalid.
pub struct Context {
    md: *mut xdp_md,
}

impl Context {
    #[inline(always)]
    pub fn new(ctx: &XdpContext) -> Self {
        Self { md: ctx.as_ptr().cast() }
    }

    #[inline(always)]
    pub fn as_ptr(&self) -> *mut xdp_md {
        self.md
    }

    #[inline(always)]
    pub fn ingress_ifindex(&self) -> u32 {
        // SAFETY: the kernel gives a valid context for the run of the program.
        unsafe { (*self.md).ingress_ifindex }
    }

    /// `N` bytes of the packet to write to.
    #[inline(always)]
    pub fn view_mut<const N: usize>(&self, offset: usize) -> Option<&mut [u8; N]> {
        // SAFETY: the bytes lie within the packet, and the program holds no other reference to them.
        self.at::<N>(offset).map(|p| unsafe { &mut *p })
    }

    /// Start and end of the packet in one piece.
    ///
    /// To the compiler the fields are numbers of 32 bits, and it may copy them as such; the kernel makes pointers of them
    /// as they are loaded, and the verifier gives up on half a pointer. So the loads are written out.
    #[inline(always)]
    fn bounds(&self) -> (usize, usize) {
        const { assert!(core::mem::offset_of!(xdp_md, data) == 0 && core::mem::offset_of!(xdp_md, data_end) == 4) };
        let (start, end): (usize, usize);
        // SAFETY: as for `ingress_ifindex`; nothing is written.
        unsafe {
            asm!(
                "{start} = *(u32 *)({md} + 0)",
                "{end} = *(u32 *)({md} + 4)",
                md = in(reg) self.md,
                start = out(reg) start,
                end = out(reg) end,
                options(pure, readonly, nostack),
            );
        }
        (start, end)
    }

    /// The packet's start, when it has at least `len` bytes in one piece. They may be written to until the next call of
    /// a helper that moves the start.
    #[inline(always)]
    pub fn start(&self, len: usize) -> Option<*mut u8> {
        let (start, end) = self.bounds();
        if start + len > end { None } else { Some(start as *mut u8) }
    }

    /// Words of the packet to write to, at any address.
    #[inline(always)]
    pub fn words_mut<const WORDS: usize>(&self, offset: usize) -> Option<*mut [u32; WORDS]> {
        let (start, end) = self.bounds();
        let at = start + offset;
        if at + WORDS * 4 > end { None } else { Some(at as *mut [u32; WORDS]) }
    }

    #[inline(always)]
    fn at<const N: usize>(&self, offset: usize) -> Option<*mut [u8; N]> {
        let (start, end) = self.bounds();
        let at = start + offset;
        if at + N > end {
            return None;
        }
        // SAFETY: no packet lies at the start of the address space. Told so, the compiler leaves out a test for it.
        unsafe { core::hint::assert_unchecked(at != 0) };
        Some(at as *mut [u8; N])
    }
}

impl Frame for Context {
    #[inline(always)]
    fn view<const N: usize>(&self, offset: usize) -> Option<&[u8; N]> {
        // SAFETY: the bytes lie within the packet.
        self.at::<N>(offset).map(|p| unsafe { &*p })
    }

    #[inline(always)]
    fn reaches(&self, len: usize) -> bool {
        let (start, end) = self.bounds();
        let linear = end - start;
        // SAFETY: the helper takes the program's own context.
        linear >= len || unsafe { bpf_xdp_get_buff_len(self.md) as usize } >= len
    }

    #[inline(always)]
    fn meet(&self, offset: usize, bound: usize) -> usize {
        let (start, end) = self.bounds();
        forgotten(offset as u64, (end - start) as u64) as usize & (bound - 1)
    }
}

/// Gives its argument back; the compiler cannot tell that it does, and leaves arithmetic on it as arithmetic.
#[inline(always)]
pub fn opaque(mut number: u64) -> u64 {
    // SAFETY: nothing is done.
    unsafe { asm!("{0} = {0}", inout(reg) number, options(pure, nomem, nostack, preserves_flags)) };
    number
}

/// Gives `number` back; the verifier forgets what it knew of it, and so takes the ways that lead here for one. `unknown` is
/// any number that the verifier knows nothing of, as one from a map.
#[inline(always)]
pub fn forgotten(mut number: u64, unknown: u64) -> u64 {
    // SAFETY: the bits are turned and turned back.
    unsafe {
        asm!(
            "{number} ^= {unknown}",
            "{number} ^= {unknown}",
            number = inout(reg) number,
            unknown = in(reg) unknown,
            options(pure, nomem, nostack),
        );
    }
    number
}
