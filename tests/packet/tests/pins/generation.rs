//! Generations with one VIP, 203.0.113.10:53 over UDP, written by hand.
#![allow(dead_code)]

use std::net::Ipv4Addr;

use guideway_abi::{
    BackendRecord, GenerationHeader, IPPROTO_UDP, LEGS, Leg, LinkRecord, NO_REGION, SetRecord, TableRef,
    Vip4Bucket, Vip4Entry, VipRecord, VipRef, entry_kind, vip_key,
};
use guideway_bpf::{Dataplane, TableKind};

use super::place::CAPACITIES;

/// A UDP packet without payload from 192.0.2.1:1000 to the VIP.
pub const PACKET: [u8; 42] = [
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0x7c, 0xc5, 192, 0, 2, 1,
    203, 0, 113, 10, 3, 232, 0, 53, 0, 8, 0, 0,
];

/// MAC address of the next hop of every backend.
pub const NEIGHBOUR: [u8; 6] = [2, 0, 0, 0, 0, 9];

/// Where the parts of a bank stand; buckets, VIPs and sets are the first of it. With one bucket, both hashes name it.
pub fn header(generation: u64, bank: u32) -> GenerationHeader {
    GenerationHeader {
        generation,
        vip4_base: bank * CAPACITIES.buckets4(),
        vip6_base: bank * CAPACITIES.buckets6(),
        set_base: bank * CAPACITIES.sets(),
        vip_base: bank * CAPACITIES.vips,
        state_base: bank * CAPACITIES.state_elements(),
        interval_base: bank * CAPACITIES.intervals(),
        prefix4_base: bank * CAPACITIES.prefixes(),
        prefix6_base: bank * CAPACITIES.prefixes(),
        source_base: bank * CAPACITIES.sources(),
        outer_source_v4_be: u32::from_ne_bytes([172, 16, 0, 0]),
        ..GenerationHeader::default()
    }
}

/// Writes a generation into the bank of `header`: one VIP, of this set.
pub fn write(dataplane: &Dataplane, bank: u32, header: &GenerationHeader, set: SetRecord) {
    let address = u32::from_ne_bytes([203, 0, 113, 10]);
    let exact = Vip4Entry {
        address,
        key: vip_key(53_u16.to_be(), IPPROTO_UDP, entry_kind::PORT),
        value: VipRef { vip: 0, set: 0, flags: 0 },
    };
    // An address of a VIP, without port intervals.
    let any = Vip4Entry { address, key: vip_key(0, 0, entry_kind::ADDRESS), value: VipRef::default() };
    let bucket = Vip4Bucket { entries: [exact, any, Vip4Entry::default(), Vip4Entry::default()] };
    dataplane.write_vip4_buckets(header.vip4_base, &[bucket]).unwrap();
    let vip = VipRecord { identity: 1, flow_base: NO_REGION, ..VipRecord::default() };
    dataplane.write_vips(header.vip_base, &[vip]).unwrap();
    dataplane.write_sets(header.set_base, &[set]).unwrap();
    dataplane.write_header(bank, header).unwrap();
}

/// Writes a backend with an IPv4 address, and its way by the loopback interface to [`NEIGHBOUR`].
pub fn write_backend(dataplane: &Dataplane, index: u32, address: Ipv4Addr) {
    let address = address.to_ipv6_mapped().octets();
    let record = BackendRecord { address, family: 4, identity: 1, ..BackendRecord::default() };
    dataplane.write_backend(index, &record).unwrap();
    let link = LinkRecord { ifindex: 1, mtu: 1500, ..LinkRecord::default() };
    dataplane.write_links(1, &[link]).unwrap();
    for leg in 0..LEGS {
        dataplane.store_leg(index, leg, Leg::new(NEIGHBOUR, 1)).unwrap();
    }
    dataplane.set_routes_valid_until(u64::MAX);
}

/// Fills one of the small tables with one backend, all settled.
pub fn write_table(dataplane: &Dataplane, index: u16, backend: u16) -> TableRef {
    let slots = vec![backend; TableKind::Small.slots() as usize];
    dataplane.write_table(TableKind::Small, index.into(), &slots).unwrap();
    TableRef::small(index)
}
