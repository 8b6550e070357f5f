//! Where packets come that left the straight way. They become a parcel, with all that was decided about it, and go on.

use core::convert::Infallible;

use guideway_abi::{Counter, GenerationHeader, PREVIOUS_TABLES, VipRef};
use guideway_packet::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, PlainV4, PlainV6, parse_ipv4, parse_ipv6, parse_l2};
use guideway_xdp::Context;

use crate::{
    Parcel, Verdict, backend, encap, lookup, maps,
    straight::{Family, Start},
};

/// How a packet left the straight way, in two words, which stay in registers.
#[derive(Clone, Copy)]
pub struct Exit {
    /// The [`lookup::word`] of the VIP, or [`lookup::NO_ENTRY`]; nothing when the packet is [`ANYWHERE`](Self::ANYWHERE).
    vip: u64,
    /// To where, from the family's bit on the slot, and the flow hash in the upper half.
    to: u64,
}

/// It is still to be parsed.
const PARSE: u64 = 0;
/// It is plain, and its port is no entry, or its VIP has further rules.
const RULES: u64 = 1;
/// It is plain, and has a slot.
const SLOT: u64 = 2;
const V6: u64 = 4;

impl Exit {
    /// It has more headers than the straight way reads, or is nothing for a forwarder.
    pub const ANYWHERE: Self = Self { vip: 0, to: PARSE };

    /// What the port says has to be looked into.
    #[inline(always)]
    pub fn to_rules<'p, P: Family<'p>>(vip: u64) -> Self {
        Self { vip, to: RULES | Self::family::<P>() }
    }

    /// It has a slot that is in doubt or empty, an encapsulation of its own, or a backend without a known way.
    #[inline(always)]
    pub fn with_slot<'p, P: Family<'p>>(vip: VipRef, hash: u32, slot: u16) -> Self {
        let to = SLOT | Self::family::<P>() | u64::from(slot) << 16 | u64::from(hash) << 32;
        Self { vip: lookup::word(vip), to }
    }

    #[inline(always)]
    const fn family<'p, P: Family<'p>>() -> u64 {
        if P::IS_V6 { V6 } else { 0 }
    }
}

/// What became of the packet in the end.
#[inline(always)]
pub fn go_on(context: &Context, header: &GenerationHeader, Exit { vip, to }: Exit) -> Verdict<Infallible> {
    const RULES_V6: u64 = RULES | V6;
    const SLOT_V6: u64 = SLOT | V6;
    let scratch = maps::scratch().ok_or(Counter::DropInternal)?;
    // SAFETY: it lives as long as the map.
    let parcel = unsafe { &raw mut (*scratch).parcel };
    match to & 0xffff {
        RULES => rules::<PlainV4>(context, header, vip, parcel)?,
        RULES_V6 => rules::<PlainV6>(context, header, vip, parcel)?,
        SLOT => slot::<PlainV4>(context, vip, to, parcel)?,
        SLOT_V6 => slot::<PlainV6>(context, vip, to, parcel)?,
        _ => {
            let l2 = parse_l2(context).ok_or(Counter::Pass)?;
            match l2.ethertype {
                ETHERTYPE_IPV4 => parse_v4(context, header, l2.len, parcel)?,
                ETHERTYPE_IPV6 => parse_v6(context, header, l2.len, parcel)?,
                _ => return Err(Counter::Pass),
            }
        }
    }
    // SAFETY: each way here has written it. It belongs to this CPU, on which XDP programs do not interrupt each other.
    let parcel = unsafe { &mut *parcel };
    if parcel.is_in_doubt() {
        backend::choose(context, header, parcel)?;
    }
    encap::send(context, header, parcel)
}

#[inline(never)]
fn rules<'p, P: Family<'p>>(
    context: &'p Context,
    header: &GenerationHeader,
    vip: u64,
    parcel: *mut Parcel,
) -> Verdict<()> {
    let packet = Start::of::<P>(context).ok_or(Counter::DropInternal)?.view::<P>();
    if !packet.is_plain(context) {
        return Err(Counter::DropInternal);
    }
    put(parcel, Parcel::new(header, packet.datagram(), vip)?)
}

#[inline(never)]
fn slot<'p, P: Family<'p>>(context: &'p Context, vip: u64, to: u64, parcel: *mut Parcel) -> Verdict<()> {
    let packet = Start::of::<P>(context).ok_or(Counter::DropInternal)?.view::<P>();
    let (backend, hash) = ((to >> 16) as u16, (to >> 32) as u32);
    let vip = lookup::from_word(vip)?;
    put(parcel, Parcel { datagram: packet.datagram(), vip, hash, backend, hops: [0; PREVIOUS_TABLES] })
}

#[inline(never)]
fn parse_v4(context: &Context, header: &GenerationHeader, l2_len: usize, parcel: *mut Parcel) -> Verdict<()> {
    put(parcel, Parcel::parsed(header, parse_ipv4(context, l2_len))?)
}

#[inline(never)]
fn parse_v6(context: &Context, header: &GenerationHeader, l2_len: usize, parcel: *mut Parcel) -> Verdict<()> {
    put(parcel, Parcel::parsed(header, parse_ipv6(context, l2_len))?)
}

#[inline(always)]
fn put(place: *mut Parcel, parcel: Parcel) -> Verdict<()> {
    // SAFETY: `go_on` has the place from the map.
    unsafe { place.write(parcel) };
    Ok(())
}
