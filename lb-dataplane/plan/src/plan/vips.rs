//! Places of the VIPs, and the maps that find them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use guideway_abi::{
    ActiveWord, GenerationHeader, NO_REGION, SourceBorder, VipRecord, VipRef, vip_flags, vip_mode,
};

use super::PlanError;
use super::error::Limit;
use super::regions::{Need, Region, Regions, WAYS, Wish, grant, mode};
use super::resolve::Resolved;
use super::sets::Sets;
use crate::digest::words_digest;
use crate::installed::InstalledVips;
use crate::key::Match;
use crate::lookup::{ATTEMPTS, Lookup, compile};
use crate::memory::{LastPlan, VipInputs, last_use};
use crate::sources::{Place, Pool};
use crate::{Installed, MapParts, Op, Session, VipIndex};

/// The VIPs of the next generation.
pub(super) struct Vips {
    /// In the order of the desired VIPs.
    pub(super) indexes: Arc<[VipIndex]>,
    /// Entries of the flow table, likewise.
    pub(super) flow_entries: Arc<[u32]>,
    pub(super) installed: Arc<InstalledVips>,
    pub(super) lookup: Numbers,
    /// Where their maps stand.
    pub(super) bank: u32,
    /// Zeroed statistics, before everything.
    pub(super) zero: Vec<Op>,
    pub(super) ops: Vec<Op>,
    pub(super) is_waiting: bool,
    pub(super) inputs: VipInputs,
    pub(super) intervals: u32,
    pub(super) borders: u32,
    pub(super) flow_buckets: u32,
    /// VIPs that went out of use.
    pub(super) retired: Vec<VipIndex>,
}

/// What the header says of the lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) key: [u64; 7],
    pub(super) vip4_mask: u32,
    pub(super) vip6_mask: u32,
    pub(super) prefix4_count: u32,
    pub(super) prefix6_count: u32,
}

impl Numbers {
    fn of(lookup: &Lookup) -> Self {
        let mask = |buckets: usize| u32::try_from(buckets - 1).unwrap_or(u32::MAX);
        let count = |prefixes: usize| u32::try_from(prefixes).unwrap_or(u32::MAX);
        Self {
            key: lookup.key,
            vip4_mask: mask(lookup.buckets4.len()),
            vip6_mask: mask(lookup.buckets6.len()),
            prefix4_count: count(lookup.prefixes4.len()),
            prefix6_count: count(lookup.prefixes6.len()),
        }
    }

    fn installed(header: &GenerationHeader) -> Self {
        Self {
            key: header.lookup_key,
            vip4_mask: header.vip4_mask,
            vip6_mask: header.vip6_mask,
            prefix4_count: header.prefix4_count,
            prefix6_count: header.prefix6_count,
        }
    }
}

pub(super) fn place(
    resolved: &Resolved,
    sets: &Sets<'_>,
    last: Option<&LastPlan>,
    installed: &Installed,
) -> Result<Vips, PlanError> {
    let inputs = VipInputs {
        seed: resolved.vips.seed,
        sets: sets
            .parts
            .iter()
            .map(|part| {
                let set = &resolved.sets[part.set].set;
                (part.index, set.second_hop, set.drain_window)
            })
            .collect(),
        of_vips: sets.of_vips().cloned(),
    };
    match last {
        Some(last)
            if Arc::ptr_eq(&last.vips, &resolved.vips) && last.vip_inputs == inputs && !last.is_waiting =>
        {
            Ok(unchanged(last, installed, inputs))
        }
        _ => compiled(resolved, sets, installed, inputs),
    }
}

/// Nothing about them has changed since the last plan.
fn unchanged(last: &LastPlan, installed: &Installed, inputs: VipInputs) -> Vips {
    Vips {
        indexes: Arc::clone(&last.indexes),
        flow_entries: Arc::clone(&last.flow_entries),
        installed: Arc::clone(&installed.vips),
        lookup: Numbers::installed(&installed.header),
        bank: installed.vip_bank(),
        zero: Vec::new(),
        ops: Vec::new(),
        is_waiting: false,
        inputs,
        intervals: last.intervals,
        borders: last.borders,
        flow_buckets: last.flow_buckets,
        retired: Vec::new(),
    }
}

