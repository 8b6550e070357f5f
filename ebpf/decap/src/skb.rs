//! The packet as the traffic control hook hands it over.

use aya_ebpf::{
    EbpfContext, bindings::__sk_buff, helpers::generated::bpf_skb_pull_data, programs::TcContext,
};
use guideway_packet::Frame;

/// As [`guideway_xdp::Context`].
pub struct Skb {
    skb: *mut __sk_buff,
}

impl Skb {
    #[inline(always)]
    pub fn new(ctx: &TcContext) -> Self {
        Self { skb: ctx.as_ptr().cast() }
    }

    #[inline(always)]
    pub fn as_ptr(&self) -> *mut __sk_buff {
        self.skb
    }

    #[inline(always)]
    pub fn len(&self) -> u32 {
        // SAFETY: the kernel gives a valid context for the run of the program.
        unsafe { (*self.skb).len }
    }

    /// Makes the first `len` bytes, or all if there are fewer, those that can be looked at.
    #[inline(always)]
    pub fn pull(&self, len: u32) {
        // SAFETY: as for `len`.
        let (start, end) = unsafe { ((*self.skb).data as usize, (*self.skb).data_end as usize) };
        let wanted = if len < self.len() { len } else { self.len() };
        if end - start < wanted as usize {
            // What cannot be pulled is missed when it is looked at.
            // SAFETY: the helper takes the program's own context; no pointer into the packet is held.
            unsafe { bpf_skb_pull_data(self.skb, wanted) };
        }
    }
}

impl Frame for Skb {
    #[inline(always)]
    fn view<const N: usize>(&self, offset: usize) -> Option<&[u8; N]> {
        // SAFETY: as for `len`.
        let (start, end) = unsafe { ((*self.skb).data as usize, (*self.skb).data_end as usize) };
        let at = start + offset;
        // SAFETY: the bytes lie within the packet.
        if at + N > end { None } else { Some(unsafe { &*(at as *const [u8; N]) }) }
    }

    #[inline(always)]
    fn reaches(&self, len: usize) -> bool {
        self.len() as usize >= len
    }
}
