//! The maps and the forwarder in memory, for tests: `docs/forwarding.md` without entries in the flow table.

use std::collections::BTreeMap;
use std::net::IpAddr;

use guideway_abi::{
    ActiveWord, AddressRef, BackendRecord, BackendStates, Capacities, GenerationHeader, NO_REGION,
    PortInterval, Prefix4, Prefix6, SetRecord, SourceBorder, TableMeta, TableRef, UNSETTLED, VIP_NONE,
    Vip4Bucket, Vip6Bucket, VipRecord, VipRef, backend_state, entry_kind, set_flags, vip_flags, vip_key,
    vip_mode,
};
use guideway_packet::{
    Address, Addresses, flow_hash, lookup_hash_v4, lookup_hash_v6, outer_source_v4, outer_source_v6,
    second_bucket, slot, words_v6,
};

use crate::{FiveTuple, Installed, InstalledError, MapContents, MapParts, Op, Protocol, TableElement};

mod desired;

pub(crate) use desired::*;

#[derive(Clone, Debug)]
pub(crate) struct Maps {
    pub(crate) capacities: Capacities,
    pub(crate) active: ActiveWord,
    pub(crate) headers: [GenerationHeader; 2],
    pub(crate) vip4_buckets: Vec<Vip4Bucket>,
    pub(crate) vip6_buckets: Vec<Vip6Bucket>,
    pub(crate) intervals: Vec<PortInterval>,
    pub(crate) prefixes4: Vec<Prefix4>,
    pub(crate) prefixes6: Vec<Prefix6>,
    pub(crate) sources: Vec<SourceBorder>,
    pub(crate) vips: Vec<VipRecord>,
    pub(crate) sets: Vec<SetRecord>,
    pub(crate) states: Vec<BackendStates>,
    pub(crate) backends: Vec<BackendRecord>,
    pub(crate) metas: Vec<TableMeta>,
    pub(crate) tables: BTreeMap<TableElement, Vec<u16>>,
    /// Times that statistics were set to zero.
    pub(crate) vip_zeroed: Vec<u32>,
    pub(crate) backend_zeroed: Vec<u32>,
    /// Times that a bucket was.
    pub(crate) flows_zeroed: Vec<u32>,
}

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// TCP with SYN, or any UDP.
    First,
    /// TCP without, or any UDP.
    Later,
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    UnknownPort,
    Source { vip: u32 },
    NoBackend { vip: u32 },
    Encapsulated { vip: u32, backend: u16, hops: Vec<IpAddr>, source: IpAddr, destination: IpAddr },
}

/// Puts `values` at `first`.
fn write<T: Copy>(map: &mut [T], first: u32, values: &[T]) {
    map[first as usize..][..values.len()].copy_from_slice(values);
}

impl Maps {
    pub(crate) fn new(capacities: Capacities) -> Self {
        let (vips, backends) = (capacities.vips as usize, capacities.backends as usize);
        let both = |count: u32| 2 * count as usize;
        Self {
            capacities,
            active: ActiveWord::NONE,
            headers: [GenerationHeader::default(); 2],
            vip4_buckets: vec![Vip4Bucket::default(); both(capacities.buckets4())],
            vip6_buckets: vec![Vip6Bucket::default(); both(capacities.buckets6())],
            intervals: vec![PortInterval::default(); both(capacities.intervals())],
            prefixes4: vec![Prefix4::default(); both(capacities.prefixes())],
            prefixes6: vec![Prefix6::default(); both(capacities.prefixes())],
            sources: vec![SourceBorder::default(); both(capacities.sources())],
            vips: vec![VipRecord::default(); 2 * vips],
            sets: vec![SetRecord::default(); both(capacities.sets())],
            states: vec![BackendStates::default(); both(capacities.state_elements())],
            backends: vec![BackendRecord::default(); backends],
            metas: vec![TableMeta::default(); capacities.sets() as usize],
            tables: BTreeMap::new(),
            vip_zeroed: vec![0; vips],
            backend_zeroed: vec![0; backends],
            flows_zeroed: vec![0; capacities.flow_buckets as usize],
        }
    }

