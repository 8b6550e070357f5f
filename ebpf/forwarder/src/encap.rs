//! Sends a packet to its backend: outer header, Ethernet header, interface.

use core::convert::Infallible;

use aya_ebpf::helpers::bpf_xdp_adjust_head;
use guideway_abi::{BackendRecord, Counter, GenerationHeader, PREVIOUS_TABLES, encapsulation};
use guideway_packet::{
    Addresses, Checksum, Datagram, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Frame, GRE_HEADER_LEN, GUE_HEADER_LEN,
    IPV4_HEADER_LEN, IPV6_HEADER_LEN, PROTOCOL_GRE, PROTOCOL_UDP, UDP_HEADER_LEN, lowered_ttl_v4,
};
use guideway_xdp::{Context, forgotten, opaque};

use crate::{
    Parcel, UNTAGGED, Verdict, l3_at,
    maps::{self, BACKENDS, Shared as _},
    next_hop::NextHop,
    outer::{self, Gue},
};

/// Bytes of a UDP header and a GUE header without private data.
pub const GUE_LEN: usize = UDP_HEADER_LEN + GUE_HEADER_LEN;

/// The backend of a parcel.
#[inline(always)]
fn backend(parcel: &Parcel) -> Verdict<&'static BackendRecord> {
    // Index 0 is no backend: a table is whole before a set refers to it.
    if parcel.backend == 0 {
        return Err(Counter::DropInternal);
    }
    BACKENDS.get(parcel.backend.into()).ok_or(Counter::DropInternal)
}

/// IP in IP.
#[inline(never)]
fn ipip(context: &Context, header: &GenerationHeader, parcel: &Parcel) -> Verdict<Infallible> {
    let (datagram, hash) = (&parcel.datagram, parcel.hash);
    let backend = backend(parcel)?;
    let protocol = outer::inner_protocol(datagram);
    if backend.family == 4 {
        let length = length(datagram, IPV4_HEADER_LEN)?;
        let next_hop = NextHop::find(context, header, parcel, length)?;
        let words = outer::v4(header, backend, datagram.traffic_class, hash, protocol, length).to_words();
        lower_ttl(context, datagram)?;
        write::<IPV4_HEADER_LEN, _>(context, datagram, &next_hop, ETHERTYPE_IPV4, words)?;
        Err(sent(context, parcel, &next_hop))
    } else {
        let length = length(datagram, IPV6_HEADER_LEN)?;
        let next_hop = NextHop::find(context, header, parcel, length)?;
        let words = outer::v6(header, backend, datagram.traffic_class, hash, protocol, length).to_words();
        lower_ttl(context, datagram)?;
        write::<IPV6_HEADER_LEN, _>(context, datagram, &next_hop, ETHERTYPE_IPV6, words)?;
        Err(sent(context, parcel, &next_hop))
    }
}

/// Whatever the encapsulation is.
#[inline(always)]
pub fn send(context: &Context, header: &GenerationHeader, parcel: &Parcel) -> Verdict<Infallible> {
    let by_hops = parcel.hops[0] != 0;
    match parcel.set(header)?.encapsulation {
        _ if by_hops => gue_with_hops(context, header, parcel),
        encapsulation::IPIP => ipip(context, header, parcel),
        encapsulation::GUE => gue(context, header, parcel),
        encapsulation::GRE => gre(context, header, parcel),
        encapsulation::L2 => l2(context, header, parcel),
        _ => Err(Counter::DropInternal),
    }
}

/// GUE without further hops.
#[inline(always)]
fn gue(context: &Context, header: &GenerationHeader, parcel: &Parcel) -> Verdict<Infallible> {
    match backend(parcel)?.family {
        4 => gue_v4(context, header, parcel),
        _ => gue_v6(context, header, parcel),
    }
}

#[inline(never)]
fn gue_v4(context: &Context, header: &GenerationHeader, parcel: &Parcel) -> Verdict<Infallible> {
    gue_to_v4(context, header, parcel, &PrivateHead::NONE)
}

#[inline(never)]
fn gue_v6(context: &Context, header: &GenerationHeader, parcel: &Parcel) -> Verdict<Infallible> {
    gue_to_v6(context, header, parcel, &PrivateHead::NONE)
}

