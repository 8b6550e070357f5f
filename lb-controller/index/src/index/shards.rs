//! Shards of the content: who announces, and who does so until the others do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use guideway_controller_core::{Content, ForwarderName, Shard, ShardName};
use guideway_controller_ipam::ServiceKey;

use super::settle::from;
use super::{Entry, Index};
use crate::placement::Placement;

/// Between the shard that a VIP goes to and the one that it comes from, in the name of a shard for the way.
const FROM: char = '<';

/// What shards should be.
#[derive(Debug, Default)]
pub(super) struct Shards {
    wanted: BTreeMap<ShardName, Wanted>,
    /// Those to be looked at.
    pub(super) touched: BTreeSet<ShardName>,
    /// Those of which all members announce by now.
    complete: BTreeSet<ShardName>,
    /// Services on the way to another shard.
    pub(super) moving: BTreeSet<ServiceKey>,
}

#[derive(Debug, Default)]
struct Wanted {
    members: BTreeSet<ForwarderName>,
    zone: Option<String>,
    /// Who announces VIPs that come from elsewhere until the members do.
    origin: BTreeSet<ForwarderName>,
}

fn announcers(shard: &Shard) -> BTreeSet<ForwarderName> {
    shard.members.union(&shard.leaving).cloned().collect()
}

impl Index {
    /// The shard that the VIPs of a Service should name now, on the way to where it belongs.
    pub(super) fn shard_of(&mut self, key: &ServiceKey, placement: &Placement) -> ShardName {
        let home = &placement.shard;
        let before = self.services.get(key).and_then(|entry| self.named_before(key, entry));
        let mut origin = BTreeSet::new();
        let named = match before {
            Some(before) if before != *home => {
                if let Some(shard) = self.shard(&before) {
                    origin = announcers(shard).difference(&placement.members).cloned().collect();
                }
                if origin.is_empty() { home.clone() } else { way(&before, home) }
            }
            _ => home.clone(),
        };
        for name in [home, &named] {
            let wanted = self.shards.wanted.entry(name.clone()).or_default();
            wanted.members.clone_from(&placement.members);
            wanted.zone.clone_from(&placement.zone);
            self.shards.touched.insert(name.clone());
        }
        if named == *home {
            self.shards.moving.remove(key);
        } else {
            if let Some(wanted) = self.shards.wanted.get_mut(&named) {
                wanted.origin.append(&mut origin);
            }
            self.shards.moving.insert(key.clone());
        }
        if let Some(entry) = self.services.get_mut(key) {
            let before = entry.shard.replace((home.clone(), named.clone()));
            self.shards.touched.extend(before.map(|(_, before)| before));
        }
        named
    }

    /// What its VIPs name now, or named before this index was made.
    fn named_before(&self, key: &ServiceKey, entry: &Entry) -> Option<ShardName> {
        match &entry.shard {
            Some((_, named)) if !entry.vips.is_empty() => Some(named.clone()),
            Some(_) => None,
            None => {
                let prefix = format!("{key}/");
                let (name, vip) = self.resumed.as_ref()?.vips().range::<_, str>(from(&prefix)).next()?;
                name.as_str().starts_with(&prefix).then(|| vip.shard.clone())
            }
        }
    }

    fn shard(&self, name: &ShardName) -> Option<&Arc<Shard>> {
        let resumed = || self.resumed.as_ref()?.shards().get(name);
        self.content.shards().get(name).or_else(resumed)
    }

    /// A Service has no VIPs any more.
    pub(super) fn unplace(&mut self, key: &ServiceKey) {
        self.shards.moving.remove(key);
        let before = self.services.get_mut(key).and_then(|entry| entry.shard.take());
        self.shards.touched.extend(before.map(|(_, named)| named));
    }

    /// Puts the shards into the content that its VIPs name.
    pub(super) fn sync_shards(&mut self) {
        for name in std::mem::take(&mut self.shards.touched) {
            if self.content.vips_of_shard(&name).next().is_none() {
                self.shards.wanted.remove(&name);
                self.work.items += u64::from(self.content.remove_shard(&name));
                continue;
            }
            let Some(wanted) = self.shards.wanted.get(&name) else { continue };
            let complete = self.shards.complete.contains(&name);
            let before =
                self.shard(&name).filter(|_| !complete).map(|shard| announcers(shard)).unwrap_or_default();
            let leaving = before.union(&wanted.origin).filter(|name| !wanted.members.contains(*name));
            let shard = Shard {
                name: name.clone(),
                members: wanted.members.clone(),
                leaving: leaving.cloned().collect(),
                zone: wanted.zone.clone(),
            };
            self.put_shard(shard);
        }
        self.shards.complete.clear();
    }

    fn put_shard(&mut self, shard: Shard) {
        if self.content.shards().get(&shard.name).is_none_or(|now| **now != shard) {
            self.work.items += 1;
            self.content.put_shard(shard);
        }
    }

    /// Who left is not needed any more where `served` has the members that are wanted.
    pub(super) fn settle_shards(&mut self, served: &Content) {
        let done: Vec<ShardName> = self
            .content
            .shards()
            .values()
            .filter(|shard| !shard.leaving.is_empty() && !shard.name.as_str().contains(FROM))
            .filter(|shard| {
                served.shards().get(&shard.name).is_some_and(|other| other.members == shard.members)
            })
            .map(|shard| shard.name.clone())
            .collect();
        self.shards.touched.extend(done.iter().cloned());
        self.shards.complete.extend(done);
        let arrived = |key: &&ServiceKey| {
            let Some(entry) = self.services.get(*key) else { return true };
            let named = entry.shard.as_ref().map(|(_, named)| named);
            entry.vips.iter().all(|vip| served.vips().get(vip).map(|vip| &vip.shard) == named)
        };
        let arrived: Vec<ServiceKey> = self.shards.moving.iter().filter(arrived).cloned().collect();
        for key in arrived {
            self.shards.moving.remove(&key);
            if let Some((home, named)) = self.services.get_mut(&key).and_then(|entry| entry.shard.as_mut()) {
                self.shards.touched.insert(named.clone());
                named.clone_from(home);
            }
            self.dirty.insert(key);
        }
    }
}

/// The shard for the way from one to another.
fn way(from: &ShardName, to: &ShardName) -> ShardName {
    let origin = from.as_str().split(FROM).next().unwrap_or_default();
    if from.as_str().contains(FROM) && origin == to.as_str() {
        return from.clone();
    }
    // Too long a name costs the overlap, not the move.
    ShardName::new(&format!("{to}{FROM}{origin}")).unwrap_or_else(|_| to.clone())
}