fn compiled(
    resolved: &Resolved,
    sets: &Sets<'_>,
    installed: &Installed,
    inputs: VipInputs,
) -> Result<Vips, PlanError> {
    let vips = &resolved.vips;
    let standing: HashMap<u64, VipIndex> = (0..)
        .zip(&installed.vips.records)
        .filter(|(_, record)| record.identity != 0)
        .map(|(index, record)| (record.identity, VipIndex(index)))
        .collect();
    let (indexes, new) = indexes(resolved, &standing, installed)?;
    let regions = regions(resolved, &indexes, &new, installed);
    let mut sources = Pool::default();
    let places: Vec<Option<Place>> =
        vips.order.iter().map(|&vip| Some(sources.add(vips.sources[vip].as_ref()?))).collect();
    let borders = sources.borders;
    let records = records(resolved, sets, &indexes, &regions, &places, &inputs);
    let values: Vec<(Match, VipRef)> =
        vips.order.iter().map(|&vip| (vips.keys[vip], value(resolved, sets, &indexes, vip))).collect();
    let lookup = compile(&values, &vips.pools, &vips.seed).ok_or(PlanError::Lookup { attempts: ATTEMPTS })?;
    let digest = maps_digest(lookup.digest(), &records, &borders);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let granted = regions.granted.iter().flatten().map(|region| region.buckets);
    let kept: BTreeSet<VipIndex> = indexes.iter().copied().collect();
    let mut placed = Vips {
        flow_entries: flow_entries(resolved, &regions).into(),
        installed: Arc::clone(&installed.vips),
        lookup: Numbers::of(&lookup),
        bank: installed.vip_bank(),
        zero: new.iter().map(|&vip| Op::ZeroVipStats { index: indexes[vip] }).collect(),
        ops: Vec::new(),
        is_waiting: regions.is_waiting,
        inputs,
        intervals: number(lookup.intervals.len()),
        borders: number(borders.len()),
        flow_buckets: granted.sum(),
        retired: standing.values().copied().filter(|index| !kept.contains(index)).collect(),
        indexes: indexes.into(),
    };
    // After a restart the maps hold just this.
    if installed.active == ActiveWord::NONE || installed.vips.digest != digest {
        placed.bank = if installed.active == ActiveWord::NONE { 0 } else { 1 - installed.vip_bank() };
        placed.ops = writes(lookup, &records, borders, &regions, placed.bank, installed);
        placed.installed = Arc::new(InstalledVips { records, digest });
    }
    Ok(placed)
}

/// Over the lookup, the records of the VIPs and their sources.
pub(crate) fn maps_digest(lookup: [u64; 2], records: &[VipRecord], borders: &[SourceBorder]) -> [u64; 2] {
    let words = records.iter().flat_map(|record| {
        let VipRecord { identity, flow_base, flow_mask, timeout, set, mode, .. } = *record;
        [
            identity,
            u64::from(flow_base) | u64::from(flow_mask) << 32,
            u64::from(timeout) | u64::from(set) << 32 | u64::from(mode) << 48,
            u64::from(record.source_first) | u64::from(record.source_count) << 32,
        ]
    });
    let borders = borders.iter().flat_map(|border| border.start);
    words_digest(lookup.into_iter().chain([records.len() as u64]).chain(words).chain(borders))
}

/// Index of each VIP, and the VIPs that are new.
fn indexes(
    resolved: &Resolved,
    standing: &HashMap<u64, VipIndex>,
    installed: &Installed,
) -> Result<(Vec<VipIndex>, Vec<usize>), PlanError> {
    let vips = &resolved.vips;
    let places: Vec<Option<VipIndex>> =
        vips.identities.iter().map(|identity| standing.get(identity).copied()).collect();
    // In the order of their keys, so that the order of input has no influence.
    let new: Vec<usize> = vips.order.iter().copied().filter(|&vip| places[vip].is_none()).collect();
    let mut free = Vec::new();
    if !new.is_empty() {
        let mut is_kept = vec![false; installed.capacities.vips as usize];
        places.iter().flatten().for_each(|index| is_kept[index.0 as usize] = true);
        // Never used ones first, then those that went out of use the longest ago, last those that only the installed
        // generation uses.
        let is_in_use = |index: &VipIndex| {
            installed.vips.records.get(index.0 as usize).is_some_and(|record| record.identity != 0)
        };
        free =
            (0..installed.capacities.vips).map(VipIndex).filter(|index| !is_kept[index.0 as usize]).collect();
        free.sort_by_key(|index| {
            let last_use = last_use(&installed.memory.last_use.vips, index.0 as usize);
            Reverse((is_in_use(index), last_use, *index))
        });
    }
    let mut taken: HashMap<usize, VipIndex> = HashMap::with_capacity(new.len());
    for &vip in &new {
        let index = free.pop().ok_or_else(|| PlanError::Limit {
            limit: Limit::Vips,
            needed: vips.vips.len() as u64,
            capacity: installed.capacities.vips.into(),
        })?;
        taken.insert(vip, index);
    }
    let indexes =
        places.into_iter().enumerate().filter_map(|(vip, place)| place.or_else(|| taken.get(&vip).copied()));
    Ok((indexes.collect(), new))
}

