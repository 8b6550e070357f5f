//! Deltas and contents.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::Bytes;
use guideway_controller_core::limits::{MAX_FORWARDERS, MAX_PREFIXES, MAX_TEXT_BYTES};
use guideway_controller_core::{
    Changes, Delta, ForwarderName, NameError, Pool, PoolName, SetName, Shard, ShardName, VipName,
};
use guideway_dataplane_config::{Backend, BackendSet};
use prost::Message as _;

use crate::error::{At, WireError};
use crate::{item, read, routing, v1};

/// The bytes of a delta.
#[must_use]
pub fn encode_delta(delta: &Delta) -> Bytes {
    let changes = &delta.changes;
    let message = v1::Delta {
        base: delta.base.map(read::digest_bytes),
        result: read::digest_bytes(delta.result),
        seed: changes.seed.map(|seed| read::seed_bytes(&seed)),
        routing: changes.routing.as_deref().map(routing::wire),
        sets: sets_wire(&changes.sets),
        removed_sets: changes.removed_sets.iter().map(ToString::to_string).collect(),
        vips: changes.vips.iter().map(|vip| item::vip_wire(vip)).collect(),
        removed_vips: changes.removed_vips.iter().map(ToString::to_string).collect(),
        pools: changes.pools.iter().map(|pool| pool_wire(pool)).collect(),
        removed_pools: changes.removed_pools.iter().map(ToString::to_string).collect(),
        shards: changes.shards.iter().map(|shard| shard_wire(shard)).collect(),
        removed_shards: changes.removed_shards.iter().map(ToString::to_string).collect(),
    };
    message.encode_to_vec().into()
}

/// The delta of these bytes.
///
/// # Errors
///
/// When they are none, or hold a value that cannot be.
pub fn decode_delta(bytes: Bytes) -> Result<Delta, WireError> {
    let delta =
        v1::Delta::decode(bytes).map_err(|error| WireError::new(format_args!("is no delta: {error}")))?;
    Ok(Delta {
        base: delta.base.as_deref().map(read::digest).transpose().at("base")?,
        result: read::digest(&delta.result).at("result")?,
        changes: Changes {
            seed: delta.seed.as_deref().map(read::seed).transpose().at("seed")?,
            routing: delta.routing.as_ref().map(routing::read).transpose().at("routing")?.map(Arc::new),
            sets: sets(delta.sets).at("sets")?,
            removed_sets: names(&delta.removed_sets, SetName::new).at("removed_sets")?,
            vips: shared(&delta.vips, item::vip).at("vips")?,
            removed_vips: names(&delta.removed_vips, VipName::new).at("removed_vips")?,
            pools: shared(&delta.pools, pool).at("pools")?,
            removed_pools: names(&delta.removed_pools, PoolName::new).at("removed_pools")?,
            shards: shared(&delta.shards, shard).at("shards")?,
            removed_shards: names(&delta.removed_shards, ShardName::new).at("removed_shards")?,
        },
    })
}

/// Backends that several sets have are written once.
fn sets_wire(sets: &[Arc<BackendSet>]) -> Vec<v1::BackendSet> {
    let mut places: HashMap<&[Backend], u32> = HashMap::new();
    let mut list = Vec::with_capacity(sets.len());
    for (place, set) in (1..).zip(sets) {
        list.push(match places.entry(&set.backends) {
            Entry::Occupied(first) => item::set_wire(set, *first.get()),
            Entry::Vacant(vacant) => {
                vacant.insert(place);
                item::set_wire(set, 0)
            }
        });
    }
    list
}

fn sets(sets: Vec<v1::BackendSet>) -> Result<Vec<Arc<BackendSet>>, WireError> {
    let mut all = Vec::with_capacity(sets.len());
    read::list(sets, |set| {
        all.push(Arc::new(item::set(set, &all)?));
        Ok(())
    })?;
    Ok(all)
}

fn shared<W, T>(
    items: impl IntoIterator<Item = W>,
    read: impl Fn(W) -> Result<T, WireError>,
) -> Result<Vec<Arc<T>>, WireError> {
    read::list(items, |item| read(item).map(Arc::new))
}

fn names<T>(items: &[String], new: impl Fn(&str) -> Result<T, NameError>) -> Result<Vec<T>, WireError> {
    read::list(items, |name| new(name).map_err(WireError::from))
}

fn pool_wire(pool: &Pool) -> v1::Pool {
    let prefixes = pool.prefixes.iter().copied().map(read::prefix_wire).collect();
    v1::Pool { name: pool.name.to_string(), prefixes }
}

fn pool(pool: &v1::Pool) -> Result<Pool, WireError> {
    Ok(Pool {
        name: PoolName::new(&pool.name).at("name")?,
        prefixes: read::limited(&pool.prefixes, MAX_PREFIXES)
            .and_then(|all| read::list(all, read::prefix))
            .at("prefixes")?,
    })
}

fn shard_wire(shard: &Shard) -> v1::Shard {
    v1::Shard {
        name: shard.name.to_string(),
        members: shard.members.iter().map(ToString::to_string).collect(),
        leaving: shard.leaving.iter().map(ToString::to_string).collect(),
        zone: shard.zone.clone(),
    }
}

fn shard(shard: &v1::Shard) -> Result<Shard, WireError> {
    let forwarders = |list| {
        let list = read::limited(list, MAX_FORWARDERS)?;
        Ok::<_, WireError>(names(list, ForwarderName::new)?.into_iter().collect())
    };
    Ok(Shard {
        name: ShardName::new(&shard.name).at("name")?,
        members: forwarders(&shard.members).at("members")?,
        leaving: forwarders(&shard.leaving).at("leaving")?,
        zone: shard.zone.as_deref().map(|zone| read::text(zone, MAX_TEXT_BYTES)).transpose().at("zone")?,
    })
}
