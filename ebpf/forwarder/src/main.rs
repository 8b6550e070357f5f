//! The forwarder: an XDP program that finds the VIP of a packet, the backend of its flow, and sends it there
//! encapsulated. Everything that is not for a VIP goes to the kernel untouched. `docs/forwarding.md` is its reference.
//!
//! A packet takes this way, top to bottom: generation → parse → VIP lookup → slot → backend → next hop → encapsulation.
//! Nearly all packets take it in `straight`. What few packets need (`backend`: unsettled slots and tracked VIPs; `encap`:
//! other encapsulations; the kernel's FIB; intervals of ports and addresses; the sources of restricted VIPs) stands in
//! functions of its own.
#![no_std]
#![no_main]
// The target has no stable inline assembly, and its `core` is built from source anyway.
#![feature(asm_experimental_arch, asm_goto_with_outputs)]

mod backend;
mod echo;
mod encap;
mod lookup;
mod maps;
mod next_hop;
mod outer;
mod shared;
mod straight;

use core::{convert::Infallible, mem::MaybeUninit};

use aya_ebpf::{bindings::xdp_action, helpers::generated::bpf_jiffies64, macros::xdp, programs::XdpContext};
use guideway_abi::{Counter, GenerationHeader, SetRecord, TableRef, UNSETTLED, VipRef, vip_flags};
use guideway_packet::{
    Address, Datagram, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Frame, Parsed, PlainV4, PlainV6, Problem, flow_hash,
    parse_l2,
};
use guideway_xdp::{Context, forgotten};
use maps::Shared as _;

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
    let mut place = MaybeUninit::uninit();
    let ethertype = context.view::<2>(UNTAGGED - 2).ok_or(Counter::Pass)?;
    match u16::from_be_bytes(*ethertype) {
        ETHERTYPE_IPV4 => straight::start::<PlainV4>(context, header, &mut place)?,
        ETHERTYPE_IPV6 => straight::start::<PlainV6>(context, header, &mut place)?,
        _ => tagged(context, header, &mut place)?,
    }
    // SAFETY: each way here has written it.
    send(context, unsafe { place.assume_init_mut() })
}

/// Where a parcel is put. It is not made ahead of time, since the compiler would fill it with zeros byte by byte.
type Place<'a> = MaybeUninit<Parcel<'a>>;

/// A frame with tags, or for somebody else.
#[inline(always)]
fn tagged<'a>(context: &Context, header: &'a GenerationHeader, place: &mut Place<'a>) -> Verdict<()> {
    let l2 = parse_l2(context).ok_or(Counter::Pass)?;
    match l2.ethertype {
        ETHERTYPE_IPV4 => straight::any::<PlainV4>(context, header, l2.len, place),
        ETHERTYPE_IPV6 => straight::any::<PlainV6>(context, header, l2.len, place),
        _ => Err(Counter::Pass),
    }
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

/// Sends what did not go the straight way.
#[inline(always)]
fn send(context: &Context, parcel: &mut Parcel) -> Verdict<Infallible> {
    if parcel.is_in_doubt() {
        backend::choose(context, parcel)?;
    }
    encap::send(context, parcel)
}

/// A packet and what was decided about it.
struct Parcel<'a> {
    header: &'a GenerationHeader,
    datagram: Datagram,
    set: &'a SetRecord,
    vip: VipRef,
    /// The flow hash.
    hash: u32,
    /// The backend, by its index; the slot at first.
    backend: u16,
    /// Further hops; zeros at the end.
    hops: [u16; 2],
}

impl<'a> Parcel<'a> {
    /// Finds the VIP of a packet, its backend set, and the slot of its flow.
    #[inline(always)]
    fn parsed(header: &'a GenerationHeader, parsed: Parsed) -> Verdict<Self> {
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
    fn new(header: &'a GenerationHeader, datagram: Datagram, vip: u64) -> Verdict<Self> {
        let vip = lookup::find(header, &datagram, vip).map_err(|counter| echo::or(counter, &datagram))?;
        if vip.flags & vip_flags::RESTRICTED != 0 && !lookup::admits(header, vip, &datagram) {
            return Err(Counter::DropSource);
        }
        if datagram.ttl <= 1 {
            return Err(Counter::DropTtlExpired);
        }
        let set = maps::SETS.get(header.set_base + u32::from(vip.set)).ok_or(Counter::DropInternal)?;
        if set.table == TableRef::NONE {
            return Err(Counter::DropNoBackend);
        }
        let hash = flow_hash(&header.flow_key, &datagram.addresses, datagram.ports);
        let backend = maps::slot_of(set.table, hash).ok_or(Counter::DropInternal)?;
        Ok(Self { header, datagram, set, vip, hash, backend, hops: [0; 2] })
    }

    /// Whether the slot is not the last word.
    #[inline(always)]
    fn is_in_doubt(&self) -> bool {
        self.vip.flags & vip_flags::TRACKED != 0 || self.backend & UNSETTLED != 0
    }
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
