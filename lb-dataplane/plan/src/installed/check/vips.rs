//! The records of the VIPs.

use std::collections::HashSet;

use guideway_abi::{NO_REGION, VipRecord};

use super::InstalledError;
use crate::sources::BORDERS_MAX;
use crate::{MapContents, VipIndex};

/// Elements of `SOURCES` up to the last one that one of these records refers to.
pub(super) fn borders_in_use(records: &[VipRecord]) -> usize {
    let used = records.iter().filter(|record| record.identity != 0);
    used.map(|record| record.source_first as usize + record.source_count as usize).max().unwrap_or(0)
}

/// The records up to the last one in use.
pub(super) fn check(maps: &MapContents) -> Result<Vec<VipRecord>, InstalledError> {
    let mut identities = HashSet::new();
    let mut regions = Vec::new();
    let in_use = || (0..).zip(&maps.vips).filter(|(_, record)| record.identity != 0);
    for (index, record) in in_use() {
        let vip = VipIndex(index);
        let error = |what| Err(InstalledError::Vip { vip, what });
        if !identities.insert(record.identity) {
            return error("another one has the same identity");
        }
        if u32::from(record.set) >= maps.capacities.sets() {
            return error("its set does not exist");
        }
        if record.source_count > BORDERS_MAX {
            return error("the borders of its sources are more than are looked at");
        }
        let first = record.source_first as usize;
        match maps.sources.get(first..first.saturating_add(record.source_count as usize)) {
            None => return error("the borders of its sources are out of range"),
            Some(borders) if !borders.is_sorted_by(|a, b| a.start < b.start) => {
                return error("the borders of its sources are not sorted");
            }
            Some(_) => {}
        }
        if record.flow_base == NO_REGION {
            continue;
        }
        let buckets = u64::from(record.flow_mask) + 1;
        let end = u64::from(record.flow_base) + buckets;
        if !buckets.is_power_of_two() || end > u64::from(maps.capacities.flow_buckets) {
            return error("its part of the flow table is impossible");
        }
        regions.push((u64::from(record.flow_base), end, vip));
    }
    regions.sort_unstable();
    if let Some(pair) = regions.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        return Err(InstalledError::Vip {
            vip: pair[1].2,
            what: "its part of the flow table is another one's too",
        });
    }
    let count = in_use().map(|(index, _)| index as usize + 1).max().unwrap_or(0);
    Ok(maps.vips[..count].to_vec())
}
