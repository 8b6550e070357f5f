//! How much a change may cost at once, and how a larger one is spread over time.

use std::collections::BTreeMap;
use std::sync::Arc;

use guideway_dataplane_config::{Backend, BackendSet};

use crate::disruption::{Disruption, Moved, SetDisruption, Tables, VipDisruption, predict};
use crate::{Content, SetName, Vip, VipName};

/// What a change may cost at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Slots of a set, or of a VIP that goes to another set, that may move away from live backends, of a thousand.
    pub moved_permille: u32,
    /// Sets and such VIPs of which any may.
    pub disturbed: usize,
}

impl Budget {
    /// Whatever it costs.
    pub const UNLIMITED: Self = Self { moved_permille: 1000, disturbed: usize::MAX };

    /// Whether a change stays within it. A VIP that is gone was asked to go and costs nothing.
    #[must_use]
    pub fn allows(&self, disruption: &Disruption) -> bool {
        let sets = disruption.sets.iter().map(|set| set.moved);
        let vips = moved_vips(disruption).map(|(.., moved)| moved);
        let disturbed = sets.chain(vips).filter(|moved| moved.live > 0);
        disturbed.clone().all(|moved| moved.live_permille() <= self.moved_permille)
            && disturbed.count() <= self.disturbed
    }

    /// Whether something is disturbed, and not more than the budget's part.
    const fn is_small(&self, moved: Moved) -> bool {
        moved.live > 0 && moved.live_permille() <= self.moved_permille
    }
}

/// The VIPs that go to another set, that which they had, and what it costs.
fn moved_vips(disruption: &Disruption) -> impl Iterator<Item = (&VipName, &SetName, Moved)> + Clone {
    disruption.vips.iter().filter_map(|vip| match vip {
        VipDisruption::Moved { vip, from, moved, .. } => Some((vip, from, *moved)),
        VipDisruption::Removed { .. } => None,
    })
}

/// A part of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What may be done now.
    pub now: Content,
    /// Whether something is left to be done after it.
    pub rest: bool,
}

/// What of the way from `from` to `to` may be done now.
///
/// Everything that moves no flow away from a live backend is done at once: what is new, what is gone, backends that died.
/// A set that moves more than the budget's part goes a part of the way: the shares of its backends lie between the old and
/// the new ones. Sets and VIPs beyond the number that may be disturbed wait as they are, without their dead backends. The
/// tables of a step move a little more than the shares differ, so that a step may exceed the budget by some of a thousand.
/// Repeated steps come to `to`.
#[must_use]
pub fn split(from: &Content, to: &Content, budget: &Budget) -> Step {
    let disruption = predict(from, to);
    if budget.allows(&disruption) || from.seed != to.seed {
        // There is no way between two seeds.
        return Step { now: to.clone(), rest: false };
    }
    let mut left = budget.disturbed.max(1);
    let mut now = to.clone();
    let mut rest = false;
    let mut tables = Tables::new(from.seed, to.seed);
    let part = budget.moved_permille.max(1);
    for SetDisruption { set, moved, .. } in &disruption.sets {
        let permille = moved.live_permille();
        if permille == 0 || (left > 0 && permille <= part) {
            left -= usize::from(permille > 0);
            continue;
        }
        let (Some(old), Some(new)) = (from.sets.get(set), to.sets.get(set)) else { continue };
        let between =
            if left > 0 { between(old, new, part, permille, &mut tables) } else { waiting(old, new) };
        left = left.saturating_sub(1);
        if let Some(between) = between {
            rest = true;
            put(&mut now, between);
        }
    }
    for (vip, set, _) in moved_vips(&disruption).filter(|(.., moved)| moved.live > 0) {
        if left > 0 {
            left -= 1;
        } else {
            rest |= keep_vip(&mut now, from, vip, set);
        }
    }
    Step { now, rest }
}

/// As much of the way from `from` to `to` as needs nobody's consent; `rest` is what does.
///
/// A set that moves more than the budget's part waits with the shares and the size of the table that it had, without its dead
/// backends. So does a VIP with the set that it had, as long as that is what it was, and so does a new seed. What is within the
/// budget is done, unless more is disturbed that way than the budget says: then all that disturbs waits. Everything else is
/// done. Repeated, it stays where it is.
#[must_use]
pub fn harmless(from: &Content, to: &Content, budget: &Budget) -> Step {
    let disruption = predict(from, to);
    if budget.allows(&disruption) {
        return Step { now: to.clone(), rest: false };
    }
    if from.seed != to.seed {
        // The new one waits as a whole.
        let mut by_former = to.clone();
        by_former.put_seed(from.seed);
        return Step { rest: true, ..harmless(from, &by_former, budget) };
    }
    let sets = disruption.sets.iter().map(|set| set.moved);
    let vips = moved_vips(&disruption).map(|(.., moved)| moved);
    let disturbed = sets.chain(vips).filter(|moved| budget.is_small(*moved)).count();
    let waits = |moved: Moved| moved.live > 0 && !(disturbed <= budget.disturbed && budget.is_small(moved));
    let mut now = to.clone();
    let mut rest = false;
    for set in disruption.sets.iter().filter(|set| waits(set.moved)) {
        let (Some(old), Some(new)) = (from.sets.get(&set.set), to.sets.get(&set.set)) else { continue };
        if let Some(waiting) = waiting(old, new) {
            rest = true;
            put(&mut now, waiting);
        }
    }
    for (vip, set, _) in moved_vips(&disruption).filter(|(.., moved)| waits(*moved)) {
        rest |= keep_vip(&mut now, from, vip, set);
    }
    Step { now, rest }
}