/// GUE with the further hops in its private data.
#[inline(always)]
fn gue_with_hops(context: &Context, header: &GenerationHeader, parcel: &Parcel) -> Verdict<Infallible> {
    let scratch = maps::scratch().ok_or(Counter::DropInternal)?;
    // SAFETY: plain numbers of this CPU, which live as long as the map.
    let private = unsafe { &mut (*scratch).private };
    private.describe(header, parcel.hops)?;
    match backend(parcel)?.family {
        4 => hops_v4(context, header, parcel, private),
        _ => hops_v6(context, header, parcel, private),
    }
}

#[inline(never)]
fn hops_v4(
    context: &Context,
    header: &GenerationHeader,
    parcel: &Parcel,
    private: &PrivateHead,
) -> Verdict<Infallible> {
    gue_to_v4(context, header, parcel, private)
}

#[inline(never)]
fn hops_v6(
    context: &Context,
    header: &GenerationHeader,
    parcel: &Parcel,
    private: &PrivateHead,
) -> Verdict<Infallible> {
    gue_to_v6(context, header, parcel, private)
}

#[inline(always)]
fn gue_to_v4(
    context: &Context,
    header: &GenerationHeader,
    parcel: &Parcel,
    private: &PrivateHead,
) -> Verdict<Infallible> {
    let (datagram, hash) = (&parcel.datagram, parcel.hash);
    let backend = backend(parcel)?;
    let length = length(datagram, IPV4_HEADER_LEN + GUE_LEN + private.len())?;
    let next_hop = NextHop::find(context, header, parcel, length)?;
    let outer = outer::v4(header, backend, datagram.traffic_class, hash, PROTOCOL_UDP, length);
    let sum = private.sum().add_u32(outer.source).add_u32(outer.destination);
    let sum = outer::inner_sum(context, datagram, sum);
    let gue = Gue::new(hash, outer::inner_protocol(datagram), private.len(), datagram.ip_len, sum);
    let words = in_front_of(outer.to_words(), gue);
    lower_ttl(context, datagram)?;
    if private.len() != 0 {
        private.put(context, parcel)?;
    }
    write::<{ IPV4_HEADER_LEN + GUE_LEN }, _>(context, datagram, &next_hop, ETHERTYPE_IPV4, words)?;
    Err(sent(context, parcel, &next_hop))
}

#[inline(always)]
fn gue_to_v6(
    context: &Context,
    header: &GenerationHeader,
    parcel: &Parcel,
    private: &PrivateHead,
) -> Verdict<Infallible> {
    let (datagram, hash) = (&parcel.datagram, parcel.hash);
    let backend = backend(parcel)?;
    let length = length(datagram, IPV6_HEADER_LEN + GUE_LEN + private.len())?;
    let next_hop = NextHop::find(context, header, parcel, length)?;
    let outer = outer::v6(header, backend, datagram.traffic_class, hash, PROTOCOL_UDP, length);
    let words = outer.to_words();
    let sum = words[1..].iter().fold(private.sum(), |sum, word| sum.add_u64(*word));
    let sum = outer::inner_sum(context, datagram, sum);
    let gue = Gue::new(hash, outer::inner_protocol(datagram), private.len(), datagram.ip_len, sum);
    let headers = (words, gue.words);
    lower_ttl(context, datagram)?;
    if private.len() != 0 {
        private.put(context, parcel)?;
    }
    write::<{ IPV6_HEADER_LEN + GUE_LEN }, _>(context, datagram, &next_hop, ETHERTYPE_IPV6, headers)?;
    Err(sent(context, parcel, &next_hop))
}

/// An IPv4 header and what follows it.
#[inline(always)]
pub fn in_front_of(outer: [u32; IPV4_HEADER_LEN / 4], gue: Gue) -> [u32; (IPV4_HEADER_LEN + GUE_LEN) / 4] {
    let ([a, b, c, d, e], [f, g, h]) = (outer, gue.words);
    [a, b, c, d, e, f, g, h]
}

