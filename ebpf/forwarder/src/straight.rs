//! The straight way, which nearly all packets take: TCP or UDP without tags, options and extension headers, to a port
//! that is an entry of a VIP without further rules, by a settled slot and IP in IP or GUE to a backend with a known way.
//!
//! What it costs is what a packet costs. It is part of the program's entry, since a call costs as much as a lookup, and more
//! where processors are kept from predicting returns. It reads the headers in words and keeps none of them: what is wanted
//! twice is read twice, as a word of the packet is as near as one of the stack. Where a packet leaves the straight way,
//! `crossroads` reads them again.

use guideway_abi::{BackendRecord, Counter, GenerationHeader, TableRef, VipRef, encapsulation};
use guideway_packet::{
    Checksum, ETHERTYPE_IPV4, ETHERTYPE_IPV6, IPV4_HEADER_LEN, IPV6_HEADER_LEN, PROTOCOL_UDP, Plain, PlainV4,
    PlainV6, lowered_ttl_v4,
};
use guideway_xdp::{Context, opaque};

use crate::{
    Verdict,
    crossroads::Exit,
    encap::{self, GUE_LEN},
    lookup,
    maps::{self, BACKENDS, Shared as _},
    next_hop::NextHop,
    outer::{self, Gue},
};

/// What the program does for each family in its own way.
pub trait Family<'p>: Plain<'p> {
    /// The VIP whose entry is the packet's port.
    fn vip(self, start: Start, header: &GenerationHeader) -> Option<VipRef>;
    /// Lowers the TTL.
    fn lower_ttl(self, start: Start);
    /// Whether it is IPv6.
    const IS_V6: bool;
}

/// The start of a frame that has the bytes of a plain packet and was not moved.
#[derive(Clone, Copy)]
pub struct Start(*mut u8);

impl Start {
    /// The start of the frame, if it has so many bytes.
    #[inline(always)]
    pub fn of<'p, P: Plain<'p>>(context: &'p Context) -> Option<Self> {
        context.start(P::LEN).map(Self)
    }

    /// A view that has read nothing yet: the compiler does not keep for it what another one has read.
    #[inline(always)]
    pub fn view<'p, P: Plain<'p>>(self) -> P {
        // SAFETY: so many bytes are there, and what writes to them has no reference to them.
        P::over(unsafe { &*(opaque(self.0 as u64) as *const P::Bytes) })
    }
}

/// Sends a plain packet off, or says where it left the straight way.
#[inline(always)]
pub fn straight<'p, P: Family<'p>>(context: &'p Context, header: &GenerationHeader) -> Verdict<Exit> {
    let Some(start) = Start::of::<P>(context) else { return Ok(Exit::ANYWHERE) };
    let packet = start.view::<P>();
    if !packet.is_plain(context) {
        return Ok(Exit::ANYWHERE);
    }
    let Some(vip) = packet.vip(start, header) else { return Ok(Exit::to_rules::<P>(lookup::NO_ENTRY)) };
    if vip.flags != 0 {
        return Ok(Exit::to_rules::<P>(lookup::word(vip)));
    }
    if packet.ttl() <= 1 {
        return Err(Counter::DropTtlExpired);
    }
    let set = crate::set(header, vip)?;
    if set.table == TableRef::NONE {
        return Err(Counter::DropNoBackend);
    }
    let hash = start.view::<P>().flow_hash(&header.flow_key);
    let slot = maps::slot_of(set.table, hash).ok_or(Counter::DropInternal)?;
    // Neither in doubt nor empty.
    let is_settled = slot.cast_signed() > 0;
    let way = if is_settled && set.encapsulation <= encapsulation::GUE {
        NextHop::known(slot.into(), hash)
    } else {
        None
    };
    let Some((next_hop, mtu)) = way else { return Ok(Exit::with_slot::<P>(vip, hash, slot)) };
    let backend = BACKENDS.get(slot.into()).ok_or(Counter::DropInternal)?;
    let way = Way { header, backend, next_hop, mtu, hash };
    const { assert!(encapsulation::IPIP == 0 && encapsulation::GUE == 1) };
    let ip_len = start.view::<P>().ip_len();
    if set.encapsulation == encapsulation::IPIP {
        way.ipip::<P>(context, start)?;
    } else {
        way.gue::<P>(context, start)?;
    }
    maps::count_traffic(vip.vip, slot.into(), ip_len);
    Err(way.next_hop.transmit(context))
}

