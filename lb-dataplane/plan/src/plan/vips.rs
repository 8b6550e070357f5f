//! Places of the VIPs, and the lookup that finds them.

use std::collections::BTreeSet;

use guideway_abi::{TABLE_NONE, VipBucket, VipEntry, VipRecord, entry_kind};

use super::resolve::Resolved;
use super::tables::Tables;
use super::{Limit, PlanError};
use crate::desired::RawKey;
use crate::digest::lookup_key;
use crate::lookup::build;
use crate::{Desired, Installed, Op, VipIndex};

/// Keys tried before giving up; the first one nearly always does.
const LOOKUP_ATTEMPTS: u32 = 64;

pub(super) struct Vips {
    /// In the order of [`Desired::vips`].
    pub(super) indexes: Vec<VipIndex>,
    /// One for each new VIP.
    pub(super) ops: Vec<Op>,
}

impl Vips {
    /// VIPs that were not installed before.
    pub(super) fn added(&self) -> usize {
        self.ops.len()
    }
}

pub(super) struct Lookup {
    pub(super) key: [u64; 2],
    pub(super) mask: u32,
    pub(super) buckets: Vec<VipBucket>,
}

pub(super) fn place(desired: &Desired, installed: &Installed) -> Result<Vips, PlanError> {
    let keys: Vec<RawKey> = desired.vips.iter().map(|vip| vip.key.into()).collect();
    let mut places: Vec<Option<VipIndex>> = keys.iter().map(|key| installed.vips.get(key).copied()).collect();
    let kept: BTreeSet<VipIndex> = places.iter().flatten().copied().collect();
    let mut free = free(installed, &kept);
    // In the order of their keys, so that the order of input has no influence.
    let mut new: Vec<usize> = (0..keys.len()).filter(|&index| places[index].is_none()).collect();
    new.sort_unstable_by_key(|&index| keys[index]);
    let mut ops = Vec::with_capacity(new.len());
    for vip in new {
        let index = free.next().ok_or_else(|| PlanError::Limit {
            limit: Limit::Vips,
            needed: keys.len() as u64,
            capacity: installed.capacities.vips.into(),
        })?;
        places[vip] = Some(index);
        ops.push(Op::ZeroVipStats { index });
    }
    Ok(Vips { indexes: places.into_iter().flatten().collect(), ops })
}

/// Indexes for new VIPs: never used ones first, then those that went out of use the longest ago, last those that only
/// the installed generation uses.
fn free(installed: &Installed, kept: &BTreeSet<VipIndex>) -> std::vec::IntoIter<VipIndex> {
    let in_use: BTreeSet<VipIndex> = installed.vips.values().copied().collect();
    let mut free: Vec<VipIndex> =
        (0..installed.capacities.vips).map(VipIndex).filter(|index| !kept.contains(index)).collect();
    free.sort_by_key(|index| (in_use.contains(index), installed.last_use.vips[index.0 as usize], *index));
    free.into_iter()
}

/// The buckets for all VIPs and their addresses.
pub(super) fn lookup(desired: &Desired, vips: &Vips) -> Result<Lookup, PlanError> {
    let mut entries: Vec<(RawKey, VipEntry)> = Vec::with_capacity(2 * desired.vips.len());
    for (vip, index) in desired.vips.iter().zip(&vips.indexes) {
        let key = RawKey::from(vip.key);
        entries.push((key, entry(key, entry_kind::VIP, index.0)));
    }
    let addresses: BTreeSet<[u8; 16]> = entries.iter().map(|(key, _)| key.address).collect();
    for address in addresses {
        let key = RawKey { address, protocol: 0, port_be: 0 };
        entries.push((key, entry(key, entry_kind::ADDRESS, 0)));
    }
    entries.sort_unstable_by_key(|(key, _)| *key);
    let entries: Vec<VipEntry> = entries.into_iter().map(|(_, entry)| entry).collect();
    for attempt in 0..LOOKUP_ATTEMPTS {
        let key = lookup_key(&desired.seed, attempt);
        if let Some(buckets) = build(&entries, key) {
            let mask = u32::try_from(buckets.len() - 1).unwrap_or(u32::MAX);
            return Ok(Lookup { key, mask, buckets });
        }
    }
    Err(PlanError::Lookup { attempts: LOOKUP_ATTEMPTS })
}

fn entry(key: RawKey, kind: u8, vip: u32) -> VipEntry {
    VipEntry { address: key.address, port_be: key.port_be, protocol: key.protocol, kind, vip }
}

/// The bank's records up to the last one in use.
pub(super) fn records(resolved: &Resolved, vips: &Vips, tables: &Tables) -> Vec<VipRecord> {
    const NONE: VipRecord = VipRecord { table: TABLE_NONE, table_kind: 0, reserved: [0; 3] };
    let count = vips.indexes.iter().map(|index| index.0 as usize + 1).max().unwrap_or(0);
    let mut records = vec![NONE; count];
    for (index, &set) in vips.indexes.iter().zip(&resolved.vip_sets) {
        if let Some(table) = tables.of_sets[set] {
            records[index.0 as usize] =
                VipRecord { table: table.index, table_kind: table.kind(), reserved: [0; 3] };
        }
    }
    records
}
