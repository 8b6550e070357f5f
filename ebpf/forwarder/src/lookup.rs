//! From destination, protocol and port to the VIP.

use guideway_abi::{
    AddressRef, Counter, GenerationHeader, VIP_NONE, VIP4_WAYS, VIP6_WAYS, Vip4Bucket, Vip6Bucket, VipRef,
    entry_kind, vip_key,
};
use guideway_packet::{
    Address, Addresses, Datagram, lookup_hash_v4, lookup_hash_v6, port_and_protocol, second_bucket, words_v6,
};

use guideway_xdp::{forgotten, opaque};

use crate::{
    Verdict,
    maps::{INTERVALS, PREFIXES4, PREFIXES6, SOURCES, Shared as _, VIP4_BUCKETS, VIP6_BUCKETS, VIPS},
};

/// In place of the [`word`] of a VIP: the port is no entry.
pub const NO_ENTRY: u64 = u64::MAX;

/// The VIP whose entry is the port of a packet.
#[inline(always)]
pub fn port(header: &GenerationHeader, datagram: &Datagram) -> Option<VipRef> {
    match datagram.addresses {
        Addresses::V4 { destination, .. } => port_v4(header, destination, datagram.ports, datagram.protocol),
        Addresses::V6 { destination, .. } => {
            port_v6(header, destination, words_v6(destination), datagram.ports, datagram.protocol)
        }
    }
}

/// As [`port`].
#[inline(always)]
pub fn port_v4(header: &GenerationHeader, destination: u32, ports: u32, protocol: u8) -> Option<VipRef> {
    entry_v4(header, destination, (ports >> 16) as u16, protocol, entry_kind::PORT)
}

/// As [`port`]; `words` are those of `destination`.
#[inline(always)]
pub fn port_v6(
    header: &GenerationHeader,
    destination: [u64; 2],
    words: [u32; 4],
    ports: u32,
    protocol: u8,
) -> Option<VipRef> {
    entry_v6(header, destination, words, (ports >> 16) as u16, protocol, entry_kind::PORT)
}

/// The VIP of a packet, of which `entry` says what [`port`] found: [`Counter::Pass`] when its destination is no address of
/// ours.
#[inline(always)]
pub fn find(header: &GenerationHeader, datagram: &Datagram, entry: u64) -> Verdict<VipRef> {
    if entry != NO_ENTRY {
        return from_word(entry);
    }
    let port = u32::from(u16::from_be(datagram.destination_port_be())) | u32::from(datagram.protocol) << 16;
    from_word(match datagram.addresses {
        Addresses::V4 { destination, .. } => by_interval_v4(header, destination, port),
        Addresses::V6 { destination, .. } => by_interval_v6(header, destination[0], destination[1], port),
    })
}

/// Whether the sender of a packet may dial its VIP, which is [restricted](guideway_abi::vip_flags::RESTRICTED).
#[inline(always)]
pub fn admits(header: &GenerationHeader, vip: VipRef, datagram: &Datagram) -> bool {
    let [high, low] = match datagram.addresses {
        Addresses::V4 { source, .. } => [0, u32::from_be(source).into()],
        Addresses::V6 { source, .. } => source.map(u64::from_be),
    };
    is_admitted(header, vip.vip, high, low) != 0
}

/// 1 or 0.
#[inline(never)]
fn is_admitted(header: &GenerationHeader, vip: u32, high: u64, low: u64) -> u64 {
    let Some(record) = VIPS.get(header.vip_base + vip) else { return 0 };
    let first = header.source_base + record.source_first;
    let below = count_not_above(header, record.source_count, |at| match SOURCES.get(first + at) {
        Some(border) => not_less_wide([high, low], border.start),
        None => 0,
    });
    u64::from(below & 1)
}

/// Whether any VIP has this address.
#[inline(never)]
pub fn is_vip_address(header: &GenerationHeader, address: Address) -> bool {
    if address.is_v4() {
        address_v4(header, address.v4_bits()).is_some()
    } else {
        address_v6(header, address.words()).is_some()
    }
}

// The ways of ports that are no entries: ranges, any-port and prefixes. Arguments and results are words, since whatever a
// function gets by reference has to lie in memory, also on the straight way.

