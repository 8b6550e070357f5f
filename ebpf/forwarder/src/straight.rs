//! The straight way, which nearly all packets take: TCP or UDP without tags, options and extension headers, to a port
//! that is an entry of a VIP without further rules, by a settled slot and IP in IP to a backend with a known way.
//!
//! What it costs is what a packet costs. It looks at the headers once and keeps little of them; where a packet leaves the
//! straight way, the function that goes on reads them again.

use core::mem::MaybeUninit;

use guideway_abi::{Counter, GenerationHeader, TableRef, VipRef, encapsulation};
use guideway_packet::{
    Addresses, Datagram, ETHERTYPE_IPV4, ETHERTYPE_IPV6, IPV4_HEADER_LEN, IPV6_HEADER_LEN, PLAIN_V4_LEN,
    PLAIN_V6_LEN, PROTOCOL_IPIP, PROTOCOL_IPV6, PlainV4, PlainV6, flow_hash, lowered_ttl_v4, parse_ipv4,
    parse_ipv6,
};
use guideway_xdp::{Context, opaque};

use crate::{
    Parcel, Place, UNTAGGED, Verdict, encap, lookup,
    maps::{self, BACKENDS, SETS},
    next_hop::NextHop,
    outer,
};

/// Where a packet has left the straight way.
struct Junction {
    /// One of the following. Not an enum, and a word of its own, so that the verifier can follow it.
    to: u64,
    /// To [`RULES`]: the [`lookup::word`] of the VIP, or [`lookup::NO_ENTRY`].
    vip: u64,
}

/// It has more headers than are read here, or is nothing for a forwarder.
const NOT_PLAIN: u64 = 1;
/// Its port is no entry, or its VIP has further rules.
const RULES: u64 = 2;
/// It is a parcel.
const PARCEL: u64 = 3;

type Exit = MaybeUninit<Junction>;

/// Sends an untagged IPv4 packet off; or makes it a parcel.
#[inline(always)]
pub fn ipv4<'a>(context: &Context, header: &'a GenerationHeader, place: &mut Place<'a>) -> Verdict<()> {
    let mut exit = Exit::uninit();
    straight_ipv4(context, header, &mut exit, place)?;
    // SAFETY: it was written.
    let Junction { to, vip } = unsafe { exit.assume_init() };
    match to {
        PARCEL => Ok(()),
        NOT_PLAIN => any_ipv4(context, header, UNTAGGED, place),
        _ => rules_ipv4(context, header, vip, place),
    }
}

/// As [`ipv4`], for IPv6.
#[inline(always)]
pub fn ipv6<'a>(context: &Context, header: &'a GenerationHeader, place: &mut Place<'a>) -> Verdict<()> {
    let mut exit = Exit::uninit();
    straight_ipv6(context, header, &mut exit, place)?;
    // SAFETY: it was written.
    let Junction { to, vip } = unsafe { exit.assume_init() };
    match to {
        PARCEL => Ok(()),
        NOT_PLAIN => any_ipv6(context, header, UNTAGGED, place),
        _ => rules_ipv6(context, header, vip, place),
    }
}

#[inline(never)]
fn straight_ipv4<'a>(
    context: &Context,
    header: &'a GenerationHeader,
    exit: &mut Exit,
    place: &mut Place<'a>,
) -> Verdict<()> {
    straight::<PlainV4>(context, header, exit, place)
}

#[inline(never)]
fn straight_ipv6<'a>(
    context: &Context,
    header: &'a GenerationHeader,
    exit: &mut Exit,
    place: &mut Place<'a>,
) -> Verdict<()> {
    straight::<PlainV6>(context, header, exit, place)
}

/// What the two families differ in.
trait Plain: Copy {
    /// The protocol number of such a packet in a tunnel.
    const PROTOCOL: u8;

    /// The packet, and the start of its frame.
    fn of(context: &Context) -> Option<(Self, *mut u8)>;
    /// The packet, read once more, so that nothing of it needs to be kept until here.
    ///
    /// # Safety
    ///
    /// `start` is what [`of`](Self::of) gave for the same packet.
    unsafe fn again(start: *const u8) -> Datagram;
    fn vip(&self, header: &GenerationHeader) -> Option<VipRef>;
    fn addresses(&self) -> Addresses;
    fn ports(&self) -> u32;
    fn protocol(&self) -> u8;
    fn ttl(&self) -> u8;
    fn traffic_class(&self) -> u8;
    fn ip_len(&self) -> usize;
    /// Lowers the TTL.
    ///
    /// # Safety
    ///
    /// `start` is that of the packet's frame.
    unsafe fn lower_ttl(&self, start: *mut u8);
}

