//! The desired state with its names resolved, its tables built and its digests taken.

use std::collections::HashMap;
use std::sync::Arc;

use guideway_maglev::Seed;
use guideway_packet::Address;

use super::PlanError;
use crate::cache::Filled;
use crate::desired::RawKey;
use crate::digest::Digest;
use crate::{BackendSet, Desired, TableCache};

pub(super) struct Resolved {
    /// In the order of [`Desired::sets`]; `None` for one that no VIP uses.
    pub(super) sets: Vec<Option<ResolvedSet>>,
    /// Index of each VIP's set.
    pub(super) vip_sets: Vec<usize>,
    /// Digest of the generation.
    pub(super) digest: u64,
}

pub(super) struct ResolvedSet {
    /// Indexes of the members, sorted by name.
    pub(super) order: Vec<usize>,
    /// Digest of what decides about the slots: seed, size, members, weights, health.
    pub(super) digest: [u64; 2],
    pub(super) filled: Arc<Filled>,
}

/// Of a valid desired state.
pub(super) fn resolve(desired: &Desired, cache: &mut TableCache) -> Result<Resolved, PlanError> {
    let by_name: HashMap<&str, usize> =
        desired.sets.iter().enumerate().map(|(index, set)| (set.name.as_str(), index)).collect();
    let mut sets: Vec<Option<ResolvedSet>> = desired.sets.iter().map(|_| None).collect();
    let mut vip_sets = Vec::with_capacity(desired.vips.len());
    for vip in &desired.vips {
        let unknown = || PlanError::UnknownSet { vip: vip.name.clone(), set: vip.set.clone() };
        let index = *by_name.get(vip.set.as_str()).ok_or_else(unknown)?;
        vip_sets.push(index);
        if sets[index].is_none() {
            let set = &desired.sets[index];
            let order = sorted(set);
            let filled = cache
                .filled(&desired.seed, set, &order)
                .map_err(|source| PlanError::Set { set: set.name.clone(), source })?;
            let digest = set_digest(&desired.seed, set, &order);
            sets[index] = Some(ResolvedSet { order, digest, filled });
        }
    }
    let digest = generation_digest(desired, &sets, &vip_sets);
    Ok(Resolved { sets, vip_sets, digest })
}

/// Indexes of the members, sorted by name as the Maglev table sorts them.
pub(crate) fn sorted(set: &BackendSet) -> Vec<usize> {
    let mut order: Vec<usize> = (0..set.members.len()).collect();
    order.sort_unstable_by(|&a, &b| set.members[a].name.cmp(&set.members[b].name));
    order
}

fn set_digest(seed: &Seed, set: &BackendSet, order: &[usize]) -> [u64; 2] {
    let mut digest = Digest::new(seed, "backend set");
    digest.size(set.table_size);
    digest.number(order.len() as u64);
    for &index in order {
        let member = &set.members[index];
        digest.bytes(member.name.as_bytes());
        digest.bytes(&Address::from(member.address).to_bytes());
        digest.number(member.weight.0);
        digest.number(member.healthy);
    }
    digest.finish()
}

fn generation_digest(desired: &Desired, sets: &[Option<ResolvedSet>], vip_sets: &[usize]) -> u64 {
    let mut vips: Vec<(RawKey, [u64; 2])> = desired
        .vips
        .iter()
        .zip(vip_sets)
        .map(|(vip, &set)| (vip.key.into(), sets[set].as_ref().map_or([0; 2], |set| set.digest)))
        .collect();
    vips.sort_unstable();
    let mut digest = Digest::new(&desired.seed, "generation");
    let (v4, v6) = (desired.outer_sources.v4.trunc(), desired.outer_sources.v6.trunc());
    digest.bytes(&v4.addr().octets());
    digest.number(v4.prefix_len());
    digest.bytes(&v6.addr().octets());
    digest.number(v6.prefix_len());
    for (key, [low, high]) in vips {
        digest.bytes(&key.address);
        digest.number(key.protocol);
        digest.number(u16::from_be(key.port_be));
        digest.number(low);
        digest.number(high);
    }
    digest.finish()[0]
}