#[inline(never)]
fn gre(context: &Context, header: &GenerationHeader, parcel: &Parcel) -> Verdict<Infallible> {
    let (datagram, hash) = (&parcel.datagram, parcel.hash);
    let backend = backend(parcel)?;
    let inner = match datagram.addresses {
        Addresses::V4 { .. } => ETHERTYPE_IPV4,
        Addresses::V6 { .. } => ETHERTYPE_IPV6,
    };
    let gre = u32::from(inner.to_be()) << 16;
    if backend.family == 4 {
        let length = length(datagram, IPV4_HEADER_LEN + GRE_HEADER_LEN)?;
        let next_hop = NextHop::find(context, header, parcel, length)?;
        let [a, b, c, d, e] =
            outer::v4(header, backend, datagram.traffic_class, hash, PROTOCOL_GRE, length).to_words();
        let words = [a, b, c, d, e, gre];
        lower_ttl(context, datagram)?;
        write::<{ IPV4_HEADER_LEN + GRE_HEADER_LEN }, _>(
            context,
            datagram,
            &next_hop,
            ETHERTYPE_IPV4,
            words,
        )?;
        Err(sent(context, parcel, &next_hop))
    } else {
        let length = length(datagram, IPV6_HEADER_LEN + GRE_HEADER_LEN)?;
        let next_hop = NextHop::find(context, header, parcel, length)?;
        let outer = outer::v6(header, backend, datagram.traffic_class, hash, PROTOCOL_GRE, length).to_words();
        let headers = (outer, gre);
        lower_ttl(context, datagram)?;
        write::<{ IPV6_HEADER_LEN + GRE_HEADER_LEN }, _>(
            context,
            datagram,
            &next_hop,
            ETHERTYPE_IPV6,
            headers,
        )?;
        Err(sent(context, parcel, &next_hop))
    }
}

/// The frame itself goes to the backend.
#[inline(never)]
fn l2(context: &Context, header: &GenerationHeader, parcel: &Parcel) -> Verdict<Infallible> {
    backend(parcel)?;
    let next_hop = NextHop::find(context, header, parcel, parcel.datagram.ip_len)?;
    lower_ttl(context, &parcel.datagram)?;
    let start = context.start(UNTAGGED).ok_or(Counter::DropInternal)?;
    // SAFETY: the addresses lie within the bytes that are there.
    unsafe { write_macs(start, &next_hop) };
    Err(sent(context, parcel, &next_hop))
}

const PRIVATE_FORMAT: u8 = 1;

/// The private data but for the addresses.
#[repr(C)]
pub struct PrivateHead {
    /// Its first four bytes.
    word: u64,
    /// Its one's complement sum, addresses included.
    sum: u64,
    /// Its length in bytes, addresses included.
    len: u64,
}

const PRIVATE_WORD_LEN: usize = 4;

impl PrivateHead {
    const NONE: Self = Self { word: 0, sum: 0, len: 0 };

    #[inline(never)]
    fn describe(&mut self, header: &GenerationHeader, hops: [u16; PREVIOUS_TABLES]) -> Verdict<()> {
        let (mut is_v4, mut sum, mut count) = (true, Checksum::zero(), 0);
        for hop in hops {
            if hop == 0 {
                break;
            }
            let backend = BACKENDS.get(hop.into()).ok_or(Counter::DropInternal)?;
            is_v4 &= backend.family == 4;
            sum = sum.merge(sum_of(backend));
            count += 1;
        }
        let (family, each) = if is_v4 { (4, 4) } else { (6, 16) };
        let word = u32::from_le_bytes([PRIVATE_FORMAT, family, count, 0]);
        // The bytes before the last four of an IPv4-mapped address are 0 and 0xffff, which adds nothing.
        self.sum = forgotten(sum.add_u32(word).to_sum(), header.digest);
        self.len = forgotten((PRIVATE_WORD_LEN + each * usize::from(count)) as u64, header.digest);
        self.word = forgotten(word.into(), header.digest);
        Ok(())
    }

    #[inline(always)]
    fn len(&self) -> usize {
        self.len as usize & 0x3f
    }

    #[inline(always)]
    fn sum(&self) -> Checksum {
        Checksum::from_sum(self.sum)
    }