#[inline(never)]
fn by_interval_v4(header: &GenerationHeader, destination: u32, port: u32) -> u64 {
    to_word(
        address_v4(header, destination)
            .map_or(Err(Counter::Pass), |address| in_intervals(header, address, port)),
    )
}

#[inline(never)]
fn by_interval_v6(header: &GenerationHeader, high: u64, low: u64, port: u32) -> u64 {
    let address = address_v6(header, [high, low]);
    to_word(address.map_or(Err(Counter::Pass), |address| in_intervals(header, address, port)))
}

/// No VIP has so large an index; the counter stands below.
const NOT_FOUND: u64 = 0xffff_ffff;

#[inline(always)]
fn to_word(found: Verdict<VipRef>) -> u64 {
    match found {
        Ok(vip) => word(vip),
        Err(Counter::Pass) => NOT_FOUND,
        Err(Counter::DropUnknownPort) => NOT_FOUND | 1 << 32,
        Err(_) => NOT_FOUND | 2 << 32,
    }
}

/// A VIP as one word.
#[inline(always)]
pub fn word(vip: VipRef) -> u64 {
    u64::from(vip.vip) | u64::from(vip.set) << 32 | u64::from(vip.flags) << 48
}

/// The VIP of a [`word`].
#[inline(always)]
pub fn from_word(word: u64) -> Verdict<VipRef> {
    if word as u32 != NOT_FOUND as u32 {
        return Ok(VipRef { vip: word as u32, set: (word >> 32) as u16, flags: (word >> 48) as u16 });
    }
    Err(match word >> 32 {
        0 => Counter::Pass,
        1 => Counter::DropUnknownPort,
        _ => Counter::DropInternal,
    })
}

#[inline(always)]
fn in_intervals(header: &GenerationHeader, address: AddressRef, port: u32) -> Verdict<VipRef> {
    let first = header.interval_base + address.first;
    let below = count_not_above(header, address.count, |at| match INTERVALS.get(first + at) {
        Some(interval) => not_less(port.into(), interval.start.into()),
        None => 0,
    });
    let last = below.checked_sub(1).ok_or(Counter::DropUnknownPort)?;
    let interval = INTERVALS.get(first + last).ok_or(Counter::DropInternal)?;
    if interval.value.vip == VIP_NONE { Err(Counter::DropUnknownPort) } else { Ok(interval.value) }
}

/// The number of elements, of `count` sorted ones, that are not above what is looked for; 65,535 at most are searched.
///
/// `is_not_above` gives 1 or 0, and both are numbers to the code: with a branch on each comparison the verifier would walk
/// every way through the search.
#[inline(always)]
fn count_not_above(header: &GenerationHeader, count: u32, is_not_above: impl Fn(u32) -> u64) -> u32 {
    let mut found = 0_u32;
    let mut step = 1 << 15;
    while step > 0 {
        let next = found + step;
        let is_there = not_less(count.into(), next.into());
        found += step * (is_there & is_not_above(next - 1)) as u32;
        found = forgotten(found.into(), header.digest) as u32;
        step >>= 1;
    }
    found
}

/// 1 if `a` is not less than `b`, else 0; both are below 2^63.
#[inline(always)]
fn not_less(a: u64, b: u64) -> u64 {
    // The compiler would make a comparison of it.
    opaque(1 ^ opaque(a.wrapping_sub(b)) >> 63)
}

/// 1 if `a` is not less than `b`, else 0, for numbers of 128 bits with their upper halves first.
#[inline(always)]
fn not_less_wide(a: [u64; 2], b: [u64; 2]) -> u64 {
    // Hacker's Delight, 2-13: the borrow of a subtraction.
    let borrow = |a: u64, b: u64, before: u64| {
        let difference = opaque(a.wrapping_sub(b).wrapping_sub(before));
        (!a & b | (!a | b) & difference) >> 63
    };
    1 ^ borrow(a[0], b[0], borrow(a[1], b[1], 0))
}