#[inline(always)]
fn straight<'a, P: Plain>(
    context: &Context,
    header: &'a GenerationHeader,
    exit: &mut Exit,
    place: &mut Place<'a>,
) -> Verdict<()> {
    let Some((packet, start)) = P::of(context) else { return leave(exit, NOT_PLAIN, 0) };
    let Some(vip) = packet.vip(header) else { return leave(exit, RULES, lookup::NO_ENTRY) };
    if vip.flags != 0 {
        return leave(exit, RULES, lookup::word(vip));
    }
    if packet.ttl() <= 1 {
        return Err(Counter::DropTtlExpired);
    }
    let set = SETS.get(header.set_base + u32::from(vip.set)).ok_or(Counter::DropInternal)?;
    if set.table == TableRef::NONE {
        return Err(Counter::DropNoBackend);
    }
    let hash = flow_hash(&header.flow_key, &packet.addresses(), packet.ports(), packet.protocol());
    let slot = maps::slot_of(set.table, hash).ok_or(Counter::DropInternal)?;
    // Neither in doubt nor empty.
    let is_settled = slot.cast_signed() > 0;
    let way = if is_settled && set.encapsulation == encapsulation::IPIP {
        NextHop::known(slot.into(), hash)
    } else {
        None
    };
    let Some((next_hop, mtu)) = way else {
        // SAFETY: it is the start, and the packet was not moved.
        let datagram = unsafe { P::again(start) };
        place.write(Parcel { header, datagram, set, vip, hash, backend: slot, hops: [0; 2] });
        return leave(exit, PARCEL, 0);
    };
    let backend = BACKENDS.get(slot.into()).ok_or(Counter::DropInternal)?;
    if backend.family == 4 {
        let length = fitting(packet.ip_len() + IPV4_HEADER_LEN, mtu)?;
        let words = outer::v4(header, backend, packet.traffic_class(), hash, P::PROTOCOL, length).to_words();
        // SAFETY: it is the start, and the packet was not moved.
        unsafe { packet.lower_ttl(start) };
        encap::write_untagged::<IPV4_HEADER_LEN, _>(context, &next_hop, ETHERTYPE_IPV4, words)?;
    } else {
        let length = fitting(packet.ip_len() + IPV6_HEADER_LEN, mtu)?;
        let words = outer::v6(header, backend, packet.traffic_class(), hash, P::PROTOCOL, length).to_words();
        // SAFETY: as above.
        unsafe { packet.lower_ttl(start) };
        encap::write_untagged::<IPV6_HEADER_LEN, _>(context, &next_hop, ETHERTYPE_IPV6, words)?;
    }
    maps::count_traffic(vip.vip, slot.into(), packet.ip_len());
    Err(next_hop.transmit(context))
}

#[inline(always)]
fn leave(exit: &mut Exit, to: u64, vip: u64) -> Verdict<()> {
    exit.write(Junction { to, vip });
    Ok(())
}

/// `length`, if it has a place in the header and on the way.
#[inline(always)]
fn fitting(length: usize, mtu: u32) -> Verdict<usize> {
    if length > u16::MAX as usize || length > mtu as usize { Err(Counter::DropTooBig) } else { Ok(length) }
}

impl Plain for PlainV4 {
    const PROTOCOL: u8 = PROTOCOL_IPIP;

    #[inline(always)]
    fn of(context: &Context) -> Option<(Self, *mut u8)> {
        let start = context.start(PLAIN_V4_LEN)?;
        // SAFETY: so many bytes are there, and nobody writes to them meanwhile.
        let packet = Self::of(context, unsafe { &*start.cast() })?;
        Some((packet, start))
    }

    #[inline(always)]
    unsafe fn again(start: *const u8) -> Datagram {
        // SAFETY: the caller's promise.
        Self::read(unsafe { &*(opaque(start as u64) as *const _) }).datagram()
    }