    /// Puts the private data between the Ethernet header and the packet.
    #[inline(never)]
    fn put(&self, context: &Context, parcel: &Parcel) -> Verdict<()> {
        let (l2_len, hops) = (l3_at(&parcel.datagram), parcel.hops);
        make_room(context, self.len())?;
        move_tags(context, l2_len, self.len())?;
        let word = self.word as u32;
        put(context, l2_len, [word])?;
        let [_, family, ..] = word.to_le_bytes();
        let each = if family == 4 { 4 } else { 16 };
        let mut at = l2_len + PRIVATE_WORD_LEN;
        for hop in hops {
            if hop == 0 {
                break;
            }
            put_hop(context, at, hop, family)?;
            at += each;
        }
        Ok(())
    }
}

#[inline(always)]
fn sum_of(backend: &BackendRecord) -> Checksum {
    let [a, b, c, d] = address_words(backend);
    Checksum::zero().add_u32(a).add_u32(b).add_u32(c).add_u32(d)
}

#[inline(always)]
fn put_hop(context: &Context, at: usize, hop: u16, family: u8) -> Verdict<()> {
    let address = address_words(BACKENDS.get(hop.into()).ok_or(Counter::DropInternal)?);
    if family == 4 { put(context, at, [address[3]]) } else { put(context, at, address) }
}

#[inline(always)]
fn address_words(backend: &BackendRecord) -> [u32; 4] {
    // SAFETY: both are sixteen bytes of plain numbers.
    unsafe { core::mem::transmute(backend.address) }
}

/// Writes words to the packet.
#[inline(always)]
fn put<const WORDS: usize>(context: &Context, at: usize, words: [u32; WORDS]) -> Verdict<()> {
    let place = context.words_mut::<WORDS>(at).ok_or(Counter::DropInternal)?;
    // SAFETY: the place has as many bytes.
    unsafe { place.write_unaligned(words) };
    Ok(())
}

/// Length of the packet with `outer` more bytes.
#[inline(always)]
fn length(datagram: &Datagram, outer: usize) -> Verdict<usize> {
    let length = datagram.ip_len + outer;
    if length > u16::MAX as usize { Err(Counter::DropTooBig) } else { Ok(length) }
}

/// Makes room and writes the outer headers, `OUTER` bytes, and the Ethernet header.
#[inline(always)]
fn write<const OUTER: usize, H: Headers<OUTER>>(
    context: &Context,
    datagram: &Datagram,
    next_hop: &NextHop,
    ethertype: u16,
    headers: H,
) -> Verdict<()> {
    let l2_len = l3_at(datagram);
    if l2_len == UNTAGGED {
        return write_untagged(context, next_hop, ethertype, headers);
    }
    make_room(context, OUTER)?;
    ethernet(context, l2_len, OUTER, next_hop, ethertype)?;
    let place = context.view_mut::<OUTER>(l2_len).ok_or(Counter::DropInternal)?.as_mut_ptr();
    // SAFETY: there are as many bytes at the place.
    unsafe { headers.write(place) };
    Ok(())
}

/// As [`write`], for a frame without tags.
#[inline(always)]
pub fn write_untagged<const OUTER: usize, H: Headers<OUTER>>(
    context: &Context,
    next_hop: &NextHop,
    ethertype: u16,
    headers: H,
) -> Verdict<()> {
    make_room(context, OUTER)?;
    let start = context.start(UNTAGGED + OUTER).ok_or(Counter::DropInternal)?;
    // SAFETY: all of it lies within the bytes that are there.
    unsafe {
        write_macs(start, next_hop);
        start.add(UNTAGGED - 2).cast::<u16>().write_unaligned(ethertype.to_be());
        headers.write(start.add(UNTAGGED));
    }
    Ok(())
}

/// Outer headers of `LEN` bytes, as words in the order of memory. Wide ones, where it goes: the stack is small.
pub trait Headers<const LEN: usize> {
    /// # Safety
    ///
    /// `LEN` bytes from `place` on may be written.
    unsafe fn write(self, place: *mut u8);
}

impl<const LEN: usize, const WORDS: usize> Headers<LEN> for [u32; WORDS] {
    #[inline(always)]
    unsafe fn write(self, place: *mut u8) {
        const { assert!(size_of::<Self>() == LEN) };
        // SAFETY: the caller's promise.
        unsafe { place.cast::<Self>().write_unaligned(self) };
    }
}

impl Headers<IPV6_HEADER_LEN> for [u64; 5] {
    #[inline(always)]
    unsafe fn write(self, place: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { place.cast::<Self>().write_unaligned(self) };
    }
}

