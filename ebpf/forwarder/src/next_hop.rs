//! Where a packet goes first on its way to the backend.

use core::mem::MaybeUninit;

use aya_ebpf::{
    bindings::{
        BPF_FIB_LKUP_RET_FRAG_NEEDED, BPF_FIB_LKUP_RET_NO_NEIGH, BPF_FIB_LKUP_RET_SUCCESS,
        bpf_fib_lookup as FibLookup,
    },
    helpers::{bpf_fib_lookup, bpf_redirect},
};
use guideway_abi::{Counter, GenerationHeader, LEGS, Leg, LinkRecord, SetRecord, encapsulation};
use guideway_packet::{Address, outer_source_v4, outer_source_v6};
use guideway_xdp::Context;

use crate::{
    Parcel, Verdict, jiffies,
    maps::{self, BACKENDS, LINKS, NODE, ROUTES, Shared as _},
};

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// Interface and MAC addresses of the next hop. A MAC address lies in the low 48 bits, its first byte lowest, below zeros.
#[derive(Clone, Copy)]
pub struct NextHop {
    pub ifindex: u32,
    pub source_mac: u64,
    pub destination_mac: u64,
}

impl NextHop {
    /// The way to a backend for an IP packet of `length` bytes: the agent's if it is known, else the kernel's.
    #[inline(always)]
    pub fn find(
        context: &Context,
        header: &GenerationHeader,
        parcel: &Parcel,
        length: usize,
    ) -> Verdict<Self> {
        match Self::known(parcel.backend.into(), parcel.hash) {
            Some((next_hop, mtu)) if length <= mtu as usize => Ok(next_hop),
            Some(_) => Err(Counter::DropTooBig),
            None => {
                let mut next_hop = MaybeUninit::uninit();
                let question = Question::new(parcel, parcel.set(header)?, length);
                ask_fib(context, header, question.0, question.1, &mut next_hop)?;
                // SAFETY: it was written.
                Ok(unsafe { next_hop.assume_init() })
            }
        }
    }

