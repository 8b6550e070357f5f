//! The difference of two contents.

use std::sync::Arc;

use guideway_dataplane_config::{BackendSet, Seed};
use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use thiserror::Error;

use crate::{Content, Digest, NameError, Pool, PoolName, Routing, SetName, Shard, ShardName, Vip, VipName};

/// What makes one content of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// The content that it is for; `None`: it is a whole content and for none.
    pub base: Option<Digest>,
    /// The content that it makes.
    pub result: Digest,
    /// What it changes.
    pub changes: Changes,
}

/// What a delta puts in and takes out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Another seed; a whole content has one.
    pub seed: Option<Seed>,
    /// Other routing.
    pub routing: Option<Arc<Routing>>,
    /// New and changed sets.
    pub sets: Vec<Arc<BackendSet>>,
    /// Sets that are gone.
    pub removed_sets: Vec<SetName>,
    /// New and changed VIPs.
    pub vips: Vec<Arc<Vip>>,
    /// VIPs that are gone.
    pub removed_vips: Vec<VipName>,
    /// New and changed pools.
    pub pools: Vec<Arc<Pool>>,
    /// Pools that are gone.
    pub removed_pools: Vec<PoolName>,
    /// New and changed shards.
    pub shards: Vec<Arc<Shard>>,
    /// Shards that are gone.
    pub removed_shards: Vec<ShardName>,
}

/// Why a delta makes no content.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeltaError {
    /// It is for another content.
    #[error("the delta is for the content {expected:?} and not for {found:?}: send the whole content")]
    Base {
        /// What it is for.
        expected: Digest,
        /// What was there.
        found: Digest,
    },
    /// What it makes is not what it says.
    #[error("the delta makes the content {found:?} where {expected:?} is meant: the versions do not agree")]
    Result {
        /// What it says.
        expected: Digest,
        /// What it makes.
        found: Digest,
    },
    /// A whole content lacks its seed.
    #[error("the delta is for no content and has no seed: it is not a whole content")]
    NoSeed,
    /// A set cannot be called so.
    #[error("the name of a set {0}")]
    Name(NameError),
}

/// What makes `to` of `from`. Costs what they do not share.
#[must_use]
pub fn diff(from: &Content, to: &Content) -> Delta {
    let mut changes = Changes {
        seed: (from.seed != to.seed).then_some(to.seed),
        routing: (from.routing != to.routing).then(|| Arc::clone(&to.routing)),
        ..Changes::default()
    };
    collect(&from.sets, &to.sets, &mut changes.sets, &mut changes.removed_sets);
    collect(&from.vips, &to.vips, &mut changes.vips, &mut changes.removed_vips);
    collect(&from.pools, &to.pools, &mut changes.pools, &mut changes.removed_pools);
    collect(&from.shards, &to.shards, &mut changes.shards, &mut changes.removed_shards);
    Delta { base: Some(from.digest()), result: to.digest(), changes }
}

fn collect<K: Ord + Clone, V: Eq>(
    from: &OrdMap<K, Arc<V>>,
    to: &OrdMap<K, Arc<V>>,
    upserts: &mut Vec<Arc<V>>,
    removals: &mut Vec<K>,
) {
    if from.ptr_eq(to) {
        return;
    }
    for item in from.diff(to) {
        match item {
            DiffItem::Add(_, value) | DiffItem::Update { new: (_, value), .. } => {
                upserts.push(Arc::clone(value));
            }
            DiffItem::Remove(name, _) => removals.push(name.clone()),
        }
    }
}

impl Delta {
    /// All of a content, for a forwarder that has none.
    #[must_use]
    pub fn whole(content: &Content) -> Self {
        let nothing = Content::new(content.seed, Routing::default());
        let delta = diff(&nothing, content);
        let changes = Changes { seed: Some(content.seed), ..delta.changes };
        Self { base: None, result: content.digest(), changes }
    }

    /// How many things it puts in and takes out.
    #[must_use]
    pub fn len(&self) -> usize {
        let Changes {
            seed,
            routing,
            sets,
            removed_sets,
            vips,
            removed_vips,
            pools,
            removed_pools,
            shards,
            removed_shards,
        } = &self.changes;
        usize::from(seed.is_some())
            + usize::from(routing.is_some())
            + sets.len()
            + removed_sets.len()
            + vips.len()
            + removed_vips.len()
            + pools.len()
            + removed_pools.len()
            + shards.len()
            + removed_shards.len()
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it makes of `base`; a whole content does not look at it.
    ///
    /// # Errors
    ///
    /// When it is for another content, or does not make the one that it says: see [`DeltaError`].
    pub fn apply(&self, base: &Content) -> Result<Content, DeltaError> {
        let Some(expected) = self.base else { return self.build() };
        if expected != base.digest() {
            return Err(DeltaError::Base { expected, found: base.digest() });
        }
        self.change(base.clone())
    }

    /// The content of a delta that is [`whole`](Self::whole).
    ///
    /// # Errors
    ///
    /// When it is not, or does not make the content that it says.
    pub fn build(&self) -> Result<Content, DeltaError> {
        if let Some(expected) = self.base {
            return Err(DeltaError::Base { expected, found: Digest::default() });
        }
        let seed = self.changes.seed.ok_or(DeltaError::NoSeed)?;
        self.change(Content::new(seed, Routing::default()))
    }

    fn change(&self, mut content: Content) -> Result<Content, DeltaError> {
        let changes = &self.changes;
        if let Some(seed) = changes.seed {
            content.put_seed(seed);
        }
        if let Some(routing) = &changes.routing {
            content.put_routing(Routing::clone(routing));
        }
        for name in &changes.removed_sets {
            content.remove_set(name);
        }
        for name in &changes.removed_vips {
            content.remove_vip(name);
        }
        for name in &changes.removed_pools {
            content.remove_pool(name);
        }
        for name in &changes.removed_shards {
            content.remove_shard(name);
        }
        for set in &changes.sets {
            content.put_set(Arc::clone(set)).map_err(DeltaError::Name)?;
        }
        for vip in &changes.vips {
            content.put_vip(Arc::clone(vip));
        }
        for pool in &changes.pools {
            content.put_pool(Arc::clone(pool));
        }
        for shard in &changes.shards {
            content.put_shard(Arc::clone(shard));
        }
        if content.digest() == self.result {
            Ok(content)
        } else {
            Err(DeltaError::Result { expected: self.result, found: content.digest() })
        }
    }
}

#[cfg(test)]
mod tests;