/// The VIP with the set that it had; whether that can be. Nobody is sent to backends that are not its own any more: a set that
/// is another one by now does not hold it, and the one that it had is kept without its dead backends.
fn keep_vip(now: &mut Content, from: &Content, vip: &VipName, set: &SetName) -> bool {
    let Some(new) = now.vips.get(vip) else { return false };
    let Some((old_set, new_set)) = from.sets.get(set).zip(now.sets.get(&new.set)) else { return false };
    // All else of it may change now.
    let kept = Vip { set: set.clone(), ..Vip::clone(new) };
    let Some(mut waiting) = waiting(old_set, new_set) else { return false };
    Arc::make_mut(&mut waiting).name.clone_from(&old_set.name);
    match now.sets.get(set) {
        None => put(now, waiting),
        Some(there) if serves_alike(there, &waiting) => {}
        Some(_) => return false,
    }
    now.put_vip(kept);
    true
}

/// Whether two sets have the same backends with slots, in the same shares.
fn serves_alike(a: &BackendSet, b: &BackendSet) -> bool {
    let serving = |set: &BackendSet| -> BTreeMap<(String, std::net::IpAddr), u16> {
        let serving = set.backends.iter().filter(|backend| backend.weight > 0);
        serving.map(|backend| ((backend.name.clone(), backend.address), backend.weight)).collect()
    };
    a.table_size == b.table_size && serving(a) == serving(b)
}

fn put(content: &mut Content, set: impl Into<Arc<BackendSet>>) {
    // It has the name of a set that was put in.
    _ = content.put_set(set);
}

/// The set as it was, but for dead backends and what is no matter of the table; `None` when it has to change its size.
fn waiting(old: &BackendSet, new: &BackendSet) -> Option<Arc<BackendSet>> {
    let mut set = BackendSet { table_size: old.table_size, ..new.clone() };
    for backend in Arc::make_mut(&mut set.backends) {
        let same = |one: &&Backend| (&one.name, one.address) == (&backend.name, backend.address);
        backend.weight = old.backends.iter().find(same).map_or(0, |one| one.weight);
    }
    set.backends.iter().any(|backend| backend.weight > 0).then(|| Arc::new(set))
}

/// A set on the way from `old` to `new`, which moves about `part` of the `whole` thousandths; `None` when there is no way
/// between them.
fn between(
    old: &Arc<BackendSet>,
    new: &Arc<BackendSet>,
    part: u32,
    whole: u32,
    tables: &mut Tables,
) -> Option<Arc<BackendSet>> {
    let mut fraction = f64::from(part) / f64::from(whole);
    let mut best = mixed(old, new, fraction)?;
    for _ in 0..3 {
        let (moved, _) = tables.moved(old, &best);
        if moved.live_permille() <= part || fraction * f64::from(SCALE) < 2.0 {
            break;
        }
        fraction *= f64::from(part) / f64::from(moved.live_permille());
        best = mixed(old, new, fraction)?;
    }
    Some(best)
}

/// The sum of weights of a mixed set. A `u16` holds any part of it.
const SCALE: u16 = 60_000;

/// `new` with weights between those of `old` and its own: 0 are the old ones, 1 the new ones.
fn mixed(old: &BackendSet, new: &BackendSet, fraction: f64) -> Option<Arc<BackendSet>> {
    if old.table_size != new.table_size {
        return None;
    }
    let key = |backend: &Backend| (backend.name.clone(), backend.address);
    let weights: BTreeMap<_, u16> = old.backends.iter().map(|one| (key(one), one.weight)).collect();
    // Dead backends take no part: their slots are the others'.
    let before = |one: &Backend| weights.get(&key(one)).map_or(0.0, |weight| f64::from(*weight));
    let total: f64 = new.backends.iter().map(before).sum();
    let goal: f64 = new.backends.iter().map(|one| f64::from(one.weight)).sum();
    if total == 0.0 || goal == 0.0 {
        return None;
    }
    let mut set = new.clone();
    for backend in Arc::make_mut(&mut set.backends) {
        let share = (1.0 - fraction) * before(backend) / total + fraction * f64::from(backend.weight) / goal;
        backend.weight = scaled(share);
    }
    Some(Arc::new(set))
}

/// At least 1 for what has a share at all.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share is 0 to 1
fn scaled(share: f64) -> u16 {
    let weight = (share.clamp(0.0, 1.0) * f64::from(SCALE)).round() as u16;
    if share > 0.0 { weight.max(1) } else { 0 }
}

#[cfg(test)]
mod tests;
