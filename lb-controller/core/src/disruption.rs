//! What a change would cost, known before.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use guideway_dataplane_config::{BackendSet, Seed, TableSize};
use guideway_maglev as maglev;
use imbl::ordmap::DiffItem;

use crate::limits::EXACT_SETS;
use crate::{Content, SetName, VipName};

/// What a change costs the flows that are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disruption {
    /// Sets whose slots change their owner, by name.
    pub sets: Vec<SetDisruption>,
    /// VIPs that go to a set with another table or are gone, by name.
    pub vips: Vec<VipDisruption>,
}

/// What a change costs a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetDisruption {
    /// Which one.
    pub set: SetName,
    /// What it costs.
    pub moved: Moved,
    /// Whether the tables were built and compared. Beyond [`EXACT_SETS`] different changes the numbers are differences of
    /// shares, which those of tables exceed a little.
    pub exact: bool,
}

/// Slots of a lookup table that change their owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Slots of the table.
    pub slots: u32,
    /// Slots that move away from a backend that lives: flows in them are at risk where nobody looks after them.
    pub live: u32,
    /// Slots that move away from a backend that is gone, or has another address: what was there is lost already.
    pub dead: u32,
}

impl Moved {
    /// How many of a thousand slots move away from a backend that lives, rounded up.
    #[must_use]
    pub const fn live_permille(&self) -> u32 {
        if self.slots == 0 { 0 } else { (self.live * 1000).div_ceil(self.slots) }
    }
}

/// What a change costs a VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VipDisruption {
    /// It is served by another set. Between sets of the same backends nothing moves, and nothing is said.
    Moved {
        /// Which one.
        vip: VipName,
        /// By which set it was served.
        from: SetName,
        /// By which one it is.
        to: SetName,
        /// What it costs.
        moved: Moved,
    },
    /// It is gone.
    Removed {
        /// Which one.
        vip: VipName,
    },
}

impl Disruption {
    /// Whether nothing moves away from what lives, and no VIP is gone.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        let costs = |vip: &VipDisruption| match vip {
            VipDisruption::Moved { moved, .. } => moved.live > 0,
            VipDisruption::Removed { .. } => true,
        };
        !self.vips.iter().any(costs) && self.sets.iter().all(|set| set.moved.live == 0)
    }

    /// Slots of all sets that change their owner, and of these such that move away from a backend that lives.
    #[must_use]
    pub fn slots(&self) -> (u64, u64) {
        self.sets.iter().fold((0, 0), |(all, live), set| {
            let Moved { live: more, dead, .. } = set.moved;
            (all + u64::from(more) + u64::from(dead), live + u64::from(more))
        })
    }
}

/// What it costs to go from `from` to `to`. Tables are built for the sets that differ only, once for each different change,
/// and for [`EXACT_SETS`] of them at most.
#[must_use]
pub fn predict(from: &Content, to: &Content) -> Disruption {
    let mut tables = Tables::new(from.seed, to.seed);
    let mut disruption = Disruption::default();
    // Another seed moves flows of every set.
    let changed: Vec<_> = if from.seed == to.seed {
        let updates = from.sets.diff(&to.sets).filter_map(|item| match item {
            DiffItem::Update { old: (name, old), new: (_, new) } => Some((name, old, new)),
            DiffItem::Add(..) | DiffItem::Remove(..) => None,
        });
        updates.collect()
    } else {
        from.sets.iter().filter_map(|(name, old)| Some((name, old, to.sets.get(name)?))).collect()
    };
    for (name, old, new) in changed {
        let (moved, exact) = tables.moved(old, new);
        if (moved.live, moved.dead) != (0, 0) {
            disruption.sets.push(SetDisruption { set: name.clone(), moved, exact });
        }
    }
    for item in from.vips.diff(&to.vips) {
        match item {
            DiffItem::Update { old: (name, old), new: (_, new) } if old.set != new.set => {
                let sets = from.sets.get(&old.set).zip(to.sets.get(&new.set));
                let moved = sets.map_or_else(Moved::default, |(old, new)| tables.moved(old, new).0);
                if (moved.live, moved.dead) != (0, 0) {
                    disruption.vips.push(VipDisruption::Moved {
                        vip: name.clone(),
                        from: old.set.clone(),
                        to: new.set.clone(),
                        moved,
                    });
                }
            }
            DiffItem::Remove(name, _) => disruption.vips.push(VipDisruption::Removed { vip: name.clone() }),
            DiffItem::Add(..) | DiffItem::Update { .. } => {}
        }
    }
    disruption
}

