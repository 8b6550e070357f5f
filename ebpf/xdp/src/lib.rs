//! The packet as XDP hands it over to the programs.
#![no_std]

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

    #[inline(always)]
    fn at<const N: usize>(&self, offset: usize) -> Option<*mut [u8; N]> {
        // SAFETY: as for `ingress_ifindex`.
        let (start, end) = unsafe { ((*self.md).data as usize, (*self.md).data_end as usize) };
        let at = start + offset;
        if at + N > end { None } else { Some(at as *mut [u8; N]) }
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
        // SAFETY: as for `ingress_ifindex`.
        let linear = unsafe { (*self.md).data_end as usize - (*self.md).data as usize };
        // SAFETY: the helper takes the program's own context.
        linear >= len || unsafe { bpf_xdp_get_buff_len(self.md) as usize } >= len
    }
}