#[inline(always)]
fn address_v4(header: &GenerationHeader, address: u32) -> Option<AddressRef> {
    if let Some(value) = entry_v4(header, address, 0, 0, entry_kind::ADDRESS) {
        return Some(address_ref(value));
    }
    if header.prefix4_count == 0 {
        return None;
    }
    let (base, address) = (header.prefix4_base, u32::from_be(address));
    let below = count_not_above(header, header.prefix4_count, |at| match PREFIXES4.get(base + at) {
        Some(prefix) => not_less(address.into(), prefix.start.into()),
        None => 0,
    });
    let last = below.checked_sub(1)?;
    ours(PREFIXES4.get(base + last)?.value)
}

#[inline(always)]
fn address_v6(header: &GenerationHeader, address: [u64; 2]) -> Option<AddressRef> {
    if let Some(value) = entry_v6(header, address, words_v6(address), 0, 0, entry_kind::ADDRESS) {
        return Some(address_ref(value));
    }
    if header.prefix6_count == 0 {
        return None;
    }
    let (base, address) = (header.prefix6_base, address.map(u64::from_be));
    let below = count_not_above(header, header.prefix6_count, |at| match PREFIXES6.get(base + at) {
        Some(prefix) => not_less_wide(address, prefix.start),
        None => 0,
    });
    let last = below.checked_sub(1)?;
    ours(PREFIXES6.get(base + last)?.value)
}

#[inline(always)]
fn ours(address: AddressRef) -> Option<AddressRef> {
    if address.count == 0 { None } else { Some(address) }
}

/// What the value of an `ADDRESS` entry means.
#[inline(always)]
fn address_ref(value: VipRef) -> AddressRef {
    AddressRef { first: value.vip, count: u32::from(value.set) | u32::from(value.flags) << 16 }
}

#[inline(always)]
fn entry_v4(header: &GenerationHeader, address: u32, port_be: u16, protocol: u8, kind: u8) -> Option<VipRef> {
    let hash = lookup_hash_v4(&header.lookup_key, address, port_and_protocol(port_be, protocol));
    let key = vip_key(port_be, protocol, kind);
    let first = VIP4_BUCKETS.get(header.vip4_base + (hash & header.vip4_mask))?;
    if let Some(value) = in_bucket_v4(first, address, key) {
        return Some(value);
    }
    let second = second_bucket(&header.lookup_key, hash) & header.vip4_mask;
    in_bucket_v4(VIP4_BUCKETS.get(header.vip4_base + second)?, address, key)
}

#[inline(always)]
fn in_bucket_v4(bucket: &Vip4Bucket, address: u32, key: u32) -> Option<VipRef> {
    // Address and key stand one after the other and are compared as one word.
    let wanted = u64::from(address) | u64::from(key) << 32;
    let mut way = 0;
    while way < VIP4_WAYS {
        let entry = &bucket.entries[way];
        // SAFETY: an entry has sixteen bytes and lies at a multiple of eight.
        if unsafe { core::ptr::from_ref(entry).cast::<u64>().read() } == wanted {
            return Some(entry.value);
        }
        way += 1;
    }
    None
}

#[inline(always)]
fn entry_v6(
    header: &GenerationHeader,
    address: [u64; 2],
    words: [u32; 4],
    port_be: u16,
    protocol: u8,
    kind: u8,
) -> Option<VipRef> {
    let hash = lookup_hash_v6(&header.lookup_key, words, port_and_protocol(port_be, protocol));
    let key = vip_key(port_be, protocol, kind);
    let first = VIP6_BUCKETS.get(header.vip6_base + (hash & header.vip6_mask))?;
    if let Some(value) = in_bucket_v6(first, address, key) {
        return Some(value);
    }
    let second = second_bucket(&header.lookup_key, hash) & header.vip6_mask;
    in_bucket_v6(VIP6_BUCKETS.get(header.vip6_base + second)?, address, key)
}

#[inline(always)]
fn in_bucket_v6(bucket: &Vip6Bucket, address: [u64; 2], key: u32) -> Option<VipRef> {
    let mut way = 0;
    while way < VIP6_WAYS {
        let entry = &bucket.entries[way];
        if entry.address[1] == address[1] && entry.key == key && entry.address[0] == address[0] {
            return Some(entry.value);
        }
        way += 1;
    }
    None
}
