//! Where an encapsulated packet goes first.

use aya_ebpf::{
    bindings::{
        BPF_FIB_LKUP_RET_FRAG_NEEDED, BPF_FIB_LKUP_RET_NO_NEIGH, BPF_FIB_LKUP_RET_SUCCESS,
        bpf_fib_lookup as FibLookup,
    },
    helpers::{bpf_fib_lookup, bpf_redirect},
};
use guideway_abi::{Counter, GenerationHeader, next_hop_mode};

use guideway_xdp::Context;

use crate::{Verdict, outer::Outer};

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// Interface and MAC addresses of the next hop.
pub struct NextHop {
    pub ifindex: u32,
    pub source_mac: [u8; 6],
    pub destination_mac: [u8; 6],
}

impl NextHop {
    #[inline(always)]
    pub fn find(context: &Context, header: &GenerationHeader, outer: &Outer) -> Verdict<Self> {
        if header.next_hop_mode == next_hop_mode::FIXED {
            // The FIB looks at the MTU by itself.
            if u32::from(outer.ip_len()) > header.next_hop_mtu {
                return Err(Counter::DropTooBig);
            }
            return Ok(Self {
                ifindex: header.next_hop_ifindex,
                source_mac: header.next_hop_source_mac,
                destination_mac: header.next_hop_destination_mac,
            });
        }
        Self::from_fib(context, outer)
    }

    /// Asks the kernel's FIB and neighbour tables.
    #[inline(always)]
    fn from_fib(context: &Context, outer: &Outer) -> Verdict<Self> {
        // SAFETY: the struct is plain numbers, for which zero is a value.
        let mut fib: FibLookup = unsafe { core::mem::zeroed() };
        fib.ifindex = context.ingress_ifindex();
        // The kernel compares this with the MTU of the route.
        fib.__bindgen_anon_1.tot_len = outer.ip_len();
        match outer {
            Outer::V4(outer) => {
                fib.family = AF_INET;
                fib.__bindgen_anon_2.tos = outer.traffic_class;
                fib.__bindgen_anon_3.ipv4_src = outer.source;
                fib.__bindgen_anon_4.ipv4_dst = outer.destination;
            }
            Outer::V6(outer) => {
                fib.family = AF_INET6;
                fib.__bindgen_anon_3.ipv6_src = words(outer.source);
                fib.__bindgen_anon_4.ipv6_dst = words(outer.destination);
            }
        }
        // SAFETY: the helper takes the program's own context and a struct of the size that is passed.
        let result =
            unsafe { bpf_fib_lookup(context.as_ptr().cast(), &mut fib, size_of::<FibLookup>() as i32, 0) };
        match u32::try_from(result).unwrap_or(u32::MAX) {
            BPF_FIB_LKUP_RET_SUCCESS => {
                Ok(Self { ifindex: fib.ifindex, source_mac: fib.smac, destination_mac: fib.dmac })
            }
            BPF_FIB_LKUP_RET_NO_NEIGH => Err(Counter::DropNoNeighbour),
            BPF_FIB_LKUP_RET_FRAG_NEEDED => Err(Counter::DropTooBig),
            _ => Err(Counter::DropNoRoute),
        }
    }

    /// Sends the packet out: back by the interface that it came in by, or by another.
    #[inline(always)]
    pub fn transmit(&self, context: &Context) -> Counter {
        if self.ifindex == context.ingress_ifindex() {
            return Counter::Tx;
        }
        // SAFETY: the helper takes numbers.
        unsafe { bpf_redirect(self.ifindex, 0) };
        Counter::Redirect
    }
}

#[inline(always)]
fn words(address: [u8; 16]) -> [u32; 4] {
    // SAFETY: both are sixteen bytes of plain numbers.
    unsafe { core::mem::transmute(address) }
}