impl Headers<{ IPV6_HEADER_LEN + GUE_LEN }> for ([u64; 5], [u32; 3]) {
    #[inline(always)]
    unsafe fn write(self, place: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            place.cast::<[u64; 5]>().write_unaligned(self.0);
            place.add(IPV6_HEADER_LEN).cast::<[u32; 3]>().write_unaligned(self.1);
        }
    }
}

impl Headers<{ IPV6_HEADER_LEN + GRE_HEADER_LEN }> for ([u64; 5], u32) {
    #[inline(always)]
    unsafe fn write(self, place: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            place.cast::<[u64; 5]>().write_unaligned(self.0);
            place.add(IPV6_HEADER_LEN).cast::<u32>().write_unaligned(self.1);
        }
    }
}

/// Lowers the inner TTL (RFC 2003, 3.1).
#[inline(always)]
fn lower_ttl(context: &Context, datagram: &Datagram) -> Verdict<()> {
    match datagram.addresses {
        Addresses::V4 { .. } => {
            let word = context.view_mut::<4>(l3_at(datagram) + 8).ok_or(Counter::DropInternal)?;
            *word = lowered_ttl_v4(u32::from_le_bytes(*word)).to_le_bytes();
        }
        Addresses::V6 { .. } => {
            let h = context.view_mut::<8>(l3_at(datagram)).ok_or(Counter::DropInternal)?;
            h[7] = h[7].wrapping_sub(1);
        }
    }
    Ok(())
}

#[inline(always)]
fn make_room(context: &Context, room: usize) -> Verdict<()> {
    // SAFETY: the helper takes the program's own context; every pointer into the packet is fetched again after it.
    let moved = unsafe { bpf_xdp_adjust_head(context.as_ptr(), -(room as i32)) };
    if moved == 0 { Ok(()) } else { Err(Counter::DropNoHeadroom) }
}

/// Writes the Ethernet header, with its VLAN tags from `room` bytes behind.
#[inline(always)]
fn ethernet(
    context: &Context,
    l2_len: usize,
    room: usize,
    next_hop: &NextHop,
    ethertype: u16,
) -> Verdict<()> {
    move_tags(context, l2_len, room)?;
    let start = context.start(UNTAGGED).ok_or(Counter::DropInternal)?;
    // SAFETY: the addresses lie within the bytes that are there.
    unsafe { write_macs(start, next_hop) };
    // The verifier does not know that there are two bytes before the end.
    let last = opaque(l2_len as u64 - 2) as usize & 0x1f;
    let last = context.view_mut::<2>(last).ok_or(Counter::DropInternal)?;
    *last = ethertype.to_be_bytes();
    Ok(())
}

/// Moves VLAN tags, which stand between the MAC addresses and the last EtherType, `room` bytes to the front.
#[inline(always)]
fn move_tags(context: &Context, l2_len: usize, room: usize) -> Verdict<()> {
    if l2_len >= 18 {
        move_four(context, 12, room)?;
    }
    if l2_len >= 22 {
        move_four(context, 16, room)?;
    }
    Ok(())
}

#[inline(always)]
fn move_four(context: &Context, offset: usize, room: usize) -> Verdict<()> {
    let tag = *context.view::<4>(offset + room).ok_or(Counter::DropInternal)?;
    *context.view_mut::<4>(offset).ok_or(Counter::DropInternal)? = tag;
    Ok(())
}

/// # Safety
///
/// Twelve bytes from `start` on may be written.
#[inline(always)]
unsafe fn write_macs(start: *mut u8, next_hop: &NextHop) {
    let NextHop { source_mac, destination_mac, .. } = *next_hop;
    // SAFETY: the caller's promise.
    unsafe {
        start.cast::<u64>().write_unaligned(destination_mac | source_mac << 48);
        start.add(8).cast::<u32>().write_unaligned((source_mac >> 16) as u32);
    }
}

#[inline(always)]
fn sent(context: &Context, parcel: &Parcel, next_hop: &NextHop) -> Counter {
    maps::count_traffic(parcel.vip.vip, parcel.backend.into(), parcel.datagram.ip_len);
    next_hop.transmit(context)
}