/// What a table is built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Plan {
    size: TableSize,
    /// Name, address and weight, by name.
    backends: Vec<(String, IpAddr, u16)>,
}

impl Plan {
    fn of(set: &BackendSet) -> Self {
        let backends = set.backends.iter().map(|one| (one.name.clone(), one.address, one.weight)).collect();
        Self { size: set.table_size, backends }
    }

    fn slots(&self, seed: Seed) -> Option<Vec<u16>> {
        let size = match self.size {
            TableSize::Large => maglev::TableSize::Large,
            TableSize::Small => maglev::TableSize::Small,
        };
        let members: Vec<maglev::Member> = self
            .backends
            .iter()
            .map(|(name, _, weight)| maglev::Member { name: name.clone(), weight: maglev::Weight(*weight) })
            .collect();
        let table = maglev::Table::new(maglev::Seed(seed.bytes()), size, &members).ok()?;
        Some(table.slots().to_vec())
    }

    fn total(&self) -> u64 {
        self.backends.iter().map(|(_, _, weight)| u64::from(*weight)).sum()
    }
}

/// Compares tables; the same comparison is done once.
pub(crate) struct Tables {
    seeds: (Seed, Seed),
    done: HashMap<(Plan, Plan), Moved>,
}

impl Tables {
    pub(crate) fn new(from: Seed, to: Seed) -> Self {
        Self { seeds: (from, to), done: HashMap::new() }
    }

    /// What moves between two states of a set, and whether that is exact.
    pub(crate) fn moved(&mut self, old: &Arc<BackendSet>, new: &Arc<BackendSet>) -> (Moved, bool) {
        let (old, new) = (Plan::of(old), Plan::of(new));
        if old == new && self.seeds.0 == self.seeds.1 {
            return (Moved::default(), true);
        }
        let key = (old, new);
        if let Some(moved) = self.done.get(&key) {
            return (*moved, true);
        }
        if self.done.len() >= EXACT_SETS {
            return (estimate(&key.0, &key.1), false);
        }
        let moved = self.compare(&key.0, &key.1);
        self.done.insert(key, moved);
        (moved, true)
    }

    fn compare(&self, old: &Plan, new: &Plan) -> Moved {
        let size = old.size.slots();
        // Where nothing was served nothing is lost.
        let Some(before) = old.slots(self.seeds.0) else { return Moved { slots: size, live: 0, dead: 0 } };
        let fates = fates(old, new);
        // Two sizes, or no table any more: a flow's slot says nothing about its next one.
        let after = if old.size == new.size { new.slots(self.seeds.1) } else { None };
        let mut moved = Moved { slots: size, live: 0, dead: 0 };
        for (slot, &owner) in before.iter().enumerate() {
            let now = after.as_ref().and_then(|after| after.get(slot)).copied();
            match fates.get(usize::from(owner)) {
                Some(Some(place)) if now.map(usize::from) == Some(*place) => {}
                Some(Some(_)) => moved.live += 1,
                _ => moved.dead += 1,
            }
        }
        moved
    }
}

/// For each backend of `old`, by name, where it is in `new`, if it is there and has its address.
fn fates(old: &Plan, new: &Plan) -> Vec<Option<usize>> {
    let places: HashMap<(&str, IpAddr), usize> = new
        .backends
        .iter()
        .enumerate()
        .map(|(place, (name, address, _))| ((&**name, *address), place))
        .collect();
    old.backends.iter().map(|(name, address, _)| places.get(&(&**name, *address)).copied()).collect()
}

/// From the shares alone: what a backend loses moves.
fn estimate(old: &Plan, new: &Plan) -> Moved {
    let slots = old.size.slots();
    let share = |weight: u16, total: u64| match total {
        0 => 0,
        total => u32::try_from(u64::from(weight) * u64::from(slots) / total).unwrap_or(slots),
    };
    let (before, after) = (old.total(), if old.size == new.size { new.total() } else { 0 });
    let mut moved = Moved { slots, live: 0, dead: 0 };
    for ((_, _, weight), fate) in old.backends.iter().zip(fates(old, new)) {
        let had = share(*weight, before);
        match fate.and_then(|place| new.backends.get(place)) {
            Some((_, _, weight)) => moved.live += had.saturating_sub(share(*weight, after)),
            None => moved.dead += had,
        }
    }
    moved
}

#[cfg(test)]
pub(crate) mod tests;