    pub(crate) fn apply(&mut self, op: &Op) {
        match op {
            Op::ZeroBackendStats { index } => self.backend_zeroed[usize::from(index.0)] += 1,
            Op::WriteBackend { index, record } => self.backends[usize::from(index.0)] = *record,
            Op::ZeroVipStats { index } => self.vip_zeroed[index.0 as usize] += 1,
            Op::InvalidateTable { table } => {
                self.metas[table.meta_index(&self.capacities) as usize] = TableMeta::default();
            }
            Op::WriteTable { table, slots } => {
                assert_eq!(slots.len(), table.size.get() as usize);
                let meta = self.metas[table.meta_index(&self.capacities) as usize];
                assert_eq!(meta, TableMeta::default(), "a table is invalid while it is written");
                self.tables.insert(*table, slots.to_vec());
            }
            Op::WriteTableMeta { table, meta } => {
                self.metas[table.meta_index(&self.capacities) as usize] = *meta;
            }
            Op::WriteVips { first, records } => write(&mut self.vips, *first, records),
            Op::WriteVip4Buckets { first, buckets } => write(&mut self.vip4_buckets, *first, buckets),
            Op::WriteVip6Buckets { first, buckets } => write(&mut self.vip6_buckets, *first, buckets),
            Op::WriteIntervals { first, intervals } => write(&mut self.intervals, *first, intervals),
            Op::WritePrefixes4 { first, prefixes } => write(&mut self.prefixes4, *first, prefixes),
            Op::WritePrefixes6 { first, prefixes } => write(&mut self.prefixes6, *first, prefixes),
            Op::WriteSources { first, borders } => write(&mut self.sources, *first, borders),
            Op::WriteSets { first, records } => write(&mut self.sets, *first, records),
            Op::WriteBackendStates { first, states } => write(&mut self.states, *first, states),
            Op::ZeroFlows { first, count } => {
                let zeroed = &mut self.flows_zeroed[*first as usize..][..*count as usize];
                zeroed.iter_mut().for_each(|zeroed| *zeroed += 1);
            }
            Op::WriteHeader { bank, header } => self.headers[*bank as usize] = *header,
            Op::Activate(word) => self.active = *word,
        }
    }

    fn header(&self) -> &GenerationHeader {
        &self.headers[self.active.bank() as usize]
    }

    pub(crate) fn contents(&self) -> Result<MapContents, InstalledError> {
        let header = *self.header();
        let parts = MapParts::of(&self.capacities, self.active, &header)?;
        let part = |range: std::ops::Range<u32>| range.start as usize..range.end as usize;
        Ok(MapContents {
            capacities: self.capacities,
            active: self.active,
            header,
            vip4_buckets: self.vip4_buckets[part(parts.vip4_buckets)].to_vec(),
            vip6_buckets: self.vip6_buckets[part(parts.vip6_buckets)].to_vec(),
            intervals: self.intervals[part(parts.intervals)].to_vec(),
            prefixes4: self.prefixes4[part(parts.prefixes4)].to_vec(),
            prefixes6: self.prefixes6[part(parts.prefixes6)].to_vec(),
            sources: self.sources[part(parts.sources)].to_vec(),
            vips: self.vips[part(parts.vips)].to_vec(),
            sets: self.sets[part(parts.sets)].to_vec(),
            backend_states: self.states[part(parts.backend_states)].to_vec(),
            backends: self.backends.clone(),
            table_meta: self.metas.clone(),
        })
    }

    pub(crate) fn read(&self) -> Result<Installed, InstalledError> {
        let contents = self.contents()?;
        let tables = contents.referenced_tables();
        let slots = tables.into_iter().filter_map(|table| Some((table, self.tables.get(&table)?.clone())));
        Installed::from_maps(contents, &slots.collect())
    }