    /// The agent's way, and its MTU.
    #[inline(always)]
    pub fn known(index: u32, hash: u32) -> Option<(Self, u32)> {
        let legs = ROUTES.get_ptr(index)?.cast::<Leg>();
        // SAFETY: the hash chooses one of the element's legs. The agent stores them, hence the volatile read, once.
        let leg = unsafe { legs.add(hash as usize % LEGS).read_volatile() };
        let node = NODE.first();
        // SAFETY: userspace stores to it, hence the volatile reads.
        let (valid_until, mark_flows) = unsafe {
            (
                (&raw const (*node).routes_valid_until).read_volatile(),
                (&raw const (*node).mark_flows).read_volatile(),
            )
        };
        if mark_flows != 0 {
            maps::mark(hash);
        }
        // Unless the agent has confirmed its routes lately they do not count.
        if leg == Leg::UNKNOWN || jiffies() > valid_until {
            return None;
        }
        let link = LINKS.get(u32::from(leg.link()))?;
        if link.ifindex == 0 {
            return None;
        }
        const { assert!(core::mem::offset_of!(LinkRecord, mac) + 8 == size_of::<LinkRecord>()) };
        // SAFETY: the MAC address and two bytes of zeros are the end of the record.
        let source_mac = unsafe { (&raw const link.mac).cast::<u64>().read_unaligned() };
        Some((Self { ifindex: link.ifindex, source_mac, destination_mac: leg.0 >> 16 }, link.mtu))
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

/// Backend, flow hash, length and whether the frame itself goes to the backend, in two words: a function's arguments are
/// five, and what it gets by reference has to lie in memory, also on the straight way.
struct Question(u64, u64);

impl Question {
    #[inline(always)]
    fn new(parcel: &Parcel, set: &SetRecord, length: usize) -> Self {
        let is_l2 = set.encapsulation == encapsulation::L2;
        let who = u64::from(parcel.backend) | u64::from(parcel.hash) << 32;
        Self(who, length as u64 & 0xffff | u64::from(is_l2) << 16)
    }
}

/// Asks the kernel's FIB and neighbour tables a [`Question`].
#[inline(never)]
fn ask_fib(
    context: &Context,
    header: &GenerationHeader,
    who: u64,
    what: u64,
    next_hop: &mut MaybeUninit<NextHop>,
) -> Verdict<()> {
    let (index, hash, length) = (who as u32, (who >> 32) as u32, what as u16);
    let is_l2 = what >> 16 != 0;
    let backend = BACKENDS.get(index).ok_or(Counter::DropInternal)?;
    maps::count(Counter::FibLookup);
    let mut fib = MaybeUninit::<FibLookup>::uninit();
    // SAFETY: the struct is plain numbers, for which zero is a value. Word by word, as the compiler would take bytes.
    let fib = unsafe {
        const { assert!(size_of::<FibLookup>() == 64) };
        let words = fib.as_mut_ptr().cast::<u64>();
        for at in 0..8 {
            words.add(at).write_volatile(0);
        }
        fib.assume_init_mut()
    };
    fib.ifindex = context.ingress_ifindex();
    // The kernel compares this with the MTU of the route.
    fib.__bindgen_anon_1.tot_len = length;
    let address = words(backend.address);
    if backend.family == 4 {
        fib.family = AF_INET;
        fib.__bindgen_anon_3.ipv4_src =
            outer_source_v4(header.outer_source_v4_be, header.outer_source_v4_host_mask_be, hash);
        fib.__bindgen_anon_4.ipv4_dst = address[3];
    } else {
        fib.family = AF_INET6;
        let prefix = Address::from_bytes(header.outer_source_v6).words();
        let source = outer_source_v6(prefix, header.outer_source_v6_host_mask_be, hash);
        // SAFETY: both places have sixteen bytes.
        unsafe {
            store(&raw mut fib.__bindgen_anon_3.ipv6_src, words(Address::from_words(source).to_bytes()));
            store(&raw mut fib.__bindgen_anon_4.ipv6_dst, address);
        }
    }
    let family = fib.family;
    // SAFETY: the helper takes the program's own context and a struct of the size that is passed.
    let result =
        unsafe { bpf_fib_lookup(context.as_ptr().cast(), &raw mut *fib, size_of::<FibLookup>() as i32, 0) };
    match u32::try_from(result).unwrap_or(u32::MAX) {
        BPF_FIB_LKUP_RET_SUCCESS => {}
        BPF_FIB_LKUP_RET_NO_NEIGH => return Err(Counter::DropNoNeighbour),
        BPF_FIB_LKUP_RET_FRAG_NEEDED => return Err(Counter::DropTooBig),
        _ => return Err(Counter::DropNoRoute),
    }
    // SAFETY: the kernel has put the next hop's address where the destination stood.
    let found = unsafe { fib.__bindgen_anon_4.ipv6_dst };
    // Without `==`, of which the compiler makes reads that the stack does not allow.
    let differs = if family == AF_INET {
        found[0] ^ address[3]
    } else {
        (found[0] ^ address[0]) | (found[1] ^ address[1]) | (found[2] ^ address[2]) | (found[3] ^ address[3])
    };
    let is_there = fib.family == family && differs == 0;
    if is_l2 && !is_there {
        return Err(Counter::DropNotOnLink);
    }
    let (source_mac, destination_mac) = (mac(&fib.smac), mac(&fib.dmac));
    next_hop.write(NextHop { ifindex: fib.ifindex, source_mac, destination_mac });
    Ok(())
}

#[inline(always)]
fn mac(bytes: &[u8; 6]) -> u64 {
    let words = bytes.as_ptr().cast::<u16>();
    // Word by word, since the stack allows no reads across their bounds, which the compiler would make of it.
    // SAFETY: there are three words, at an even address of the struct that the kernel fills.
    let [a, b, c] =
        unsafe { [words.read_volatile(), words.add(1).read_volatile(), words.add(2).read_volatile()] };
    u64::from(a) | u64::from(b) << 16 | u64::from(c) << 32
}

/// Word by word, for the same reason as in [`mac`].
///
/// # Safety
///
/// There are four words at `place`.
#[inline(always)]
unsafe fn store(place: *mut [u32; 4], words: [u32; 4]) {
    let mut at = 0;
    while at < 4 {
        // SAFETY: the caller's promise.
        unsafe { place.cast::<u32>().add(at).write_volatile(words[at]) };
        at += 1;
    }
}

#[inline(always)]
fn words(address: [u8; 16]) -> [u32; 4] {
    // SAFETY: both are sixteen bytes of plain numbers.
    unsafe { core::mem::transmute(address) }
}
