//! The maps and the forwarder in memory, for tests.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use guideway_abi::{
    ActiveWord, BackendRecord, Capacities, GenerationHeader, TABLE_NONE, TableMeta, VipBucket, VipEntry,
    VipRecord, entry_kind,
};
use guideway_packet::{
    Address, Family, Flow, flow_hash, lookup_hash, outer_source_v4, outer_source_v6, slot,
};
use ipnet::{Ipv4Net, Ipv6Net};

use crate::{
    BackendSet, Desired, FiveTuple, Installed, InstalledError, MapContents, Member, NextHop, Op,
    OuterSources, Protocol, Seed, TableElement, TableSize, Vip, VipKey, Weight,
};

#[derive(Clone, Debug)]
pub(crate) struct Maps {
    pub(crate) capacities: Capacities,
    pub(crate) active: ActiveWord,
    pub(crate) headers: [GenerationHeader; 2],
    pub(crate) buckets: Vec<VipBucket>,
    pub(crate) vips: Vec<VipRecord>,
    pub(crate) backends: Vec<BackendRecord>,
    pub(crate) metas: Vec<TableMeta>,
    pub(crate) tables: BTreeMap<TableElement, Vec<u16>>,
    /// Times that statistics were set to zero.
    pub(crate) vip_zeroed: Vec<u32>,
    pub(crate) backend_zeroed: Vec<u32>,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    UnknownPort,
    NoBackend { vip: u32 },
    Encapsulated { vip: u32, backend: u16, identity: u64, source: IpAddr, destination: IpAddr },
}

impl Maps {
    pub(crate) fn new(capacities: Capacities) -> Self {
        let (vips, backends) = (capacities.vips as usize, capacities.backends as usize);
        let tables = (capacities.tables_large + capacities.tables_small) as usize;
        Self {
            capacities,
            active: ActiveWord::NONE,
            headers: [GenerationHeader::default(); 2],
            buckets: vec![VipBucket::default(); 2 * capacities.buckets() as usize],
            vips: vec![VipRecord::default(); 2 * vips],
            backends: vec![BackendRecord::default(); backends],
            metas: vec![TableMeta::default(); tables],
            tables: BTreeMap::new(),
            vip_zeroed: vec![0; vips],
            backend_zeroed: vec![0; backends],
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
                self.tables.insert(*table, slots.clone());
            }
            Op::WriteTableMeta { table, meta } => {
                self.metas[table.meta_index(&self.capacities) as usize] = *meta;
            }
            Op::WriteVips { first, records } => {
                self.vips[*first as usize..][..records.len()].copy_from_slice(records);
            }
            Op::WriteBuckets { first, buckets } => {
                self.buckets[*first as usize..][..buckets.len()].copy_from_slice(buckets);
            }
            Op::WriteHeader { bank, header } => self.headers[*bank as usize] = *header,
            Op::Activate(word) => self.active = *word,
        }
    }

    pub(crate) fn contents(&self) -> MapContents {
        let bank = self.active.bank() as usize;
        let (vips, buckets) = (self.capacities.vips as usize, self.capacities.buckets() as usize);
        MapContents {
            capacities: self.capacities,
            active: self.active,
            header: self.headers[bank],
            buckets: self.buckets[bank * buckets..][..buckets].to_vec(),
            vips: self.vips[bank * vips..][..vips].to_vec(),
            backends: self.backends.clone(),
            table_meta: self.metas.clone(),
        }
    }

    pub(crate) fn read(&self) -> Result<Installed, InstalledError> {
        let contents = self.contents();
        let tables = contents.referenced_tables();
        let slots = tables.into_iter().filter_map(|table| Some((table, self.tables.get(&table)?.clone())));
        Installed::from_maps(contents, &slots.collect())
    }

    /// What the forwarder program does.
    pub(crate) fn forward(&self, tuple: &FiveTuple) -> Verdict {
        if self.active == ActiveWord::NONE {
            return Verdict::Pass;
        }
        let flow = flow(tuple);
        let header = &self.headers[self.active.bank() as usize];
        let find = |port_be, protocol, kind| {
            let hash = lookup_hash(header.lookup_key, flow.destination, port_be, protocol);
            let wanted = VipEntry { address: flow.destination.to_bytes(), port_be, protocol, kind, vip: 0 };
            [hash % (1 << 32), hash >> 32]
                .into_iter()
                .map(|half| u32::try_from(half).unwrap() & header.bucket_mask)
                .flat_map(|home| self.buckets[(header.bucket_base + home) as usize].entries)
                .find(|entry| VipEntry { vip: 0, ..*entry } == wanted)
        };
        let Some(entry) = find(flow.destination_port_be, flow.protocol, entry_kind::VIP) else {
            return match find(0, 0, entry_kind::ADDRESS) {
                Some(_) => Verdict::UnknownPort,
                None => Verdict::Pass,
            };
        };
        let record = self.vips[(header.vip_base + entry.vip) as usize];
        if record.table == TABLE_NONE {
            return Verdict::NoBackend { vip: entry.vip };
        }
        let hash = flow_hash(header.flow_key, &flow);
        let table = TableElement::from_kind(record.table_kind, record.table).unwrap();
        let index = self.tables[&table][slot(hash, table.size.get()) as usize];
        let backend = self.backends[usize::from(index)];
        let source = match backend.family {
            4 => {
                let (prefix, mask) = (header.outer_source_v4_be, header.outer_source_v4_host_mask_be);
                outer_source_v4(prefix, mask, hash).to_ne_bytes().into()
            }
            6 => {
                let (prefix, mask) = (header.outer_source_v6, header.outer_source_v6_host_mask_be);
                outer_source_v6(prefix, mask, hash).into()
            }
            family => panic!("family {family} of backend {index}"),
        };
        Verdict::Encapsulated {
            vip: entry.vip,
            backend: index,
            identity: backend.identity,
            source,
            destination: Address::from_bytes(backend.address).into(),
        }
    }
}

