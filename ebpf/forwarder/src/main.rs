//! The forwarder: an XDP program that finds the VIP of a packet, the backend of its flow, and sends it there
//! encapsulated. Everything that is not for a VIP goes to the kernel untouched. `docs/forwarding.md` is its reference.
//!
//! A packet takes this way, top to bottom: generation → parse → VIP lookup → slot → backend → next hop → encapsulation.
//! Nearly all packets take it in `straight`, which is part of the entry. Others leave it at some place and go on in
//! `crossroads`. What few packets need (`backend`: unsettled slots and tracked VIPs; `encap`: other encapsulations; the
//! kernel's FIB; intervals of ports and addresses; the sources of restricted VIPs) stands in functions of its own.
#![no_std]
#![no_main]
// The target has no stable inline assembly, and its `core` is built from source anyway.
#![feature(asm_experimental_arch, asm_goto_with_outputs)]

mod backend;
mod crossroads;
mod echo;
mod encap;
mod lookup;
mod maps;
mod next_hop;
mod outer;
mod shared;
mod straight;

use core::convert::Infallible;

use aya_ebpf::{bindings::xdp_action, helpers::generated::bpf_jiffies64, macros::xdp, programs::XdpContext};
use guideway_abi::{
    Counter, GenerationHeader, PREVIOUS_TABLES, SetRecord, TableRef, UNSETTLED, VipRef, vip_flags,
};
use guideway_packet::{
    Address, Datagram, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Frame, Parsed, PlainV4, PlainV6, Problem, flow_hash,
};
use guideway_xdp::{Context, forgotten, opaque};

use crossroads::Exit;
use maps::Shared as _;
use straight::straight;

/// What is still to be worked with, or what became of the packet. Of a packet with which nothing is left to do the former is
/// [`Infallible`].
type Verdict<T> = Result<T, Counter>;

/// Entry point; `frags` because a jumbo frame may come in several buffers, of which only the first is read here.
#[xdp(frags)]
pub fn forwarder(ctx: XdpContext) -> u32 {
    let context = Context::new(&ctx);
    let Err(mut counter) = forward(&context);
    if counter == Counter::BfdEcho && !echo::reflect(&context) {
        counter = Counter::Pass;
    }
    maps::count(counter);
    match counter {
        Counter::Pass => xdp_action::XDP_PASS,
        Counter::Tx | Counter::BfdEcho => xdp_action::XDP_TX,
        Counter::Redirect => xdp_action::XDP_REDIRECT,
        _ => xdp_action::XDP_DROP,
    }
}

/// Tells the kernel's clock, in the first eight bytes of a packet that no wire has seen.
#[xdp]
pub fn clock(ctx: XdpContext) -> u32 {
    match Context::new(&ctx).view_mut::<8>(0) {
        Some(bytes) => {
            *bytes = jiffies().to_le_bytes();
            xdp_action::XDP_PASS
        }
        None => xdp_action::XDP_ABORTED,
    }
}

/// The kernel's clock: the verifier makes one load of it.
#[inline(always)]
fn jiffies() -> u64 {
    // SAFETY: the helper takes nothing.
    unsafe { bpf_jiffies64() }
}

/// Bytes of an Ethernet header without tags.
const UNTAGGED: usize = 14;

#[inline(always)]
fn forward(context: &Context) -> Verdict<Infallible> {
    let header = maps::active_header().ok_or(Counter::Pass)?;
    let ethertype = context.view::<2>(UNTAGGED - 2).ok_or(Counter::Pass)?;
    let exit = match u16::from_be_bytes(*ethertype) {
        ETHERTYPE_IPV4 => straight::<PlainV4>(context, header)?,
        ETHERTYPE_IPV6 => straight::<PlainV6>(context, header)?,
        _ => Exit::ANYWHERE,
    };
    crossroads::go_on(context, header, exit)
}