/// What a packet and its way to a backend are known by.
struct Way<'a> {
    header: &'a GenerationHeader,
    backend: &'a BackendRecord,
    next_hop: NextHop,
    mtu: u32,
    hash: u32,
}

impl Way<'_> {
    /// Makes the packet one of IP in IP.
    #[inline(always)]
    fn ipip<'p, P: Family<'p>>(&self, context: &Context, start: Start) -> Verdict<()> {
        let Self { header, backend, hash, .. } = *self;
        let packet = start.view::<P>();
        let class = packet.traffic_class();
        if backend.family == 4 {
            let length = self.fitting(packet.ip_len() + IPV4_HEADER_LEN)?;
            let outer = outer::v4(header, backend, class, hash, P::IN_TUNNEL, length);
            packet.lower_ttl(start);
            encap::write_untagged::<IPV4_HEADER_LEN, _>(
                context,
                &self.next_hop,
                ETHERTYPE_IPV4,
                outer.to_words(),
            )
        } else {
            let length = self.fitting(packet.ip_len() + IPV6_HEADER_LEN)?;
            let outer = outer::v6(header, backend, class, hash, P::IN_TUNNEL, length);
            packet.lower_ttl(start);
            encap::write_untagged::<IPV6_HEADER_LEN, _>(
                context,
                &self.next_hop,
                ETHERTYPE_IPV6,
                outer.to_words(),
            )
        }
    }

    /// Makes the packet one of GUE.
    #[inline(always)]
    fn gue<'p, P: Family<'p>>(&self, context: &Context, start: Start) -> Verdict<()> {
        const V4: usize = IPV4_HEADER_LEN + GUE_LEN;
        const V6: usize = IPV6_HEADER_LEN + GUE_LEN;
        let Self { header, backend, hash, .. } = *self;
        let packet = start.view::<P>();
        let (class, ip_len) = (packet.traffic_class(), packet.ip_len());
        if backend.family == 4 {
            let length = self.fitting(ip_len + V4)?;
            let outer = outer::v4(header, backend, class, hash, PROTOCOL_UDP, length);
            let sum = packet.inner_sum(Checksum::zero().add_u32(outer.source).add_u32(outer.destination));
            let words = encap::in_front_of(outer.to_words(), Gue::new(hash, P::IN_TUNNEL, 0, ip_len, sum));
            packet.lower_ttl(start);
            encap::write_untagged::<V4, _>(context, &self.next_hop, ETHERTYPE_IPV4, words)
        } else {
            let length = self.fitting(ip_len + V6)?;
            let outer = outer::v6(header, backend, class, hash, PROTOCOL_UDP, length).to_words();
            let sum = outer[1..].iter().fold(Checksum::zero(), |sum, word| sum.add_u64(*word));
            let words = (outer, Gue::new(hash, P::IN_TUNNEL, 0, ip_len, packet.inner_sum(sum)).words);
            packet.lower_ttl(start);
            encap::write_untagged::<V6, _>(context, &self.next_hop, ETHERTYPE_IPV6, words)
        }
    }

    /// `length`, if it has a place in the header and on the way.
    #[inline(always)]
    fn fitting(&self, length: usize) -> Verdict<usize> {
        if length > u16::MAX as usize || length > self.mtu as usize {
            Err(Counter::DropTooBig)
        } else {
            Ok(length)
        }
    }
}

impl<'p> Family<'p> for PlainV4<'p> {
    const IS_V6: bool = false;

    #[inline(always)]
    fn vip(self, _start: Start, header: &GenerationHeader) -> Option<VipRef> {
        lookup::port_v4(header, self.destination(), self.ports(), self.protocol())
    }

    #[inline(always)]
    fn lower_ttl(self, start: Start) {
        let word = lowered_ttl_v4(self.ttl_word());
        // SAFETY: a plain packet has these bytes.
        unsafe { start.0.add(Self::TTL_AT).cast::<u32>().write_unaligned(word) };
    }
}

impl<'p> Family<'p> for PlainV6<'p> {
    const IS_V6: bool = true;

    #[inline(always)]
    fn vip(self, start: Start, header: &GenerationHeader) -> Option<VipRef> {
        let words = start.view::<Self>().destination_words();
        lookup::port_v6(header, self.destination(), words, self.ports(), self.protocol())
    }

    #[inline(always)]
    fn lower_ttl(self, start: Start) {
        // SAFETY: as for IPv4.
        unsafe { start.0.add(Self::HOP_LIMIT_AT).write(self.ttl() - 1) };
    }
}
