//! From a flow to its backend.

use guideway_abi::{
    BUCKET_WAYS, Counter, GenerationHeader, TABLE_NONE, TABLE_SIZE_LARGE, TABLE_SIZE_SMALL, VipEntry,
    entry_kind, table_kind,
};
use guideway_packet::{Address, Flow, lookup_hash, slot};

use crate::{
    Verdict,
    maps::{TABLES_LARGE, TABLES_SMALL, VIP_BUCKETS, VIPS},
};

/// What the VIP lookup finds.
pub enum Match {
    /// The VIP, by its index.
    Vip(u32),
    /// The address has VIPs, the port is none of them.
    UnknownPort,
    /// Not an address of ours.
    None,
}

/// The VIP of a flow.
#[inline(always)]
pub fn find(header: &GenerationHeader, flow: &Flow) -> Match {
    match entry(header, flow.destination, flow.destination_port_be, flow.protocol) {
        Some(entry) => Match::Vip(entry.vip),
        None if is_vip_address(header, flow.destination) => Match::UnknownPort,
        None => Match::None,
    }
}

/// Whether any VIP has this address.
#[inline(always)]
pub fn is_vip_address(header: &GenerationHeader, address: Address) -> bool {
    entry(header, address, 0, 0).is_some()
}

/// The entry of address, port and protocol; with port and protocol zero, that of the address itself.
#[inline(never)]
fn entry(
    header: &GenerationHeader,
    address: Address,
    port_be: u16,
    protocol: u8,
) -> Option<&'static VipEntry> {
    let hash = lookup_hash(header.lookup_key, address, port_be, protocol);
    let first = hash as u32 & header.bucket_mask;
    let second = (hash >> 32) as u32 & header.bucket_mask;
    in_bucket(header, first, address, port_be, protocol)
        .or_else(|| in_bucket(header, second, address, port_be, protocol))
}

#[inline(always)]
fn in_bucket(
    header: &GenerationHeader,
    bucket: u32,
    address: Address,
    port_be: u16,
    protocol: u8,
) -> Option<&'static VipEntry> {
    let bucket = VIP_BUCKETS.get(header.bucket_base + bucket)?;
    let mut way = 0;
    while way < BUCKET_WAYS {
        let entry = &bucket.entries[way];
        if entry.kind != entry_kind::EMPTY
            && entry.port_be == port_be
            && entry.protocol == protocol
            && Address::from_bytes(entry.address) == address
        {
            return Some(entry);
        }
        way += 1;
    }
    None
}

/// The backend of a flow of a VIP, by its index.
#[inline(always)]
pub fn backend(header: &GenerationHeader, vip: u32, hash: u64) -> Verdict<u32> {
    let record = VIPS.get(header.vip_base + vip).ok_or(Counter::DropInternal)?;
    if record.table == TABLE_NONE {
        return Err(Counter::DropNoBackend);
    }
    let backend = if record.table_kind == table_kind::LARGE {
        let table = TABLES_LARGE.get(record.table).ok_or(Counter::DropInternal)?;
        at(table, slot(hash, TABLE_SIZE_LARGE))
    } else {
        let table = TABLES_SMALL.get(record.table).ok_or(Counter::DropInternal)?;
        at(table, slot(hash, TABLE_SIZE_SMALL))
    };
    // Index 0 is no backend: a table is whole before a VIP refers to it.
    if backend == 0 { Err(Counter::DropInternal) } else { Ok(u32::from(backend)) }
}

#[inline(always)]
fn at<const M: usize>(table: &[u16; M], slot: u32) -> u16 {
    // A slot is less than M, which the compiler knows and the verifier cannot follow: hide it from the one, show it to
    // the other.
    let slot = core::hint::black_box(slot) as usize;
    if slot < M { table[slot] } else { 0 }
}