    #[inline(always)]
    fn vip(&self, header: &GenerationHeader) -> Option<VipRef> {
        lookup::port_v4(header, self.destination, self.ports, self.protocol())
    }

    #[inline(always)]
    fn addresses(&self) -> Addresses {
        self.addresses()
    }

    #[inline(always)]
    fn ports(&self) -> u32 {
        self.ports
    }

    #[inline(always)]
    fn protocol(&self) -> u8 {
        self.protocol()
    }

    #[inline(always)]
    fn ttl(&self) -> u8 {
        self.ttl()
    }

    #[inline(always)]
    fn traffic_class(&self) -> u8 {
        self.traffic_class
    }

    #[inline(always)]
    fn ip_len(&self) -> usize {
        self.ip_len
    }

    #[inline(always)]
    unsafe fn lower_ttl(&self, start: *mut u8) {
        // SAFETY: the caller's promise; a plain packet has these bytes.
        unsafe { start.add(Self::TTL_AT).cast::<u32>().write_unaligned(lowered_ttl_v4(self.ttl_word)) };
    }
}

impl Plain for PlainV6 {
    const PROTOCOL: u8 = PROTOCOL_IPV6;

    #[inline(always)]
    fn of(context: &Context) -> Option<(Self, *mut u8)> {
        let start = context.start(PLAIN_V6_LEN)?;
        // SAFETY: as for IPv4.
        let packet = Self::of(context, unsafe { &*start.cast() })?;
        Some((packet, start))
    }

    #[inline(always)]
    unsafe fn again(start: *const u8) -> Datagram {
        // SAFETY: the caller's promise.
        Self::read(unsafe { &*(opaque(start as u64) as *const _) }).datagram()
    }

    #[inline(always)]
    fn vip(&self, header: &GenerationHeader) -> Option<VipRef> {
        lookup::port_v6(header, self.destination, self.ports, self.protocol())
    }

    #[inline(always)]
    fn addresses(&self) -> Addresses {
        self.addresses()
    }

    #[inline(always)]
    fn ports(&self) -> u32 {
        self.ports
    }

    #[inline(always)]
    fn protocol(&self) -> u8 {
        self.protocol()
    }

    #[inline(always)]
    fn ttl(&self) -> u8 {
        self.hop_limit()
    }

    #[inline(always)]
    fn traffic_class(&self) -> u8 {
        self.traffic_class()
    }

    #[inline(always)]
    fn ip_len(&self) -> usize {
        self.ip_len
    }

    #[inline(always)]
    unsafe fn lower_ttl(&self, start: *mut u8) {
        // SAFETY: as for IPv4.
        unsafe { start.add(Self::HOP_LIMIT_AT).write(self.hop_limit() - 1) };
    }
}

/// Whatever the parser makes of a packet behind `l2_len` bytes.
#[inline(never)]
pub fn any_ipv4<'a>(
    context: &Context,
    header: &'a GenerationHeader,
    l2_len: usize,
    place: &mut Place<'a>,
) -> Verdict<()> {
    place.write(Parcel::parsed(header, parse_ipv4(context, l2_len))?);
    Ok(())
}

/// As [`any_ipv4`].
#[inline(never)]
pub fn any_ipv6<'a>(
    context: &Context,
    header: &'a GenerationHeader,
    l2_len: usize,
    place: &mut Place<'a>,
) -> Verdict<()> {
    place.write(Parcel::parsed(header, parse_ipv6(context, l2_len))?);
    Ok(())
}

#[inline(never)]
fn rules_ipv4<'a>(
    context: &Context,
    header: &'a GenerationHeader,
    vip: u64,
    place: &mut Place<'a>,
) -> Verdict<()> {
    let (packet, _) = <PlainV4 as Plain>::of(context).ok_or(Counter::DropInternal)?;
    place.write(Parcel::new(header, packet.datagram(), vip)?);
    Ok(())
}

#[inline(never)]
fn rules_ipv6<'a>(
    context: &Context,
    header: &'a GenerationHeader,
    vip: u64,
    place: &mut Place<'a>,
) -> Verdict<()> {
    let (packet, _) = <PlainV6 as Plain>::of(context).ok_or(Counter::DropInternal)?;
    place.write(Parcel::new(header, packet.datagram(), vip)?);
    Ok(())
}