fn flow(tuple: &FiveTuple) -> Flow {
    let source = Address::from(tuple.source.ip());
    Flow {
        family: if source.is_v4() { Family::V4 } else { Family::V6 },
        source,
        destination: tuple.destination.ip().into(),
        source_port_be: tuple.source.port().to_be(),
        destination_port_be: tuple.destination.port().to_be(),
        protocol: tuple.protocol.number(),
    }
}

pub(crate) const SMALL_MAPS: Capacities =
    Capacities { vips: 6, backends: 13, tables_large: 2, tables_small: 8 };

/// A desired state with neither sets nor VIPs.
pub(crate) fn nothing() -> Desired {
    Desired {
        seed: Seed([7; 16]),
        outer_sources: OuterSources {
            v4: Ipv4Net::new([172, 16, 0, 0].into(), 16).unwrap(),
            v6: Ipv6Net::new("100::".parse().unwrap(), 64).unwrap(),
        },
        next_hop: NextHop::Fib,
        sets: Vec::new(),
        vips: Vec::new(),
    }
}

/// A healthy backend of weight 1.
pub(crate) fn member(name: &str, address: &str) -> Member {
    Member { name: name.into(), address: address.parse().unwrap(), weight: Weight(1), healthy: true }
}

pub(crate) fn set(name: &str, members: Vec<Member>) -> BackendSet {
    BackendSet { name: name.into(), table_size: TableSize::Small, members }
}

/// A TCP VIP.
pub(crate) fn vip(name: &str, socket: &str, set: &str) -> Vip {
    let socket: SocketAddr = socket.parse().unwrap();
    let key = VipKey { address: socket.ip(), protocol: Protocol::Tcp, port: socket.port() };
    Vip { name: name.into(), key, set: set.into() }
}

pub(crate) fn tcp(source: &str, destination: &str) -> FiveTuple {
    FiveTuple {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        protocol: Protocol::Tcp,
    }
}

/// Two sets, three VIPs, one of them IPv6.
pub(crate) fn web_and_dns() -> Desired {
    Desired {
        sets: vec![
            set("web", vec![member("be1", "10.0.0.1"), member("be2", "10.0.0.2"), member("be3", "fd00::3")]),
            set("dns", vec![member("be2", "10.0.0.2"), member("ns1", "10.0.1.1")]),
        ],
        vips: vec![
            vip("web-v4", "203.0.113.10:80", "web"),
            vip("web-v6", "[2001:db8::10]:80", "web"),
            vip("dns", "203.0.113.53:53", "dns"),
        ],
        ..nothing()
    }
}