#[inline(always)]
fn broken(header: &GenerationHeader, destination: Address, problem: Problem) -> Counter {
    // Problems are found at many places; without this, the verifier would walk on from each.
    let problem = forgotten(problem as u64, header.digest);
    if !lookup::is_vip_address(header, destination) {
        return Counter::Pass;
    }
    match problem {
        FRAGMENT => Counter::DropFragment,
        MALFORMED => Counter::DropMalformed,
        _ => Counter::DropExtensionHeaders,
    }
}

const FRAGMENT: u64 = Problem::Fragment as u64;
const MALFORMED: u64 = Problem::Malformed as u64;

/// A packet and what was decided about it. It lies in a map of one element for each CPU, since the stack is small; and what
/// is read from there the verifier knows nothing of, so that it does not follow every combination to the end of the program.
struct Parcel {
    datagram: Datagram,
    vip: VipRef,
    /// The flow hash.
    hash: u32,
    /// The backend, by its index; the slot at first.
    backend: u16,
    /// Further hops; zeros at the end.
    hops: [u16; PREVIOUS_TABLES],
}

impl Parcel {
    /// Finds the VIP of a packet, its backend set, and the slot of its flow.
    #[inline(always)]
    fn parsed(header: &GenerationHeader, parsed: Parsed) -> Verdict<Self> {
        let datagram = match parsed {
            Parsed::Datagram(datagram) => datagram,
            Parsed::Broken { destination, problem } => return Err(broken(header, destination, problem)),
            Parsed::Other => return Err(Counter::Pass),
        };
        let vip = lookup::port(header, &datagram).map_or(lookup::NO_ENTRY, lookup::word);
        Self::new(header, datagram, vip)
    }

    /// As [`parsed`](Self::parsed), when what entry the packet's port has is known: the [`lookup::word`] of its VIP, or
    /// [`lookup::NO_ENTRY`].
    #[inline(always)]
    fn new(header: &GenerationHeader, datagram: Datagram, vip: u64) -> Verdict<Self> {
        let vip = lookup::find(header, &datagram, vip).map_err(|counter| echo::or(counter, &datagram))?;
        if vip.flags & vip_flags::RESTRICTED != 0 && !lookup::admits(header, vip, &datagram) {
            return Err(Counter::DropSource);
        }
        if datagram.ttl <= 1 {
            return Err(Counter::DropTtlExpired);
        }
        let set = set(header, vip)?;
        if set.table == TableRef::NONE {
            return Err(Counter::DropNoBackend);
        }
        let hash = flow_hash(&header.flow_key, &datagram.addresses, datagram.ports);
        let backend = maps::slot_of(set.table, hash).ok_or(Counter::DropInternal)?;
        Ok(Self { datagram, vip, hash, backend, hops: [0; PREVIOUS_TABLES] })
    }

    /// The backend set.
    #[inline(always)]
    fn set(&self, header: &GenerationHeader) -> Verdict<&'static SetRecord> {
        set(header, self.vip)
    }

    /// Whether the slot is not the last word.
    #[inline(always)]
    fn is_in_doubt(&self) -> bool {
        self.vip.flags & vip_flags::TRACKED != 0 || self.backend & UNSETTLED != 0
    }
}

/// Where the IP header of a parcel begins; the verifier can tell that this is within a packet.
#[inline(always)]
fn l3_at(datagram: &Datagram) -> usize {
    opaque(datagram.l2_len as u64) as usize & 0x1f
}

/// As [`l3_at`], for the TCP or UDP header.
#[inline(always)]
fn l4_at(datagram: &Datagram) -> usize {
    l3_at(datagram) + (opaque(datagram.l4_offset as u64) as usize & 0x7fff)
}

#[inline(always)]
fn set(header: &GenerationHeader, vip: VipRef) -> Verdict<&'static SetRecord> {
    maps::SETS.get(header.set_base + u32::from(vip.set)).ok_or(Counter::DropInternal)
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