/// Regions in the order of [`VipPart::order`](crate::resolved::VipPart::order).
fn regions(resolved: &Resolved, indexes: &[VipIndex], new: &[usize], installed: &Installed) -> Regions {
    let vips = &resolved.vips;
    let new: BTreeSet<usize> = new.iter().copied().collect();
    let wishes = vips.order.iter().map(|&vip| {
        let need = Need::of(&vips.vips[vip], resolved.sets[vips.sets[vip]].set.second_hop)?;
        let record = installed.vips.records.get(indexes[vip].0 as usize).filter(|_| !new.contains(&vip));
        Some(Wish { need, old: record.and_then(Region::of) })
    });
    let wishes: Vec<Option<Wish>> = wishes.collect();
    let asking: Vec<Wish> = wishes.iter().flatten().copied().collect();
    let used = installed.vips.records.iter().filter(|record| record.identity != 0);
    let held: Vec<Region> = used.filter_map(Region::of).collect();
    let mut regions = grant(&asking, &held, installed.capacities.flow_buckets);
    let mut granted = regions.granted.into_iter();
    regions.granted = wishes.iter().map(|wish| wish.and_then(|_| granted.next().flatten())).collect();
    regions
}

fn flow_entries(resolved: &Resolved, regions: &Regions) -> Vec<u32> {
    let mut entries = vec![0; resolved.vips.order.len()];
    for (&vip, region) in resolved.vips.order.iter().zip(&regions.granted) {
        entries[vip] = region.map_or(0, |region| region.buckets.saturating_mul(WAYS));
    }
    entries
}

/// The bank's records up to the last one in use.
fn records(
    resolved: &Resolved,
    sets: &Sets<'_>,
    indexes: &[VipIndex],
    regions: &Regions,
    places: &[Option<Place>],
    inputs: &VipInputs,
) -> Vec<VipRecord> {
    let vips = &resolved.vips;
    let count = indexes.iter().map(|index| index.0 as usize + 1).max().unwrap_or(0);
    let mut records = vec![VipRecord::default(); count];
    for ((&vip, region), place) in vips.order.iter().zip(&regions.granted).zip(places) {
        let (set, _, window) = inputs.sets[sets.of_vip(resolved, vip)];
        let session = vips.vips[vip].session;
        records[indexes[vip].0 as usize] = VipRecord {
            identity: vips.identities[vip],
            flow_base: region.map_or(NO_REGION, |region| region.base),
            flow_mask: region.map_or(0, |region| region.buckets - 1),
            timeout: timeout(session, window),
            set: set.0,
            mode: mode(session),
            reserved: 0,
            source_first: place.map_or(0, |place| place.first),
            source_count: place.map_or(0, |place| place.count),
        };
    }
    records
}

/// In ticks, which are about a second: the last one may have begun already, so that there is one more.
fn timeout(session: Session, window: Duration) -> u32 {
    let silence = match session {
        // Entries of TCP flows matter while their slots are in doubt, and a tick can be shorter than a second.
        Session::Stateless => window + window / 4,
        Session::Flow { timeout } | Session::ClientIp { timeout } => timeout,
    };
    u32::try_from(silence.as_secs() + u64::from(silence.subsec_nanos() > 0)).unwrap_or(u32::MAX / 2) + 1
}

fn value(resolved: &Resolved, sets: &Sets<'_>, indexes: &[VipIndex], vip: usize) -> VipRef {
    let is_tracked = mode(resolved.vips.vips[vip].session) != vip_mode::PLAIN;
    let is_restricted = resolved.vips.sources[vip].is_some();
    VipRef {
        vip: indexes[vip].0,
        set: sets.parts[sets.of_vip(resolved, vip)].index.0,
        flags: if is_tracked { vip_flags::TRACKED } else { 0 }
            | if is_restricted { vip_flags::RESTRICTED } else { 0 },
    }
}

fn writes(
    lookup: Lookup,
    records: &[VipRecord],
    borders: Vec<SourceBorder>,
    regions: &Regions,
    bank: u32,
    installed: &Installed,
) -> Vec<Op> {
    let capacities = &installed.capacities;
    let [vip4, vip6, intervals, prefixes4, prefixes6, sources, vips, ..] =
        MapParts::bases(capacities, bank, 0);
    // The whole bank, so that what stood there is nobody's.
    let mut records = records.to_vec();
    records.resize(capacities.vips as usize, VipRecord::default());
    let mut ops = vec![
        Op::WriteVips { first: vips, records },
        Op::WriteVip4Buckets { first: vip4, buckets: lookup.buckets4 },
        Op::WriteVip6Buckets { first: vip6, buckets: lookup.buckets6 },
    ];
    if !lookup.intervals.is_empty() {
        ops.push(Op::WriteIntervals { first: intervals, intervals: lookup.intervals });
    }
    if !lookup.prefixes4.is_empty() {
        ops.push(Op::WritePrefixes4 { first: prefixes4, prefixes: lookup.prefixes4 });
    }
    if !lookup.prefixes6.is_empty() {
        ops.push(Op::WritePrefixes6 { first: prefixes6, prefixes: lookup.prefixes6 });
    }
    if !borders.is_empty() {
        ops.push(Op::WriteSources { first: sources, borders });
    }
    let zero = regions.new.iter().map(|region| Op::ZeroFlows { first: region.base, count: region.buckets });
    ops.extend(zero);
    ops
}
