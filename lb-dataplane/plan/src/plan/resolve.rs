//! Names resolved, tables built, digests taken; only of what is another than in the last desired state.

use std::collections::HashMap;
use std::sync::Arc;

use guideway_abi::Capacities;

use super::PlanError;
use super::validate::{Valid, Vips, check};
use crate::cache::{TableCache, Wanted};
use crate::digest::Digest;
use crate::resolved::{ResolvedSet, VipPart, set_digest};
use crate::{BackendSet, Desired, Upcoming};

/// The desired state, resolved.
pub(super) struct Resolved {
    pub(super) vips: Arc<VipPart>,
    /// In the order of [`VipPart::set_names`].
    pub(super) sets: Vec<Arc<ResolvedSet>>,
    /// Their indexes in [`Desired::sets`].
    pub(super) places: Vec<usize>,
    /// Digest of the generation.
    pub(super) digest: u64,
}

pub(super) fn resolve(
    desired: &Desired,
    capacities: &Capacities,
    cache: &mut TableCache,
) -> Result<Resolved, PlanError> {
    let vips = match &cache.vips {
        Some(vips) if vips.is_of(&desired.seed, &desired.vips, &desired.pools) => Arc::clone(vips),
        _ => Arc::new(VipPart::new(desired.seed, &desired.vips, &desired.pools)),
    };
    cache.vips = Some(Arc::clone(&vips));
    validate_once(desired, capacities, &vips, cache)?;

    let by_name: HashMap<&str, usize> =
        desired.sets.iter().enumerate().map(|(index, set)| (set.name.as_str(), index)).collect();
    // Their existence has been checked.
    let places: Vec<usize> =
        vips.set_names.iter().filter_map(|name| by_name.get(name.as_str()).copied()).collect();
    let mut known = std::mem::take(&mut cache.sets);
    known.resize(desired.sets.len(), None);
    let mut missing = Vec::new();
    for &place in &places {
        let set = &desired.sets[place];
        let is_known = |known: &Arc<ResolvedSet>| known.seed == desired.seed && known.set == *set;
        match known[place].take_if(|known| is_known(known)) {
            Some(same) => {
                cache.keep(&same.filled);
                if let Some(upcoming) = &same.upcoming {
                    cache.keep(upcoming);
                }
                known[place] = Some(same);
            }
            None => missing.push(place),
        }
    }
    for (place, set) in build(desired, &missing, cache)? {
        known[place] = Some(Arc::new(set));
    }
    cache.trim();
    let sets: Vec<Arc<ResolvedSet>> = places.iter().filter_map(|&place| known[place].clone()).collect();
    // Those that nobody asked for are forgotten.
    cache.sets = vec![None; desired.sets.len()];
    for (&place, set) in places.iter().zip(&sets) {
        cache.sets[place] = Some(Arc::clone(set));
    }
    let digest = generation_digest(desired, &vips, &sets);
    Ok(Resolved { vips, sets, places, digest })
}

/// Checks a configuration when it is another one than the last.
fn validate_once(
    desired: &Desired,
    capacities: &Capacities,
    vips: &Arc<VipPart>,
    cache: &mut TableCache,
) -> Result<(), PlanError> {
    let last = cache.valid.as_deref();
    let same_vips = last.filter(|last| last.has_vips(vips, capacities));
    let known = if same_vips.is_some() { Vips::Checked } else { Vips::New };
    let changed = same_vips.and_then(|last| Some((last, last.changed(desired)?)));
    let is_right = match changed {
        Some((_, changed)) if changed.is_empty() => return Ok(()),
        Some((last, changed)) => last.fits(desired, &changed),
        None => false,
    };
    if !is_right && let Some(error) = check(desired, capacities, vips, known).into_iter().next() {
        return Err(error);
    }
    cache.valid = Some(Arc::new(Valid::new(desired, capacities, vips, last)));
    Ok(())
}

fn build(
    desired: &Desired,
    missing: &[usize],
    cache: &mut TableCache,
) -> Result<Vec<(usize, ResolvedSet)>, PlanError> {
    let sets = || missing.iter().map(|&place| &desired.sets[place]);
    let seed = &desired.seed;
    let present =
        sets().map(|set| Wanted { seed, set: &set.name, size: set.table_size, members: &set.members });
    // Without a second hop, flows of unknown origin would go to the last candidate.
    let announcing = |set: &&BackendSet| set.second_hop && set.upcoming.is_some();
    let upcoming = sets().filter(announcing).filter_map(|set| {
        let Upcoming { members, seed, table_size } = set.upcoming.as_ref()?;
        Some(Wanted { seed, set: &set.name, size: *table_size, members })
    });
    let mut filled = cache
        .filled(present.chain(upcoming).collect())
        .map_err(|(set, source)| PlanError::Set { set, source })?;
    let mut upcoming = filled.split_off(missing.len()).into_iter();
    let built = sets().zip(missing).zip(filled).map(|((set, &place), filled)| {
        let upcoming = if announcing(&set) { upcoming.next() } else { None };
        let digest = set_digest(&desired.seed, set);
        (place, ResolvedSet { seed: desired.seed, set: set.clone(), digest, filled, upcoming })
    });
    Ok(built.collect())
}

fn generation_digest(desired: &Desired, vips: &VipPart, sets: &[Arc<ResolvedSet>]) -> u64 {
    let mut digest = Digest::new(&desired.seed, "generation");
    let (v4, v6) = (desired.outer_sources.v4.trunc(), desired.outer_sources.v6.trunc());
    digest.bytes(&v4.addr().octets());
    digest.number(v4.prefix_len());
    digest.bytes(&v6.addr().octets());
    digest.number(v6.prefix_len());
    for [low, high] in std::iter::once(vips.digest).chain(sets.iter().map(|set| set.digest)) {
        digest.number(low);
        digest.number(high);
    }
    digest.finish()[0]
}