    /// The state of a backend.
    pub(crate) fn state(&self, backend: u16) -> u8 {
        let element = self.header().state_base as usize + usize::from(backend) / 64;
        self.states[element].states[usize::from(backend) % 64]
    }

    /// Section 2.
    fn lookup(&self, addresses: &Addresses, port: u16, protocol: u8) -> Option<VipRef> {
        let none = Some(VipRef { vip: VIP_NONE, set: 0, flags: 0 });
        let exact = vip_key(port.to_be(), protocol, entry_kind::PORT);
        if let Some(found) = self.entry(addresses, exact) {
            return Some(found);
        }
        let ports = match self.entry(addresses, vip_key(0, 0, entry_kind::ADDRESS)) {
            Some(value) => {
                AddressRef { first: value.vip, count: u32::from(value.set) | u32::from(value.flags) << 16 }
            }
            None => self.prefix(addresses)?,
        };
        let first = (self.header().interval_base + ports.first) as usize;
        let intervals = &self.intervals[first..][..ports.count as usize];
        let key = u32::from(protocol) << 16 | u32::from(port);
        intervals.iter().rev().find(|interval| interval.start <= key).map(|interval| interval.value).or(none)
    }

    fn entry(&self, addresses: &Addresses, key: u32) -> Option<VipRef> {
        let header = self.header();
        let hashed = key & 0x00ff_ffff;
        match addresses {
            Addresses::V4 { destination, .. } => {
                let hash = lookup_hash_v4(&header.lookup_key, *destination, hashed);
                let homes = [hash, second_bucket(&header.lookup_key, hash)];
                let buckets = homes
                    .map(|home| self.vip4_buckets[(header.vip4_base + (home & header.vip4_mask)) as usize]);
                let mut entries = buckets.iter().flat_map(|bucket| bucket.entries);
                entries
                    .find(|entry| entry.address == *destination && entry.key == key)
                    .map(|entry| entry.value)
            }
            Addresses::V6 { destination, .. } => {
                let hash = lookup_hash_v6(&header.lookup_key, words_v6(*destination), hashed);
                let homes = [hash, second_bucket(&header.lookup_key, hash)];
                let buckets = homes
                    .map(|home| self.vip6_buckets[(header.vip6_base + (home & header.vip6_mask)) as usize]);
                let mut entries = buckets.iter().flat_map(|bucket| bucket.entries);
                entries
                    .find(|entry| entry.address == *destination && entry.key == key)
                    .map(|entry| entry.value)
            }
        }
    }

    fn prefix(&self, addresses: &Addresses) -> Option<AddressRef> {
        let header = self.header();
        let found = match addresses {
            Addresses::V4 { destination, .. } => {
                let address = u32::from_be(*destination);
                let prefixes =
                    &self.prefixes4[header.prefix4_base as usize..][..header.prefix4_count as usize];
                prefixes.iter().rev().find(|prefix| prefix.start <= address).map(|prefix| prefix.value)
            }
            Addresses::V6 { destination: [upper, lower], .. } => {
                let address = [u64::from_be(*upper), u64::from_be(*lower)];
                let prefixes =
                    &self.prefixes6[header.prefix6_base as usize..][..header.prefix6_count as usize];
                prefixes.iter().rev().find(|prefix| prefix.start <= address).map(|prefix| prefix.value)
            }
        };
        found.filter(|ports| ports.count > 0)
    }

    /// Section 2.1.
    fn admits(&self, vip: &VipRecord, addresses: &Addresses) -> bool {
        let source = match addresses {
            Addresses::V4 { source, .. } => [0, u32::from_be(*source).into()],
            Addresses::V6 { source, .. } => source.map(u64::from_be),
        };
        let first = (self.header().source_base + vip.source_first) as usize;
        let borders = &self.sources[first..][..vip.source_count as usize];
        borders.iter().filter(|border| border.start <= source).count() % 2 == 1
    }

    /// What the forwarder program does with a packet, of whose flow there is no entry.
    pub(crate) fn forward(&self, tuple: &FiveTuple, packet: Packet) -> Verdict {
        if self.active == ActiveWord::NONE {
            return Verdict::Pass;
        }
        let header = self.header();
        let addresses = addresses(tuple);
        let Some(found) = self.lookup(&addresses, tuple.destination.port(), tuple.protocol.number()) else {
            return Verdict::Pass;
        };
        if found.vip == VIP_NONE {
            return Verdict::UnknownPort;
        }
        let vip = self.vips[(header.vip_base + found.vip) as usize];
        assert_eq!(found.flags & vip_flags::TRACKED != 0, vip.mode != vip_mode::PLAIN);
        if found.flags & vip_flags::RESTRICTED != 0 && !self.admits(&vip, &addresses) {
            return Verdict::Source { vip: found.vip };
        }
        let set = self.sets[(header.set_base + u32::from(found.set)) as usize];
        if set.table == TableRef::NONE {
            return Verdict::NoBackend { vip: found.vip };
        }
        let ports =
            u32::from(tuple.source.port().to_be()) | u32::from(tuple.destination.port().to_be()) << 16;
        let hash = flow_hash(&header.flow_key, &addresses, ports);
        let by = if vip.mode == vip_mode::CLIENT_IP { 0 } else { ports };
        let slot_by = |key, size| slot(flow_hash(key, &addresses, by), size) as usize;
        let read = |table: TableRef, key| match TableElement::of(table) {
            Some(table) => self.tables[&table][slot_by(key, table.size.get())],
            None => 0,
        };
        let value = read(set.table, &header.flow_key);
        let mut candidates = vec![value & !UNSETTLED];
        if value & UNSETTLED != 0 {
            for (table, flag) in set.previous.into_iter().zip(set_flags::OLD_KEY) {
                let is_old = set.flags & flag != 0;
                let key = if is_old { &header.previous_flow_key } else { &header.flow_key };
                let backend = read(table, key);
                if backend != 0
                    && !candidates.contains(&backend)
                    && self.state(backend) != backend_state::DEAD
                {
                    candidates.push(backend);
                }
            }
        }
        let is_later_tcp = packet == Packet::Later && tuple.protocol == Protocol::Tcp;
        let is_tracked_or_plain_tcp = vip.mode != vip_mode::STICKY && is_later_tcp;
        let has_second_hop = set.flags & set_flags::SECOND_HOP != 0;
        let (chosen, hops) = match (value & UNSETTLED != 0 && is_tracked_or_plain_tcp, has_second_hop) {
            (false, _) => (candidates[0], &[][..]),
            (true, true) => (candidates[0], &candidates[1..]),
            (true, false) if vip.flow_base != NO_REGION => (*candidates.last().unwrap(), &[][..]),
            (true, false) => (candidates[0], &[][..]),
        };
        let address = |backend: u16| -> IpAddr {
            let record = self.backends[usize::from(backend)];
            assert!(matches!(record.family, 4 | 6), "family of backend {backend}");
            std::net::Ipv6Addr::from(record.address).to_canonical()
        };
        let destination = address(chosen);
        let source = match destination {
            IpAddr::V4(_) => {
                let (prefix, mask) = (header.outer_source_v4_be, header.outer_source_v4_host_mask_be);
                outer_source_v4(prefix, mask, hash).to_ne_bytes().into()
            }
            IpAddr::V6(_) => {
                let prefix = Address::from_bytes(header.outer_source_v6).words();
                let mask = header.outer_source_v6_host_mask_be;
                Address::from_words(outer_source_v6(prefix, mask, hash)).to_bytes().into()
            }
        };
        let hops = hops.iter().map(|hop| address(*hop)).collect();
        Verdict::Encapsulated { vip: found.vip, backend: chosen, hops, source, destination }
    }
}

fn addresses(tuple: &FiveTuple) -> Addresses {
    Addresses::between(tuple.source.ip().into(), tuple.destination.ip().into()).unwrap()
}
